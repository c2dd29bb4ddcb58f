//! Why a verb failed, what kind of failure it is, and what to do about it.

use std::path::PathBuf;
use std::time::Duration;

use proto::ids::ApplicationId;

use crate::conf::{ConfError, Endpoint};
use crate::flink::dist::DistError;
use crate::flink::jar::JarError;
use crate::flink::memory::MemoryError;
use crate::flink::ports::PortRangeError;
use crate::flink::size::SizeError;
use crate::flink::{ConfigError, Version};
use crate::hdfs::HdfsError;
use crate::hdfs::stage::StageError;
use crate::rpc::RpcError;
use crate::security::UserError;
use crate::yarn::YarnError;

/// What kind of failure an error is; scripts see it as the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command line, a file it names or a configuration is wrong.
    Usage,
    /// The cluster refused, or could not be reached.
    Cluster,
    /// There is no such application.
    NotFound,
    /// The time that was given has passed.
    TimedOut,
    /// The caller asked to stop.
    Interrupted,
}

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
    /// A port range.
    #[error("{key}: {source}")]
    Ports {
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        #[source]
        source: PortRangeError,
    },
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
            Self::User(source) => source.hint().to_owned(),
            Self::Distribution(source) => return source.hint(),
            Self::Jar(source) => return source.hint(),
            Self::Memory { source, .. } => return source.hint(),
            Self::Staging(source) => return source.hint(),
            Self::Remote { source, path, .. } if source.is_not_found() => {
                let above = path.trim_end_matches('/').rsplit_once('/').map_or("/", |(above, _)| above);
                format!("check the path; `hdfs dfs -ls {above}/` shows what is there")
            }
            Self::Remote { source, .. } => return source.hint(),
            Self::NoSavepointMetadata { .. } => {
                "name the directory of one savepoint, or of one checkpoint (chk-<number>)".to_owned()
            }
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
            Self::Target { target } if target.contains("session") => "sessions are not available yet".to_owned(),
            Self::Target { .. } => "leave -t out, or say -t yarn-application".to_owned(),
            Self::Size { .. } => "write it as 1600m or 2g; without a unit it is in MiB".to_owned(),
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
            Self::Zero { .. } => "give a whole number from 1".to_owned(),
            Self::JobId { .. } => "leave it out, and the job gets an id of its own".to_owned(),
            Self::UnsupportedVersion { .. } => "use another distribution".to_owned(),
            Self::Value { key, .. } if key.contains('.') => {
                format!("correct it in Flink's configuration; -D {key}=... overrides what is there")
            }
            Self::Value { .. } => "name the jar itself".to_owned(),
            Self::ShipFile { .. } => {
                "a relative path is taken from the working directory; for a file of the cluster write hdfs://...".to_owned()
            }
        };
        Some(text)
    }
}

/// A submission that failed. Whatever had been made for it on the cluster is gone again, whole cache entries
/// and what a key ([`super::key`]) points at apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// Something was wrong beforehand.
    #[error(transparent)]
    Preflight(Box<PreflightError>),
    /// Files could not be brought to the cluster.
    #[error(transparent)]
    Staging(Box<StageError>),
    /// The ResourceManager did not take the application.
    #[error("the ResourceManager did not take {application}")]
    Refused {
        /// The application.
        application: ApplicationId,
        /// What it said.
        #[source]
        source: Box<YarnError>,
    },
    /// The key stands for another jar, class, savepoint or other arguments.
    #[error("the key '{key}' has been used for another program: {application}")]
    KeyDiffers {
        /// The key.
        key: String,
        /// The application it stands for.
        application: ApplicationId,
    },
    /// The key's application has run, and nobody knows any more how it ended.
    #[error("{application}, submitted with the key '{key}', has run, and YARN no longer knows how it ended")]
    KeyForgotten {
        /// The key.
        key: String,
        /// The application it stood for.
        application: ApplicationId,
        /// Full URI of the key's directory.
        directory: String,
    },
    /// The record of the key is damaged.
    #[error("the record of the key in {directory} is damaged")]
    KeyRecord {
        /// Full URI of the key's directory.
        directory: String,
    },
    /// The caller asked to stop before the application was submitted.
    #[error("interrupted before the application was submitted; nothing was started")]
    Interrupted,
}

impl From<PreflightError> for SubmitError {
    fn from(error: PreflightError) -> Self {
        Self::Preflight(Box::new(error))
    }
}

