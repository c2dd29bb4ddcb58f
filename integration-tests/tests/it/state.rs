//! State belongs to the user: what happens to checkpoints when an application ends, and whose a run resumes from.

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::shared;
use serde_json::Value;

use crate::counting::{Counting, checkpoint_dir};
use crate::failures::{appears, ends};
use crate::tool::{GONE, LIMIT, eventually, every, job_in_state, nothing_left, status, text, yarn_flink};

/// No setting says anything about checkpoints: the program does, or leaves it open.
#[tokio::test]
async fn cancelled_job_keeps_checkpoints_retained_by_its_program() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let of_program = async |policy: Option<&str>| {
        let arguments: Vec<_> = policy.into_iter().flat_map(|policy| ["--retention", policy]).collect();
        let job = Counting::of_program(cluster, &[], &arguments).await?;
        let before = job.completes_a_checkpoint().await?;
        cancelled(&job).await?;
        anyhow::Ok((before, job))
    };
    let kept = async {
        let (before, job) = of_program(Some("RETAIN_ON_CANCELLATION")).await?;
        let kept = job.kept().await?;
        ensure!(kept.last().is_some_and(|(number, _)| *number >= before), "after {before} there is {kept:?}");
        Ok(())
    };
    let removed = async |policy: Option<&str>| {
        let (_, job) = of_program(policy).await?;
        let left = cluster.hdfs()?.files(&job.checkpoints).await?;
        ensure!(!left.iter().any(|(path, _)| path.contains("/chk-")), "{policy:?} wants none of {left:?}");
        Ok(())
    };
    let (asked, open, deleted) = tokio::join!(kept, removed(None), removed(Some("DELETE_ON_CANCELLATION")));
    every([asked, open, deleted])
}

/// What another run has left, with a higher number than any that this one will write.
const FOREIGN: u64 = 40;

/// Three ways in which two runs end up writing into the same directory.
#[tokio::test]
async fn job_resumes_only_from_its_own_checkpoint() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = shared::cluster().await?;
    let checkpoints = checkpoint_dir(cluster)?;
    let directory = format!("execution.checkpointing.dir={}{checkpoints}", cluster.default_fs());
    let key = format!("own-{:016x}", rand::random::<u64>());
    let keyed = ["-D", &directory, "-D", "yarn.heartbeat.interval=1", "--key", &key];
    let quick = ["--checkpoint-ms", "100"];
    let first = Counting::with(cluster, checkpoints.clone(), &keyed, &quick).await?;
    first.completes_one_after(FOREIGN).await?;
    cluster.kill_application(&first.id).await?;
    nothing_left_but_files(&first).await?;
    let left = first.kept().await?;
    let (foreign, path) = left.last().context("the killed run has left no checkpoint")?.clone();
    ensure!(foreign >= FOREIGN, "{left:?}");
    let metadata = cluster.hdfs()?.read(&format!("{path}/_metadata")).await?;
    forget_key(cluster, &first.id).await?;

    let of_a_key = async {
        let slow = ["--checkpoint-ms", "500"];
        let job = Counting::with(cluster, checkpoints, &keyed, &slow).await?;
        ensure!(job.id != first.id, "the key was not forgotten");
        ensure!(job.job != first.job, "two runs of a key with the job id {}", job.job);
        job_manager_killed(&job).await?;
        cancelled(&job).await
    };
    let of_a_job_id = async {
        let id = format!("{:032x}", rand::random::<u128>());
        let checkpoints = checkpoint_dir(cluster)?;
        let job_id = format!("pipeline.jobid={id}");
        let job = shares(cluster, checkpoints, &job_id, &["--snapshot-ms", "5000"]).await?;
        ensure!(job.job == id, "the job id was {id}, not {}", job.job);
        let theirs = format!("{}/{id}/chk-{foreign}/_metadata", job.checkpoints);
        cluster.hdfs()?.put(&theirs, metadata.clone()).await?;
        // Before it has its own: from the start.
        job_in_state(cluster, &job.id, "RUNNING").await?;
        let killed = appears("JobManager", || cluster.job_managers(&job.id)).await?;
        killed.kill_9();
        eventually("the job runs again", LIMIT, || async {
            job.lives().await?;
            Ok(cluster.checkpoints(&job.id).await.is_some())
        })
        .await?;
        job_in_state(cluster, &job.id, "RUNNING").await?;
        let seen = cluster.checkpoints(&job.id).await.context("Flink does not answer")?;
        ensure!(!seen.pointer("/latest/restored").is_some_and(Value::is_object), "restored: {seen}");
        job_manager_killed(&job).await?;
        cancelled(&job).await?;
        others_stay(&job, foreign).await
    };
    let without_directories = async {
        let checkpoints = checkpoint_dir(cluster)?;
        let job = shares(cluster, checkpoints, "execution.checkpointing.create-subdir=false", &[]).await?;
        let theirs = format!("{}/chk-{foreign}/_metadata", job.checkpoints);
        cluster.hdfs()?.put(&theirs, metadata.clone()).await?;
        job_manager_killed(&job).await?;
        cancelled(&job).await?;
        others_stay(&job, foreign).await
    };
    let (keyed, fixed, flat) = tokio::join!(of_a_key, of_a_job_id, without_directories);
    every([keyed, fixed, flat])
}

