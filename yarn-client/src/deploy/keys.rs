//! The Flink configuration keys that shape an application on YARN (`YarnConfigOptions` and neighbours).

use crate::flink::options::Opt;

const fn opt(key: &'static str, default: Option<&'static str>) -> Opt {
    Opt { key, deprecated: &[], default }
}

const fn renamed(key: &'static str, deprecated: &'static [&'static str], default: Option<&'static str>) -> Opt {
    Opt { key, deprecated, default }
}

pub(super) const APPLICATION_NAME: Opt = opt("yarn.application.name", None);
pub(super) const APPLICATION_TYPE: Opt = opt("yarn.application.type", Some("Apache Flink"));
pub(super) const QUEUE: Opt = opt("yarn.application.queue", None);
pub(super) const PRIORITY: Opt = opt("yarn.application.priority", Some("-1"));
pub(super) const TAGS: Opt = opt("yarn.tags", Some(""));
pub(super) const NODE_LABEL: Opt = opt("yarn.application.node-label", None);
pub(super) const TASK_MANAGER_NODE_LABEL: Opt = opt("yarn.taskmanager.node-label", None);
/// Flink: 1, and 2 with high availability. Here a second attempt resumes from a checkpoint, so it is always 2.
pub(super) const ATTEMPTS: Opt = opt("yarn.application-attempts", Some("2"));
/// Flink's default of 10000 ms lets a slow crash loop go on for ever (FLINK-38112).
pub(super) const ATTEMPT_VALIDITY: Opt = opt("yarn.application-attempt-failures-validity-interval", Some("-1"));
pub(super) const MASTER_VCORES: Opt = opt("yarn.appmaster.vcores", Some("1"));
pub(super) const FILE_REPLICATION: Opt = opt("yarn.file-replication", Some("-1"));
pub(super) const STAGING_DIRECTORY: Opt = opt("yarn.staging-directory", None);
pub(super) const SHIP_FILES: Opt = renamed("yarn.ship-files", &["yarn.ship-directories"], None);
pub(super) const SHIP_ARCHIVES: Opt = opt("yarn.ship-archives", None);
pub(super) const PROVIDED_LIB_DIRS: Opt = opt("yarn.provided.lib.dirs", None);
pub(super) const PROVIDED_USRLIB_DIR: Opt = opt("yarn.provided.usrlib.dir", None);
pub(super) const FLINK_DIST_JAR: Opt = opt("yarn.flink-dist-jar", None);
pub(super) const INCLUDE_USER_JAR: Opt =
    renamed("yarn.classpath.include-user-jar", &["yarn.per-job-cluster.include-user-jar"], None);
pub(super) const VIEW_ACLS: Opt = opt("yarn.view.acls", None);
pub(super) const MODIFY_ACLS: Opt = opt("yarn.modify.acls", None);
pub(super) const MASTER_PORT: Opt = opt("yarn.application-master.port", None);
pub(super) const COMMAND_TEMPLATE: Opt = opt("yarn.container-start-command-template", None);
pub(super) const ROLLED_LOGS_INCLUDE: Opt = opt("yarn.rolled-logs.include-pattern", None);
pub(super) const ROLLED_LOGS_EXCLUDE: Opt = opt("yarn.rolled-logs.exclude-pattern", None);

pub(super) const RPC_PORT: Opt = opt("jobmanager.rpc.port", None);
pub(super) const REST_BIND_PORT: Opt = opt("rest.bind-port", Some("0"));
pub(super) const BLOB_PORT: Opt = opt("blob.server.port", Some("0"));
pub(super) const PARALLELISM: Opt = opt("parallelism.default", Some("1"));
pub(super) const SAVEPOINT: Opt =
    renamed("execution.state-recovery.path", &["execution.savepoint.path"], None);
pub(super) const ALLOW_NON_RESTORED: Opt = renamed(
    "execution.state-recovery.ignore-unclaimed-state",
    &["execution.savepoint.ignore-unclaimed-state"],
    None,
);
pub(super) const HIGH_AVAILABILITY: Opt = renamed("high-availability.type", &["high-availability"], None);
pub(super) const HA_CLUSTER_ID: Opt = opt("high-availability.cluster-id", None);
pub(super) const JAVA_HOME: Opt = opt("env.java.home", None);
pub(super) const LOG_LEVEL: Opt = opt("env.log.level", None);
pub(super) const LOG_MAX: Opt = opt("env.log.max", None);
pub(super) const JOB_MANAGER_PROCESS_SIZE: &str = "jobmanager.memory.process.size";
pub(super) const TASK_MANAGER_PROCESS_SIZE: &str = "taskmanager.memory.process.size";
pub(super) const TASK_SLOTS: &str = "taskmanager.numberOfTaskSlots";
pub(super) const CLASS_PATHS: &str = "pipeline.classpaths";
/// Keys that fix a job's id, the current one first.
pub(super) const JOB_ID: [&str; 2] = ["$internal.pipeline.job-id", "pipeline.jobid"];
/// Prefixes of environment variables for the containers.
pub(super) const MASTER_ENV: &str = "containerized.master.env.";
pub(super) const TASK_MANAGER_ENV: &str = "containerized.taskmanager.env.";
/// The same up to Flink 1.20.
pub(super) const LEGACY_MASTER_ENV: &str = "yarn.application-master.env.";
pub(super) const LEGACY_TASK_MANAGER_ENV: &str = "yarn.taskmanager.env.";
/// `flink.hadoop.<key>` sets `<key>` of Hadoop, `flink.yarn.<key>` sets `yarn.<key>`.
pub(super) const HADOOP_PREFIX: &str = "flink.hadoop.";
pub(super) const YARN_PREFIX: &str = "flink.yarn.";

/// `YarnConfiguration.DEFAULT_YARN_APPLICATION_CLASSPATH`.
pub(super) const YARN_APPLICATION_CLASSPATH: [&str; 7] = [
    "$HADOOP_CONF_DIR",
    "$HADOOP_COMMON_HOME/share/hadoop/common/*",
    "$HADOOP_COMMON_HOME/share/hadoop/common/lib/*",
    "$HADOOP_HDFS_HOME/share/hadoop/hdfs/*",
    "$HADOOP_HDFS_HOME/share/hadoop/hdfs/lib/*",
    "$HADOOP_YARN_HOME/share/hadoop/yarn/*",
    "$HADOOP_YARN_HOME/share/hadoop/yarn/lib/*",
];
