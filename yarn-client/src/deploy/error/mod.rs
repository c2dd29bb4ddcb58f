//! Why a verb failed, what kind of failure it is, and what to do about it.

mod preflight;

use std::time::Duration;

use proto::ids::ApplicationId;

use crate::conf::{ConfError, Endpoint};
use crate::control::ControlError;
use crate::flink::failure::Failure;
use crate::flink::rest::RestError;
use crate::hdfs::HdfsError;
use crate::hdfs::stage::StageError;
use crate::rpc::RpcError;
use crate::security::UserError;
use crate::yarn::YarnError;

pub use preflight::PreflightError;

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
    /// The user's program failed.
    Job,
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
    /// There is no application master that could be asked.
    #[error("{application} is {state}: no application master of it can be asked")]
    NotLive {
        /// The application.
        application: ApplicationId,
        /// YARN's name of its state.
        state: String,
    },
    /// The key to its application master is in a directory that only its user may read.
    #[error("{application} belongs to {owner}: its application master answers nobody else")]
    NotOurs {
        /// The application.
        application: ApplicationId,
        /// Whose it is.
        owner: String,
        /// What the file system said.
        #[source]
        source: Box<HdfsError>,
    },
    /// Its master cannot be reached, or refused.
    #[error("the application master of {application} cannot be asked")]
    Control {
        /// The application.
        application: ApplicationId,
        /// Why.
        #[source]
        source: Box<ControlError>,
    },
    /// Its master is about to be there.
    #[error("the application master of {application} (attempt {attempt}) is starting")]
    Starting {
        /// The application.
        application: ApplicationId,
        /// 1 for the first.
        attempt: u32,
    },
    /// Flink, through the application master.
    #[error("{application}: {source}")]
    Flink {
        /// The application.
        application: ApplicationId,
        /// Why.
        source: Box<RestError>,
    },
    /// No running session is meant.
    #[error("no running session of {user} has the name '{name}'")]
    NoSession {
        /// The name.
        name: String,
        /// Whose sessions were looked at.
        user: String,
    },
    /// More than one is.
    #[error("{} running sessions have the name '{name}': {}", applications.len(), joined(applications))]
    ManySessions {
        /// The name.
        name: String,
        /// Their ids.
        applications: Vec<ApplicationId>,
    },
    /// It runs a job of its own.
    #[error("{application} is no session")]
    NotASession {
        /// The application.
        application: ApplicationId,
    },
    /// Flink does not list the job.
    #[error("{application} has no job {job}")]
    NoJob {
        /// The application.
        application: ApplicationId,
        /// What was asked for.
        job: String,
        /// Jobs that have not ended.
        running: Vec<String>,
    },
    /// A job was sent to a session, and the answer was lost.
    #[error("whether job {job} has been submitted to {application} is not known: {source}")]
    Unsure {
        /// The session.
        application: ApplicationId,
        /// The job's id, if there is one.
        job: String,
        /// What happened to the answer.
        source: Box<RestError>,
    },
    /// Flink has forgotten a job that it was running.
    #[error("{application} does not know job {job} any more: it was lost with its JobManager")]
    JobLost {
        /// The session.
        application: ApplicationId,
        /// The job.
        job: String,
    },
    /// The session is over, and with it whoever knew how the job ended.
    #[error("{application} is {state}: how its job {job} ended is not known any more")]
    SessionEnded {
        /// The session.
        application: ApplicationId,
        /// The job.
        job: String,
        /// YARN's name of the session's state.
        state: String,
    },
    /// Which job is meant?
    #[error("{application} runs {}", if running.is_empty() { "no job".to_owned() } else { format!("{} jobs: {}", running.len(), running.join(", ")) })]
    WhichJob {
        /// The application.
        application: ApplicationId,
        /// Jobs that have not ended.
        running: Vec<String>,
    },
    /// Flink could not do what it was asked to.
    #[error("{what} failed: {}", failure.summary)]
    Operation {
        /// Such as "the savepoint of 0123…".
        what: String,
        /// Flink's exception.
        failure: Box<Failure>,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The program failed before it had submitted its job.
    #[error("the program failed: {}", failure.summary)]
    Program {
        /// Its exception.
        failure: Box<Failure>,
        /// The command line is wrong: no such class, no `main`.
        usage: bool,
    },
    /// A file on this host.
    #[error("{}", path.display())]
    Local {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What was asked for makes no sense for this application.
    #[error("{application}: {text}")]
    Refused {
        /// The application.
        application: ApplicationId,
        /// What its master said.
        text: String,
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
            Self::Hadoop(_) | Self::User(_) | Self::Local { .. } => ErrorKind::Usage,
            Self::ManySessions { .. }
            | Self::NotASession { .. }
            | Self::WhichJob { .. }
            | Self::Refused { .. } => ErrorKind::Usage,
            Self::NoSession { .. } | Self::NoJob { .. } => ErrorKind::NotFound,
            Self::Program { usage: true, .. } => ErrorKind::Usage,
            Self::Program { .. } | Self::JobLost { .. } => ErrorKind::Job,
            Self::Starting { .. }
            | Self::Flink { .. }
            | Self::Operation { .. }
            | Self::Unsure { .. }
            | Self::SessionEnded { .. } => ErrorKind::Cluster,
            Self::FileSystem(_) | Self::NotLive { .. } | Self::NotOurs { .. } | Self::Control { .. } => {
                ErrorKind::Cluster
            }
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
            Self::NotLive { application, .. } => {
                Some(format!("`yarn-flink explain {application}` says why it waits, or how it ended"))
            }
            Self::NotOurs { application, owner, .. } => Some(format!(
                "ask as {owner}; `yarn-flink status {application}` shows what YARN tells others"
            )),
            Self::Control { application, .. } => Some(format!(
                "is its node up, and may this host open connections to it? `yarn-flink status {application}` shows it"
            )),
            Self::Starting { application, .. } => Some(format!(
                "ask again in some seconds; `yarn-flink events --follow {application}` tells when it is there"
            )),
            Self::Flink { application, source } if source.is_transient() => Some(format!(
                "its JobManager may be starting: ask again in some seconds; `yarn-flink status {application}` shows it"
            )),
            Self::Flink { .. } => None,
            Self::NoSession { .. } => Some("`yarn-flink session list` shows them".to_owned()),
            Self::ManySessions { .. } => Some("name one by its application id".to_owned()),
            Self::NotASession { application } => Some(format!(
                "its cluster ends with its own job; `yarn-flink jobs {application}` shows that, `yarn-flink session list` the \
                 sessions"
            )),
            Self::NoJob { running, .. } if !running.is_empty() => {
                Some(format!("jobs that have not ended: {}", running.join(", ")))
            }
            Self::NoJob { application, .. } => {
                Some(format!("none is running; `yarn-flink jobs --all {application}` shows those that have ended"))
            }
            Self::WhichJob { application, running } if running.is_empty() => {
                Some(format!("`yarn-flink jobs --all {application}` shows those that have ended"))
            }
            Self::WhichJob { .. } => Some("name one of them".to_owned()),
            Self::Unsure { application, job, .. } => {
                Some(format!("look for {job} in `yarn-flink jobs --all {application}` before you submit it again"))
            }
            Self::JobLost { .. } => Some(
                "start the session with -D high-availability.type=zookeeper, and its jobs outlive a JobManager".to_owned(),
            ),
            Self::SessionEnded { application, .. } => {
                Some(format!("`yarn-flink explain {application}` says how the session ended"))
            }
            Self::Operation { hint, .. } => hint.clone(),
            Self::Program { usage: true, .. } => {
                Some("name the class with the main method: -c CLASS".to_owned())
            }
            Self::Program { .. } | Self::Refused { .. } => None,
            Self::Local { .. } => Some("is the path right, and may you read the file?".to_owned()),
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

fn joined(applications: &[ApplicationId]) -> String {
    applications.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
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
            ApplicationError::Operation { failure, .. } | ApplicationError::Program { failure, .. } => {
                Some(failure.detail.as_str())
            }
            ApplicationError::Flink { source, .. } | ApplicationError::Unsure { source, .. } => {
                source.detail()
            }
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
