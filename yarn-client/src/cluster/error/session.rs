//! Errors about sessions: which one is meant, and what happened to a job that was sent to it.

use proto::ids::ApplicationId;

use super::ErrorKind;
use crate::flink::failure::Failure;
use crate::flink::rest::RestError;

/// It is unclear which session is meant, or what happened to a job that was sent to it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// No running session has the name.
    #[error("{user} has no running session named `{name}`")]
    NoSession {
        /// The name.
        name: String,
        /// The user whose sessions were searched.
        user: String,
    },
    /// More than one session has the name.
    #[error("{} running sessions are named `{name}`: {}", applications.len(), joined(applications))]
    ManySessions {
        /// The name.
        name: String,
        /// Their ids.
        applications: Vec<ApplicationId>,
    },
    /// The application runs a job of its own.
    #[error("{application} is not a session")]
    NotASession {
        /// The application.
        application: ApplicationId,
    },
    /// The session is over, so that how the job ended is no longer known.
    #[error("{application} is {state}, and the result of its job {job} is no longer available")]
    SessionEnded {
        /// The session.
        application: ApplicationId,
        /// The job.
        job: String,
        /// YARN's name of the session's state.
        state: String,
    },
    /// A job was sent to a session, and the response was lost.
    #[error("it is not known whether job {job} was submitted to {application}: {source}")]
    Unsure {
        /// The session.
        application: ApplicationId,
        /// The job's id, if there is one.
        job: String,
        /// What happened to the response.
        source: Box<RestError>,
    },
    /// The program failed before it had submitted its job, or after that.
    #[error(
        "the program failed: {}{}",
        failure.summary,
        left.as_ref().map_or_else(String::new, |job| format!("\nits job {job} keeps running"))
    )]
    Program {
        /// The session.
        application: ApplicationId,
        /// Its exception.
        failure: Box<Failure>,
        /// Whether the command line is wrong: no such class, no `main`.
        usage: bool,
        /// A job that it had started, and that has not ended.
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

    /// What to do next, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoSession { .. } => Some(
                "list sessions with `yarn-flink session list`; name any other application by its id, such \
                 as application_1700000000000_0001 (see `yarn-flink list --all`)"
                    .to_owned(),
            ),
            Self::ManySessions { .. } => Some("name one of them by its application id".to_owned()),
            Self::NotASession { application } => Some(format!(
                "list the sessions with `yarn-flink session list`; this application ends with its own job \
                 (see `yarn-flink jobs {application}`)"
            )),
            Self::Unsure { application, job, .. } => Some(format!(
                "look for {job} in `yarn-flink jobs --all {application}` before you submit it again"
            )),
            Self::SessionEnded { application, .. } => {
                Some(format!("find out how the session ended with `yarn-flink explain {application}`"))
            }
            Self::Program { usage: true, .. } => {
                Some("name the class with the `main` method: `-c CLASS`".to_owned())
            }
            Self::Program { application, left: Some(job), .. } => Some(format!(
                "end it with `yarn-flink cancel {application} {job}`; a program that waits for its job or \
                 uses its results needs its own cluster: leave out `--session`"
            )),
            Self::Program { .. } => None,
        }
    }

    /// The peer's complete response, including a Java stack trace.
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
