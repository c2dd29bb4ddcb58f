//! The Flink configuration keys that shape an application on YARN (`YarnConfigOptions` and neighbours).

use crate::flink::options::{self, Opt};

pub(super) const APPLICATION_NAME: Opt = options::YARN_APPLICATION_NAME;
pub(super) const APPLICATION_TYPE: Opt =
    Opt { default: Some("Apache Flink"), ..options::YARN_APPLICATION_TYPE };
pub(super) const QUEUE: Opt = options::YARN_APPLICATION_QUEUE;
pub(super) const PRIORITY: Opt = options::YARN_APPLICATION_PRIORITY;
pub(super) const TAGS: Opt = options::YARN_TAGS;
pub(super) const NODE_LABEL: Opt = options::YARN_APPLICATION_NODE_LABEL;
pub(super) const TASK_MANAGER_NODE_LABEL: Opt = options::YARN_TASKMANAGER_NODE_LABEL;
/// Flink: 1, and 2 with high availability. Here a second attempt resumes from a checkpoint, so it is always 2.
pub(super) const ATTEMPTS: Opt = Opt { default: Some("2"), ..options::YARN_APPLICATION_ATTEMPTS };
/// Flink's default of 10000 ms lets a slow crash loop continue forever (FLINK-38112); without any limit, two lost nodes
/// in a year would end a job.
pub(super) const ATTEMPT_VALIDITY: Opt =
    Opt { default: Some("600000"), ..options::YARN_ATTEMPT_FAILURES_VALIDITY_INTERVAL };
pub(super) const MASTER_VCORES: Opt = options::YARN_APPMASTER_VCORES;
pub(super) const FILE_REPLICATION: Opt = options::YARN_FILE_REPLICATION;
pub(super) const STAGING_DIRECTORY: Opt = options::YARN_STAGING_DIRECTORY;
pub(super) const SHIP_FILES: Opt = options::YARN_SHIP_FILES;
pub(super) const SHIP_ARCHIVES: Opt = options::YARN_SHIP_ARCHIVES;
pub(super) const PROVIDED_LIB_DIRS: Opt = options::YARN_PROVIDED_LIB_DIRS;
pub(super) const PROVIDED_USRLIB_DIR: Opt = options::YARN_PROVIDED_USRLIB_DIR;
pub(super) const FLINK_DIST_JAR: Opt = options::YARN_FLINK_DIST_JAR;
pub(super) const INCLUDE_USER_JAR: Opt = options::YARN_INCLUDE_USER_JAR;
pub(super) const VIEW_ACLS: Opt = options::YARN_VIEW_ACLS;
pub(super) const MODIFY_ACLS: Opt = options::YARN_MODIFY_ACLS;
pub(super) const MASTER_PORT: Opt = options::YARN_APPLICATION_MASTER_PORT;
/// No default: the specification only contains a template if the user has set one.
pub(super) const COMMAND_TEMPLATE: Opt = Opt { default: None, ..options::YARN_START_COMMAND_TEMPLATE };
pub(super) const ROLLED_LOGS_INCLUDE: Opt = options::YARN_ROLLED_LOGS_INCLUDE;
pub(super) const ROLLED_LOGS_EXCLUDE: Opt = options::YARN_ROLLED_LOGS_EXCLUDE;

pub(super) const RPC_PORT: Opt = options::JM_RPC_PORT;
/// On YARN `rest.port`, the fixed port of the stock configuration, is ignored.
pub(super) const REST_BIND_PORT: Opt = Opt { key: "rest.bind-port", deprecated: &[], default: Some("0") };
pub(super) const BLOB_PORT: Opt = options::BLOB_SERVER_PORT;
pub(super) const PARALLELISM: Opt = options::PARALLELISM;
pub(super) const MAX_PARALLELISM: Opt = options::MAX_PARALLELISM;
pub(super) const SAVEPOINT: Opt = options::STATE_RECOVERY_PATH;
pub(super) const ALLOW_NON_RESTORED: Opt = options::ALLOW_NON_RESTORED;
pub(super) const HIGH_AVAILABILITY: Opt = options::HA_TYPE;
pub(super) const HA_CLUSTER_ID: Opt = options::HA_CLUSTER_ID;
/// Without it, all jobs write their checkpoints into one directory.
pub(super) const CHECKPOINT_SUBDIRECTORY: Opt = Opt { default: None, ..options::CHECKPOINT_SUBDIR };
pub(super) const JAVA_HOME: Opt = options::JAVA_HOME;
pub(super) const LOG_LEVEL: Opt = options::LOG_LEVEL;
pub(super) const LOG_MAX: Opt = options::LOG_MAX;
pub(super) const JOB_MANAGER_PROCESS_SIZE: &str = options::JM_PROCESS.key;
pub(super) const TASK_MANAGER_PROCESS_SIZE: &str = options::TM_PROCESS.key;
/// Ours: where the application master's page and its proxy for Flink's REST server listen.
pub(super) const WEB_PORT: Opt = options::WEB_PORT;
pub(super) const TASK_SLOTS: &str = options::TM_SLOTS.key;
pub(super) const CLASS_PATHS: Opt = options::CLASS_PATHS;
pub(super) const JARS: Opt = options::JARS;
/// Keys that fix a job's id, the current one first.
pub(super) const JOB_ID: [&str; 2] = [options::JOB_ID.key, "pipeline.jobid"];
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
