//! A restarted ResourceManager sees its nodes one after the other, some of them late: what the cluster has at the
//! moment is not all that it has.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::{Cluster, Daemon};
use serde_json::{Value, json};

use crate::job::{Job, node_of};
use crate::{Outcome, Programs};

const LOOK: Duration = Duration::from_millis(250);
/// A NodeManager tries ten times, one second apart, and then every 30 s.
const NODE_BACK: Duration = Duration::from_secs(120);
/// Time between two nodes that come back.
const APART: Duration = Duration::from_secs(30);
/// Time limit from when there is room until the job runs, on a loaded machine.
const RUNS: Duration = Duration::from_secs(180);
const MANAGER: Daemon = Daemon::ResourceManager(1);

/// Another user's application that takes `mib` on the node that has that much.
async fn filler(cluster: &Cluster, mib: u32) -> Result<String> {
    let more = json!({"resource": {"memory": mib, "vCores": 1}});
    let id = cluster.submit_with(cluster.user(), "default", "filler", "sleep 100000", &more).await?;
    let begun = Instant::now();
    while cluster.processes_of(&id).is_empty() {
        ensure!(begun.elapsed() < NODE_BACK, "the filler does not run");
        tokio::time::sleep(LOOK).await;
    }
    Ok(id)
}

/// Restarts the ResourceManager while these NodeManagers are silent.
async fn restart_without(cluster: &Cluster, nodes: &[u8]) -> Result<()> {
    cluster.kill_9(MANAGER)?;
    for number in nodes {
        cluster.freeze(Daemon::NodeManager(*number))?;
    }
    cluster.start(MANAGER)?;
    let begun = Instant::now();
    loop {
        let info = cluster.rm_rest("/ws/v1/cluster/info").await.unwrap_or_default();
        if info.pointer("/clusterInfo/haState").and_then(Value::as_str) == Some("ACTIVE") {
            return Ok(());
        }
        ensure!(begun.elapsed() < NODE_BACK, "the ResourceManager does not come back");
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until this many nodes are back; the job must stay alive all the time.
async fn nodes_back(job: &Job<'_>, number: usize) -> Result<()> {
    let begun = Instant::now();
    while job.cluster.running_nodes().await.map_or(0, |nodes| nodes.len()) < number {
        job.lives().await?;
        ensure!(begun.elapsed() < NODE_BACK, "there are not {number} nodes");
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Watches the job, and fails if it has ended.
async fn outlives(job: &Job<'_>, time: Duration) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < time {
        job.lives().await?;
        tokio::time::sleep(LOOK).await;
    }
    let nodes = job.cluster.running_nodes().await.map_or(0, |nodes| nodes.len());
    job.note(&format!("{nodes} nodes; explain: {}", job.why().await));
    Ok(())
}

/// Makes room again: from here on the job has to run.
async fn runs(job: &Job<'_>, filler: &str, task_managers: usize) -> Result<Outcome> {
    let begun = Instant::now();
    job.note("now there is room");
    job.cluster.kill_application(filler).await?;
    job.has_task_managers(task_managers).await?;
    let number = job.completes_one_after(0).await?;
    let took = begun.elapsed();
    let said = format!("it has lived, and completed checkpoint {number}; explain: {}", job.why().await);
    Ok(Outcome { right: took <= RUNS, took: Some(took), said })
}

/// Three nodes, all of which the job needs; another application takes up one of them.
pub(crate) async fn one_by_one(cluster: &Cluster, programs: &Programs) -> Result<Outcome> {
    let filler = filler(cluster, 2048).await?;
    let job = Job::submit(cluster, programs, "1728m", 2).await?;
    job.has_task_managers(1).await?;
    let master = cluster.app_masters(&job.id).into_iter().next().context("no application master")?;
    let first = node_of(&master)?;
    let others: Vec<u8> = (1..=3).filter(|number| *number != first).collect();
    outlives(&job, Duration::from_secs(5)).await?;
    job.note("now the ResourceManager is restarted");
    restart_without(cluster, &[1, 2, 3]).await?;
    outlives(&job, APART).await?;
    for (number, count) in [first].iter().chain(&others).zip(1..) {
        cluster.thaw(Daemon::NodeManager(*number))?;
        nodes_back(&job, count).await?;
        job.note(&format!("node {number} is back"));
        outlives(&job, APART).await?;
    }
    runs(&job, &filler, 2).await
}

/// Two nodes for the application master, and a single one that is large enough for the TaskManager.
pub(crate) async fn large_node_away(cluster: &Cluster, programs: &Programs) -> Result<Outcome> {
    let filler = filler(cluster, 3840).await?;
    let job = Job::submit(cluster, programs, "3072m", 1).await?;
    cluster.wait_for_state(&job.id, "RUNNING", Duration::from_secs(120)).await?;
    outlives(&job, Duration::from_secs(5)).await?;
    job.note("now the ResourceManager is restarted without the large node");
    restart_without(cluster, &[3]).await?;
    nodes_back(&job, 2).await?;
    // For ten seconds the ResourceManager uses the configured maximum, then what its nodes have.
    outlives(&job, Duration::from_secs(60)).await?;
    cluster.thaw(Daemon::NodeManager(3))?;
    nodes_back(&job, 3).await?;
    job.note("the large node is back");
    outlives(&job, Duration::from_secs(15)).await?;
    runs(&job, &filler, 1).await
}
