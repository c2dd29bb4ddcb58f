//! TaskManagers are neither taken away too early nor kept when they are dead; a hanging JobManager is replaced; a cluster
//! that is temporarily too small ends nothing.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::java::RM_ADMIN_CLI;
use integration_tests::cluster::{Cluster, Daemon};
use integration_tests::{progress, shared};
use serde_json::Value;

use crate::counting::Counting;
use crate::failures::{appears, ends, submit};
use crate::session::Session;
use crate::tool::{GONE, LIMIT, eventually, every, jar, job_in_state, nothing_left, run, text, yarn_flink};

/// Nothing stays idle for longer than two seconds.
const IMPATIENT: [&str; 6] = [
    "-D",
    "slot.idle.timeout=2000",
    "-D",
    "resourcemanager.taskmanager-timeout=2s",
    "-D",
    "yarn.heartbeat.interval=1",
];

/// TaskManagers with nothing else to do hold the first stage's results for five times as long as they may be idle: on a
/// cluster for one job, for a program, and in a session.
#[tokio::test]
async fn task_managers_are_kept_while_their_results_are_read() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = shared::cluster().await?;
    let alone = async |options: &[&str], parallelism: &str| {
        let folder = cluster.scratch("meet")?.display().to_string();
        let program = ["Stages", "--meet", &folder, "--parallelism", parallelism, "--seconds", "10"];
        let options = [&IMPATIENT, options, &["-o", "json", "-p", parallelism]].concat();
        let ran = run(cluster, &options, &program).await?.expect(0)?.json()?;
        ensure!(text(&ran, "job_state") == "FINISHED", "{ran}");
        let log = crate::failures::logs(cluster, text(&ran, "application_id"), "appmaster.stderr");
        ensure!(!log.contains("TaskManager lost"), "{log}");
        nothing_left(cluster, text(&ran, "application_id"), GONE).await
    };
    let in_session = async {
        let session = Session::start(cluster, "stages", &IMPATIENT[..2]).await?;
        let folder = cluster.scratch("meet")?.display().to_string();
        let program = ["Stages", "--meet", &folder, "--parallelism", "2", "--seconds", "10"];
        let ran = session.run(&["-o", "json"], &program).await?.expect(0)?.json()?;
        ensure!(text(&ran, "job_state") == "FINISHED", "{ran}");
        session.has_task_managers(0).await?;
        session.stop().await.map(drop)
    };
    let (job, program, session) = tokio::join!(alone(&[], "4"), alone(&["--multi-job"], "2"), in_session);
    every([job, program, session])
}

/// A job whose TaskManager hangs, one whose JobManager hangs, and one whose JobManager ends by itself; all with default
/// settings.
#[tokio::test]
async fn job_survives_hung_processes() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = shared::cluster().await?;
    let hit = async |ways: &[Way]| {
        let job = Counting::of_program(cluster, &[], &[]).await?;
        // Only the program says where checkpoints are, so the master has to have seen one.
        let seen = || async { Ok(told(&job, "checkpoint_completed").await.is_ok()) };
        eventually("a checkpoint is told", LIMIT, seen).await?;
        for way in ways {
            match way {
                Way::TaskManagerHangs => task_manager_hangs(&job).await,
                Way::JobManagerHangs => job_manager_hangs(&job).await,
                // Flink ends like this for its own reasons: errors of HDFS, of its leader election, of its memory.
                Way::JobManagerEnds(code) => job_manager_ends(&job, *code).await,
            }
            .with_context(|| format!("{way:?}"))?;
        }
        ensure!(job.attempts().await? == 1, "the application master has lost nothing");
        job.finishes().await
    };
    let (task_manager, job_manager, ends) = tokio::join!(
        hit(&[Way::TaskManagerHangs]),
        hit(&[Way::JobManagerHangs]),
        hit(&[Way::JobManagerEnds(3), Way::JobManagerEnds(2)]),
    );
    every([task_manager, job_manager, ends])
}

#[derive(Debug)]
enum Way {
    TaskManagerHangs,
    JobManagerHangs,
    JobManagerEnds(i32),
}

async fn task_manager_hangs(job: &Counting<'_>) -> Result<()> {
    const BACK: Duration = Duration::from_secs(60);
    let cluster = job.cluster;
    let before = job.completes_a_checkpoint().await?;
    let hung = appears("TaskManager", || cluster.task_managers(&job.id)).await?;
    let container = hung.container.clone().context("no container")?;
    let begun = Instant::now();
    hung.stop();
    job.goes_on_from(before).await?;
    let took = begun.elapsed();
    progress::line(&format!("TaskManager stopped: the job went on after {:.1} s", took.as_secs_f32()));
    ensure!(took < BACK, "it took {took:?}");
    eventually("the stopped process is gone", GONE, || async { Ok(!hung.lives()) }).await?;
    let next = appears("TaskManager", || cluster.task_managers(&job.id)).await?;
    ensure!(next.container.as_ref() != Some(&container), "the container {container} is kept");
    let lost = told(job, "task_manager_lost").await?;
    ensure!(
        text(&lost, "container") == container
            && text(&lost, "code") == "task_manager_unresponsive"
            && text(&lost, "text").contains("no heartbeat from it for"),
        "{lost}"
    );
    Ok(())
}

