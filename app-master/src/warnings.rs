//! Logs repeated failures less and less often, and their recovery once.

use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The longest streak of failures about which nothing is logged.
const SILENCE: u32 = 1024;

/// Failures of one thing since it last worked. They are counted regardless of their texts: most texts contain a time or
/// a number, so that no two are the same.
#[derive(Debug, Default)]
pub struct Repeats {
    count: u32,
    since: Duration,
}

/// It works again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recovery {
    /// How many failures there were.
    pub failures: u32,
    /// Time since the first failure.
    pub lasted: Duration,
}

impl Repeats {
    /// Notes a failure. Returns its number if it should be logged: the 1st, 2nd, 4th, 8th … one, and eventually one in a
    /// thousand.
    pub fn failed(&mut self, now: Duration) -> Option<u32> {
        if self.count == 0 {
            self.since = now;
        }
        self.count = self.count.saturating_add(1);
        (self.count.is_power_of_two() || self.count.is_multiple_of(SILENCE)).then_some(self.count)
    }

    /// Notes a success. Returns the recovery, if there were failures before.
    pub fn worked(&mut self, now: Duration) -> Option<Recovery> {
        let failures = std::mem::take(&mut self.count);
        (failures > 0).then(|| Recovery { failures, lasted: now.saturating_sub(self.since) })
    }
}

impl Display for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failures = if self.failures == 1 { "failure" } else { "failures" };
        write!(f, "recovered after {} {failures} in {:.1} s", self.failures, self.lasted.as_secs_f32())
    }
}

/// The same with a clock and the log, for one kind of call. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Warnings {
    what: &'static str,
    begun: Instant,
    repeats: Arc<Mutex<Repeats>>,
}

impl Warnings {
    /// `what` goes before the colon.
    #[must_use]
    pub fn of(what: &'static str) -> Self {
        Self { what, begun: Instant::now(), repeats: Arc::default() }
    }

    /// Notes a failure and logs it if it is due.
    pub fn failed(&self, cause: &dyn Display) {
        let what = self.what;
        match self.with(Repeats::failed) {
            Some(1) => tracing::warn!("{what}: {cause}"),
            Some(count) => tracing::warn!("{what}: {cause} (failure {count} in a row)"),
            None => {}
        }
    }

    /// Logs that the call takes long. After a first failure this is no longer logged.
    pub fn still(&self, waited: Duration) {
        if self.with(|repeats, _| repeats.count == 0) {
            tracing::warn!("{}: no response for {} s", self.what, waited.as_secs());
        }
    }

    /// Notes a success and logs the recovery, if it is one.
    pub fn worked(&self) {
        if let Some(recovery) = self.with(Repeats::worked) {
            tracing::info!("{}: {recovery}", self.what);
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Repeats, Duration) -> T) -> T {
        let mut repeats = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut repeats, self.begun.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn repeated_failures_are_logged_less_and_less_often() {
        let mut repeats = Repeats::default();
        let told: Vec<u32> = (0..5000).filter_map(|at| repeats.failed(at * SECOND)).collect();
        assert_eq!(told, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 3072, 4096]);
    }

    #[test]
    fn recovery_is_logged_once_and_resets_the_count() {
        let mut repeats = Repeats::default();
        assert_eq!(repeats.worked(SECOND), None);
        for at in 10..13 {
            repeats.failed(at * SECOND);
        }
        let over = repeats.worked(70 * SECOND).expect("something is over");
        assert_eq!(over.to_string(), "recovered after 3 failures in 60.0 s");
        assert_eq!(repeats.worked(71 * SECOND), None);
        assert_eq!(repeats.failed(100 * SECOND), Some(1));
        assert_eq!(
            repeats.worked(101 * SECOND).map(|over| over.to_string()).as_deref(),
            Some("recovered after 1 failure in 1.0 s")
        );
    }
}
