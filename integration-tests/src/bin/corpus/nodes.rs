//! What happens to nodes and daemons under an application.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::java::RM_ADMIN_CLI;
use integration_tests::cluster::{Cluster, Daemon};
use serde_json::Value;

use crate::bench::{Application, Bench, Fault, text};
use crate::fillers::Fillers;
use crate::waiting;

/// Too large to fit on the JobManager's node.
const APART: &str = "taskmanager.memory.process.size=3500m";

async fn fine() -> Result<()> {
    Ok(())
}

/// The number of the node with the TaskManager, which is not the application master's.
async fn node_of_task_manager(application: &Application<'_>) -> Result<u8> {
    let report = application.report().await?;
    Ok(if text(&report, "amHostHttpAddress").starts_with("127.0.0.2:") { 2 } else { 1 })
}

pub(crate) async fn lost(bench: &Bench<'_>, exclude: &Path) -> Result<()> {
    let cluster = bench.cluster;
    let killed = async |application: &Application<'_>| {
        application.runs().await?;
        cluster.kill_9(Daemon::NodeManager(node_of_task_manager(application).await?))?;
        waiting::nodes(cluster, 1).await?;
        // Processes that a NodeManager has started outlive it.
        application.appears(Application::task_manager).await?.kill_9();
        Ok(())
    };
    let all_back = async || {
        for number in 1..=2 {
            if cluster.pid(Daemon::NodeManager(number)).is_none() {
                cluster.restart(Daemon::NodeManager(number)).await?;
            }
        }
        waiting::nodes(cluster, 2).await
    };
    let fault = Fault::new(
        "NodeManager killed",
        "kill -9 of the TaskManager's node, and once that has expired of the TaskManager",
        "node_lost",
    );
    bench.tries(fault.set(APART), killed, all_back).await?;

    let decommissioned = async |application: &Application<'_>| {
        application.runs().await?;
        let number = node_of_task_manager(application).await?;
        fs::write(exclude, format!("127.0.0.{}\n", number + 1))?;
        cluster.java_tool(RM_ADMIN_CLI, &["-refreshNodes"]).await?.success()?;
        Ok(())
    };
    let recommissioned = async || {
        fs::write(exclude, "")?;
        cluster.java_tool(RM_ADMIN_CLI, &["-refreshNodes"]).await?.success()?;
        for number in 1..=2 {
            let begun = Instant::now();
            // It was told to shut down.
            while waiting_to_end(cluster, number).await? && begun.elapsed() < Duration::from_secs(20) {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        all_back().await
    };
    let fault = Fault::new("node decommissioned", "excluded, yarn rmadmin -refreshNodes", "node_lost");
    bench.tries(fault.set(APART), decommissioned, recommissioned).await?;

    let spoilt = async |application: &Application<'_>| {
        application.runs().await?;
        for directory in log_directories(cluster, node_of_task_manager(application).await?)? {
            fs::rename(&directory, directory.with_extension("away"))?;
            fs::write(&directory, "no directory")?;
        }
        Ok(())
    };
    let whole = async || {
        for number in 1..=2 {
            for directory in log_directories(cluster, number)? {
                if directory.is_file() {
                    fs::remove_file(&directory)?;
                    fs::rename(directory.with_extension("away"), &directory)?;
                }
            }
        }
        waiting::nodes(cluster, 2).await
    };
    let fault = Fault::new(
        "disks of a node",
        "the log directories of the TaskManager's node become unusable",
        "node_lost",
    );
    bench.tries(fault.set(APART), spoilt, whole).await
}

/// Whether the ResourceManager has lost the node while its process still exists.
async fn waiting_to_end(cluster: &Cluster, number: u8) -> Result<bool> {
    let running = cluster.running_nodes().await?;
    let host = format!("127.0.0.{}", number + 1);
    let known = running.iter().any(|node| text(node, "nodeHostName") == host);
    Ok(!known && cluster.pid(Daemon::NodeManager(number)).is_some())
}

/// `yarn.nodemanager.log-dirs` of a node.
fn log_directories(cluster: &Cluster, number: u8) -> Result<Vec<PathBuf>> {
    let site = cluster.directory().join(format!("conf/nodemanager{number}/yarn-site.xml"));
    let site = fs::read_to_string(&site).with_context(|| format!("cannot read {}", site.display()))?;
    let (_, rest) = site.split_once("<name>yarn.nodemanager.log-dirs</name>").context("no log-dirs")?;
    let value =
        rest.split_once("<value>").and_then(|(_, rest)| rest.split_once("</value>")).context("no value")?.0;
    Ok(value.trim().split(',').map(|path| PathBuf::from(path.trim_start_matches("file://"))).collect())
}

