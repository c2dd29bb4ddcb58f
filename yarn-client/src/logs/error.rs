//! What can go wrong with reading logs.

use std::io;

use proto::ids::{ApplicationId, ContainerId};

use super::LogFile;
#[cfg(feature = "flink")]
use crate::cluster::ErrorKind;
use crate::hdfs::HdfsError;
use crate::yarn::web::WebError;
use crate::yarn::{YarnError, resource_manager_hint, resource_manager_text};

/// Why logs cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogsError {
    /// An error of the ResourceManager.
    #[error("{}", resource_manager_text(.0))]
    ResourceManager(#[source] Box<YarnError>),
    /// An error of the file system.
    #[error(transparent)]
    FileSystem(Box<HdfsError>),
    /// Neither the ResourceManager nor the directory of aggregated logs contains the application.
    #[error("{application} not found: neither the ResourceManager nor {} knows it", looked.join(", "))]
    Unknown {
        /// The application.
        application: ApplicationId,
        /// Where its logs would be.
        looked: Vec<String>,
    },
    /// It has no logs.
    #[error("{application} is {state} and has no logs; looked for in {}", looked.join(", "))]
    NothingThere {
        /// The application.
        application: ApplicationId,
        /// YARN's name of its state.
        state: String,
        /// Whether it has not run yet.
        waits: bool,
        /// Where they would be.
        looked: Vec<String>,
    },
    /// They are in directories that the user cannot read.
    #[error("{}, and {user} is not permitted to read {}", whose(*application, owner.as_deref()), closed.join(", "))]
    Closed {
        /// The application.
        application: ApplicationId,
        /// Its owner; `None` if the ResourceManager has forgotten it.
        owner: Option<String>,
        /// The user who reads.
        user: String,
        /// The directories, as full URIs.
        closed: Vec<String>,
        /// The first error.
        #[source]
        source: Box<HdfsError>,
    },
    /// The container has no logs.
    #[error("{application} has no logs of {container}")]
    NoSuchContainer {
        /// The application.
        application: ApplicationId,
        /// What was requested.
        container: ContainerId,
        /// Containers that have some.
        there: Vec<String>,
    },
    /// No file has the name.
    #[error("{application} has no log file {}", if names.is_empty() { "there".to_owned() } else { names.join(" or ") })]
    NoSuchFile {
        /// The application.
        application: ApplicationId,
        /// What was requested.
        names: Vec<String>,
        /// Names of existing files.
        there: Vec<String>,
    },
    /// An aggregated file is damaged.
    #[error("{path} is damaged: {what}")]
    Damaged {
        /// Full URI.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// An aggregated file is compressed in a way that is not supported.
    #[error("{path} is compressed with {compression}")]
    Compression {
        /// Full URI.
        path: String,
        /// YARN's name of it.
        compression: String,
    },
    /// A node does not respond.
    #[error("the node at {address} did not return {what}")]
    Node {
        /// Address of its web service.
        address: String,
        /// What was requested.
        what: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The output failed.
    #[error("cannot write")]
    Write(#[from] io::Error),
}

fn whose(application: ApplicationId, owner: Option<&str>) -> String {
    match owner {
        Some(owner) => format!("{application} belongs to {owner}"),
        None => format!("neither the ResourceManager nor the readable logs know {application}"),
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
    /// The same error, with the name of the log that was being read.
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

    /// What to do next, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ResourceManager(source) => resource_manager_hint(source),
            Self::FileSystem(source) => source.hint(),
            Self::Unknown { .. } => {
                Some("check the id, and that this is the cluster that the application ran on".to_owned())
            }
            Self::NothingThere { waits: true, .. } => {
                Some("it is not running yet: try again once it is".to_owned())
            }
            Self::NothingThere { .. } => Some(
                "try again in a few seconds, as logs are aggregated after the end; without \
                 `yarn.log-aggregation-enable` they stay on the nodes"
                    .to_owned(),
            ),
            Self::NoSuchContainer { there, .. } | Self::NoSuchFile { there, .. } if !there.is_empty() => {
                Some(format!("choose one of: {}", there.join(", ")))
            }
            Self::NoSuchContainer { .. } | Self::NoSuchFile { .. } => {
                Some("see which files there are with `Logs::list`".to_owned())
            }
            Self::Closed { owner, .. } => Some(match owner {
                Some(owner) => format!(
                    "run this as {owner} or a member of the directory's group, or ask {owner} for the logs"
                ),
                None => "run this as the application's user".to_owned(),
            }),
            Self::Compression { .. } => {
                Some("read it with `yarn logs`; only `none` and `gz` are supported here".to_owned())
            }
            Self::Node { source, .. } if is_refusal(source.as_ref()) => Some(
                "run this as the application's user, a user in its `yarn.view.acls` or an administrator \
                 (`yarn.admin.acl`)"
                    .to_owned(),
            ),
            Self::Node { source, .. } => {
                let own = source.downcast_ref::<WebError>().and_then(WebError::hint);
                let down = "the node may be down; its logs are collected when the application ends";
                own.or_else(|| Some(down.to_owned()))
            }
            Self::Damaged { .. } | Self::Write(_) => None,
        }
    }

    /// The peer's complete response, including a Java stack trace.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::ResourceManager(source) => source.detail(),
            Self::FileSystem(source) => source.detail(),
            Self::Closed { source, .. } => source.detail(),
            _ => None,
        }
    }
}

/// NodeManagers answer 503 to whoever may not see the logs of an application.
fn is_refusal(source: &(dyn std::error::Error + 'static)) -> bool {
    let status = |error: &WebError| match error {
        WebError::Status { status, .. } => Some(status.as_u16()),
        _ => None,
    };
    matches!(source.downcast_ref::<WebError>().and_then(status), Some(401 | 403 | 503))
}
