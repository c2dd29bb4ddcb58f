//! ViewFs: one name space over several file systems, defined by a mount table in the client's configuration
//! (`fs.viewfs.mounttable.<table>.link./path`). Directories above the mount points exist only in the table.

mod table;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

use self::table::{Mount, Place, Table};
use super::{CreateOptions, FileRead, FileStatus, FileSystem, FileUri, FileWrite, HdfsError, uri};
use crate::conf::Configuration;
use crate::security::User;

/// The table of a URI that names none (`Constants.CONFIG_VIEWFS_DEFAULT_MOUNT_TABLE`).
const DEFAULT_TABLE: &str = "default";
/// Directories above the mount points are read-only.
const ABOVE_MODE: u16 = 0o555;

/// What is mounted in the table of `uri`; nothing is opened.
pub(super) fn targets(uri: &FileUri, conf: &Configuration) -> impl Iterator<Item = FileUri> {
    let name = if uri.authority.is_empty() { DEFAULT_TABLE } else { &uri.authority };
    let prefix = prefix(name);
    let mounted = move |(key, value): (String, String)| {
        key.strip_prefix(&prefix).is_some_and(|link| link.starts_with("link")).then(|| FileUri::parse(&value))
    };
    conf.flat().into_iter().filter_map(mounted)
}

/// The beginning of the keys of a table.
fn prefix(table: &str) -> String {
    format!("fs.viewfs.mounttable.{table}.")
}

/// Opens the file system of a mount; the second argument names the mount for messages.
pub(super) type Open<'a> = &'a dyn Fn(&FileUri, &str, &str) -> Result<Arc<dyn FileSystem>, HdfsError>;

/// The file system of one mount table.
#[derive(Clone)]
pub struct ViewFs {
    root: String,
    home: String,
    user: String,
    table: Arc<Table>,
}

impl fmt::Debug for ViewFs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewFs").field("root", &self.root).field("user", &self.user).finish_non_exhaustive()
    }
}

impl ViewFs {
    /// Reads the mount table of `uri`. An unusable mount is an error only when it is accessed.
    ///
    /// # Errors
    /// [`HdfsError::Path`] if there is no such table.
    pub(super) fn new(
        uri: &FileUri,
        text: &str,
        conf: &Configuration,
        user: &User,
        open: Open<'_>,
    ) -> Result<Self, HdfsError> {
        let name = if uri.authority.is_empty() { DEFAULT_TABLE } else { &uri.authority };
        let prefix = prefix(name);
        let table = Table::read(&prefix, conf, open);
        if table.is_empty() {
            let reason =
                format!("the mount table is empty: no `{prefix}link./PATH` is set in `core-site.xml`");
            return Err(HdfsError::Path { path: text.to_owned(), reason });
        }
        let homes = conf.get(&format!("{prefix}homedir")).filter(|homes| !homes.is_empty());
        Ok(Self {
            root: format!("viewfs://{}", uri.authority),
            home: uri::join(homes.as_deref().unwrap_or("/user"), &user.name),
            user: user.name.clone(),
            table: Arc::new(table),
        })
    }

    /// Resolves a path to be read.
    fn to_read<'a>(&'a self, path: &'a str) -> Result<Below<'a>, HdfsError> {
        match self.table.find(path) {
            Place::Below(mount, rest) => self.below(mount, &rest),
            Place::Above | Place::Nowhere => Err(HdfsError::NotFound { path: self.uri(path) }),
        }
    }

    /// Resolves a path to be changed; mount points and directories above them never change.
    fn to_write<'a>(&'a self, operation: &'static str, path: &str) -> Result<Below<'a>, HdfsError> {
        match self.table.find(path) {
            Place::Below(mount, rest) if !rest.is_empty() || mount.is_fallback() => self.below(mount, &rest),
            _ => {
                let message = format!("the mount table of {} has no mount point for it", self.root);
                Err(HdfsError::PermissionDenied {
                    user: self.user.clone(),
                    operation,
                    path: self.uri(path),
                    detail: message.clone(),
                    message,
                })
            }
        }
    }

