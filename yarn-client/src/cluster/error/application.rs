//! Questions about running applications and orders to them: why they failed, and what to do about it.

use proto::ids::ApplicationId;

use super::{ErrorKind, JobError, MasterError, ResourceManagerError, SessionError};
use crate::cluster::state_paths::StatePathError;
use crate::conf::ConfError;
use crate::hdfs::HdfsError;
use crate::security::UserError;
use crate::yarn::YarnError;

/// A question about, or an order to, applications that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplicationError {
    /// What the ResourceManager says.
    #[error(transparent)]
    ResourceManager(#[from] ResourceManagerError),
    /// What its application master says, or that it cannot be asked.
    #[error(transparent)]
    Master(#[from] MasterError),
    /// What Flink says.
    #[error(transparent)]
    Job(#[from] JobError),
    /// Which session is meant, or what became of its job.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The text is no application id.
    #[error(transparent)]
    Id(#[from] proto::ids::ParseIdError),
    /// A path at which state would be lost.
    #[error(transparent)]
    StatePath(#[from] StatePathError),
    /// A file on this host.
    #[error("{}", path.display())]
    Local {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Hadoop's configuration.
    #[error(transparent)]
    Hadoop(#[from] ConfError),
    /// Nobody knows who is asking.
    #[error(transparent)]
    User(#[from] UserError),
    /// The file system.
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

    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ResourceManager(source) => source.hint(),
            Self::Master(source) => source.hint(),
            Self::Job(source) => source.hint(),
            Self::Session(source) => source.hint(),
            Self::StatePath(source) => Some(source.hint()),
            Self::Local { .. } => Some("is the path right, and may you read the file?".to_owned()),
            Self::FileSystem(source) => source.hint(),
            Self::Hadoop(source) => source.hint(),
            Self::User(source) => Some(source.hint().to_owned()),
            Self::Id(error) if error.to_string().contains("container") => Some(
                "such as container_1700000000000_0001_01_000002; `yarn-flink logs ID --list` shows the ids"
                    .to_owned(),
            ),
            Self::Id(_) => Some(
                "such as application_1700000000000_0001; `yarn-flink list --all` shows the ids".to_owned(),
            ),
        }
    }

    /// The peer's whole answer, a Java stack trace included.
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

    /// An unknown application is an error of its own kind.
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
