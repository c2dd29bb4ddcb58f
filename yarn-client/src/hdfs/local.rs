//! A local directory tree as the cluster's file system, for a YARN on `file:///`.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use futures::future::{self, BoxFuture, FutureExt};

use super::{CreateOptions, FileRead, FileStatus, FileSystem, FileWrite, HdfsError};

/// The local file system. Calls block as long as the disk does.
#[derive(Debug, Clone)]
pub struct LocalFs {
    home: String,
    user: String,
}

impl LocalFs {
    /// The local file system, with `home` as the user's home directory.
    pub fn new(user: impl Into<String>, home: impl Into<String>) -> Self {
        Self { home: home.into(), user: user.into() }
    }

    fn error(&self, operation: &'static str, path: &str, source: io::Error) -> HdfsError {
        let uri = self.uri(path);
        match source.kind() {
            ErrorKind::NotFound => HdfsError::NotFound { path: uri },
            ErrorKind::AlreadyExists => HdfsError::AlreadyExists { path: uri },
            ErrorKind::DirectoryNotEmpty => HdfsError::NotEmpty { path: uri },
            ErrorKind::NotADirectory => {
                HdfsError::WrongType { path: uri, reason: "a file exists where a directory is needed" }
            }
            ErrorKind::IsADirectory => HdfsError::WrongType { path: uri, reason: "is a directory" },
            ErrorKind::PermissionDenied => HdfsError::PermissionDenied {
                user: self.user.clone(),
                operation,
                path: uri,
                message: source.to_string(),
                detail: source.to_string(),
            },
            ErrorKind::QuotaExceeded | ErrorKind::StorageFull => HdfsError::Quota {
                operation,
                path: uri,
                message: source.to_string(),
                detail: source.to_string(),
            },
            _ => HdfsError::Local { operation, path: PathBuf::from(path), source },
        }
    }

    fn status(&self, path: &str, metadata: &fs::Metadata) -> FileStatus {
        let millis = metadata.mtime().saturating_mul(1000).saturating_add(metadata.mtime_nsec() / 1_000_000);
        let owner = if metadata.uid() == rustix::process::geteuid().as_raw() {
            self.user.clone()
        } else {
            metadata.uid().to_string()
        };
        FileStatus {
            path: path.to_owned(),
            len: if metadata.is_dir() { 0 } else { metadata.len() },
            modification_time_ms: u64::try_from(millis).unwrap_or(0),
            is_dir: metadata.is_dir(),
            owner,
            group: metadata.gid().to_string(),
            permission: (metadata.mode() & 0o7777) as u16,
            replication: u32::from(!metadata.is_dir()),
        }
    }

    fn run<'a, T: Send + 'a>(
        &self,
        operation: &'static str,
        path: &str,
        call: impl FnOnce() -> io::Result<T>,
    ) -> BoxFuture<'a, Result<T, HdfsError>> {
        future::ready(call().map_err(|source| self.error(operation, path, source))).boxed()
    }
}

struct LocalReader {
    file: fs::File,
    length: u64,
    fs: LocalFs,
    path: String,
}

impl FileRead for LocalReader {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, length: usize) -> BoxFuture<'_, Result<Bytes, HdfsError>> {
        self.fs.run("read", &self.path, || {
            let left = self.length.saturating_sub(offset);
            let mut bytes = vec![0; length.min(usize::try_from(left).unwrap_or(usize::MAX))];
            self.file.read_exact_at(&mut bytes, offset)?;
            Ok(Bytes::from(bytes))
        })
    }
}

fn mkdirs(path: &Path, mode: u32) -> io::Result<()> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => return Ok(()),
        Ok(_) => return Err(ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if let Some(parent) = path.parent() {
        match mkdirs(parent, mode | 0o300) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(ErrorKind::NotADirectory.into());
            }
            result => result?,
        }
    }
    match fs::DirBuilder::new().mode(mode).create(path) {
        // Another process was faster; its mode is kept.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        // Set again, because the process's umask has reduced the first one.
        result => result.and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(mode))),
    }
}

/// Renames, and fails if `to` exists, atomically where the kernel supports it.
fn rename(from: &str, to: &str) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => match fs::symlink_metadata(to) {
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
            Err(_) => fs::rename(from, to),
        },
        result => result.map_err(io::Error::from),
    }
}

fn delete(path: &str, recursive: bool) -> io::Result<bool> {
    let result = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() && recursive => fs::remove_dir_all(path),
        Ok(found) if found.is_dir() => fs::remove_dir(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        result => result.map(|()| true),
    }
}

struct LocalWriter {
    fs: LocalFs,
    path: String,
    file: fs::File,
}

