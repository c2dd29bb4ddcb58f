//! Command lines, processes and readiness checks of the daemons.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kerberos::{self, Kerberos};
use super::processes::{lives, signal};
use super::reaper::MARKER;
use super::users::OsUser;
use super::{Cluster, Daemon, clock, cut};
use crate::http;

/// C1 only: halves the boot time of all daemons, because nearly all of it is class loading and compilation.
const JVM_FLAGS: [&str; 7] = [
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:-UsePerfData",
    "-Xshare:auto",
    "-Djava.net.preferIPv4Stack=true",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
];

/// Time limit for a daemon to get ready; a loaded machine needs many times the usual seconds.
const BOOT_LIMIT: Duration = Duration::from_secs(300);

/// Time between two readiness checks.
const POLL: Duration = Duration::from_millis(100);

/// What is fixed for the life of a cluster; also written to `cluster.json` in its folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Layout {
    pub(crate) name: String,
    pub(crate) directory: PathBuf,
    pub(crate) hadoop: String,
    pub(crate) jars: PathBuf,
    pub(crate) java_home: PathBuf,
    pub(crate) user: String,
    pub(crate) default_fs: String,
    pub(crate) name_node: Option<NameNodePorts>,
    pub(crate) resource_managers: Vec<ResourceManagerPorts>,
    pub(crate) zookeeper: Option<u16>,
    pub(crate) node_managers: u8,
    /// NodeManagers that run as another user.
    #[serde(default)]
    pub(crate) node_users: BTreeMap<u8, OsUser>,
    /// Whether processes of containers can be cut off from each other.
    #[serde(default)]
    pub(crate) cuttable: bool,
    /// None where a name is believed.
    #[serde(default)]
    pub(crate) kerberos: Option<Kerberos>,
    /// Whether YARN's web pages want HTTPS and Kerberos, and so cannot be read by the fixture.
    #[serde(default)]
    pub(crate) closed_web: bool,
    /// Process ids at the time of writing.
    pub(crate) pids: Vec<(Daemon, u32)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NameNodePorts {
    pub(crate) rpc: u16,
    pub(crate) web: u16,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ResourceManagerPorts {
    pub(crate) client: u16,
    pub(crate) scheduler: u16,
    pub(crate) tracker: u16,
    pub(crate) admin: u16,
    pub(crate) web: u16,
}

/// Address of NodeManager `number`: a separate host for YARN. 127.0.0.1 would be shown as `localhost`.
pub(crate) fn node_address(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, number.saturating_add(1))
}

impl Layout {
    pub(crate) fn daemons(&self) -> Vec<Daemon> {
        let mut daemons = Vec::new();
        if self.kerberos.is_some() {
            daemons.push(Daemon::Kdc);
        }
        if self.zookeeper.is_some() {
            daemons.push(Daemon::ZooKeeper);
        }
        if self.name_node.is_some() {
            daemons.extend([Daemon::NameNode, Daemon::DataNode]);
        }
        let managers = u8::try_from(self.resource_managers.len()).unwrap_or(u8::MAX);
        daemons.extend((1..=managers).map(Daemon::ResourceManager));
        daemons.extend((1..=self.node_managers).map(Daemon::NodeManager));
        daemons
    }

    pub(crate) fn conf_dir(&self, of: &str) -> PathBuf {
        self.directory.join("conf").join(of)
    }

    /// Configuration folder of a daemon: NodeManagers have one each, all others share one. The keys that close web pages would
    /// close those of HDFS, too, which the fixture reads.
    pub(crate) fn daemon_conf(&self, daemon: Daemon) -> PathBuf {
        match daemon {
            Daemon::NodeManager(_) => self.conf_dir(&daemon.to_string()),
            Daemon::ResourceManager(_) if self.closed_web => self.conf_dir("resourcemanager"),
            _ => self.conf_dir("daemon"),
        }
    }

    pub(crate) fn log_dir(&self, daemon: Daemon) -> PathBuf {
        self.directory.join("logs").join(daemon.to_string())
    }

    fn log_file(&self, daemon: Daemon) -> PathBuf {
        self.log_dir(daemon).join(format!("{daemon}.log"))
    }

    /// A JVM with this cluster's jars; `conf` comes first on its class path because test jars contain other files of
    /// the same names.
    pub(crate) fn java(&self, conf: &Path) -> Command {
        let mut command = self.jvm(conf);
        let own = self.kerberos.as_ref().map(|kerberos| format!("{}:", kerberos.classes.display()));
        let own = own.unwrap_or_default();
        command.arg("-classpath").arg(format!("{}:{own}{}/*", conf.display(), self.jars.display()));
        command
    }

