//! Uploads everything an application needs to the cluster's file system.

mod error;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use futures::future::try_join_all;
use proto::ids::ApplicationId;

pub use self::error::StageError;

use super::application_dir::ApplicationDir;
use super::cache::{Cache, CacheFile};
use super::digest::Digests;
use super::upload::Limits;
use super::{FileSystem, FileSystems, HdfsError, resource, uri, walk};
use crate::conf::Configuration;
use crate::yarn::LocalResource;
pub use crate::yarn::launch::Kind;
use crate::yarn::launch::Visibility;

/// Where the content of a staged item comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// A local file, or a directory (every file below it, with links named by relative path).
    Local(PathBuf),
    /// A URI on the cluster, file or directory; used in place.
    Remote(String),
}

/// Who shares a staged item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All applications of the user, by content; kept.
    Cache,
    /// One application; removed with it.
    Application,
}

/// A file or directory for the working directory of a container.
#[derive(Debug, Clone)]
pub struct StageItem {
    /// Where its content comes from.
    pub source: Source,
    /// Name in the working directory; for a directory the prefix of its files' names. May contain `/`.
    pub link: String,
    /// File or archive.
    pub kind: Kind,
    /// Who shares it. For [`Source::Remote`] it determines the visibility.
    pub scope: Scope,
}

/// Everything that an application needs.
#[derive(Debug, Clone, Default)]
pub struct StagePlan {
    /// The items, in order.
    pub items: Vec<StageItem>,
}

/// Is notified about the progress of uploads. All methods do nothing by default.
pub trait Progress: Send + Sync {
    /// This many more files and bytes will be uploaded, not counting reused files. May be called more than once; the
    /// numbers add up.
    fn planned(&self, files: usize, bytes: u64) {
        let _ = (files, bytes);
    }
    /// The upload of a file starts.
    fn started(&self, link: &str, bytes: u64) {
        let _ = (link, bytes);
    }
    /// `bytes` more of a file are being sent.
    fn uploaded(&self, link: &str, bytes: u64) {
        let _ = (link, bytes);
    }
    /// A file is complete on the cluster.
    fn finished(&self, link: &str) {
        let _ = link;
    }
    /// A file was already on the cluster.
    fn reused(&self, link: &str, bytes: u64) {
        let _ = (link, bytes);
    }
}

/// Reports nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Quiet;

impl Progress for Quiet {}

/// How files are staged.
#[derive(Debug, Clone)]
pub struct StagingOptions {
    /// `yarn.staging-directory`; `None` for the home directory.
    pub base: Option<String>,
    /// `yarn.file-replication`; `None` for the file system's default.
    pub replication: Option<u32>,
    /// Number of concurrent uploads.
    pub parallel: usize,
    /// Added to the names of temporary files, for clients that may stage for one application at the same time.
    pub writer: String,
}

impl Default for StagingOptions {
    fn default() -> Self {
        Self { base: None, replication: None, parallel: 4, writer: String::new() }
    }
}

/// Name of the directory below the base that contains all our files.
const ROOT_NAME: &str = ".yarn-flink";

pub(super) fn root(base: &str) -> String {
    uri::join(base, ROOT_NAME)
}

/// A staging area on the cluster: `<base>/.yarn-flink`, with the cache and the applications' directories.
///
/// `<base>` is the home directory or `yarn.staging-directory`; if the latter is world-writable or another user's, a
/// directory in it with the user's name: other users must not be able to plant files that our containers run, and what
/// the first user has created below it the second could not write to.
#[derive(Debug)]
pub struct Staging {
    filesystems: Arc<FileSystems>,
    fs: Arc<dyn FileSystem>,
    base: String,
    /// Why `base` does not exist yet.
    unmade: Option<Unmade>,
    umask: u16,
    options: StagingOptions,
    limits: Arc<Limits>,
    cache: Cache,
}

