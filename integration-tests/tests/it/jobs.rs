//! The commands for Flink jobs: savepoints from which a job really resumes, and Flink's own client beside ours.

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::cluster::java::{self, FLINK_CLI};
use integration_tests::flink::Flink;
use integration_tests::shared;
use integration_tests::versions::FLINK_1_20;
use serde_json::Value;

use crate::session::{SMALL, Session};
use crate::tool::{
    GONE, LIMIT, Ran, end, eventually, job_in_state, nothing_left, run, status, text, yarn_flink,
};

/// A separate directory for the savepoints of a test.
fn savepoints(cluster: &Cluster) -> Result<String> {
    let folder = cluster.scratch("savepoints")?;
    let name = folder.file_name().and_then(|name| name.to_str()).context("a folder without a name")?;
    Ok(format!("{}/user/{}/{name}", cluster.default_fs(), cluster.user()))
}

fn savepoint(ran: &Ran) -> Result<String> {
    let path = ran.stdout.lines().find_map(|line| line.strip_prefix("savepoint: "));
    path.map(str::to_owned).with_context(|| format!("no savepoint: {ran:?}"))
}

/// The job fails unless its state is what it has counted: from one job to the next, in a session and on their own
/// clusters, with both kinds of savepoints.
#[tokio::test]
async fn savepoints_carry_the_count_between_jobs() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let directory = savepoints(cluster)?;
    let session = Session::start(cluster, "count", &[]).await?;
    let first = session.submit(&["Run", "--records", "3000"]).await?;
    session.runs(&first).await?;
    let made = yarn_flink(cluster, &["savepoint", &session.id, "-p", &directory]).await?.expect(0)?;
    let kept = savepoint(&made)?;
    ensure!(session.state(&first).await? == "RUNNING", "a savepoint ends no job");
    let stopped = ["stop", &session.id, &first, "-p", &directory, "--type", "native"];
    let native = savepoint(&yarn_flink(cluster, &stopped).await?.expect(0)?)?;
    eventually("the job has finished", LIMIT, || async { Ok(session.state(&first).await? == "FINISHED") })
        .await?;
    let second = session.submit_with(&["-s", &native], &["Run", "--records", "3000"]).await?;
    session.runs(&second).await?;
    let stopped = yarn_flink(cluster, &["stop", &session.name, "-p", &directory]).await?.expect(0)?;
    let canonical = savepoint(&stopped)?;

    // What is no longer needed is disposed of, once.
    let dispose = ["savepoint", &session.id, "--dispose", &kept];
    yarn_flink(cluster, &dispose).await?.expect(0)?;
    let again = yarn_flink(cluster, &dispose).await?.expect(3)?;
    ensure!(again.stderr.contains("disposing of the savepoint") && again.stderr.contains(&kept), "{again:?}");
    session.stop().await?;

    // Runs to its end on its own cluster.
    let options = ["-d", "-o", "json", "-s", &canonical];
    let last = run(cluster, &options, &["Run", "--records", "3000"]).await?.expect(0)?.json()?;
    let id = text(&last, "application_id").to_owned();
    job_in_state(cluster, &id, "RUNNING").await?;
    let seen = eventually_restored(cluster, &id).await?;
    ensure!(seen.contains(canonical.rsplit('/').next().unwrap_or_default()), "{seen}");
    let ended = end(cluster, &id).await?;
    ensure!(text(&ended, "final_status") == "SUCCEEDED", "{ended}");
    nothing_left(cluster, &id, GONE).await
}

