//! Errors of the ResourceManager about an application.

use std::time::Duration;

use proto::ids::ApplicationId;

use super::{ErrorKind, resource_manager_hint, resource_manager_text, yarn_kind};
use crate::yarn::YarnError;

/// An error of the ResourceManager about an application, or a missing response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceManagerError {
    /// The ResourceManager does not know it.
    #[error("the ResourceManager does not know {application}")]
    NotFound {
        /// The application.
        application: ApplicationId,
        /// The ResourceManager's complete response.
        detail: Option<String>,
    },
    /// The time given for waiting has passed.
    #[error("{application} was {state} after {}", crate::seconds(*waited))]
    TimedOut {
        /// The application.
        application: ApplicationId,
        /// YARN's name of its state.
        state: String,
        /// How long we waited.
        waited: Duration,
    },
    /// It did not run within the time given for that, and has been killed.
    #[error("{application} was {state} after {} and has been killed: {why}", crate::seconds(*waited))]
    NotRunning {
        /// The application.
        application: ApplicationId,
        /// YARN's name of the state that it was waiting in.
        state: String,
        /// How long we waited.
        waited: Duration,
        /// The scheduler's reason.
        why: String,
    },
    /// It does not run Flink.
    #[error("{application} is not a Flink application: its type is {kind}")]
    NotFlink {
        /// The application.
        application: ApplicationId,
        /// Its type.
        kind: String,
    },
    /// The ResourceManager refused, or could not be reached.
    #[error("{}", resource_manager_text(.0))]
    Call(#[source] YarnError),
}

impl ResourceManagerError {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } => ErrorKind::NotFound,
            Self::TimedOut { .. } | Self::NotRunning { .. } => ErrorKind::TimedOut,
            Self::NotFlink { .. } => ErrorKind::Usage,
            Self::Call(source) => yarn_kind(source),
        }
    }

    /// What to do next, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } => Some(
                "it may belong to another cluster, or have ended so long ago that the ResourceManager has forgotten \
                 it; `yarn-flink list --all` shows what it remembers"
                    .to_owned(),
            ),
            Self::TimedOut { application, .. } => {
                Some(format!("it keeps running; check it with `yarn-flink status {application}`, or end \
                    it with `yarn-flink kill {application}`"))
            }
            Self::NotRunning { .. } => Some(
                "submit it to another queue (`--queue`), wait until the queue has room, or raise `--max-wait`".to_owned(),
            ),
            Self::NotFlink { application, .. } => {
                Some(format!("use `yarn-flink status|explain|logs|kill {application}`, which work for any YARN application"))
            }
            Self::Call(source) => resource_manager_hint(source),
        }
    }

    /// The peer's complete response, including a Java stack trace.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::NotFound { detail, .. } => detail.as_deref(),
            Self::Call(source) => source.detail(),
            _ => None,
        }
    }
}
