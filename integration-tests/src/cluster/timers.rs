//! Hadoop's own timers, and those that tests should not wait for.
//!
//! Most tests are about what happens and not about when, so by default a cluster misses nodes, masters and daemons
//! sooner, and checks more often, than an installation does. Behaviour that is only right because of that shows on a
//! cluster with [`Builder::default_timers`](super::Builder::default_timers).

use super::sites::Properties;

/// One timer that our clusters shorten.
#[derive(Clone, Copy, Debug)]
pub struct Timer {
    /// The property.
    pub key: &'static str,
    /// Our value.
    pub ours: &'static str,
    /// The value in Hadoop's own `*-default.xml`.
    pub default: &'static str,
    /// The clusters on which it is set.
    on: Only,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Only {
    All,
    /// Those that survive a restart of the ResourceManager.
    Recovery,
    /// Those with two ResourceManagers.
    Pair,
}

const fn timer(on: Only, key: &'static str, ours: &'static str, default: &'static str) -> Timer {
    Timer { key, ours, default, on }
}

/// Every shortened timer. Two more have no default in a file: ZooKeeper's `tickTime` (500 ms; its own sample says
/// 2000), and how long clients of a pair sleep before they try the other ResourceManager
/// (`yarn.client.failover-sleep-base-ms` and `-max-ms`, 100 and 500 ms; 30 s when unset).
pub const SHORTENED: [Timer; 9] = [
    timer(Only::All, "dfs.heartbeat.interval", "1", "3"),
    timer(Only::All, "dfs.namenode.safemode.extension", "0", "30000"),
    timer(Only::All, "yarn.resourcemanager.nodemanagers.heartbeat-interval-ms", "100", "1000"),
    timer(Only::All, "yarn.resourcemanager.connect.retry-interval.ms", "200", "30000"),
    timer(Only::All, "yarn.nodemanager.container-monitor.interval-ms", "500", "3000"),
    timer(
        Only::Recovery,
        "yarn.resourcemanager.work-preserving-recovery.scheduling-wait-ms",
        "1000",
        "10000",
    ),
    // A ResourceManager that dies between storing an attempt and launching it leaves a successor that waits this long
    // for an application master that was never started.
    timer(Only::Recovery, "yarn.am.liveness-monitor.expiry-interval-ms", "30000", "900000"),
    // The time until a ResourceManager takes over from a killed one.
    timer(Only::Pair, "hadoop.zk.timeout-ms", "2000", "10000"),
    timer(Only::Pair, "yarn.resourcemanager.zk-timeout-ms", "2000", "10000"),
];

/// The shortened timers of a cluster.
pub(crate) fn shortened(recovery: bool, pair: bool) -> Properties {
    let set = |timer: &&Timer| match timer.on {
        Only::All => true,
        Only::Recovery => recovery || pair,
        Only::Pair => pair,
    };
    SHORTENED.iter().filter(set).map(|timer| (timer.key.to_owned(), timer.ours.to_owned())).collect()
}
