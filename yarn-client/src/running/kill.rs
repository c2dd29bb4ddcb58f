//! Ends applications from outside, and removes what their own master can no longer remove.

use std::time::Duration;

use proto::ids::ApplicationId;

use crate::cluster::{ApplicationError, Gateway, high_availability, journal, place};
use crate::hdfs::FileSystems;
use crate::hdfs::application_dir::ATTEMPT_MARK;
use crate::yarn::{ApplicationReport, KillOutcome};

/// A ResourceManager that has not killed an application by then will hardly do so.
const LIMIT: Duration = Duration::from_secs(60);
/// Limit for reading the journal: it is only informative.
const JOURNAL: Duration = Duration::from_secs(3);

/// A killed application.
#[derive(Debug, Clone)]
pub struct Killed {
    /// The ResourceManager's report before the kill.
    pub report: ApplicationReport,
    /// The outcome of the kill.
    pub outcome: KillOutcome,
    /// The newest checkpoint of its job, if its journal names one.
    pub checkpoint: Option<String>,
    /// Full URI of the staging directory that was removed; `None` if there was none.
    pub removed: Option<String>,
    /// Why the staging directory, if there is one, could not be removed.
    pub not_removed: Option<String>,
}

/// Kills an application, waits until the ResourceManager has ended it, and removes its staging directory. One that has
/// already ended is only cleaned up after.
///
/// The directory is where the application's tag says, or below `bases` (values of `yarn.staging-directory`) or the home
/// directory of the application's user. Failing to remove it is not an error: the application has ended nevertheless.
///
/// # Errors
/// [`ApplicationError::ResourceManager`].
pub async fn kill(
    gateway: &Gateway,
    id: ApplicationId,
    bases: &[String],
) -> Result<Killed, ApplicationError> {
    kill_because(gateway, id, bases, None).await
}

/// Like [`kill`], with a reason for the application's diagnostics.
///
/// # Errors
/// As [`kill`].
pub async fn kill_because(
    gateway: &Gateway,
    id: ApplicationId,
    bases: &[String],
    reason: Option<&str>,
) -> Result<Killed, ApplicationError> {
    let report = gateway.application(id).await?;
    let killed = gateway.resource_manager.kill_within(id, reason, LIMIT).await;
    let outcome = killed.map_err(|error| ApplicationError::of(id, error))?;
    let mut killed = Killed { report, outcome, checkpoint: None, removed: None, not_removed: None };
    match gateway.file_systems() {
        Ok(file_systems) => clean_up(&file_systems, bases, &mut killed).await,
        Err(error) => killed.not_removed = Some(error.to_string()),
    }
    Ok(killed)
}

async fn clean_up(file_systems: &FileSystems, bases: &[String], killed: &mut Killed) {
    for directory in place::directories(file_systems, &killed.report, bases) {
        let (fs, path) = match directory {
            Ok(directory) => directory,
            Err(error) => {
                killed.not_removed = Some(error.to_string());
                continue;
            }
        };
        let noted = journal::newest_checkpoint(file_systems, fs.as_ref(), &path);
        if let Ok(Ok(Some(checkpoint))) = tokio::time::timeout(JOURNAL, noted).await {
            killed.checkpoint = Some(checkpoint);
        }
        match high_availability::remove_application(file_systems, fs.as_ref(), &path).await {
            Ok(true) => killed.removed = Some(fs.uri(&path)),
            Ok(false) => {}
            Err(error) => killed.not_removed = Some(error.to_string()),
        }
    }
}

/// Removes the staging directory of an application that has ended before its master ever started: the master cannot
/// have done it, and there is nothing to resume from. Never fails: what remains is left to `gc`.
///
/// `bases` as for [`kill`].
pub async fn clean_up_unbegun(gateway: &Gateway, report: &ApplicationReport, bases: &[String]) {
    let Ok(file_systems) = gateway.file_systems() else { return };
    if !report.state.is_final() {
        return;
    }
    for directory in place::directories(&file_systems, report, bases) {
        let Ok((fs, path)) = directory else { continue };
        let Ok(entries) = fs.list(&path).await else { continue };
        if entries.iter().any(|entry| entry.name().starts_with(ATTEMPT_MARK)) {
            continue;
        }
        match high_availability::remove_application(&file_systems, fs.as_ref(), &path).await {
            Ok(removed) => tracing::debug!(path, removed, "its master never began"),
            Err(error) => tracing::debug!(path, %error, "its master never began, and its directory stays"),
        }
    }
}
