//! Where the time of an application went: moments from the ResourceManager's report and the logs of its containers, in
//! seconds since the command was started.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use integration_tests::cluster::Daemon;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::finish::Finished;
use crate::report::median;
use crate::side::Sides;

/// Moment, log file, text of the first line that shows it.
const LINES: [(&str, &str, &str); 12] = [
    ("application master starts", "appmaster.stderr", "starting"),
    ("JobManager JVM logs its first line", "jobmanager.log", "---"),
    ("TaskManager JVM logs its first line", "taskmanager.log", "---"),
    ("JobManager REST listens", "jobmanager.log", "Rest endpoint listening"),
    ("main submits the job", "jobmanager.log", "Received JobGraph submission"),
    ("TaskManager registers", "jobmanager.log", "Registering TaskManager with ResourceID"),
    ("job RUNNING", "jobmanager.log", "switched from state CREATED to RUNNING"),
    ("tasks RUNNING", "jobmanager.log", "from INITIALIZING to RUNNING"),
    ("job FINISHED", "jobmanager.log", "switched from state RUNNING to FINISHED"),
    ("main has returned", "jobmanager.log", "Application completed SUCCESSFULLY"),
    ("application master knows the end", "appmaster.stderr", "the end is decided"),
    ("JobManager shuts down", "jobmanager.log", "Shutting StandaloneApplicationClusterEntryPoint down"),
];

/// Moments of several applications.
#[derive(Debug, Default)]
pub(crate) struct Phases {
    moments: Vec<(&'static str, Vec<f64>)>,
}

impl Phases {
    /// Adds one application. A moment that its logs do not show is left out.
    pub(crate) fn add(&mut self, sides: &Sides<'_>, application: &Finished) -> Result<()> {
        let since = |ms: f64| (ms - application.begun_ms) / 1000.0;
        self.push("command ends", application.command_s);
        for (name, key) in [
            ("ResourceManager: submitted", "startedTime"),
            ("ResourceManager: application master launched", "launchTime"),
        ] {
            if let Some(ms) = application.report.get(key).and_then(Value::as_f64).filter(|ms| *ms > 0.0) {
                self.push(name, since(ms));
            }
        }
        let logs = logs(sides, &application.id);
        for (name, file, text) in LINES {
            let moments =
                logs.iter().filter(|path| path.ends_with(file)).filter_map(|path| first(path, text));
            if let Some(ms) = moments.min_by(f64::total_cmp) {
                self.push(name, since(ms));
            }
        }
        if let Some(ms) = logs.iter().filter_map(|path| launched(path)).min_by(f64::total_cmp) {
            self.push("TaskManager container launched", since(ms));
        }
        self.push("ResourceManager: FINISHED", application.seconds);
        Ok(())
    }

    fn push(&mut self, name: &'static str, seconds: f64) {
        match self.moments.iter_mut().find(|(known, _)| *known == name) {
            Some((_, all)) => all.push(seconds),
            None => self.moments.push((name, vec![seconds])),
        }
    }

    /// Medians in chronological order.
    pub(crate) fn text(&self) -> String {
        let mut medians: Vec<_> = self.moments.iter().map(|(name, all)| (median(all), *name)).collect();
        medians.sort_by(|left, right| left.0.total_cmp(&right.0));
        let lines = medians.iter().map(|(seconds, name)| format!("  {seconds:6.2} s  {name}"));
        format!("Ours, from the start of the command:\n{}", lines.collect::<Vec<_>>().join("\n"))
    }
}

/// All files of the application's containers on all nodes.
fn logs(sides: &Sides<'_>, application: &str) -> Vec<PathBuf> {
    let managers =
        sides.cluster.daemons().into_iter().filter(|daemon| matches!(daemon, Daemon::NodeManager(_)));
    let folders = managers.map(|daemon| sides.cluster.log_dir(daemon).join("containers").join(application));
    let containers = folders.flat_map(|folder| entries(&folder));
    containers.flat_map(|container| entries(&container)).collect()
}

/// The entries of a folder; empty for a node that the application never saw.
fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// When a TaskManager's container was launched: the last line of this file is written just before that.
fn launched(path: &Path) -> Option<f64> {
    let of_task_manager = path.parent().is_some_and(|container| container.join("taskmanager.log").exists());
    if !of_task_manager || !path.ends_with("prelaunch.out") {
        return None;
    }
    let written = path.metadata().ok()?.modified().ok()?;
    Some(written.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs_f64() * 1000.0)
}

/// Milliseconds since the epoch of the first line with this text.
fn first(path: &Path, text: &str) -> Option<f64> {
    let content = fs::read_to_string(path).ok()?;
    content.lines().filter(|line| line.contains(text)).find_map(|line| moment(line).ok())
}

/// `2026-01-31 12:00:00,123` in local time, as log4j writes it, or `2026-01-31T12:00:00.123456Z`.
fn moment(line: &str) -> Result<f64> {
    let stamp = line.split_whitespace().next().context("an empty line")?;
    let timestamp = if stamp.ends_with('Z') {
        stamp.parse::<jiff::Timestamp>()?
    } else {
        let stamp = line.get(..23).context("a short line")?.replace(',', ".");
        stamp.parse::<DateTime>()?.to_zoned(TimeZone::system())?.timestamp()
    };
    #[expect(clippy::cast_precision_loss, reason = "milliseconds")]
    let ms = timestamp.as_microsecond() as f64 / 1000.0;
    Ok(ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_timestamp_formats_are_parsed() {
        let utc = moment("2026-01-31T12:00:00.250000Z  INFO starting").unwrap();
        assert_eq!(utc, 1_769_860_800_250.0);
        let local = moment("2026-01-31 12:00:00,250 INFO  something").unwrap();
        assert!((local - utc).abs() <= 14.0 * 3_600_000.0);
        assert!(moment("no time at all").is_err() && moment("").is_err());
    }
}
