//! What is killed comes back, and the job goes on with the state it had.

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::shared;
use serde_json::Value;

use crate::failures::{app_masters, appears, ends, flink, job_managers, logs, submit, task_managers};
use crate::tool::{GONE, LIMIT, eventually, job_in_state, nothing_left};

/// A job that counts to 2500 in half a minute and fails when its state has lost or repeated a record.
const COUNTING: [&str; 5] = ["Run", "--checkpoint-ms", "300", "--records", "2500"];

/// Where a test's checkpoints go.
fn checkpoint_dir(cluster: &Cluster, test: &str) -> String {
    format!("/user/{}/checkpoints-{test}-{}", cluster.user(), std::process::id())
}

async fn attempts(cluster: &Cluster, id: &str) -> Result<usize> {
    let attempts = cluster.rm_rest(&format!("/ws/v1/cluster/apps/{id}/appattempts")).await?;
    attempts.pointer("/appAttempts/appAttempt").and_then(Value::as_array).map(Vec::len).context("no attempts")
}

/// The checkpoints of the application's only job; null while Flink does not answer.
async fn checkpoints(cluster: &Cluster, id: &str) -> Value {
    let Ok(jobs) = flink(cluster, id, "/jobs/overview").await else { return Value::Null };
    let Some(job) = jobs.pointer("/jobs/0/jid").and_then(Value::as_str) else { return Value::Null };
    flink(cluster, id, &format!("/jobs/{job}/checkpoints")).await.unwrap_or_default()
}

/// Waits until the job, restored or not, has completed a checkpoint of its own.
async fn completes_a_checkpoint(cluster: &Cluster, id: &str, restored: bool) -> Result<()> {
    eventually("a completed checkpoint", LIMIT, || async {
        let latest = checkpoints(cluster, id).await;
        let is = |key: &str| latest.pointer(&format!("/latest/{key}")).is_some_and(Value::is_object);
        Ok(is("completed") && is("restored") == restored)
    })
    .await
}

/// Nothing of the application is left, and no checkpoint that nobody asked to keep.
async fn clean(cluster: &Cluster, id: &str, directory: &str) -> Result<()> {
    nothing_left(cluster, id, GONE).await?;
    let left = cluster.hdfs()?.files(directory).await?;
    ensure!(left.is_empty(), "checkpoints are left: {left:?}");
    Ok(())
}

#[tokio::test]
async fn job_manager_that_is_killed_comes_back_in_place_and_the_job_goes_on() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let directory = checkpoint_dir(cluster, "in-place");
    let option = format!("execution.checkpointing.dir={}{directory}", cluster.default_fs());
    let id = submit(cluster, &["-D", &option], &COUNTING).await?;
    completes_a_checkpoint(cluster, &id, false).await?;
    let task_manager = appears("TaskManager", || task_managers(cluster, &id)).await?;
    let killed = appears("JobManager", || job_managers(cluster, &id)).await?;
    killed.kill_9();
    completes_a_checkpoint(cluster, &id, true).await?;
    let back = appears("JobManager", || job_managers(cluster, &id)).await?;
    assert_ne!(back.pid, killed.pid);
    assert_eq!(
        appears("TaskManager", || task_managers(cluster, &id)).await?.pid,
        task_manager.pid,
        "it stays"
    );
    assert!(ends(cluster, &id, "SUCCEEDED").await?.ends_with("FINISHED"));
    assert_eq!(attempts(cluster, &id).await?, 1);
    clean(cluster, &id, &directory).await
}

#[tokio::test]
async fn job_of_a_killed_application_master_goes_on_in_the_next_attempt() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let directory = checkpoint_dir(cluster, "attempt");
    let option = format!("execution.checkpointing.dir={}{directory}", cluster.default_fs());
    let id = submit(cluster, &["-D", &option], &COUNTING).await?;
    completes_a_checkpoint(cluster, &id, false).await?;
    appears("application master", || app_masters(cluster, &id)).await?.kill_9();
    completes_a_checkpoint(cluster, &id, true).await?;
    assert!(ends(cluster, &id, "SUCCEEDED").await?.ends_with("FINISHED"));
    assert_eq!(attempts(cluster, &id).await?, 2);
    clean(cluster, &id, &directory).await
}

#[tokio::test]
async fn job_without_checkpoints_begins_anew_where_its_owner_allows_it() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let id = submit(cluster, &["--restart-from-scratch"], &["Run", "--records", "1000"]).await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    appears("JobManager", || job_managers(cluster, &id)).await?.kill_9();
    eventually("started again", LIMIT, || async {
        Ok(logs(cluster, &id, "appmaster.stderr").contains("starting it again"))
    })
    .await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    appears("application master", || app_masters(cluster, &id)).await?.kill_9();
    assert!(ends(cluster, &id, "SUCCEEDED").await?.ends_with("FINISHED"));
    nothing_left(cluster, &id, GONE).await
}

/// Whoever asks for retained checkpoints keeps them.
#[tokio::test]
async fn checkpoints_that_the_owner_retains_stay() -> Result<()> {
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
