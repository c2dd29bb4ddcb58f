//! Removes what applications have left that YARN reports ended: staging directories, which only a killed or crashed
//! application master leaves, old records of `run --key`, and entries of the cache that nobody uses any more.

mod cache;
mod decide;
mod tidy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proto::ids::ApplicationId;

use self::decide::{InUse, Life, decide};
pub use self::tidy::tidy;
use super::error::ApplicationError;
use super::gateway::Gateway;
use super::high_availability;
use crate::hdfs::application_dir::ApplicationDir;
use crate::hdfs::key_record::KeyRecord;
use crate::hdfs::{FileStatus, FileSystem, FileSystems};
use crate::yarn::{ApplicationFilter, ApplicationReport, ApplicationState};

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
    /// Entries of the cache stay for this long after their last use; never less than a day and an hour.
    pub keep_cache: Duration,
}

impl Default for Options {
    /// What `gc` does without options: of our own, what has ended; keys and unused files for a week.
    fn default() -> Self {
        const WEEK: Duration = Duration::from_secs(7 * 86_400);
        Self { dry_run: false, all_users: false, unknown: false, keep_keys: WEEK, keep_cache: WEEK }
    }
}

/// What a thing that is left belonged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Files of one application.
    Staging,
    /// The record of a key.
    Key,
    /// Content that applications share.
    Cache,
    /// An upload to the cache that was cut off.
    Upload,
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
    /// No application that may be live uses it, and the last use is long ago.
    Unused,
    /// Whoever wrote it has gone.
    Abandoned,
}

/// One thing that was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Full URI.
    pub uri: String,
    /// What it is.
    pub kind: Kind,
    /// Whose it was; `None` for what applications share.
    pub application: Option<ApplicationId>,
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
        Known::of(gateway.applications(everything).await?.iter().map(|report| (report.id, report.into())));
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
    let mut sweep = Sweep {
        gateway,
        file_systems: &file_systems,
        known,
        options,
        now_ms,
        collected: Collected::default(),
    };
    for (fs, base) in areas {
        let applications = entries(fs.as_ref(), &ApplicationDir::root(&base), &mut sweep.collected).await;
        let all_seen = applications.is_some();
        let mut in_use = InUse::NOT;
        for entry in applications.unwrap_or_default() {
            if let Some(life) = sweep.application(fs.as_ref(), &entry).await? {
                in_use = in_use.by(life);
            }
        }
        let keys = entries(fs.as_ref(), &KeyRecord::root(&base), &mut sweep.collected).await;
        for entry in keys.unwrap_or_default() {
            sweep.key(&fs, &entry).await?;
        }
        if all_seen {
            cache::collect(fs.as_ref(), &base, in_use, options, now_ms, &mut sweep.collected).await;
        }
    }
    Ok(sweep.collected)
}

/// One look at what is left.
struct Sweep<'a> {
    gateway: &'a Gateway,
    file_systems: &'a FileSystems,
    known: Known,
    options: &'a Options,
    now_ms: u64,
    collected: Collected,
}

impl Sweep<'_> {
    /// Removes the directory of an application, if it may go; otherwise the life of its application.
    async fn application(
        &mut self,
        fs: &dyn FileSystem,
        entry: &FileStatus,
    ) -> Result<Option<Life>, ApplicationError> {
        let Ok(application) = entry.name().parse::<ApplicationId>() else { return Ok(None) };
        let life = self.known.life(self.gateway, application).await?;
        let reason = decide(Kind::Staging, life, self.age(entry), self.options);
        let target = Target { fs, path: &entry.path, kind: Kind::Staging, application };
        let remove = high_availability::remove_application(self.file_systems, fs, &entry.path);
        settle(target, reason, self.options, remove, &mut self.collected).await;
        Ok(reason.is_none().then_some(life))
    }

    /// Removes the record of a key, if it may go.
    async fn key(&mut self, fs: &Arc<dyn FileSystem>, entry: &FileStatus) -> Result<(), ApplicationError> {
        // One that cannot be read is not understood, and so stays.
        let Ok(Some(found)) = KeyRecord::open(Arc::clone(fs), &entry.path, "").find().await else {
            self.collected.kept += 1;
            return Ok(());
        };
        let Ok(application) = found.record.application_id.parse::<ApplicationId>() else { return Ok(()) };
        let life = match found.ended {
            Some(_) => Life::Ended,
            None => self.known.life(self.gateway, application).await?,
        };
        let reason = decide(Kind::Key, life, self.age(entry), self.options);
        let target = Target { fs: fs.as_ref(), path: &entry.path, kind: Kind::Key, application };
        settle(target, reason, self.options, fs.delete(&entry.path, true), &mut self.collected).await;
        Ok(())
    }

    fn age(&self, entry: &FileStatus) -> Duration {
        Duration::from_millis(self.now_ms.saturating_sub(entry.modification_time_ms))
    }
}