    /// Like `to_write`, but also allows attributes of a mount point's target to be changed.
    fn to_change<'a>(&'a self, operation: &'static str, path: &str) -> Result<Below<'a>, HdfsError> {
        match self.table.find(path) {
            Place::Below(mount, rest) => self.below(mount, &rest),
            _ => self.to_write(operation, path),
        }
    }

    fn below<'a>(&'a self, mount: &'a Mount, rest: &str) -> Result<Below<'a>, HdfsError> {
        match &mount.to {
            Ok((fs, base)) => {
                let path = format!("{}{rest}", base.trim_end_matches('/'));
                let path = if path.is_empty() { "/".to_owned() } else { path };
                Ok(Below { view: self, mount, fs: fs.as_ref(), base, path })
            }
            Err(reason) => Err(HdfsError::Path { path: self.uri(&mount.path), reason: reason.clone() }),
        }
    }

    fn directory(&self, path: &str) -> FileStatus {
        FileStatus {
            path: path.to_owned(),
            is_dir: true,
            owner: self.user.clone(),
            group: self.user.clone(),
            permission: ABOVE_MODE,
            ..FileStatus::default()
        }
    }

    /// Lists a directory above mount points: these, and what the fallback has there.
    async fn list_above(&self, path: &str) -> Result<Vec<FileStatus>, HdfsError> {
        let mut entries = Vec::new();
        for name in self.table.children(path) {
            let path = uri::join(path, &name);
            // The mounted file system may be unreachable: its name is listed anyway.
            let known = match self.table.find(&path) {
                Place::Below(..) => self.stat(&path).await.ok(),
                Place::Above | Place::Nowhere => None,
            };
            entries.push(known.unwrap_or_else(|| self.directory(&path)));
        }
        if let Some(fallback) = self.table.fallback() {
            let below = self.below(fallback, path.trim_end_matches('/'))?;
            match below.fs.list(&below.path).await {
                Ok(more) => {
                    let more = more.into_iter().map(|status| below.seen(status));
                    let hidden = |it: &FileStatus| entries.iter().any(|entry| entry.path == it.path);
                    let more: Vec<_> = more.filter(|it| !hidden(it)).collect();
                    entries.extend(more);
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(below.told(error)),
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }
}

/// A path of the view, in the file system that holds it.
struct Below<'a> {
    view: &'a ViewFs,
    mount: &'a Mount,
    fs: &'a dyn FileSystem,
    base: &'a str,
    path: String,
}

impl Below<'_> {
    /// The status with its name in the view.
    fn seen(&self, mut status: FileStatus) -> FileStatus {
        if let Some(rest) = status.path.strip_prefix(self.base.trim_end_matches('/')) {
            let path = format!("{}{rest}", self.mount.path.trim_end_matches('/'));
            status.path = if path.is_empty() { "/".to_owned() } else { path };
        }
        status
    }

    /// The error with the path as it was given.
    fn told(&self, error: HdfsError) -> HdfsError {
        let held = self.fs.uri(self.base.trim_end_matches('/'));
        error.with_path(|path| {
            let rest = path.strip_prefix(&held)?;
            Some(format!("{}{}{rest}", self.view.root, self.mount.path.trim_end_matches('/')))
        })
    }

    async fn run<T>(&self, call: BoxFuture<'_, Result<T, HdfsError>>) -> Result<T, HdfsError> {
        call.await.map_err(|error| self.told(error))
    }
}

impl FileSystem for ViewFs {
    fn root(&self) -> &str {
        &self.root
    }

    fn home(&self) -> &str {
        &self.home
    }

    fn user(&self) -> &str {
        &self.user
    }

    fn held(&self, path: &str) -> Option<(Arc<dyn FileSystem>, String)> {
        let Place::Below(mount, rest) = self.table.find(path) else { return None };
        let below = self.below(mount, &rest).ok()?;
        let (fs, _) = mount.to.as_ref().ok()?;
        Some((Arc::clone(fs), below.path))
    }

