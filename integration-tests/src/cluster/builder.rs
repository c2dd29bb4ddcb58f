//! The description of a cluster, and its boot.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::daemons::{Layout, NameNodePorts, ResourceManagerPorts, node_address};
use super::download::Hadoop;
use super::kerberos::{self, ALICE, Kerberos};
use super::ports::Ports;
use super::sites::{self, Audience, Properties};
use super::users::OsUser;
use super::{Cluster, Daemon, closed_web, cut, hdfs, timers, users};
use crate::versions::{HADOOP_3_4, HadoopVersion};
use crate::{cache, prerequisites};

/// The cluster to boot. The default is HDFS, one ResourceManager and one NodeManager on Hadoop 3.4.
#[derive(Clone, Debug)]
pub struct Builder {
    name: String,
    hadoop: HadoopVersion,
    hdfs: bool,
    node_managers: u8,
    node_memory_mib: u32,
    node_vcores: u32,
    other_sizes: BTreeMap<u8, u32>,
    node_users: BTreeMap<u8, String>,
    default_timers: bool,
    cuttable: bool,
    high_availability: bool,
    recovery: bool,
    log_aggregation: bool,
    node_labels: bool,
    access_control: bool,
    protection: Option<String>,
    closed_web: bool,
    sites: Vec<(String, String)>,
    scheduler: Vec<(String, String)>,
}