/// What the ResourceManager remembers.
#[derive(Default)]
struct Known {
    lives: BTreeMap<ApplicationId, Life>,
    /// Starts of ResourceManagers whose applications it remembers.
    incarnations: BTreeSet<i64>,
}

impl From<&ApplicationReport> for Life {
    fn from(report: &ApplicationReport) -> Self {
        if report.state.is_final() {
            Self::Ended
        } else {
            Self::Live { started_ms: report.started_ms.try_into().unwrap_or(0) }
        }
    }
}

impl Known {
    fn of(reports: impl Iterator<Item = (ApplicationId, Life)>) -> Self {
        let lives: BTreeMap<_, _> = reports.collect();
        let incarnations = lives.keys().map(|id| id.cluster_timestamp).collect();
        Self { lives, incarnations }
    }

    async fn life(&self, gateway: &Gateway, id: ApplicationId) -> Result<Life, ApplicationError> {
        if let Some(life) = self.lives.get(&id) {
            return Ok(*life);
        }
        // One that was submitted since the list was made is not on it.
        match gateway.application(id).await {
            Ok(report) => Ok((&report).into()),
            Err(ApplicationError::NotFound { .. }) if self.incarnations.contains(&id.cluster_timestamp) => {
                Ok(Life::Forgotten)
            }
            Err(ApplicationError::NotFound { .. }) => Ok(Life::Unknown),
            Err(error) => Err(error),
        }
    }
}

/// `None` when the directory is there and cannot be read.
async fn entries(fs: &dyn FileSystem, directory: &str, collected: &mut Collected) -> Option<Vec<FileStatus>> {
    match fs.list(directory).await {
        Ok(entries) => Some(entries),
        Err(error) if error.is_not_found() => Some(Vec::new()),
        Err(error) => {
            collected.failed.push((fs.uri(directory), error.to_string()));
            None
        }
    }
}

/// What may go, and whose it is.
struct Target<'a> {
    fs: &'a dyn FileSystem,
    path: &'a str,
    kind: Kind,
    application: ApplicationId,
}

async fn settle<E: std::fmt::Display>(
    target: Target<'_>,
    reason: Option<Reason>,
    options: &Options,
    remove: impl Future<Output = Result<bool, E>>,
    collected: &mut Collected,
) {
    let Some(reason) = reason else {
        collected.kept += 1;
        return;
    };
    let uri = target.fs.uri(target.path);
    if !options.dry_run
        && let Err(error) = remove.await
    {
        collected.failed.push((uri, error.to_string()));
        return;
    }
    collected.removed.push(Removed { uri, kind: target.kind, application: Some(target.application), reason });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_the_same_resource_manager_were_its_own() {
        let id = |timestamp, number| ApplicationId { cluster_timestamp: timestamp, id: number };
        let known = Known::of([(id(5, 1), Life::Ended)].into_iter());
        assert!(known.incarnations.contains(&5) && !known.incarnations.contains(&6));
        assert_eq!(known.lives.get(&id(5, 1)), Some(&Life::Ended));
    }
}
