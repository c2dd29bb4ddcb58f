//! Sessions: which one is meant, and what became of a job that was sent to it.

use proto::ids::ApplicationId;

use super::ErrorKind;
use crate::flink::failure::Failure;
use crate::flink::rest::RestError;

/// Which session is meant, or what became of a job that was sent to it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
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
}

impl SessionError {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::ManySessions { .. } | Self::NotASession { .. } | Self::Program { usage: true, .. } => {
                ErrorKind::Usage
            }
            Self::NoSession { .. } => ErrorKind::NotFound,
            Self::Program { .. } => ErrorKind::Job,
            Self::Unsure { .. } | Self::SessionEnded { .. } => ErrorKind::Cluster,
        }
    }

    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
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
            Self::Unsure { application, job, .. } => Some(format!(
                "look for {job} in `yarn-flink jobs --all {application}` before you submit it again"
            )),
            Self::SessionEnded { application, .. } => {
                Some(format!("`yarn-flink explain {application}` says how the session ended"))
            }
            Self::Program { usage: true, .. } => {
                Some("name the class with the main method: -c CLASS".to_owned())
            }
            Self::Program { application, left: Some(job), .. } => Some(format!(
                "`yarn-flink cancel {application} {job}` ends it. A program that waits for its job, or uses its results, needs a \
                 cluster of its own: leave --session out"
            )),
            Self::Program { .. } => None,
        }
    }

    /// The peer's whole answer, a Java stack trace included.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Unsure { source, .. } => source.detail(),
            Self::Program { failure, .. } => Some(&failure.detail),
            _ => None,
        }
    }
}

fn joined(applications: &[ApplicationId]) -> String {
    applications.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
