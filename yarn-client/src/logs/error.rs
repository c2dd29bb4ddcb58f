//! What can go wrong with reading logs.

use std::io;

use proto::ids::{ApplicationId, ContainerId};

use super::LogFile;
#[cfg(feature = "flink")]
use crate::cluster::ErrorKind;
use crate::hdfs::HdfsError;
use crate::yarn::web::WebError;
use crate::yarn::{YarnError, resource_manager_hint, resource_manager_text};

/// Logs that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogsError {
    /// The ResourceManager.
    #[error("{}", resource_manager_text(.0))]
    ResourceManager(#[source] Box<YarnError>),
    /// The file system.
    #[error(transparent)]
    FileSystem(Box<HdfsError>),
    /// Neither the ResourceManager nor the directory of collected logs knows it.
    #[error("nobody knows {application}: neither the ResourceManager nor {}", looked.join(", "))]
    Unknown {
        /// The application.
        application: ApplicationId,
        /// Where its logs would be.
        looked: Vec<String>,
    },
    /// It has none.
    #[error("{application} is {state} and has no logs; looked for in {}", looked.join(", "))]
    NothingThere {
        /// The application.
        application: ApplicationId,
        /// YARN's name of its state.
        state: String,
        /// It has not run yet.
        waits: bool,
        /// Where they would be.
        looked: Vec<String>,
    },
    /// They lie in directories that are closed to the user.
    #[error("{}, and {user} may not look into {}", whose(*application, owner.as_deref()), closed.join(", "))]
    Closed {
        /// The application.
        application: ApplicationId,
        /// Whose it is; `None` when the ResourceManager has forgotten it.
        owner: Option<String>,
        /// Who asks.
        user: String,
        /// The directories, as full URIs.
        closed: Vec<String>,
        /// The first refusal.
        #[source]
        source: Box<HdfsError>,
    },
    /// The container has none.
    #[error("{application} has no logs of {container}")]
    NoSuchContainer {
        /// The application.
        application: ApplicationId,
        /// What was asked for.
        container: ContainerId,
        /// Containers that have some.
        there: Vec<String>,
    },
    /// No file has the name.
    #[error("{application} has no log file {}", if names.is_empty() { "there".to_owned() } else { names.join(" or ") })]
    NoSuchFile {
        /// The application.
        application: ApplicationId,
        /// What was asked for.
        names: Vec<String>,
        /// Names that there are.
        there: Vec<String>,
    },
    /// A collected file is not what it should be.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// Full URI.
        path: String,
        /// What was wrong.
        what: String,
    },
    /// A collected file is compressed in a way that is not read here.
    #[error("{path} is compressed with {compression}")]
    Compression {
        /// Full URI.
        path: String,
        /// YARN's name of it.
        compression: String,
    },
    /// A node does not answer.
    #[error("the node at {address} does not hand out {what}")]
    Node {
        /// Of its web service.
        address: String,
        /// What it was asked for.
        what: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Whatever the content is written to.
    #[error("cannot write")]
    Write(#[from] io::Error),
}

fn whose(application: ApplicationId, owner: Option<&str>) -> String {
    match owner {
        Some(owner) => format!("{application} is {owner}'s"),
        None => format!("neither the ResourceManager nor the logs that can be read know {application}"),
    }
}

impl From<YarnError> for LogsError {
    fn from(error: YarnError) -> Self {
        Self::ResourceManager(Box::new(error))
    }
}

impl From<HdfsError> for LogsError {
    fn from(error: HdfsError) -> Self {
        Self::FileSystem(Box::new(error))
    }
}

impl LogsError {
    /// The same, with the name of the log that was being read.
    pub(super) fn within(self, file: &LogFile) -> Self {
        match self {
            Self::Damaged { path, what } => {
                Self::Damaged { path, what: format!("{} of {}: {what}", file.name, file.container) }
            }
            other => other,
        }
    }

    /// What kind of failure this is.
    #[cfg(feature = "flink")]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::ResourceManager(source) if source.is_not_found() => ErrorKind::NotFound,
            Self::ResourceManager(source) if matches!(**source, YarnError::Configuration(_)) => {
                ErrorKind::Usage
            }
            Self::Unknown { .. } | Self::NoSuchContainer { .. } | Self::NoSuchFile { .. } => {
                ErrorKind::NotFound
            }
            Self::Write(_) => ErrorKind::Usage,
            _ => ErrorKind::Cluster,
        }
    }

    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ResourceManager(source) => resource_manager_hint(source),
            Self::FileSystem(source) => source.hint(),
            Self::Unknown { .. } => Some("`yarn-flink list --all` shows what the ResourceManager remembers".to_owned()),
            Self::NothingThere { application, waits: true, .. } => {
                Some(format!("it has not begun to run; `yarn-flink explain {application}` says why it waits"))
            }
            Self::NothingThere { .. } => Some(
                "nodes need some seconds to collect logs after the end; without yarn.log-aggregation-enable they stay on \
                 the nodes"
                    .to_owned(),
            ),
            Self::NoSuchContainer { there, .. } | Self::NoSuchFile { there, .. } if !there.is_empty() => {
                Some(format!("there are {}", there.join(", ")))
            }
            Self::NoSuchContainer { application, .. } | Self::NoSuchFile { application, .. } => {
                Some(format!("`yarn-flink logs --list {application}` shows what there is"))
            }
            Self::Closed { owner, .. } => Some(match owner {
                Some(owner) => format!(
                    "logs are {owner}'s and those of the directory's group; ask as one of them, or have {owner} send them: \
                     `yarn-flink logs --out DIR`"
                ),
                None => "ask as the application's user; `yarn-flink list --all` shows what the ResourceManager remembers"
                    .to_owned(),
            }),
            Self::Compression { .. } => Some("read it with `yarn logs`; none and gz are read here".to_owned()),
            Self::Node { source, .. } if is_refusal(source.as_ref()) => Some(
                "a node shows logs to the application's user, to who is in its yarn.view.acls, and to administrators \
                 (yarn.admin.acl)"
                    .to_owned(),
            ),
            Self::Node { source, .. } if hint_of(source.as_ref()).is_some() => {
                hint_of(source.as_ref()).map(str::to_owned)
            }
            Self::Node { .. } => Some("the node may be down; its logs are collected when the application ends".to_owned()),
            Self::Damaged { .. } | Self::Write(_) => None,
        }
    }

    /// The peer's whole answer, a Java stack trace included.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::ResourceManager(source) => source.detail(),
            Self::FileSystem(source) => source.detail(),
            Self::Closed { source, .. } => source.detail(),
            _ => None,
        }
    }
}

fn is_refusal(source: &(dyn std::error::Error + 'static)) -> bool {
    let status = |error: &WebError| match error {
        WebError::Status { status, .. } => Some(status.as_u16()),
        _ => None,
    };
    matches!(source.downcast_ref::<WebError>().and_then(status), Some(401 | 403))
}

fn hint_of(source: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    source.downcast_ref::<WebError>()?.hint()
}
