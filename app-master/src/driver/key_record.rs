//! The record of a key (`run --key`): the fence before the job, and the outcome after it.

use std::time::Duration;

use proto::launch::{Key, LaunchSpec};
use yarn_client::conf::Configuration;
use yarn_client::hdfs::key_record::{Ended, KeyRecord, Started};
use yarn_client::hdfs::{FileSystems, HdfsError};
use yarn_client::security::User;
use yarn_client::yarn::FinalStatus;

use super::StartError;
use super::container::Container;

/// How long the application's end waits at most for its outcome to be written.
const OUTCOME_LIMIT: Duration = Duration::from_secs(5);

/// Passes the fence of the key, if the application has one: of all submissions ever made with a key, only one may run
/// its job. Attempts of one submission count as one.
///
/// # Errors
/// [`StartError::KeyTaken`]; [`StartError::Staging`] if HDFS does not answer, since the job might run twice.
pub(super) async fn mark_started(
    conf: &Configuration,
    spec: &LaunchSpec,
    container: &Container,
) -> Result<(), StartError> {
    let Some(key) = &spec.key else { return Ok(()) };
    let started = Started {
        application_id: container.id.attempt.application.to_string(),
        submission: key.submission.clone(),
        program: key.program.clone(),
    };
    match record(conf, spec, key, container)?.start(&started).await? {
        Ok(()) => Ok(()),
        Err(other) => Err(StartError::KeyTaken { application: other.application_id }),
    }
}

/// Writes how the application ends, for clients that ask after YARN has forgotten it.
pub(super) async fn write_outcome(
    conf: &Configuration,
    spec: &LaunchSpec,
    container: &Container,
    status: FinalStatus,
    diagnostics: &str,
) {
    let Some(key) = &spec.key else { return };
    let ended = Ended {
        application_id: container.id.attempt.application.to_string(),
        final_status: status.to_string(),
        diagnostics: diagnostics.to_owned(),
    };
    let write = async { record(conf, spec, key, container)?.end(ended).await };
    match tokio::time::timeout(OUTCOME_LIMIT, write).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!("writing the outcome to {}: {error}", key.directory),
        Err(_) => tracing::warn!("writing the outcome to {}: no answer", key.directory),
    }
}

fn record(
    conf: &Configuration,
    spec: &LaunchSpec,
    key: &Key,
    container: &Container,
) -> Result<KeyRecord, HdfsError> {
    let (fs, path) = FileSystems::connect(conf, &User::new(spec.user.clone()))?.locate(&key.directory)?;
    // Two attempts may be alive for a moment, so each has its own temporary files.
    Ok(KeyRecord::open(fs, path, &container.id.to_string()))
}
