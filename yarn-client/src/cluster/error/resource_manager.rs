//! What the ResourceManager says of an application.

use std::time::Duration;

use proto::ids::ApplicationId;

use super::{ErrorKind, resource_manager_hint, resource_manager_text, yarn_kind};
use crate::yarn::YarnError;

/// What the ResourceManager says of an application, or does not say in time.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceManagerError {
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
    /// It runs no Flink.
    #[error("{application} is no Flink application: its type is {kind}")]
    NotFlink {
        /// The application.
        application: ApplicationId,
        /// Its type.
        kind: String,
    },
    /// It refused, or could not be asked.
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
            Self::NotFlink { application, .. } => {
                Some(format!("`yarn-flink status|explain|logs|kill {application}` are for any application of YARN"))
            }
            Self::Call(source) => resource_manager_hint(source),
        }
    }

    /// The peer's whole answer, a Java stack trace included.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::NotFound { detail, .. } => detail.as_deref(),
            Self::Call(source) => source.detail(),
            _ => None,
        }
    }
}
