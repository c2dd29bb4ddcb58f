//! Ends applications from outside, and removes what their own master can no longer remove.

use std::time::Duration;

use proto::ids::ApplicationId;

use super::error::ApplicationError;
use super::gateway::Gateway;
use super::high_availability::{self, LeftError};
use crate::hdfs::FileSystems;
use crate::hdfs::application_dir::ApplicationDir;
use crate::yarn::{ApplicationReport, KillOutcome};

/// A ResourceManager that has not killed an application by then will hardly do so.
const LIMIT: Duration = Duration::from_secs(60);

/// A killed application.
#[derive(Debug, Clone)]
pub struct Killed {
    /// What the ResourceManager said before the kill.
    pub report: ApplicationReport,
    /// What became of it.
    pub outcome: KillOutcome,
    /// Full URI of the staging directory that was removed; `None` when there was none.
    pub removed: Option<String>,
    /// Why the staging directory, if there is one, could not be removed.
    pub not_removed: Option<String>,
}

/// Kills an application, waits until the ResourceManager has ended it, and removes its staging directory. One that
/// has ended already is only cleaned up after.
///
/// The directory is looked for below `bases` (values of `yarn.staging-directory`) and the home directory of the
/// application's user. That it cannot be removed is no error: the application has ended nevertheless.
///
/// # Errors
/// [`ApplicationError::NotFound`], [`ApplicationError::ResourceManager`].
pub async fn kill(
    gateway: &Gateway,
    id: ApplicationId,
    bases: &[String],
) -> Result<Killed, ApplicationError> {
    kill_because(gateway, id, bases, None).await
}

/// The same with a reason for the application's diagnostics.
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
    let (mut removed, mut not_removed) = (None, None);
    match gateway.file_systems() {
        Ok(file_systems) => {
            for base in bases.iter().map(Some).chain([None]) {
                match remove(&file_systems, base.map(String::as_str), &report).await {
                    Ok(Some(path)) => removed = Some(path),
                    Ok(None) => {}
                    Err(error) => not_removed = Some(error.to_string()),
                }
            }
        }
        Err(error) => not_removed = Some(error.to_string()),
    }
    Ok(Killed { report, outcome, removed, not_removed })
}

async fn remove(
    file_systems: &FileSystems,
    base: Option<&str>,
    report: &ApplicationReport,
) -> Result<Option<String>, LeftError> {
    let (fs, base) = match base {
        Some(base) => file_systems.locate(base)?,
        None => {
            let fs = std::sync::Arc::clone(file_systems.default_fs());
            let home = home_of(fs.home(), &report.user);
            (fs, home)
        }
    };
    let path = ApplicationDir::path_of(&base, &report.id);
    let existed = high_availability::remove_application(file_systems, fs.as_ref(), &path).await?;
    Ok(existed.then(|| fs.uri(&path)))
}

/// Homes lie side by side (`dfs.user.home.dir.prefix`), so another user's is beside our own.
pub(super) fn home_of(own: &str, user: &str) -> String {
    match own.rsplit_once('/') {
        Some((prefix, _)) => format!("{prefix}/{user}"),
        None => own.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn homes_lie_side_by_side() {
        assert_eq!(super::home_of("/user/alice", "alice"), "/user/alice");
        assert_eq!(super::home_of("/user/alice", "bob"), "/user/bob");
    }
}
