//! Why an application waits.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use integration_tests::cluster::java::RM_ADMIN_CLI;
use integration_tests::cluster::{Cluster, Daemon};

use crate::bench::{Application, Bench, Fault, nothing};
use crate::fillers::Fillers;

async fn fine() -> Result<()> {
    Ok(())
}

async fn accepted(application: &Application<'_>) -> Result<()> {
    application.cluster.wait_for_state(&application.id, "ACCEPTED", Duration::from_secs(30)).await?;
    Ok(())
}

pub(crate) async fn limits(bench: &Bench<'_>) -> Result<()> {
    let queue = |name: &str| format!("yarn.application.queue={name}");
    let fillers = Fillers::new(bench.cluster);
    let full = [
        (
            "queue's application masters",
            "maximum-am-resource-percent is used up",
            "queue_am_limit",
            "masters",
            128,
        ),
        (
            "user's application masters",
            "the user's part of maximum-am-resource-percent is used up",
            "user_am_limit",
            "users",
            512,
        ),
        ("user's limit", "user-limit-factor 1, and the user has that", "user_limit", "limited", 512),
        ("queue full", "maximum-capacity 10 %, and an application in it", "queue_full", "capped", 512),
    ];
    for (name, how, code, of, mib) in full {
        if bench.wants(name) {
            fillers.fill(of, mib).await?;
            bench.tries(Fault::waiting(name, how, code).set(queue(of)), accepted, fine).await?;
            fillers.empty().await?;
        }
    }
    let fault = Fault::waiting("label without nodes", "no node has the label", "label_without_nodes");
    bench.tries(fault.set("yarn.application.node-label=gpu"), accepted, fine).await?;
    let name = "label without share";
    if bench.wants(name) {
        let labels = async |labels: &str| {
            bench.cluster.java_tool(RM_ADMIN_CLI, &["-replaceLabelsOnNode", labels]).await?.success()
        };
        labels("127.0.0.3=gpu").await?;
        let fault = Fault::waiting(name, "the queue has 0 % of the label's nodes", "label_not_in_queue")
            .set("yarn.application.node-label=gpu")
            .set(queue("other"));
        bench.tries(fault, accepted, fine).await?;
        labels("127.0.0.3").await?;
    }
    let name = "cluster full";
    if bench.wants(name) {
        fillers.all_but(64).await?;
        bench
            .tries(Fault::waiting(name, "other applications have all memory", "cluster_full"), accepted, fine)
            .await?;
        fillers.empty().await?;
    }
    let name = "no room for TaskManagers";
    if bench.wants(name) {
        fillers.all_but(1088).await?;
        let running = async |application: &Application<'_>| {
            application.cluster.wait_for_state(&application.id, "RUNNING", Duration::from_secs(60)).await?;
            Ok(())
        };
        bench
            .tries(Fault::waiting(name, "only the JobManager's container fits", "no_slots"), running, fine)
            .await?;
        fillers.empty().await?;
    }
    Ok(())
}

/// Waits until this many nodes are live.
pub(crate) async fn nodes(cluster: &Cluster, number: usize) -> Result<()> {
    let begun = Instant::now();
    while cluster.running_nodes().await?.len() != number {
        ensure!(begun.elapsed() < Duration::from_secs(60), "there are not {number} nodes");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

pub(crate) async fn without_nodes(bench: &Bench<'_>) -> Result<()> {
    let name = "no nodes";
    if !bench.wants(name) {
        return Ok(());
    }
    let both = [Daemon::NodeManager(1), Daemon::NodeManager(2)];
    for node in both {
        bench.cluster.kill_9(node)?;
    }
    nodes(bench.cluster, 0).await?;
    bench.tries(Fault::waiting(name, "all NodeManagers killed", "no_live_nodes"), nothing, fine).await?;
    for node in both {
        bench.cluster.restart(node).await?;
    }
    nodes(bench.cluster, 2).await
}

/// An application master that is alive and does not come back to a restarted ResourceManager.
pub(crate) async fn restarted(bench: &Bench<'_>) -> Result<()> {
    let stopped = async |application: &Application<'_>| {
        application.runs().await?;
        application.appears(Application::master).await?.stop();
        bench.cluster.kill_9(Daemon::ResourceManager(1))?;
        bench.cluster.restart(Daemon::ResourceManager(1)).await
    };
    let how = "application master stopped (SIGSTOP), then the ResourceManager restarted";
    bench.tries(Fault::waiting("ResourceManager restarted", how, "rm_restarted"), stopped, fine).await
}
