//! Why a command failed, what kind of failure it is, and what to do about it.

mod application;
mod job;
mod master;
mod resource_manager;
mod session;

use crate::hdfs::stage::StageError;
use crate::yarn::YarnError;

pub(crate) use crate::yarn::{resource_manager_hint, resource_manager_text};
pub use application::ApplicationError;
pub use job::JobError;
pub use master::MasterError;
pub use resource_manager::ResourceManagerError;
pub use session::SessionError;

/// The kind of a failure; scripts see it as the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command line, a file it names or a configuration is wrong.
    Usage,
    /// The cluster rejected the request, or could not be reached.
    Cluster,
    /// There is no such application.
    NotFound,
    /// The given time has passed.
    TimedOut,
    /// The caller asked to stop.
    Interrupted,
    /// The user's program failed.
    Job,
}

pub(crate) fn yarn_kind(error: &YarnError) -> ErrorKind {
    match error {
        YarnError::Configuration(_) | YarnError::Submission(_) => ErrorKind::Usage,
        _ => ErrorKind::Cluster,
    }
}

pub(crate) fn stage_kind(error: &StageError) -> ErrorKind {
    match error {
        StageError::DuplicateLink { .. } | StageError::Link { .. } | StageError::Local { .. } => {
            ErrorKind::Usage
        }
        _ => ErrorKind::Cluster,
    }
}
