//! Memory of the application master while a job runs on four TaskManagers.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::http;
use serde_json::Value;

use crate::report::{Must, Report};
use crate::side::{Sides, text};

const TASK_MANAGERS: u64 = 4;
/// How long the job has to run before the first look, and how long it is observed.
const LOOKS: u32 = 20;
const INTERVAL: Duration = Duration::from_millis(250);
const LIMIT: Duration = Duration::from_secs(120);

pub(crate) async fn measure(sides: &Sides<'_>, runs: u16, report: &mut Report) -> Result<()> {
    let mut peaks = Vec::new();
    for run in 1..=runs {
        let name = format!("resident-{run}");
        let options = ["-p", "4", "-tm", "1g", "-Dtaskmanager.numberOfTaskSlots=1"].map(str::to_owned);
        sides.run(sides.our_run(&sides.local("digests"), &name, "Run", &options)).await?;
        let id = sides.application(&name).await?;
        let peak = sample(sides, &id).await;
        sides.kill(&id).await?;
        peaks.push(peak?);
    }
    report.row("application master: resident", "MB", &peaks, None, Must::Most(24.0));
    Ok(())
}

/// The highest value of several looks, in MB.
async fn sample(sides: &Sides<'_>, id: &str) -> Result<f64> {
    let begun = Instant::now();
    while !runs_on_all(sides, id).await {
        ensure!(begun.elapsed() < LIMIT, "{id} does not run on {TASK_MANAGERS} TaskManagers");
        tokio::time::sleep(INTERVAL).await;
    }
    let mut peak = 0;
    for _ in 0..LOOKS {
        tokio::time::sleep(INTERVAL).await;
        let processes = sides.cluster.processes_of(id);
        let master = processes.iter().find(|process| {
            // The NodeManager's shell has the program's name in an argument, too.
            process.command.first().is_some_and(|program| program.ends_with("flink-app-master"))
        });
        peak = peak.max(master.context("the application master is gone")?.resident);
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let megabytes = peak as f64 / 1e6;
    Ok(megabytes)
}

/// Whether Flink, asked through the ResourceManager's proxy, runs all tasks on all TaskManagers.
async fn runs_on_all(sides: &Sides<'_>, id: &str) -> bool {
    let page = |path: &str| format!("{}/proxy/{id}/{path}", sides.cluster.rm_web());
    // No answer yet counts as "no".
    let Ok(overview) = http::get_json(&page("overview")).await else { return false };
    let Ok(jobs) = http::get_json(&page("jobs/overview")).await else { return false };
    let job = jobs.pointer("/jobs/0").cloned().unwrap_or_default();
    let tasks = |key: &str| job.pointer(&format!("/tasks/{key}")).and_then(Value::as_u64);
    overview.get("taskmanagers").and_then(Value::as_u64) == Some(TASK_MANAGERS)
        && text(&job, "state") == "RUNNING"
        && tasks("total").is_some_and(|total| total >= TASK_MANAGERS && tasks("running") == Some(total))
}
