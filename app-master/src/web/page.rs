//! What `/am/` serves: one page, and the data for it and for Prometheus.

use std::fmt::Write as _;

use proto::control::{ContainerState, StatusReply};
use serde::Serialize;
use yarn_client::control::EventView;

use crate::control::events::Events;

/// The page. It fetches everything it shows relative to itself, so that it works below any proxy.
pub(super) const PAGE: &str = include_str!("am.html");

/// The current state of everything, as JSON.
#[derive(Debug, Serialize)]
pub(super) struct StatusView<'a> {
    application_id: &'a str,
    user: &'a str,
    attempt: u32,
    stopping: bool,
    task_managers_wanted: u32,
    slots_per_task_manager: u32,
    /// Why there are fewer; empty if there is nothing to explain.
    waiting: &'a str,
    /// A code from `docs/causes.md`, if waiting alone may not help.
    waiting_code: Option<&'a str>,
    waiting_hint: Option<&'a str>,
    /// When the tokens for HDFS end; `null` on a cluster without security.
    tokens_end_ms: Option<u64>,
    /// Whether they are replaced before that.
    tokens_renewed: Option<bool>,
    /// Why the last attempt to do that has failed.
    tokens_failure: Option<&'a str>,
    session: Option<SessionView<'a>>,
    jobs: Vec<JobView<'a>>,
    containers: Vec<ContainerView<'a>>,
}

#[derive(Debug, Serialize)]
struct SessionView<'a> {
    min_task_managers: u32,
    /// `null`: as many as its jobs need.
    max_task_managers: Option<u32>,
    idle_timeout_ms: Option<u64>,
    stop_after_job: &'a str,
}

#[derive(Debug, Serialize)]
struct JobView<'a> {
    job_id: &'a str,
    job_state: &'a str,
    slots_needed: Option<u32>,
    tasks_total: u32,
    tasks_active: u32,
    tasks_finished: u32,
    checkpoint: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct ContainerView<'a> {
    container: &'a str,
    node: &'a str,
    state: &'static str,
    slots: u32,
    free_slots: u32,
    /// Its logs on its node, while it runs.
    logs: Option<String>,
}

fn name(state: ContainerState) -> &'static str {
    match state {
        ContainerState::Launching => "launching",
        ContainerState::Started => "started",
        ContainerState::Registered => "registered",
        ContainerState::Stopping => "stopping",
        ContainerState::Unspecified => "unknown",
    }
}

impl<'a> StatusView<'a> {
    pub(super) fn new(application_id: &'a str, user: &'a str, status: &'a StatusReply) -> Self {
        let some = |text: &'a str| Some(text).filter(|text| !text.is_empty());
        Self {
            application_id,
            user,
            attempt: status.attempt,
            stopping: status.stopping,
            task_managers_wanted: status.task_managers_wanted,
            slots_per_task_manager: status.slots_per_task_manager,
            waiting: &status.waiting,
            waiting_code: some(&status.waiting_code),
            waiting_hint: some(&status.waiting_hint),
            tokens_end_ms: status.tokens.as_ref().map(|tokens| tokens.end_ms),
            tokens_renewed: status.tokens.as_ref().map(|tokens| tokens.renewed),
            tokens_failure: status.tokens.as_ref().and_then(|tokens| some(&tokens.failure)),
            session: status.session.as_ref().map(|session| SessionView {
                min_task_managers: session.min_task_managers,
                max_task_managers: Some(session.max_task_managers).filter(|most| *most < u32::MAX),
                idle_timeout_ms: session.idle_timeout_ms,
                stop_after_job: &session.stop_after_job,
            }),
            jobs: status
                .jobs
                .iter()
                .map(|job| JobView {
                    job_id: &job.id,
                    job_state: &job.state,
                    slots_needed: job.slots_needed,
                    tasks_total: job.tasks_total,
                    tasks_active: job.tasks_active,
                    tasks_finished: job.tasks_finished,
                    checkpoint: some(&job.checkpoint),
                })
                .collect(),
            containers: status
                .containers
                .iter()
                .map(|container| ContainerView {
                    container: &container.id,
                    node: &container.node,
                    state: name(container.state()),
                    slots: container.slots,
                    free_slots: container.free_slots,
                    logs: some(&container.http_address)
                        .map(|node| format!("http://{node}/node/containerlogs/{}/{user}", container.id)),
                })
                .collect(),
        }
    }
}

/// All events that are kept, oldest first, with the keys of `yarn-flink events -o json`.
pub(super) fn events(events: &Events) -> Vec<EventView> {
    events.all().into_iter().filter_map(EventView::new).collect()
}

