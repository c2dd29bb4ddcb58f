//! Cache entries that are no longer used, and uploads that were abandoned.

use std::time::Duration;

use super::decide::{InUse, abandoned, unused};
use super::{Collected, Kind, Options, Reason, Removed, entries};
use crate::hdfs::FileSystem;
use crate::hdfs::cache::{Aside, Cache};

/// Searches the cache below `base`. `in_use` must have been determined before.
pub(super) async fn collect(
    fs: &dyn FileSystem,
    base: &str,
    in_use: InUse,
    options: &Options,
    now_ms: u64,
    collected: &mut Collected,
) {
    for upload in entries(fs, &Cache::uploading_below(base), collected).await.unwrap_or_default() {
        let age = Duration::from_millis(now_ms.saturating_sub(upload.modification_time_ms));
        if !abandoned(age) {
            collected.kept += 1;
        } else if let Err(error) = remove(options, fs.delete(&upload.path, true)).await {
            collected.failed.push((fs.uri(&upload.path), error.to_string()));
        } else {
            collected.removed.push(removed(fs.uri(&upload.path), Kind::Upload, Reason::Abandoned));
        }
    }
    for entry in entries(fs, &Cache::directory_below(base), collected).await.unwrap_or_default() {
        if !Cache::is_entry(&entry) {
            continue;
        }
        if !unused(entry.modification_time_ms, now_ms, in_use, options.keep_cache) {
            collected.kept += 1;
            continue;
        }
        let gone = if options.dry_run { Ok(Aside::Gone) } else { Cache::remove(fs, base, &entry).await };
        match gone {
            Ok(Aside::Gone) => {
                collected.removed.push(removed(fs.uri(&entry.path), Kind::Cache, Reason::Unused));
            }
            Ok(Aside::UsedMeanwhile) => collected.kept += 1,
            Err(error) => collected.failed.push((fs.uri(&entry.path), error.to_string())),
        }
    }
}

async fn remove(
    options: &Options,
    delete: impl Future<Output = Result<bool, crate::hdfs::HdfsError>>,
) -> Result<(), crate::hdfs::HdfsError> {
    if options.dry_run { Ok(()) } else { delete.await.map(|_| ()) }
}

fn removed(uri: String, kind: Kind, reason: Reason) -> Removed {
    Removed { uri, kind, application: None, reason, checkpoint: None }
}
