//! Occurrences as lines of the application master's own log.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use crate::machine::Occurrence;

/// Checkpoints complete every few seconds for months: there is one line for all those within this time.
const CHECKPOINTS: Duration = Duration::from_secs(300);
/// The beginning of that year, ms since the epoch.
const YEAR_9999: u64 = 253_370_764_800_000;

impl fmt::Display for Occurrence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registered => f.write_str("registered with the ResourceManager"),
            Self::Requested { task_managers: 1 } => f.write_str("requested 1 TaskManager in total"),
            Self::Requested { task_managers } => write!(f, "requested {task_managers} TaskManagers in total"),
            Self::Allocated { id, node } => write!(f, "{id} allocated on {node}"),
            Self::Launched(id) => write!(f, "{id} launched"),
            Self::TaskManagerRegistered(id) => write!(f, "TaskManager {id} registered"),
            Self::ContainerLost { id, node, cause, registered, .. } => {
                let what = if *registered { "TaskManager " } else { "" };
                write!(f, "{what}{id} on {node} lost: {cause}")
            }
            Self::Released(id) => write!(f, "{id} released"),
            Self::JobManagerStarted { start: 1 } => f.write_str("JobManager started"),
            Self::JobManagerStarted { start } => write!(f, "JobManager started ({} time)", Ordinal(*start)),
            Self::JobManagerEnded { exit, cause } => {
                write!(f, "JobManager ended {exit}")?;
                tail(f, cause.as_deref())
            }
            Self::JobState { job_id, status, previous: None } => write!(f, "job {job_id} {status}"),
            Self::JobState { job_id, status, previous: Some(previous) } => {
                write!(f, "job {job_id} {status} (was {previous})")
            }
            Self::CheckpointCompleted { job_id, path } => write!(f, "job {job_id} checkpoint {path}"),
            Self::Scaled { previous, task_managers, cause } => {
                write!(f, "scaled {previous} -> {task_managers}: {cause}")
            }
            Self::TokensRenewed { end_ms } => {
                write!(f, "new tokens, which end on {}", Utc(*end_ms))
            }
            Self::TokenRenewalFailed { cause, end_ms } => {
                write!(f, "tokens cannot be renewed, and end on {}", Utc(*end_ms))?;
                tail(f, Some(cause))
            }
            Self::Stopping { job, cause, .. } => {
                write!(f, "ending: {job}")?;
                tail(f, cause.as_deref())
            }
        }
    }
}

/// A time of day, from ms since the epoch.
struct Utc(u64);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = UNIX_EPOCH.checked_add(Duration::from_millis(self.0));
        // The formatter knows years of four digits only.
        match time.filter(|_| self.0 < YEAR_9999) {
            Some(time) => httpdate::HttpDate::from(time).fmt(f),
            None => write!(f, "day {}", self.0 / 86_400_000),
        }
    }
}

/// The first line of a cause: the others are in the diagnostics.
fn tail(f: &mut fmt::Formatter<'_>, cause: Option<&str>) -> fmt::Result {
    match cause.and_then(|cause| cause.lines().next()) {
        Some(line) => write!(f, ": {line}"),
        None => Ok(()),
    }
}

struct Ordinal(u32);

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ending = match (self.0 % 10, self.0 % 100) {
            (_, 11..=13) => "th",
            (1, _) => "st",
            (2, _) => "nd",
            (3, _) => "rd",
            _ => "th",
        };
        write!(f, "{}{ending}", self.0)
    }
}

/// Chooses what the log shows.
#[derive(Debug, Default)]
pub struct Telling {
    /// When a checkpoint was last logged.
    checkpoint: Option<Duration>,
}