async fn cancelled(job: &Counting<'_>) -> Result<()> {
    yarn_flink(job.cluster, &["cancel", &job.id]).await?.expect(0)?;
    ends(job.cluster, &job.id, "KILLED").await?;
    nothing_left(job.cluster, &job.id, GONE).await
}

/// This run must not remove what another one has left.
async fn others_stay(job: &Counting<'_>, foreign: u64) -> Result<()> {
    let kept = job.kept().await?;
    ensure!(kept.iter().any(|(number, _)| *number == foreign), "chk-{foreign} is gone: {kept:?}");
    Ok(())
}

/// A job with one more setting that makes it share its directory: the client sees what exists before the job starts, but
/// not what comes later.
async fn shares<'a>(
    cluster: &'a Cluster,
    checkpoints: String,
    setting: &str,
    arguments: &[&str],
) -> Result<Counting<'a>> {
    let directory = format!("execution.checkpointing.dir={}{checkpoints}", cluster.default_fs());
    let settings = [&directory, "execution.checkpointing.interval=1s", "yarn.heartbeat.interval=1", setting];
    let options: Vec<_> = settings.into_iter().flat_map(|setting| ["-D", setting]).collect();
    Counting::with(cluster, checkpoints, &options, arguments).await
}

/// The JobManager dies when the job has few checkpoints: it resumes from one of these.
async fn job_manager_killed(job: &Counting<'_>) -> Result<()> {
    let before = job.completes_a_checkpoint().await?;
    ensure!(before < FOREIGN, "this run has as many checkpoints as the other: {before}");
    appears("JobManager", || job.cluster.job_managers(&job.id)).await?.kill_9();
    job.goes_on_from(before).await?;
    let (number, path) = job.restored().await?;
    integration_tests::progress::line(&format!("checkpoint {before} was there; went on from {path}"));
    ensure!(number < FOREIGN, "job {} went on from another run's checkpoint {path}", job.job);
    Ok(())
}

/// As if the record had expired.
async fn forget_key(cluster: &Cluster, id: &str) -> Result<()> {
    let hdfs = cluster.hdfs()?;
    let keys = format!("/user/{}/.yarn-flink/keys", cluster.user());
    for (path, _) in hdfs.files(&keys).await? {
        if String::from_utf8_lossy(&hdfs.read(&path).await?).contains(id) {
            let (record, _) = path.rsplit_once('/').context("a file without a directory")?;
            hdfs.delete(record).await?;
            return Ok(());
        }
    }
    anyhow::bail!("no record of a key names {id}")
}

/// Killed from outside, an application leaves its files, but nothing that runs.
async fn nothing_left_but_files(job: &Counting<'_>) -> Result<()> {
    let gone = || async { Ok(job.cluster.processes_of(&job.id).is_empty()) };
    eventually("no process of the application", GONE, gone).await
}

/// Whatever the retention is: to start again, the owner needs the latest checkpoint.
#[tokio::test]
async fn unintended_end_keeps_the_latest_checkpoint() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = shared::cluster().await?;
    let given_up = async |retention: &[&str]| {
        let job = Counting::of_program(cluster, retention, &[]).await?;
        let before = job.completes_a_checkpoint().await?;
        no_task_manager_starts(&job).await?;
        goes_on_as_the_hint_says(&job, before).await.with_context(|| format!("given up, with {retention:?}"))
    };
    let fails = async {
        let job = Counting::of_program(cluster, &["-D", "restart-strategy.type=none"], &[]).await?;
        let before = job.completes_a_checkpoint().await?;
        job.fail()?;
        goes_on_as_the_hint_says(&job, before).await.context("failed by itself")?;
        let diagnostics = text(&status(cluster, &job.id).await?, "diagnostics").to_owned();
        ensure!(diagnostics.contains("this job was told to fail"), "{diagnostics}");
        Ok(())
    };
    let deletes = ["-D", "execution.checkpointing.externalized-checkpoint-retention=DELETE_ON_CANCELLATION"];
    let (failed, open, deleted) = tokio::join!(fails, given_up(&[]), given_up(&deletes));
    every([failed, open, deleted])
}

