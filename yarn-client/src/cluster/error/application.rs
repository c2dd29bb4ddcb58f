//! Requests and commands to running applications: why they failed, and what to do about it.

use proto::ids::ApplicationId;

use super::{ErrorKind, JobError, MasterError, ResourceManagerError, SessionError};
use crate::cluster::state_paths::StatePathError;
use crate::conf::ConfError;
use crate::hdfs::HdfsError;
use crate::security::UserError;
use crate::yarn::YarnError;

/// A failed request or command to an application.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplicationError {
    /// An error of the ResourceManager.
    #[error(transparent)]
    ResourceManager(#[from] ResourceManagerError),
    /// An error of the application master, or why it could not be asked.
    #[error(transparent)]
    Master(#[from] MasterError),
    /// An error of Flink.
    #[error(transparent)]
    Job(#[from] JobError),
    /// It is unclear which session is meant, or what happened to its job.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The text is not an application id.
    #[error(transparent)]
    Id(#[from] proto::ids::ParseIdError),
    /// State would be lost at a path.
    #[error(transparent)]
    StatePath(#[from] StatePathError),
    /// A file on this host cannot be used.
    #[error("{}", path.display())]
    Local {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Hadoop's configuration is wrong.
    #[error(transparent)]
    Hadoop(#[from] ConfError),
    /// The user's name is unknown.
    #[error(transparent)]
    User(#[from] UserError),
    /// An error of the file system.
    #[error(transparent)]
    FileSystem(#[from] HdfsError),
}

impl ApplicationError {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::ResourceManager(source) => source.kind(),
            Self::Master(source) => source.kind(),
            Self::Job(source) => source.kind(),
            Self::Session(source) => source.kind(),
            Self::Id(_) | Self::StatePath(_) | Self::Hadoop(_) | Self::User(_) | Self::Local { .. } => {
                ErrorKind::Usage
            }
            Self::FileSystem(_) => ErrorKind::Cluster,
        }
    }

    /// What to do next, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ResourceManager(source) => source.hint(),
            Self::Master(source) => source.hint(),
            Self::Job(source) => source.hint(),
            Self::Session(source) => source.hint(),
            Self::StatePath(source) => Some(source.hint()),
            Self::Local { .. } => Some("check the path and the permissions of the file".to_owned()),
            Self::FileSystem(source) => source.hint(),
            Self::Hadoop(source) => source.hint(),
            Self::User(source) => source.hint(),
            Self::Id(error) if error.to_string().contains("container") => Some(
                "use an id such as container_1700000000000_0001_01_000002; `yarn-flink logs ID --list` \
                 shows them"
                    .to_owned(),
            ),
            Self::Id(_) => Some(
                "use an id such as application_1700000000000_0001; `yarn-flink list --all` shows them"
                    .to_owned(),
            ),
        }
    }

    /// The peer's complete response, including a Java stack trace.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::ResourceManager(source) => source.detail(),
            Self::Master(source) => source.detail(),
            Self::Job(source) => source.detail(),
            Self::Session(source) => source.detail(),
            Self::FileSystem(source) => source.detail(),
            _ => None,
        }
    }

    /// Maps an error; an unknown application becomes an error of its own kind.
    pub(crate) fn of(application: ApplicationId, error: YarnError) -> Self {
        if error.is_not_found() {
            let detail = error.detail().map(str::to_owned);
            ResourceManagerError::NotFound { application, detail }.into()
        } else {
            error.into()
        }
    }
}

impl From<YarnError> for ApplicationError {
    fn from(error: YarnError) -> Self {
        ResourceManagerError::Call(error).into()
    }
}
