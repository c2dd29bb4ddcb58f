//! The table's first part: what is honoured, set, refused or without a meaning here.

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

/// Keys that nothing here reads by name.
macro_rules! names {
    ($($name:literal),* $(,)?) => { &[$(Opt::new($name)),*] };
}
pub(super) use names;

/// Refused, whatever the value.
const fn refused(reason: &'static str) -> Treatment {
    Refused { reason, harmless: &[] }
}

const KERBEROS: Treatment = refused("it comes with Kerberos support");
const REST_SSL: Treatment = Refused {
    reason: "the application master could not read Flink's REST server; without --open-rest that listens on the loopback \
             interface only",
    harmless: &["false"],
};
const CLAIM: Treatment = Refused {
    reason: "Flink's application entry point always restores with NO_CLAIM; jobs of a session (`run --session`) can be \
             told otherwise",
    harmless: &["NO_CLAIM"],
};
const SLOTS: &str =
    "else a lost TaskManager uses up restart attempts before it is replaced, and a late session fails jobs";
const HEARTBEATS: &str = "a restarted JobManager is noticed in seconds";
const STATE: &str =
    "of the cluster's file system where it has no scheme; relative and local ones are refused";
const BIND_PORT: &str =
    "nothing maps ports between a container and its node: a process listens where others are told it does";
const STARTS: &str = "of Flink's own resource manager: here nodes on which two containers did not start are left alone for \
                      ten minutes, and repeated failures for one cause end the application";

