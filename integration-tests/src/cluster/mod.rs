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
//! Options: [`Builder`]. Most of a boot's time is JVM class loading; C1-only JVMs halve it.

pub mod builder;
pub mod clock;
mod closed_web;
mod cut;
mod daemons;
pub mod download;
pub mod hdfs;
pub mod java;
mod kept;
pub mod kerberos;
mod parts;
mod ports;
mod preload;
pub mod processes;
pub mod reaper;
pub mod rest;
mod sites;
pub mod timers;
mod users;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

pub use self::builder::Builder;
use self::daemons::{Layout, Running};
use self::ports::Ports;
pub use self::processes::Process;
use self::reaper::Reaper;

/// Time limit for a daemon to end after SIGTERM.
const TERM_LIMIT: Duration = Duration::from_secs(30);

/// One process of the cluster. Numbers start at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Daemon {
    /// The KDC, only with [`Builder::kerberos`]. It forgets all keys when it ends.
    Kdc,
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
            Self::Kdc => write!(f, "kdc"),
            Self::NameNode => write!(f, "namenode"),
            Self::DataNode => write!(f, "datanode"),
            Self::ZooKeeper => write!(f, "zookeeper"),
            Self::ResourceManager(number) => write!(f, "resourcemanager{number}"),
            Self::NodeManager(number) => write!(f, "nodemanager{number}"),
        }
    }
}

/// A running cluster. Dropping it ends every process it started, containers included, and removes its folder; if the
/// dropping thread panics, the logs are kept first (see [`Cluster::keep_logs`]).
#[derive(Debug)]
pub struct Cluster {
    pub(crate) layout: Layout,
    running: Mutex<BTreeMap<Daemon, Running>>,
    /// Locks on our ports, held as long as the cluster exists.
    ports: Mutex<Option<Ports>>,
    /// `None` for a cluster that another process started, which is not ours to end.
    reaper: Option<Reaper>,
}

impl Cluster {
    /// Starts the description of a cluster; `name` shows in its folder and in `target/it-logs/<name>`.
    pub fn builder(name: &str) -> Builder {
        Builder::new(name)
    }

    pub(crate) fn new(layout: Layout) -> Result<Self> {
        let reaper = Reaper::start(&layout.directory, &kept_logs(&layout.name))?;
        for folder in ["conf", "data", "logs", "tmp", "scratch"] {
            let path = layout.directory.join(folder);
            fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        }
        Ok(Self { layout, running: Mutex::default(), ports: Mutex::default(), reaper: Some(reaper) })
    }

    pub(crate) fn hold(&self, ports: Ports) {
        *self.ports.lock().unwrap_or_else(PoisonError::into_inner) = Some(ports);
    }