/// What the first write creates.
#[derive(Debug)]
enum Unmade {
    /// `yarn.staging-directory` itself.
    Base,
    /// The user's own directory inside one that belongs to another user.
    Own { shared: String, owner: String },
}

impl Staging {
    /// Checks that the base directory exists, or can be created. Nothing is changed.
    ///
    /// # Errors
    /// [`StageError::HomeMissing`], [`StageError::ForeignDirectory`], and errors of the file system.
    pub async fn open(filesystems: Arc<FileSystems>, options: StagingOptions) -> Result<Self, StageError> {
        let (fs, mut base) = match &options.base {
            Some(text) => filesystems.locate(text)?,
            None => (Arc::clone(filesystems.default_fs()), filesystems.default_fs().home().to_owned()),
        };
        let user = fs.user().to_owned();
        let mut unmade = None;
        match fs.stat(&base).await {
            Ok(status) if !status.is_dir => {
                let path = fs.uri(&base);
                return Err(HdfsError::WrongType { path, reason: "is not a directory" }.into());
            }
            Ok(status) => {
                let everybodys = status.permission & 0o002 != 0;
                let anothers = options.base.is_some() && status.owner != user;
                // We may have used it before directories were kept per user.
                if everybodys || (anothers && !is_own(fs.as_ref(), &root(&base)).await?) {
                    let (shared, owner) = (fs.uri(&base), status.owner);
                    base = uri::join(&base, &user);
                    match fs.stat(&base).await {
                        Ok(status) if status.owner != user => {
                            let path = fs.uri(&base);
                            return Err(StageError::ForeignDirectory { path, owner: status.owner, user });
                        }
                        Ok(_) => {}
                        Err(error) if error.is_not_found() => unmade = Some(Unmade::Own { shared, owner }),
                        Err(error) => return Err(error.into()),
                    }
                }
            }
            // Flink's own client creates it.
            Err(HdfsError::NotFound { .. }) if options.base.is_some() => unmade = Some(Unmade::Base),
            Err(HdfsError::NotFound { path }) => return Err(StageError::HomeMissing { path, user }),
            Err(error) => return Err(error.into()),
        }
        let limits = Arc::new(Limits::new(options.parallel));
        let umask = umask(filesystems.configuration());
        let cache =
            Cache::new(Arc::clone(&fs), &root(&base), options.replication, umask, Arc::clone(&limits));
        Ok(Self { filesystems, fs, base, unmade, umask, options, limits, cache })
    }

    /// The file system that is staged on.
    pub fn fs(&self) -> &Arc<dyn FileSystem> {
        &self.fs
    }

    /// All file systems of the cluster.
    pub fn file_systems(&self) -> &FileSystems {
        &self.filesystems
    }

    /// Absolute path of `<base>`.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Creates the directory of an application.
    ///
    /// # Errors
    /// [`StageError::NotWritable`], [`StageError::BaseMissing`], [`StageError::NotShared`], and errors of the file system.
    pub async fn application_dir(&self, id: &ApplicationId) -> Result<ApplicationDir, StageError> {
        if self.unmade.is_some() {
            let made = self.fs.mkdirs(&self.base, 0o755 & !self.umask).await;
            made.map_err(|error| self.writable(error.into()))?;
        }
        let dir = ApplicationDir::create(Arc::clone(&self.fs), &self.base, id, self.options.replication);
        dir.await.map_err(|error| self.writable(error.into()))
    }