async fn eventually_restored(cluster: &Cluster, id: &str) -> Result<String> {
    let mut path = String::new();
    for _ in 0..50 {
        let seen = cluster.checkpoints(id).await.unwrap_or_default();
        if let Some(found) = seen.pointer("/latest/restored/external_path").and_then(Value::as_str) {
            path = found.to_owned();
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Ok(path)
}

#[tokio::test]
async fn job_commands_work_on_a_single_job_cluster() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let directory = savepoints(cluster)?;
    let program = ["Run", "--checkpoint-ms", "300"];
    let submitted = run(cluster, &["-d", "-o", "json"], &program).await?.expect(0)?.json()?;
    let (id, job) = (text(&submitted, "application_id").to_owned(), text(&submitted, "job_id").to_owned());
    job_in_state(cluster, &id, "RUNNING").await?;
    let listed = yarn_flink(cluster, &["jobs", "-o", "json", &id]).await?.expect(0)?.json()?;
    ensure!(listed["jobs"][0]["job_id"] == job.as_str(), "{listed}");
    eventually("status shows a checkpoint", LIMIT, || async {
        let seen = status(cluster, &id).await?;
        ensure!(text(&seen, "state") == "RUNNING" && text(&seen, "final_status") == "UNDEFINED", "{seen}");
        let completed = seen.pointer("/jobs/0/checkpoints/completed").and_then(Value::as_u64);
        ensure!(text(&seen, "job_id") == job && text(&seen, "job_state") == "RUNNING", "{seen}");
        Ok(completed > Some(0) && seen["task_managers"] == 1 && seen["slots_total"] == 1)
    })
    .await?;
    let explained = yarn_flink(cluster, &["explain", "-o", "json", &id]).await?.expect(0)?.json()?;
    ensure!(text(&explained, "job_id") == job && text(&explained, "job_state") == "RUNNING", "{explained}");
    let listed = yarn_flink(cluster, &["list", "-o", "json"]).await?.expect(0)?.json()?;
    let listed = listed["applications"].as_array().cloned().unwrap_or_default();
    let listed = listed.iter().find(|it| text(it, "application_id") == id).context("it is not listed")?;
    ensure!(text(listed, "job_id") == job, "{listed}");
    let refused = yarn_flink(cluster, &["scale", &id, "2"]).await?.expect(2)?;
    ensure!(refused.stderr.contains("scheduler-mode=reactive"), "{refused:?}");
    let nowhere = yarn_flink(cluster, &["savepoint", &id]).await?.expect(3)?;
    ensure!(nowhere.stderr.contains("hint: name a directory with `-p DIR`"), "{nowhere:?}");
    let not_one = yarn_flink(cluster, &["session", "stop", &id]).await?.expect(2)?;
    ensure!(not_one.stderr.contains("is not a session"), "{not_one:?}");
    // State may be neither on the disk of a single node nor in a container's directory: the job continues.
    for (lost, why) in [("rep/sp", "is relative"), ("file:///tmp/sp", "is on the local disk of the node")] {
        for verb in ["stop", "savepoint"] {
            let refused = yarn_flink(cluster, &[verb, &id, "-p", lost]).await?.expect(2)?;
            ensure!(
                refused.stderr.contains(why) && refused.stderr.contains("hint: use a directory of"),
                "{refused:?}"
            );
        }
    }
    let directory = directory.strip_prefix(cluster.default_fs()).context("of another file system")?;
    // When stopped with a savepoint, the job is FINISHED, and so is the application.
    let stop = ["stop", "-o", "json", &id, "--drain", "-p", directory];
    let stopped = yarn_flink(cluster, &stop).await?.expect(0)?.json()?;
    let path = text(&stopped, "savepoint").to_owned();
    ensure!(text(&stopped, "job_id") == job, "{stopped}");
    ensure!(path.starts_with(&format!("{}{directory}", cluster.default_fs())), "{path}");
    let ended = end(cluster, &id).await?;
    ensure!(text(&ended, "job_state") == "FINISHED" && text(&ended, "job_id") == job, "{ended}");
    ensure!(cluster.hdfs()?.stat(path.trim_start_matches(cluster.default_fs())).await?.is_some());
    nothing_left(cluster, &id, GONE).await?;
    let gone = yarn_flink(cluster, &["jobs", &id]).await?.expect(3)?;
    ensure!(gone.stderr.contains("FINISHED") && gone.stderr.contains("hint: "), "{gone:?}");
    Ok(())
}

/// One of its two subtasks is slow.
#[tokio::test]
async fn savepoint_reports_its_progress() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let directory = savepoints(cluster)?;
    let id = run(cluster, &["-d"], &["Run", "--snapshot-ms", "6000"]).await?.expect(0)?.application()?;
    job_in_state(cluster, &id, "RUNNING").await?;
    let made = yarn_flink(cluster, &["savepoint", &id, "-p", &directory]).await?.expect(0)?;
    ensure!(made.stderr.contains("1 of 2 subtasks have written their state"), "{made:?}");
    ensure!(savepoint(&made)?.starts_with(cluster.default_fs()), "{made:?}");
    yarn_flink(cluster, &["cancel", &id]).await?.expect(0)?;
    cluster.wait_for_end(&id, LIMIT).await?;
    nothing_left(cluster, &id, GONE).await
}