impl FileWrite for LocalWriter {
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), HdfsError>> {
        let result = self.file.write_all(&data);
        future::ready(result.map_err(|source| self.fs.error("write", &self.path, source))).boxed()
    }

    fn close(&mut self) -> BoxFuture<'_, Result<(), HdfsError>> {
        future::ready(self.file.flush().map_err(|source| self.fs.error("write", &self.path, source))).boxed()
    }
}

impl FileSystem for LocalFs {
    fn root(&self) -> &str {
        "file://"
    }

    fn home(&self) -> &str {
        &self.home
    }

    fn user(&self) -> &str {
        &self.user
    }

    fn stat<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<FileStatus, HdfsError>> {
        self.run("stat", path, || Ok(self.status(path, &fs::metadata(path)?)))
    }

    fn list<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Vec<FileStatus>, HdfsError>> {
        self.run("list", path, || {
            let metadata = fs::metadata(path)?;
            if !metadata.is_dir() {
                return Ok(vec![self.status(path, &metadata)]);
            }
            let mut found = Vec::new();
            for entry in fs::read_dir(path)? {
                let entry = entry?;
                // Deleted since, a dangling link, or a name that a URI cannot contain.
                let (Ok(metadata), Some(name)) =
                    (fs::metadata(entry.path()), entry.file_name().to_str().map(str::to_owned))
                else {
                    continue;
                };
                found.push(self.status(&super::uri::join(path, &name), &metadata));
            }
            found.sort_by(|a, b| a.path.cmp(&b.path));
            Ok(found)
        })
    }

    fn mkdirs<'a>(&'a self, path: &'a str, mode: u16) -> BoxFuture<'a, Result<(), HdfsError>> {
        self.run("make directory", path, || mkdirs(Path::new(path), mode.into()))
    }

    fn create<'a>(
        &'a self,
        path: &'a str,
        options: CreateOptions,
    ) -> BoxFuture<'a, Result<Box<dyn FileWrite>, HdfsError>> {
        self.run("create", path, || {
            if options.parents
                && let Some(parent) = Path::new(path).parent()
            {
                mkdirs(parent, 0o755)?;
            }
            let mut open = fs::OpenOptions::new();
            open.write(true).mode(options.mode.into());
            let file = match options.overwrite {
                true => open.create(true).truncate(true).open(path)?,
                false => open.create_new(true).open(path)?,
            };
            file.set_permissions(fs::Permissions::from_mode(options.mode.into()))?;
            let writer = LocalWriter { fs: self.clone(), path: path.to_owned(), file };
            Ok(Box::new(writer) as Box<dyn FileWrite>)
        })
    }

    fn read<'a>(&'a self, path: &'a str, limit: u64) -> BoxFuture<'a, Result<Bytes, HdfsError>> {
        self.run("read", path, || {
            let len = fs::metadata(path)?.len();
            if len > limit {
                return Err(io::Error::new(
                    ErrorKind::FileTooLarge,
                    format!("{len} bytes, more than the {limit} expected"),
                ));
            }
            fs::read(path).map(Bytes::from)
        })
    }

    fn open<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Box<dyn FileRead>, HdfsError>> {
        self.run("open", path, || {
            let file = fs::File::open(path)?;
            let length = file.metadata()?.len();
            Ok(Box::new(LocalReader { file, length, fs: self.clone(), path: path.to_owned() })
                as Box<dyn FileRead>)
        })
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, Result<(), HdfsError>> {
        let result = rename(from, to).map_err(|source| {
            let about = if source.kind() == ErrorKind::AlreadyExists { to } else { from };
            self.error("rename", about, source)
        });
        future::ready(result).boxed()
    }

    fn delete<'a>(&'a self, path: &'a str, recursive: bool) -> BoxFuture<'a, Result<bool, HdfsError>> {
        self.run("delete", path, || delete(path, recursive))
    }

    fn set_permission<'a>(&'a self, path: &'a str, mode: u16) -> BoxFuture<'a, Result<(), HdfsError>> {
        self.run("set permission of", path, || {
            fs::set_permissions(path, fs::Permissions::from_mode(mode.into()))
        })
    }

    fn set_replication<'a>(
        &'a self,
        path: &'a str,
        _replication: u32,
    ) -> BoxFuture<'a, Result<(), HdfsError>> {
        self.run("set replication of", path, || match fs::metadata(path)?.is_dir() {
            true => Err(ErrorKind::IsADirectory.into()),
            false => Ok(()),
        })
    }

    fn set_modification_time<'a>(&'a self, path: &'a str, ms: u64) -> BoxFuture<'a, Result<(), HdfsError>> {
        self.run("set times of", path, || {
            fs::File::open(path)?.set_modified(UNIX_EPOCH + Duration::from_millis(ms))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn local_file_system_conforms() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().to_str().unwrap();
        super::super::conformance::run(Arc::new(LocalFs::new("ada", base)), base).await;
        assert_eq!(fs::read_dir(base).unwrap().count(), 0);
    }
}
