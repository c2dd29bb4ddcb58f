//! Errors of Flink about its jobs.

use proto::ids::ApplicationId;

use super::ErrorKind;
use crate::flink::failure::Failure;
use crate::flink::rest::RestError;

/// An error of Flink about its jobs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// Flink's REST server, reached through the application master, failed.
    #[error("{application}: {source}")]
    Rest {
        /// The application.
        application: ApplicationId,
        /// Why.
        source: Box<RestError>,
    },
    /// The program has not started its job yet.
    #[error("the job of {application} has not started yet: {why}")]
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
        /// The requested job.
        job: String,
        /// Jobs that have not ended.
        running: Vec<String>,
    },
    /// It is unclear which job is meant.
    #[error("{application} {}", match running.len() { 0 => "has no running job".to_owned(), count => format!("is running {count} jobs: {}", running.join(", ")) })]
    WhichJob {
        /// The application.
        application: ApplicationId,
        /// Jobs that have not ended.
        running: Vec<String>,
    },
    /// Flink has forgotten a job that it was running.
    #[error("job {job} of {application} was lost with its JobManager")]
    JobLost {
        /// The session.
        application: ApplicationId,
        /// The job.
        job: String,
    },
    /// Flink could not do what was requested.
    #[error("{what} failed: {}", failure.summary)]
    Operation {
        /// The operation, such as "the savepoint of 0123…".
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

    /// What to do next, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoJobYet { application, .. } => Some(format!(
                "try again once it is running (see `yarn-flink events --follow {application}`), or end it \
                 with `yarn-flink kill {application}`"
            )),
            Self::Rest { application, source } if source.is_transient() => Some(format!(
                "its JobManager may still be starting: try again in a few seconds, or check `yarn-flink \
                 status {application}`"
            )),
            Self::Rest { .. } => None,
            Self::NoJob { running, .. } if !running.is_empty() => {
                Some(format!("choose one of its unfinished jobs: {}", running.join(", ")))
            }
            Self::NoJob { application, .. } => Some(format!(
                "none is running; list finished jobs with `yarn-flink jobs --all {application}`"
            )),
            Self::WhichJob { application, running } if running.is_empty() => {
                Some(format!("list finished jobs with `yarn-flink jobs --all {application}`"))
            }
            Self::WhichJob { .. } => Some("name one of them".to_owned()),
            Self::JobLost { .. } => Some(
                "start the session with `-D high-availability.type=zookeeper`, so that its jobs survive \
                 the loss of a JobManager"
                    .to_owned(),
            ),
            Self::Operation { hint, .. } => hint.clone(),
        }
    }

    /// The peer's complete response, including a Java stack trace.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Rest { source, .. } => source.detail(),
            Self::Operation { failure, .. } => Some(&failure.detail),
            _ => None,
        }
    }
}