/// Right after the submission there is no job yet, but there soon will be.
#[tokio::test]
async fn job_that_is_about_to_start_can_be_cancelled() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let submitted = run(cluster, &["-d", "-o", "json"], &["Run"]).await?.expect(0)?.json()?;
    let (id, job) = (text(&submitted, "application_id").to_owned(), text(&submitted, "job_id").to_owned());
    let cancelled = yarn_flink(cluster, &["cancel", "-o", "json", &id, &job]).await?.expect(0)?;
    ensure!(cancelled.stderr.contains("waiting up to 60 s for the JobManager"), "{cancelled:?}");
    let said = cancelled.json()?;
    ensure!(text(&said, "job_id") == job && text(&said, "job_state") == "CANCELED", "{said}");
    cluster.wait_for_end(&id, LIMIT).await?;
    let gone = yarn_flink(cluster, &["cancel", &id]).await?.expect(3)?;
    ensure!(gone.stderr.contains("is FINISHED") && gone.stderr.contains("explain"), "{gone:?}");
    nothing_left(cluster, &id, GONE).await
}

/// The JobManager of a session dies: without high availability its jobs are lost, but the session continues.
#[tokio::test]
async fn session_survives_the_loss_of_its_job_manager_and_master() -> Result<()> {
    let _turn = shared::patient_turn().await;
    let cluster = shared::cluster().await?;
    let session = Session::start(cluster, "outlives", &[]).await?;
    let lost = session.submit(&["Run"]).await?;
    session.runs(&lost).await?;
    crate::failures::appears("JobManager", || cluster.job_managers(&session.id)).await?.kill_9();
    eventually("the job is lost", LIMIT, || async { Ok(session.state(&lost).await?.is_empty()) }).await?;
    let ran = session.run(&[], &["OneSecond"]).await?.expect(0)?;
    ensure!(ran.stdout.contains("job_state: FINISHED"), "{ran:?}");

    crate::failures::appears("application master", || cluster.app_masters(&session.id)).await?.kill_9();
    // A client that submits a job in the meantime waits for the next one.
    eventually("the next attempt runs", LIMIT, || async {
        let attempts = cluster.rm_rest(&format!("/ws/v1/cluster/apps/{}/appattempts", session.id)).await?;
        let attempts = attempts.pointer("/appAttempts/appAttempt").and_then(Value::as_array).map(Vec::len);
        Ok(attempts == Some(2))
    })
    .await?;
    let ran = session.run(&[], &["OneSecond"]).await?.expect(0)?;
    ensure!(ran.stdout.contains("job_state: FINISHED"), "{ran:?}");
    session.stop().await?;
    Ok(())
}

/// Flink's own client, of the same version and unchanged, against an open session.
#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn flinks_own_client_uses_a_session_with_open_rest() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let begin = ["session", "start", "-d", "--open-rest", "--name", "open"];
    let id = yarn_flink(cluster, &[&begin[..], &SMALL].concat()).await?.expect(0)?.application()?;
    let session = Session { cluster, id, name: "open".to_owned() };
    let first = session.submit(&["OneSecond"]).await?;
    eventually("the session runs jobs", LIMIT, || async { Ok(session.state(&first).await? == "FINISHED") })
        .await?;
    let (host, port) = cluster.rest_address(&session.id).context("no JobManager")?;
    let address = format!("{host}:{port}");
    let jar = crate::tool::jar()?.display().to_string();
    let (rest_address, rest_port) = (format!("-Drest.address={host}"), format!("-Drest.port={port}"));
    let by_address = ["run", "-m", &address, "-c", "example.OneSecond", &jar];
    let by_target = ["run", "-t", "remote", &rest_address, &rest_port, "-c", "example.OneSecond", &jar];
    for arguments in [&by_address[..], &by_target[..]] {
        let said = flink_cli(cluster, arguments).await?;
        ensure!(said.contains("Job has been submitted with JobID"), "{said}");
        ensure!(said.contains("has finished."), "{said}");
    }
    let listed = flink_cli(cluster, &["list", "-a", "-m", &address]).await?;
    ensure!(listed.contains(&first) && listed.contains("(FINISHED)"), "{listed}");
    session.stop().await?;
    Ok(())
}