    /// A JVM without a class path.
    fn jvm(&self, conf: &Path) -> Command {
        let mut command = Command::new(self.java_home.join("bin/java"));
        command.args(JVM_FLAGS);
        if self.kerberos.is_some() {
            command.arg(kerberos::java_option(self));
        }
        command.env_clear().env("JAVA_HOME", &self.java_home).env("HADOOP_CONF_DIR", conf);
        command.env("HADOOP_USER_NAME", &self.user).env("USER", &self.user);
        command.env(MARKER, format!("{}/", self.directory.display()));
        for name in ["PATH", "HOME", "LANG", "TZ"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if self.kerberos.is_some() {
            command.env("KRB5_CONFIG", kerberos::krb5_conf(self));
        }
        command.current_dir(&self.directory).stdin(Stdio::null());
        command
    }

    fn command(&self, daemon: Daemon) -> Command {
        if let (Daemon::Kdc, Some(kerberos)) = (daemon, &self.kerberos) {
            let mut command = self.jvm(&self.daemon_conf(daemon));
            kerberos.command(self, &mut command);
            return command;
        }
        let mut command = self.java(&self.daemon_conf(daemon));
        let logs = self.log_dir(daemon);
        command.arg(format!("-Dhadoop.log.dir={}", logs.display()));
        command.arg(format!("-Dyarn.log.dir={}", logs.display()));
        match daemon {
            Daemon::Kdc => &mut command,
            Daemon::NameNode => command.arg("org.apache.hadoop.hdfs.server.namenode.NameNode"),
            Daemon::DataNode => command.arg("org.apache.hadoop.hdfs.server.datanode.DataNode"),
            Daemon::ZooKeeper => command
                .arg("org.apache.zookeeper.server.ZooKeeperServerMain")
                .arg(self.conf_dir("daemon").join("zoo.cfg")),
            Daemon::ResourceManager(number) => {
                command.arg("org.apache.hadoop.yarn.server.resourcemanager.ResourceManager");
                if self.resource_managers.len() > 1 {
                    // As program arguments, because the ResourceManager ignores JVM properties for this.
                    command.arg("-D").arg(format!("yarn.resourcemanager.ha.id=rm{number}"));
                }
                &mut command
            }
            Daemon::NodeManager(number) => {
                if self.cuttable {
                    command.envs(cut::environment(&self.directory));
                }
                if let Some(user) = self.node_users.get(&number) {
                    user.runs(&mut command);
                }
                command.arg("org.apache.hadoop.yarn.server.nodemanager.NodeManager")
            }
        };
        command
    }
}

/// One process of a daemon.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) pid: u32,
    /// `None` for a cluster that another process started.
    child: Option<Child>,
    /// Length of the log when the process was started: signs of readiness are searched for after this.
    log_begin: u64,
}

impl Running {
    /// A process that is not our child.
    pub(crate) fn adopted(pid: u32) -> Self {
        Self { pid, child: None, log_begin: 0 }
    }

    /// Starts a daemon with a clock that is `ahead` of all others.
    pub(crate) fn start(layout: &Layout, daemon: Daemon, ahead: Duration) -> Result<Self> {
        let path = layout.log_file(daemon);
        fs::create_dir_all(layout.log_dir(daemon))
            .with_context(|| format!("cannot create {}", path.display()))?;
        let log = OpenOptions::new().create(true).append(true).open(&path);
        let log = log.with_context(|| format!("cannot open {}", path.display()))?;
        let log_begin = log.metadata().map(|metadata| metadata.len()).unwrap_or_default();
        let mut command = layout.command(daemon);
        if !ahead.is_zero() {
            command.envs(clock::environment(&layout.directory, ahead)?);
        }
        command.stdout(log.try_clone().context("cannot share a log file")?).stderr(log);
        // In its own process group: Ctrl-C is for us, and we (or the reaper) end the daemons.
        command.process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {daemon}"))?;
        Ok(Self { pid: child.id(), child: Some(child), log_begin })
    }

    /// Whether the process still exists; takes its exit status if not.
    pub(crate) fn lives(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => lives(self.pid),
        }
    }

    /// Sends SIGKILL, and waits until the process is gone.
    pub(crate) fn kill_9(mut self) {
        signal(self.pid, Signal::KILL);
        if let Some(child) = &mut self.child {
            let _ = child.wait();
        }
        while lives(self.pid) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn terminate(&self) {
        signal(self.pid, Signal::TERM);
    }
}

