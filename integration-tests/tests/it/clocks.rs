//! Nodes whose clock is ahead.

use std::time::Duration;

use anyhow::{Result, ensure};
use integration_tests::cluster::{Cluster, Daemon, clock};
use integration_tests::shared;

use crate::counting::Counting;
use crate::failures::{appears, submit};
use crate::tool::{GONE, end, nothing_left, text, yarn_flink};

const NODE: Daemon = Daemon::NodeManager(2);

/// YARN allows ten minutes between the allocation of a container and its start.
const LITTLE: Duration = Duration::from_secs(5 * 60);
const MUCH: Duration = Duration::from_secs(20 * 60);

#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn small_clock_skew_is_tolerated_and_large_skew_is_explained() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let inherited = ["JAVA_HOME", "HADOOP_CONF_DIR"].into_iter().chain(clock::VARIABLES);
    let cluster = Cluster::builder("clocks")
        .node_managers(2)
        .property("yarn.nodemanager.env-whitelist", &inherited.collect::<Vec<_>>().join(","))
        .boot()
        .await?;
    job_over_two_times(&cluster).await?;
    refuses_the_application_master(&cluster).await?;
    refuses_task_managers(&cluster).await?;
    cluster.stop()
}

/// TaskManagers on both nodes, and two attempts: nothing they tell each other is a time of day.
async fn job_over_two_times(cluster: &Cluster) -> Result<()> {
    cluster.restart_ahead(NODE, LITTLE).await?;
    let job = Counting::submit(cluster, &["--placement", "spread"], &["--parallelism", "2"]).await?;
    let before = job.completes_a_checkpoint().await?;
    let skewed = cluster.task_managers(&job.id).into_iter().find(|it| it.host() == Some(cluster.host(2)));
    let environment = std::fs::read(format!("/proc/{}/environ", skewed.map_or(0, |it| it.pid)))?;
    ensure!(String::from_utf8_lossy(&environment).contains("CLOCK_AHEAD_S=300"), "its clock is right");
    appears("application master", || cluster.app_masters(&job.id)).await?.kill_9();
    job.goes_on_from(before).await?;
    ensure!(job.attempts().await? == 2, "one attempt more");
    job.finishes().await
}

async fn refuses_the_application_master(cluster: &Cluster) -> Result<()> {
    cluster.restart_ahead(NODE, MUCH).await?;
    cluster.kill_9(Daemon::NodeManager(1))?;
    let id = submit(cluster, &[], &["Run"]).await?;
    ends_for_its_clock(cluster, &id, "the application master's container").await?;
    cluster.restart(Daemon::NodeManager(1)).await
}

async fn refuses_task_managers(cluster: &Cluster) -> Result<()> {
    cluster.freeze(NODE)?;
    let id = submit(cluster, &["--placement", &format!("host={}", cluster.host(2))], &["Run"]).await?;
    appears("application master", || cluster.app_masters(&id)).await?;
    cluster.thaw(NODE)?;
    ends_for_its_clock(cluster, &id, "TaskManagers' containers").await
}

async fn ends_for_its_clock(cluster: &Cluster, id: &str, whose: &str) -> Result<()> {
    let ended = end(cluster, id).await?;
    ensure!(text(&ended, "final_status") == "FAILED", "{ended}");
    let printed = yarn_flink(cluster, &["explain", "-o", "json", id]).await?.expect(0)?.json()?;
    let cause = &printed["cause"];
    ensure!(text(cause, "code") == "clock_skew", "{printed}");
    ensure!(text(cause, "text").contains(whose) && text(cause, "hint").contains("clocks"), "{printed}");
    yarn_flink(cluster, &["kill", id]).await?.expect(0)?;
    nothing_left(cluster, id, GONE).await
}