impl SubmitError {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Preflight(source) => source.kind(),
            Self::Interrupted => ErrorKind::Interrupted,
            Self::Staging(source) => stage_kind(source),
            Self::Refused { source, .. } => yarn_kind(source),
            Self::KeyDiffers { .. } => ErrorKind::Usage,
            Self::KeyForgotten { .. } | Self::KeyRecord { .. } => ErrorKind::Cluster,
        }
    }

    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Preflight(source) => source.hint(),
            Self::Staging(source) => source.hint(),
            Self::Refused { source, .. } if source.is_access_denied() => Some(
                "the user has no right to submit to this queue: choose another with --queue, or ask for it"
                    .to_owned(),
            ),
            Self::Refused { source, .. } => resource_manager_hint(source),
            Self::KeyDiffers { application, .. } => Some(format!(
                "a key stands for one jar, class, savepoint and list of arguments: use another key; `yarn-flink status \
                 {application}` shows what runs under this one"
            )),
            Self::KeyForgotten { directory, .. } | Self::KeyRecord { directory } => Some(format!(
                "look at what the job has written; to run it again use another key, or hdfs dfs -rm -r {directory}"
            )),
            Self::Interrupted => None,
        }
    }
}

/// A question about, or an order to, applications that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplicationError {
    /// The text is no application id.
    #[error(transparent)]
    Id(#[from] proto::ids::ParseIdError),
    /// The ResourceManager does not know it.
    #[error("the ResourceManager does not know {application}")]
    NotFound {
        /// The application.
        application: ApplicationId,
        /// The ResourceManager's whole answer.
        detail: Option<String>,
    },
    /// The time given for waiting has passed.
    #[error("{application} was {state} after {} s", waited.as_secs_f32())]
    TimedOut {
        /// The application.
        application: ApplicationId,
        /// YARN's name of its state.
        state: String,
        /// How long was waited.
        waited: Duration,
    },
    /// It did not run within the time given for that, and has been killed.
    #[error("{application} was {state} after {} s and has been killed: {why}", waited.as_secs_f32())]
    NotRunning {
        /// The application.
        application: ApplicationId,
        /// YARN's name of the state it waited in.
        state: String,
        /// How long was waited.
        waited: Duration,
        /// What the scheduler said of it.
        why: String,
    },
    /// Hadoop's configuration.
    #[error(transparent)]
    Hadoop(#[from] ConfError),
    /// Nobody knows who is asking.
    #[error(transparent)]
    User(#[from] UserError),
    /// The ResourceManager.
    #[error("{}", resource_manager_text(.0))]
    ResourceManager(#[source] YarnError),
    /// The file system.
    #[error(transparent)]
    FileSystem(#[from] HdfsError),
}

impl ApplicationError {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Id(_) => ErrorKind::Usage,
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::TimedOut { .. } | Self::NotRunning { .. } => ErrorKind::TimedOut,
            Self::ResourceManager(source) => yarn_kind(source),
            Self::Hadoop(_) | Self::User(_) => ErrorKind::Usage,
            Self::FileSystem(_) => ErrorKind::Cluster,
        }
    }

    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } => Some(
                "it may belong to another cluster, or have ended so long ago that the ResourceManager has forgotten \
                 it; `yarn-flink list --all` shows what it remembers"
                    .to_owned(),
            ),
            Self::TimedOut { application, .. } => {
                Some(format!("it goes on; `yarn-flink status {application}` shows it, `yarn-flink kill {application}` ends it"))
            }
            Self::NotRunning { .. } => Some(
                "submit it to another queue (--queue) or when the queue has room, or raise --max-wait".to_owned(),
            ),
            Self::ResourceManager(source) => resource_manager_hint(source),
            Self::FileSystem(source) => source.hint(),
            Self::Hadoop(source) => source.hint(),
            Self::User(source) => Some(source.hint().to_owned()),
            Self::Id(_) => Some(
                "such as application_1700000000000_0001; `yarn-flink list --all` shows the ids".to_owned(),
            ),
        }
    }
}

impl From<StageError> for PreflightError {
    fn from(error: StageError) -> Self {
        Self::Staging(Box::new(error))
    }
}

impl From<StageError> for SubmitError {
    fn from(error: StageError) -> Self {
        Self::Staging(Box::new(error))
    }
}

impl ApplicationError {
    /// An unknown application is an error of its own kind.
    pub(super) fn of(application: ApplicationId, error: YarnError) -> Self {
        if error.is_not_found() {
            Self::NotFound { application, detail: error.detail().map(str::to_owned) }
        } else {
            Self::ResourceManager(error)
        }
    }
}

/// Silence is the ResourceManager's, whatever was asked; what it answers speaks for itself.
fn resource_manager_text(error: &YarnError) -> String {
    match unreachable_at(error) {
        Some(endpoint) => format!("no ResourceManager answers at {endpoint}"),
        None => error.to_string(),
    }
}

fn resource_manager_hint(error: &YarnError) -> Option<String> {
    match unreachable_at(error) {
        Some(endpoint) => Some(format!(
            "is the ResourceManager running, and is {endpoint} right? It comes from yarn.resourcemanager.address (or \
             .hostname) in yarn-site.xml"
        )),
        None if error.remote_class() == Some("org.apache.hadoop.ipc.RpcNoSuchProtocolException") => Some(
            "another service than a ResourceManager listens there: correct yarn.resourcemanager.address in \
             yarn-site.xml"
                .to_owned(),
        ),
        None => error.hint(),
    }
}

