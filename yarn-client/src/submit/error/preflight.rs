//! Errors found before anything has been changed on the cluster.

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

/// Something that is wrong, found before anything has been changed on the cluster.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreflightError {
    /// Hadoop's configuration is wrong.
    #[error(transparent)]
    Hadoop(#[from] ConfError),
    /// Flink's configuration is wrong.
    #[error(transparent)]
    Flink(#[from] ConfigError),
    /// The user's name is unknown.
    #[error(transparent)]
    User(#[from] UserError),
    /// No Flink distribution was given.
    #[error("no Flink distribution: `FLINK_HOME` is not set")]
    NoFlinkHome,
    /// The Flink distribution cannot be used.
    #[error(transparent)]
    Distribution(#[from] DistError),
    /// Jars in the cluster's file system are to be used, but none of them is flink-dist.
    #[error("no `flink-dist-<version>.jar` in {}", dirs.join(", "))]
    NoProvidedDist {
        /// `yarn.provided.lib.dirs`.
        dirs: Vec<String>,
    },
    /// The version of a distribution in the cluster's file system is not supported.
    #[error("Flink {version} is not supported (supported: 1.20 and 2.0 to 2.3)")]
    UnsupportedVersion {
        /// The version found.
        version: Version,
    },
    /// The job's jar cannot be used.
    #[error(transparent)]
    Jar(#[from] JarError),
    /// The application master's binary is missing.
    #[error("the application master binary {} does not exist", path.display())]
    NoAppMaster {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A deployment target other than ours.
    #[error(
        "the target `{target}` is not available: each job runs as its own YARN application (`yarn-application`)"
    )]
    Target {
        /// What was given.
        target: String,
    },
    /// A size on the command line is invalid.
    #[error("{option} {source}")]
    Size {
        /// The option.
        option: &'static str,
        /// What is wrong with it.
        #[source]
        source: SizeError,
    },
    /// A number on the command line must be at least 1.
    #[error("`{option}` must be at least 1")]
    Zero {
        /// The option.
        option: &'static str,
    },
    /// `--min` is larger than `--max`.
    #[error("a session cannot have a minimum of {min} and a maximum of {max} TaskManagers")]
    SessionSize {
        /// `--min`.
        min: u32,
        /// `--max`, or `slotmanager.number-of-slots.max` in TaskManagers.
        max: u32,
    },
    /// A running session of the same user already has the name.
    #[error("there is already a running session named `{name}`: {application}")]
    SessionName {
        /// The name.
        name: String,
        /// The session's application.
        application: proto::ids::ApplicationId,
    },
    /// The name of a session looks like an id.
    #[error("a session cannot be named `{name}`: it would be taken for an application id")]
    SessionNameIsId {
        /// The name.
        name: String,
    },
    /// A setting that cannot apply to a job of a session.
    #[error("`{key}` is a cluster setting; it cannot be changed for a job in a running session")]
    ClusterKey {
        /// The key.
        key: String,
    },
    /// Additional jars for a job of a session: Flink's jar handler accepts only one.
    #[error("`{key}` cannot be used for a job in a session: Flink loads only the job's own jar")]
    SessionJars {
        /// The key.
        key: &'static str,
    },
    /// A port range is invalid.
    #[error("`{key}`: {source}")]
    Ports {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        #[source]
        source: PortRangeError,
    },
    /// State would be lost at a configured path.
    #[error(transparent)]
    StatePath(#[from] StatePathError),
    /// Any other value of Flink's configuration that YARN would not accept.
    #[error("`{key}`: `{value}` {reason}")]
    Value {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A job id that Flink would not accept.
    #[error("`{given}` is not a job id (32 hexadecimal digits)")]
    JobId {
        /// What was given.
        given: String,
    },
    /// A key (`--key`) that is not valid.
    #[error("`--key` {reason}")]
    Key {
        /// Why not.
        reason: &'static str,
    },
    /// `-n` without `-s`.
    #[error("`--allow-non-restored-state` has no effect without a savepoint")]
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
    /// Limits on the number of TaskManagers that cannot be satisfied.
    #[error(transparent)]
    Limits(#[from] crate::flink::limits::LimitsError),
    /// A file to ship does not exist.
    #[error("`{key}`: {} does not exist", path.display())]
    ShipFile {
        /// The key.
        key: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A savepoint lacks the file that describes it.
    #[error("{path} is not a savepoint: it contains no `_metadata`")]
    NoSavepointMetadata {
        /// As given.
        path: String,
    },
    /// Checkpoints of an earlier run are where this one would write its own, and Flink would delete them.
    #[error(
        "the job would write its checkpoints, starting with `chk-{first}`, to {directory}, and Flink \
         would overwrite those of an earlier run there"
    )]
    CheckpointsInTheWay {
        /// Full URI of the directory.
        directory: String,
        /// Full URI of the newest one in it.
        newest: String,
        /// Number of the first checkpoint that the job would write.
        first: u64,
        /// Jobs of any id write there (`execution.checkpointing.create-subdir: false`).
        shared: bool,
    },
    /// Something in the cluster's file system that is to be used does not exist.
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
    /// The staging area cannot be used.
    #[error(transparent)]
    Staging(Box<StageError>),
    /// There is no such queue.
    #[error("queue `{queue}` does not exist")]
    NoQueue {
        /// The queue.
        queue: String,
        /// Queues that accept applications, most similar name first.
        known: Vec<String>,
    },
    /// The queue accepts no applications.
    #[error("queue `{queue}` does not accept applications: it is {state}")]
    QueueClosed {
        /// The queue.
        queue: String,
        /// YARN's name of its state.
        state: String,
        /// Queues that accept applications, most similar name first.
        known: Vec<String>,
    },
    /// The queue has queues below it, and only those accept applications.
    #[error("queue `{queue}` is not a leaf queue")]
    QueueNotLeaf {
        /// The queue.
        queue: String,
        /// Queues that accept applications, most similar name first.
        known: Vec<String>,
    },
    /// A container larger than any that the cluster grants.
    #[error("the {role} needs {needed} {unit}, but containers of the cluster have at most {maximum}")]
    TooLarge {
        /// "JobManager" or "TaskManager".
        role: &'static str,
        /// What is requested.
        needed: u64,
        /// "MiB of memory", "vcores", or the name of another resource.
        unit: String,
        /// `yarn.scheduler.maximum-allocation-…`.
        maximum: u64,
        /// Keys that reduce it.
        keys: &'static str,
    },
    /// The ResourceManager's response to a request before the submission.
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

    /// What to do next, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::Hadoop(source) => return source.hint(),
            Self::Flink(source) => return source.hint(),
            Self::StatePath(source) => source.hint(),
            Self::User(source) => return source.hint(),
            Self::Distribution(source) => return source.hint(),
            Self::Jar(source) => return source.hint(),
            Self::Memory { source, .. } => return source.hint(),
            Self::Limits(source) => return source.hint(),
            Self::Staging(source) => return source.hint(),
            Self::Remote { source, path, .. } if source.is_not_found() => {
                let above = path.trim_end_matches('/').rsplit_once('/').map_or("/", |(above, _)| above);
                format!("check the path; list what is there with `hdfs dfs -ls {above}/`")
            }
            Self::Remote { source, .. } => return source.hint(),
            Self::NoSavepointMetadata { .. } => {
                "name the directory of a single savepoint or checkpoint (`chk-<number>`)".to_owned()
            }
            Self::CheckpointsInTheWay { newest, shared, .. } => format!(
                "resume from the latest one with `-s {newest}`, or choose another {}",
                if *shared {
                    "directory (`execution.checkpointing.dir`), or leave out \
                     `execution.checkpointing.create-subdir`"
                } else {
                    "job id (`pipeline.jobid`) or directory (`execution.checkpointing.dir`)"
                }
            ),
            Self::ResourceManager(source) => return resource_manager_hint(source),
            Self::NoFlinkHome => {
                "set `FLINK_HOME` or `--flink-home` to the directory that contains Flink's `lib/`, or \
                 `yarn.provided.lib.dirs` to directories on the cluster"
                    .to_owned()
            }
            Self::NoProvidedDist { .. } => {
                "set `yarn.provided.lib.dirs` to the directories `lib` and `plugins` of one Flink distribution".to_owned()
            }
            Self::NoAppMaster { .. } => {
                "put it next to `yarn-flink`, or name it with `--app-master` or `YARN_FLINK_APP_MASTER`".to_owned()
            }
            Self::Target { target } if target.contains("session") => {
                "name the session with `--session ID|NAME`".to_owned()
            }
            Self::Target { .. } => {
                "leave out `-t` and `-m` (or use `-t yarn-application`); submit a job to a running \
                 cluster with `--session ID|NAME`".to_owned()
            },
            Self::Size { .. } => {
                "write it as a whole number with a unit, such as `1600m` or `2g`; without a unit it is in MiB".to_owned()
            }
            Self::Ports { .. } => "write it as `50100`, `50100-50200` or `50100,50200-50300`; `0` means any free port".to_owned(),
            Self::NoQueue { known, .. }
            | Self::QueueClosed { known, .. }
            | Self::QueueNotLeaf { known, .. } => {
                if known.is_empty() {
                    return None;
                }
                format!("choose one with `--queue`: {}", known.join(", "))
            }
            Self::TooLarge { keys, .. } => format!("lower {keys}, or raise `yarn.scheduler.maximum-allocation-*`"),
            Self::NoSavepoint => "add `-s PATH`".to_owned(),
            Self::Key { .. } => "use a key that names one run, such as `nightly-2026-11-23`".to_owned(),
            Self::SessionSize { .. } => "raise `--max` (or `slotmanager.number-of-slots.max`), or lower `--min`".to_owned(),
            Self::SessionName { application, .. } => format!(
                "choose another `--name`, use the running one (`yarn-flink run --session {application}`), \
                 or stop it with `yarn-flink session stop {application}`"
            ),
            Self::SessionNameIsId { .. } => "choose another `--name`".to_owned(),
            Self::ClusterKey { .. } => {
                "set it with `yarn-flink session start`, or run the job on its own cluster, without `--session`".to_owned()
            }
            Self::SessionJars { .. } => "put them into `lib/` in the jar, or run the job on its own cluster, without `--session`".to_owned(),
            Self::Zero { .. } => "set it to 1 or more".to_owned(),
            Self::JobId { .. } => "leave it out to have a job id generated".to_owned(),
            Self::UnsupportedVersion { .. } => "use a supported distribution".to_owned(),
            Self::Value { key, .. } if key.contains('.') => {
                format!("correct it in Flink's configuration, or override it with `-D {key}=...`")
            }
            Self::Value { key, .. } if key.starts_with('-') => {
                format!("see `yarn-flink run --help` for the values of `{key}`")
            }
            Self::Value { .. } => "name the jar file itself".to_owned(),
            Self::ShipFile { .. } => {
                "relative paths are resolved against the working directory; for a file on the cluster \
                 write `hdfs://...`".to_owned()
            }
        };
        Some(text)
    }

    /// The peer's complete response, including a Java stack trace.
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
        // A single bad value: its text names the key.
        MemoryError::Value(error) => error.to_string(),
        error => format!("the memory of the {role} is inconsistent: {error}"),
    }
}
