//! Logs of ended applications: of a small one, and of one that has written 200 MB.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use integration_tests::cluster::java::LOGS_CLI;

use crate::measured::usage;
use crate::report::{Must, Report};
use crate::side::Sides;

const LIMIT: Duration = Duration::from_secs(120);

/// A job of one second.
pub(crate) async fn small(sides: &Sides<'_>, runs: u16, report: &mut Report) -> Result<()> {
    let id = finished(sides, "logs-small", "OneSecond", &[]).await?;
    measure(
        sides,
        runs,
        report,
        &id,
        ["logs: time", "logs: peak memory"],
        [Must::Times(10.0), Must::Share(0.1)],
    )
    .await
}

/// A job that writes 200 MB to its standard output.
pub(crate) async fn large(sides: &Sides<'_>, runs: u16, report: &mut Report) -> Result<()> {
    let id = finished(sides, "logs-large", "Talks", &["--megabytes", "200"]).await?;
    measure(
        sides,
        runs,
        report,
        &id,
        ["logs, 200 MB: time", "logs, 200 MB: peak memory"],
        [Must::Times(3.0), Must::Share(0.2)],
    )
    .await
}

/// Runs a job to its end, and waits until the nodes have collected its logs.
async fn finished(sides: &Sides<'_>, name: &str, job: &str, arguments: &[&str]) -> Result<String> {
    let mut command = sides.our_run(&sides.local("digests"), name, job, &[]);
    command.args(arguments);
    sides.run(command).await?;
    let id = sides.application(name).await?;
    sides.gone(&id).await?;
    let begun = Instant::now();
    loop {
        let mut command = sides.ours(&sides.local("digests"));
        command.args(["logs", "--list", "-o", "json", &id]);
        let listed = integration_tests::cluster::java::output(command).await?;
        // The application master's container and a TaskManager's.
        let collected = listed.stdout.contains("_000001") && listed.stdout.contains("taskmanager.out");
        if collected && !listed.stdout.contains("LOCAL") {
            return Ok(id);
        }
        ensure!(begun.elapsed() < LIMIT, "the logs of {id} are not collected: {listed:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn measure(
    sides: &Sides<'_>,
    runs: u16,
    report: &mut Report,
    id: &str,
    names: [&'static str; 2],
    musts: [Must; 2],
) -> Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let mut bytes = (0, 0);
    for run in 0..=runs {
        let mut command = sides.ours(&sides.local("digests"));
        command.args(["logs", id]);
        let (our, said) = usage(&command).await?;
        bytes.0 = said.stdout.len();
        let mut command = sides.cluster.hadoop_command(LOGS_CLI);
        command.args(["-applicationId", id]);
        let (their, said) = usage(&command).await?;
        bytes.1 = said.stdout.len();
        // The first round fills caches.
        if run > 0 {
            ours.push(our);
            theirs.push(their);
        }
    }
    for ((name, must), of) in names.into_iter().zip(musts).zip([true, false]) {
        let figure = |usage: &crate::measured::Usage| if of { usage.wall_s } else { usage.peak_mb };
        let (our, their): (Vec<_>, Vec<_>) =
            (ours.iter().map(figure).collect(), theirs.iter().map(figure).collect());
        report.row(name, if of { "s" } else { "MB" }, &our, Some(("yarn logs", &their)), must);
    }
    report.note(format!("{}: {} bytes were printed, by yarn logs {}.", names[0], bytes.0, bytes.1));
    Ok(())
}
