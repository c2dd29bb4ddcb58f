//! Errors of an application's control plane: why it cannot be reached, and what it refuses.

use proto::ids::ApplicationId;

use super::ErrorKind;
use crate::control::ControlError;
use crate::hdfs::HdfsError;

/// The application master could not be reached, or refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterError {
    /// There is no application master to ask.
    #[error("{application} is {state}; its application master is not running")]
    NotLive {
        /// The application.
        application: ApplicationId,
        /// YARN's name of its state.
        state: String,
    },
    /// The ResourceManager does not show where its master is.
    #[error("{application} belongs to {owner}; the ResourceManager does not show it to this user")]
    Hidden {
        /// The application.
        application: ApplicationId,
        /// Its user.
        owner: String,
    },
    /// The key for its application master is in a directory that only its user may read.
    #[error("{application} belongs to {owner}; its application master serves no other user")]
    NotOurs {
        /// The application.
        application: ApplicationId,
        /// The owner of the directory.
        owner: String,
        /// The file system's error.
        #[source]
        source: Box<HdfsError>,
    },
    /// Its master cannot be reached, or refused.
    #[error("cannot reach the application master of {application}")]
    Control {
        /// The application.
        application: ApplicationId,
        /// Why.
        #[source]
        source: Box<ControlError>,
    },
    /// Its master is about to start.
    #[error("the application master of {application} is not running yet (attempt {attempt}, {state}): {why}")]
    Starting {
        /// The application.
        application: ApplicationId,
        /// Number of the attempt; 1 for the first.
        attempt: u32,
        /// YARN's name of its state.
        state: String,
        /// What it waits for.
        why: String,
    },
    /// Its master is running, and has left the certificate elsewhere.
    #[error("the certificate of {application} was not found in {}", looked.join(" or "))]
    Elsewhere {
        /// The application.
        application: ApplicationId,
        /// Staging directories that were searched.
        looked: Vec<String>,
    },
    /// Another program has started it, such as Flink's own client.
    #[error("{application} was not started by yarn-flink, which therefore cannot control it")]
    Foreign {
        /// The application.
        application: ApplicationId,
    },
    /// The request makes no sense for this application.
    #[error("{application}: {text}")]
    Refused {
        /// The application.
        application: ApplicationId,
        /// The message of its master.
        text: String,
    },
}

impl MasterError {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Foreign { .. } | Self::Refused { .. } => ErrorKind::Usage,
            Self::NotLive { .. }
            | Self::Hidden { .. }
            | Self::NotOurs { .. }
            | Self::Control { .. }
            | Self::Starting { .. }
            | Self::Elsewhere { .. } => ErrorKind::Cluster,
        }
    }

    /// What to do next, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotLive { application, .. } => Some(format!(
                "find out why it is waiting, or how it ended, with `yarn-flink explain {application}`"
            )),
            Self::Hidden { owner, .. } => Some(format!(
                "run this as {owner}, who can also let others see an application with `yarn.view.acls`"
            )),
            Self::NotOurs { application, owner, .. } => Some(format!(
                "run this as {owner}; `yarn-flink status {application}` shows what YARN tells other users"
            )),
            Self::Control { application, source } if source.is_answer() => Some(format!(
                "it is about to end, or to be restarted in a new attempt: try again in a few seconds, or \
                 check `yarn-flink status {application}`"
            )),
            Self::Control { application, .. } => Some(format!(
                "check that its node (see `yarn-flink status {application}`) is up and accepts \
                 connections from this host"
            )),
            Self::Starting { application, .. } => Some(format!(
                "try again later; `yarn-flink explain {application}` says what it is waiting for, \
                 `yarn-flink kill {application}` ends it immediately"
            )),
            Self::Foreign { application } => Some(format!(
                "use Flink's own client, such as `flink stop -t yarn-application \
                 -Dyarn.application.id={application} JOB` (for a session: `-t yarn-session`); `yarn-flink \
                 jobs|cancel|status|explain|logs|kill {application}` work, too"
            )),
            Self::Elsewhere { .. } => Some(
                "set `yarn.staging-directory` as it was when the application was submitted; in Flink's \
                 configuration, unlike with `-D`, every command finds it"
                    .to_owned(),
            ),
            Self::Refused { .. } => None,
        }
    }

    /// The peer's complete response, including a Java stack trace.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::NotOurs { source, .. } => source.detail(),
            _ => None,
        }
    }
}
