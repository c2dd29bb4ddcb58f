//! Removes what applications have left that YARN reports ended: staging directories, which only a killed or crashed
//! application master leaves, and old records of `run --key`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proto::ids::ApplicationId;

use super::error::ApplicationError;
use super::gateway::Gateway;
use crate::hdfs::application_dir::ApplicationDir;
use crate::hdfs::key_record::KeyRecord;
use crate::hdfs::{FileStatus, FileSystem};
use crate::yarn::{ApplicationFilter, ApplicationState};

/// A client makes the directory before the ResourceManager hears of the application, and may upload for a while.
const SUBMISSION: Duration = Duration::from_secs(3600);

/// What to look for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only say what would be removed.
    pub dry_run: bool,
    /// Look into the home directories of all users, as far as permitted.
    pub all_users: bool,
    /// Also directories of applications that this ResourceManager cannot have known: they may belong to another cluster
    /// with the same file system.
    pub unknown: bool,
    /// Records of keys stay for this long.
    pub keep_keys: Duration,
}

/// What a thing that is left belonged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Files of one application.
    Staging,
    /// The record of a key.
    Key,
}

/// Why it may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The application has ended.
    Ended,
    /// The ResourceManager had this application, and has forgotten it since: it ended long ago.
    Forgotten,
    /// The ResourceManager has never heard of it.
    Unknown,
    /// The application has ended, and its key need not be remembered any more.
    Expired,
}

/// One thing that was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Full URI.
    pub uri: String,
    /// What it is.
    pub kind: Kind,
    /// Whose it was.
    pub application: ApplicationId,
    /// Why it may go.
    pub reason: Reason,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Collected {
    /// What is gone now, or would be.
    pub removed: Vec<Removed>,
    /// Number of things that stay.
    pub kept: usize,
    /// What could not be read or removed, with the reason.
    pub failed: Vec<(String, String)>,
}

/// How the application behind something stands with the ResourceManager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Live,
    Ended,
    /// Not known, though ids of the same ResourceManager are.
    Forgotten,
    Unknown,
}

/// Whether a thing may go.
fn decide(kind: Kind, life: Life, age: Duration, options: &Options) -> Option<Reason> {
    match (kind, life) {
        (_, Life::Live) => None,
        (Kind::Key, Life::Unknown) if !options.unknown => None,
        (Kind::Key, _) => (age > options.keep_keys).then_some(Reason::Expired),
        (Kind::Staging, Life::Ended) => Some(Reason::Ended),
        (Kind::Staging, Life::Forgotten) => (age > SUBMISSION).then_some(Reason::Forgotten),
        (Kind::Staging, Life::Unknown) => (options.unknown && age > SUBMISSION).then_some(Reason::Unknown),
    }
}

/// Looks below the home directory and below `bases` (values of `yarn.staging-directory`). Nothing of an application that
/// the ResourceManager reports live is touched, and nothing at all when it does not answer.
///
/// # Errors
/// [`ApplicationError::ResourceManager`], [`ApplicationError::FileSystem`]. A single thing that cannot be read or removed
/// is in [`Collected::failed`].
pub async fn collect(
    gateway: &Gateway,
    bases: &[String],
    options: &Options,
    now_ms: u64,
) -> Result<Collected, ApplicationError> {
    let file_systems = gateway.file_systems()?;
    let everything =
        ApplicationFilter { states: ApplicationState::ALL.to_vec(), ..ApplicationFilter::default() };
    let known =
        Known::of(gateway.applications(everything).await?.iter().map(|report| (report.id, report.state)));
    let mut areas = Vec::new();
    for base in bases {
        areas.push(file_systems.locate(base)?);
    }
    let home = Arc::clone(file_systems.default_fs());
    if options.all_users {
        let own = home.home().to_owned();
        let homes = own.rsplit_once('/').map_or("/", |(parent, _)| parent);
        for entry in home.list(homes).await?.into_iter().filter(|entry| entry.is_dir) {
            areas.push((Arc::clone(&home), entry.path));
        }
    } else {
        let own = home.home().to_owned();
        areas.push((home, own));
    }
    let mut collected = Collected::default();
    for (fs, base) in areas {
        let age =
            |entry: &FileStatus| Duration::from_millis(now_ms.saturating_sub(entry.modification_time_ms));
        for entry in entries(fs.as_ref(), &ApplicationDir::root(&base), &mut collected).await {
            let Ok(application) = entry.name().parse::<ApplicationId>() else { continue };
            let life = known.life(gateway, application).await?;
            let reason = decide(Kind::Staging, life, age(&entry), options);
            settle(fs.as_ref(), &entry.path, Kind::Staging, application, reason, options, &mut collected)
                .await;
        }
        for entry in entries(fs.as_ref(), &KeyRecord::root(&base), &mut collected).await {
            // One that cannot be read is not understood, and so stays.
            let Ok(Some(found)) = KeyRecord::open(Arc::clone(&fs), &entry.path, "").find().await else {
                collected.kept += 1;
                continue;
            };
            let Ok(application) = found.record.application_id.parse::<ApplicationId>() else { continue };
            let life =
                if found.ended.is_some() { Life::Ended } else { known.life(gateway, application).await? };
            let reason = decide(Kind::Key, life, age(&entry), options);
            settle(fs.as_ref(), &entry.path, Kind::Key, application, reason, options, &mut collected).await;
        }
    }
    Ok(collected)
}

