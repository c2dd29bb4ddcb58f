//! The file systems a configuration speaks of.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::{FileSystem, HdfsError};
use crate::conf::Configuration;

/// The default file system, and others by URI. One connection to each NameNode.
#[derive(Debug)]
pub struct FileSystems {
    conf: Configuration,
    user: String,
    default: Arc<dyn FileSystem>,
    others: Mutex<BTreeMap<String, Arc<dyn FileSystem>>>,
}

impl FileSystems {
    /// Opens the file system of `fs.defaultFS`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`HdfsError::Configuration`] when `fs.defaultFS` is missing or of a scheme other than `hdfs`, `viewfs`, `file`.
    pub fn connect(conf: &Configuration, user: &str) -> Result<Self, HdfsError> {
        let _ = (conf, user);
        todo!()
    }

    /// The file system of `fs.defaultFS`.
    pub fn default_fs(&self) -> &Arc<dyn FileSystem> {
        &self.default
    }

    /// The file system that `text` (URI or path) is on, and its absolute path there.
    ///
    /// # Errors
    /// [`HdfsError::Path`] for a scheme we do not speak.
    pub fn locate(&self, text: &str) -> Result<(Arc<dyn FileSystem>, String), HdfsError> {
        let _ = (text, &self.conf, &self.user, &self.others);
        todo!()
    }
}
