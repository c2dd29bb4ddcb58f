//! Files of one application.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use proto::ids::ApplicationId;
use proto::launch::{LocalResource, local_resource::Kind};

use super::stage::Progress;
use super::{FileSystem, HdfsError};

/// `<base>/.yarn-flink/apps/<application id>/`, mode 0700; its files have mode 0600.
#[derive(Debug, Clone)]
pub struct ApplicationDir {
    fs: Arc<dyn FileSystem>,
    path: String,
    replication: Option<u32>,
}

impl ApplicationDir {
    /// Creates the directory of a new application.
    ///
    /// # Errors
    /// [`HdfsError`], such as [`HdfsError::PermissionDenied`] when `base` is not writable.
    pub async fn create(
        fs: Arc<dyn FileSystem>,
        base: &str,
        id: &ApplicationId,
        replication: Option<u32>,
    ) -> Result<Self, HdfsError> {
        let _ = (fs, base, id, replication);
        todo!()
    }

    /// The directory of an application that has one already, by absolute path. Nothing is sent.
    pub fn open(fs: Arc<dyn FileSystem>, path: impl Into<String>) -> Self {
        Self { fs, path: path.into(), replication: None }
    }

    /// Absolute path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Full URI.
    pub fn uri(&self) -> String {
        self.fs.uri(&self.path)
    }

    /// Uploads a local file under the name `link` (which may hold `/`).
    ///
    /// # Errors
    /// [`HdfsError`].
    pub async fn put_file(
        &self,
        local: &Path,
        link: &str,
        kind: Kind,
        progress: &dyn Progress,
    ) -> Result<LocalResource, HdfsError> {
        let _ = (local, link, kind, progress, self.replication);
        todo!()
    }

    /// Writes `content` under the name `link`, replacing an earlier one.
    ///
    /// # Errors
    /// [`HdfsError`].
    pub async fn put_bytes(
        &self,
        content: Bytes,
        link: &str,
        kind: Kind,
    ) -> Result<LocalResource, HdfsError> {
        let _ = (content, link, kind);
        todo!()
    }

    /// Removes the directory with all it holds. No error when it is gone already.
    ///
    /// # Errors
    /// [`HdfsError`].
    pub async fn discard(&self) -> Result<(), HdfsError> {
        todo!()
    }
}
