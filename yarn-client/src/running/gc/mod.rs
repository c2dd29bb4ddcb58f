//! Removes what ended applications have left: staging directories, which are only left by a killed or crashed
//! application master, old records of `run --key`, and cache entries that are no longer used.
//!
//! Nothing that leads back to a job's state is removed silently: the newest checkpoint that a journal names is reported
//! before the journal is removed, and what Flink's high availability stores is only removed after an intended end.

mod cache;
mod decide;
mod tidy;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use proto::ids::ApplicationId;

use self::decide::{Ending, InUse, Life, decide, gives_up_state};
pub use self::tidy::tidy;
use crate::cluster::high_availability::HighAvailability;
use crate::cluster::{ApplicationError, Gateway, ResourceManagerError, high_availability, journal, place};
use crate::hdfs::application_dir::ApplicationDir;
use crate::hdfs::key_record::KeyRecord;
use crate::hdfs::{FileStatus, FileSystem, FileSystems};
use crate::yarn::{ApplicationFilter, ApplicationReport, ApplicationState};

/// Limit for reading a journal: it is only informative.
const JOURNAL: Duration = Duration::from_secs(5);

/// What to look for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Only report what would be removed.
    pub dry_run: bool,
    /// Look into the home directories of all users, as far as permitted.
    pub all_users: bool,
    /// Also include directories of applications that this ResourceManager cannot have known: they may belong to another
    /// cluster with the same file system.
    pub unknown: bool,
    /// Records of keys are kept for this long.
    pub keep_keys: Duration,
    /// Cache entries are kept for this long after their last use; never less than a day and an hour.
    pub keep_cache: Duration,
}

impl Default for Options {
    /// What `gc` does without options: only the user's own, ended applications; keys and unused files after a week.
    fn default() -> Self {
        const WEEK: Duration = Duration::from_secs(7 * 86_400);
        Self { dry_run: false, all_users: false, unknown: false, keep_keys: WEEK, keep_cache: WEEK }
    }
}

/// The kind of a leftover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The files of one application.
    Staging,
    /// The record of a key.
    Key,
    /// Content shared by applications.
    Cache,
    /// An interrupted upload to the cache.
    Upload,
}

/// Why something may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The application has ended.
    Ended,
    /// The ResourceManager had this application and has forgotten it: it ended long ago.
    Forgotten,
    /// The ResourceManager has never heard of it.
    Unknown,
    /// The application has ended, and its key need not be remembered any longer.
    Expired,
    /// It is not used by any application that may be running, and the last use was long ago.
    Unused,
    /// The process that wrote it is gone.
    Abandoned,
}

/// One thing that was removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// Full URI.
    pub uri: String,
    /// What it is.
    pub kind: Kind,
    /// The application it belonged to; `None` for what applications share.
    pub application: Option<ApplicationId>,
    /// Why it may be removed.
    pub reason: Reason,
    /// The newest checkpoint of its job, according to its journal.
    pub checkpoint: Option<String>,
}

/// State that Flink's high availability stores for an application that has ended, kept together with the record that
/// leads to it: whether the job's state is still needed is unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptState {
    /// The application it belongs to.
    pub application: ApplicationId,
    /// Full URI of the staging directory, which contains the record.
    pub directory: String,
    /// `high-availability.zookeeper.quorum`.
    pub quorum: String,
    /// Its node there.
    pub node: String,
    /// Its directories in `high-availability.storageDir`.
    pub storage: Vec<String>,
    /// Whether the ResourceManager still knows the application.
    pub known: bool,
}

