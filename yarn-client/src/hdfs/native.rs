//! HDFS, by way of the crate `hdfs-native`.

use super::HdfsError;
use crate::conf::Configuration;

/// A client of one NameNode, or of the NameNodes of one name service.
#[derive(Debug, Clone)]
pub struct Hdfs {
    root: String,
    home: String,
    user: String,
}

impl Hdfs {
    /// Client for `fs.defaultFS`. Nothing is sent yet. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`HdfsError::Configuration`] when no NameNode can be made out.
    pub fn connect(conf: &Configuration, user: &str) -> Result<Self, HdfsError> {
        let _ = (conf, user);
        todo!()
    }
}