/// The metrics in Prometheus' text format, version 0.0.4. `resident` is in bytes, if the operating system provides it.
pub(super) fn metrics(status: &StatusReply, last_event: u64, resident: Option<u64>) -> String {
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, values: &[(String, u64)]| {
        let _ = writeln!(text, "# HELP yarn_flink_{name} {help}\n# TYPE yarn_flink_{name} gauge");
        for (labels, value) in values {
            let _ = writeln!(text, "yarn_flink_{name}{labels} {value}");
        }
    };
    let one = |value: u64| [(String::new(), value)];
    gauge("attempt", "Attempt of the application.", &one(status.attempt.into()));
    gauge("task_managers_wanted", "Target number of TaskManagers.", &one(status.task_managers_wanted.into()));
    let states = [
        ContainerState::Launching,
        ContainerState::Started,
        ContainerState::Registered,
        ContainerState::Stopping,
    ];
    let containers: Vec<_> = states
        .into_iter()
        .map(|state| {
            let count = status.containers.iter().filter(|container| container.state() == state).count();
            (format!("{{state=\"{}\"}}", name(state)), count as u64)
        })
        .collect();
    gauge("containers", "TaskManager containers by state.", &containers);
    let slots: u64 = status.containers.iter().map(|container| u64::from(container.slots)).sum();
    let free: u64 = status.containers.iter().map(|container| u64::from(container.free_slots)).sum();
    gauge("slots", "Slots of registered TaskManagers.", &one(slots));
    gauge("slots_free", "Free slots of registered TaskManagers.", &one(free));
    let mut jobs = std::collections::BTreeMap::<&str, u64>::new();
    for job in &status.jobs {
        *jobs.entry(&job.state).or_default() += 1;
    }
    let jobs: Vec<_> =
        jobs.into_iter().map(|(state, count)| (format!("{{state=\"{state}\"}}"), count)).collect();
    gauge("jobs", "Jobs by state.", &jobs);
    gauge("stopping", "1 while the application is ending.", &one(status.stopping.into()));
    gauge(
        "waiting",
        "1 while there are fewer TaskManagers than the target.",
        &one((!status.waiting.is_empty()).into()),
    );
    if let Some(tokens) = &status.tokens {
        gauge(
            "tokens_end_seconds",
            "When the tokens for HDFS end, since the epoch.",
            &one(tokens.end_ms / 1000),
        );
        let failing = !tokens.failure.is_empty();
        gauge("tokens_failing", "1 while these tokens cannot be renewed.", &one(failing.into()));
    }
    if let Some(resident) = resident {
        gauge(
            "resident_memory_bytes",
            "Resident memory of the application master's process.",
            &one(resident),
        );
    }
    let _ = writeln!(
        text,
        "# HELP yarn_flink_events_total Events of this attempt.\n# TYPE yarn_flink_events_total counter\n\
         yarn_flink_events_total {last_event}"
    );
    text
}

#[cfg(test)]
mod tests {
    use proto::control::{Container, Job};

    use super::*;

    fn status() -> StatusReply {
        StatusReply {
            attempt: 2,
            task_managers_wanted: 3,
            jobs: vec![Job { id: "ab".to_owned(), state: "RUNNING".to_owned(), ..Job::default() }],
            containers: vec![Container {
                id: "container_1".to_owned(),
                node: "n1:8041".to_owned(),
                state: ContainerState::Registered.into(),
                slots: 2,
                free_slots: 1,
                http_address: "n1:8042".to_owned(),
            }],
            ..StatusReply::default()
        }
    }

    #[test]
    fn status_links_to_logs() {
        let status = status();
        let view = StatusView::new("application_1_0001", "alice", &status);
        let json = serde_json::to_value(view).expect("serialises");
        assert_eq!(json["containers"][0]["state"], "registered");
        assert_eq!(json["containers"][0]["logs"], "http://n1:8042/node/containerlogs/container_1/alice");
        assert_eq!(json["jobs"][0]["checkpoint"], serde_json::Value::Null);
    }

    #[test]
    fn metrics_name_every_state() {
        let text = metrics(&status(), 17, Some(1024));
        for line in [
            "yarn_flink_attempt 2",
            "yarn_flink_containers{state=\"registered\"} 1",
            "yarn_flink_containers{state=\"launching\"} 0",
            "yarn_flink_slots_free 1",
            "yarn_flink_jobs{state=\"RUNNING\"} 1",
            "yarn_flink_resident_memory_bytes 1024",
            "yarn_flink_events_total 17",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in\n{text}");
        }
        for line in text.lines() {
            assert!(line.starts_with("# ") || line.split(' ').count() == 2, "{line}");
        }
    }
}
