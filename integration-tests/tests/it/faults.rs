//! What a cluster does to a running job while its nodes stay: containers are preempted or killed for their memory use,
//! and daemons are away for a while.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use integration_tests::cluster::{Cluster, Daemon};
use integration_tests::shared;

use crate::counting::Counting;
use crate::failures::{appears, logs};
use crate::tool::{LIMIT, end, eventually, text, yarn_flink};

/// Two queues with half of two nodes each, which the scheduler balances by preemption.
async fn boot() -> Result<Cluster> {
    let monitor = "yarn.resourcemanager.monitor.capacity.preemption";
    Cluster::builder("faults")
        .recovery()
        .node_managers(2)
        .node_size(2048, 8)
        .queues(&[("ours", 50), ("theirs", 50)])
        .property("yarn.resourcemanager.scheduler.monitor.enable", "true")
        .property(&format!("{monitor}.monitoring_interval"), "300")
        // Longer than an application master's heartbeat: the notice comes before the kill.
        .property(&format!("{monitor}.max_wait_before_kill"), "4000")
        .property(&format!("{monitor}.total_preemption_per_round"), "1.0")
        .property(&format!("{monitor}.natural_termination_factor"), "1.0")
        .boot()
        .await
}

const QUEUE: [&str; 2] = ["--queue", "ours"];

/// One cluster for all.
#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn job_survives_cluster_maintenance() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = boot().await?;
    let job = Counting::submit(&cluster, &QUEUE, &["--parallelism", "3"]).await?;
    preempted(&job).await?;
    node_managers_restart(&job).await?;
    files_away(&job).await?;
    ensure!(job.attempts().await? == 1, "the application master has lost nothing");
    job.finishes().await?;
    too_much_memory(&cluster).await?;
    name_node_away_at_the_start(&cluster).await?;
    cluster.stop()
}

/// The other queue wants its share: one of three TaskManagers is announced and taken, and comes back when there is room.
async fn preempted(job: &Counting<'_>) -> Result<()> {
    let cluster = job.cluster;
    let before = job.completes_a_checkpoint().await?;
    ensure!(cluster.task_managers(&job.id).len() == 3, "three TaskManagers");
    let more = serde_json::json!({"resource": {"memory": 1024, "vCores": 1}});
    let other = cluster.submit_with(cluster.user(), "theirs", "other", "sleep 1000", &more).await?;
    let log = || logs(cluster, &job.id, "appmaster.stderr");
    eventually("a container is taken", LIMIT, || async {
        Ok(log().contains("TaskManager lost") && cluster.task_managers(&job.id).len() == 2)
    })
    .await?;
    eventually("the other application has it", LIMIT, || async {
        Ok(cluster.container_processes().iter().any(|process| process.runs("sleep")))
    })
    .await?;
    let said = log();
    let (notice, loss) = (said.find("about to take a container back"), said.find("TaskManager lost"));
    ensure!(notice.is_some() && notice < loss && said.contains("exit=-102"), "{said}");
    cluster.kill_application(&other).await?;
    job.goes_on_from(before).await?;
    ensure!(cluster.task_managers(&job.id).len() == 3, "three again");
    ensure!(!log().contains("did not start"), "{}", log());
    Ok(())
}

/// NodeManagers recover their containers: nothing is lost, neither silently nor with a report.
async fn node_managers_restart(job: &Counting<'_>) -> Result<()> {
    let cluster = job.cluster;
    let before = job.completes_a_checkpoint().await?;
    let pids = || cluster.jvms_of(&job.id).into_iter().map(|jvm| jvm.pid).collect::<BTreeSet<_>>();
    let jvms = pids();
    for number in [1, 2] {
        cluster.kill_9(Daemon::NodeManager(number))?;
    }
    for number in [1, 2] {
        cluster.restart(Daemon::NodeManager(number)).await?;
    }
    job.completes_one_after(before + 1).await?;
    ensure!(pids() == jvms, "{jvms:?} are now {:?}", pids());
    Ok(())
}

/// The NameNode dead, then hanging, then the DataNode dead.
async fn files_away(job: &Counting<'_>) -> Result<()> {
    let cluster = job.cluster;
    let masters = cluster.app_masters(&job.id);
    for daemon in [Daemon::NameNode, Daemon::DataNode] {
        cluster.kill_9(daemon)?;
        AWAY.pass().await;
        cluster.restart(daemon).await?;
        // Checkpoints that completed unnoticed do not count.
        let before = job.completes_a_checkpoint().await?;
        job.completes_one_after(before + 1).await?;
    }
    cluster.freeze(Daemon::NameNode)?;
    AWAY.pass().await;
    cluster.thaw(Daemon::NameNode)?;
    let before = job.completes_a_checkpoint().await?;
    job.completes_one_after(before + 1).await?;
    let same = |a: &[integration_tests::cluster::Process], b: &[integration_tests::cluster::Process]| {
        a.iter().map(|process| process.pid).eq(b.iter().map(|process| process.pid))
    };
    ensure!(same(&masters, &cluster.app_masters(&job.id)), "another application master");
    Ok(())
}

/// How long daemons are away: long enough for many checkpoints, and several rounds of every retry.
struct Away(Duration);
const AWAY: Away = Away(Duration::from_secs(12));

impl Away {
    /// Lets the time pass: it is the subject of the test, not something to be waited for.
    async fn pass(&self) {
        tokio::time::sleep(self.0).await;
    }
}

/// A TaskManager that grows in the middle of the job: it is replaced, or the job ends if it allows no restart.
async fn too_much_memory(cluster: &Cluster) -> Result<()> {
    let heap = ["-D", "env.java.opts.taskmanager=-Xmx1500m"];
    let never = ["-D", "restart-strategy.type=none"];
    let job = Counting::submit(cluster, &[&QUEUE[..], &heap].concat(), &[]).await?;
    let before = job.completes_a_checkpoint().await?;
    job.swell()?;
    job.goes_on_from(before).await?;
    let log = logs(cluster, &job.id, "appmaster.stderr");
    ensure!(log.contains("exit=-104"), "{log}");
    job.finishes().await?;

    let job = Counting::submit(cluster, &[&QUEUE[..], &heap, &never].concat(), &[]).await?;
    job.completes_a_checkpoint().await?;
    job.swell()?;
    let ended = end(cluster, &job.id).await?;
    ensure!(text(&ended, "final_status") == "FAILED", "{ended}");
    let printed = yarn_flink(cluster, &["explain", "-o", "json", &job.id]).await?.expect(0)?.json()?;
    let cause = &printed["cause"];
    ensure!(text(cause, "code") == "memory_limit", "{printed}");
    ensure!(text(cause, "text").contains("limit of 832 MB"), "{printed}");
    ensure!(text(cause, "hint").contains("taskmanager.memory."), "{printed}");
    crate::tool::nothing_left(cluster, &job.id, crate::tool::GONE).await
}

/// The NameNode does not respond from the JobManager's start until the job has run for a while: the journal waits.
async fn name_node_away_at_the_start(cluster: &Cluster) -> Result<()> {
    let job = Counting::submit(cluster, &QUEUE, &[]).await?;
    appears("JobManager", || cluster.job_managers(&job.id)).await?;
    cluster.freeze(Daemon::NameNode)?;
    AWAY.pass().await;
    cluster.thaw(Daemon::NameNode)?;
    let before = job.completes_a_checkpoint().await?;
    // The next attempt goes by what the journal says.
    appears("application master", || cluster.app_masters(&job.id)).await?.kill_9();
    job.goes_on_from(before).await?;
    ensure!(job.attempts().await? == 2, "one attempt more");
    job.finishes().await
}