/// Flink's own client starts an application, whose master is not ours: YARN's proxy leads to its jobs anyway, and requests it
/// does not forward are refused with a hint.
#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn application_of_flinks_own_client_can_be_inspected_and_cancelled() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let flink = Flink::download(FLINK_1_20)?;
    let name = format!("foreign-{}", std::process::id());
    let mut command = flink.command(FLINK_CLI, &[cluster.client_conf_dir(), cluster.hadoop_jars().join("*")]);
    command.envs(cluster.flink_environment().await?).args(["run-application", "-t", "yarn-application"]);
    command.arg(format!("-Dyarn.application.name={name}"));
    command.args(SMALL.iter().filter(|arg| **arg != "-D").map(|arg| format!("-D{arg}")));
    command.args(["-c", "example.Run"]).arg(crate::tool::jar()?);
    java::output(command).await?.success()?;
    let id = crate::tool::application_named(cluster, &name).await?;
    job_in_state(cluster, &id, "RUNNING").await?;

    let listed = yarn_flink(cluster, &["jobs", "-o", "json", &id]).await?.expect(0)?.json()?;
    let job = text(&listed["jobs"][0], "job_id").to_owned();
    ensure!(text(&listed["jobs"][0], "job_state") == "RUNNING", "{listed}");
    let seen = status(cluster, &id).await?;
    ensure!(text(&seen["jobs"][0], "job_id") == job && seen["task_managers"] == 1, "{seen}");
    ensure!(seen["progress"].is_null(), "it says 1 from its beginning: {seen}");
    let explained = yarn_flink(cluster, &["explain", &id]).await?.expect(0)?;
    ensure!(explained.stdout.contains("no problem was found"), "{explained:?}");
    for verb in [&["stop", &id][..], &["savepoint", &id], &["scale", &id, "2"], &["events", "--follow", &id]]
    {
        let refused = yarn_flink(cluster, verb).await?.expect(2)?;
        let words = ["was not started by yarn-flink", "hint: ", &format!("-Dyarn.application.id={id}")];
        ensure!(words.iter().all(|word| refused.stderr.contains(word)), "{verb:?}: {refused:?}");
    }
    let unknown = yarn_flink(cluster, &["cancel", &id, "0123"]).await?.expect(5)?;
    ensure!(unknown.stderr.contains(&job), "{unknown:?}");
    let ended = yarn_flink(cluster, &["cancel", "-o", "json", &id]).await?.expect(0)?.json()?;
    ensure!(text(&ended, "job_id") == job && text(&ended, "job_state") == "CANCELED", "{ended}");
    cluster.wait_for_end(&id, LIMIT).await?;
    eventually("no container is left", LIMIT, || async { Ok(cluster.processes_of(&id).is_empty()) }).await
}

/// `bin/flink`'s class. Returns everything it printed.
async fn flink_cli(cluster: &Cluster, arguments: &[&str]) -> Result<String> {
    let flink = Flink::download(FLINK_1_20)?;
    let mut command = flink.command(FLINK_CLI, &[]);
    command.envs(cluster.flink_environment().await?).args(arguments);
    let ran = java::output(command).await?;
    let said = format!("{}{}", ran.stdout, ran.stderr);
    ensure!(ran.status.success(), "{arguments:?}: {}\n{said}", ran.status);
    Ok(said)
}
