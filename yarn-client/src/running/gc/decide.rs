//! Decides what may be removed.

use std::time::Duration;

use super::{Kind, Options, Reason};
use crate::hdfs::cache::MARKED_AGAIN_AFTER;
use crate::yarn::{ApplicationState, FinalStatus};

/// A client creates the directory before the ResourceManager knows the application, and may upload for a while.
pub(super) const SUBMISSION: Duration = Duration::from_secs(3600);

/// Age at which an unpublished temporary file counts as abandoned.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// The state of an application according to the ResourceManager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// Has not ended.
    Live {
        /// When the ResourceManager accepted it, ms since the epoch.
        started_ms: u64,
    },
    /// Has ended.
    Ended(Ending),
    /// Not known, although ids of the same ResourceManager are.
    Forgotten,
    /// Not known.
    Unknown,
}

/// The end of an application, as far as others depend on what it leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It reached its intended end, or was ended on request.
    Meant,
    /// Its master has reported that it failed.
    Failed,
    /// No attempt was left to report anything: only the staging directory says how far its job got.
    Unreported,
}

impl Ending {
    pub(super) fn of(state: ApplicationState, status: FinalStatus) -> Self {
        match (state, status) {
            (ApplicationState::Failed, _) => Self::Unreported,
            (ApplicationState::Killed, _) | (_, FinalStatus::Succeeded | FinalStatus::Killed) => Self::Meant,
            _ => Self::Failed,
        }
    }
}

/// Whether what Flink's high availability stores for an application may be removed with it. It is the way back to the
/// job's state, so it is removed after an intended end, and kept whenever that is only a guess.
pub(super) fn gives_up_state(life: Life) -> bool {
    life == Life::Ended(Ending::Meant)
}

/// Whether what belongs to one application may be removed. The staging directory of one that could not report its end
/// is kept for `keep_unreported`.
pub(super) fn decide(
    kind: Kind,
    life: Life,
    age: Duration,
    options: &Options,
    keep_unreported: Duration,
) -> Option<Reason> {
    match (kind, life) {
        (_, Life::Live { .. }) | (Kind::Cache | Kind::Upload, _) => None,
        (Kind::Key, Life::Unknown) if !options.unknown => None,
        (Kind::Key, _) => (age > options.keep_keys).then_some(Reason::Expired),
        (Kind::Staging, Life::Ended(Ending::Unreported)) => (age >= keep_unreported).then_some(Reason::Ended),
        (Kind::Staging, Life::Ended(_)) => Some(Reason::Ended),
        (Kind::Staging, Life::Forgotten) => (age > SUBMISSION).then_some(Reason::Forgotten),
        (Kind::Staging, Life::Unknown) => (options.unknown && age > SUBMISSION).then_some(Reason::Unknown),
    }
}

/// Since when applications that are not known to have ended may have been using a cache: each of them had its directory
/// next to the cache before it first looked into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct InUse {
    since_ms: u64,
}

impl InUse {
    /// Not used by any application.
    pub(super) const NOT: Self = Self { since_ms: u64::MAX };

    /// Adds an application whose directory is kept.
    pub(super) fn by(self, life: Life) -> Self {
        let started_ms = match life {
            Life::Live { started_ms } => started_ms,
            Life::Ended(_) => u64::MAX,
            // Being submitted, or another cluster's: since when is not known.
            Life::Forgotten | Life::Unknown => 0,
        };
        Self { since_ms: self.since_ms.min(started_ms) }
    }
}

/// Whether a cache entry with the mark of use `mark_ms` may be removed.
///
/// The mark may be older than the last use by up to [`MARKED_AGAIN_AFTER`], and a use is before the start of its application
/// by at most [`SUBMISSION`] (which includes differences between clocks). So if the mark is older than both together, counted
/// from now and from the start of the oldest application that may use the entry, it was used by none of these.
pub(super) fn unused(mark_ms: u64, now_ms: u64, in_use: InUse, keep: Duration) -> bool {
    let after = |span: Duration| {
        mark_ms.saturating_add(u64::try_from((MARKED_AGAIN_AFTER + span).as_millis()).unwrap_or(u64::MAX))
    };
    after(SUBMISSION) < in_use.since_ms && after(keep.max(SUBMISSION)) < now_ms
}