fn unreachable_at(error: &YarnError) -> Option<&Endpoint> {
    match error {
        YarnError::Rpc(rpc) if rpc.is_unreachable() => rpc.endpoint(),
        _ => None,
    }
}

fn memory_text(role: &str, error: &MemoryError) -> String {
    match error {
        // One bad value: its text names the key.
        MemoryError::Value(error) => error.to_string(),
        error => format!("the memory of the {role} does not add up: {error}"),
    }
}

fn yarn_kind(error: &YarnError) -> ErrorKind {
    match error {
        YarnError::Configuration(_) | YarnError::Submission(_) => ErrorKind::Usage,
        _ => ErrorKind::Cluster,
    }
}

fn stage_kind(error: &StageError) -> ErrorKind {
    match error {
        StageError::DuplicateLink { .. } | StageError::Link { .. } | StageError::Local { .. } => {
            ErrorKind::Usage
        }
        _ => ErrorKind::Cluster,
    }
}

/// The peer's whole answer, a Java stack trace included, from wherever in a chain of errors it is kept.
pub fn detail<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a str> {
    let mut next = Some(error);
    while let Some(error) = next {
        let own = error
            .downcast_ref::<RpcError>()
            .and_then(RpcError::detail)
            .or_else(|| error.downcast_ref::<YarnError>().and_then(YarnError::detail))
            .or_else(|| error.downcast_ref::<Box<YarnError>>().and_then(|error| error.detail()))
            .or_else(|| error.downcast_ref::<HdfsError>().and_then(HdfsError::detail))
            .or_else(|| error.downcast_ref::<Box<HdfsError>>().and_then(|error| error.detail()));
        // `#[error(transparent)]` skips a level of `source`, so the carriers are asked by name too.
        let carried = || match error.downcast_ref::<ApplicationError>()? {
            ApplicationError::ResourceManager(source) => source.detail(),
            ApplicationError::FileSystem(source) => source.detail(),
            ApplicationError::NotFound { detail, .. } => detail.as_deref(),
            _ => None,
        };
        let staged = |stage: &'a StageError| match stage {
            StageError::FileSystem(source) => source.detail(),
            _ => None,
        };
        let prepared = |error: &'a PreflightError| match error {
            PreflightError::ResourceManager(source) => source.detail(),
            PreflightError::Staging(stage) => staged(stage),
            _ => None,
        };
        let submitted = || match error.downcast_ref::<SubmitError>()? {
            SubmitError::Preflight(source) => prepared(source),
            SubmitError::Staging(source) => staged(source),
            _ => None,
        };
        if let Some(found) = own.or_else(carried).or_else(submitted) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    fn refused() -> HdfsError {
        HdfsError::Failed {
            operation: "stat",
            path: "hdfs://nn/x.jar".to_owned(),
            class: None,
            message: "first line".to_owned(),
            detail: "first line\n\tat org.example.A.b(A.java:1)".to_owned(),
        }
    }

    #[test]
    fn the_java_trace_is_found_below_every_carrier() {
        let remote = || PreflightError::Remote {
            what: "the jar",
            path: "hdfs://nn/x.jar".to_owned(),
            source: Box::new(refused()),
        };
        let carriers: [Box<dyn Error>; 5] = [
            Box::new(remote()),
            Box::new(SubmitError::from(remote())),
            Box::new(SubmitError::from(StageError::from(refused()))),
            Box::new(SubmitError::from(PreflightError::from(StageError::from(refused())))),
            Box::new(ApplicationError::from(refused())),
        ];
        for error in carriers {
            assert!(detail(error.as_ref()).is_some_and(|text| text.contains("A.java:1")), "{error:?}");
            assert!(!error.to_string().contains("A.java"), "{error}");
        }
        assert_eq!(detail(&PreflightError::NoFlinkHome), None);
    }

    #[test]
    fn kinds_become_exit_codes_so_they_are_fixed() {
        let queue = PreflightError::NoQueue { queue: "q".to_owned(), known: vec!["default".to_owned()] };
        assert_eq!(queue.kind(), ErrorKind::Cluster);
        assert_eq!(queue.hint().as_deref(), Some("choose one with --queue: default"));
        assert_eq!(PreflightError::NoFlinkHome.kind(), ErrorKind::Usage);
        assert_eq!(SubmitError::Interrupted.kind(), ErrorKind::Interrupted);
        let missing = HdfsError::NotFound { path: "hdfs://nn/x.jar".to_owned() };
        let missing =
            PreflightError::Remote { what: "the jar", path: String::new(), source: Box::new(missing) };
        assert_eq!(missing.kind(), ErrorKind::Usage);
        let application = "application_1_0001".parse().unwrap();
        assert_eq!(ApplicationError::NotFound { application, detail: None }.kind(), ErrorKind::NotFound);
    }
}