    /// Stages a plan. The result is in the plan's order; an item that is a directory yields several resources, sorted by link.
    ///
    /// If this fails, only complete cache entries, and `application` with its content, are left behind. If it is dropped,
    /// temporary files are left as well. [`Self::discard`] removes all but the cache entries.
    ///
    /// # Errors
    /// [`StageError`]. Everything that needs no upload is checked first.
    pub async fn stage(
        &self,
        plan: &StagePlan,
        application: &ApplicationDir,
        digests: &Digests,
        progress: &dyn Progress,
    ) -> Result<Vec<LocalResource>, StageError> {
        let mut pieces: Vec<Piece> = try_join_all(plan.items.iter().map(|item| self.pieces(item)))
            .await?
            .into_iter()
            .flatten()
            .collect();
        // The job's jar may be in a directory that is shipped as a whole.
        let mut seen = BTreeSet::new();
        pieces.retain(|piece| match &piece.what {
            What::Remote(resource) => seen.insert((resource.link.clone(), resource.url.clone())),
            _ => true,
        });
        check_links(&pieces)?;

        let own: Vec<u64> = pieces.iter().filter_map(Piece::own_len).collect();
        if !own.is_empty() {
            progress.planned(own.len(), own.iter().sum());
        }
        let cached: Vec<CacheFile> = pieces.iter().filter_map(Piece::cache_file).collect();
        let own = pieces.iter().map(|piece| self.put(piece, application, progress));
        let tag = format!("{}{}", application.name(), self.options.writer);
        let staged =
            futures::try_join!(self.cache.ensure(&cached, &tag, digests, progress), try_join_all(own));
        let (cached, own) = match staged {
            Ok(staged) => staged,
            Err(error) => {
                // Uploads to the cache may have been interrupted.
                self.cache.discard_temporaries().await;
                return Err(self.writable(error));
            }
        };
        let mut cached = cached.into_iter();
        Ok(own.into_iter().filter_map(|own| own.or_else(|| cached.next())).collect())
    }

    /// Removes the application's directory and whatever an interrupted [`Self::stage`] has not finished.
    ///
    /// # Errors
    /// Errors of the file system.
    pub async fn discard(&self, application: &ApplicationDir) -> Result<(), StageError> {
        let ((), result) = futures::join!(self.cache.discard_temporaries(), application.discard());
        Ok(result?)
    }

    /// The files that an item consists of.
    async fn pieces(&self, item: &StageItem) -> Result<Vec<Piece>, StageError> {
        let piece = |link: String, origin: String, what: What| Piece { link, origin, kind: item.kind, what };
        match &item.source {
            Source::Local(path) => {
                let files = walk::files(path)?;
                Ok(files
                    .into_iter()
                    .map(|(relative, path)| {
                        let origin = path.display().to_string();
                        let what = match item.scope {
                            Scope::Cache => What::Cached(path),
                            Scope::Application => What::Own(path),
                        };
                        piece(link(&item.link, &relative), origin, what)
                    })
                    .collect())
            }
            Source::Remote(text) => {
                let (fs, path) = self.filesystems.locate(text)?;
                let found = resource::find(fs.as_ref(), &path).await?;
                for found in &found {
                    if let Some(character) = found.status.name().chars().find(|c| "\"$`\\".contains(*c)) {
                        let url = fs.uri(&found.status.path);
                        return Err(StageError::RemoteName { url, character });
                    }
                }
                Ok(found
                    .into_iter()
                    .map(|found| {
                        let visibility = match item.scope {
                            Scope::Cache => found.visibility,
                            Scope::Application => Visibility::Application,
                        };
                        let link = link(&item.link, &found.relative);
                        let resource =
                            resource::describe(fs.as_ref(), &found.status, &link, item.kind, visibility);
                        piece(link, resource.url.clone(), What::Remote(resource))
                    })
                    .collect())
            }
        }
    }

    /// `None` for files that the cache handles.
    async fn put(
        &self,
        piece: &Piece,
        application: &ApplicationDir,
        progress: &dyn Progress,
    ) -> Result<Option<LocalResource>, StageError> {
        Ok(Some(match &piece.what {
            What::Cached(_) => return Ok(None),
            What::Remote(resource) => resource.clone(),
            What::Own(path) => {
                application.put_file(&self.limits, path, &piece.link, piece.kind, progress).await?
            }
        }))
    }

