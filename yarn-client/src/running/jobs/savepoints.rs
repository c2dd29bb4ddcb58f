//! Savepoints: creating them, stopping with them, and removing them.

use std::time::Duration;

use tokio::time::Instant;

use super::{Conversation, Heard, PAUSE};
use crate::cluster::{ApplicationError, Gateway, JobError, Live};
use crate::flink::failure::Failure;
use crate::flink::rest::{Format, Operation, RestError, StopWithSavepoint, Written};
use crate::yarn::ApplicationReport;

/// Pause between two checks of how much is written; Flink's own numbers are up to three seconds old (`web.refresh-interval`).
const LOOK: Duration = Duration::from_secs(1);

/// Is notified how much of a savepoint is written, whenever that has changed.
pub type OnProgress<'a> = dyn FnMut(Written) + Send + 'a;

/// Stops a job with a savepoint. Returns the savepoint's path.
///
/// # Errors
/// [`JobError::Operation`], [`JobError::Rest`].
pub async fn stop(
    gateway: &Gateway,
    live: &Live,
    job: &str,
    stop: &StopWithSavepoint,
    on_progress: &mut OnProgress<'_>,
) -> Result<String, ApplicationError> {
    let asked = Asked { job, directory: stop.target_directory.as_deref() };
    let begun = live.flink.begin_stop(job, stop).await;
    let operation = begun.map_err(|error| refused(live, asked, error))?;
    savepoint_path(gateway, live, asked, &operation, on_progress).await
}

/// Creates a savepoint of a running job. Returns its path.
///
/// # Errors
/// [`JobError::Operation`], [`JobError::Rest`].
pub async fn savepoint(
    gateway: &Gateway,
    live: &Live,
    job: &str,
    directory: Option<&str>,
    format: Format,
    on_progress: &mut OnProgress<'_>,
) -> Result<String, ApplicationError> {
    let asked = Asked { job, directory };
    let begun = live.flink.begin_savepoint(job, directory, format).await;
    let operation = begun.map_err(|error| refused(live, asked, error))?;
    savepoint_path(gateway, live, asked, &operation, on_progress).await
}

/// Removes a savepoint.
///
/// # Errors
/// [`JobError::Operation`], [`JobError::Rest`].
pub async fn dispose(gateway: &Gateway, live: &Live, path: &str) -> Result<(), ApplicationError> {
    let operation = live.flink.begin_disposal(path).await.map_err(|error| live.flink_error(error))?;
    let what = || format!("disposing of the savepoint {path}");
    let mut conversation = Conversation::new(gateway, live);
    loop {
        let answer = conversation.live.flink.disposal(&operation).await;
        match conversation.hear(answer).await? {
            Heard::Answer(Operation::Completed { .. }) => return Ok(()),
            Heard::Answer(Operation::Failed(failure)) => {
                return Err(
                    JobError::Operation { what: what(), failure: Box::new(failure), hint: None }.into()
                );
            }
            Heard::Answer(Operation::InProgress) | Heard::Nothing => {}
            Heard::Unknown => return Err(forgotten(what())),
            Heard::Ended(report) => return Err(unheard(what(), &report)),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A requested savepoint.
#[derive(Clone, Copy)]
struct Asked<'a> {
    job: &'a str,
    directory: Option<&'a str>,
}

async fn savepoint_path(
    gateway: &Gateway,
    live: &Live,
    asked: Asked<'_>,
    operation: &str,
    on_progress: &mut OnProgress<'_>,
) -> Result<String, ApplicationError> {
    let job = asked.job;
    let mut conversation = Conversation::new(gateway, live);
    let (mut looked, mut last) = (Instant::now(), None);
    loop {
        let answer = conversation.live.flink.savepoint(job, operation).await;
        match conversation.hear(answer).await? {
            Heard::Answer(Operation::Completed { location }) => return Ok(location.unwrap_or_default()),
            Heard::Answer(Operation::Failed(failure)) => return Err(failed(asked, failure)),
            Heard::Answer(Operation::InProgress) | Heard::Nothing => {}
            Heard::Unknown => return Err(forgotten(savepoint_of(job))),
            Heard::Ended(report) => return Err(unheard(savepoint_of(job), &report)),
        }
        if looked.elapsed() > LOOK {
            looked = Instant::now();
            // Progress only: the outcome is requested separately.
            let written =
                conversation.live.flink.checkpoints(job).await.ok().and_then(|it| it.savepoint_written);
            if let Some(written) = written.filter(|written| last != Some(*written)) {
                last = Some(written);
                on_progress(written);
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn savepoint_of(job: &str) -> String {
    format!("the savepoint of job {job}")
}

/// A new JobManager knows nothing of what its predecessor was doing.
fn forgotten(what: String) -> ApplicationError {
    let failure = Failure::from_trace("its JobManager was restarted in the meantime");
    let hint = Some("try again once the job is running".to_owned());
    ApplicationError::Job(JobError::Operation { what, failure: Box::new(failure), hint })
}

fn unheard(what: String, report: &ApplicationReport) -> ApplicationError {
    let text = format!("{} ended ({}) before its result could be read", report.id, report.state);
    let hint = Some("check its directory, as it may be complete nevertheless".to_owned());
    ApplicationError::Job(JobError::Operation { what, failure: Box::new(Failure::from_trace(&text)), hint })
}

fn refused(live: &Live, asked: Asked<'_>, error: RestError) -> ApplicationError {
    match error {
        RestError::Status { detail, status: 400..=499, .. } => failed(asked, Failure::from_trace(&detail)),
        other => live.flink_error(other),
    }
}

fn failed(asked: Asked<'_>, failure: Failure) -> ApplicationError {
    // `SavepointHandlers`, `AbstractFsCheckpointStorageAccess`, `CheckpointFailureReason.NOT_ALL_REQUIRED_TASKS_RUNNING`.
    let says = |words: &[&str]| words.iter().any(|words| failure.detail.contains(words));
    let hint = match asked.directory {
        _ if says(&["Not all required tasks are currently running"]) => {
            Some("wait until all of its tasks are running (see `yarn-flink status ID`)".to_owned())
        }
        None if says(&["target-directory", "targetDirectory", "savepoint directory"]) => {
            Some("name a directory with `-p DIR`, or set `execution.checkpointing.savepoint-dir`".to_owned())
        }
        Some(directory) if says(&["savepoint directory", "Permission denied", "could not be created"]) => {
            Some(format!(
                "check that the application's user may write below {directory}, or name another directory"
            ))
        }
        _ => None,
    };
    ApplicationError::Job(JobError::Operation {
        what: savepoint_of(asked.job),
        failure: Box::new(failure),
        hint,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_named_a_directory_is_not_told_to_name_one() {
        let hint = |directory, text: &str| {
            failed(Asked { job: "a", directory }, Failure::from_trace(text)).hint().unwrap_or_default()
        };
        let unset =
            "Config key [state.savepoints.dir] is not set. Property [target-directory] must be provided.";
        assert!(hint(None, unset).contains("-p DIR"));
        let failed = "java.io.IOException: Failed to create savepoint directory at hdfs://nn/root";
        assert!(hint(None, failed).contains("-p DIR"));
        let named = hint(Some("hdfs://nn/root"), failed);
        assert!(!named.contains("-p") && named.contains("write below hdfs://nn/root"), "{named}");
        let tasks =
            "Checkpoint triggering task of job is not running. Not all required tasks are currently running.";
        assert!(hint(Some("hdfs://nn/sp"), tasks).starts_with("wait until"));
        assert_eq!(hint(Some("hdfs://nn/sp"), "Checkpoint expired before completing."), "");
    }
}
