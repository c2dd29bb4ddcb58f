//! What is killed comes back, and the job continues with its state.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::java::ZOOKEEPER_CLI;
use integration_tests::cluster::{Cluster, Daemon};
use integration_tests::shared;
use serde_json::Value;

use crate::failures::{appears, ends, logs, submit};
use crate::tool::{GONE, LIMIT, command, eventually, finish, job_in_state, nothing_left};

/// A job that counts to 1500 in a quarter of a minute and fails if its state has lost or repeated a record.
const COUNTING: [&str; 5] = ["Run", "--checkpoint-ms", "300", "--records", "1500"];

/// Where a test's checkpoints go.
fn checkpoint_dir(cluster: &Cluster, test: &str) -> String {
    format!("/user/{}/checkpoints-{test}-{}", cluster.user(), std::process::id())
}

async fn attempts(cluster: &Cluster, id: &str) -> Result<usize> {
    let attempts = cluster.rm_rest(&format!("/ws/v1/cluster/apps/{id}/appattempts")).await?;
    attempts.pointer("/appAttempts/appAttempt").and_then(Value::as_array).map(Vec::len).context("no attempts")
}

/// Waits until the job, restored or not, has completed its own checkpoint.
async fn completes_a_checkpoint(cluster: &Cluster, id: &str, restored: bool) -> Result<()> {
    eventually("a completed checkpoint", LIMIT, || async {
        let latest = cluster.checkpoints(id).await.unwrap_or_default();
        let is = |key: &str| latest.pointer(&format!("/latest/{key}")).is_some_and(Value::is_object);
        Ok(is("completed") && is("restored") == restored)
    })
    .await
}

/// Checks that nothing of the application is left, and only checkpoints that were meant to be retained.
async fn clean(cluster: &Cluster, id: &str, directory: &str) -> Result<()> {
    nothing_left(cluster, id, GONE).await?;
    let left = cluster.hdfs()?.files(directory).await?;
    ensure!(left.is_empty(), "checkpoints are left: {left:?}");
    Ok(())
}

#[tokio::test]
async fn killed_job_manager_is_restarted_in_place_and_the_job_resumes() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = shared::cluster().await?;
    let directory = checkpoint_dir(cluster, "in-place");
    let option = format!("execution.checkpointing.dir={}{directory}", cluster.default_fs());
    let id = submit(cluster, &["-D", &option, "-D", "yarn-flink.trace=true"], &COUNTING).await?;
    completes_a_checkpoint(cluster, &id, false).await?;
    let task_manager = appears("TaskManager", || cluster.task_managers(&id)).await?;
    let killed = appears("JobManager", || cluster.job_managers(&id)).await?;
    killed.kill_9();
    completes_a_checkpoint(cluster, &id, true).await?;
    let back = appears("JobManager", || cluster.job_managers(&id)).await?;
    assert_ne!(back.pid, killed.pid);
    assert_eq!(
        appears("TaskManager", || cluster.task_managers(&id)).await?.pid,
        task_manager.pid,
        "it stays"
    );
    assert!(ends(cluster, &id, "SUCCEEDED").await?.ends_with("FINISHED"));
    assert_eq!(attempts(cluster, &id).await?, 1);
    clean(cluster, &id, &directory).await?;
    // The same events lead to the same decisions again, without a cluster.
    let replayed = app_master::trace::replay(&logs(cluster, &id, "appmaster.trace"))?;
    assert!(replayed.told > 100 && replayed.actions > 100, "{replayed:?}");
    Ok(())
}

#[tokio::test]
async fn job_of_a_killed_application_master_resumes_in_the_next_attempt() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = shared::cluster().await?;
    let directory = checkpoint_dir(cluster, "attempt");
    let option = format!("execution.checkpointing.dir={}{directory}", cluster.default_fs());
    let id = submit(cluster, &["-D", &option], &COUNTING).await?;
    completes_a_checkpoint(cluster, &id, false).await?;
    appears("application master", || cluster.app_masters(&id)).await?.kill_9();
    completes_a_checkpoint(cluster, &id, true).await?;
    assert!(ends(cluster, &id, "SUCCEEDED").await?.ends_with("FINISHED"));
    assert_eq!(attempts(cluster, &id).await?, 2);
    clean(cluster, &id, &directory).await
}

#[tokio::test]
async fn job_without_checkpoints_restarts_from_scratch_if_allowed() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = shared::cluster().await?;
    let id = submit(cluster, &["--restart-from-scratch"], &["Run", "--records", "500"]).await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    appears("JobManager", || cluster.job_managers(&id)).await?.kill_9();
    eventually("started again", LIMIT, || async {
        Ok(logs(cluster, &id, "appmaster.stderr").contains("starting it again"))
    })
    .await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    appears("application master", || cluster.app_masters(&id)).await?.kill_9();
    assert!(ends(cluster, &id, "SUCCEEDED").await?.ends_with("FINISHED"));
    nothing_left(cluster, &id, GONE).await
}