/// What the ResourceManager remembers.
struct Known {
    states: BTreeMap<ApplicationId, ApplicationState>,
    /// Starts of ResourceManagers whose applications it remembers.
    incarnations: BTreeSet<i64>,
}

impl Known {
    fn of(reports: impl Iterator<Item = (ApplicationId, ApplicationState)>) -> Self {
        let states: BTreeMap<_, _> = reports.collect();
        let incarnations = states.keys().map(|id| id.cluster_timestamp).collect();
        Self { states, incarnations }
    }

    async fn life(&self, gateway: &Gateway, id: ApplicationId) -> Result<Life, ApplicationError> {
        // One that was submitted since the list was made is not on it.
        let state = match self.states.get(&id) {
            Some(state) => Some(*state),
            None => match gateway.application(id).await {
                Ok(report) => Some(report.state),
                Err(ApplicationError::NotFound { .. }) => None,
                Err(error) => return Err(error),
            },
        };
        Ok(match state {
            Some(state) if state.is_final() => Life::Ended,
            Some(_) => Life::Live,
            None if self.incarnations.contains(&id.cluster_timestamp) => Life::Forgotten,
            None => Life::Unknown,
        })
    }
}

async fn entries(fs: &dyn FileSystem, directory: &str, collected: &mut Collected) -> Vec<FileStatus> {
    match fs.list(directory).await {
        Ok(entries) => entries,
        Err(error) if error.is_not_found() => Vec::new(),
        Err(error) => {
            collected.failed.push((fs.uri(directory), error.to_string()));
            Vec::new()
        }
    }
}

async fn settle(
    fs: &dyn FileSystem,
    path: &str,
    kind: Kind,
    application: ApplicationId,
    reason: Option<Reason>,
    options: &Options,
    collected: &mut Collected,
) {
    let Some(reason) = reason else {
        collected.kept += 1;
        return;
    };
    if !options.dry_run
        && let Err(error) = fs.delete(path, true).await
    {
        collected.failed.push((fs.uri(path), error.to_string()));
        return;
    }
    collected.removed.push(Removed { uri: fs.uri(path), kind, application, reason });
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn options(unknown: bool) -> Options {
        Options { dry_run: false, all_users: false, unknown, keep_keys: 7 * DAY }
    }

    #[test]
    fn nothing_of_a_live_application_goes() {
        for kind in [Kind::Staging, Kind::Key] {
            assert_eq!(decide(kind, Life::Live, 1000 * DAY, &options(true)), None);
        }
    }

    #[test]
    fn staging_goes_with_its_application() {
        let staging = |life, age, unknown| decide(Kind::Staging, life, age, &options(unknown));
        assert_eq!(staging(Life::Ended, Duration::ZERO, false), Some(Reason::Ended));
        // A client may be between getNewApplication and submitApplication.
        assert_eq!(staging(Life::Forgotten, DAY / 48, false), None);
        assert_eq!(staging(Life::Forgotten, DAY, false), Some(Reason::Forgotten));
        // Perhaps another cluster's.
        assert_eq!(staging(Life::Unknown, 1000 * DAY, false), None);
        assert_eq!(staging(Life::Unknown, DAY, true), Some(Reason::Unknown));
        assert_eq!(staging(Life::Unknown, DAY / 48, true), None);
    }

    #[test]
    fn keys_are_remembered_for_a_while() {
        let key = |life, age| decide(Kind::Key, life, age, &options(false));
        assert_eq!(key(Life::Ended, 6 * DAY), None);
        assert_eq!(key(Life::Ended, 8 * DAY), Some(Reason::Expired));
        assert_eq!(key(Life::Forgotten, 8 * DAY), Some(Reason::Expired));
        assert_eq!(key(Life::Unknown, 8 * DAY), None);
    }

    #[test]
    fn ids_of_the_same_resource_manager_were_its_own() {
        let id = |timestamp, number| ApplicationId { cluster_timestamp: timestamp, id: number };
        let known = Known::of([(id(5, 1), ApplicationState::Finished)].into_iter());
        assert!(known.incarnations.contains(&5) && !known.incarnations.contains(&6));
        assert_eq!(known.states.get(&id(5, 1)), Some(&ApplicationState::Finished));
    }
}
