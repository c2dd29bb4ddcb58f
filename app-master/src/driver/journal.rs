//! The format of the journal in the staging directory: JSON, so that people can read it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use yarn_client::cause::Cause;
use yarn_client::flink::JobStatus;

use crate::machine::{CheckpointsView, Journal, Outcome};

#[derive(Serialize, Deserialize)]
struct Stored {
    job_seen: bool,
    /// Absent while unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checkpoints: Option<Checkpoints>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task_managers: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop_after: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<End>,
}

#[derive(Serialize, Deserialize)]
struct Checkpoints {
    on: bool,
    completed: bool,
    newest: Option<String>,
    /// Whether those of a cancelled job are retained; absent while unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct End {
    job_state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    job_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<Cause>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// Missing in journals of older versions.
    #[serde(default)]
    settled: bool,
}

pub(crate) fn encode(journal: &Journal) -> Bytes {
    let stored = Stored {
        job_seen: journal.job_seen,
        checkpoints: journal.checkpoints.as_ref().map(|checkpoints| match checkpoints {
            CheckpointsView::Off => Checkpoints { on: false, completed: false, newest: None, kept: None },
            CheckpointsView::On { completed, path, kept } => {
                Checkpoints { on: true, completed: *completed, newest: path.clone(), kept: *kept }
            }
        }),
        task_managers: journal.scaled,
        stop_after: journal.stop_after.clone(),
        outcome: journal.outcome.as_ref().map(|outcome| End {
            job_state: outcome.job.name().to_owned(),
            job_id: outcome.of.clone(),
            cause: outcome.cause.clone(),
            notes: outcome.notes.clone(),
            settled: outcome.settled,
        }),
    };
    // Strings, booleans and options always serialise.
    serde_json::to_vec(&stored).unwrap_or_default().into()
}

/// # Errors
/// The content is not a journal.
pub(crate) fn decode(content: &[u8]) -> Result<Journal, serde_json::Error> {
    let stored: Stored = serde_json::from_slice(content)?;
    let outcome = match stored.outcome {
        None => None,
        Some(end) => {
            let job: JobStatus = end.job_state.parse().map_err(serde::de::Error::custom)?;
            Some(Outcome { job, of: end.job_id, cause: end.cause, notes: end.notes, settled: end.settled })
        }
    };
    Ok(Journal {
        job_seen: stored.job_seen,
        checkpoints: stored.checkpoints.map(|checkpoints| {
            if checkpoints.on {
                CheckpointsView::On {
                    completed: checkpoints.completed,
                    path: checkpoints.newest,
                    kept: checkpoints.kept,
                }
            } else {
                CheckpointsView::Off
            }
        }),
        scaled: stored.task_managers,
        stop_after: stored.stop_after,
        outcome,
    })
}
