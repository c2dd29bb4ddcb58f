//! Questions about running applications and orders to them: why they failed, and what to do about it.

use std::time::Duration;

use proto::ids::ApplicationId;

use super::{ErrorKind, resource_manager_hint, resource_manager_text, yarn_kind};
use crate::conf::ConfError;
use crate::control::ControlError;
use crate::deploy::state_paths::StatePathError;
use crate::flink::failure::Failure;
use crate::flink::rest::RestError;
use crate::hdfs::HdfsError;
use crate::security::UserError;
use crate::yarn::YarnError;

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
    #[error("{application} was {state} after {}", crate::seconds(*waited))]
    TimedOut {
        /// The application.
        application: ApplicationId,
        /// YARN's name of its state.
        state: String,
        /// How long was waited.
        waited: Duration,
    },
    /// It did not run within the time given for that, and has been killed.
    #[error("{application} was {state} after {} and has been killed: {why}", crate::seconds(*waited))]
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
    #[error("the application master of {application} is not there yet (attempt {attempt}, {state}): {why}")]
    Starting {
        /// The application.
        application: ApplicationId,
        /// 1 for the first.
        attempt: u32,
        /// YARN's name of its state.
        state: String,
        /// What it waits for.
        why: String,
    },
    /// Its program has not begun its job yet.
    #[error("the job of {application} has not begun yet: {why}")]
    NoJobYet {
        /// The application.
        application: ApplicationId,
        /// What it waits for.
        why: String,
    },
    /// Its master runs, and has left the certificate somewhere else.
    #[error("the certificate of {application} is not in {}", looked.join(" nor in "))]
    Elsewhere {
        /// The application.
        application: ApplicationId,
        /// Staging directories that it might have had.
        looked: Vec<String>,
    },
    /// Another program has started it, Flink's own client for one.
    #[error("{application} was not started by yarn-flink: its application master takes no orders from it")]
    Foreign {
        /// The application.
        application: ApplicationId,
    },
    /// It runs no Flink.
    #[error("{application} is no Flink application: its type is {kind}")]
    NotFlink {
        /// The application.
        application: ApplicationId,
        /// Its type.
        kind: String,
    },
    /// A path at which state would be lost.
    #[error(transparent)]
    StatePath(#[from] StatePathError),
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
    /// The program failed before it had submitted its job, or behind that.
    #[error(
        "the program failed: {}{}",
        failure.summary,
        left.as_ref().map_or_else(String::new, |job| format!("\nthe job {job}, which it had begun, goes on"))
    )]
    Program {
        /// The session.
        application: ApplicationId,
        /// Its exception.
        failure: Box<Failure>,
        /// The command line is wrong: no such class, no `main`.
        usage: bool,
        /// A job that it had begun, and that has not ended.
        left: Option<String>,
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
            Self::Id(_) | Self::StatePath(_) => ErrorKind::Usage,
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::TimedOut { .. } | Self::NotRunning { .. } => ErrorKind::TimedOut,
            Self::ResourceManager(source) => yarn_kind(source),
            Self::Hadoop(_) | Self::User(_) | Self::Local { .. } => ErrorKind::Usage,
            Self::ManySessions { .. }
            | Self::NotASession { .. }
            | Self::Foreign { .. }
            | Self::NotFlink { .. }
            | Self::WhichJob { .. }
            | Self::Refused { .. } => ErrorKind::Usage,
            Self::NoSession { .. } | Self::NoJob { .. } => ErrorKind::NotFound,
            Self::Program { usage: true, .. } => ErrorKind::Usage,
            Self::Program { .. } | Self::JobLost { .. } => ErrorKind::Job,
            Self::Starting { .. }
            | Self::NoJobYet { .. }
            | Self::Elsewhere { .. }
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
            Self::StatePath(source) => Some(source.hint()),
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
            Self::Control { application, source } if source.is_answer() => Some(format!(
                "it is about to end, or to be followed by the next attempt: ask again in some seconds; `yarn-flink status \
                 {application}` shows it"
            )),
            Self::Control { application, .. } => Some(format!(
                "is its node up, and may this host open connections to it? `yarn-flink status {application}` shows it"
            )),
            Self::Starting { application, .. } => Some(format!(
                "ask again later: `yarn-flink explain {application}` says what it waits for; `yarn-flink kill {application}` ends \
                 it at once"
            )),
            Self::NoJobYet { application, .. } => Some(format!(
                "ask again when it runs: `yarn-flink events --follow {application}` tells; `yarn-flink kill {application}` ends it \
                 at once"
            )),
            Self::Foreign { application } => Some(format!(
                "Flink's own client gives it orders, such as `flink stop -t yarn-application -Dyarn.application.id={application} JOB` \
                 (of a session: -t yarn-session); `yarn-flink jobs|cancel|status|explain|logs|kill {application}` work here, too"
            )),
            Self::NotFlink { application, .. } => {
                Some(format!("`yarn-flink status|explain|logs|kill {application}` are for any application of YARN"))
            }
            Self::Elsewhere { .. } => Some(
                "it was submitted with another yarn.staging-directory: set that key in Flink's configuration, where every \
                 command finds it, not with -D alone"
                    .to_owned(),
            ),
            Self::Flink { application, source } if source.is_transient() => Some(format!(
                "its JobManager may be starting: ask again in some seconds; `yarn-flink status {application}` shows it"
            )),
            Self::Flink { .. } => None,
            Self::NoSession { .. } => Some(
                "`yarn-flink session list` shows them; any other application is meant by its id, such as \
                 application_1700000000000_0001, as `yarn-flink list --all` shows it"
                    .to_owned(),
            ),
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
            Self::Program { application, left: Some(job), .. } => Some(format!(
                "`yarn-flink cancel {application} {job}` ends it. A program that waits for its job, or uses its results, needs a \
                 cluster of its own: leave --session out"
            )),
            Self::Program { .. } | Self::Refused { .. } => None,
            Self::Local { .. } => Some("is the path right, and may you read the file?".to_owned()),
            Self::ResourceManager(source) => resource_manager_hint(source),
            Self::FileSystem(source) => source.hint(),
            Self::Hadoop(source) => source.hint(),
            Self::User(source) => Some(source.hint().to_owned()),
            Self::Id(error) if error.to_string().contains("container") => Some(
                "such as container_1700000000000_0001_01_000002; `yarn-flink logs ID --list` shows the ids".to_owned(),
            ),
            Self::Id(_) => Some(
                "such as application_1700000000000_0001; `yarn-flink list --all` shows the ids".to_owned(),
            ),
        }
    }
}

impl ApplicationError {
    /// An unknown application is an error of its own kind.
    pub(in super::super) fn of(application: ApplicationId, error: YarnError) -> Self {
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