    pub(crate) fn running(&self) -> MutexGuard<'_, BTreeMap<Daemon, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn wait_until_booted(&self) -> Result<()> {
        let others = self.daemons().into_iter().filter(|daemon| !matches!(daemon, Daemon::NodeManager(_)));
        for daemon in others {
            self.wait_until_ready(daemon).await?;
        }
        if self.layout.name_node.is_some() && self.layout.kerberos.is_some() {
            self.prepare_secure_hdfs().await?;
        } else if self.layout.name_node.is_some() {
            let hdfs = self.hdfs()?;
            hdfs.mkdirs(&format!("/user/{}", self.layout.user)).await?;
            for shared in ["/tmp", "/app-logs"] {
                hdfs.mkdirs(shared).await?;
                hdfs.set_permission(shared, "1777").await?;
            }
        }
        for number in 1..=self.layout.node_managers {
            self.wait_until_ready(Daemon::NodeManager(number)).await?;
        }
        self.wait_for_nodes().await
    }

    /// The cluster's own folder: configuration, data and logs of every daemon.
    pub fn directory(&self) -> &Path {
        &self.layout.directory
    }

    /// Configuration for clients: core-site, hdfs-site and yarn-site. Value for `HADOOP_CONF_DIR`.
    pub fn client_conf_dir(&self) -> PathBuf {
        self.layout.conf_dir("client")
    }

    /// Folder with all Hadoop jars.
    pub fn hadoop_jars(&self) -> &Path {
        &self.layout.jars
    }

    /// Who started the cluster: owner of everything, HDFS superuser, YARN administrator. On a secure one `alice`, just a user.
    pub fn user(&self) -> &str {
        &self.layout.user
    }

    /// `fs.defaultFS`: `hdfs://localhost:port` or `file:///`.
    pub fn default_fs(&self) -> &str {
        &self.layout.default_fs
    }

    /// `host:port` of a ResourceManager's client port (`yarn.resourcemanager.address`); `None` if there is no such
    /// ResourceManager.
    pub fn resource_manager(&self, number: u8) -> Option<String> {
        let ports = self.layout.resource_managers.get(usize::from(number).checked_sub(1)?)?;
        Some(format!("localhost:{}", ports.client))
    }

    /// `host:port` of the NameNode's RPC port; `None` without HDFS.
    pub fn name_node(&self) -> Option<String> {
        self.layout.name_node.as_ref().map(|ports| format!("localhost:{}", ports.rpc))
    }

    /// The NameNode's web pages, `http://host:port`; `None` without HDFS.
    pub fn name_node_web(&self) -> Option<String> {
        self.layout.name_node.as_ref().map(|ports| format!("http://localhost:{}", ports.web))
    }

    /// `host:port` of ZooKeeper; `None` without [`Builder::high_availability`].
    pub fn zookeeper(&self) -> Option<String> {
        self.layout.zookeeper.map(|port| format!("127.0.0.1:{port}"))
    }

    /// Every daemon of the cluster, dead or alive.
    pub fn daemons(&self) -> Vec<Daemon> {
        self.layout.daemons()
    }

    /// Process id of a daemon; `None` while it is down.
    pub fn pid(&self, daemon: Daemon) -> Option<u32> {
        let mut running = self.running();
        let running = running.get_mut(&daemon)?;
        running.lives().then_some(running.pid)
    }

    /// The daemon's log folder; for a NodeManager the logs of its containers are under `containers/` there.
    pub fn log_dir(&self, daemon: Daemon) -> PathBuf {
        self.layout.log_dir(daemon)
    }

    fn take(&self, daemon: Daemon) -> Result<Running> {
        self.running()
            .remove(&daemon)
            .with_context(|| format!("{daemon} of cluster {} is not running", self.layout.name))
    }

    /// Ends a daemon with SIGKILL and waits until it is gone. Containers of a killed NodeManager live on.
    ///
    /// # Errors
    /// No such daemon is running.
    pub fn kill_9(&self, daemon: Daemon) -> Result<()> {
        self.take(daemon)?.kill_9();
        Ok(())
    }

    /// Stops a daemon with SIGSTOP: its connections stay open without a response.
    ///
    /// # Errors
    /// No such daemon is running.
    pub fn freeze(&self, daemon: Daemon) -> Result<()> {
        let pid = self.pid(daemon).with_context(|| format!("{daemon} is not running"))?;
        processes::signal(pid, Signal::STOP);
        Ok(())
    }

    /// Continues a daemon that [`Self::freeze`] has stopped.
    ///
    /// # Errors
    /// No such daemon is running.
    pub fn thaw(&self, daemon: Daemon) -> Result<()> {
        let pid = self.pid(daemon).with_context(|| format!("{daemon} is not running"))?;
        processes::signal(pid, Signal::CONT);
        Ok(())
    }

    /// Ends a daemon with SIGTERM and waits until it is gone.
    ///
    /// # Errors
    /// No such daemon is running, or it is still alive after 30 s.
    pub async fn terminate(&self, daemon: Daemon) -> Result<()> {
        let mut running = self.take(daemon)?;
        running.terminate();
        let begun = Instant::now();
        while running.lives() {
            if begun.elapsed() > TERM_LIMIT {
                running.kill_9();
                bail!("{daemon} lived on for {} s after SIGTERM", TERM_LIMIT.as_secs());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Simulates a power loss of a node: its NodeManager and all its containers end with SIGKILL, unreported.
    ///
    /// # Errors
    /// No such NodeManager is running.
    pub fn lose_node(&self, number: u8) -> Result<()> {
        self.kill_9(Daemon::NodeManager(number))?;
        // A shell that outlives its child for a moment could start something else.
        while let processes @ [_, ..] = self.processes_on(number).as_slice() {
            for process in processes {
                process.kill_9();
            }
        }
        Ok(())
    }

    /// Address of NodeManager `number`, which YARN uses as its host.
    pub fn host(&self, number: u8) -> String {
        daemons::node_address(number).to_string()
    }

    /// Starts a daemon again with the same configuration and ports (ending it first if it is running) and waits until
    /// it is ready; after a ResourceManager's start also until all running NodeManagers are back.
    ///
    /// # Errors
    /// The cluster has no such daemon, or it does not become ready; the end of its log is in the error.
    pub async fn restart(&self, daemon: Daemon) -> Result<()> {
        self.restart_ahead(daemon, Duration::ZERO).await
    }

    /// The same with a clock that is ahead of all others; for containers of a NodeManager see [`clock::VARIABLES`].
    ///
    /// # Errors
    /// The same as for [`Self::restart`], or there is no C compiler.
    pub async fn restart_ahead(&self, daemon: Daemon, ahead: Duration) -> Result<()> {
        let old = self.running().remove(&daemon);
        if let Some(running) = old {
            running.kill_9();
        }
        self.start_ahead(daemon, ahead)?;
        self.wait_until_ready(daemon).await?;
        if matches!(daemon, Daemon::ResourceManager(_)) {
            self.wait_for_nodes().await?;
        }
        Ok(())
    }

    /// Starts a daemon that is down, without waiting until it is ready.
    ///
    /// # Errors
    /// The cluster has no such daemon, it is already running, or it cannot be started.
    pub fn start(&self, daemon: Daemon) -> Result<()> {
        self.start_ahead(daemon, Duration::ZERO)
    }

    fn start_ahead(&self, daemon: Daemon, ahead: Duration) -> Result<()> {
        ensure!(self.daemons().contains(&daemon), "cluster {} has no {daemon}", self.layout.name);
        ensure!(self.pid(daemon).is_none(), "{daemon} of cluster {} runs already", self.layout.name);
        let running = Running::start(&self.layout, daemon, ahead)?;
        self.running().insert(daemon, running);
        Ok(())
    }

    /// Creates an empty folder on the machine, below the cluster's folder; `name` is the prefix of its name.
    ///
    /// # Errors
    /// The folder cannot be created.
    pub fn scratch(&self, name: &str) -> Result<PathBuf> {
        let folder = tempfile::Builder::new()
            .prefix(&format!("{name}-"))
            .tempdir_in(self.layout.directory.join("scratch"))
            .with_context(|| format!("cannot make a folder in {}", self.layout.directory.display()))?;
        Ok(folder.keep())
    }

    /// Copies all logs to `target/it-logs/<name>` and returns that folder.
    ///
    /// # Errors
    /// A file cannot be copied.
    pub fn keep_logs(&self) -> Result<PathBuf> {
        let target = kept_logs(&self.layout.name);
        builder::copy(&self.layout.directory.join("logs"), &target)?;
        Ok(target)
    }

    /// Ends everything, waits until nothing is left and removes the folder. Dropping does the same, but keeps the logs
    /// in `target/it-logs/<name>`.
    ///
    /// # Errors
    /// A process could not be ended, or the folder could not be removed.
    pub fn stop(mut self) -> Result<()> {
        self.end(true)
    }

    /// Ends everything in an order that prevents restarts of what was just stopped: managers, containers and the rest,
    /// storage last.
    fn end(&mut self, discard_logs: bool) -> Result<()> {
        let Some(reaper) = self.reaper.take() else { return Ok(()) };
        let running = std::mem::take(&mut *self.running());
        let storage = |daemon: &Daemon| {
            matches!(daemon, Daemon::Kdc | Daemon::NameNode | Daemon::DataNode | Daemon::ZooKeeper)
        };
        let (storage, managers): (Vec<_>, Vec<_>) =
            running.into_iter().partition(|(daemon, _)| storage(daemon));
        for (_, daemon) in managers {
            daemon.kill_9();
        }
        for container in self.container_processes() {
            container.kill_9();
        }
        for (_, daemon) in storage {
            daemon.kill_9();
        }
        reaper.finish(discard_logs)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // A failing test returns an error as often as it panics, so a successful test that needs no logs calls `stop`.
        if let Err(error) = self.end(false) {
            crate::progress::line(&format!("cluster {}: {error:#}", self.layout.name));
        }
    }
}

/// Where logs of a cluster go if they are to outlive it.
fn kept_logs(name: &str) -> PathBuf {
    crate::binaries::target_directory().join("it-logs").join(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Child, Command};

    use super::*;

    /// A cluster without daemons, with one log file and one process that carries its mark.
    fn without_daemons(name: &str) -> (Cluster, Child) {
        let directory = tempfile::tempdir().unwrap().keep().canonicalize().unwrap();
        let layout = Layout {
            name: name.to_owned(),
            hadoop: String::new(),
            jars: PathBuf::new(),
            java_home: PathBuf::new(),
            user: String::new(),
            default_fs: String::new(),
            name_node: None,
            resource_managers: Vec::new(),
            zookeeper: None,
            node_managers: 0,
            node_users: BTreeMap::new(),
            cuttable: false,
            kerberos: None,
            closed_web: false,
            pids: Vec::new(),
            directory,
        };
        let cluster = Cluster::new(layout).unwrap();
        fs::write(cluster.directory().join("logs/some.log"), "a line\n").unwrap();
        let mark = format!("{}/", cluster.directory().display());
        let child = Command::new("sleep").arg("1000").env(reaper::MARKER, mark).spawn().unwrap();
        while cluster.processes().is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        (cluster, child)
    }

    #[test]
    fn successful_cluster_leaves_nothing_behind() {
        let (cluster, mut child) = without_daemons("unit-good-end");
        let directory = cluster.directory().to_owned();
        cluster.stop().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert!(!directory.exists() && !kept_logs("unit-good-end").exists());
    }

    #[test]
    fn dropped_cluster_leaves_only_logs() {
        let kept = kept_logs("unit-dropped");
        let _ = fs::remove_dir_all(&kept);
        let (cluster, mut child) = without_daemons("unit-dropped");
        let directory = cluster.directory().to_owned();
        drop(cluster);
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert!(!directory.exists());
        assert_eq!(fs::read_to_string(kept.join("some.log")).unwrap(), "a line\n");
        fs::remove_dir_all(&kept).unwrap();
    }
}
