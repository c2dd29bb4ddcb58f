//! A little of `gc` on the way of every other command, so that a gateway on which nobody ever calls it stays clean.

use std::sync::Arc;
use std::time::Duration;

use super::decide::SUBMISSION;
use super::{Known, Options, Sweep, entries};
use crate::cluster::{ApplicationError, Gateway, high_availability};
use crate::hdfs::FileStatus;
use crate::hdfs::application_dir::ApplicationDir;
use crate::hdfs::key_record::KeyRecord;

/// A command is never later than this for it.
const BUDGET: Duration = Duration::from_millis(20);

/// What only a staging directory knows can be asked for this long, if nobody calls `gc`: `status` reads there.
const KEEP_UNREPORTED: Duration = Duration::from_secs(7 * 86_400);

/// Directories, and records of keys, that one command looks at.
const LOOKS: usize = 2;

/// Looks at two of the user's staging directories and two of the old records of keys, and removes those of applications
/// that the ResourceManager reports ended. Ends within 20 ms, wherever it is then: each removal is one call, and what
/// this command leaves is the next one's. Never fails, and never speaks of what it could not do.
///
/// It leaves to `gc`: what is younger than an hour, since somebody may be looking at it; applications the
/// ResourceManager does not know; for a week those that could not report their end; whatever needs a conversation with
/// ZooKeeper; the cache.
pub async fn tidy(gateway: &Gateway, now_ms: u64) {
    match tokio::time::timeout(BUDGET, look(gateway, now_ms)).await {
        Ok(Ok(removed)) => tracing::debug!(removed, "tidied"),
        Ok(Err(error)) => tracing::debug!(%error, "not tidied"),
        Err(_) => tracing::debug!("tidied for as long as a command may"),
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
        // Nothing: so an application that the ResourceManager does not know stays, too.
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

/// A few of those that are old enough. Which ones depends on the time of day: those of applications that run for months
/// would otherwise hide all others.
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
