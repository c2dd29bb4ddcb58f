//! A little of `gc` in passing, with every other command, so that a gateway on which `gc` is never called stays clean.

use std::sync::Arc;
use std::time::Duration;

use super::decide::SUBMISSION;
use super::{Known, Options, Sweep, entries};
use crate::cluster::{ApplicationError, Gateway, high_availability};
use crate::hdfs::FileStatus;
use crate::hdfs::application_dir::ApplicationDir;
use crate::hdfs::key_record::KeyRecord;

/// Maximum delay of a command.
const BUDGET: Duration = Duration::from_millis(20);

/// How long what only a staging directory knows remains available if `gc` is not called: `status` reads it there.
const KEEP_UNREPORTED: Duration = Duration::from_secs(7 * 86_400);

/// Number of directories, and of records of keys, that one command examines.
const LOOKS: usize = 2;

/// Examines two of the user's staging directories and two of the old records of keys, and removes those of applications
/// that the ResourceManager reports ended. Stops after 20 ms, wherever it is then: each removal is one call, and what
/// this command leaves is left to the next one. Never fails, and never reports what it could not do.
///
/// It leaves to `gc`: anything younger than an hour, since a user may be looking at it; applications that the
/// ResourceManager does not know; for a week those that could not report their end; anything that requires talking to
/// ZooKeeper; the cache.
pub async fn tidy(gateway: &Gateway, now_ms: u64) {
    match tokio::time::timeout(BUDGET, look(gateway, now_ms)).await {
        Ok(Ok(removed)) => tracing::debug!(removed, "tidied"),
        Ok(Err(error)) => tracing::debug!(%error, "not tidied"),
        Err(_) => tracing::debug!("cleanup stopped at its time limit"),
    }
}

async fn look(gateway: &Gateway, now_ms: u64) -> Result<usize, ApplicationError> {
    let file_systems = gateway.file_systems()?;
    let fs = file_systems.default_fs();
    let base = fs.home().to_owned();
    let options = Options::default();
    let mut sweep = Sweep {
        gateway,
        file_systems: &file_systems,
        // Empty: so an application that the ResourceManager does not know is kept, too.
        known: Known::default(),
        options: &options,
        now_ms,
        keep_unreported: KEEP_UNREPORTED,
        told: None,
        collected: super::Collected::default(),
    };
    let directories = entries(fs.as_ref(), &ApplicationDir::root(&base), &mut sweep.collected).await;
    for entry in some_of(directories.unwrap_or_default(), SUBMISSION, now_ms) {
        if !high_availability::recorded(fs.as_ref(), &entry.path).await? {
            sweep.application(fs.as_ref(), &entry).await?;
        }
    }
    let keys = entries(fs.as_ref(), &KeyRecord::root(&base), &mut sweep.collected).await;
    for entry in some_of(keys.unwrap_or_default(), options.keep_keys, now_ms) {
        sweep.key(&Arc::clone(fs), &entry).await?;
    }
    Ok(sweep.collected.removed.len())
}

/// A few of those that are old enough. Which ones depends on the current time: otherwise those of applications that run
/// for months would hide all others.
fn some_of(mut entries: Vec<FileStatus>, age: Duration, now_ms: u64) -> Vec<FileStatus> {
    let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    entries.retain(|entry| entry.modification_time_ms.saturating_add(age_ms) < now_ms);
    if let Some(start) = usize::try_from(now_ms).ok().and_then(|now| now.checked_rem(entries.len())) {
        entries.rotate_left(start);
    }
    entries.truncate(LOOKS);
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, modification_time_ms: u64) -> FileStatus {
        FileStatus {
            path: format!("/user/u/.yarn-flink/apps/{name}"),
            modification_time_ms,
            ..FileStatus::default()
        }
    }

    #[test]
    fn young_ones_are_left_alone_and_old_ones_take_turns() {
        let hour = 3_600_000;
        let all = || vec![entry("a", 0), entry("b", 1), entry("c", 2), entry("young", hour / 2)];
        let names = |now_ms| {
            let chosen = some_of(all(), SUBMISSION, now_ms);
            chosen.iter().map(|entry| entry.name().to_owned()).collect::<Vec<_>>().join("")
        };
        assert_eq!([names(hour + 12), names(hour + 13), names(hour + 14)], ["ab", "bc", "ca"]);
        assert_eq!(names(hour), "");
    }
}