impl Cluster {
    /// Waits until `daemon` is ready for its clients.
    pub(crate) async fn wait_until_ready(&self, daemon: Daemon) -> Result<()> {
        let begun = Instant::now();
        while !self.is_ready(daemon).await {
            if self.pid(daemon).is_none() {
                bail!("{daemon} has ended; its last lines:\n{}", self.log_end(daemon));
            }
            if begun.elapsed() > BOOT_LIMIT {
                let seconds = BOOT_LIMIT.as_secs();
                bail!("{daemon} is not ready after {seconds} s; its last lines:\n{}", self.log_end(daemon));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    async fn is_ready(&self, daemon: Daemon) -> bool {
        match daemon {
            Daemon::Kdc => kerberos::folder(&self.layout).join("ready").exists(),
            Daemon::ZooKeeper => {
                let port = self.layout.zookeeper.unwrap_or_default();
                tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok()
            }
            Daemon::NameNode => {
                self.name_node_bean("NameNodeInfo", "Safemode").await.is_some_and(|mode| mode == "")
            }
            Daemon::DataNode => {
                // The live node from before a restart would be counted, so check what this process reports.
                self.has_logged(daemon, "successfully registered with NN")
                    && self
                        .name_node_bean("FSNamesystemState", "NumLiveDataNodes")
                        .await
                        .is_some_and(|count| count.as_u64() >= Some(1))
            }
            Daemon::ResourceManager(_) if self.layout.closed_web => {
                self.has_logged(daemon, "Transitioned to active state")
            }
            Daemon::ResourceManager(number) => {
                // The web port answers before the state is recovered and the RPC ports are served.
                let Some(ports) = self.layout.resource_managers.get(usize::from(number) - 1) else {
                    return false;
                };
                let url = format!("http://localhost:{}/ws/v1/cluster/info", ports.web);
                let Ok(info) = http::get_json(&url).await else { return false };
                let state = info.pointer("/clusterInfo/haState").and_then(Value::as_str).unwrap_or_default();
                state == "ACTIVE" || (state == "STANDBY" && self.layout.resource_managers.len() > 1)
            }
            Daemon::NodeManager(number) => {
                let host = node_address(number).to_string();
                self.has_logged(daemon, "Registered with ResourceManager as")
                    && (self.layout.closed_web
                        || self.running_nodes().await.is_ok_and(|nodes| {
                            nodes
                                .iter()
                                .any(|node| node.get("nodeHostName").is_some_and(|name| *name == *host))
                        }))
            }
        }
    }

    /// Waits until every NodeManager with a process is RUNNING at the active ResourceManager.
    pub(crate) async fn wait_for_nodes(&self) -> Result<()> {
        if self.layout.closed_web {
            return Ok(());
        }
        let begun = Instant::now();
        loop {
            let alive =
                (1..=self.layout.node_managers).filter(|n| self.pid(Daemon::NodeManager(*n)).is_some());
            let alive = alive.count();
            let seen = match self.running_nodes().await {
                Ok(nodes) if nodes.len() == alive => return Ok(()),
                Ok(nodes) => nodes.len().to_string(),
                Err(error) => format!("{error:#}"),
            };
            if begun.elapsed() > BOOT_LIMIT {
                let log = self.log_end(Daemon::NodeManager(1));
                bail!("running NodeManagers after {} s: {seen}, not {alive}\n{log}", BOOT_LIMIT.as_secs());
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// One attribute of a NameNode's JMX bean.
    async fn name_node_bean(&self, bean: &str, attribute: &str) -> Option<Value> {
        let web = self.layout.name_node.as_ref()?.web;
        let url = format!("http://localhost:{web}/jmx?qry=Hadoop:service=NameNode,name={bean}");
        let mut answer = http::get_json(&url).await.ok()?;
        answer.pointer_mut(&format!("/beans/0/{attribute}")).map(Value::take)
    }

    fn has_logged(&self, daemon: Daemon, text: &str) -> bool {
        let begin = self.running().get(&daemon).map_or(0, |running| running.log_begin);
        let mut content = String::new();
        let read = File::open(self.layout.log_file(daemon)).and_then(|mut file| {
            file.seek(SeekFrom::Start(begin))?;
            file.read_to_string(&mut content)
        });
        read.is_ok() && content.contains(text)
    }

    /// The last lines of a daemon's log.
    pub(crate) fn log_end(&self, daemon: Daemon) -> String {
        let text = fs::read_to_string(self.layout.log_file(daemon)).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}
