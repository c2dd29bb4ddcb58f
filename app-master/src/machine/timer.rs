//! The machine's alarm clock: one deadline per purpose.

use std::time::Duration;

/// What a deadline is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// When to talk to the ResourceManager again.
    Heartbeat,
    /// When to look at Flink again.
    FlinkPoll,
    /// When a JobManager that was told to go is told more firmly.
    JobManagerExit,
    /// When a job that lacks TaskManagers is looked at: can the cluster ever hold them?
    Starvation,
    /// When a failed unregistration is tried again.
    Unregister,
    /// When the next step towards a JobManager is due: after a failure, a pause, or the fence.
    JobManagerStart,
    /// When the ResourceManager's silence makes the attempt look for a later one.
    Fence,
    /// When the journal may be written again.
    Journal,
    /// When the end of a lost TaskManager's container is not waited for any more.
    Result,
    /// When a session without jobs ends.
    Idle,
}

const COUNT: usize = 10;

/// Deadlines, indexed by [`Timer`].
#[derive(Debug, Default)]
pub(super) struct Timers {
    deadlines: [Option<Duration>; COUNT],
}

impl Timers {
    /// Replaces the deadline.
    pub(super) fn set(&mut self, timer: Timer, at: Duration) {
        self.deadlines[timer as usize] = Some(at);
    }

    /// Sets the deadline only when it comes sooner than the one that stands.
    pub(super) fn set_at_most(&mut self, timer: Timer, at: Duration) {
        let slot = &mut self.deadlines[timer as usize];
        *slot = Some(slot.map_or(at, |old| old.min(at)));
    }

    pub(super) fn stop(&mut self, timer: Timer) {
        self.deadlines[timer as usize] = None;
    }

    /// Whether nothing has to be waited for.
    pub(super) fn is_due(&self, timer: Timer, now: Duration) -> bool {
        self.deadlines[timer as usize].is_none_or(|at| at <= now)
    }

    /// Takes the timer out when its deadline has passed.
    pub(super) fn take_expired(&mut self, timer: Timer, now: Duration) -> bool {
        let slot = &mut self.deadlines[timer as usize];
        let expired = slot.is_some_and(|at| at <= now);
        if expired {
            *slot = None;
        }
        expired
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.deadlines.iter().flatten().min().copied()
    }
}
