//! Where NodeManagers put logs: a directory of the application below its user's, with one or more files per node
//! (`LogAggregationUtils`). Each file format may have its own directory, and older releases had no buckets.

use std::collections::BTreeSet;
use std::sync::Arc;

use proto::ids::ApplicationId;

use super::{LogsError, Seen, Sink, Wanted, indexed, tfile};
use crate::conf::{Configuration, keys};
use crate::hdfs::{FileStatus, FileSystem, FileSystems};

const ROOT: &str = "yarn.nodemanager.remote-app-log-dir";
const SUFFIX: &str = "yarn.nodemanager.remote-app-log-dir-suffix";
/// Suffix of a file beside rolled indexed files: how far they can be read.
const CHECKSUM: &str = "-checksum";
/// Suffix of a file that is being written.
const TEMPORARY: &str = ".tmp";

/// A directory that may hold an application's logs.
pub type Place = String;

/// An aggregated file.
#[derive(Debug)]
pub(super) struct NodeFile {
    fs: Arc<dyn FileSystem>,
    status: FileStatus,
    application: String,
    /// How far it can be read, if another file says so.
    end: Option<u64>,
}

/// Where the logs of a user's application would be, the most likely place first.
pub fn places(conf: &Configuration, id: ApplicationId, user: &str) -> Vec<Place> {
    let get =
        |key: &str| conf.get(key).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
    let root = get(ROOT).unwrap_or_else(|| "/tmp/logs".to_owned());
    let suffix = get(SUFFIX).unwrap_or_else(|| "logs".to_owned());
    let formats = get(keys::LOG_AGGREGATION_FORMATS).unwrap_or_else(|| "TFile".to_owned());
    let bucket = format!("{:04}", id.id.unsigned_abs() % 10_000);
    let mut places: Vec<Place> = Vec::new();
    let mut add = |place: Place| {
        if !places.contains(&place) {
            places.push(place);
        }
    };
    for format in formats.split(',').map(str::trim).filter(|format| !format.is_empty()) {
        let own = |key: &str| get(&format!("yarn.log-aggregation.{format}.{key}"));
        let own_root = own("remote-app-log-dir").unwrap_or_else(|| root.clone());
        let own_root = own_root.trim_end_matches('/').to_owned();
        let own_suffix =
            own("remote-app-log-dir-suffix").unwrap_or_else(|| format!("{suffix}-{}", format.to_lowercase()));
        add(format!("{own_root}/{user}/bucket-{own_suffix}/{bucket}/{id}"));
        // Hadoop 2 and 3.2: no buckets, and TFile without a suffix of its own.
        add(format!("{own_root}/{user}/{own_suffix}/{id}"));
        add(format!("{own_root}/{user}/{suffix}/{id}"));
    }
    places
}

/// What was found of an application, and what could not be read.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) files: Vec<NodeFile>,
    /// Empty if there are files: the places are alternatives.
    pub(super) failed: Vec<LogsError>,
}

/// The aggregated files of an application, node by node. If the owner is not known, those of any user who has some, the
/// caller first: others' directories are usually not readable.
pub(super) async fn find(
    file_systems: &FileSystems,
    conf: &Configuration,
    id: ApplicationId,
    owner: Option<&str>,
) -> Found {
    let mut found = Found::default();
    let own = file_systems.default_fs().user().to_owned();
    found.of_user(file_systems, conf, id, owner.unwrap_or(&own)).await;
    if owner.is_none() && found.files.is_empty() {
        for user in users(file_systems, conf, &mut found.failed).await.into_iter().filter(|user| *user != own)
        {
            found.of_user(file_systems, conf, id, &user).await;
            if !found.files.is_empty() {
                break;
            }
        }
    }
    if !found.files.is_empty() {
        found.failed.clear();
    }
    found
}

impl Found {
    async fn of_user(
        &mut self,
        file_systems: &FileSystems,
        conf: &Configuration,
        id: ApplicationId,
        user: &str,
    ) {
        for place in places(conf, id, user) {
            let listed = async {
                let (fs, path) = file_systems.locate(&place)?;
                in_directory(&fs, &path, id).await
            };
            match listed.await {
                Ok(files) => self.files.extend(files),
                Err(error) => self.failed.push(error),
            }
        }
    }
}

/// All users with a directory of aggregated logs.
async fn users(
    file_systems: &FileSystems,
    conf: &Configuration,
    failed: &mut Vec<LogsError>,
) -> BTreeSet<String> {
    let marker = "\u{1}";
    let any = ApplicationId { cluster_timestamp: 0, id: 0 };
    let roots: BTreeSet<String> = places(conf, any, marker)
        .into_iter()
        .filter_map(|place| place.split_once(&format!("/{marker}/")).map(|(root, _)| root.to_owned()))
        .collect();
    let mut users = BTreeSet::new();
    for root in roots {
        let listed = async {
            let (fs, path) = file_systems.locate(&root)?;
            fs.list(&path).await
        };
        match listed.await {
            Ok(entries) => {
                users.extend(entries.iter().filter(|it| it.is_dir).map(|it| it.name().to_owned()));
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => failed.push(error.into()),
        }
    }
    users
}

async fn in_directory(
    fs: &Arc<dyn FileSystem>,
    directory: &str,
    id: ApplicationId,
) -> Result<Vec<NodeFile>, LogsError> {
    let entries = match fs.list(directory).await {
        Ok(entries) => entries,
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let mut ends = Vec::new();
    for entry in entries.iter().filter(|entry| entry.name().ends_with(CHECKSUM)) {
        if let Ok(bytes) = fs.read(&entry.path, 8192).await
            && let Ok(end) = indexed::checksum(&bytes)
        {
            ends.push(end);
        }
    }
    let is_log = |entry: &FileStatus| {
        !entry.is_dir && !entry.name().ends_with(CHECKSUM) && !entry.name().ends_with(TEMPORARY)
    };
    let end_of = |entry: &FileStatus| ends.iter().find(|(name, _)| name == entry.name()).map(|(_, end)| *end);
    Ok(entries
        .into_iter()
        .filter(is_log)
        .map(|status| NodeFile {
            fs: Arc::clone(fs),
            end: end_of(&status),
            status,
            application: id.to_string(),
        })
        .collect())
}

impl NodeFile {
    pub(super) async fn read(
        &self,
        wanted: &Wanted,
        seen: &mut Seen,
        sink: &mut dyn Sink,
    ) -> Result<(), LogsError> {
        let file = self.fs.open(&self.status.path).await?;
        let path = self.fs.uri(&self.status.path);
        let file = file.as_ref();
        let begin = file.read_at(0, indexed::MARK).await?;
        if begin.starts_with(&tfile::MAGIC) {
            let modified = i64::try_from(self.status.modification_time_ms).unwrap_or(0);
            tfile::read(file, &path, self.status.name(), modified, wanted, seen, sink).await
        } else if begin[..] == indexed::mark(&self.application) {
            indexed::read(file, &path, self.status.name(), self.end, wanted, seen, sink).await
        } else {
            let what = "it begins neither as a TFile nor as an indexed file of this application".to_owned();
            Err(LogsError::Damaged { path, what })
        }
    }
}
