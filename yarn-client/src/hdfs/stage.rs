//! Brings everything an application needs to the cluster's file system.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use proto::launch::LocalResource;
pub use proto::launch::local_resource::Kind;

use super::application_dir::ApplicationDir;
use super::digest::Digests;
use super::{FileSystem, FileSystems, HdfsError};

/// Where the content of a staged item comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A local file, or a directory (every file below it, links named by relative path).
    Local(PathBuf),
    /// A URI of the cluster, file or directory; used where it is.
    Remote(String),
    /// Content made by us.
    Bytes(Bytes),
}

/// Who shares a staged item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All applications of the user, by content; kept.
    Cache,
    /// One application; removed with it.
    Application,
}

/// One thing that a container shall find in its working directory.
#[derive(Debug, Clone)]
pub struct StageItem {
    /// Where its content comes from.
    pub source: Source,
    /// Name in the working directory; for a directory the prefix of its files' names. May hold `/`.
    pub link: String,
    /// File or archive.
    pub kind: Kind,
    /// Who shares it. [`Source::Bytes`] is always the application's; for [`Source::Remote`] it fixes the visibility.
    pub scope: Scope,
}

/// All that an application needs.
#[derive(Debug, Clone, Default)]
pub struct StagePlan {
    /// In order.
    pub items: Vec<StageItem>,
}

/// Told about uploads as they go. All methods do nothing by default.
pub trait Progress: Send + Sync {
    /// Everything that will be uploaded is known: number of files and bytes. Reused files are not in it.
    fn planned(&self, files: usize, bytes: u64) {
        let _ = (files, bytes);
    }
    /// The upload of a file begins.
    fn started(&self, link: &str, bytes: u64) {
        let _ = (link, bytes);
    }
    /// `bytes` more of a file are on their way.
    fn uploaded(&self, link: &str, bytes: u64) {
        let _ = (link, bytes);
    }
    /// A file is complete on the cluster.
    fn finished(&self, link: &str) {
        let _ = link;
    }
    /// A file was on the cluster already.
    fn reused(&self, link: &str, bytes: u64) {
        let _ = (link, bytes);
    }
}

/// Says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {}

/// Staging that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// The directory everything would be staged below does not exist.
    #[error("the home directory {path} of user {user} does not exist")]
    HomeMissing {
        /// Full URI.
        path: String,
        /// The user.
        user: String,
    },
    /// `yarn.staging-directory` does not exist and cannot be made, or is no directory.
    #[error("the staging directory {path} does not exist")]
    BaseMissing {
        /// Full URI.
        path: String,
    },
    /// The user may not write there.
    #[error("user {user} may not write to {path}")]
    NotWritable {
        /// Full URI.
        path: String,
        /// The user.
        user: String,
        /// The answer.
        #[source]
        source: HdfsError,
    },
    /// Two items want the same name in the working directory.
    #[error("two files want the name {link:?} in the container: {first} and {second}")]
    DuplicateLink {
        /// The name.
        link: String,
        /// The first.
        first: String,
        /// The second.
        second: String,
    },
    /// A link name that YARN would refuse, or that would leave the working directory.
    #[error("{link:?} cannot be the name of a file in the container: {reason}")]
    Link {
        /// The name.
        link: String,
        /// Why not.
        reason: &'static str,
    },
    /// A local file that should be staged cannot be.
    #[error("{} cannot be shipped: {reason}", .path.display())]
    Local {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A local file changed between its digest and the end of its upload.
    #[error("{} changed while it was being uploaded", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file system failed.
    #[error(transparent)]
    FileSystem(#[from] HdfsError),
}

impl StageError {
    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        todo!()
    }
}

/// How files are staged.
#[derive(Debug, Clone)]
pub struct StagingOptions {
    /// `yarn.staging-directory`; `None` for the home directory.
    pub base: Option<String>,
    /// `yarn.file-replication`; `None` for the file system's default.
    pub replication: Option<u32>,
    /// Uploads at the same time.
    pub parallel: usize,
}

impl Default for StagingOptions {
    fn default() -> Self {
        Self { base: None, replication: None, parallel: 4 }
    }
}

/// A staging area on the cluster: `<base>/.yarn-flink`.
#[derive(Debug)]
pub struct Staging {
    filesystems: Arc<FileSystems>,
    fs: Arc<dyn FileSystem>,
    base: String,
    options: StagingOptions,
}

impl Staging {
    /// Checks that the base directory is there. Nothing is changed.
    ///
    /// # Errors
    /// [`StageError::HomeMissing`], [`StageError::BaseMissing`], and what the file system answers.
    pub async fn open(filesystems: Arc<FileSystems>, options: StagingOptions) -> Result<Self, StageError> {
        let _ = (filesystems, options);
        todo!()
    }

    /// The file system staged on.
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }

    /// Absolute path of `<base>`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Makes the directory of an application.
    ///
    /// # Errors
    /// [`StageError::NotWritable`], and what the file system answers.
    pub async fn application_dir(
        &self,
        id: &proto::ids::ApplicationId,
    ) -> Result<ApplicationDir, StageError> {
        let _ = (id, &self.options, &self.filesystems);
        todo!()
    }

    /// Stages a plan. The result is in the plan's order; an item that is a directory gives several.
    ///
    /// When this fails or is dropped, what stays behind is whole cache entries, unpublished temporaries (removed by
    /// a later run), and `application` with what it holds until [`ApplicationDir::discard`].
    ///
    /// # Errors
    /// [`StageError`].
    pub async fn stage(
        &self,
        plan: &StagePlan,
        application: &ApplicationDir,
        digests: &Digests,
        progress: &dyn Progress,
    ) -> Result<Vec<LocalResource>, StageError> {
        let _ = (plan, application, digests, progress);
        todo!()
    }
}