pub(crate) async fn containers(bench: &Bench<'_>) -> Result<()> {
    let cluster = bench.cluster;
    let fillers = Fillers::new(cluster);
    let preempted = async |application: &Application<'_>| {
        application.runs().await?;
        // Its guaranteed share, for which two TaskManagers leave too little.
        let more = serde_json::json!({"resource": {"memory": 3200, "vCores": 1}});
        let id = cluster.submit_with(cluster.user(), "other", "rightful", "sleep 3000", &more).await?;
        fillers.adopt(id);
        Ok(())
    };
    let how = "another queue claims its guaranteed share";
    let fault = Fault::new("TaskManager preempted", how, "preempted")
        .set("taskmanager.memory.process.size=3000m")
        .runs(&["Run", "--parallelism", "2"]);
    bench.tries(fault, preempted, async || fillers.empty().await).await?;

    let harmless = async |application: &Application<'_>| {
        application.appears(Application::task_manager).await?;
        Ok(())
    };
    let fault =
        Fault::new("too many logs", "a task prints more than container-log-monitor allows", "excess_logs")
            .runs(&["Misbehaves", "--how", "log"]);
    bench.tries(fault, harmless, fine).await?;
    let fault =
        Fault::new("virtual memory", "a task maps more than vmem-pmem-ratio allows", "virtual_memory_limit")
            .runs(&["Misbehaves", "--how", "map"]);
    bench.tries(fault, harmless, fine).await?;

    let silent = async |application: &Application<'_>| {
        application.runs().await?;
        application.appears(Application::master).await?.stop();
        Ok(())
    };
    let fault = Fault::new("application master hangs", "stopped (SIGSTOP) until it expires", "am_timed_out")
        .set("yarn.application-attempts=1");
    bench.tries(fault, silent, fine).await
}

/// The ResourceManager dies under a client that waits for its job, and comes back.
pub(crate) async fn away_during_an_attached_run(bench: &Bench<'_>) -> Result<()> {
    let cluster = bench.cluster;
    let away = async |application: &Application<'_>| {
        application.runs().await?;
        cluster.kill_9(Daemon::ResourceManager(1))?;
        // Longer than a client needs for a single query.
        tokio::time::sleep(Duration::from_secs(8)).await;
        cluster.restart(Daemon::ResourceManager(1)).await
    };
    let how = "killed while an attached `run` waits, and started again after 8 s";
    let fault = Fault::noted(
        "ResourceManager away during an attached run",
        how,
        "the ResourceManager is responding again",
    );
    bench.attached(fault.runs(&["Run", "--records", "1500"]), away).await
}

/// Daemons that are down when a client starts.
pub(crate) async fn daemons_away(bench: &Bench<'_>) -> Result<()> {
    let cluster = bench.cluster;
    let nothing = async |_: &Application<'_>| Ok(());
    for (name, daemon, words) in [
        ("ResourceManager away", Daemon::ResourceManager(1), "ResourceManager"),
        ("NameNode away", Daemon::NameNode, "NameNode"),
    ] {
        if bench.wants(name) {
            cluster.kill_9(daemon)?;
            let fault = Fault::refused(name, "killed before the submission", words).patient();
            bench.tries(fault, nothing, fine).await?;
            cluster.restart(daemon).await?;
            waiting::nodes(cluster, 2).await?;
        }
    }
    let name = "DataNode away";
    if bench.wants(name) {
        let folder = cluster.scratch("away")?;
        fs::write(folder.join(format!("new-{:08x}", rand::random::<u32>())), "new")?;
        cluster.kill_9(Daemon::DataNode)?;
        let dead = async || -> Result<bool> {
            let url = cluster.name_node_web().context("no NameNode")?;
            let bean = "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState";
            let state = integration_tests::http::get_json(&format!("{url}{bean}")).await?;
            Ok(state.pointer("/beans/0/NumLiveDataNodes").and_then(Value::as_u64) == Some(0))
        };
        let begun = Instant::now();
        while !dead().await? {
            ensure!(begun.elapsed() < Duration::from_secs(60), "the NameNode does not miss its DataNode");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let fault = Fault::refused(name, "killed before the submission", "DataNode").patient();
        bench.tries(fault.set(format!("yarn.ship-files={}", folder.display())), nothing, fine).await?;
        cluster.restart(Daemon::DataNode).await?;
    }
    Ok(())
}
