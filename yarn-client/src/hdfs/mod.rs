//! Files on the cluster: the few operations we use, and staging on top of them.
//!
//! [`FileSystems::connect`] opens the cluster's default file system and finds others by URI. [`FileSystem`] is the
//! trait that everything here builds on; HDFS, view file systems and the local file system (a single-machine YARN on
//! `file:///`) implement it, and [`conformance`] contains the checks that all must pass. [`stage::Staging`] uploads the
//! files of an application to the cluster. No other module of the project uses the crate that speaks to HDFS.
//!
//! # From a local file to a container
//! 1. [`stage::Staging::open`] checks that the staging directory exists, or can be created. Nothing is changed.
//! 2. [`stage::Staging::application_dir`] creates the directory of one application.
//! 3. [`stage::Staging::stage`] uploads what a [`stage::StagePlan`] lists, files of [`stage::Scope::Cache`] once for
//!    all applications of the user, and returns the values for
//!    [`LaunchContext::local_resources`](crate::yarn::LaunchContext::local_resources).
//! 4. When the application has ended, [`application_dir::ApplicationDir::discard`] removes its directory.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use yarn_client::conf::{Configuration, Environment};
//! use yarn_client::hdfs::FileSystems;
//! use yarn_client::hdfs::digest::Digests;
//! use yarn_client::hdfs::stage::{Kind, Quiet, Scope, Source, StageItem, StagePlan, Staging, StagingOptions};
//! use yarn_client::ids::ApplicationId;
//! use yarn_client::security::User;
//! use yarn_client::yarn::LocalResource;
//!
//! # async fn upload(id: ApplicationId) -> Result<Vec<LocalResource>, Box<dyn std::error::Error>> {
//! let environment = Environment::from_process();
//! let conf = Configuration::load(&environment, None)?;
//! let file_systems = FileSystems::connect(&conf, &User::resolve(&environment, &conf)?)?;
//!
//! let staging = Staging::open(Arc::new(file_systems), StagingOptions::default()).await?;
//! let directory = staging.application_dir(&id).await?;
//! let script = StageItem {
//!     source: Source::Local("run.sh".into()),
//!     link: "run.sh".to_owned(),
//!     kind: Kind::File,
//!     scope: Scope::Cache,
//! };
//! let plan = StagePlan { items: vec![script] };
//! let resources = staging.stage(&plan, &directory, &Digests::new(&environment), &Quiet).await?;
//! # Ok(resources)
//! # }
//! ```
//!
//! # Caveats
//! - A NodeManager compares size and modification time of a [`LocalResource`](crate::yarn::LocalResource) with the file's: if a
//!   file is rewritten after it was staged, every container that starts afterwards fails.
//! - [`FileSystem::delete`] does not fail when there is nothing to delete, nor [`FileSystem::mkdirs`] when the directory exists.
//! - [`FileSystem::rename`] never replaces a file, which makes it useful as a lock.
//! - A [`FileWrite`] that is dropped without [`FileWrite::close`] leaves a truncated file.
//! - [`FileSystems::connect`] must be called inside a tokio runtime.
//!
//! # Errors
//! [`HdfsError`] names the full URI, and the user if it is about permissions. [`stage::StageError`] adds what staging
//! itself finds wrong: no home directory, another user's directory, two files for one link.

pub mod application_dir;
pub mod cache;
pub mod conformance;
pub mod digest;
mod error;
mod filesystems;
#[cfg(feature = "flink")]
pub mod key_record;
mod local;
mod native;
mod resource;
pub mod stage;
mod tokens;
mod upload;
mod uri;
mod viewfs;
mod walk;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

pub use error::HdfsError;
pub use filesystems::FileSystems;
pub use local::LocalFs;
pub use native::Hdfs;
pub use tokens::{IssuedToken, resource_manager_principal};
pub use uri::FileUri;
pub use viewfs::ViewFs;

/// A file or directory as its file system reports it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileStatus {
    /// Absolute path, without scheme and authority.
    pub path: String,
    /// Bytes; 0 for a directory.
    pub len: u64,
    /// Modification time, ms since the epoch. A `LocalResource` must carry exactly this value.
    pub modification_time_ms: u64,
    /// Whether this is a directory.
    pub is_dir: bool,
    /// User that owns it.
    pub owner: String,
    /// Group that owns it.
    pub group: String,
    /// Permission bits, such as 0o644.
    pub permission: u16,
    /// Number of copies that HDFS keeps; 0 for a directory, 1 on a local file system.
    pub replication: u32,
}

impl FileStatus {
    /// Last component of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// How a file is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CreateOptions {
    /// Replace an existing file; otherwise its existence is an error.
    pub overwrite: bool,
    /// Permission bits.
    pub mode: u16,
    /// Number of copies that HDFS is to keep; `None` for the file system's default (`dfs.replication`).
    pub replication: Option<u32>,
    /// Create missing parent directories; otherwise a missing parent is [`HdfsError::NotFound`].
    pub parents: bool,
}

impl Default for CreateOptions {
    fn default() -> Self {
        Self { overwrite: false, mode: 0o644, replication: None, parents: true }
    }
}

