//! The fault corpus: faults injected into a real cluster, what `yarn-flink explain` says about each, and what Flink's
//! own client says about the same.
//!
//! `cargo run --release -p integration-tests --bin corpus -- --table docs/fault-corpus.md`
//!
//! `bench` submits for both sides, injects and asks, `report` records the results; `refused`, `waiting`, `files`,
//! `programs`, `loading`, `processes`, `cut` and `nodes` are the faults.

#![expect(clippy::future_not_send, reason = "everything runs on one thread, one fault after the other")]

mod bench;
mod cut;
mod files;
mod fillers;
mod loading;
mod nodes;
mod processes;
mod programs;
mod refused;
mod report;
mod waiting;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use integration_tests::binaries::{self, Binaries};
use integration_tests::cluster::Cluster;
use integration_tests::cluster::java::FS_SHELL;
use integration_tests::flink::Flink;
use integration_tests::progress::{self, Step};
use integration_tests::versions::FLINK_1_20;
use integration_tests::{jobs, prerequisites};

use bench::{Bench, Side};
use report::Row;

/// Memory of each of the two nodes.
pub(crate) const NODE_MIB: u32 = 4096;

/// Injects faults into a real cluster and records what each client says.
#[derive(Debug, Parser)]
#[command(name = "corpus")]
struct Arguments {
    /// Only faults whose name contains this; may be given more than once.
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
    /// Skip Flink's own client, which takes most of the time.
    #[arg(long)]
    ours: bool,
    /// Put the table between the marks of this file.
    #[arg(long, value_name = "FILE")]
    table: Option<PathBuf>,
    /// Write everything to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            progress::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether at least 95 % of the answers are right and none is wrong.
async fn run(arguments: &Arguments) -> Result<bool> {
    prerequisites::check()?;
    let flink = Flink::download(FLINK_1_20)?;
    let binaries = binaries::binaries()?;
    let jar = jobs::jar(&flink)?;
    let rows = RefCell::default();
    let work = async {
        let (mut broken, common) = (Vec::new(), (arguments, &flink, binaries, jar.as_path(), &rows));
        for which in [Which::Queues, Which::Nodes] {
            if let Err(error) = with_cluster(which, common).await {
                broken.push(format!("{error:#}"));
            }
        }
        broken
    };
    let broken = tokio::select! {
        broken = work => broken,
        _ = tokio::signal::ctrl_c() => bail!("interrupted; everything that was started has been ended"),
    };
    let rows = rows.into_inner();
    report::write(&rows, arguments.table.as_deref(), arguments.json.as_deref())?;
    let [right, unknown, wrong] = report::count(&rows);
    progress::line(&format!("{} faults: {right} right, {unknown} unknown, {wrong} wrong", rows.len()));
    if !broken.is_empty() {
        bail!("{}", broken.join("\n"));
    }
    Ok(wrong == 0 && right * 100 >= rows.len() * 95)
}

#[derive(Debug, Clone, Copy)]
enum Which {
    Queues,
    Nodes,
}

type Common<'a> = (&'a Arguments, &'a Flink, &'a Binaries, &'a Path, &'a RefCell<Vec<Row>>);

async fn with_cluster(which: Which, common: Common<'_>) -> Result<()> {
    let (arguments, flink, binaries, jar, rows) = common;
    let exclude = tempfile::NamedTempFile::new().context("no temporary file")?;
    let step = Step::begin(format!("boot a cluster for {which:?}"));
    let cluster = match which {
        Which::Queues => queues(),
        Which::Nodes => for_nodes(exclude.path()),
    };
    let cluster = cluster.boot().await?;
    step.done();
    let hdfs = cluster.hdfs()?;
    let folder = format!("/user/{}/provided", cluster.user());
    let sides = if arguments.ours { &[Side::Ours][..] } else { &[Side::Ours, Side::Flinks] };
    if sides.len() > 1 {
        hdfs.mkdirs(&folder).await?;
        let [lib, plugins] = ["lib", "plugins"].map(|name| flink.home().join(name).display().to_string());
        cluster.java_tool(FS_SHELL, &["-put", &lib, &plugins, &folder]).await?.success()?;
    }
    let at = |name: &str| format!("{}{folder}/{name}", cluster.default_fs());
    let bench = Bench {
        cluster: &cluster,
        flink,
        binaries,
        jar: jar.to_owned(),
        only: &arguments.only,
        sides,
        provided: format!("{};{}", at("lib"), at("plugins")),
        rows,
    };
    let done = match which {
        Which::Queues => on_queues(&bench).await,
        Which::Nodes => on_nodes(&bench, exclude.path()).await,
    };
    if done.is_err() {
        progress::line(&format!("all logs are in {}", cluster.keep_logs()?.display()));
    }
    done?;
    cluster.stop()
}

async fn on_queues(bench: &Bench<'_>) -> Result<()> {
    refused::prepare(bench).await?;
    refused::by_the_resource_manager(bench).await?;
    refused::by_the_client(bench).await?;
    waiting::limits(bench).await?;
    programs::of_the_job(bench).await?;
    loading::fails(bench).await?;
    programs::of_the_processes(bench).await?;
    processes::by_people(bench).await?;
    processes::by_signals(bench).await?;
    processes::that_hang(bench).await?;
    waiting::without_nodes(bench).await
}

