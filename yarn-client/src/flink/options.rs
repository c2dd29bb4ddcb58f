//! Every Flink configuration key that is read or set here, with its default. For all others see [`keys`](super::keys).
//!
//! Defaults and deprecated keys are those of Flink 1.20.5's `YarnConfigOptions`, `JobManagerOptions`,
//! `TaskManagerOptions` and related classes.

/// A configuration option: key, deprecated keys, Flink's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opt {
    /// The current key.
    pub key: &'static str,
    /// Older keys that still have an effect, looked up in this order.
    pub deprecated: &'static [&'static str],
    /// Flink's default as text, `None` if there is none.
    pub default: Option<&'static str>,
}

impl Opt {
    /// An option without default or older keys.
    pub const fn new(key: &'static str) -> Self {
        Self { key, deprecated: &[], default: None }
    }

    /// An option with a default.
    pub const fn with(key: &'static str, default: &'static str) -> Self {
        Self { key, deprecated: &[], default: Some(default) }
    }

    /// The same option with older keys.
    pub(super) const fn or(self, deprecated: &'static [&'static str]) -> Self {
        Self { deprecated, ..self }
    }
}

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident = $option:expr;)*) => {
        $($(#[$doc])* pub const $name: Opt = $option;)*

        /// All options of this module.
        pub const ALL: &[Opt] = &[$($name),*];
    };
}

options! {
    /// Virtual cores of the application master's container.
    YARN_APPMASTER_VCORES = Opt::with("yarn.appmaster.vcores", "1");
    /// Virtual cores per TaskManager; -1: the number of slots. `taskmanager.cpu.cores` takes precedence.
    YARN_CONTAINERS_VCORES = Opt::with("yarn.containers.vcores", "-1");
    /// The position of the job's jar on the system class path: `DISABLED`, `FIRST`, `LAST`, `ORDER`.
    YARN_INCLUDE_USER_JAR = Opt::with("yarn.classpath.include-user-jar", "ORDER").or(&["yarn.per-job-cluster.include-user-jar"]);
    /// Attempts of the application master.
    YARN_APPLICATION_ATTEMPTS = Opt::new("yarn.application-attempts");
    /// Window in which failed attempts count, ms; -1: all count. Flink's 10 s makes slow crash loops endless (FLINK-38112).
    YARN_ATTEMPT_FAILURES_VALIDITY_INTERVAL = Opt::with("yarn.application-attempt-failures-validity-interval", "10000");
    /// Heartbeat to the ResourceManager when nothing is pending, s.
    YARN_HEARTBEAT_INTERVAL = Opt::with("yarn.heartbeat.interval", "5").or(&["yarn.heartbeat-delay"]);
    /// Heartbeat while containers are requested; a duration, bare number ms.
    YARN_CONTAINER_REQUEST_INTERVAL = Opt::with("yarn.heartbeat.container-request-interval", "500 ms");
    /// Directory of flink-yarn's properties file; not used here.
    YARN_PROPERTIES_FILE_LOCATION = Opt::new("yarn.properties-file.location");
    /// Port range of the JobManager's RPC.
    YARN_APPLICATION_MASTER_PORT = Opt::with("yarn.application-master.port", "0");
    /// Priority of the application; negative: the cluster's default.
    YARN_APPLICATION_PRIORITY = Opt::with("yarn.application.priority", "-1");
    /// Replication of uploaded files; not positive: `dfs.replication`.
    YARN_FILE_REPLICATION = Opt::with("yarn.file-replication", "-1");
    /// Comma-separated tags.
    YARN_TAGS = Opt::with("yarn.tags", "");
    /// Who may view, `users groups` (FLINK-31983).
    YARN_VIEW_ACLS = Opt::new("yarn.view.acls");
    /// Who may modify, `users groups`.
    YARN_MODIFY_ACLS = Opt::new("yarn.modify.acls");
    /// Base of the staging directories; unset: the user's home directory.
    YARN_STAGING_DIRECTORY = Opt::new("yarn.staging-directory");
    /// Files and directories to ship, local or remote.
    YARN_SHIP_FILES = Opt::new("yarn.ship-files").or(&["yarn.ship-directories"]);
    /// Archives to ship and unpack.
    YARN_SHIP_ARCHIVES = Opt::new("yarn.ship-archives");
    /// The flink-dist jar, if it is not in the distribution's `lib`.
    YARN_FLINK_DIST_JAR = Opt::new("yarn.flink-dist-jar");
    /// The application to attach to.
    YARN_APPLICATION_ID = Opt::new("yarn.application.id");
    /// Queue.
    YARN_APPLICATION_QUEUE = Opt::new("yarn.application.queue");
    /// Name shown by YARN.
    YARN_APPLICATION_NAME = Opt::new("yarn.application.name");
    /// Type shown by YARN.
    YARN_APPLICATION_TYPE = Opt::new("yarn.application.type");
    /// Node label expression of the application.
    YARN_APPLICATION_NODE_LABEL = Opt::new("yarn.application.node-label");
    /// Node label expression of TaskManagers (FLINK-25268).
    YARN_TASKMANAGER_NODE_LABEL = Opt::new("yarn.taskmanager.node-label");
    /// Directories in HDFS that already contain the distribution.
    YARN_PROVIDED_LIB_DIRS = Opt::new("yarn.provided.lib.dirs");
    /// A directory named `usrlib` in HDFS.
    YARN_PROVIDED_USRLIB_DIR = Opt::new("yarn.provided.usrlib.dir");
    /// How containers start Java.
    YARN_START_COMMAND_TEMPLATE = Opt::with(
        "yarn.container-start-command-template",
        "%java% %jvmmem% %jvmopts% %logging% %class% %args% %redirects%"
    );
    /// Logs aggregated while the application runs (FLINK-26425).
    YARN_ROLLED_LOGS_INCLUDE = Opt::new("yarn.rolled-logs.include-pattern");
    /// Logs not aggregated while the application runs.
    YARN_ROLLED_LOGS_EXCLUDE = Opt::new("yarn.rolled-logs.exclude-pattern");

    /// Total process memory of the JobManager.
    JM_PROCESS = Opt::new("jobmanager.memory.process.size");
    /// Total Flink memory of the JobManager.
    JM_FLINK = Opt::new("jobmanager.memory.flink.size");
    /// Heap of the JobManager.
    JM_HEAP = Opt::new("jobmanager.memory.heap.size");
    /// Off-heap memory of the JobManager.
    JM_OFF_HEAP = Opt::with("jobmanager.memory.off-heap.size", "128m");
    /// Whether the JVM limits the JobManager's direct memory.
    JM_DIRECT_LIMIT = Opt::with("jobmanager.memory.enable-jvm-direct-memory-limit", "false");
    /// Metaspace of the JobManager.
    JM_METASPACE = Opt::with("jobmanager.memory.jvm-metaspace.size", "256m");
    /// Minimum JVM overhead of the JobManager.
    JM_OVERHEAD_MIN = Opt::with("jobmanager.memory.jvm-overhead.min", "192m");
    /// Maximum JVM overhead of the JobManager.
    JM_OVERHEAD_MAX = Opt::with("jobmanager.memory.jvm-overhead.max", "1g");
    /// JVM overhead of the JobManager as a fraction of its process memory.
    JM_OVERHEAD_FRACTION = Opt::with("jobmanager.memory.jvm-overhead.fraction", "0.1");
    /// Process size of the JobManager before 1.11 (until 1.20).
    JM_LEGACY_HEAP = Opt::new("jobmanager.heap.size");
    /// The same in MiB.
    JM_LEGACY_HEAP_MB = Opt::new("jobmanager.heap.mb");

    /// Total process memory of a TaskManager.
    TM_PROCESS = Opt::new("taskmanager.memory.process.size");
    /// Total Flink memory of a TaskManager.
    TM_FLINK = Opt::new("taskmanager.memory.flink.size");
    /// Heap of Flink itself.
    TM_FRAMEWORK_HEAP = Opt::with("taskmanager.memory.framework.heap.size", "128m");
    /// Off-heap memory of Flink itself.
    TM_FRAMEWORK_OFF_HEAP = Opt::with("taskmanager.memory.framework.off-heap.size", "128m");
    /// Heap of the tasks.
    TM_TASK_HEAP = Opt::new("taskmanager.memory.task.heap.size");
    /// Off-heap memory of the tasks.
    TM_TASK_OFF_HEAP = Opt::with("taskmanager.memory.task.off-heap.size", "0");
    /// Managed memory.
    TM_MANAGED = Opt::new("taskmanager.memory.managed.size").or(&["taskmanager.memory.size"]);
    /// Managed memory as a fraction of Flink's.
    TM_MANAGED_FRACTION = Opt::with("taskmanager.memory.managed.fraction", "0.4");
    /// Minimum network memory.
    TM_NETWORK_MIN = Opt::with("taskmanager.memory.network.min", "64m").or(&["taskmanager.network.memory.min"]);
    /// Maximum network memory; Flink's default is no limit.
    TM_NETWORK_MAX = Opt::with("taskmanager.memory.network.max", "9223372036854775807").or(&["taskmanager.network.memory.max"]);
    /// Network memory as a fraction of Flink's.
    TM_NETWORK_FRACTION = Opt::with("taskmanager.memory.network.fraction", "0.1").or(&["taskmanager.network.memory.fraction"]);
    /// Number of network buffers, as before 1.5; has Flink's default only if it is set.
    TM_LEGACY_NETWORK_BUFFERS = Opt::new("taskmanager.network.numberOfBuffers");
    /// Size of a network buffer.
    TM_SEGMENT_SIZE = Opt::with("taskmanager.memory.segment-size", "32k");
    /// Metaspace of a TaskManager.
    TM_METASPACE = Opt::with("taskmanager.memory.jvm-metaspace.size", "256m");
    /// Minimum JVM overhead of a TaskManager.
    TM_OVERHEAD_MIN = Opt::with("taskmanager.memory.jvm-overhead.min", "192m");
    /// Maximum JVM overhead of a TaskManager.
    TM_OVERHEAD_MAX = Opt::with("taskmanager.memory.jvm-overhead.max", "1g");
    /// JVM overhead of a TaskManager as a fraction of its process memory.
    TM_OVERHEAD_FRACTION = Opt::with("taskmanager.memory.jvm-overhead.fraction", "0.1");
    /// Process size of a TaskManager before 1.10 (until 1.20).
    TM_LEGACY_HEAP = Opt::new("taskmanager.heap.size");
    /// The same in MiB.
    TM_LEGACY_HEAP_MB = Opt::new("taskmanager.heap.mb");
    /// Slots of a TaskManager.
    TM_SLOTS = Opt::with("taskmanager.numberOfTaskSlots", "1");
    /// CPU cores of a TaskManager.
    TM_CPU_CORES = Opt::new("taskmanager.cpu.cores");
    /// Names of external resources.
    EXTERNAL_RESOURCES = Opt::new("external-resources");

    /// JVM options of all processes.
    JAVA_OPTS_ALL = Opt::with("env.java.opts.all", "").or(&["env.java.opts"]);
    /// JVM options of the JobManager.
    JAVA_OPTS_JM = Opt::with("env.java.opts.jobmanager", "");
    /// JVM options of TaskManagers.
    JAVA_OPTS_TM = Opt::with("env.java.opts.taskmanager", "");
    /// JVM options of all processes that come before the user's.
    JAVA_DEFAULT_OPTS_ALL = Opt::with("env.java.default-opts.all", "");
    /// The same for the JobManager.
    JAVA_DEFAULT_OPTS_JM = Opt::with("env.java.default-opts.jobmanager", "");
    /// The same for TaskManagers.
    JAVA_DEFAULT_OPTS_TM = Opt::with("env.java.default-opts.taskmanager", "");
    /// `JAVA_HOME` on the nodes (2.0).
    JAVA_HOME = Opt::new("env.java.home");
    /// Keytab to log in with.
    KERBEROS_KEYTAB = Opt::new("security.kerberos.login.keytab").or(&["security.keytab"]);
    /// The principal whose key in it is used.
    KERBEROS_PRINCIPAL = Opt::new("security.kerberos.login.principal").or(&["security.principal"]);
    /// JAAS contexts for which the keytab is used: `Client`, `KafkaClient`.
    KERBEROS_CONTEXTS = Opt::new("security.kerberos.login.contexts");
    /// Further file systems for which the containers get tokens.
    KERBEROS_FILE_SYSTEMS =
        Opt::new("security.kerberos.access.hadoopFileSystems").or(&["yarn.security.kerberos.additionalFileSystems"]);
    /// Whether the keytab is copied to the containers; `false`: the nodes have it.
    YARN_SHIP_LOCAL_KEYTAB = Opt::with("yarn.security.kerberos.ship-local-keytab", "true");
    /// The path of the keytab in the containers, or on the nodes.
    YARN_LOCALIZED_KEYTAB_PATH = Opt::with("yarn.security.kerberos.localized-keytab-path", "krb5.keytab");
    /// When tokens are renewed: a part of their life.
    TOKEN_RENEWAL_RATIO = Opt::with("security.delegation.tokens.renewal.time-ratio", "0.75").or(&["security.kerberos.tokens.renewal.time-ratio"]);
    /// The longest pause after a failed renewal.
    TOKEN_RENEWAL_BACKOFF = Opt::with("security.delegation.tokens.renewal.retry.backoff", "1 h").or(&["security.kerberos.tokens.renewal.retry.backoff"]);
    /// `STREAMING`, `BATCH` or `AUTOMATIC`.
    RUNTIME_MODE = Opt::new("execution.runtime-mode");
    /// The configuration of Kerberos, instead of the operating system's.
    KERBEROS_KRB5_CONF = Opt::new("security.kerberos.krb5-conf.path");
    /// Whether tickets of `kinit` may be used.
    KERBEROS_USE_TICKET_CACHE = Opt::with("security.kerberos.login.use-ticket-cache", "true");
    /// The directory of Hadoop's configuration on this host, for `HADOOP_CONF_DIR`.
    HADOOP_CONF_DIR = Opt::new("env.hadoop.conf.dir");
    /// The same, for `YARN_CONF_DIR`.
    YARN_CONF_DIR = Opt::new("env.yarn.conf.dir");
    /// Root log level, `ROOT_LOG_LEVEL` of the containers (1.19).
    LOG_LEVEL = Opt::new("env.log.level");
    /// Number of old log files kept, `MAX_LOG_FILE_NUMBER` of the containers (1.19).
    LOG_MAX = Opt::new("env.log.max");

    /// URLs for the user class loader.
    CLASS_PATHS = Opt::new("pipeline.classpaths");
    /// Jars for the user class loader.
    JARS = Opt::new("pipeline.jars");
    /// Parallelism of programs that do not set one.
    PARALLELISM = Opt::with("parallelism.default", "1");
    /// Port range of the REST server. Its deprecated names, one of which is in stock configurations, are ignored.
    REST_BIND_PORT = Opt::new("rest.bind-port");
    /// Address that the REST server listens on.
    REST_BIND_ADDRESS = Opt::new("rest.bind-address").or(&["web.address", "jobmanager.web.address"]);
    /// Address of the REST server for clients.
    REST_ADDRESS = Opt::new("rest.address");
    /// Port of the REST server for clients.
    REST_PORT = Opt::with("rest.port", "8081").or(&["web.port", "jobmanager.web.port"]);
    /// The JobManager's RPC address.
    JM_RPC_ADDRESS = Opt::new("jobmanager.rpc.address");
    /// The JobManager's RPC port.
    JM_RPC_PORT = Opt::with("jobmanager.rpc.port", "6123");
    /// Address that the JobManager listens on.
    JM_BIND_HOST = Opt::new("jobmanager.bind-host");
    /// Address that a TaskManager listens on.
    TM_BIND_HOST = Opt::new("taskmanager.bind-host");
    /// A TaskManager's own host name.
    TM_HOST = Opt::new("taskmanager.host");
    /// A TaskManager's id; the container's id here.
    TM_RESOURCE_ID = Opt::new("taskmanager.resource-id");
    /// Port range of the blob server.
    BLOB_SERVER_PORT = Opt::with("blob.server.port", "0");
    /// Directories for temporary files.
    IO_TMP_DIRS = Opt::new("io.tmp.dirs").or(&["taskmanager.tmp.dirs"]);
    /// `NONE`, `zookeeper` or a class.
    HA_TYPE = Opt::with("high-availability.type", "NONE").or(&["high-availability", "recovery.mode"]);
    /// Name of the cluster in ZooKeeper; the application's id here.
    HA_CLUSTER_ID = Opt::new("high-availability.cluster-id").or(&[
        "high-availability.zookeeper.path.namespace",
        "recovery.zookeeper.path.namespace"
    ]);
    /// Where high availability stores what is too large for ZooKeeper.
    HA_STORAGE_DIR = Opt::new("high-availability.storageDir").or(&[
        "high-availability.zookeeper.storageDir",
        "recovery.zookeeper.storageDir"
    ]);
    /// The ZooKeeper servers.
    HA_ZOOKEEPER_QUORUM =
        Opt::new("high-availability.zookeeper.quorum").or(&["recovery.zookeeper.quorum"]);
    /// The ZooKeeper node below which each cluster has its own.
    HA_ZOOKEEPER_ROOT = Opt::with("high-availability.zookeeper.path.root", "/flink")
        .or(&["recovery.zookeeper.path.root"]);
    /// Port range of the JobManager's RPC with high availability.
    HA_JM_PORT = Opt::with("high-availability.jobmanager.port", "0").or(&["recovery.jobmanager.port"]);

    /// Whether `execute()` waits for the job.
    EXECUTION_ATTACHED = Opt::with("execution.attached", "false");
    /// Whether the cluster ends with its application.
    SHUTDOWN_ON_APPLICATION_FINISH = Opt::with("execution.shutdown-on-application-finish", "true");
    /// Whether an exception in `main()` becomes a failed job.
    SUBMIT_FAILED_JOB = Opt::with("execution.submit-failed-job-on-application-error", "false");
    /// What `System.exit` in user code does.
    INTERCEPT_USER_SYSTEM_EXIT = Opt::with("cluster.intercept-user-system-exit", "DISABLED");
    /// Whether a process halts on a fatal error, instead of shutting down gracefully.
    HALT_ON_FATAL_ERROR = Opt::with("cluster.processes.halt-on-fatal-error", "false");
    /// How long a response about a job's checkpoints is cached; unset: `web.refresh-interval`.
    CHECKPOINT_STATISTICS_TIMEOUT = Opt::new("rest.cache.checkpoint-statistics.timeout");
    /// Maximum number of frames of each thread in a thread dump.
    THREAD_DUMP_DEPTH = Opt::with("cluster.thread-dump.stacktrace-max-depth", "8");
    /// Pause after an error in a registration.
    REGISTRATION_ERROR_DELAY = Opt::with("cluster.registration.error-delay", "10 s");
    /// How long a session's ResourceManager waits for slots before it rejects requests; unset: `slot.request.timeout`.
    STANDALONE_START_UP_TIME = Opt::new("resourcemanager.standalone.start-up-time");
    /// How long to wait for a slot.
    SLOT_REQUEST_TIMEOUT = Opt::with("slot.request.timeout", "5 min");
    /// Interval of heartbeats.
    HEARTBEAT_INTERVAL = Opt::with("heartbeat.interval", "10 s");
    /// Silence after which a process counts as lost.
    HEARTBEAT_TIMEOUT = Opt::with("heartbeat.timeout", "50 s");
    /// How long a TaskManager keeps running without a JobManager.
    TM_REGISTRATION_TIMEOUT = Opt::with("taskmanager.registration.timeout", "5 min").or(&["taskmanager.maxRegistrationDuration"]);
    /// Interval of checkpoints; unset: none.
    CHECKPOINT_INTERVAL = Opt::new("execution.checkpointing.interval");
    /// Which checkpoints are kept when the job ends.
    CHECKPOINT_RETENTION = Opt::new("execution.checkpointing.externalized-checkpoint-retention");
    /// How many completed checkpoints of a job Flink keeps.
    CHECKPOINTS_RETAINED = Opt::with("execution.checkpointing.num-retained", "1").or(&["state.checkpoints.num-retained"]);
    /// Whether each job gets a directory of its own below [`CHECKPOINT_DIR`].
    CHECKPOINT_SUBDIR = Opt::with("execution.checkpointing.create-subdir", "true").or(&["state.checkpoints.create-subdir"]);
    /// Directory of checkpoints.
    CHECKPOINT_DIR = Opt::new("execution.checkpointing.dir").or(&["state.checkpoints.dir", "state.backend.fs.checkpointdir"]);
    /// Directory of savepoints.
    SAVEPOINT_DIR = Opt::new("execution.checkpointing.savepoint-dir").or(&["state.savepoints.dir", "savepoints.state.backend.fs.dir"]);
    /// Directory of the state changelog.
    CHANGELOG_DIR = Opt::new("state.changelog.dstl.dfs.base-path").or(&["dstl.dfs.base-path"]);
    /// Savepoint or checkpoint to restore from.
    STATE_RECOVERY_PATH = Opt::new("execution.state-recovery.path").or(&["execution.savepoint.path"]);
    /// Whether state that the program no longer has may be skipped. Works here because it is passed as the entry
    /// point's own option; the key itself has no effect there.
    ALLOW_NON_RESTORED = Opt::new("execution.state-recovery.ignore-unclaimed-state").or(&["execution.savepoint.ignore-unclaimed-state"]);
    /// Where the results of ended jobs are stored, with high availability.
    JOB_RESULT_STORE = Opt::new("job-result-store.storage-path");
    /// Where ended jobs are archived for the History Server.
    ARCHIVE_DIR = Opt::new("jobmanager.archive.fs.dir");
    /// File system of paths without a scheme.
    DEFAULT_SCHEME = Opt::new("fs.default-scheme");
    /// Whether Flink ends a job whose attached client is silent.
    SHUTDOWN_IF_ATTACHED = Opt::with("execution.shutdown-on-attached-exit", "false");
    /// The deployment target.
    TARGET = Opt::new("execution.target");
    /// A job's id.
    JOB_ID = Opt::new("$internal.pipeline.job-id").or(&["pipeline.jobid"]);
    /// Maximum parallelism that an operator may ever have.
    MAX_PARALLELISM = Opt::new("pipeline.max-parallelism");
    /// `reactive`: a job uses all available slots.
    SCHEDULER_MODE = Opt::new("scheduler-mode");
    /// How long a TaskManager may take to register.
    TASK_MANAGER_START = Opt::new("resourcemanager.taskmanager-registration.timeout");
    /// How long a TaskManager may be idle.
    TASK_MANAGER_IDLE = Opt::with("resourcemanager.taskmanager-timeout", "30 s").or(&["slotmanager.taskmanager-timeout"]);
    /// Directory of the web server's files.
    WEB_TMP_DIR = Opt::new("web.tmpdir").or(&["jobmanager.web.tmpdir"]);
    /// Whether jars can be uploaded to a session.
    WEB_SUBMIT = Opt::with("web.submit.enable", "true").or(&["jobmanager.web.submit.enable"]);
    /// How many ended jobs a JobManager remembers.
    JOB_STORE_CAPACITY = Opt::new("jobstore.max-capacity");
    /// How long a JobManager remembers ended jobs, s.
    JOB_STORE_EXPIRATION = Opt::with("jobstore.expiration-time", "3600");

    /// Ours: where the application master's page and its proxy for Flink's REST server listen.
    WEB_PORT = Opt::with("yarn-flink.web.port", "0");
    /// Ours: whether the application master records what it sees and does.
    TRACE = Opt::with("yarn-flink.trace", "false");
    /// Ours: whether state may be on a node's disk, such as one that all nodes have mounted.
    ALLOW_LOCAL_STATE = Opt::with("yarn-flink.allow-local-state", "false");
    /// Ours: whether connections between Flink's processes are secured with keys that are made for the application.
    INTERNAL_TLS = Opt::with("yarn-flink.internal-tls", "true");
    /// Whether RPC, data and blob connections are secured, always with authentication of both sides.
    SSL_INTERNAL = Opt::with("security.ssl.internal.enabled", "false");
    /// The key store for them.
    SSL_INTERNAL_KEYSTORE = Opt::new("security.ssl.internal.keystore");
    /// Its password.
    SSL_INTERNAL_KEYSTORE_PASSWORD = Opt::new("security.ssl.internal.keystore-password");
    /// The password of the key in it.
    SSL_INTERNAL_KEY_PASSWORD = Opt::new("security.ssl.internal.key-password");
    /// Its format.
    SSL_INTERNAL_KEYSTORE_TYPE = Opt::new("security.ssl.internal.keystore-type");
    /// The certificates that are trusted.
    SSL_INTERNAL_TRUSTSTORE = Opt::new("security.ssl.internal.truststore");
    /// Its password.
    SSL_INTERNAL_TRUSTSTORE_PASSWORD = Opt::new("security.ssl.internal.truststore-password");
    /// Its format.
    SSL_INTERNAL_TRUSTSTORE_TYPE = Opt::new("security.ssl.internal.truststore-type");
    /// Whether the REST server is secured.
    SSL_REST = Opt::with("security.ssl.rest.enabled", "false");
    /// Whether it demands a certificate of its clients.
    SSL_REST_AUTHENTICATION = Opt::with("security.ssl.rest.authentication-enabled", "false");
    /// Its key store.
    SSL_REST_KEYSTORE = Opt::new("security.ssl.rest.keystore");
    /// Its password.
    SSL_REST_KEYSTORE_PASSWORD = Opt::new("security.ssl.rest.keystore-password");
    /// The password of the key in it.
    SSL_REST_KEY_PASSWORD = Opt::new("security.ssl.rest.key-password");
    /// Its format.
    SSL_REST_KEYSTORE_TYPE = Opt::new("security.ssl.rest.keystore-type");
    /// The clients' certificates that it trusts.
    SSL_REST_TRUSTSTORE = Opt::new("security.ssl.rest.truststore");
    /// Its password.
    SSL_REST_TRUSTSTORE_PASSWORD = Opt::new("security.ssl.rest.truststore-password");
    /// Its format.
    SSL_REST_TRUSTSTORE_TYPE = Opt::new("security.ssl.rest.truststore-type");
    /// The cipher suites of all these connections.
    SSL_ALGORITHMS = Opt::new("security.ssl.algorithms");
}

/// Environment of the application master's container, older and current prefix.
pub const MASTER_ENV_PREFIXES: [&str; 2] = ["yarn.application-master.env.", "containerized.master.env."];
/// Environment of TaskManager containers, older and current prefix.
pub const TASKMANAGER_ENV_PREFIXES: [&str; 2] = ["yarn.taskmanager.env.", "containerized.taskmanager.env."];
/// Prefix of settings for Hadoop's configuration, which is removed.
pub const HADOOP_PREFIX: &str = "flink.hadoop.";
/// Prefix of settings for YARN's configuration, of which `flink.` is removed.
pub const YARN_PREFIX: &str = "flink.yarn.";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::FlinkConfig;

    #[test]
    fn defaults_can_be_read() {
        let config = FlinkConfig::new();
        for option in ALL.iter().filter(|o| o.key.contains(".memory.") && o.default.is_some()) {
            if option.key.ends_with("fraction") {
                assert!(config.float(option).unwrap().is_some(), "{}", option.key);
            } else if !option.key.contains("enable") {
                assert!(config.memory_size(option).unwrap().is_some(), "{}", option.key);
            }
        }
    }
}