/// The JobManager ends; its TaskManager is not affected.
async fn job_manager_ends(job: &Counting<'_>, code: i32) -> Result<()> {
    let cluster = job.cluster;
    let before = job.completes_a_checkpoint().await?;
    let task_manager = appears("TaskManager", || cluster.task_managers(&job.id)).await?;
    let ended = appears("JobManager", || cluster.job_managers(&job.id)).await?;
    job.halt(code)?;
    eventually("it ends", GONE, || async { Ok(!ended.lives()) }).await?;
    job.goes_on_from(before).await.with_context(|| format!("after exit code {code}"))?;
    let kept = appears("TaskManager", || cluster.task_managers(&job.id)).await?;
    ensure!(kept.pid == task_manager.pid, "another TaskManager");
    Ok(())
}

async fn job_manager_hangs(job: &Counting<'_>) -> Result<()> {
    let cluster = job.cluster;
    let before = job.completes_a_checkpoint().await?;
    let hung = appears("JobManager", || cluster.job_managers(&job.id)).await?;
    let begun = Instant::now();
    hung.stop();
    // Flink is not queried meanwhile: a connection to a stopped process stays open.
    eventually("the stopped process is gone", LIMIT, || async {
        job.lives().await?;
        Ok(!hung.lives())
    })
    .await?;
    let killed = begun.elapsed();
    job.goes_on_from(before).await?;
    progress::line(&format!(
        "JobManager stopped: killed after {:.1} s, the job went on after {:.1} s",
        killed.as_secs_f32(),
        begun.elapsed().as_secs_f32()
    ));
    ensure!(killed < Duration::from_secs(90), "it took {killed:?}");
    let ended = told(job, "job_manager_ended").await?;
    ensure!(text(&ended, "text").contains("did not respond for"), "{ended}");
    Ok(())
}

/// The first event of this kind.
async fn told(job: &Counting<'_>, kind: &str) -> Result<Value> {
    let events = yarn_flink(job.cluster, &["events", "-o", "json", &job.id]).await?.expect(0)?;
    let mut events = events.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.find(|event| text(event, "event") == kind).with_context(|| format!("no event {kind}"))
}

/// Memory of each of two nodes.
const NODE_MIB: u32 = 3300;

/// The larger of two nodes is away for a while. One job needs a container that only this node can hold, the other more
/// containers than are possible without it: both wait for it.
#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn job_waits_for_a_cluster_that_is_too_small() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = Cluster::builder("too-small")
        .recovery()
        .node_managers(2)
        .node_size(NODE_MIB, 8)
        .property("yarn.nm.liveness-monitor.expiry-interval-ms", "5000")
        .boot()
        .await?;
    // Beside the application master, neither node has room for its TaskManager.
    let jar = jar()?.display().to_string();
    let large = ["run", "-d", "-jm", "700m", "-tm", "2600m", "-c", "example.Run", &jar];
    let large = yarn_flink(&cluster, &[&large[..], &["--checkpoint-ms", "500"]].concat()).await?.expect(0)?;
    let large = large.application()?;
    job_in_state(&cluster, &large, "RUNNING").await?;
    let away = other_node(&cluster, &large).await?;
    resize(&cluster, 3 - away, 2500).await?;
    cluster.lose_node(away)?;
    eventually("the node is lost", LIMIT, || async { Ok(cluster.running_nodes().await?.len() == 1) }).await?;
    let many = submit(&cluster, &["-p", "3"], &["Run", "--parallelism", "3"]).await?;
    // No container may be larger than this now; and beside one master only two of three TaskManagers would fit.
    for (id, missing) in [(&large, "2500"), (&many, "can hold 2 ")] {
        explains(&cluster, id, missing).await?;
    }
    for id in [&large, &many] {
        let application = cluster.application(id).await?;
        ensure!(text(&application, "finalStatus") == "UNDEFINED", "{application}");
    }
    cluster.restart(Daemon::NodeManager(away)).await?;
    // There is room for both, whichever comes first.
    resize(&cluster, away, 2 * NODE_MIB).await?;
    for id in [&large, &many] {
        job_in_state(&cluster, id, "RUNNING").await?;
        yarn_flink(&cluster, &["cancel", id]).await?.expect(0)?;
        ends(&cluster, id, "KILLED").await?;
        nothing_left(&cluster, id, GONE).await?;
    }
    cluster.stop()
}

/// The number of the node without the application master.
async fn other_node(cluster: &Cluster, id: &str) -> Result<u8> {
    let master = appears("application master", || cluster.app_masters(id)).await?;
    Ok(if master.host() == Some(cluster.host(1)) { 2 } else { 1 })
}

/// Gives a node another size; whatever runs on it stays.
async fn resize(cluster: &Cluster, number: u8, mib: u32) -> Result<()> {
    let nodes = cluster.running_nodes().await?;
    let is = |node: &&Value| text(node, "nodeHostName") == cluster.host(number);
    let node = nodes.iter().find(is).context("no such node")?;
    let arguments = ["-updateNodeResource", text(node, "id"), &mib.to_string(), "8"];
    cluster.java_tool(RM_ADMIN_CLI, &arguments).await?.success()?;
    Ok(())
}

/// Waits until `explain` says what is missing; before and after that the application keeps running.
async fn explains(cluster: &Cluster, id: &str, missing: &str) -> Result<()> {
    let said = async || anyhow::Ok(yarn_flink(cluster, &["explain", id]).await?.expect(0)?.stdout);
    let what = format!("{id} is explained by '{missing}'");
    let explained = eventually(&what, LIMIT, || async {
        let state = text(&cluster.application(id).await?, "finalStatus").to_owned();
        ensure!(state == "UNDEFINED", "it has ended: {}", said().await?);
        Ok(said().await?.contains(missing))
    });
    match explained.await {
        Ok(()) => Ok(()),
        Err(error) => Err(error.context(said().await?)),
    }
}
