//! Content-addressed cache of files that many applications share: `<root>/cache/<sha256>/<name>`. The name is the local
//! file's, escaped (`file_name`), because NodeManagers keep their copy under it.
//!
//! A file is uploaded under a temporary name in `<root>/cache/.uploading` and renamed when it is complete, so an entry is
//! either complete or absent. Two clients that upload the same content both succeed: one rename wins, and the other client
//! finds the entry. What a killed client leaves in `.uploading` is removed a day later by the next upload.
//!
//! The modification time of `<sha256>` is the mark of use: a client that looks up an entry and finds the mark more than a day
//! old renews it, and only then checks whether the file exists. The file's own times are not changed: a `LocalResource`
//! carries them. Unlike access times, which `dfs.namenode.accesstime.precision=0` disables, a directory's modification time
//! can be set anywhere. `Cache::remove` explains why no submission can lose an entry because of it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::{join_all, try_join_all};
use futures::stream::{self, StreamExt, TryStreamExt};

use super::digest::{Digest, Digests};
use super::stage::{Progress, StageError};
use super::upload::{Limits, OPEN, upload};
use super::{CreateOptions, FileStatus, FileSystem, HdfsError, resource, uri};
use crate::file_name::plain;
use crate::yarn::LocalResource;
use crate::yarn::launch::Kind;

/// Age at which an unpublished temporary file is considered abandoned.
const ABANDONED_AFTER_MS: u64 = 24 * 60 * 60 * 1000;
/// Age at which the mark of an entry in use is renewed: one additional call per day and entry.
pub(crate) const MARKED_AGAIN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Number of files hashed concurrently.
const PARALLEL_HASHES: usize = 2;

/// Name of the cache below the root.
const NAME: &str = "cache";
/// Name of the directory of temporary files in the cache.
const UPLOADING: &str = ".uploading";

/// A local file to be put into the cache.
#[derive(Debug, Clone)]
pub struct CacheFile {
    /// The file. Its name becomes the entry's: YARN unpacks archives according to the suffix of that.
    pub local: PathBuf,
    /// Name in the container's working directory.
    pub link: String,
    /// File or archive.
    pub kind: Kind,
}

/// The cache of one user on one file system.
#[derive(Debug, Clone)]
pub struct Cache {
    fs: Arc<dyn FileSystem>,
    directory: String,
    replication: Option<u32>,
    umask: u16,
    limits: Arc<Limits>,
    temporaries: Arc<Mutex<BTreeSet<String>>>,
}

/// A file and its place in the cache.
struct Wanted<'a> {
    file: &'a CacheFile,
    digest: Digest,
    len: u64,
    directory: String,
    path: String,
}

impl Cache {
    /// The cache below `root` (`<base>/.yarn-flink`). `umask` is subtracted from the modes 0644 and 0755 of entries.
    pub(super) fn new(
        fs: Arc<dyn FileSystem>,
        root: &str,
        replication: Option<u32>,
        umask: u16,
        limits: Arc<Limits>,
    ) -> Self {
        let directory = uri::join(root, NAME);
        Self { fs, directory, replication, umask, limits, temporaries: Arc::default() }
    }

    /// Absolute path of the cache.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// Puts those of `files` into the cache that are missing from it. Results are in the order of `files`. `tag` (the
    /// application id) makes temporary names unique.
    ///
    /// If nothing is missing this costs two NameNode calls per file and one for each directory above, all made
    /// concurrently.
    ///
    /// # Errors
    /// [`StageError::Changed`] if a file changes while it is being uploaded; otherwise errors of the file systems.
    /// Temporary files are removed before this returns, but not when it is dropped: see [`Self::discard_temporaries`].
    pub async fn ensure(
        &self,
        files: &[CacheFile],
        tag: &str,
        digests: &Digests,
        progress: &dyn Progress,
    ) -> Result<Vec<LocalResource>, StageError> {
        let result = self.ensure_within(files, tag, digests, progress).await;
        if result.is_err() {
            self.discard_temporaries().await;
        }
        result
    }

