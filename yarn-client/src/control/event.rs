//! An event of an application as a JSON object: what `events -o json` prints and `/am/events` serves.

use std::borrow::Cow;

use proto::control::Event;
use proto::control::event::What;
use serde::{Deserialize, Serialize};

/// Fields that do not apply to an event are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// Attempt and number, as passed to `--after`.
    pub id: String,
    /// ms since the epoch, by the clock of the application master's node.
    pub time_ms: u64,
    /// What has happened.
    pub event: Cow<'static, str>,
    /// `container_…`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The NodeManager's host, or host:port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The number of TaskManagers wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_managers: Option<u32>,
    /// 32 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Flink's name of the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_state: Option<String>,
    /// The previous state, or the previous number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// The checkpoint's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// The number of the JobManager's start in the attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<u32>,
    /// When tokens end, ms since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_ms: Option<u64>,
    /// A code of `docs/causes.md`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The cause in a sentence.
    #[serde(default, rename = "text", skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl EventView {
    /// Returns `None` for an event that this client does not know.
    #[must_use]
    pub fn new(event: Event) -> Option<Self> {
        let id = event.id?;
        let view =
            Self { id: format!("{}.{}", id.attempt, id.number), time_ms: event.time_ms, ..Self::default() };
        let said = |text: String| Some(text).filter(|text| !text.is_empty());
        Some(match event.what? {
            What::AttemptStarted(it) => Self {
                event: "attempt_started".into(),
                container: Some(it.container),
                node: Some(it.host),
                ..view
            },
            What::Submitted(_) => Self { event: "submitted".into(), ..view },
            What::Localising(_) => Self { event: "localising".into(), ..view },
            What::Registered(_) => Self { event: "registered".into(), ..view },
            What::Requested(it) => {
                Self { event: "requested".into(), task_managers: Some(it.task_managers), ..view }
            }
            What::Allocated(it) => {
                Self { event: "allocated".into(), container: Some(it.container), node: Some(it.node), ..view }
            }
            What::Launched(it) => Self { event: "launched".into(), container: Some(it.container), ..view },
            What::TaskManagerRegistered(it) => {
                Self { event: "task_manager_registered".into(), container: Some(it.container), ..view }
            }
            What::ContainerLost(it) => Self {
                event: if it.was_registered { "task_manager_lost" } else { "container_lost" }.into(),
                container: Some(it.container),
                node: Some(it.node),
                code: said(it.code),
                cause: said(it.cause),
                ..view
            },
            What::Released(it) => Self { event: "released".into(), container: Some(it.container), ..view },
            What::JobManagerStarted(it) => {
                Self { event: "job_manager_started".into(), start: Some(it.start), ..view }
            }
            What::JobManagerEnded(it) => {
                Self { event: "job_manager_ended".into(), cause: said(it.cause), ..view }
            }
            What::JobState(it) => Self {
                event: "job_state".into(),
                job_id: Some(it.job_id),
                job_state: Some(it.state),
                previous: said(it.previous),
                ..view
            },
            What::CheckpointCompleted(it) => Self {
                event: "checkpoint_completed".into(),
                job_id: Some(it.job_id),
                checkpoint: Some(it.path),
                ..view
            },
            What::Scaled(it) => Self {
                event: "scaled".into(),
                previous: Some(it.previous.to_string()),
                task_managers: Some(it.task_managers),
                cause: said(it.cause),
                ..view
            },
            What::TokensRenewed(it) => {
                Self { event: "tokens_renewed".into(), end_ms: Some(it.end_ms), ..view }
            }
            What::TokenRenewalFailed(it) => Self {
                event: "token_renewal_failed".into(),
                end_ms: Some(it.end_ms),
                cause: said(it.cause),
                ..view
            },
            What::Stopping(it) => Self {
                event: "stopping".into(),
                job_state: Some(it.job_state),
                code: said(it.code),
                cause: said(it.cause),
                ..view
            },
        })
    }
}
