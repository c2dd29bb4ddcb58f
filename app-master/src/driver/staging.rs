//! The application's directory in HDFS: a mark that the program has been started, and the removal at the end.

use std::sync::Arc;

use bytes::Bytes;
use yarn_client::conf::Configuration;
use yarn_client::hdfs::{CreateOptions, FileSystem, FileSystems, HdfsError};
use yarn_client::security::User;

use crate::machine::Event;

/// Written before the first JobManager starts: a later attempt that finds it must not run the program again.
const BEGUN: &str = "begun";

/// The staging directory.
#[derive(Debug, Clone)]
pub(super) struct Staging {
    fs: Arc<dyn FileSystem>,
    path: String,
}

impl Staging {
    /// Finds the file system of `uri`; nothing is connected yet.
    ///
    /// # Errors
    /// A URI or a configuration without a usable file system.
    pub(super) fn open(conf: &Configuration, user: &User, uri: &str) -> Result<Self, HdfsError> {
        let (fs, path) = FileSystems::connect(conf, user)?.locate(uri)?;
        Ok(Self { fs, path })
    }

    fn begun(&self) -> String {
        format!("{}/{BEGUN}", self.path)
    }

    /// Whether an attempt has marked that it started the program.
    ///
    /// # Errors
    /// HDFS does not say.
    pub(super) async fn has_begun(&self) -> Result<bool, HdfsError> {
        match self.fs.stat(&self.begun()).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Marks that the program is being started. The directory is not made anew: whoever kills an application while
    /// it starts removes it, and it must stay away.
    ///
    /// # Errors
    /// HDFS refuses, or the directory is gone.
    pub(super) async fn mark_begun(&self) -> Result<(), HdfsError> {
        let options =
            CreateOptions { overwrite: true, mode: 0o600, parents: false, ..CreateOptions::default() };
        let mut file = self.fs.create(&self.begun(), options).await?;
        file.write(Bytes::new()).await?;
        file.close().await
    }

    /// Removes the directory.
    pub(super) async fn remove(&self) -> Event {
        let failure = match self.fs.delete(&self.path, true).await {
            Ok(_) => None,
            Err(error) => {
                tracing::warn!("removing {}: {error}", self.path);
                Some(format!(
                    "the staging directory {} could not be removed: {error}",
                    self.fs.uri(&self.path)
                ))
            }
        };
        Event::StagingRemoved { failure }
    }
}