async fn on_nodes(bench: &Bench<'_>, exclude: &Path) -> Result<()> {
    nodes::containers(bench).await?;
    cut::off(bench).await?;
    nodes::lost(bench, exclude).await?;
    files::spoilt(bench).await?;
    waiting::restarted(bench).await?;
    nodes::away_during_an_attached_run(bench).await?;
    nodes::daemons_away(bench).await
}

/// Queues with every limit, and a label that no node has.
fn queues() -> integration_tests::cluster::Builder {
    let shares = [
        ("wide", 40),
        ("other", 10),
        ("masters", 10),
        ("users", 10),
        ("limited", 5),
        ("capped", 5),
        ("stopped", 5),
        ("closed", 5),
        ("few", 5),
        ("parent", 5),
    ];
    let mut builder = Cluster::builder("corpus-queues")
        .recovery()
        .node_managers(2)
        .node_size(NODE_MIB, 16)
        .node_labels()
        .access_control()
        .queues(&shares)
        .property("yarn.scheduler.maximum-allocation-mb", "8192")
        // Shell commands never register.
        .property("yarn.am.liveness-monitor.expiry-interval-ms", "600000")
        .property("yarn.nm.liveness-monitor.expiry-interval-ms", "5000");
    for (key, value) in [
        ("root.acl_submit_applications", " "),
        ("root.acl_administer_queue", " "),
        ("root.masters.maximum-am-resource-percent", "0.05"),
        ("root.users.user-limit-factor", "1"),
        ("root.users.maximum-am-resource-percent", "1.0"),
        ("root.limited.user-limit-factor", "1"),
        ("root.limited.maximum-am-resource-percent", "8.0"),
        ("root.capped.maximum-capacity", "10"),
        ("root.capped.maximum-am-resource-percent", "2.0"),
        ("root.stopped.state", "STOPPED"),
        ("root.few.maximum-applications", "1"),
        ("root.parent.queues", "child"),
        ("root.parent.child.capacity", "100"),
        ("root.accessible-node-labels", "gpu"),
        ("root.accessible-node-labels.gpu.capacity", "100"),
        ("root.wide.accessible-node-labels", "gpu"),
        ("root.wide.accessible-node-labels.gpu.capacity", "100"),
        ("root.other.accessible-node-labels", "gpu"),
        ("root.other.accessible-node-labels.gpu.capacity", "0"),
        ("root.other.accessible-node-labels.gpu.maximum-capacity", "0"),
        ("root.masters.accessible-node-labels", " "),
    ] {
        builder = builder.scheduler_property(key, value);
    }
    for (name, _) in shares.iter().filter(|(name, _)| *name != "closed") {
        builder = builder.scheduler_property(&format!("root.{name}.acl_submit_applications"), "*");
    }
    builder
}

/// Nodes that are soon missed, queues that claim their halves, limits of logs and of virtual memory.
fn for_nodes(exclude: &Path) -> integration_tests::cluster::Builder {
    let mut builder = Cluster::builder("corpus-nodes")
        .recovery()
        .cuttable()
        .node_managers(2)
        .node_size(NODE_MIB, 16)
        .queues(&[("wide", 50), ("other", 40), ("masters", 10)]);
    for (key, value) in [
        ("yarn.nm.liveness-monitor.expiry-interval-ms", "5000"),
        ("yarn.resourcemanager.nodes.exclude-path", exclude.to_str().unwrap_or_default()),
        ("yarn.nodemanager.disk-health-checker.interval-ms", "1000"),
        ("yarn.nodemanager.vmem-check-enabled", "true"),
        ("yarn.nodemanager.vmem-pmem-ratio", "10"),
        ("yarn.nodemanager.container-log-monitor.enable", "true"),
        ("yarn.nodemanager.container-log-monitor.interval-ms", "1000"),
        ("yarn.nodemanager.container-log-monitor.dir-size-limit-bytes", "20000000"),
        ("yarn.nodemanager.container-log-monitor.total-size-limit-bytes", "30000000"),
        ("yarn.resourcemanager.scheduler.monitor.enable", "true"),
        ("yarn.resourcemanager.monitor.capacity.preemption.monitoring_interval", "1000"),
        ("yarn.resourcemanager.monitor.capacity.preemption.max_wait_before_kill", "2000"),
        ("yarn.resourcemanager.monitor.capacity.preemption.total_preemption_per_round", "1.0"),
        ("yarn.resourcemanager.monitor.capacity.preemption.max_ignored_over_capacity", "0.0"),
        ("yarn.resourcemanager.monitor.capacity.preemption.natural_termination_factor", "1.0"),
        // The NameNode misses its DataNode after 2 × this and 10 heartbeats.
        ("dfs.namenode.heartbeat.recheck-interval", "1000"),
    ] {
        builder = builder.property(key, value);
    }
    builder
}
