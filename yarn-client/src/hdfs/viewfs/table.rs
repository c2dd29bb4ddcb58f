//! Resolves a path of a view to its mount.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Open;
use crate::conf::Configuration;
use crate::hdfs::{FileSystem, FileUri, uri};

/// One link of a table.
pub(super) struct Mount {
    /// Its path in the view; `/` for one that covers all the rest.
    pub(super) path: String,
    /// Its target: a file system and a path on it, or why it cannot be used.
    pub(super) to: Result<(Arc<dyn FileSystem>, String), String>,
}

impl Mount {
    pub(super) fn is_fallback(&self) -> bool {
        self.path == "/"
    }
}

/// The position of a path of the view.
pub(super) enum Place<'a> {
    /// Below a mount point, or at it: the rest of the path, empty or with a leading slash.
    Below(&'a Mount, String),
    /// A directory above mount points.
    Above,
    /// Not covered by the table.
    Nowhere,
}

/// A mount table; the deepest mount points first, a fallback last.
pub(super) struct Table {
    mounts: Vec<Mount>,
}

impl Table {
    /// `prefix`: the prefix of its keys, `fs.viewfs.mounttable.<table>.`.
    pub(super) fn read(prefix: &str, conf: &Configuration, open: Open<'_>) -> Self {
        let mut mounts = Vec::new();
        for (key, value) in conf.flat() {
            let Some(link) = key.strip_prefix(prefix) else { continue };
            let path = match link.strip_prefix("link.") {
                Some(path) if path.starts_with('/') => {
                    uri::resolve(path, "viewfs://", "/").unwrap_or_else(|_| path.to_owned())
                }
                // Everything, with or without mount points above it.
                _ if matches!(link, "linkFallback" | "linkMergeSlash" | "linkMergeSlash.") => "/".to_owned(),
                _ => continue,
            };
            let target = FileUri::parse(&value);
            let to = match target.scheme.as_deref() {
                Some("hdfs" | "file") => open(&target, &value, &key)
                    .and_then(|fs| Ok((Arc::clone(&fs), fs.resolve(&value)?)))
                    .map_err(|error| format!("{key} = {value}: {error}")),
                _ => Err(format!("`{key}` = {value}: only hdfs and file can be mounted")),
            };
            mounts.push(Mount { path, to });
        }
        mounts.sort_by_key(|mount| {
            std::cmp::Reverse(mount.path.split('/').filter(|part| !part.is_empty()).count())
        });
        Self { mounts }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.mounts.is_empty()
    }

    pub(super) fn fallback(&self) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.is_fallback())
    }

    /// Finds a path, which must be absolute and normalized.
    pub(super) fn find(&self, path: &str) -> Place<'_> {
        for mount in self.mounts.iter().filter(|mount| !mount.is_fallback()) {
            match path.strip_prefix(&mount.path) {
                Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                    return Place::Below(mount, rest.to_owned());
                }
                _ => {}
            }
        }
        let above = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let is_above = |mount: &Mount| !mount.is_fallback() && mount.path.starts_with(&above);
        if self.mounts.iter().any(is_above) {
            return Place::Above;
        }
        match self.fallback() {
            Some(fallback) => Place::Below(fallback, path.trim_end_matches('/').to_owned()),
            None if path == "/" => Place::Above,
            None => Place::Nowhere,
        }
    }

    /// Names in a directory above mount points.
    pub(super) fn children(&self, path: &str) -> BTreeSet<String> {
        let above = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let below = self.mounts.iter().filter_map(|mount| mount.path.strip_prefix(&above));
        below
            .filter_map(|rest| rest.split('/').next())
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect()
    }
}
