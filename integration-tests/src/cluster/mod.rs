//! Real Hadoop daemons, one process each, on free loopback ports.
//!
//! ```no_run
//! # async fn example() -> anyhow::Result<()> {
//! use integration_tests::cluster::{Cluster, Daemon};
//!
//! let cluster = Cluster::builder("restart").node_managers(3).boot().await?;
//! cluster.kill_9(Daemon::ResourceManager(1))?;
//! cluster.restart(Daemon::ResourceManager(1)).await?;
//! assert_eq!(cluster.running_nodes().await?.len(), 3);
//! # Ok(()) }
//! ```
//!
//! What is set and why: `Builder`. Where the time of a boot goes: JVM class loading; C1-only JVMs halve it.

pub mod builder;
pub mod download;
pub mod hdfs;
pub mod java;
pub mod processes;
pub mod reaper;
pub mod rest;
pub mod sites;

use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Result;

pub use self::builder::Builder;
pub use self::processes::Process;

/// One process of the cluster. Numbers begin with 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Daemon {
    /// The HDFS NameNode.
    NameNode,
    /// The HDFS DataNode.
    DataNode,
    /// ZooKeeper, only with [`Builder::high_availability`].
    ZooKeeper,
    /// A ResourceManager; the second one exists only with [`Builder::high_availability`].
    ResourceManager(u8),
    /// A NodeManager; number n listens on 127.0.0.(n + 1).
    NodeManager(u8),
}

impl fmt::Display for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NameNode => write!(f, "namenode"),
            Self::DataNode => write!(f, "datanode"),
            Self::ZooKeeper => write!(f, "zookeeper"),
            Self::ResourceManager(number) => write!(f, "resourcemanager{number}"),
            Self::NodeManager(number) => write!(f, "nodemanager{number}"),
        }
    }
}

/// A running cluster. Dropping it ends every process it started, containers included, and removes its folder; when
/// the dropping thread panics, the logs are kept first (see [`Cluster::keep_logs`]).
#[derive(Debug)]
pub struct Cluster {
    directory: PathBuf,
}

impl Cluster {
    /// Begins the description of a cluster; `name` shows in its folder and in `target/it-logs/<name>`.
    pub fn builder(name: &str) -> Builder {
        Builder::new(name)
    }

    /// The cluster's own folder: configuration, data and logs of every daemon.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Configuration for clients: core-site, hdfs-site and yarn-site. Value for `HADOOP_CONF_DIR`.
    pub fn client_conf_dir(&self) -> PathBuf {
        todo!()
    }

    /// Name of the user who started the cluster: owner of everything, HDFS superuser and YARN administrator.
    pub fn user(&self) -> &str {
        todo!()
    }

    /// `fs.defaultFS`: `hdfs://localhost:port` or `file:///`.
    pub fn default_fs(&self) -> &str {
        todo!()
    }

    /// `host:port` of the ResourceManager's client port (`yarn.resourcemanager.address`).
    pub fn resource_manager(&self, number: u8) -> String {
        todo!()
    }

    /// `host:port` of the NameNode's RPC port; none without HDFS.
    pub fn name_node(&self) -> Option<String> {
        todo!()
    }

    /// Every daemon of the cluster, dead or alive.
    pub fn daemons(&self) -> Vec<Daemon> {
        todo!()
    }

    /// Process id of a daemon; none while it is down.
    pub fn pid(&self, daemon: Daemon) -> Option<u32> {
        todo!()
    }

    /// The daemon's log folder; for a NodeManager the logs of its containers are under `containers/` there.
    pub fn log_dir(&self, daemon: Daemon) -> PathBuf {
        todo!()
    }

    /// Ends a daemon with SIGKILL and waits until it is gone. Containers of a killed NodeManager live on.
    ///
    /// # Errors
    /// The cluster has no such daemon.
    pub fn kill_9(&self, daemon: Daemon) -> Result<()> {
        todo!()
    }

    /// Ends a daemon with SIGTERM and waits until it is gone.
    ///
    /// # Errors
    /// The cluster has no such daemon, or it lives on for 30 s.
    pub async fn terminate(&self, daemon: Daemon) -> Result<()> {
        todo!()
    }

    /// Starts a daemon again with the same configuration and ports (ending it first if it runs) and waits until it is ready.
    ///
    /// # Errors
    /// The cluster has no such daemon, or it does not become ready; the end of its log is in the error.
    pub async fn restart(&self, daemon: Daemon) -> Result<()> {
        todo!()
    }

    /// Starts a daemon again without waiting until it is ready.
    ///
    /// # Errors
    /// As [`Cluster::restart`], except for readiness.
    pub fn start(&self, daemon: Daemon) -> Result<()> {
        todo!()
    }

    /// Environment for a client program: `HADOOP_CONF_DIR` and `HADOOP_USER_NAME` unset-safe pairs. Use it with
    /// `Command::env_clear` when the test is about the environment.
    pub fn client_environment(&self) -> Vec<(String, String)> {
        todo!()
    }

    /// Makes an empty folder of this name on the machine, below the cluster's folder.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn scratch(&self, name: &str) -> Result<PathBuf> {
        todo!()
    }

    /// Copies all logs to `target/it-logs/<name>` and returns that folder.
    ///
    /// # Errors
    /// A file cannot be copied.
    pub fn keep_logs(&self) -> Result<PathBuf> {
        todo!()
    }

    /// Ends everything, waits until nothing is left and removes the folder. The same as dropping, with the errors.
    ///
    /// # Errors
    /// A process could not be ended, or the folder not be removed.
    pub fn stop(self) -> Result<()> {
        todo!()
    }
}
