//! The table's first part: keys that are honoured, set, refused or without effect here.

use super::super::limits;
use super::super::options::{self as o, Opt};
use super::Origin::{Flink, OldFlink, Open, Ours};
use super::Treatment::{Default, Honoured, Ignored, Refused, Removed, Set};
use super::{Row, Treatment};

pub(super) const fn row(options: &'static [Opt], treatment: Treatment) -> Row {
    Row { options, treatment, origin: Flink }
}

pub(super) const fn of(origin: super::Origin, options: &'static [Opt], treatment: Treatment) -> Row {
    Row { options, treatment, origin }
}

/// Keys that are not read by name here.
macro_rules! names {
    ($($name:literal),* $(,)?) => { &[$(Opt::new($name)),*] };
}
pub(super) use names;

/// Refused, whatever the value.
const fn refused(reason: &'static str) -> Treatment {
    Refused { reason, harmless: &[] }
}

const INTERNAL_TLS: &str = "RPC, data and blob connections authenticate both sides, and so does Flink's REST server unless \
    `--open-rest` is given; `false` turns it off";
const OWN_KEYS: &str = "keys and passwords of the application's own, with which its processes alone can connect to each \
    other. If you set any of these except sizes and times, all of them are yours. Flink's log shows \
    the password at level DEBUG, which is of no use without the store";
const OWN_REST_KEYS: &str = "the same for Flink's REST server, to which only the application master can connect. If you set \
    any of these, all of them are yours: the application master trusts the certificate in your key store, and \
    authenticates with its key if that is required (PKCS#12 then). Not set with `--open-rest`";
const CLAIM: Treatment = Refused {
    reason: "Flink's application entry point always restores with NO_CLAIM; other modes are available for \
        jobs of a session (`run --session`)",
    harmless: &["NO_CLAIM"],
};
const SLOTS: &str = "so that a lost TaskManager does not use up restart attempts before it is replaced, and a slow \
     session start does not fail jobs";
const HEARTBEATS: &str = "so that a restarted JobManager is detected within seconds";
const STATE: &str =
    "on the cluster's file system unless it has a scheme; relative and local paths are refused";
const BIND_PORT: &str =
    "there is no port mapping between a container and its node: a process listens on the port it announces";
const STARTS: &str = "applies to Flink's own resource manager; here nodes on which two containers failed \
    to start are avoided for 10 min, and repeated failures with the same cause end the application";

