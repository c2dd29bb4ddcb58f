//! One event of an application, as a line for people and as a JSON object.

use proto::control::Event;
use proto::control::event::What;
use serde::Serialize;

use crate::render::clock;

/// Keys that an event has nothing for are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct EventView {
    /// Attempt and number: what `--after` takes.
    pub(crate) id: String,
    pub(crate) time_ms: u64,
    pub(crate) event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) container: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) task_managers: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) previous: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) checkpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) start: Option<u32>,
    /// A code of `docs/causes.md`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cause: Option<String>,
}

impl EventView {
    /// `None` for an event that this client does not know.
    pub(crate) fn new(event: Event) -> Option<Self> {
        let id = event.id?;
        let view =
            Self { id: format!("{}.{}", id.attempt, id.number), time_ms: event.time_ms, ..Self::default() };
        let said = |text: String| Some(text).filter(|text| !text.is_empty());
        Some(match event.what? {
            What::AttemptStarted(it) => {
                Self { event: "attempt_started", container: Some(it.container), node: Some(it.host), ..view }
            }
            What::Submitted(_) => Self { event: "submitted", ..view },
            What::Registered(_) => Self { event: "registered", ..view },
            What::Requested(it) => Self { event: "requested", task_managers: Some(it.task_managers), ..view },
            What::Allocated(it) => {
                Self { event: "allocated", container: Some(it.container), node: Some(it.node), ..view }
            }
            What::Launched(it) => Self { event: "launched", container: Some(it.container), ..view },
            What::TaskManagerRegistered(it) => {
                Self { event: "task_manager_registered", container: Some(it.container), ..view }
            }
            What::ContainerLost(it) => Self {
                event: if it.was_registered { "task_manager_lost" } else { "container_lost" },
                container: Some(it.container),
                node: Some(it.node),
                code: said(it.code),
                cause: said(it.cause),
                ..view
            },
            What::Released(it) => Self { event: "released", container: Some(it.container), ..view },
            What::JobManagerStarted(it) => {
                Self { event: "job_manager_started", start: Some(it.start), ..view }
            }
            What::JobManagerEnded(it) => Self { event: "job_manager_ended", cause: said(it.cause), ..view },
            What::JobState(it) => Self {
                event: "job_state",
                job_id: Some(it.job_id),
                job_state: Some(it.state),
                previous: said(it.previous),
                ..view
            },
            What::CheckpointCompleted(it) => Self {
                event: "checkpoint_completed",
                job_id: Some(it.job_id),
                checkpoint: Some(it.path),
                ..view
            },
            What::Scaled(it) => Self {
                event: "scaled",
                previous: Some(it.previous.to_string()),
                task_managers: Some(it.task_managers),
                cause: said(it.cause),
                ..view
            },
            What::Stopping(it) => {
                Self { event: "stopping", job_state: Some(it.job_state), cause: said(it.cause), ..view }
            }
        })
    }

    /// `13:04:05.123  task_manager_lost  container_… on host:port: was preempted [preempted]`
    pub(crate) fn text(&self) -> String {
        let mut words = Vec::new();
        if self.job_id.is_none() {
            words.extend(self.previous.as_ref().map(|previous| format!("{previous} ->")));
        }
        words.extend(self.start.filter(|start| *start > 1).map(|start| format!("start {start}")));
        words.extend(self.task_managers.map(|count| format!("{count} TaskManagers wanted")));
        words.extend(self.container.clone());
        words.extend(self.node.as_ref().map(|node| format!("on {node}")));
        if let Some(job_id) = &self.job_id {
            words.push(job_id.clone());
            words.extend(self.previous.as_ref().map(|previous| format!("{previous} ->")));
        }
        words.extend(self.job_state.clone());
        words.extend(self.checkpoint.clone());
        let mut text = format!("{}  {:<24} {}", clock(self.time_ms), self.event, words.join(" "));
        if let Some(cause) = &self.cause {
            let first = cause.lines().next().unwrap_or_default();
            text = format!("{}: {first}", text.trim_end());
        }
        if let Some(code) = &self.code {
            text.push_str(&format!(" [{code}]"));
        }
        text.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use proto::control::{ContainerLost, EventId, JobState};

    use super::*;

    fn event(what: What) -> Event {
        Event { id: Some(EventId { attempt: 2, number: 17 }), time_ms: 1_700_000_000_123, what: Some(what) }
    }

    #[test]
    fn a_lost_task_manager() {
        let lost = ContainerLost {
            container: "container_1".to_owned(),
            node: "n1:8041".to_owned(),
            cause: "was preempted by the scheduler\nmore".to_owned(),
            code: "preempted".to_owned(),
            was_registered: true,
        };
        let view = EventView::new(event(What::ContainerLost(lost))).expect("known");
        let text = view.text();
        let (time, said) = text.split_once("  ").expect("a time");
        assert!(time.ends_with(".123"), "{time}");
        assert_eq!(
            said,
            "task_manager_lost        container_1 on n1:8041: was preempted by the scheduler [preempted]"
        );
        let json = serde_json::to_value(&view).expect("serialises");
        assert_eq!(json["id"], "2.17");
        assert_eq!(json["code"], "preempted");
        assert_eq!(json.get("job_id"), None);
    }

    #[test]
    fn a_job_seen_for_the_first_time_has_no_previous_state() {
        let state =
            JobState { job_id: "ab".to_owned(), state: "RUNNING".to_owned(), previous: String::new() };
        let text = EventView::new(event(What::JobState(state))).expect("known").text();
        assert!(text.ends_with("job_state                ab RUNNING"), "{text}");
    }
}
