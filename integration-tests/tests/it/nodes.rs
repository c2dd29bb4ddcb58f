//! What happens to nodes under a running job: they lose power, are restarted or decommissioned.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::java::RM_ADMIN_CLI;
use integration_tests::cluster::{Cluster, Daemon};
use integration_tests::shared;

use crate::counting::Counting;
use crate::failures::logs;
use crate::tool::{LIMIT, eventually};

/// Three nodes with room for one container each; containers end with their NodeManager.
async fn boot(excluded: &Path) -> Result<Cluster> {
    Cluster::builder("nodes")
        .node_managers(3)
        .node_size(1500, 8)
        .property("yarn.nm.liveness-monitor.expiry-interval-ms", "5000")
        .property("yarn.resourcemanager.nodes.exclude-path", &excluded.display().to_string())
        .property("yarn.resourcemanager.decommissioning-nodes-watcher.poll-interval-secs", "1")
        .boot()
        .await
}

/// One job through all of this: its TaskManager is replaced four times.
#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn job_survives_lost_nodes() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let excluded = tempfile::NamedTempFile::new()?;
    let cluster = boot(excluded.path()).await?;
    let job = Counting::submit(&cluster, &[], &[]).await?;
    power_goes(&job).await?;
    node_manager_restarts(&job).await?;
    decommissioned(&job, excluded.path(), &["-g", "3", "-server"]).await?;
    decommissioned(&job, excluded.path(), &[]).await?;
    ensure!(job.attempts().await? == 1, "the application master has lost nothing");
    power_goes_for_the_application_master(&job).await?;

    let log = logs(&cluster, &job.id, "appmaster.stderr");
    // None of this was the program's fault.
    ensure!(!log.contains("did not start"), "{log}");
    job.finishes().await?;
    cluster.stop()
}

/// Does something to the TaskManager's node: the job resumes from its checkpoint with another TaskManager, on another
/// node if this one is gone.
async fn replaced<'a, F: Future<Output = Result<()>> + 'a>(
    job: &'a Counting<'_>,
    elsewhere: bool,
    happens: impl FnOnce(u8) -> F,
) -> Result<u8> {
    let before = job.completes_a_checkpoint().await?;
    let (node, container) = job.task_manager().await?;
    happens(node).await?;
    job.goes_on_from(before).await.with_context(|| format!("after what happened to node {node}"))?;
    let (next, other) = job.task_manager().await?;
    ensure!(container != other && (!elsewhere || next != node), "{container} on {node}, {other} on {next}");
    Ok(node)
}

async fn power_goes(job: &Counting<'_>) -> Result<()> {
    let node = replaced(job, true, async |node| job.cluster.lose_node(node)).await?;
    job.cluster.restart(Daemon::NodeManager(node)).await
}

/// The next attempt is on another node, and has the same job.
async fn power_goes_for_the_application_master(job: &Counting<'_>) -> Result<()> {
    let before = job.completes_a_checkpoint().await?;
    let node = job.application_master().await?;
    job.cluster.lose_node(node)?;
    job.goes_on_from(before).await?;
    ensure!(job.attempts().await? == 2, "one attempt more");
    ensure!(job.application_master().await? != node, "node {node} is lost");
    Ok(())
}

/// Its containers end with it, because it is not configured to recover them.
async fn node_manager_restarts(job: &Counting<'_>) -> Result<()> {
    let restart = async |node| {
        job.cluster.terminate(Daemon::NodeManager(node)).await?;
        job.cluster.restart(Daemon::NodeManager(node)).await
    };
    replaced(job, false, restart).await.map(drop)
}

/// Taken out of service, at once or with time to finish, and put back.
async fn decommissioned(job: &Counting<'_>, excluded: &Path, how: &[&str]) -> Result<()> {
    let cluster = job.cluster;
    let leave = async |node| {
        std::fs::write(excluded, cluster.host(node))?;
        let refresh = [&["-refreshNodes"], how].concat();
        cluster.java_tool(RM_ADMIN_CLI, &refresh).await?.success().map(drop)
    };
    let node = replaced(job, true, leave).await?;
    let daemon = Daemon::NodeManager(node);
    eventually("its NodeManager is told to end", LIMIT, || async { Ok(cluster.pid(daemon).is_none()) })
        .await?;
    std::fs::write(excluded, "")?;
    cluster.java_tool(RM_ADMIN_CLI, &["-refreshNodes"]).await?.success()?;
    cluster.restart(daemon).await
}
