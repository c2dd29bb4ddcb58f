//! Turns a file on the cluster into a `LocalResource` for NodeManagers.

use futures::future::{BoxFuture, FutureExt, join_all};

use super::{FileStatus, FileSystem, HdfsError, uri};
use crate::yarn::LocalResource;
use crate::yarn::launch::{Kind, Visibility};

/// Other users may pass through a directory.
const OTHER_EXECUTE: u16 = 0o001;
/// Other users may read a file.
const OTHER_READ: u16 = 0o004;

/// Describes a file as its file system reports it; the NodeManager compares the time to the millisecond.
pub(super) fn describe(
    fs: &dyn FileSystem,
    status: &FileStatus,
    link: &str,
    kind: Kind,
    visibility: Visibility,
) -> LocalResource {
    LocalResource {
        link: link.to_owned(),
        url: fs.held(&status.path).map_or_else(|| fs.uri(&status.path), |(held, path)| held.uri(&path)),
        size: status.len,
        timestamp_ms: status.modification_time_ms,
        kind,
        visibility,
    }
}

/// Whether files in `directory` are accessible to everyone: every directory from there to the root lets other users
/// through (YARN's `FSDownload.ancestorsHaveExecutePermissions`). A directory that we may not even inspect does not.
pub(super) async fn world_reachable(fs: &dyn FileSystem, directory: &str) -> Result<bool, HdfsError> {
    // NodeManagers check the path that they are given.
    let held = fs.held(directory);
    let (fs, directory) = match &held {
        Some((held, path)) => (held.as_ref(), path.as_str()),
        None => (fs, directory),
    };
    let chain = std::iter::once(directory).chain(uri::ancestors(directory));
    let mut reachable = true;
    for status in join_all(chain.map(|path| fs.stat(path))).await {
        match status {
            Ok(status) => reachable &= status.permission & OTHER_EXECUTE != 0,
            Err(HdfsError::PermissionDenied { .. } | HdfsError::NotFound { .. }) => reachable = false,
            Err(error) => return Err(error),
        }
    }
    Ok(reachable)
}

/// `PUBLIC` if everyone may read the file, else `PRIVATE`. `reachable`: [`world_reachable`] of its directory.
pub(super) fn shared_visibility(status: &FileStatus, reachable: bool) -> Visibility {
    if reachable && status.permission & OTHER_READ != 0 { Visibility::Public } else { Visibility::Private }
}

/// A file found on the cluster.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Path relative to the directory that was searched; empty if that was a file itself.
    pub(super) relative: String,
    pub(super) status: FileStatus,
    pub(super) visibility: Visibility,
}

/// The file at `path`, or every file below it, sorted by path.
pub(super) async fn find(fs: &dyn FileSystem, path: &str) -> Result<Vec<Found>, HdfsError> {
    let above = uri::parent(path).unwrap_or("/");
    let (status, reachable) = futures::try_join!(fs.stat(path), world_reachable(fs, above))?;
    if !status.is_dir {
        let visibility = shared_visibility(&status, reachable);
        return Ok(vec![Found { relative: String::new(), status, visibility }]);
    }
    let mut found = Vec::new();
    walk(fs, &status, String::new(), reachable, &mut found).await?;
    found.sort_by(|a, b| a.relative.cmp(&b.relative));
    Ok(found)
}

fn walk<'a>(
    fs: &'a dyn FileSystem,
    directory: &'a FileStatus,
    prefix: String,
    reachable: bool,
    found: &'a mut Vec<Found>,
) -> BoxFuture<'a, Result<(), HdfsError>> {
    async move {
        let reachable = reachable && directory.permission & OTHER_EXECUTE != 0;
        for status in fs.list(&directory.path).await? {
            let relative = format!("{prefix}{}", status.name());
            if status.is_dir {
                walk(fs, &status, format!("{relative}/"), reachable, found).await?;
            } else {
                let visibility = shared_visibility(&status, reachable);
                found.push(Found { relative, status, visibility });
            }
        }
        Ok(())
    }
    .boxed()
}