/// Keys that mean something here, and those of which something must be said.
pub(super) const OURS: &[Row] = &[
    // The application.
    row(&[o::YARN_APPLICATION_NAME], Honoured("name of the application; --name")),
    row(&[o::YARN_APPLICATION_TYPE], Honoured("its type, at most 20 characters")),
    row(&[o::YARN_APPLICATION_QUEUE], Honoured("queue; --queue")),
    row(&[o::YARN_APPLICATION_PRIORITY], Honoured("priority; negative: the cluster's default")),
    row(&[o::YARN_TAGS], Honoured("tags, beside those of this project")),
    row(&[o::YARN_APPLICATION_NODE_LABEL], Honoured("node label of all containers")),
    row(&[o::YARN_TASKMANAGER_NODE_LABEL], Honoured("node label of TaskManagers; --placement label=")),
    row(&[o::YARN_VIEW_ACLS, o::YARN_MODIFY_ACLS], Honoured("who else may view and modify the application")),
    row(
        &[o::YARN_APPLICATION_ATTEMPTS],
        Honoured("attempts; 2 unless set, as a later one goes on from a checkpoint"),
    ),
    row(
        &[o::YARN_ATTEMPT_FAILURES_VALIDITY_INTERVAL],
        Honoured(
            "window in which failed attempts count; 10 min unless set (Flink: 10 s, which lets crash loops go on for ever)",
        ),
    ),
    row(&[o::YARN_HEARTBEAT_INTERVAL], Honoured("heartbeat to the ResourceManager, s")),
    row(
        &[o::YARN_CONTAINER_REQUEST_INTERVAL],
        Honoured("the same while containers are asked for; 200 ms unless set"),
    ),
    row(
        &[o::YARN_ROLLED_LOGS_INCLUDE, o::YARN_ROLLED_LOGS_EXCLUDE],
        Honoured("log files that are collected while the application runs, with every version of Flink"),
    ),
    // Files.
    row(
        &[o::YARN_STAGING_DIRECTORY],
        Honoured("base of the staging directories; the user's home unless set"),
    ),
    row(&[o::YARN_FILE_REPLICATION], Honoured("replication of staged files; not positive: dfs.replication")),
    row(&[o::YARN_SHIP_FILES, o::YARN_SHIP_ARCHIVES], Honoured("what every container gets; --ship")),
    row(
        &[o::YARN_PROVIDED_LIB_DIRS, o::YARN_PROVIDED_USRLIB_DIR, o::YARN_FLINK_DIST_JAR],
        Honoured("Flink's and the program's jars where they lie already"),
    ),
    row(
        &[o::YARN_INCLUDE_USER_JAR],
        Honoured(
            "where the job's jar stands on the class path; DISABLED unless set, which keeps its libraries from Flink's",
        ),
    ),
    row(&[o::CLASS_PATHS], Honoured("URLs for the user class loader; -C")),
    row(&[o::JARS], Honoured("further jars for it")),
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
        Honoured("memory of the JobManager, by Flink's own rules; -jm. 1600m where nothing is set"),
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
        Honoured("memory of a TaskManager, by Flink's own rules; -tm. 1728m where nothing is set"),
    ),
    row(
        &[o::JM_LEGACY_HEAP, o::JM_LEGACY_HEAP_MB, o::TM_LEGACY_HEAP, o::TM_LEGACY_HEAP_MB],
        Honoured("process sizes before Flink 1.10; refused with 2.x, which removed them"),
    ),
    row(&[o::TM_SLOTS], Honoured("slots of a TaskManager; --slots")),
    row(&[o::YARN_APPMASTER_VCORES], Honoured("vcores of the application master, which runs the JobManager")),
    row(
        &[o::TM_CPU_CORES, o::YARN_CONTAINERS_VCORES],
        Honoured("vcores of a TaskManager; as many as slots unless set"),
    ),
    row(&[o::EXTERNAL_RESOURCES], Honoured("names of other resources of TaskManagers, such as GPUs")),
    row(
        names!["external-resource.*.yarn.config-key", "external-resource.*.amount"],
        Honoured("YARN's name of such a resource, and how much of it a TaskManager gets"),
    ),
    row(&[o::PARALLELISM], Honoured("parallelism, from which the number of TaskManagers follows; -p")),
    row(&[o::MAX_PARALLELISM], Honoured("a warning where the parallelism is beyond it")),
    row(
        &[o::SCHEDULER_MODE],
        Honoured("reactive: the job takes the TaskManagers that there are; see `scale`"),
    ),
    row(
        &limits::ALL,
        Honoured(
            "how many TaskManagers there may be, must be and are kept in reserve; a session's --min and --max come first",
        ),
    ),
    row(&[o::TASK_MANAGER_START], Honoured("a TaskManager that Flink does not know by then is replaced")),
    row(&[o::TASK_MANAGER_IDLE], Honoured("a TaskManager that has idled so long is given back")),
    // Processes.
    row(
        &[o::JAVA_OPTS_ALL, o::JAVA_OPTS_JM, o::JAVA_OPTS_TM],
        Honoured("JVM options; variables and <LOG_DIR> in them are replaced on the node"),
    ),
    row(
        &[o::JAVA_DEFAULT_OPTS_ALL, o::JAVA_DEFAULT_OPTS_JM, o::JAVA_DEFAULT_OPTS_TM],
        Honoured("JVM options before those"),
    ),
    row(&[o::JAVA_HOME], Honoured("JAVA_HOME on the nodes, with every version of Flink")),
    row(
        &[o::LOG_LEVEL, o::LOG_MAX],
        Honoured("root log level and number of old log files, in the containers' environment"),
    ),
    row(&[o::YARN_START_COMMAND_TEMPLATE], Honoured("how Java is started; what needs a shell is refused")),
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
        Honoured("settings of Hadoop's configuration: the prefix is cut off, of the second one flink. alone"),
    ),
    row(
        &[o::HADOOP_CONF_DIR, o::YARN_CONF_DIR],
        Honoured(
            "where Hadoop's configuration is, unless --conf-dir, HADOOP_CONF_DIR or YARN_CONF_DIR say so",
        ),
    ),
    // Ports.
    row(
        &[o::JM_RPC_PORT, o::YARN_APPLICATION_MASTER_PORT],
        Honoured(
            "range for the JobManager's RPC; the latter comes first. 6123, which every stock configuration names, is any free port",
        ),
    ),
    row(&[o::HA_JM_PORT], Default("the same with high availability: yarn.application-master.port")),
    row(
        &[o::REST_BIND_PORT],
        Honoured("range for Flink's REST server; any free port unless set. Older names are not looked at"),
    ),
    row(&[o::BLOB_SERVER_PORT], Honoured("range for the blob server")),
    row(
        &[o::JM_BIND_HOST, o::TM_BIND_HOST],
        Honoured("where the processes listen; localhost, which stock configurations name, is passed over"),
    ),
    of(
        Ours,
        &[o::WEB_PORT],
        Honoured("range for the application master's page and its way to Flink's REST server"),
    ),
    // State and high availability.
    row(
        &[o::CHECKPOINT_DIR, o::SAVEPOINT_DIR, o::HA_STORAGE_DIR, o::CHANGELOG_DIR, o::JOB_RESULT_STORE],
        Honoured(STATE),
    ),
    row(
        &[o::ARCHIVE_DIR],
        Honoured(
            "of the cluster's file system where it has no scheme; a warning where it is on one node's disk",
        ),
    ),
    row(&[o::DEFAULT_SCHEME], Honoured("file system of paths without a scheme, before fs.defaultFS")),
    of(
        Ours,
        &[o::ALLOW_LOCAL_STATE],
        Honoured("state may lie on a node's disk, such as one that all nodes have mounted"),
    ),
    row(
        &[o::CHECKPOINT_INTERVAL, o::CHECKPOINT_SUBDIR],
        Honoured("whether and where a job's newest checkpoint is found"),
    ),
    row(&[o::STATE_RECOVERY_PATH], Honoured("savepoint to begin with; -s")),
    row(&[o::ALLOW_NON_RESTORED], Honoured("whether state without an operator is skipped; -n")),
    of(Ours, names!["pipeline.jobid"], Honoured("the job's id")),
    row(names!["$internal.pipeline.job-id"], Honoured("the same")),
    row(&[o::HA_TYPE], Honoured("zookeeper and NONE; any other is refused")),
    row(
        &[o::HA_ZOOKEEPER_QUORUM, o::HA_ZOOKEEPER_ROOT],
        Honoured("also for removing what a killed application left there"),
    ),
    row(
        &[o::HA_CLUSTER_ID],
        Default("the application's id: Flink's own default mixes all applications of one ZooKeeper"),
    ),
    // Life cycle.
    row(
        &[o::EXECUTION_ATTACHED],
        Set("else main() cannot use a job's result, and several execute() calls overlap"),
    ),
    row(
        &[o::SHUTDOWN_IF_ATTACHED],
        Set(
            "else Flink waits for the heartbeats of an attached client, which nobody sends, and cancels the job after client.heartbeat.timeout",
        ),
    ),
    row(
        &[o::SHUTDOWN_ON_APPLICATION_FINISH],
        Set("the application master reads the result before it ends the cluster"),
    ),
    row(
        &[o::SUBMIT_FAILED_JOB],
        Set(
            "a main() that throws becomes a failed job whose cause can be read; Flink can do that for one job only",
        ),
    ),
    row(
        &[o::THREAD_DUMP_DEPTH],
        Set("tells whether the program's main() still runs where the log is silent"),
    ),
    row(
        &[o::TARGET],
        Honoured("where it is of YARN; any other is refused after -D, and passed over in a file"),
    ),
    row(
        &[o::INTERCEPT_USER_SYSTEM_EXIT],
        Default(
            "THROW: System.exit in user code becomes a failure that can be read; LOG in the JobManager of a single job, whose program may exit once the job has ended",
        ),
    ),
    row(
        &[o::HALT_ON_FATAL_ERROR],
        Default("a JobManager that shuts down in order suspends its jobs, and removes their checkpoints"),
    ),
    row(
        &[o::REGISTRATION_ERROR_DELAY],
        Default("TaskManagers and JobManager start in parallel; by default the one that is first waits 10 s"),
    ),
    row(&[o::STANDALONE_START_UP_TIME, o::SLOT_REQUEST_TIMEOUT], Default(SLOTS)),
    row(&[o::HEARTBEAT_INTERVAL, o::HEARTBEAT_TIMEOUT], Default(HEARTBEATS)),
    row(&[o::TM_REGISTRATION_TIMEOUT], Default("TaskManagers wait for the JobManager of a new attempt")),
    row(
        &[o::CHECKPOINT_RETENTION],
        Default(
            "else Flink removes the checkpoints of a job that fails; a program that asks for something else gets it",
        ),
    ),
    row(&[o::CHECKPOINT_STATISTICS_TIMEOUT], Default("a checkpoint is known as soon as it is complete")),
    row(
        &[o::CHECKPOINTS_RETAINED],
        Default("the newest checkpoint that was written down must still be there"),
    ),
    row(&[o::IO_TMP_DIRS], Default("the container's local directories, which the NodeManager cleans up")),
    row(&[o::WEB_TMP_DIR], Default("the same")),
    row(
        &[o::JOB_STORE_CAPACITY, o::JOB_STORE_EXPIRATION],
        Honoured(
            "a JobManager that forgets ended jobs at once (0 jobs, less than 60 s) is refused: how they ended is read from it",
        ),
    ),
    row(&[o::WEB_SUBMIT], Honoured("false is refused for a session, which takes its jobs by uploads")),
    of(
        Ours,
        &[o::TRACE],
        Honoured("the application master writes down what it sees and does, for `simulate --replay`"),
    ),
    // Addresses.
    row(&[o::JM_RPC_ADDRESS, o::REST_ADDRESS], Set("the node on which the JobManager runs")),
    row(
        &[o::REST_BIND_ADDRESS],
        Set("the node's loopback interface; with --open-rest the user's, or all addresses"),
    ),
    row(&[o::REST_PORT], Set("the free port of rest.bind-port that was found")),
    row(&[o::TM_HOST, o::TM_RESOURCE_ID], Set("the node and the id of the TaskManager's container")),
    row(
        names!["jobmanager.rpc.bind-port", "taskmanager.rpc.bind-port", "taskmanager.data.bind-port"],
        Removed(BIND_PORT),
    ),
    // Refused.
    row(names!["security.ssl.rest.enabled", "security.ssl.enabled"], REST_SSL),
    row(names!["execution.state-recovery.claim-mode", "execution.savepoint-restore-mode"], CLAIM),
    row(names!["security.kerberos.", "yarn.security.", "security.keytab", "security.principal"], KERBEROS),
    row(
        names!["security.kerberos.login.use-ticket-cache"],
        Refused { reason: "it comes with Kerberos support", harmless: &["true"] },
    ),
    of(Open, names!["python."], refused("Python jobs are not supported yet; jobs in jars are")),
    row(&[o::YARN_APPLICATION_ID], refused("it names a session; use `run --session ID`")),
    // Without a meaning here.
    row(
        &[o::YARN_PROPERTIES_FILE_LOCATION],
        Ignored("no properties file is read or written; applications are named by id or by an exact name"),
    ),
    of(
        OldFlink,
        names!["yarn.maximum-failed-containers"],
        Ignored("Flink itself dropped it in 1.11; repeated failures for one cause end the application"),
    ),
    of(
        OldFlink,
        names!["yarn.appmaster.rpc.address"],
        Ignored("Flink itself dropped it in 1.11; it follows from the node"),
    ),
    of(
        OldFlink,
        names!["yarn.appmaster.rpc.port"],
        Ignored("Flink itself dropped it in 1.11; use yarn.application-master.port"),
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
