//! Detached submission: from the start of the command to its end. Each application is killed before the next command
//! starts. Flink's client ends when the application master is running; ours ends when the ResourceManager has accepted
//! the application.

use anyhow::Result;

use crate::measured::Usage;
use crate::report::{Must, Report};
use crate::side::Sides;

const JOB: &str = "OneSecond";

/// Everything is in HDFS already.
pub(crate) async fn warm(sides: &Sides<'_>, runs: u16, report: &mut Report) -> Result<()> {
    let names = ["submit, cached: time", "submit, cached: CPU", "submit, cached: peak memory"];
    cached(sides, runs, report, names).await?;
    report.note(
        "submit: ours ends when the ResourceManager has taken the application, Flink's client when the application \
         master runs."
            .to_owned(),
    );
    Ok(())
}

pub(crate) async fn cached(
    sides: &Sides<'_>,
    runs: u16,
    report: &mut Report,
    names: [&'static str; 3],
) -> Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let digests = sides.local("digests");
    for run in 0..=runs {
        let name = format!("warm-ours-{run}");
        let our = sides.launched(&name, &sides.our_run(&digests, &name, JOB, &[])).await?;
        let name = format!("warm-flink-{run}");
        let their = sides.launched(&name, &sides.their_run(&name, JOB, &[sides.provided()])).await?;
        // The first round fills caches.
        if run > 0 {
            ours.push(our);
            theirs.push(their);
        }
    }
    rows(report, names, &ours, &theirs, 50.0, 30.0);
    Ok(())
}

/// Nothing is in HDFS, and nothing is cached on this machine.
pub(crate) async fn cold(sides: &Sides<'_>, runs: u16, report: &mut Report) -> Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for run in 0..=runs {
        let name = format!("cold-ours-{run}");
        let base = [format!("-Dyarn.staging-directory={}", sides.remote_folder(&name).await?)];
        let our = sides.launched(&name, &sides.our_run(&sides.local(&name), &name, JOB, &base)).await?;
        sides.remove_remote(&name).await?;
        let name = format!("cold-flink-{run}");
        let base = [format!("-Dyarn.staging-directory={}", sides.remote_folder(&name).await?)];
        let their = sides.launched(&name, &sides.their_run(&name, JOB, &base)).await?;
        sides.remove_remote(&name).await?;
        if run > 0 {
            ours.push(our);
            theirs.push(their);
        }
    }
    rows(
        report,
        ["submit, nothing cached: time", "", "submit, nothing cached: peak memory"],
        &ours,
        &theirs,
        6.0,
        48.0,
    );
    Ok(())
}

fn rows(
    report: &mut Report,
    names: [&'static str; 3],
    ours: &[Usage],
    theirs: &[Usage],
    times: f64,
    megabytes: f64,
) {
    let units = ["s", "s", "MB"];
    let figures: [fn(&Usage) -> f64; 3] = [|usage| usage.wall_s, |usage| usage.cpu_s, |usage| usage.peak_mb];
    let musts = [Must::Times(times), Must::Times(times), Must::Most(megabytes)];
    for (((name, unit), figure), must) in names.into_iter().zip(units).zip(figures).zip(musts) {
        if name.is_empty() {
            continue;
        }
        let (our, their): (Vec<_>, Vec<_>) =
            (ours.iter().map(figure).collect(), theirs.iter().map(figure).collect());
        report.row(name, unit, &our, Some(("Flink's client", &their)), must);
    }
}