impl Builder {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            hadoop: HADOOP_3_4,
            hdfs: true,
            node_managers: 1,
            node_memory_mib: 8192,
            node_vcores: 8,
            other_sizes: BTreeMap::new(),
            node_users: BTreeMap::new(),
            default_timers: false,
            cuttable: false,
            high_availability: false,
            recovery: false,
            log_aggregation: false,
            node_labels: false,
            access_control: false,
            protection: kerberos::wanted_for_all(),
            closed_web: false,
            sites: Vec::new(),
            scheduler: Vec::new(),
        }
    }

    /// Sets another Hadoop version.
    pub fn hadoop(mut self, version: HadoopVersion) -> Self {
        self.hadoop = version;
        self
    }

    /// Boots no HDFS: `fs.defaultFS` is `file:///`. Saves two JVMs if HDFS is not the subject.
    pub fn without_hdfs(mut self) -> Self {
        self.protection = None;
        self.hdfs = false;
        self
    }

    /// Number of NodeManagers; number n has the address 127.0.0.(n + 1), so that YARN sees distinct hosts.
    pub fn node_managers(mut self, count: u8) -> Self {
        self.node_managers = count;
        self
    }

    /// Memory (MiB) and virtual cores of each NodeManager; 8192 and 8 by default.
    pub fn node_size(mut self, memory_mib: u32, vcores: u32) -> Self {
        self.node_memory_mib = memory_mib;
        self.node_vcores = vcores;
        self
    }

    /// Another memory size (MiB) for one of the NodeManagers.
    pub fn memory_of(mut self, number: u8, memory_mib: u32) -> Self {
        self.other_sizes.insert(number, memory_mib);
        self
    }

    /// Runs NodeManager `number`, and all containers there, as this user of the operating system, who must exist
    /// (`nobody` exists everywhere). Only root can boot such a cluster. It has HDFS: what is staged in a file system of
    /// the machine belongs to the submitting user, and another user's NodeManager could not read it.
    pub fn node_user(mut self, number: u8, os_user: &str) -> Self {
        self.node_users.insert(number, os_user.to_owned());
        self
    }

    /// Uses Hadoop's own timers everywhere: a lost node is missed after ten minutes, an application master after
    /// fifteen, and a NodeManager looks for a lost ResourceManager every 30 s. See [`timers::SHORTENED`] for those of
    /// other clusters.
    pub fn default_timers(mut self) -> Self {
        self.default_timers = true;
        self
    }

    /// Lets processes of containers be cut off from each other: [`Cluster::cut_off`]. Needs a C compiler.
    pub fn cuttable(mut self) -> Self {
        self.cuttable = true;
        self
    }

    /// Two ResourceManagers with ZooKeeper (and recovery, which failover needs); failover takes 2-3 s.
    pub fn high_availability(mut self) -> Self {
        self.high_availability = true;
        self
    }

    /// Lets applications survive a restart of the ResourceManager, and containers one of the NodeManager.
    pub fn recovery(mut self) -> Self {
        self.recovery = true;
        self
    }

    /// Logs of finished applications go to the default file system (`yarn.log-aggregation-enable`).
    pub fn log_aggregation(mut self) -> Self {
        self.log_aggregation = true;
        self
    }

    /// Node labels; add them with `RMAdminCLI` through [`Cluster::java_tool`].
    pub fn node_labels(mut self) -> Self {
        self.node_labels = true;
        self
    }

    /// `yarn.acl.enable`, with the user who boots as the only administrator.
    pub fn access_control(mut self) -> Self {
        self.access_control = true;
        self
    }

    /// A secure cluster with a KDC of its own, and `protection` (`authentication`, `integrity` or `privacy`) for RPC and
    /// for data of HDFS. Clients are `alice`; see [`Cluster::keytab`] and [`Cluster::kinit`].
    pub fn kerberos(mut self, protection: &str) -> Self {
        self.protection = Some(protection.to_owned());
        self
    }

    /// The web pages of YARN of a secure cluster want HTTPS and Kerberos. The methods of [`Cluster`] that read them do not work.
    pub fn closed_web(mut self) -> Self {
        self.closed_web = true;
        self
    }

    /// Sets one property for daemons and clients, overriding our own value: `dfs.*` in hdfs-site, `yarn.*` in
    /// yarn-site, all others in core-site.
    pub fn property(mut self, key: &str, value: &str) -> Self {
        self.sites.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Sets `yarn.scheduler.capacity.<key>` in capacity-scheduler.xml.
    pub fn scheduler_property(mut self, key: &str, value: &str) -> Self {
        self.scheduler.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The queues under root with their capacities in percent (which must add up to 100), instead of `default`. One
    /// user may fill a queue up to the whole cluster.
    pub fn queues(mut self, queues: &[(&str, u32)]) -> Self {
        let names: Vec<_> = queues.iter().map(|(name, _)| *name).collect();
        self.scheduler.push(("root.queues".to_owned(), names.join(",")));
        for (name, capacity) in queues {
            self.scheduler.push((format!("root.{name}.capacity"), capacity.to_string()));
            self.scheduler.push((format!("root.{name}.maximum-capacity"), "100".to_owned()));
            self.scheduler.push((format!("root.{name}.user-limit-factor"), "100".to_owned()));
        }
        self
    }

    /// Downloads what is missing, starts all daemons at once and waits until every one is ready.
    ///
    /// # Errors
    /// A prerequisite is missing, the download fails, or a daemon does not become ready; the end of its log is in
    /// the error and all logs are kept.
    pub async fn boot(self) -> Result<Cluster> {
        // The very first call downloads for a minute.
        let cluster =
            tokio::task::spawn_blocking(move || self.start()).await.context("the boot was cancelled")??;
        match cluster.wait_until_booted().await {
            Ok(()) => Ok(cluster),
            Err(error) => Err(match cluster.keep_logs() {
                Ok(logs) => error.context(format!("all logs are in {}", logs.display())),
                Err(_) => error,
            }),
        }
    }

    /// Everything up to the start of the processes.
    fn start(self) -> Result<Cluster> {
        ensure!(
            (1..=100).contains(&self.node_managers),
            "between 1 and 100 NodeManagers, not {}",
            self.node_managers
        );
        if !self.node_users.is_empty() {
            users::check()?;
        }
        let hadoop = Hadoop::download(self.hadoop)?;
        let java_home = prerequisites::java_home()?;
        let cache = cache::directory()?;
        let prefix = format!("yarn-flink-{}-", self.name);
        let directory = tempfile::Builder::new().prefix(&prefix).tempdir().context("cannot make a folder")?;
        let directory = directory.keep().canonicalize().context("cannot resolve the cluster's folder")?;
        let mut ports = Ports::new();
        let mut port = || ports.reserve(&cache, Ipv4Addr::LOCALHOST);
        let name_node = if self.hdfs { Some(NameNodePorts { rpc: port()?, web: port()? }) } else { None };
        let mut resource_managers = Vec::new();
        for _ in 0..if self.high_availability { 2 } else { 1 } {
            resource_managers.push(ResourceManagerPorts {
                client: port()?,
                scheduler: port()?,
                tracker: port()?,
                admin: port()?,
                web: port()?,
            });
        }
        let zookeeper = if self.high_availability { Some(port()?) } else { None };
        let node_users = self.node_users.iter().map(|(number, name)| Ok((*number, OsUser::find(name)?)));
        let mut layout = Layout {
            name: self.name.clone(),
            hadoop: self.hadoop.version.to_owned(),
            jars: hadoop.jars.clone(),
            java_home,
            user: if self.protection.is_some() { ALICE.to_owned() } else { user()? },
            default_fs: match &name_node {
                Some(ports) => format!("hdfs://localhost:{}", ports.rpc),
                None => "file:///".to_owned(),
            },
            name_node,
            resource_managers,
            zookeeper,
            node_managers: self.node_managers,
            node_users: node_users.collect::<Result<_>>()?,
            cuttable: self.cuttable,
            kerberos: None,
            closed_web: self.closed_web,
            pids: Vec::new(),
            directory,
        };
        if !layout.node_users.is_empty() {
            users::prepare(&mut layout)?;
        }
        if self.cuttable {
            cut::prepare(&layout.directory)?;
        }
        if let Some(protection) = &self.protection {
            let port = ports.reserve(&cache, Ipv4Addr::LOCALHOST)?;
            layout.kerberos = Some(Kerberos::prepare(&layout, port, protection)?);
        }
        let cluster = Cluster::new(layout)?; // from here on the reaper removes the folder
        self.write_configuration(&cluster.layout, &mut ports, &cache)?;
        if self.hdfs {
            let formatted = hdfs::formatted_name_directory(&cluster.layout)?;
            copy(&formatted, &cluster.layout.directory.join("data/name"))?;
        }
        cluster.hold(ports);
        for daemon in cluster.daemons() {
            cluster.start(daemon)?;
            // Without their keytabs the others end at once.
            if daemon == Daemon::Kdc {
                cluster.wait_for_kdc()?;
            }
        }
        Ok(cluster)
    }

    fn write_configuration(&self, layout: &Layout, ports: &mut Ports, cache: &Path) -> Result<()> {
        let own = |properties: &mut Properties| properties.extend(self.sites.iter().cloned());
        let mut client = client_properties(layout, self.default_timers);
        // Clients that read collected logs have to know where they are, too.
        let shared = ["yarn.log-aggregation", "yarn.nodemanager.remote-app-log-dir"];
        let of_logs = |key: &String| shared.iter().any(|prefix| key.starts_with(prefix));
        let daemons = self.daemon_properties(layout);
        client.extend(daemons.into_iter().filter(|(key, _)| of_logs(key)));
        if let Some(kerberos) = &layout.kerberos {
            kerberos.write(layout)?;
            client.extend(kerberos.client_properties());
        }
        if self.access_control {
            client.insert("yarn.acl.enable".into(), "true".into());
        }
        if self.closed_web {
            client.extend(closed_web::client_properties(layout));
        }
        own(&mut client);
        sites::write(&layout.conf_dir("client"), &client, &Properties::new(), Audience::Client)?;

        let mut daemon = client.clone();
        daemon.extend(self.daemon_properties(layout));
        daemon.extend(layout.kerberos.iter().flat_map(|kerberos| kerberos.daemon_properties(layout)));
        own(&mut daemon);
        let mut scheduler = Properties::from([
            ("root.queues".to_owned(), "default".to_owned()),
            ("root.default.capacity".to_owned(), "100".to_owned()),
            // For small clusters: the default of 0.1 would admit only one application master at a time.
            ("maximum-am-resource-percent".to_owned(), "0.9".to_owned()),
        ]);
        scheduler.extend(self.scheduler.iter().cloned());
        let shared = layout.conf_dir("daemon");
        sites::write(&shared, &daemon, &scheduler, Audience::Daemon)?;
        if let Some(port) = layout.zookeeper {
            let data = layout.directory.join("data/zookeeper");
            let text = format!(
                "tickTime={}\ndataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\n\
                 admin.enableServer=false\nmaxClientCnxns=0\n",
                if self.default_timers { 2000 } else { 500 },
                data.display()
            );
            let path = shared.join("zoo.cfg");
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        if self.closed_web {
            daemon.extend(closed_web::daemon_properties(layout));
            let manager = layout.daemon_conf(Daemon::ResourceManager(1));
            sites::write(&manager, &daemon, &scheduler, Audience::Daemon)?;
        }
        for number in 1..=layout.node_managers {
            let node = Daemon::NodeManager(number);
            let address = node_address(number);
            let mut properties = daemon.clone();
            let mut set =
                |key: &str, value: String| properties.insert(format!("yarn.nodemanager.{key}"), value);
            set("hostname", address.to_string());
            // Fixed, so that a restarted NodeManager keeps its node id (which recovery requires).
            for key in ["address", "localizer.address", "webapp.address", "webapp.https.address"] {
                set(key, format!("{address}:{}", ports.reserve(cache, address)?));
            }
            set("collector-service.address", format!("{address}:0"));
            let data = layout.directory.join("data").join(node.to_string());
            set("local-dirs", data.join("local").display().to_string());
            set("recovery.dir", data.join("recovery").display().to_string());
            set("log-dirs", layout.log_dir(node).join("containers").display().to_string());
            if let Some(memory) = self.other_sizes.get(&number) {
                set("resource.memory-mb", memory.to_string());
            }
            own(&mut properties);
            sites::write(&layout.conf_dir(&node.to_string()), &properties, &scheduler, Audience::Daemon)?;
        }
        if self.closed_web {
            closed_web::write(layout)?;
        }
        Ok(())
    }

    fn daemon_properties(&self, layout: &Layout) -> Properties {
        let mut properties = match self.default_timers {
            true => Properties::new(),
            false => timers::shortened(self.recovery, self.high_availability),
        };
        let mut set = |key: &str, value: &str| properties.insert(key.to_owned(), value.to_owned());
        let data = |name: &str| layout.directory.join("data").join(name).display().to_string();
        let memory = self.node_memory_mib.to_string();
        let largest =
            self.other_sizes.values().copied().chain([self.node_memory_mib]).max().unwrap_or_default();
        let vcores = self.node_vcores.to_string();
        let root = |name: &str| match &layout.name_node {
            Some(_) => format!("/{name}"),
            None => data(name),
        };

        set("hadoop.http.staticuser.user", &layout.user);
        set("dfs.namenode.name.dir", &data("name"));
        set("dfs.datanode.data.dir", &data("blocks"));
        for key in ["address", "http.address", "ipc.address"] {
            set(&format!("dfs.datanode.{key}"), "127.0.0.1:0");
        }
        set("dfs.datanode.hostname", "localhost");

        set("yarn.scheduler.minimum-allocation-mb", "64");
        set("yarn.scheduler.maximum-allocation-mb", &largest.to_string());
        set("yarn.scheduler.maximum-allocation-vcores", &vcores);
        set("yarn.nodemanager.resource.memory-mb", &memory);
        set("yarn.nodemanager.resource.cpu-vcores", &vcores);
        set("yarn.nodemanager.aux-services", "");
        set("yarn.nodemanager.vmem-check-enabled", "false");
        // `true` would leave the limit to cgroups that do not exist; a container beyond its memory must be killed.
        set("yarn.nodemanager.resource.memory.enforced", "false");
        // A full development disk must not make every node UNHEALTHY.
        set("yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage", "99.5");

        if self.recovery || self.high_availability {
            let store = "org.apache.hadoop.yarn.server.resourcemanager.recovery";
            set("yarn.resourcemanager.recovery.enabled", "true");
            if self.high_availability {
                set("yarn.resourcemanager.store.class", &format!("{store}.ZKRMStateStore"));
            } else {
                set("yarn.resourcemanager.store.class", &format!("{store}.LeveldbRMStateStore"));
                set("yarn.resourcemanager.leveldb-state-store.path", &data("rm-state"));
            }
            set("yarn.nodemanager.recovery.enabled", "true");
            set("yarn.nodemanager.recovery.supervised", "true");
        }
        if self.high_availability {
            set("yarn.resourcemanager.ha.automatic-failover.embedded", "true");
            set("hadoop.zk.address", &format!("127.0.0.1:{}", layout.zookeeper.unwrap_or_default()));
        }
        if self.log_aggregation {
            // Otherwise the local logs vanish once they are aggregated, and with them what a failed test needs.
            set("yarn.nodemanager.delete.debug-delay-sec", "3600");
            set("yarn.log-aggregation-enable", "true");
            set("yarn.nodemanager.remote-app-log-dir", &root("app-logs"));
        }
        // Below /tmp by default, where two clusters of the same user would collide.
        set("yarn.node-attribute.fs-store.root-dir", &format!("file://{}", data("node-attributes")));
        if self.cuttable {
            set("yarn.nodemanager.env-whitelist", cut::WHITELIST);
        }
        if self.node_labels {
            set("yarn.node-labels.enabled", "true");
            set("yarn.node-labels.fs-store.root-dir", &format!("file://{}", data("node-labels")));
        }
        if self.access_control {
            set("yarn.admin.acl", &layout.user);
        }
        properties
    }
}

/// The configuration that an administrator gives to clients.
fn client_properties(layout: &Layout, default_timers: bool) -> Properties {
    let mut properties = Properties::new();
    let mut set = |key: &str, value: String| properties.insert(key.to_owned(), value);
    set("fs.defaultFS", layout.default_fs.clone());
    set("hadoop.tmp.dir", layout.directory.join("tmp").display().to_string());
    set("dfs.replication", "1".to_owned());
    if let Some(ports) = &layout.name_node {
        set("dfs.namenode.http-address", format!("localhost:{}", ports.web));
    }
    set("yarn.application.classpath", format!("$HADOOP_CONF_DIR,{}/*", layout.jars.display()));
    let pair = layout.resource_managers.len() > 1;
    for (index, ports) in layout.resource_managers.iter().enumerate() {
        let suffix = if pair { format!(".rm{}", index + 1) } else { String::new() };
        set(&format!("yarn.resourcemanager.hostname{suffix}"), "localhost".to_owned());
        for (key, port) in [
            ("address", ports.client),
            ("scheduler.address", ports.scheduler),
            ("resource-tracker.address", ports.tracker),
            ("admin.address", ports.admin),
            ("webapp.address", ports.web),
        ] {
            set(&format!("yarn.resourcemanager.{key}{suffix}"), format!("localhost:{port}"));
        }
    }
    if pair {
        set("yarn.resourcemanager.ha.enabled", "true".to_owned());
        set("yarn.resourcemanager.cluster-id", "pair".to_owned());
        set("yarn.resourcemanager.ha.rm-ids", "rm1,rm2".to_owned());
        if !default_timers {
            set("yarn.client.failover-sleep-base-ms", "100".to_owned());
            set("yarn.client.failover-sleep-max-ms", "500".to_owned());
        }
    }
    properties
}

/// Name of the operating system's user.
fn user() -> Result<String> {
    let output = Command::new("id").arg("-un").output().context("cannot run `id -un`")?;
    let name = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    ensure!(!name.is_empty(), "`id -un` names no user");
    Ok(name)
}

/// Copies a folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot write {}", target.display()))?;
        }
    }
    Ok(())
}
