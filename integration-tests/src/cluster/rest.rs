//! The ResourceManager's REST pages.

use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

use super::{Cluster, hdfs::WebHdfs};

impl Cluster {
    /// `http://host:port` of the first ResourceManager that lives; the standby of a pair redirects to the active one.
    pub fn rm_web(&self) -> String {
        todo!()
    }

    /// GET on the ResourceManager, for instance `/ws/v1/cluster/info`.
    ///
    /// # Errors
    /// No ResourceManager answers, or not with 2xx and JSON.
    pub async fn rm_rest(&self, path: &str) -> Result<Value> {
        todo!()
    }

    /// The `app` object of one application.
    ///
    /// # Errors
    /// As [`Cluster::rm_rest`]; also when the application is unknown.
    pub async fn application(&self, id: &str) -> Result<Value> {
        todo!()
    }

    /// All applications, newest last.
    ///
    /// # Errors
    /// As [`Cluster::rm_rest`].
    pub async fn applications(&self) -> Result<Vec<Value>> {
        todo!()
    }

    /// Waits until the application is FINISHED, FAILED or KILLED and returns its `app` object.
    ///
    /// # Errors
    /// It is not after `limit`; the last state seen is in the error.
    pub async fn wait_for_end(&self, id: &str, limit: Duration) -> Result<Value> {
        todo!()
    }

    /// Waits until the application's `state` is `state` and returns its `app` object.
    ///
    /// # Errors
    /// It is not after `limit`, or the application has ended otherwise.
    pub async fn wait_for_state(&self, id: &str, state: &str, limit: Duration) -> Result<Value> {
        todo!()
    }

    /// Nodes in state RUNNING.
    ///
    /// # Errors
    /// As [`Cluster::rm_rest`].
    pub async fn running_nodes(&self) -> Result<Vec<Value>> {
        todo!()
    }

    /// WebHDFS as the cluster's user.
    ///
    /// # Panics
    /// When the cluster has no HDFS: a mistake in the test.
    pub fn hdfs(&self) -> WebHdfs {
        todo!()
    }
}
