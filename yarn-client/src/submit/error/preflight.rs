//! What is wrong before anything has been changed on the cluster.

use std::path::PathBuf;

use crate::cluster::ErrorKind;
use crate::cluster::error::{resource_manager_hint, resource_manager_text, stage_kind, yarn_kind};
use crate::cluster::state_paths::StatePathError;
use crate::conf::ConfError;
use crate::flink::dist::DistError;
use crate::flink::jar::JarError;
use crate::flink::memory::MemoryError;
use crate::flink::ports::PortRangeError;
use crate::flink::size::SizeError;
use crate::flink::{ConfigError, Version};
use crate::hdfs::HdfsError;
use crate::hdfs::stage::StageError;
use crate::security::UserError;
use crate::yarn::YarnError;

/// Something that is wrong before anything has been changed on the cluster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreflightError {
    /// Hadoop's configuration.
    #[error(transparent)]
    Hadoop(#[from] ConfError),
    /// Flink's configuration.
    #[error(transparent)]
    Flink(#[from] ConfigError),
    /// Nobody knows who is asking.
    #[error(transparent)]
    User(#[from] UserError),
    /// No Flink distribution was named.
    #[error("no Flink distribution: FLINK_HOME is not set")]
    NoFlinkHome,
    /// The Flink distribution cannot be used.
    #[error(transparent)]
    Distribution(#[from] DistError),
    /// Jars in the cluster's file system are to be used, and none of them is flink-dist.
    #[error("no flink-dist-<version>.jar in {}", dirs.join(", "))]
    NoProvidedDist {
        /// `yarn.provided.lib.dirs`.
        dirs: Vec<String>,
    },
    /// The version of a distribution in the cluster's file system is out of range.
    #[error("Flink {version} is not supported (1.17 to 2.3 are)")]
    UnsupportedVersion {
        /// The version found.
        version: Version,
    },
    /// The job's jar.
    #[error(transparent)]
    Jar(#[from] JarError),
    /// The application master's binary is missing.
    #[error("the application master's binary {} does not exist", path.display())]
    NoAppMaster {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A deployment target other than ours.
    #[error(
        "the target '{target}' does not exist here: a job runs as an application of its own (yarn-application)"
    )]
    Target {
        /// What was given.
        target: String,
    },
    /// A size on the command line.
    #[error("{option} {source}")]
    Size {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        #[source]
        source: SizeError,
    },
    /// A number on the command line that must be at least 1.
    #[error("{option} must be at least 1")]
    Zero {
        /// The option.
        option: &'static str,
    },
    /// `--min` above `--max`.
    #[error("a session cannot have at least {min} and at most {max} TaskManagers")]
    SessionSize {
        /// `--min`.
        min: u32,
        /// `--max`, or `slotmanager.number-of-slots.max` in TaskManagers.
        max: u32,
    },
    /// A running session of the same user has the name.
    #[error("there is a session of the name '{name}' already: {application}")]
    SessionName {
        /// The name.
        name: String,
        /// The session.
        application: proto::ids::ApplicationId,
    },
    /// A session's name that reads as an id.
    #[error("a session cannot have the name '{name}': it would be taken for an application id")]
    SessionNameIsId {
        /// The name.
        name: String,
    },
    /// A setting that a session's job cannot have.
    #[error("-D {key} describes a cluster, and that of the session runs already")]
    ClusterKey {
        /// The key.
        key: String,
    },
    /// Further jars for a job that a session runs: Flink's jar handler takes one.
    #[error("{key} cannot be given to a job of a session: Flink loads its own jar alone")]
    SessionJars {
        /// The key.
        key: &'static str,
    },
    /// A port range.
    #[error("{key}: {source}")]
    Ports {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        #[source]
        source: PortRangeError,
    },
    /// A path at which state would be lost.
    #[error(transparent)]
    StatePath(#[from] StatePathError),
    /// Any other value of Flink's configuration that YARN would not take.
    #[error("{key}: '{value}' {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A job's id that Flink would not take.
    #[error("'{given}' is not a job id (32 hexadecimal digits)")]
    JobId {
        /// What was given.
        given: String,
    },
    /// A key that cannot be one.
    #[error("--key {reason}")]
    Key {
        /// Why not.
        reason: &'static str,
    },
    /// `-n` without `-s`.
    #[error("--allow-non-restored-state has no meaning without a savepoint")]
    NoSavepoint,
    /// Memory sizes that do not add up.
    #[error("{}", memory_text(role, source))]
    Memory {
        /// "JobManager" or "TaskManagers".
        role: &'static str,
        /// What does not fit.
        #[source]
        source: MemoryError,
    },
    /// Limits of the number of TaskManagers that nothing satisfies.
    #[error(transparent)]
    Limits(#[from] crate::flink::limits::LimitsError),
    /// A file to ship that is not there.
    #[error("{key}: {} does not exist", path.display())]
    ShipFile {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A savepoint without the file that describes it.
    #[error("{path} is no savepoint: it holds no _metadata")]
    NoSavepointMetadata {
        /// As given.
        path: String,
    },
    /// Checkpoints of an earlier run lie where this one would write its own, and Flink would delete them.
    #[error(
        "the job would write its checkpoints, from chk-{first} on, into {directory}, where those of an earlier run are: \
         Flink deletes what is in the way of a new one"
    )]
    CheckpointsInTheWay {
        /// Full URI of the directory.
        directory: String,
        /// Full URI of the newest one in it.
        newest: String,
        /// Number of the first one the job would write.
        first: u64,
        /// Jobs of any id write there (`execution.checkpointing.create-subdir: false`).
        shared: bool,
    },
    /// Something in the cluster's file system that is to be used, and is not there.
    #[error("{what} {path} cannot be used: {source}")]
    Remote {
        /// The key, or "the jar".
        what: &'static str,
        /// Full URI.
        path: String,
        /// Why.
        #[source]
        source: Box<HdfsError>,
    },
    /// The staging area.
    #[error(transparent)]
    Staging(Box<StageError>),
    /// There is no such queue.
    #[error("the queue '{queue}' does not exist")]
    NoQueue {
        /// The queue.
        queue: String,
        /// Queues that take applications, nearest name first.
        known: Vec<String>,
    },
    /// The queue takes no applications.
    #[error("the queue '{queue}' takes no applications: it is {state}")]
    QueueClosed {
        /// The queue.
        queue: String,
        /// YARN's name of its state.
        state: String,
        /// Queues that take applications, nearest name first.
        known: Vec<String>,
    },
    /// The queue has queues below it, and only those take applications.
    #[error("the queue '{queue}' only holds other queues")]
    QueueNotLeaf {
        /// The queue.
        queue: String,
        /// Queues that take applications, nearest name first.
        known: Vec<String>,
    },
    /// A container that no node may give.
    #[error("the {role} needs {needed} {unit}, and the cluster gives a container at most {maximum}")]
    TooLarge {
        /// "JobManager" or "TaskManager".
        role: &'static str,
        /// What is asked.
        needed: u64,
        /// "MiB of memory", "vcores", or the name of another resource.
        unit: String,
        /// `yarn.scheduler.maximum-allocation-…`.
        maximum: u64,
        /// Keys that make it smaller.
        keys: &'static str,
    },
    /// The ResourceManager's answer to a question before the submission.
    #[error("{}", resource_manager_text(.0))]
    ResourceManager(#[source] YarnError),
}

impl PreflightError {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::ResourceManager(source) => yarn_kind(source),
            Self::Staging(source) => stage_kind(source),
            Self::NoQueue { .. } | Self::QueueClosed { .. } | Self::QueueNotLeaf { .. } => ErrorKind::Cluster,
            Self::TooLarge { .. } => ErrorKind::Cluster,
            Self::Remote { source, .. } if !source.is_not_found() => ErrorKind::Cluster,
            _ => ErrorKind::Usage,
        }
    }

    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Hadoop(source) => return source.hint(),
            Self::Flink(source) => return source.hint(),
            Self::StatePath(source) => source.hint(),
            Self::User(source) => source.hint().to_owned(),
            Self::Distribution(source) => return source.hint(),
            Self::Jar(source) => return source.hint(),
            Self::Memory { source, .. } => return source.hint(),
            Self::Limits(source) => return source.hint(),
            Self::Staging(source) => return source.hint(),
            Self::Remote { source, path, .. } if source.is_not_found() => {
                let above = path.trim_end_matches('/').rsplit_once('/').map_or("/", |(above, _)| above);
                format!("check the path; `hdfs dfs -ls {above}/` shows what is there")
            }
            Self::Remote { source, .. } => return source.hint(),
            Self::NoSavepointMetadata { .. } => {
                "name the directory of one savepoint, or of one checkpoint (chk-<number>)".to_owned()
            }
            Self::CheckpointsInTheWay { newest, shared, .. } => format!(
                "go on from the newest one with -s {newest}, or choose another {}",
                if *shared {
                    "directory (execution.checkpointing.dir), or leave execution.checkpointing.create-subdir out"
                } else {
                    "id (pipeline.jobid) or directory (execution.checkpointing.dir)"
                }
            ),
            Self::ResourceManager(source) => return resource_manager_hint(source),
            Self::NoFlinkHome => {
                "set FLINK_HOME, or --flink-home, to the directory that holds Flink's lib/; or \
                 yarn.provided.lib.dirs to directories of the cluster"
                    .to_owned()
            }
            Self::NoProvidedDist { .. } => {
                "yarn.provided.lib.dirs must name the directories lib and plugins of one Flink distribution".to_owned()
            }
            Self::NoAppMaster { .. } => {
                "it belongs beside yarn-flink; or name it with --app-master or YARN_FLINK_APP_MASTER".to_owned()
            }
            Self::Target { target } if target.contains("session") => {
                "name the session: --session ID|NAME".to_owned()
            }
            Self::Target { .. } => {
                "leave -t and -m out (or say -t yarn-application); --session ID|NAME sends a job to a cluster that runs".to_owned()
            },
            Self::Size { .. } => {
                "write it as a whole number with a unit, such as 1600m or 2g; without a unit it is in MiB".to_owned()
            }
            Self::Ports { .. } => "write it as 50100, 50100-50200 or 50100,50200-50300; 0 is any free port".to_owned(),
            Self::NoQueue { known, .. }
            | Self::QueueClosed { known, .. }
            | Self::QueueNotLeaf { known, .. } => {
                if known.is_empty() {
                    return None;
                }
                format!("choose one with --queue: {}", known.join(", "))
            }
            Self::TooLarge { keys, .. } => format!("lower {keys}, or raise yarn.scheduler.maximum-allocation-*"),
            Self::NoSavepoint => "add -s PATH".to_owned(),
            Self::Key { .. } => "a key names one run, such as nightly-2026-11-23".to_owned(),
            Self::SessionSize { .. } => "raise --max (or slotmanager.number-of-slots.max), or lower --min".to_owned(),
            Self::SessionName { application, .. } => format!(
                "choose another --name, use the one that runs (run --session {application}), or end it: yarn-flink session stop {application}"
            ),
            Self::SessionNameIsId { .. } => "choose another --name".to_owned(),
            Self::ClusterKey { .. } => {
                "set it with `session start`, or give the job a cluster of its own: `run` without --session".to_owned()
            }
            Self::SessionJars { .. } => "put them into the jar, below lib/; or give the job a cluster of its own: `run` without --session".to_owned(),
            Self::Zero { .. } => "give a whole number from 1".to_owned(),
            Self::JobId { .. } => "leave it out, and the job gets an id of its own".to_owned(),
            Self::UnsupportedVersion { .. } => "use another distribution".to_owned(),
            Self::Value { key, .. } if key.contains('.') => {
                format!("correct it in Flink's configuration; -D {key}=... overrides what is there")
            }
            Self::Value { key, .. } if key.starts_with('-') => {
                format!("`yarn-flink run --help` says what {key} takes")
            }
            Self::Value { .. } => "name the jar itself".to_owned(),
            Self::ShipFile { .. } => {
                "a relative path is taken from the working directory; for a file of the cluster write hdfs://...".to_owned()
            }
        };
        Some(text)
    }

    /// The peer's whole answer, a Java stack trace included.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Remote { source, .. } => source.detail(),
            Self::Staging(source) => source.detail(),
            Self::ResourceManager(source) => source.detail(),
            _ => None,
        }
    }
}

impl From<StageError> for PreflightError {
    fn from(error: StageError) -> Self {
        Self::Staging(Box::new(error))
    }
}

fn memory_text(role: &str, error: &MemoryError) -> String {
    match error {
        // One bad value: its text names the key.
        MemoryError::Value(error) => error.to_string(),
        error => format!("the memory of the {role} does not add up: {error}"),
    }
}
