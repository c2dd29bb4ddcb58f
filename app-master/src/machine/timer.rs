//! The machine's alarm clock: one deadline per purpose.

use std::collections::BTreeMap;
use std::time::Duration;

/// What a deadline is for; deadlines that have passed together are handled in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// When to talk to the ResourceManager again.
    Heartbeat,
    /// When the ResourceManager's silence makes the attempt look for a later one.
    Fence,
    /// When the next step towards a JobManager is due: after a failure, a pause, or the fence.
    JobManagerStart,
    /// When a failed write of the journal is repeated.
    Journal,
    /// When to find out which TaskManagers the job can do without.
    Surplus,
    /// When to look at Flink again.
    FlinkPoll,
    /// When to find out whether the cluster can hold the TaskManagers that a job lacks.
    Shortage,
    /// When to stop waiting for the end of a lost TaskManager's container.
    Result,
    /// When a JobManager that was told to exit is told more firmly.
    JobManagerExit,
    /// When a JobManager that has stopped answering is killed, and when it should be gone.
    Unresponsive,
    /// When a failed unregistration is repeated.
    Unregister,
}

/// Deadlines by purpose.
#[derive(Debug, Default)]
pub(super) struct Timers {
    deadlines: BTreeMap<Timer, Duration>,
}

impl Timers {
    /// Replaces the deadline.
    pub(super) fn set(&mut self, timer: Timer, at: Duration) {
        self.deadlines.insert(timer, at);
    }

    /// Sets the deadline only if it comes sooner than the current one.
    pub(super) fn set_at_most(&mut self, timer: Timer, at: Duration) {
        self.deadlines.entry(timer).and_modify(|old| *old = at.min(*old)).or_insert(at);
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.deadlines.remove(&timer);
    }

    /// Removes and returns every timer whose deadline has passed. What a handler sets again is for the next call, so
    /// that none can keep the machine busy forever.
    pub(super) fn take_expired(&mut self, now: Duration) -> Vec<Timer> {
        let expired: Vec<_> =
            self.deadlines.iter().filter(|(_, at)| **at <= now).map(|(timer, _)| *timer).collect();
        for timer in &expired {
            self.deadlines.remove(timer);
        }
        expired
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.deadlines.values().min().copied()
    }
}