    fn stat<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<FileStatus, HdfsError>> {
        Box::pin(async move {
            if let Place::Above = self.table.find(path) {
                return Ok(self.directory(path));
            }
            let below = self.to_read(path)?;
            Ok(below.seen(below.run(below.fs.stat(&below.path)).await?))
        })
    }

    fn list<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Vec<FileStatus>, HdfsError>> {
        Box::pin(async move {
            if let Place::Above = self.table.find(path) {
                return self.list_above(path).await;
            }
            let below = self.to_read(path)?;
            let found = below.run(below.fs.list(&below.path)).await?;
            Ok(found.into_iter().map(|status| below.seen(status)).collect())
        })
    }

    fn mkdirs<'a>(&'a self, path: &'a str, mode: u16) -> BoxFuture<'a, Result<(), HdfsError>> {
        Box::pin(async move {
            if let Place::Above = self.table.find(path) {
                return Ok(());
            }
            let below = self.to_change("make directory", path)?;
            below.run(below.fs.mkdirs(&below.path, mode)).await
        })
    }

    fn create<'a>(
        &'a self,
        path: &'a str,
        options: CreateOptions,
    ) -> BoxFuture<'a, Result<Box<dyn FileWrite>, HdfsError>> {
        Box::pin(async move {
            let below = self.to_write("create", path)?;
            below.run(below.fs.create(&below.path, options)).await
        })
    }

    fn open<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Box<dyn FileRead>, HdfsError>> {
        Box::pin(async move {
            let below = self.to_read(path)?;
            below.run(below.fs.open(&below.path)).await
        })
    }

    fn read<'a>(&'a self, path: &'a str, limit: u64) -> BoxFuture<'a, Result<Bytes, HdfsError>> {
        Box::pin(async move {
            let below = self.to_read(path)?;
            below.run(below.fs.read(&below.path, limit)).await
        })
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, Result<(), HdfsError>> {
        Box::pin(async move {
            if let Place::Nowhere = self.table.find(from) {
                return Err(HdfsError::NotFound { path: self.uri(from) });
            }
            let (source, target) = (self.to_write("rename", from)?, self.to_write("rename", to)?);
            if !std::ptr::eq(source.mount, target.mount) {
                let reason =
                    format!("it cannot be renamed to {}, which is on another mount point", self.uri(to));
                return Err(HdfsError::Path { path: self.uri(from), reason });
            }
            source.run(source.fs.rename(&source.path, &target.path)).await
        })
    }

    fn delete<'a>(&'a self, path: &'a str, recursive: bool) -> BoxFuture<'a, Result<bool, HdfsError>> {
        Box::pin(async move {
            if let Place::Nowhere = self.table.find(path) {
                return Ok(false);
            }
            let below = self.to_write("delete", path)?;
            below.run(below.fs.delete(&below.path, recursive)).await
        })
    }

    fn set_permission<'a>(&'a self, path: &'a str, mode: u16) -> BoxFuture<'a, Result<(), HdfsError>> {
        Box::pin(async move {
            let below = self.to_change("set permission of", path)?;
            below.run(below.fs.set_permission(&below.path, mode)).await
        })
    }

    fn set_replication<'a>(
        &'a self,
        path: &'a str,
        replication: u32,
    ) -> BoxFuture<'a, Result<(), HdfsError>> {
        Box::pin(async move {
            let below = self.to_change("set replication of", path)?;
            below.run(below.fs.set_replication(&below.path, replication)).await
        })
    }

    fn set_modification_time<'a>(&'a self, path: &'a str, ms: u64) -> BoxFuture<'a, Result<(), HdfsError>> {
        Box::pin(async move {
            let below = self.to_change("set times of", path)?;
            below.run(below.fs.set_modification_time(&below.path, ms)).await
        })
    }
}

#[cfg(test)]
mod tests;
