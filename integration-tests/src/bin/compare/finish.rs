//! From the start of the command until the ResourceManager shows the application as FINISHED, by its own clock.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::bare;
use crate::measured::usage;
use crate::phases;
use crate::report::{Must, Report};
use crate::side::{Sides, text};

const JOB: &str = "OneSecond";
const LIMIT: Duration = Duration::from_secs(180);

pub(crate) async fn measure(sides: &Sides<'_>, runs: u16, report: &mut Report) -> Result<()> {
    let (mut ours, mut theirs, mut limits) = (Vec::new(), Vec::new(), Vec::new());
    let mut phases = phases::Phases::default();
    let digests = sides.local("digests");
    for run in 0..=runs {
        let name = format!("finish-ours-{run}");
        let our = application(sides, &name, &sides.our_run(&digests, &name, JOB, &[])).await?;
        if run > 0 {
            phases.add(sides, &our)?;
        }
        let name = format!("finish-flink-{run}");
        let their = application(sides, &name, &sides.their_run(&name, JOB, &[sides.provided()])).await?;
        let limit = bare::run(sides, &format!("bare-{run}")).await?;
        if run > 0 {
            ours.push(our.seconds);
            theirs.push(their.seconds);
            limits.push(limit);
        }
    }
    report.row("start to FINISHED", "s", &ours, Some(("Flink's client", &theirs)), Must::Share(0.5));
    report.row("start to FINISHED", "s", &ours, Some(("bare Flink", &limits)), Must::Share(1.5));
    report.note(bare::flags(sides)?);
    report.note(phases.text());
    Ok(())
}

/// What TLS between Flink's processes costs, handshakes of JVMs that have just started included.
pub(crate) async fn tls(sides: &Sides<'_>, runs: u16, report: &mut Report) -> Result<()> {
    let digests = sides.local("digests");
    let mut seconds = [Vec::new(), Vec::new()];
    for run in 0..=runs {
        for (at, on) in [true, false].into_iter().enumerate() {
            let name = format!("tls-{on}-{run}");
            let options = ["-D".to_owned(), format!("yarn-flink.internal-tls={on}")];
            let ended = application(sides, &name, &sides.our_run(&digests, &name, JOB, &options)).await?;
            if run > 0 {
                seconds[at].push(ended.seconds);
            }
        }
    }
    let [with, without] = seconds;
    report.row("start to FINISHED, TLS", "s", &with, Some(("without TLS", &without)), Must::Share(1.05));
    Ok(())
}

/// One application from the command to its end.
pub(crate) struct Finished {
    pub(crate) id: String,
    /// In milliseconds since the epoch.
    pub(crate) begun_ms: f64,
    pub(crate) command_s: f64,
    pub(crate) seconds: f64,
    /// The ResourceManager's report at the end.
    pub(crate) report: Value,
}

async fn application(sides: &Sides<'_>, name: &str, command: &std::process::Command) -> Result<Finished> {
    let (usage, _) = usage(command).await?;
    let id = sides.application(name).await?;
    let report = sides.cluster.wait_for_end(&id, LIMIT).await?;
    ensure!(
        text(&report, "finalStatus") == "SUCCEEDED",
        "{id} ended as {} {}: {}",
        text(&report, "state"),
        text(&report, "finalStatus"),
        text(&report, "diagnostics")
    );
    let ended = report.get("finishedTime").and_then(Value::as_f64).context("no finishedTime")?;
    sides.gone(&id).await?;
    Ok(Finished {
        id,
        begun_ms: usage.begun_ms,
        command_s: usage.wall_s,
        seconds: (ended - usage.begun_ms) / 1000.0,
        report,
    })
}
