//! The description of a cluster, and its boot.

use anyhow::Result;

use super::Cluster;
use crate::versions::{HADOOP_3_4, HadoopVersion};

/// Which cluster to boot. The default is HDFS, one ResourceManager and one NodeManager on Hadoop 3.4.
#[derive(Clone, Debug)]
pub struct Builder {
    name: String,
    hadoop: HadoopVersion,
    hdfs: bool,
    node_managers: u8,
    node_memory_mib: u32,
    node_vcores: u32,
    high_availability: bool,
    recovery: bool,
    log_aggregation: bool,
    node_labels: bool,
    access_control: bool,
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
            high_availability: false,
            recovery: false,
            log_aggregation: false,
            node_labels: false,
            access_control: false,
            sites: Vec::new(),
            scheduler: Vec::new(),
        }
    }

    /// Another Hadoop version.
    pub fn hadoop(mut self, version: HadoopVersion) -> Self {
        self.hadoop = version;
        self
    }

    /// No HDFS: `fs.defaultFS` is `file:///`. Saves two JVMs where HDFS is not the subject.
    pub fn without_hdfs(mut self) -> Self {
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

    /// Two ResourceManagers with ZooKeeper; failover takes 2-3 s.
    pub fn high_availability(mut self) -> Self {
        self.high_availability = true;
        self
    }

    /// Applications survive a restart of the ResourceManager, containers one of the NodeManager.
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

    /// Sets one property in core-site, hdfs-site and yarn-site alike, of daemons and clients, over our own value.
    pub fn property(mut self, key: &str, value: &str) -> Self {
        self.sites.push((key.to_owned(), value.to_owned()));
        self
    }

    /// Sets `yarn.scheduler.capacity.<key>` in capacity-scheduler.xml.
    pub fn scheduler_property(mut self, key: &str, value: &str) -> Self {
        self.scheduler.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The queues under root with their capacities in percent (which must add up to 100), instead of `default`.
    pub fn queues(mut self, queues: &[(&str, u32)]) -> Self {
        let names: Vec<_> = queues.iter().map(|(name, _)| *name).collect();
        self.scheduler.push(("root.queues".to_owned(), names.join(",")));
        for (name, capacity) in queues {
            self.scheduler.push((format!("root.{name}.capacity"), capacity.to_string()));
            self.scheduler.push((format!("root.{name}.maximum-capacity"), "100".to_owned()));
        }
        self
    }

    /// Downloads what is missing, starts all daemons at once and waits until every one is ready.
    ///
    /// # Errors
    /// A prerequisite is missing, the download fails, or a daemon does not become ready; the end of its log is in
    /// the error and all logs are kept.
    pub async fn boot(self) -> Result<Cluster> {
        todo!()
    }
}
