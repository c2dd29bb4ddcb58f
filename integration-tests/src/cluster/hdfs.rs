//! HDFS by WebHDFS: an independent witness of what the code under test left in the file system.

use anyhow::Result;
use bytes::Bytes;

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Last part of the path.
    pub name: String,
    /// Whether it is a folder.
    pub directory: bool,
    /// Length in bytes.
    pub length: u64,
    /// Modification time, ms since the epoch.
    pub modified_ms: u64,
    /// Permission bits as octal digits, such as `700`.
    pub permission: String,
    /// Replication factor; 0 for a folder.
    pub replication: u16,
    /// Owner.
    pub owner: String,
}

/// WebHDFS of a cluster, as one user. Paths are absolute, without scheme.
#[derive(Clone, Debug)]
pub struct WebHdfs {
    base: String,
    user: String,
}

impl WebHdfs {
    /// The same file system as another user.
    pub fn as_user(&self, user: &str) -> Self {
        Self { base: self.base.clone(), user: user.to_owned() }
    }

    /// Creates a folder and its parents.
    ///
    /// # Errors
    /// HDFS refuses or cannot be reached; so for all other calls.
    pub async fn mkdirs(&self, path: &str) -> Result<()> {
        todo!()
    }

    /// Writes a file, replacing one that is there.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn put(&self, path: &str, content: impl Into<Bytes> + Send) -> Result<()> {
        todo!()
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn read(&self, path: &str) -> Result<Bytes> {
        todo!()
    }

    /// Entries of a folder, sorted by name; empty when the path does not exist.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn list(&self, path: &str) -> Result<Vec<Entry>> {
        todo!()
    }

    /// All files under a folder with their whole paths, sorted; empty when the path does not exist.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn files(&self, path: &str) -> Result<Vec<(String, Entry)>> {
        todo!()
    }

    /// One entry; none when the path does not exist.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn stat(&self, path: &str) -> Result<Option<Entry>> {
        todo!()
    }

    /// Deletes a path with everything below; false when it was not there.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn delete(&self, path: &str) -> Result<bool> {
        todo!()
    }

    /// Sets the permission bits, octal digits.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn set_permission(&self, path: &str, octal: &str) -> Result<()> {
        todo!()
    }

    /// Sets owner and group.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn set_owner(&self, path: &str, owner: &str, group: &str) -> Result<()> {
        todo!()
    }
}
