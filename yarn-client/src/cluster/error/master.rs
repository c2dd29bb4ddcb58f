//! The control plane of an application: who is there to be asked, and what it refuses.

use proto::ids::ApplicationId;

use super::ErrorKind;
use crate::control::ControlError;
use crate::hdfs::HdfsError;

/// The way to an application master, or what it says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterError {
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
    /// What was asked for makes no sense for this application.
    #[error("{application}: {text}")]
    Refused {
        /// The application.
        application: ApplicationId,
        /// What its master said.
        text: String,
    },
}

impl MasterError {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Foreign { .. } | Self::Refused { .. } => ErrorKind::Usage,
            Self::NotLive { .. }
            | Self::NotOurs { .. }
            | Self::Control { .. }
            | Self::Starting { .. }
            | Self::Elsewhere { .. } => ErrorKind::Cluster,
        }
    }

    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
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
            Self::Foreign { application } => Some(format!(
                "Flink's own client gives it orders, such as `flink stop -t yarn-application -Dyarn.application.id={application} JOB` \
                 (of a session: -t yarn-session); `yarn-flink jobs|cancel|status|explain|logs|kill {application}` work here, too"
            )),
            Self::Elsewhere { .. } => Some(
                "it was submitted with another yarn.staging-directory: set that key in Flink's configuration, where every \
                 command finds it, not with -D alone"
                    .to_owned(),
            ),
            Self::Refused { .. } => None,
        }
    }

    /// The peer's whole answer, a Java stack trace included.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::NotOurs { source, .. } => source.detail(),
            _ => None,
        }
    }
}
