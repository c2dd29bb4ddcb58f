//! Files of one application: `<base>/.yarn-flink/apps/<application id>/`.

use std::path::Path;
use std::sync::Arc;

use proto::ids::ApplicationId;

use super::stage::{Progress, StageError};
use super::upload::{Limits, upload};
use super::{CreateOptions, FileSystem, HdfsError, resource, uri};
use crate::yarn::LocalResource;
use crate::yarn::launch::{Kind, Visibility};

/// Prefix of the empty mark that each attempt's master writes before it does anything else; the attempt's number follows.
pub const ATTEMPT_MARK: &str = "attempt-";

/// Only the user may see the content: the launch specification may contain secrets.
const DIRECTORY_MODE: u16 = 0o700;
const FILE_MODE: u16 = 0o600;

/// The directory of one application, mode 0700; its files have mode 0600.
#[derive(Debug, Clone)]
pub struct ApplicationDir {
    fs: Arc<dyn FileSystem>,
    path: String,
    replication: Option<u32>,
}

impl ApplicationDir {
    /// The directory of all applications below `base`.
    pub fn root(base: &str) -> String {
        uri::join(&super::stage::root(base), "apps")
    }

    /// The path of one application's directory below `base`, whether or not it exists.
    pub fn path_of(base: &str, id: &ApplicationId) -> String {
        uri::join(&Self::root(base), &id.to_string())
    }

    /// The base directory that contains an application's directory.
    #[cfg(feature = "flink")]
    pub(crate) fn base_of<'a>(directory: &'a str, id: &ApplicationId) -> Option<&'a str> {
        let base = directory.trim_end_matches('/').strip_suffix(&id.to_string())?;
        base.trim_end_matches('/').strip_suffix(&Self::root(""))
    }

    /// Creates the directory of a new application below `base`.
    ///
    /// # Errors
    /// [`HdfsError`], such as [`HdfsError::PermissionDenied`] when `base` is not writable.
    pub async fn create(
        fs: Arc<dyn FileSystem>,
        base: &str,
        id: &ApplicationId,
        replication: Option<u32>,
    ) -> Result<Self, HdfsError> {
        let apps = Self::root(base);
        let path = Self::path_of(base, id);
        // First, because missing parents would get the mode of the application's directory.
        fs.mkdirs(&apps, 0o755).await?;
        fs.mkdirs(&path, DIRECTORY_MODE).await?;
        Ok(Self { fs, path, replication })
    }

    /// The existing directory of an application, by absolute path. Nothing is sent.
    pub fn open(fs: Arc<dyn FileSystem>, path: impl Into<String>) -> Self {
        Self { fs, path: path.into(), replication: None }
    }

    /// Absolute path.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Last component of the path: the application id.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// Full URI.
    pub fn uri(&self) -> String {
        self.fs.uri(&self.path)
    }

    fn options(&self) -> CreateOptions {
        CreateOptions {
            overwrite: true,
            mode: FILE_MODE,
            replication: self.replication,
            ..CreateOptions::default()
        }
    }

    async fn describe(&self, path: &str, link: &str, kind: Kind) -> Result<LocalResource, HdfsError> {
        let status = self.fs.stat(path).await?;
        Ok(resource::describe(self.fs.as_ref(), &status, link, kind, Visibility::Application))
    }

    /// Uploads a local file under the name `link` (which may contain `/`).
    ///
    /// # Errors
    /// [`StageError::FileSystem`].
    pub(super) async fn put_file(
        &self,
        limits: &Limits,
        local: &Path,
        link: &str,
        kind: Kind,
        progress: &dyn Progress,
    ) -> Result<LocalResource, StageError> {
        let mut path = uri::join(&self.path, link);
        let name = local.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if kind == Kind::Archive && !link.ends_with(name) {
            // YARN unpacks according to the suffix of the source, which the link need not have.
            path = uri::join(&path, name);
        }
        upload(self.fs.as_ref(), limits, local, &path, self.options(), link, progress).await?;
        progress.finished(link);
        Ok(self.describe(&path, link, kind).await?)
    }

    /// Removes the directory and its content. It is not an error if it is already gone.
    ///
    /// # Errors
    /// [`HdfsError`].
    pub async fn discard(&self) -> Result<(), HdfsError> {
        self.fs.delete(&self.path, true).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_tells_its_base() {
        let id = ApplicationId { cluster_timestamp: 1, id: 2 };
        for base in ["hdfs://nn:8020/user/ada", "file:/s", "/s"] {
            let directory = ApplicationDir::path_of(base, &id);
            assert_eq!(ApplicationDir::base_of(&directory, &id), Some(base));
            assert_eq!(ApplicationDir::base_of(&format!("{directory}/"), &id), Some(base));
            assert_eq!(ApplicationDir::base_of(&directory, &ApplicationId { id: 3, ..id }), None);
        }
        assert_eq!(ApplicationDir::base_of(&format!("/s/{id}"), &id), None);
    }
}
