//! Programs that execute several jobs, and jobs that use as many TaskManagers as there are.

use anyhow::{Result, ensure};
use integration_tests::shared;
use serde_json::Value;

use crate::failures::appears;
use crate::tool::{GONE, LIMIT, end, eventually, every, job_in_state, nothing_left, run, text, yarn_flink};

async fn program(arguments: &[&str], code: i32, final_status: &str, states: [&str; 2]) -> Result<String> {
    program_with(&[], arguments, code, final_status, states).await
}

async fn program_with(
    options: &[&str],
    arguments: &[&str],
    code: i32,
    final_status: &str,
    states: [&str; 2],
) -> Result<String> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let program = [&["TwoExecutes"], arguments].concat();
    let options = [&["-o", "json", "--multi-job"], options].concat();
    let ran = run(cluster, &options, &program).await?.expect(code)?;
    let printed = ran.json()?;
    ensure!(text(&printed, "final_status") == final_status, "{printed}");
    let diagnostics = text(&printed, "diagnostics").to_owned();
    let list = diagnostics.lines().find_map(|line| line.split_once("2 jobs: ")).map(|(_, list)| list);
    let mut seen: Vec<_> = list
        .unwrap_or_default()
        .split(", ")
        .filter_map(|job| job.split_once(' '))
        .map(|(_, it)| it)
        .collect();
    seen.sort_unstable();
    ensure!(seen == states, "{printed}");
    ensure!(text(&printed, "job_state") == if code == 0 { "FINISHED" } else { "FAILED" }, "{printed}");
    nothing_left(cluster, text(&printed, "application_id"), GONE).await?;
    Ok(diagnostics)
}

#[tokio::test]
async fn multi_job_program_runs_jobs_one_after_the_other() -> Result<()> {
    program(&["--same-environment"], 0, "SUCCEEDED", ["FINISHED", "FINISHED"]).await?;
    Ok(())
}

#[tokio::test]
async fn multi_job_program_runs_jobs_side_by_side() -> Result<()> {
    program(&["--side-by-side"], 0, "SUCCEEDED", ["FINISHED", "FINISHED"]).await?;
    Ok(())
}

#[tokio::test]
async fn failed_job_fails_a_multi_job_program() -> Result<()> {
    let said = program(&["--second-fails"], 1, "FAILED", ["FAILED", "FINISHED"]).await?;
    ensure!(said.contains("the second was asked to fail"), "{said}");
    Ok(())
}

/// Flink says at INFO that the program has ended; the end must be seen with a log level of WARN as well.
#[tokio::test]
async fn end_of_a_program_is_seen_when_its_log_is_silent() -> Result<()> {
    let quiet = ["-D", "env.log.level=WARN", "-D", "cluster.thread-dump.stacktrace-max-depth=1000"];
    program_with(&quiet, &[], 0, "SUCCEEDED", ["FINISHED", "FINISHED"]).await?;
    let said = program_with(&quiet, &["--second-fails"], 1, "FAILED", ["FAILED", "FINISHED"]).await?;
    ensure!(said.contains("the second was asked to fail"), "{said}");
    Ok(())
}

/// How far the jobs of a lost attempt got is unknown: they are restarted from scratch only if allowed.
#[tokio::test]
async fn multi_job_program_restarts_from_scratch_if_allowed() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let ends = async |allowed: Option<&str>, result: &str| {
        let options: Vec<_> = ["-d", "--multi-job"].into_iter().chain(allowed).collect();
        let id = run(cluster, &options, &["TwoExecutes", "--slow"]).await?.expect(0)?.application()?;
        job_in_state(cluster, &id, "RUNNING").await?;
        // An attempt tells its successor what it has seen.
        eventually("it has seen its job", LIMIT, || async {
            let told = yarn_flink(cluster, &["events", &id]).await?;
            Ok(told.stdout.contains("RUNNING"))
        })
        .await?;
        appears("application master", || cluster.app_masters(&id)).await?.kill_9();
        let status = end(cluster, &id).await?;
        ensure!(text(&status, "final_status") == result, "{status}");
        let diagnostics = text(&status, "diagnostics");
        let expected = if allowed.is_some() { "2 jobs: " } else { "its program executes several jobs" };
        ensure!(diagnostics.contains(expected), "{diagnostics}");
        nothing_left(cluster, &id, GONE).await
    };
    let (anew, not) = tokio::join!(ends(Some("--restart-from-scratch"), "SUCCEEDED"), ends(None, "FAILED"));
    every([anew, not])
}

#[tokio::test]
async fn reactive_job_can_be_scaled() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let options = ["-d", "-o", "json", "-D", "scheduler-mode=reactive", "-D", "yarn.heartbeat.interval=1"];
    let submitted = run(cluster, &options, &["Run", "--checkpoint-ms", "500"]).await?.expect(0)?.json()?;
    let id = text(&submitted, "application_id").to_owned();
    job_in_state(cluster, &id, "RUNNING").await?;
    // The job's tasks, counted by Flink, follow the number of TaskManagers.
    let parallelism = async || {
        let jobs = cluster.flink(&id, "/jobs/overview").await.unwrap_or_default();
        let running = jobs.pointer("/jobs/0/tasks/running").and_then(Value::as_u64).unwrap_or_default();
        let total = jobs.pointer("/jobs/0/tasks/total").and_then(Value::as_u64).unwrap_or_default();
        (running, total)
    };
    let (alone, _) = parallelism().await;
    yarn_flink(cluster, &["scale", &id, "3"]).await?.expect(0)?;
    eventually("the job uses three TaskManagers", LIMIT, || async {
        let (running, total) = parallelism().await;
        Ok(cluster.task_managers(&id).len() == 3 && running == total && running > alone)
    })
    .await?;
    yarn_flink(cluster, &["scale", &id, "1"]).await?.expect(0)?;
    eventually("the job uses one again", LIMIT, || async {
        let (running, total) = parallelism().await;
        Ok(cluster.task_managers(&id).len() == 1 && running == total && running == alone)
    })
    .await?;
    yarn_flink(cluster, &["cancel", &id]).await?.expect(0)?;
    cluster.wait_for_end(&id, LIMIT).await?;
    nothing_left(cluster, &id, GONE).await
}