    async fn ensure_within(
        &self,
        files: &[CacheFile],
        tag: &str,
        digests: &Digests,
        progress: &dyn Progress,
    ) -> Result<Vec<LocalResource>, StageError> {
        let wanted: Vec<_> = stream::iter(files)
            .map(|file| self.wanted(file, digests))
            .buffered(PARALLEL_HASHES)
            .try_collect()
            .await?;
        // The same content under the same name is one entry, however often it is requested; the first request represents it.
        let distinct: BTreeMap<&str, &Wanted<'_>> =
            wanted.iter().rev().map(|wanted| (wanted.path.as_str(), wanted)).collect();

        let (mut entries, reachable) = futures::try_join!(
            self.present(distinct.values().copied()),
            resource::world_reachable(self.fs.as_ref(), &self.directory)
        )?;
        let missing: Vec<_> =
            distinct.values().copied().filter(|wanted| !entries.contains_key(&wanted.path)).collect();
        for found in distinct.values().filter(|wanted| entries.contains_key(&wanted.path)) {
            progress.reused(&found.file.link, found.len);
        }

        let mut reachable = reachable;
        if !missing.is_empty() {
            progress.planned(missing.len(), missing.iter().map(|wanted| wanted.len).sum());
            let published = self.publish_all(&missing, tag, progress).await?;
            self.sweep(published.values().map(|entry| entry.file.modification_time_ms).max()).await;
            entries.extend(published);
            // The cache itself may just have been created.
            reachable = resource::world_reachable(self.fs.as_ref(), &self.directory).await?;
        }

        let describe = |wanted: &Wanted<'_>| {
            let entry = entries.get(&wanted.path)?;
            let reachable = reachable && entry.directory_open;
            let visibility = resource::shared_visibility(&entry.file, reachable);
            let (link, kind) = (&wanted.file.link, wanted.file.kind);
            Some(resource::describe(self.fs.as_ref(), &entry.file, link, kind, visibility))
        };
        wanted
            .iter()
            .map(|wanted| {
                describe(wanted).ok_or_else(|| HdfsError::NotFound { path: self.fs.uri(&wanted.path) }.into())
            })
            .collect()
    }

    async fn wanted<'a>(&self, file: &'a CacheFile, digests: &Digests) -> Result<Wanted<'a>, StageError> {
        let digest = digests.of(&file.local).await?;
        let metadata = std::fs::metadata(&file.local).map_err(|source| HdfsError::Local {
            operation: "stat",
            path: file.local.clone(),
            source,
        })?;
        let name = file.local.file_name().and_then(|name| name.to_str()).ok_or_else(|| {
            StageError::Local { path: file.local.clone(), reason: "its name is not UTF-8".to_owned() }
        })?;
        let directory = uri::join(&self.directory, &digest.to_string());
        let path = uri::join(&directory, &plain(name));
        Ok(Wanted { file, digest, len: metadata.len(), directory, path })
    }

    /// Those of the entries that exist and are complete.
    async fn present<'a>(
        &self,
        wanted: impl Iterator<Item = &'a Wanted<'a>>,
    ) -> Result<BTreeMap<String, Entry>, HdfsError> {
        let found = try_join_all(wanted.map(|wanted| self.entry(wanted))).await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn entry(&self, wanted: &Wanted<'_>) -> Result<Option<(String, Entry)>, HdfsError> {
        let look = || async { futures::join!(self.fs.stat(&wanted.path), self.fs.stat(&wanted.directory)) };
        let (mut file, mut directory) = look().await;
        let now_ms = crate::now_ms();
        if directory.as_ref().is_ok_and(|found| outdated(found.modification_time_ms, now_ms)) {
            match self.fs.set_modification_time(&wanted.directory, now_ms).await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
            // What was seen before marking may be gone by now.
            (file, directory) = look().await;
        }
        match (file, directory) {
            (Ok(file), Ok(directory)) if !file.is_dir && file.len == wanted.len => {
                let directory_open = directory.permission & 0o001 != 0;
                Ok(Some((wanted.path.clone(), Entry { file, directory_open })))
            }
            (Ok(_), Ok(_)) => Ok(None),
            (Err(error), _) | (_, Err(error)) if error.is_not_found() => Ok(None),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }

    async fn publish_all(
        &self,
        missing: &[&Wanted<'_>],
        tag: &str,
        progress: &dyn Progress,
    ) -> Result<BTreeMap<String, Entry>, StageError> {
        self.fs.mkdirs(&self.directory, 0o755 & !self.umask).await?;
        self.fs.mkdirs(&self.uploading(), 0o700).await?;
        // The largest first: it determines how long the whole upload takes.
        let mut order: Vec<_> = missing.iter().copied().enumerate().collect();
        order.sort_by_key(|(_, wanted)| std::cmp::Reverse(wanted.len));
        let published: Vec<_> = stream::iter(order)
            .map(|(number, wanted)| async move {
                let name = format!("{tag}-{number}-{}", wanted.digest);
                self.publish(wanted, &uri::join(&self.uploading(), &name), progress).await
            })
            .buffer_unordered(OPEN)
            .try_collect()
            .await?;
        Ok(published.into_iter().collect())
    }

    async fn publish(
        &self,
        wanted: &Wanted<'_>,
        temporary: &str,
        progress: &dyn Progress,
    ) -> Result<(String, Entry), StageError> {
        let link = &wanted.file.link;
        self.temporaries().insert(temporary.to_owned());
        let options = CreateOptions {
            overwrite: true,
            mode: 0o644 & !self.umask,
            replication: self.replication,
            ..CreateOptions::default()
        };
        let fs = self.fs.as_ref();
        let sent = upload(fs, &self.limits, &wanted.file.local, temporary, options, link, progress).await?;
        if sent != wanted.digest {
            return Err(StageError::Changed { path: wanted.file.local.clone() });
        }
        fs.mkdirs(&wanted.directory, 0o755 & !self.umask).await?;
        if let Err(error) = fs.rename(temporary, &wanted.path).await {
            // Another client was faster, or the response to our rename was lost. Otherwise an incomplete entry, which
            // no client of ours creates, is in the way.
            if self.entry(wanted).await?.is_none() {
                let HdfsError::AlreadyExists { .. } = error else { return Err(error.into()) };
                fs.delete(&wanted.path, true).await?;
                fs.rename(temporary, &wanted.path).await?;
            } else {
                fs.delete(temporary, false).await?;
            }
        }
        self.temporaries().remove(temporary);
        progress.finished(link);
        let entry = self.entry(wanted).await?;
        Ok(entry.ok_or_else(|| HdfsError::NotFound { path: fs.uri(&wanted.path) })?)
    }

    /// Removes temporary files that were abandoned a day before `now_ms`, by the NameNode's clock. What cannot be
    /// removed is left to the next client.
    async fn sweep(&self, now_ms: Option<u64>) {
        let Some(now_ms) = now_ms else { return };
        let Ok(found) = self.fs.list(&self.uploading()).await else { return };
        let abandoned = |file: &&FileStatus| file.modification_time_ms + ABANDONED_AFTER_MS < now_ms;
        join_all(found.iter().filter(abandoned).map(|file| self.fs.delete(&file.path, true))).await;
    }

    /// Removes what uploads of this cache have not published; called after an interrupted [`Self::ensure`]. What cannot
    /// be removed is left to the sweep of a later run.
    pub async fn discard_temporaries(&self) {
        let left = std::mem::take(&mut *self.temporaries());
        for result in join_all(left.iter().map(|path| self.fs.delete(path, false))).await {
            if let Err(error) = result {
                tracing::debug!("temporary not removed: {error}");
            }
        }
    }

    fn uploading(&self) -> String {
        uri::join(&self.directory, UPLOADING)
    }

    fn temporaries(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.temporaries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The outcome for an entry that was to be removed.
#[cfg(feature = "flink")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aside {
    /// It is gone.
    Gone,
    /// Another client has marked it in the meantime; it is back in its place.
    UsedMeanwhile,
}

/// For garbage collection.
#[cfg(feature = "flink")]
impl Cache {
    /// Absolute path of the cache of `base`.
    pub(crate) fn directory_below(base: &str) -> String {
        uri::join(&super::stage::root(base), NAME)
    }

    /// Absolute path of the temporary files in the cache of `base`.
    pub(crate) fn uploading_below(base: &str) -> String {
        uri::join(&Self::directory_below(base), UPLOADING)
    }

    /// Whether a file in the cache is an entry with content; its modification time is then the mark of use.
    pub(crate) fn is_entry(found: &FileStatus) -> bool {
        found.is_dir && Digest::parse(found.name()).is_some()
    }

    /// Removes an entry whose mark, in `entry`, was found to be old.
    ///
    /// A submission marks first and then looks for the file. Here the entry is first moved aside, and then its mark is
    /// checked. So either the mark was set before the move: it is seen here, and the entry is put back unchanged. Or it
    /// was set after the move: the submission does not find the file, and uploads it. The same applies to a submission
    /// that relies on the mark of another one. (One that looks while the entry is aside uploads it as well; its copy is
    /// then kept.) What a collector that dies in between leaves aside is old, and is swept with the temporary files.
    pub(crate) async fn remove(
        fs: &dyn FileSystem,
        base: &str,
        entry: &FileStatus,
    ) -> Result<Aside, HdfsError> {
        let uploading = Self::uploading_below(base);
        fs.mkdirs(&uploading, 0o700).await?;
        let aside =
            uri::join(&uploading, &format!("removed-{}-{}", entry.name(), entry.modification_time_ms));
        match fs.rename(&entry.path, &aside).await {
            Err(error) if error.is_not_found() => return Ok(Aside::Gone),
            result => result?,
        }
        let marked = fs.stat(&aside).await?.modification_time_ms != entry.modification_time_ms;
        if marked {
            match fs.rename(&aside, &entry.path).await {
                Err(HdfsError::AlreadyExists { .. }) => {}
                result => return result.map(|()| Aside::UsedMeanwhile),
            }
        }
        fs.delete(&aside, true).await?;
        Ok(if marked { Aside::UsedMeanwhile } else { Aside::Gone })
    }
}

/// Whether a mark must be renewed. A mark in the future is left alone: marks never go back.
fn outdated(mark_ms: u64, now_ms: u64) -> bool {
    Duration::from_millis(now_ms.saturating_sub(mark_ms)) > MARKED_AGAIN_AFTER
}

struct Entry {
    file: FileStatus,
    directory_open: bool,
}
