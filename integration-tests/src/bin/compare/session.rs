//! Sessions: the command that starts one, and the command that submits a job to a running one.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use integration_tests::cluster::java::FLINK_CLI;
use integration_tests::http;
use serde_json::Value;

use crate::measured::{Usage, usage};
use crate::report::{Must, Report};
use crate::side::Sides;

/// `yarn-session.sh`.
const SESSION_CLI: &str = "org.apache.flink.yarn.cli.FlinkYarnSessionCli";
const LIMIT: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(100);

fn our_start(sides: &Sides<'_>, name: &str) -> Command {
    let mut command = sides.ours(&sides.local("digests"));
    command.args(["session", "start", "-d", "--name", &sides.full_name(name), "--app-master"]);
    command.arg(sides.app_master());
    command
}

fn their_start(sides: &Sides<'_>, name: &str) -> Command {
    let mut command = sides.theirs(SESSION_CLI);
    command
        .args(["-d", "-nm", &sides.full_name(name)])
        .arg(sides.provided())
        // The stock configuration binds it to the node's loopback, where no client can reach it.
        .arg("-Drest.bind-address=0.0.0.0");
    command
}

/// `session start -d`.
pub(crate) async fn start(sides: &Sides<'_>, runs: u16, report: &mut Report) -> Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for run in 0..=runs {
        let name = format!("session-ours-{run}");
        let our = sides.launched(&name, &our_start(sides, &name)).await?;
        let name = format!("session-flink-{run}");
        let their = sides.launched(&name, &their_start(sides, &name)).await?;
        // The first round fills caches.
        if run > 0 {
            ours.push(our);
            theirs.push(their);
        }
    }
    rows(report, ["session start: time", "session start: peak memory"], &ours, &theirs, "yarn-session.sh -d");
    Ok(())
}

/// `run -d --session`, and how long an idle TaskManager stays after its job.
pub(crate) async fn job(sides: &Sides<'_>, runs: u16, report: &mut Report) -> Result<()> {
    const NAMES: [&str; 2] = ["job-ours", "job-flink"];
    sides.run(our_start(sides, NAMES[0])).await?;
    sides.run(their_start(sides, NAMES[1])).await?;
    let [mine, their] = [sides.application(NAMES[0]).await?, sides.application(NAMES[1]).await?];
    for id in [&mine, &their] {
        answers(sides, id).await?;
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let (mut our_idle, mut their_idle) = (Vec::new(), Vec::new());
    for run in 0..=runs {
        let mut command = sides.ours(&sides.local("digests"));
        command.args(["run", "-d", "--session", &mine, "-c", "example.OneSecond"]).arg(&sides.jar);
        let (our, _) = usage(&command).await?;
        let our_time = released(sides, &mine).await?;
        let mut command = sides.theirs(FLINK_CLI);
        command
            .args(["run", "-d", "-t", "yarn-session", &format!("-Dyarn.application.id={their}")])
            .args(["-c", "example.OneSecond"])
            .arg(&sides.jar);
        let (peer, _) = usage(&command).await?;
        let their_time = released(sides, &their).await?;
        if run > 0 {
            ours.push(our);
            theirs.push(peer);
            our_idle.push(our_time);
            their_idle.push(their_time);
        }
    }
    for id in [&mine, &their] {
        sides.kill(id).await?;
    }
    rows(report, ["job into session: time", "job into session: peak memory"], &ours, &theirs, "flink run -d");
    let timeout = "resourcemanager.taskmanager-timeout, 30 s unless set";
    report.row(
        "job's end to idle TaskManager gone",
        "s",
        &our_idle,
        Some(("Flink", &their_idle)),
        Must::Most(45.0),
    );
    report.note(format!("job's end to idle TaskManager gone: both keep it for {timeout}."));
    Ok(())
}

/// Waits until Flink's REST server answers.
async fn answers(sides: &Sides<'_>, id: &str) -> Result<()> {
    let begun = Instant::now();
    let page = format!("{}/proxy/{id}/overview", sides.cluster.rm_web());
    let is_flinks = |page: &Value| ["jobs-finished", "taskmanagers"].iter().all(|key| page[*key].is_u64());
    while !http::get_json(&page).await.is_ok_and(|page| is_flinks(&page)) {
        ensure!(begun.elapsed() < LIMIT, "Flink of {id} does not answer");
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

/// Waits for the end of the job that has just been submitted, and then for that of the last TaskManager's JVM.
async fn released(sides: &Sides<'_>, id: &str) -> Result<f64> {
    let begun = Instant::now();
    let mut ran = false;
    loop {
        ensure!(begun.elapsed() < LIMIT, "the job in {id} does not end");
        let jobs = http::get_json(&format!("{}/proxy/{id}/jobs/overview", sides.cluster.rm_web())).await;
        let jobs = jobs.unwrap_or_default();
        let jobs = jobs.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default();
        ran |= !jobs.is_empty() && has_task_managers(sides, id);
        if ran && jobs.iter().all(|job| job.get("state").and_then(Value::as_str) == Some("FINISHED")) {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    let ended = Instant::now();
    while has_task_managers(sides, id) {
        ensure!(ended.elapsed() < LIMIT, "TaskManagers of {id} stay");
        tokio::time::sleep(LOOK).await;
    }
    Ok(ended.elapsed().as_secs_f64())
}

/// Whether the session has TaskManagers, ours or Flink's.
fn has_task_managers(sides: &Sides<'_>, id: &str) -> bool {
    !sides.cluster.task_managers(id).is_empty() || sides.jvms(id, "YarnTaskExecutorRunner") > 0
}

fn rows(report: &mut Report, names: [&'static str; 2], ours: &[Usage], theirs: &[Usage], peer: &'static str) {
    let mut row = |name, unit, figure: fn(&Usage) -> f64, must| {
        let our: Vec<_> = ours.iter().map(figure).collect();
        let their: Vec<_> = theirs.iter().map(figure).collect();
        report.row(name, unit, &our, Some((peer, &their)), must);
    };
    row(names[0], "s", |usage| usage.wall_s, Must::Times(10.0));
    row(names[1], "MB", |usage| usage.peak_mb, Must::Most(30.0));
}