impl KeptState {
    /// How to remove it manually.
    pub fn removal(&self) -> String {
        if self.known {
            return format!("yarn-flink kill {}", self.application);
        }
        let files: Vec<_> = self.storage.iter().chain([&self.directory]).map(String::as_str).collect();
        format!(
            "zkCli.sh -server {} deleteall {}, then hdfs dfs -rm -r {}",
            self.quorum,
            self.node,
            files.join(" ")
        )
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Collected {
    /// What has been removed, or would be.
    pub removed: Vec<Removed>,
    /// Number of things that are kept.
    pub kept: usize,
    /// Those of them that lead back to the state of jobs.
    pub kept_state: Vec<KeptState>,
    /// What could not be read or removed, with the reason.
    pub failed: Vec<(String, String)>,
}

/// Is notified about the newest checkpoint of an application's job.
pub type OnCheckpoint<'a> = dyn FnMut(ApplicationId, &str) + Send + 'a;

/// Searches below the home directory and below `bases` (values of `yarn.staging-directory`). Nothing that belongs to an
/// application that the ResourceManager reports running is touched, and nothing at all if it does not respond. `told`
/// is notified about the newest checkpoint of a job before the last record of it is removed.
///
/// # Errors
/// [`ApplicationError::ResourceManager`], [`ApplicationError::FileSystem`]. A single thing that cannot be read or removed
/// is in [`Collected::failed`].
pub async fn collect(
    gateway: &Gateway,
    bases: &[String],
    options: &Options,
    now_ms: u64,
    told: &mut OnCheckpoint<'_>,
) -> Result<Collected, ApplicationError> {
    let file_systems = gateway.file_systems()?;
    let everything =
        ApplicationFilter { states: ApplicationState::ALL.to_vec(), ..ApplicationFilter::default() };
    let known =
        Known::of(gateway.applications(everything).await?.iter().map(|report| (report.id, report.into())));
    let mut areas = Vec::new();
    for base in bases {
        for base in place::below(base, &gateway.user.name) {
            areas.push(file_systems.locate(&base)?);
        }
        if options.all_users {
            let (fs, base) = file_systems.locate(base)?;
            for entry in entries(fs.as_ref(), &base, &mut Collected::default()).await.unwrap_or_default() {
                if entry.is_dir {
                    areas.push((Arc::clone(&fs), entry.path));
                }
            }
        }
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
    // Our own home directory is one of all users', and a base directory may be the parent of the home directories.
    let mut seen = BTreeSet::new();
    areas.retain(|(fs, base)| seen.insert(fs.uri(base)));
    let mut sweep = Sweep {
        gateway,
        file_systems: &file_systems,
        known,
        options,
        now_ms,
        keep_unreported: Duration::ZERO,
        told: Some(told),
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

/// One pass over what is left.
struct Sweep<'a> {
    gateway: &'a Gateway,
    file_systems: &'a FileSystems,
    known: Known,
    options: &'a Options,
    now_ms: u64,
    /// Minimum age of the staging directory of an application that could not report its end.
    keep_unreported: Duration,
    /// Is notified about checkpoints; `None` for `tidy`.
    told: Option<&'a mut OnCheckpoint<'a>>,
    collected: Collected,
}

impl Sweep<'_> {
    /// Removes the directory of an application if it may be removed; otherwise returns the life of its application.
    async fn application(
        &mut self,
        fs: &dyn FileSystem,
        entry: &FileStatus,
    ) -> Result<Option<Life>, ApplicationError> {
        let Ok(application) = entry.name().parse::<ApplicationId>() else { return Ok(None) };
        let life = self.known.life(self.gateway, application).await?;
        let reason = decide(Kind::Staging, life, self.age(entry), self.options, self.keep_unreported);
        if reason.is_some() && !gives_up_state(life) && self.keeps_state(fs, entry, application, life).await {
            // It no longer uses anything, whatever is kept of it.
            return Ok(None);
        }
        let checkpoint =
            if reason.is_some() { self.last_checkpoint(fs, entry, application).await } else { None };
        let target = Target { fs, path: &entry.path, kind: Kind::Staging, application, checkpoint };
        let remove = high_availability::remove_application(self.file_systems, fs, &entry.path);
        settle(target, reason, self.options, remove, &mut self.collected).await;
        Ok(reason.is_none().then_some(life))
    }

    /// Whether state that this application's directory leads to is kept, and the directory with it.
    async fn keeps_state(
        &mut self,
        fs: &dyn FileSystem,
        entry: &FileStatus,
        application: ApplicationId,
        life: Life,
    ) -> bool {
        let directory = fs.uri(&entry.path);
        match HighAvailability::load(fs, &entry.path).await {
            Ok(None) => return false,
            Ok(Some(HighAvailability { quorum, node, storage })) => {
                let known = matches!(life, Life::Ended(_));
                let kept = KeptState { application, directory, quorum, node, storage, known };
                self.collected.kept += 1;
                self.collected.kept_state.push(kept);
            }
            Err(error) => self.collected.failed.push((directory, error.to_string())),
        }
        true
    }

    /// Reports the newest checkpoint that the journal in a directory names, before the directory is removed.
    async fn last_checkpoint(
        &mut self,
        fs: &dyn FileSystem,
        entry: &FileStatus,
        application: ApplicationId,
    ) -> Option<String> {
        let told = self.told.as_mut()?;
        let noted = journal::newest_checkpoint(self.file_systems, fs, &entry.path);
        let checkpoint = tokio::time::timeout(JOURNAL, noted).await.ok()?.ok()??;
        told(application, &checkpoint);
        Some(checkpoint)
    }

    /// Removes the record of a key, if it may be removed.
    async fn key(&mut self, fs: &Arc<dyn FileSystem>, entry: &FileStatus) -> Result<(), ApplicationError> {
        // A record that cannot be read or parsed is kept.
        let Ok(Some(found)) = KeyRecord::open(Arc::clone(fs), &entry.path, "").find().await else {
            self.collected.kept += 1;
            return Ok(());
        };
        let Ok(application) = found.record.application_id.parse::<ApplicationId>() else { return Ok(()) };
        let life = match found.ended {
            Some(_) => Life::Ended(Ending::Meant),
            None => self.known.life(self.gateway, application).await?,
        };
        let reason = decide(Kind::Key, life, self.age(entry), self.options, self.keep_unreported);
        let target =
            Target { fs: fs.as_ref(), path: &entry.path, kind: Kind::Key, application, checkpoint: None };
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
    /// Start times of ResourceManagers whose applications it remembers.
    incarnations: BTreeSet<i64>,
}

impl From<&ApplicationReport> for Life {
    fn from(report: &ApplicationReport) -> Self {
        if report.state.is_final() {
            Self::Ended(Ending::of(report.state, report.final_status))
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
        // An application submitted after the list was made is not in it.
        match gateway.application(id).await {
            Ok(report) => Ok((&report).into()),
            Err(ApplicationError::ResourceManager(ResourceManagerError::NotFound { .. }))
                if self.incarnations.contains(&id.cluster_timestamp) =>
            {
                Ok(Life::Forgotten)
            }
            Err(ApplicationError::ResourceManager(ResourceManagerError::NotFound { .. })) => {
                Ok(Life::Unknown)
            }
            Err(error) => Err(error),
        }
    }
}

/// `None` if the directory exists but cannot be read.
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

/// Something that may be removed, and the application it belongs to.
struct Target<'a> {
    fs: &'a dyn FileSystem,
    path: &'a str,
    kind: Kind,
    application: ApplicationId,
    checkpoint: Option<String>,
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
    collected.removed.push(Removed {
        uri,
        kind: target.kind,
        application: Some(target.application),
        reason,
        checkpoint: target.checkpoint,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::{Configuration, Environment};

    #[test]
    fn ids_of_the_same_resource_manager_were_its_own() {
        let id = |timestamp, number| ApplicationId { cluster_timestamp: timestamp, id: number };
        let ended = Life::Ended(Ending::Meant);
        let known = Known::of([(id(5, 1), ended)].into_iter());
        assert!(known.incarnations.contains(&5) && !known.incarnations.contains(&6));
        assert_eq!(known.lives.get(&id(5, 1)), Some(&ended));
    }

    /// A directory of an application with a journal, and the files beside it.
    async fn swept(life: Life, beside: &[(&str, &str)]) -> (Collected, Vec<String>, bool) {
        let home = tempfile::tempdir().unwrap();
        let application = ApplicationId { cluster_timestamp: 5, id: 1 };
        let root = home.path().join(".yarn-flink/apps");
        let directory = root.join(application.to_string());
        std::fs::create_dir_all(&directory).unwrap();
        let journal =
            r#"{"job_seen":true,"checkpoints":{"on":true,"completed":true,"newest":"s3://b/c/chk-4"}}"#;
        for (name, content) in [&[("journal-000001-000001", journal)], beside].concat() {
            std::fs::write(directory.join(name), content).unwrap();
        }
        let settings = [("fs.defaultFS", "file:///"), ("yarn.resourcemanager.address", "127.0.0.1:1")];
        let settings = settings.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let environment = Environment::from_iter([("HADOOP_USER_NAME", "ada")]);
        let gateway = Gateway::with(Configuration::from_flat(settings), &environment).unwrap();
        let file_systems = gateway.file_systems().unwrap();
        let mut heard = Vec::new();
        let mut told = |id: ApplicationId, checkpoint: &str| heard.push(format!("{id} {checkpoint}"));
        let mut sweep = Sweep {
            gateway: &gateway,
            file_systems: &file_systems,
            known: Known::of([(application, life)].into_iter()),
            options: &Options::default(),
            now_ms: u64::MAX,
            keep_unreported: Duration::ZERO,
            told: Some(&mut told),
            collected: Collected::default(),
        };
        let fs = file_systems.default_fs();
        let entry = fs.list(root.to_str().unwrap()).await.unwrap().remove(0);
        let live = sweep.application(fs.as_ref(), &entry).await.unwrap();
        assert_eq!(live, None, "it uses nothing any more");
        let collected = std::mem::take(&mut sweep.collected);
        (collected, heard, directory.exists())
    }

    #[tokio::test]
    async fn the_newest_checkpoint_is_told_before_the_journal_goes() {
        let (collected, heard, left) = swept(Life::Ended(Ending::Unreported), &[]).await;
        assert_eq!(heard, ["application_5_0001 s3://b/c/chk-4"]);
        assert_eq!(collected.removed[0].checkpoint.as_deref(), Some("s3://b/c/chk-4"));
        assert!(!left);
    }

    #[tokio::test]
    async fn what_leads_to_a_jobs_state_stays_and_is_named_where_nobody_has_given_it_up() {
        let record = r#"{"quorum":"z:1","node":"/flink/application_5_0001","storage":["hdfs:///ha/application_5_0001"]}"#;
        for life in [Life::Ended(Ending::Unreported), Life::Ended(Ending::Failed), Life::Forgotten] {
            let (collected, heard, left) = swept(life, &[("high-availability.json", record)]).await;
            assert!(left && heard.is_empty() && collected.removed.is_empty(), "{life:?}: {collected:?}");
            let [kept] = collected.kept_state.as_slice() else { panic!("{life:?}: {collected:?}") };
            let removal = kept.removal();
            if life == Life::Forgotten {
                let expected = "zkCli.sh -server z:1 deleteall /flink/application_5_0001, then hdfs dfs -rm -r \
                     hdfs:///ha/application_5_0001 file:///";
                assert!(
                    removal.starts_with(expected) && removal.ends_with("/application_5_0001"),
                    "{removal}"
                );
            } else {
                assert_eq!(removal, "yarn-flink kill application_5_0001");
            }
        }
        // A record that cannot be read may lead there, too.
        let (collected, _, left) = swept(Life::Forgotten, &[("high-availability.json", "{")]).await;
        assert!(left && collected.failed.len() == 1, "{collected:?}");
    }
}
