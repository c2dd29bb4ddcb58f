//! Follows an application until it has ended by itself.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::progress;
use serde_json::Value;

use crate::submit::Submitted;

/// Time limit for the end of a word count of a few MB.
const LIMIT: Duration = Duration::from_secs(300);

/// Something that happened, and how long after the command was started.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) at: Duration,
    pub(crate) what: String,
}

/// Shows each change of state, containers and progress; returns all of them once the application has succeeded.
pub(crate) async fn follow(cluster: &Cluster, submitted: &Submitted, begun: Instant) -> Result<Vec<Event>> {
    let id = &submitted.application_id;
    let mut events =
        vec![Event { at: submitted.took, what: format!("{id} submitted, job {}", submitted.job_id) }];
    let mut note = |what: String| {
        let at = begun.elapsed();
        progress::line(&format!("  {:6.1} s  {what}", at.as_secs_f64()));
        events.push(Event { at, what });
    };
    let (mut state, mut containers, mut done) = (String::new(), 0, 0);
    loop {
        let application = cluster.application(id).await?;
        let text = |key: &str| application.get(key).and_then(Value::as_str).unwrap_or_default();
        if text("state") != state {
            state = text("state").to_owned();
            note(format!("application {state}"));
        }
        // -1 once it has ended.
        let running = application.get("runningContainers").and_then(Value::as_i64).unwrap_or_default().max(0);
        if running != containers && matches!(state.as_str(), "ACCEPTED" | "RUNNING") {
            containers = running;
            note(format!("{containers} container{}", if running == 1 { "" } else { "s" }));
        }
        let percent = application.get("progress").and_then(Value::as_f64).unwrap_or_default().round();
        if percent > f64::from(done) {
            // A percentage: between 0 and 100.
            done = percent as i32;
            note(format!("{done} % done"));
        }
        if matches!(state.as_str(), "FINISHED" | "FAILED" | "KILLED") {
            let end = text("finalStatus").to_owned();
            ensure!(end == "SUCCEEDED", "{id} ended {state}, {end}: {}", text("diagnostics"));
            note(format!("final status {end}"));
            return Ok(events);
        }
        ensure!(begun.elapsed() < LIMIT, "{id} is still {state} after {} s", LIMIT.as_secs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until `left` is empty, for as long as a NodeManager needs to end what it was told to end.
pub(crate) async fn until_empty<T: std::fmt::Debug>(
    what: &str,
    mut left: impl FnMut() -> Vec<T>,
) -> Result<()> {
    let begun = Instant::now();
    loop {
        let now = left();
        if now.is_empty() {
            return Ok(());
        }
        ensure!(begun.elapsed() < Duration::from_secs(15), "{what} left: {now:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