impl Telling {
    /// The line for what has happened, if it is worth one.
    pub fn line(&mut self, occurrence: &Occurrence, now: Duration) -> Option<String> {
        if matches!(occurrence, Occurrence::CheckpointCompleted { .. }) {
            if self.checkpoint.is_some_and(|told| now < told + CHECKPOINTS) {
                return None;
            }
            self.checkpoint = Some(now);
        }
        Some(occurrence.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proto::ids::{ApplicationAttemptId, ApplicationId, ContainerId, NodeId};
    use yarn_client::flink::JobStatus;

    use super::*;
    use crate::machine::Exit;

    #[test]
    fn each_occurrence_is_logged_as_one_line() {
        let application = ApplicationId { cluster_timestamp: 1_700_000_000_000, id: 7 };
        let id = ContainerId { attempt: ApplicationAttemptId { application, attempt: 1 }, id: 2 };
        let node = NodeId { host: "n1".to_owned(), port: 8041 };
        let container = "container_1700000000000_0007_01_000002";
        let job_id = "ab".repeat(16);
        let lost = |registered| Occurrence::ContainerLost {
            id,
            node: node.clone(),
            cause: "exit code 137".to_owned(),
            code: None,
            registered,
        };
        let state =
            |previous| Occurrence::JobState { job_id: job_id.clone(), status: JobStatus::Running, previous };
        let two = Some("first\nsecond".to_owned());
        for (occurrence, line) in [
            (Occurrence::Registered, "registered with the ResourceManager".to_owned()),
            (Occurrence::Requested { task_managers: 3 }, "requested 3 TaskManagers in total".to_owned()),
            (Occurrence::Requested { task_managers: 1 }, "requested 1 TaskManager in total".to_owned()),
            (Occurrence::Allocated { id, node: node.clone() }, format!("{container} allocated on n1:8041")),
            (Occurrence::Launched(id), format!("{container} launched")),
            (Occurrence::TaskManagerRegistered(id), format!("TaskManager {container} registered")),
            (lost(true), format!("TaskManager {container} on n1:8041 lost: exit code 137")),
            (lost(false), format!("{container} on n1:8041 lost: exit code 137")),
            (Occurrence::Released(id), format!("{container} released")),
            (Occurrence::JobManagerStarted { start: 1 }, "JobManager started".to_owned()),
            (Occurrence::JobManagerStarted { start: 2 }, "JobManager started (2nd time)".to_owned()),
            (Occurrence::JobManagerStarted { start: 112 }, "JobManager started (112th time)".to_owned()),
            (
                Occurrence::JobManagerEnded { exit: Exit::Signal(9), cause: None },
                "JobManager ended by signal 9".to_owned(),
            ),
            (
                Occurrence::JobManagerEnded { exit: Exit::Code(2), cause: two.clone() },
                "JobManager ended with exit code 2: first".to_owned(),
            ),
            (state(None), format!("job {job_id} RUNNING")),
            (state(Some(JobStatus::Created)), format!("job {job_id} RUNNING (was CREATED)")),
            (
                Occurrence::CheckpointCompleted { job_id: job_id.clone(), path: "hdfs:/c/chk-1".to_owned() },
                format!("job {job_id} checkpoint hdfs:/c/chk-1"),
            ),
            (
                Occurrence::Scaled { previous: 2, task_managers: 4, cause: "asked to".to_owned() },
                "scaled 2 -> 4: asked to".to_owned(),
            ),
            (
                Occurrence::Stopping { job: JobStatus::Failed, cause: two, code: None },
                "ending: FAILED: first".to_owned(),
            ),
            (
                Occurrence::Stopping { job: JobStatus::Finished, cause: None, code: None },
                "ending: FINISHED".to_owned(),
            ),
        ] {
            assert_eq!(occurrence.to_string(), line);
        }
    }

    #[test]
    fn checkpoints_are_logged_at_intervals() {
        let mut telling = Telling::default();
        let checkpoint = Occurrence::CheckpointCompleted { job_id: String::new(), path: "p".to_owned() };
        let told: Vec<u64> =
            (0..700).filter(|at| telling.line(&checkpoint, Duration::from_secs(*at)).is_some()).collect();
        assert_eq!(told, [0, 300, 600]);
        assert!(telling.line(&Occurrence::Registered, Duration::from_secs(601)).is_some());
    }
}