/// Another application, started with `-s` and the path in the diagnostics, counts to its end.
async fn goes_on_as_the_hint_says(job: &Counting<'_>, before: u64) -> Result<()> {
    let checkpoint = says_where_its_checkpoint_is(job, before).await?;
    let again = Counting::of_program(job.cluster, &["-s", &checkpoint], &[]).await?;
    again.completes_a_checkpoint().await?;
    let (_, path) = again.restored().await?;
    ensure!(path == checkpoint, "restored from {path} instead of {checkpoint}");
    again.finishes().await
}

/// TaskManagers die as soon as they exist, until the application master gives up.
async fn no_task_manager_starts(job: &Counting<'_>) -> Result<()> {
    eventually("the application master gives up", LIMIT, || async {
        for task_manager in job.cluster.task_managers(&job.id) {
            task_manager.kill_9();
        }
        Ok(job.lives().await.is_err())
    })
    .await
}

/// In the diagnostics, for scripts, and as the next step; returns its path.
async fn says_where_its_checkpoint_is(job: &Counting<'_>, before: u64) -> Result<String> {
    let diagnostics = ends(job.cluster, &job.id, "FAILED").await?;
    nothing_left(job.cluster, &job.id, GONE).await?;
    let kept = job.kept().await?;
    let (number, path) = kept.last().with_context(|| format!("no checkpoint is left: {diagnostics}"))?;
    ensure!(*number >= before, "{before} was there, and now {kept:?}");
    let place = format!("{}{path}", job.cluster.default_fs());
    let line = format!("checkpoint: {place}");
    ensure!(diagnostics.lines().any(|it| it.trim() == line), "no '{line}' in {diagnostics}");
    let hint = diagnostics.lines().any(|it| it.starts_with("hint: ") && it.contains(&format!("-s {place}")));
    ensure!(hint, "no hint how to go on from {place}: {diagnostics}");
    let status = status(job.cluster, &job.id).await?;
    ensure!(text(&status, "checkpoint") == place, "{status}");
    Ok(place)
}

/// WebHDFS is a Hadoop file system to which Flink writes like to any other, and which is not listed from Rust, like S3
/// and similar ones.
#[tokio::test]
async fn checkpoints_that_only_flink_can_list_are_recovered_from() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = shared::cluster().await?;
    let checkpoints = checkpoint_dir(cluster)?;
    let web = cluster.name_node_web().context("no NameNode")?.replace("http://", "webhdfs://");
    let settings = [
        &format!("execution.checkpointing.dir={web}{checkpoints}"),
        "execution.checkpointing.interval=1500ms",
        "yarn.heartbeat.interval=1",
    ];
    let options: Vec<_> = settings.into_iter().flat_map(|setting| ["-D", setting]).collect();
    let job = Counting::with(cluster, checkpoints, &options, &[]).await?;
    let before = job.completes_one_after(MANY).await?;
    appears("JobManager", || cluster.job_managers(&job.id)).await?.kill_9();
    let restored = goes_on_about(&job, before).await?;
    let before = job.completes_one_after(restored + MANY).await?;
    appears("application master", || cluster.app_masters(&job.id)).await?.kill_9();
    goes_on_about(&job, before).await?;
    ensure!(job.attempts().await? == 2, "one attempt more");
    job.counts_all().await?;
    Ok(())
}

/// So many that one from the start is not mistaken for the newest. They must come more slowly than looks at Flink: then the
/// last one reported is one of the three that Flink keeps.
const MANY: u64 = 4;

/// Waits until it resumes from the checkpoint or from a slightly older one; returns which.
async fn goes_on_about(job: &Counting<'_>, before: u64) -> Result<u64> {
    job.goes_on_from(before.saturating_sub(MANY / 2)).await?;
    let (number, path) = job.restored().await?;
    integration_tests::progress::line(&format!("checkpoint {before} was there; went on from {path}"));
    Ok(number)
}