/// Whether a temporary file of this age is abandoned.
pub(super) fn abandoned(age: Duration) -> bool {
    age > ABANDONED
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const HOUR_MS: u64 = 3_600_000;
    const LIVE: Life = Life::Live { started_ms: 5 };

    fn options(unknown: bool) -> Options {
        Options { dry_run: false, all_users: false, unknown, keep_keys: 7 * DAY, keep_cache: 7 * DAY }
    }

    #[test]
    fn nothing_of_a_live_application_goes() {
        for kind in [Kind::Staging, Kind::Key] {
            assert_eq!(decide(kind, LIVE, 1000 * DAY, &options(true), Duration::ZERO), None);
        }
    }

    #[test]
    fn staging_goes_with_its_application() {
        let staging =
            |life, age, unknown| decide(Kind::Staging, life, age, &options(unknown), Duration::ZERO);
        for ending in [Ending::Meant, Ending::Failed, Ending::Unreported] {
            assert_eq!(staging(Life::Ended(ending), Duration::ZERO, false), Some(Reason::Ended));
        }
        // A client may be between getNewApplication and submitApplication.
        assert_eq!(staging(Life::Forgotten, DAY / 48, false), None);
        assert_eq!(staging(Life::Forgotten, DAY, false), Some(Reason::Forgotten));
        // It may belong to another cluster.
        assert_eq!(staging(Life::Unknown, 1000 * DAY, false), None);
        assert_eq!(staging(Life::Unknown, DAY, true), Some(Reason::Unknown));
        assert_eq!(staging(Life::Unknown, DAY / 48, true), None);
    }

    #[test]
    fn in_passing_what_only_the_staging_directory_knows_stays_for_a_while() {
        let staging = |ending, age| decide(Kind::Staging, Life::Ended(ending), age, &options(false), 7 * DAY);
        assert_eq!(staging(Ending::Unreported, 6 * DAY), None);
        assert_eq!(staging(Ending::Unreported, 7 * DAY), Some(Reason::Ended));
        assert_eq!(staging(Ending::Meant, DAY), Some(Reason::Ended));
    }

    #[test]
    fn the_way_back_to_a_jobs_state_goes_only_with_an_end_that_was_meant() {
        use ApplicationState as State;
        for (state, status, meant) in [
            (State::Finished, FinalStatus::Succeeded, true),
            (State::Finished, FinalStatus::Killed, true),
            (State::Killed, FinalStatus::Killed, true),
            (State::Finished, FinalStatus::Failed, false),
            (State::Finished, FinalStatus::Undefined, false),
            (State::Failed, FinalStatus::Failed, false),
        ] {
            assert_eq!(gives_up_state(Life::Ended(Ending::of(state, status))), meant, "{state} {status}");
        }
        for life in [LIVE, Life::Forgotten, Life::Unknown] {
            assert!(!gives_up_state(life), "{life:?}");
        }
    }

    #[test]
    fn keys_are_remembered_for_a_while() {
        let key = |life, age| decide(Kind::Key, life, age, &options(false), Duration::ZERO);
        let ended = Life::Ended(Ending::Failed);
        assert_eq!(key(ended, 6 * DAY), None);
        assert_eq!(key(ended, 8 * DAY), Some(Reason::Expired));
        assert_eq!(key(Life::Forgotten, 8 * DAY), Some(Reason::Expired));
        assert_eq!(key(Life::Unknown, 8 * DAY), None);
    }

    #[test]
    fn an_entry_stays_for_its_time_after_the_last_use_and_never_less_than_a_submission_takes() {
        let now = 1000 * 24 * HOUR_MS;
        let hours = |age: u64, keep| unused(now - age * HOUR_MS, now, InUse::NOT, keep);
        // The last use may be a day younger than its mark.
        assert!(!hours(8 * 24, 7 * DAY) && hours(8 * 24 + 1, 7 * DAY));
        assert!(!hours(25, Duration::ZERO) && hours(26, Duration::ZERO));
        assert!(!unused(now + HOUR_MS, now, InUse::NOT, Duration::ZERO), "a clock that is ahead");
        assert!(!unused(u64::MAX, u64::MAX, InUse::NOT, Duration::MAX));
    }

    #[test]
    fn an_entry_stays_as_long_as_an_application_may_use_it() {
        let now = 1000 * 24 * HOUR_MS;
        let started_ms = now - 100 * 24 * HOUR_MS;
        let in_use = InUse::NOT
            .by(Life::Ended(Ending::Meant))
            .by(Life::Live { started_ms: now })
            .by(Life::Live { started_ms });
        assert!(!unused(started_ms - 25 * HOUR_MS, now, in_use, Duration::ZERO));
        assert!(unused(started_ms - 26 * HOUR_MS, now, in_use, Duration::ZERO));
        assert!(!unused(started_ms + HOUR_MS, now, in_use, Duration::ZERO));
        for life in [Life::Unknown, Life::Forgotten] {
            assert!(!unused(0, now, in_use.by(life), Duration::ZERO), "{life:?}");
        }
    }
}