/// A file being written. Without [`FileWrite::close`] its content is not complete and must not be used.
pub trait FileWrite: Send {
    /// Appends `data`; returns once it is being sent, so that memory stays bounded.
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), HdfsError>>;
    /// Waits until all data is stored, and closes the file.
    fn close(&mut self) -> BoxFuture<'_, Result<(), HdfsError>>;
}

/// A file being read, in parts chosen by the caller.
pub trait FileRead: Send + Sync {
    /// Length of the file in bytes when it was opened.
    fn length(&self) -> u64;
    /// Reads `length` bytes from `offset`; fewer at the end of the file.
    fn read_at(&self, offset: u64, length: usize) -> BoxFuture<'_, Result<Bytes, HdfsError>>;
}

/// The operations that we need on a cluster's file system.
///
/// Paths are absolute and without scheme; [`FileSystem::resolve`] turns user input into them.
pub trait FileSystem: Send + Sync + fmt::Debug {
    /// Scheme and authority: `hdfs://namenode:8020`, `hdfs://nameservice`, `file://`.
    fn root(&self) -> &str;

    /// Home directory of the user: `<dfs.user.home.dir.prefix>/<user>` on HDFS. Need not exist.
    fn home(&self) -> &str;

    /// The user as whom operations are performed.
    fn user(&self) -> &str;

    /// The file system that really holds `path`, and its path there, if it is a different one: a node that does not
    /// know this host's mount table must be given these.
    fn held(&self, _path: &str) -> Option<(Arc<dyn FileSystem>, String)> {
        None
    }

    /// The status of a file or directory.
    ///
    /// # Errors
    /// [`HdfsError::NotFound`], and other errors of the file system.
    fn stat<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<FileStatus, HdfsError>>;

    /// The entries of a directory, sorted by name; for a file, the file itself.
    ///
    /// # Errors
    /// [`HdfsError::NotFound`], and other errors of the file system.
    fn list<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Vec<FileStatus>, HdfsError>>;

    /// Creates a directory and its missing parents, all with `mode`. An existing directory is left unchanged.
    ///
    /// # Errors
    /// [`HdfsError::WrongType`] or [`HdfsError::AlreadyExists`] when a file is in the way.
    fn mkdirs<'a>(&'a self, path: &'a str, mode: u16) -> BoxFuture<'a, Result<(), HdfsError>>;

    /// Creates a file and, with [`CreateOptions::parents`], missing parent directories.
    ///
    /// # Errors
    /// [`HdfsError::AlreadyExists`] without `overwrite`.
    fn create<'a>(
        &'a self,
        path: &'a str,
        options: CreateOptions,
    ) -> BoxFuture<'a, Result<Box<dyn FileWrite>, HdfsError>>;

    /// Opens a file for reading in parts.
    ///
    /// # Errors
    /// [`HdfsError::NotFound`], [`HdfsError::PermissionDenied`].
    fn open<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Box<dyn FileRead>, HdfsError>>;

    /// Reads the content of a small file.
    ///
    /// # Errors
    /// [`HdfsError::Failed`] when it is longer than `limit` bytes.
    fn read<'a>(&'a self, path: &'a str, limit: u64) -> BoxFuture<'a, Result<Bytes, HdfsError>>;

    /// Renames, atomically.
    ///
    /// # Errors
    /// [`HdfsError::AlreadyExists`] when `to` exists, [`HdfsError::NotFound`] when `from` or the directory of `to`
    /// does not.
    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, Result<(), HdfsError>>;

    /// Deletes a file or directory; `false` if there was nothing to delete.
    ///
    /// # Errors
    /// [`HdfsError::NotEmpty`] for a directory that is not empty, unless `recursive`.
    fn delete<'a>(&'a self, path: &'a str, recursive: bool) -> BoxFuture<'a, Result<bool, HdfsError>>;

    /// Sets the permission bits.
    ///
    /// # Errors
    /// As [`FileSystem::stat`].
    fn set_permission<'a>(&'a self, path: &'a str, mode: u16) -> BoxFuture<'a, Result<(), HdfsError>>;

    /// Sets the number of copies of a file; does nothing on a file system without copies.
    ///
    /// # Errors
    /// As [`FileSystem::stat`].
    fn set_replication<'a>(&'a self, path: &'a str, replication: u32)
    -> BoxFuture<'a, Result<(), HdfsError>>;

    /// Sets the modification time, ms since the epoch.
    ///
    /// # Errors
    /// As [`FileSystem::stat`].
    fn set_modification_time<'a>(&'a self, path: &'a str, ms: u64) -> BoxFuture<'a, Result<(), HdfsError>>;

    /// The full URI of an absolute path.
    fn uri(&self, path: &str) -> String {
        format!("{}{path}", self.root())
    }

    /// The absolute path of `text` on this file system: a full URI of it, an absolute path, or one relative to
    /// [`FileSystem::home`]. `.`, `..` and repeated slashes are resolved.
    ///
    /// # Errors
    /// [`HdfsError::Path`] for a URI of another file system.
    fn resolve(&self, text: &str) -> Result<String, HdfsError> {
        uri::resolve(text, self.root(), self.home())
    }
}
