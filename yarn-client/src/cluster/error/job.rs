//! What Flink says of its jobs.

use proto::ids::ApplicationId;

use super::ErrorKind;
use crate::flink::failure::Failure;
use crate::flink::rest::RestError;

/// What Flink says of its jobs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// Flink's REST server, through the application master.
    #[error("{application}: {source}")]
    Rest {
        /// The application.
        application: ApplicationId,
        /// Why.
        source: Box<RestError>,
    },
    /// Its program has not begun its job yet.
    #[error("the job of {application} has not begun yet: {why}")]
    NoJobYet {
        /// The application.
        application: ApplicationId,
        /// What it waits for.
        why: String,
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
    /// Which job is meant?
    #[error("{application} runs {}", if running.is_empty() { "no job".to_owned() } else { format!("{} jobs: {}", running.len(), running.join(", ")) })]
    WhichJob {
        /// The application.
        application: ApplicationId,
        /// Jobs that have not ended.
        running: Vec<String>,
    },
    /// Flink has forgotten a job that it was running.
    #[error("{application} does not know job {job} any more: it was lost with its JobManager")]
    JobLost {
        /// The session.
        application: ApplicationId,
        /// The job.
        job: String,
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
}

impl JobError {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoJob { .. } => ErrorKind::NotFound,
            Self::WhichJob { .. } => ErrorKind::Usage,
            Self::JobLost { .. } => ErrorKind::Job,
            Self::Rest { .. } | Self::NoJobYet { .. } | Self::Operation { .. } => ErrorKind::Cluster,
        }
    }

    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoJobYet { application, .. } => Some(format!(
                "ask again when it runs: `yarn-flink events --follow {application}` tells; `yarn-flink kill {application}` ends it \
                 at once"
            )),
            Self::Rest { application, source } if source.is_transient() => Some(format!(
                "its JobManager may be starting: ask again in some seconds; `yarn-flink status {application}` shows it"
            )),
            Self::Rest { .. } => None,
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
            Self::JobLost { .. } => Some(
                "start the session with -D high-availability.type=zookeeper, and its jobs outlive a JobManager".to_owned(),
            ),
            Self::Operation { hint, .. } => hint.clone(),
        }
    }

    /// The peer's whole answer, a Java stack trace included.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Rest { source, .. } => source.detail(),
            Self::Operation { failure, .. } => Some(&failure.detail),
            _ => None,
        }
    }
}