/// Keys that have a meaning here, and those that need a comment.
pub(super) const OURS: &[Row] = &[
    // The application.
    row(&[o::YARN_APPLICATION_NAME], Honoured("name of the application; `--name`")),
    row(&[o::YARN_APPLICATION_TYPE], Honoured("its type, at most 20 characters")),
    row(&[o::YARN_APPLICATION_QUEUE], Honoured("queue; `--queue`")),
    row(&[o::YARN_APPLICATION_PRIORITY], Honoured("priority; the cluster's default if negative")),
    row(&[o::YARN_TAGS], Honoured("tags, in addition to those of this project")),
    row(&[o::YARN_APPLICATION_NODE_LABEL], Honoured("node label of all containers")),
    row(&[o::YARN_TASKMANAGER_NODE_LABEL], Honoured("node label of TaskManagers; `--placement label=`")),
    row(&[o::YARN_VIEW_ACLS, o::YARN_MODIFY_ACLS], Honoured("who else may view and modify the application")),
    row(
        &[o::YARN_APPLICATION_ATTEMPTS],
        Honoured("maximum number of attempts; 2 by default, as a later one resumes from a checkpoint"),
    ),
    row(
        &[o::YARN_ATTEMPT_FAILURES_VALIDITY_INTERVAL],
        Honoured(
            "time window in which failed attempts count; 10 min by default (Flink: 10 s, with which crash \
             loops never end)",
        ),
    ),
    row(&[o::YARN_HEARTBEAT_INTERVAL], Honoured("interval of heartbeats to the ResourceManager, in seconds")),
    row(
        &[o::YARN_CONTAINER_REQUEST_INTERVAL],
        Honoured("the same while container requests are pending; 200 ms by default"),
    ),
    row(
        &[o::YARN_ROLLED_LOGS_INCLUDE, o::YARN_ROLLED_LOGS_EXCLUDE],
        Honoured("log files that are aggregated while the application runs, with every version of Flink"),
    ),
    // Files.
    row(
        &[o::YARN_STAGING_DIRECTORY],
        Honoured("base of the staging directories; the user's home directory by default"),
    ),
    row(
        &[o::YARN_FILE_REPLICATION],
        Honoured("replication of staged files; `dfs.replication` unless positive"),
    ),
    row(
        &[o::YARN_SHIP_FILES, o::YARN_SHIP_ARCHIVES],
        Honoured(
            "files and archives shipped to every \
        container; `--ship`",
        ),
    ),
    row(
        &[o::YARN_PROVIDED_LIB_DIRS, o::YARN_PROVIDED_USRLIB_DIR, o::YARN_FLINK_DIST_JAR],
        Honoured("Flink's and the program's jars that are already on the cluster"),
    ),
    row(
        &[o::YARN_INCLUDE_USER_JAR],
        Honoured(
            "position of the job's jar in the class path; DISABLED by default, which keeps its libraries \
             separate from Flink's",
        ),
    ),
    row(&[o::CLASS_PATHS], Honoured("URLs for the user class loader; `-C`")),
    row(&[o::JARS], Honoured("additional jars for it")),
    row(
        &[o::KERBEROS_KRB5_CONF],
        Honoured(
            "`krb5.conf` of this host for the login, in place of `KRB5_CONFIG`, and for the JVMs in the containers, unless their \
             options contain `-Djava.security.krb5.conf`",
        ),
    ),
    // Sizes.
    row(
        &[
            o::JM_PROCESS,
            o::JM_FLINK,
            o::JM_HEAP,
            o::JM_OFF_HEAP,
            o::JM_DIRECT_LIMIT,
            o::JM_METASPACE,
            o::JM_OVERHEAD_MIN,
            o::JM_OVERHEAD_MAX,
            o::JM_OVERHEAD_FRACTION,
        ],
        Honoured("memory of the JobManager, by Flink's own rules; `-jm`. 1600m by default"),
    ),
    row(
        &[
            o::TM_PROCESS,
            o::TM_FLINK,
            o::TM_FRAMEWORK_HEAP,
            o::TM_FRAMEWORK_OFF_HEAP,
            o::TM_TASK_HEAP,
            o::TM_TASK_OFF_HEAP,
            o::TM_MANAGED,
            o::TM_MANAGED_FRACTION,
            o::TM_NETWORK_MIN,
            o::TM_NETWORK_MAX,
            o::TM_NETWORK_FRACTION,
            o::TM_LEGACY_NETWORK_BUFFERS,
            o::TM_SEGMENT_SIZE,
            o::TM_METASPACE,
            o::TM_OVERHEAD_MIN,
            o::TM_OVERHEAD_MAX,
            o::TM_OVERHEAD_FRACTION,
        ],
        Honoured("memory of a TaskManager, by Flink's own rules; `-tm`. 1728m by default"),
    ),
    row(
        &[o::JM_LEGACY_HEAP, o::JM_LEGACY_HEAP_MB, o::TM_LEGACY_HEAP, o::TM_LEGACY_HEAP_MB],
        Honoured("process sizes before Flink 1.10; refused with 2.x, which removed them"),
    ),
    row(&[o::TM_SLOTS], Honoured("slots per TaskManager; `--slots`")),
    row(&[o::YARN_APPMASTER_VCORES], Honoured("vcores of the application master, which runs the JobManager")),
    row(
        &[o::TM_CPU_CORES, o::YARN_CONTAINERS_VCORES],
        Honoured("vcores of a TaskManager; by default as many as slots"),
    ),
    row(&[o::EXTERNAL_RESOURCES], Honoured("names of other resources of TaskManagers, such as GPUs")),
    row(
        names!["external-resource.*.yarn.config-key", "external-resource.*.amount"],
        Honoured("YARN's name of such a resource, and the amount per TaskManager"),
    ),
    row(&[o::PARALLELISM], Honoured("parallelism, which determines the number of TaskManagers; `-p`")),
    row(&[o::MAX_PARALLELISM], Honoured("a warning if the parallelism exceeds it")),
    row(
        &[o::SCHEDULER_MODE],
        Honoured("`reactive`: the job uses the TaskManagers that are available; see `scale`"),
    ),
    row(
        &limits::ALL,
        Honoured(
            "maximum, minimum and redundant number of TaskManagers; `--min` and `--max` of a session take \
             precedence",
        ),
    ),
    row(
        &[o::TASK_MANAGER_START],
        Honoured(
            "a TaskManager that has not registered with Flink by then is \
        replaced",
        ),
    ),
    row(&[o::TASK_MANAGER_IDLE], Honoured("a TaskManager that has been idle for this time is released")),
    // Processes.
    row(
        &[o::JAVA_OPTS_ALL, o::JAVA_OPTS_JM, o::JAVA_OPTS_TM],
        Honoured("JVM options; variables and <LOG_DIR> are expanded on the node"),
    ),
    row(
        &[o::JAVA_DEFAULT_OPTS_ALL, o::JAVA_DEFAULT_OPTS_JM, o::JAVA_DEFAULT_OPTS_TM],
        Honoured("JVM options placed before those"),
    ),
    row(&[o::JAVA_HOME], Honoured("`JAVA_HOME` on the nodes, with every version of Flink")),
    row(
        &[o::LOG_LEVEL, o::LOG_MAX],
        Honoured("root log level and number of old log files, in the containers' environment"),
    ),
    row(
        &[o::YARN_START_COMMAND_TEMPLATE],
        Honoured(
            "how Java is started; templates that need a shell are \
        refused",
        ),
    ),
    of(
        Open,
        &[
            Opt::new("containerized.master.env.").or(&["yarn.application-master.env."]),
            Opt::new("containerized.taskmanager.env.").or(&["yarn.taskmanager.env."]),
        ],
        Honoured("environment of the application master (with the JobManager) and of TaskManagers"),
    ),
    of(
        Open,
        names!["flink.hadoop.", "flink.yarn."],
        Honoured("Hadoop settings: the prefix is removed, of the second one only `flink.`"),
    ),
    row(
        &[o::HADOOP_CONF_DIR, o::YARN_CONF_DIR],
        Honoured(
            "location of Hadoop's configuration, unless given by `--conf-dir`, `HADOOP_CONF_DIR` or \
             `YARN_CONF_DIR`",
        ),
    ),
    // Ports.
    row(
        &[o::JM_RPC_PORT, o::YARN_APPLICATION_MASTER_PORT],
        Honoured(
            "port range for the JobManager's RPC; the latter takes precedence. 6123, the value in stock \
             configurations, means any free port",
        ),
    ),
    row(&[o::HA_JM_PORT], Default("the same with high availability: `yarn.application-master.port`")),
    row(
        &[o::REST_BIND_PORT],
        Honoured(
            "port range for Flink's REST server; any free port by default. Deprecated names are ignored",
        ),
    ),
    row(&[o::BLOB_SERVER_PORT], Honoured("port range for the blob server")),
    row(
        &[o::JM_BIND_HOST, o::TM_BIND_HOST],
        Honoured(
            "addresses on which the processes listen; `localhost`, the value in stock \
            configurations, is ignored",
        ),
    ),
    of(
        Ours,
        &[o::WEB_PORT],
        Honoured("port range for the application master's page and its proxy to Flink's REST server"),
    ),
    // State and high availability.
    row(
        &[o::CHECKPOINT_DIR, o::SAVEPOINT_DIR, o::HA_STORAGE_DIR, o::CHANGELOG_DIR, o::JOB_RESULT_STORE],
        Honoured(STATE),
    ),
    row(
        &[o::ARCHIVE_DIR],
        Honoured(
            "on the cluster's file system unless it has a scheme; a warning if it is on a node's local disk",
        ),
    ),
    row(&[o::DEFAULT_SCHEME], Honoured("file system for paths without a scheme, instead of `fs.defaultFS`")),
    of(
        Ours,
        &[o::ALLOW_LOCAL_STATE],
        Honoured("state may be on local paths, such as a directory that all nodes mount"),
    ),
    row(
        &[o::CHECKPOINT_INTERVAL, o::CHECKPOINT_SUBDIR],
        Honoured("whether and where a job's latest checkpoint is found"),
    ),
    row(&[o::STATE_RECOVERY_PATH], Honoured("savepoint to restore from; `-s`")),
    row(&[o::ALLOW_NON_RESTORED], Honoured("whether to skip state that belongs to no operator; `-n`")),
    of(Ours, names!["pipeline.jobid"], Honoured("job id")),
    row(names!["$internal.pipeline.job-id"], Honoured("the same")),
    row(&[o::HA_TYPE], Honoured("`zookeeper` and `NONE`; any other value is refused")),
    row(
        &[o::HA_ZOOKEEPER_QUORUM, o::HA_ZOOKEEPER_ROOT],
        Honoured("also for cleaning up after a killed application"),
    ),
    row(
        &[o::HA_CLUSTER_ID],
        Default("the application id, because Flink's own default mixes up all applications of one ZooKeeper"),
    ),
    // Life cycle.
    row(
        &[o::EXECUTION_ATTACHED],
        Set("so that `main()` can use a job's result, and several `execute()` calls do not overlap"),
    ),
    row(
        &[o::SHUTDOWN_IF_ATTACHED],
        Set("otherwise Flink expects heartbeats from an attached client, which nothing sends, and cancels \
             the job after `client.heartbeat.timeout`"),
    ),
    row(
        &[o::SHUTDOWN_ON_APPLICATION_FINISH],
        Set("the application master reads the result before it stops the cluster"),
    ),
    row(
        &[o::SUBMIT_FAILED_JOB],
        Set("an exception in `main()` becomes a failed job whose cause can be read; Flink supports that \
             for a single job only"),
    ),
    row(
        &[o::THREAD_DUMP_DEPTH],
        Set("shows whether the program's `main()` is still running when the log does not"),
    ),
    row(&[o::TARGET], Honoured("YARN targets only; others are refused with `-D`, and ignored in a file")),
    row(
        &[o::INTERCEPT_USER_SYSTEM_EXIT],
        Default(
            "THROW, so that `System.exit` in user code becomes a failure that can be read; LOG in the \
             JobManager of a single job, whose program may exit once the job has ended",
        ),
    ),
    row(
        &[o::HALT_ON_FATAL_ERROR],
        Default(
            "because a JobManager that shuts down gracefully suspends its jobs and deletes their \
            checkpoints",
        ),
    ),
    row(
        &[o::REGISTRATION_ERROR_DELAY],
        Default(
            "because TaskManagers and JobManager start in parallel, and Flink's default makes the \
            first of them wait 10 s",
        ),
    ),
    row(&[o::STANDALONE_START_UP_TIME, o::SLOT_REQUEST_TIMEOUT], Default(SLOTS)),
    row(&[o::HEARTBEAT_INTERVAL, o::HEARTBEAT_TIMEOUT], Default(HEARTBEATS)),
    row(
        &[o::TM_REGISTRATION_TIMEOUT],
        Default("so that TaskManagers wait for the JobManager of a new attempt"),
    ),
    row(
        &[o::CHECKPOINT_RETENTION],
        Default(
            "otherwise Flink deletes the checkpoints of a failed job; a program can still choose differently",
        ),
    ),
    row(
        &[o::CHECKPOINT_STATISTICS_TIMEOUT],
        Default("so that a checkpoint is known as soon as it is complete"),
    ),
    row(&[o::CHECKPOINTS_RETAINED], Default("because the latest recorded checkpoint must still exist")),
    row(&[o::IO_TMP_DIRS], Default("the container's local directories, which the NodeManager cleans up")),
    row(&[o::WEB_TMP_DIR], Default("the same")),
    row(
        &[o::JOB_STORE_CAPACITY, o::JOB_STORE_EXPIRATION],
        Honoured(
            "values with which the JobManager forgets finished jobs at once (0 jobs, less than 60 s) are \
             refused, because their results are read from it",
        ),
    ),
    row(&[o::WEB_SUBMIT], Honoured("`false` is refused for a session, whose jobs are submitted by upload")),
    of(
        Ours,
        &[o::TRACE],
        Honoured("records what the application master sees and does, for `simulate --replay`"),
    ),
    // Connections between Flink's processes.
    of(Ours, &[o::INTERNAL_TLS], Honoured(INTERNAL_TLS)),
    row(
        &[
            o::SSL_INTERNAL,
            o::SSL_INTERNAL_KEYSTORE,
            o::SSL_INTERNAL_KEYSTORE_PASSWORD,
            o::SSL_INTERNAL_KEY_PASSWORD,
            o::SSL_INTERNAL_KEYSTORE_TYPE,
            o::SSL_INTERNAL_TRUSTSTORE,
            o::SSL_INTERNAL_TRUSTSTORE_PASSWORD,
            o::SSL_INTERNAL_TRUSTSTORE_TYPE,
        ],
        Default(OWN_KEYS),
    ),
    row(
        &[
            o::SSL_REST,
            o::SSL_REST_AUTHENTICATION,
            o::SSL_REST_KEYSTORE,
            o::SSL_REST_KEYSTORE_PASSWORD,
            o::SSL_REST_KEY_PASSWORD,
            o::SSL_REST_KEYSTORE_TYPE,
            o::SSL_REST_TRUSTSTORE,
            o::SSL_REST_TRUSTSTORE_PASSWORD,
            o::SSL_REST_TRUSTSTORE_TYPE,
        ],
        Default(OWN_REST_KEYS),
    ),
    row(
        &[o::SSL_ALGORITHMS],
        Default(
            "suites for keys of the application's own, and those for RSA keys that all current JVMs and the \
             application master support; a list without any that it supports is refused where it matters",
        ),
    ),
    // Addresses.
    row(&[o::JM_RPC_ADDRESS, o::REST_ADDRESS], Set("the node on which the JobManager runs")),
    row(
        &[o::REST_BIND_ADDRESS],
        Set("the node's loopback interface; with `--open-rest` the user's value, or all addresses"),
    ),
    row(&[o::REST_PORT], Set("the free port that was found in `rest.bind-port`")),
    row(&[o::TM_HOST, o::TM_RESOURCE_ID], Set("the node and the container id of the TaskManager")),
    row(
        names!["jobmanager.rpc.bind-port", "taskmanager.rpc.bind-port", "taskmanager.data.bind-port"],
        Removed(BIND_PORT),
    ),
    // Kerberos.
    row(
        &[o::KERBEROS_KEYTAB, o::KERBEROS_PRINCIPAL],
        Honoured(
            "login on this host, and in the containers, which get a copy of the keytab; `--keytab`, `--principal`",
        ),
    ),
    row(
        &[o::KERBEROS_USE_TICKET_CACHE],
        Honoured("`false`: tickets of `kinit` are not used; containers have none"),
    ),
    row(
        &[o::YARN_SHIP_LOCAL_KEYTAB],
        Honoured(
            "`false`: the nodes have the keytab, at the absolute `yarn.security.kerberos.localized-keytab-path`",
        ),
    ),
    row(&[o::YARN_LOCALIZED_KEYTAB_PATH], Honoured("path of the keytab in the containers, or on the nodes")),
    row(&[o::KERBEROS_CONTEXTS], Honoured("JAAS contexts of connectors, which log in with the keytab")),
    row(
        &[o::KERBEROS_FILE_SYSTEMS],
        Honoured(
            "further file systems whose tokens the containers get; those of jars, state and `fs.defaultFS` are included",
        ),
    ),
    row(&[o::RUNTIME_MODE], Honoured("`BATCH`: no note on the day when the tokens of a secure cluster end")),
    row(
        &[o::TOKEN_RENEWAL_RATIO, o::TOKEN_RENEWAL_BACKOFF],
        Honoured("also for the tokens that the application master renews with the keytab"),
    ),
    row(
        names!["yarn.security.appmaster.delegation.token.services"],
        Ignored(
            "the application master obtains tokens of HDFS only; Flink's own providers run in the JobManager",
        ),
    ),
    // Refused.
    row(names!["execution.state-recovery.claim-mode", "execution.savepoint-restore-mode"], CLAIM),
    of(Open, names!["python."], refused("Python jobs are not supported yet")),
    row(&[o::YARN_APPLICATION_ID], refused("it names a session: use `run --session ID`")),
    // Without meaning here.
    row(
        &[o::YARN_PROPERTIES_FILE_LOCATION],
        Ignored("no properties file is read or written: name applications by id or exact name"),
    ),
    of(
        OldFlink,
        names!["yarn.maximum-failed-containers"],
        Ignored("removed in Flink 1.11; repeated failures with the same cause end the application"),
    ),
    of(
        OldFlink,
        names!["yarn.appmaster.rpc.address"],
        Ignored("removed in Flink 1.11; it is determined by the node"),
    ),
    of(
        OldFlink,
        names!["yarn.appmaster.rpc.port"],
        Ignored("removed in Flink 1.11; use `yarn.application-master.port`"),
    ),
    row(
        names![
            "resourcemanager.start-worker.max-failure-rate",
            "resourcemanager.start-worker.retry-interval",
            "resourcemanager.previous-worker.recovery.timeout",
        ],
        Ignored(STARTS),
    ),
];