/// Checkpoints are retained on request.
#[tokio::test]
async fn retained_checkpoints_are_kept() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let directory = checkpoint_dir(cluster, "retained");
    let option = format!("execution.checkpointing.dir={}{directory}", cluster.default_fs());
    let retention = "execution.checkpointing.externalized-checkpoint-retention=RETAIN_ON_CANCELLATION";
    let id = submit(cluster, &["-D", &option, "-D", retention], &["Run", "--checkpoint-ms", "300"]).await?;
    completes_a_checkpoint(cluster, &id, false).await?;
    crate::failures::cancel(cluster, &id).await?;
    ends(cluster, &id, "KILLED").await?;
    nothing_left(cluster, &id, GONE).await?;
    let kept = cluster.hdfs()?.files(&directory).await?;
    assert!(kept.iter().any(|(path, _)| path.ends_with("/_metadata")), "{kept:?}");
    Ok(())
}

/// Flink's own recovery: the JobManager of the next attempt finds the job in ZooKeeper, and the TaskManagers find the JobManager. The same
/// holds for one that follows a JobManager that has ended by itself. This cluster has two ResourceManagers, one of which dies under the
/// running job.
#[tokio::test]
async fn flink_recovers_the_job_with_zookeeper_and_task_managers_are_kept() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = Cluster::builder("zookeeper").without_hdfs().high_availability().boot().await?;
    let zookeeper = cluster.zookeeper().context("no ZooKeeper")?;
    let files = cluster.scratch("files")?;
    let storage = files.join("storage");
    std::fs::create_dir(files.join("staging"))?;
    let options = [
        format!("yarn.staging-directory=file://{}", files.join("staging").display()),
        format!("execution.checkpointing.dir=file://{}", files.join("checkpoints").display()),
        "high-availability.type=zookeeper".to_owned(),
        format!("high-availability.zookeeper.quorum={zookeeper}"),
        "high-availability.zookeeper.client.session-timeout=4000".to_owned(),
        format!("high-availability.storageDir=file://{}", storage.display()),
    ];
    let options: Vec<_> = options.iter().flat_map(|option| ["-D", option]).collect();
    let halt = files.join("halt");
    let halted = [&COUNTING[..], &["--halt", halt.to_str().context("no path")?]].concat();
    let id = submit(&cluster, &options, &halted).await?;
    completes_a_checkpoint(&cluster, &id, false).await?;
    let pids = || cluster.task_managers(&id).into_iter().map(|process| process.pid).collect::<BTreeSet<_>>();
    let before = pids();
    appears("application master", || cluster.app_masters(&id)).await?.kill_9();
    completes_a_checkpoint(&cluster, &id, true).await?;
    assert_eq!(pids(), before, "TaskManagers are kept");
    // What Flink does when it has lost ZooKeeper or its leadership for good.
    let ended = appears("JobManager", || cluster.job_managers(&id)).await?;
    std::fs::write(files.join("code"), "2")?;
    std::fs::rename(files.join("code"), &halt)?;
    eventually("it ends", GONE, || async { Ok(!ended.lives()) }).await?;
    completes_a_checkpoint(&cluster, &id, true).await?;
    cluster.kill_9(Daemon::ResourceManager(crate::rpc::active(&cluster).await?))?;
    eventually("the other takes over", LIMIT, || async { Ok(cluster.application(&id).await.is_ok()) })
        .await?;
    assert!(ends(&cluster, &id, "SUCCEEDED").await?.ends_with("FINISHED"));
    assert_eq!(attempts(&cluster, &id).await?, 2);
    eventually("no process is left", GONE, || async { Ok(cluster.processes_of(&id).is_empty()) }).await?;
    let kept = async |id: &str| -> Result<bool> {
        let listed = cluster.java_tool(ZOOKEEPER_CLI, &["-server", &zookeeper, "ls", "/flink"]).await?;
        let stored = [storage.join(id), storage.join("job-result-store").join(id)];
        Ok(listed.stdout.contains(id) || stored.iter().any(|directory| directory.exists()))
    };
    ensure!(!kept(&id).await?, "something is left in ZooKeeper or in {}", storage.display());

    // If killed from outside, it cannot remove anything itself.
    let id = submit(&cluster, &options, &COUNTING).await?;
    completes_a_checkpoint(&cluster, &id, false).await?;
    cluster.kill_application(&id).await?;
    eventually("no process is left", GONE, || async { Ok(cluster.processes_of(&id).is_empty()) }).await?;
    ensure!(kept(&id).await?, "Flink has cleaned up after a kill");
    let base = format!("yarn.staging-directory: file://{}\n", files.join("staging").display());
    std::fs::write(files.join("config.yaml"), base)?;
    let gc = command(&cluster, &["gc"])?.env("FLINK_CONF_DIR", &files).spawn()?;
    let collected = finish(gc).await?.expect(0)?;
    ensure!(collected.stdout.contains(&id), "{collected:?}");
    ensure!(!kept(&id).await?, "something is left in ZooKeeper or in {}", storage.display());
    Ok(())
}