    /// Adds to the error of a write below the base that was denied which directory must be writable.
    fn writable(&self, error: StageError) -> StageError {
        let base = self.fs.uri(&self.base);
        let source = match error {
            StageError::FileSystem(source @ HdfsError::PermissionDenied { .. }) => source,
            error => return error,
        };
        if !matches!(&source, HdfsError::PermissionDenied { path, .. } if path.starts_with(&base)) {
            return source.into();
        }
        let (user, source) = (self.fs.user().to_owned(), Box::new(source));
        match &self.unmade {
            Some(Unmade::Base) => StageError::BaseMissing { path: base, user, source },
            Some(Unmade::Own { shared, owner }) => {
                StageError::NotShared { path: shared.clone(), owner: owner.clone(), own: base, user, source }
            }
            None => StageError::NotWritable { path: base, user, source },
        }
    }
}

/// Whether a directory exists and belongs to the user.
async fn is_own(fs: &dyn FileSystem, path: &str) -> Result<bool, HdfsError> {
    match fs.stat(path).await {
        Ok(status) => Ok(status.owner == fs.user()),
        Err(HdfsError::NotFound { .. } | HdfsError::PermissionDenied { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// One file of an item.
struct Piece {
    link: String,
    /// The origin, for messages.
    origin: String,
    kind: Kind,
    what: What,
}

enum What {
    Cached(PathBuf),
    Own(PathBuf),
    Remote(LocalResource),
}

impl Piece {
    /// Size in bytes of a local file that belongs to the application.
    fn own_len(&self) -> Option<u64> {
        match &self.what {
            What::Own(path) => Some(std::fs::metadata(path).map_or(0, |metadata| metadata.len())),
            _ => None,
        }
    }

    fn cache_file(&self) -> Option<CacheFile> {
        match &self.what {
            What::Cached(local) => {
                Some(CacheFile { local: local.clone(), link: self.link.clone(), kind: self.kind })
            }
            _ => None,
        }
    }
}

fn link(prefix: &str, relative: &str) -> String {
    match (prefix, relative) {
        (prefix, "") => prefix.to_owned(),
        ("", relative) => relative.to_owned(),
        (prefix, relative) => uri::join(prefix, relative),
    }
}

/// Checks that each name occurs once, that none is inside another, and none outside the working directory.
fn check_links(pieces: &[Piece]) -> Result<(), StageError> {
    let mut seen: BTreeMap<&str, &Piece> = BTreeMap::new();
    for piece in pieces {
        let refuse = |reason| Err(StageError::Link { link: piece.link.clone(), reason });
        match piece.link.as_str() {
            "" => return refuse("it is empty"),
            link if link.starts_with('/') => return refuse("it must be relative"),
            link if link.contains('\0') || link.contains('\n') => {
                return refuse("it contains a control character");
            }
            link if link.split('/').any(|part| matches!(part, "" | "." | "..")) => {
                return refuse("it contains an empty component, `.` or `..`");
            }
            link => {
                if let Some(earlier) = seen.insert(link, piece) {
                    return Err(duplicate(earlier, piece));
                }
            }
        }
    }
    for piece in pieces {
        for (end, _) in piece.link.match_indices('/') {
            if let Some(outer) = piece.link.get(..end).and_then(|above| seen.get(above)) {
                return Err(duplicate(outer, piece));
            }
        }
    }
    Ok(())
}

fn duplicate(first: &Piece, second: &Piece) -> StageError {
    StageError::DuplicateLink {
        link: first.link.clone(),
        first: first.origin.clone(),
        second: second.origin.clone(),
    }
}

/// `fs.permissions.umask-mode` of the client, which HDFS leaves to the client to apply. The symbolic form is not
/// supported and is treated as the strictest mask.
fn umask(conf: &Configuration) -> u16 {
    match conf.get("fs.permissions.umask-mode") {
        Some(text) => u16::from_str_radix(&text, 8).map_or(0o077, |umask| umask & 0o777),
        None => 0o022,
    }
}

#[cfg(test)]
mod tests;
