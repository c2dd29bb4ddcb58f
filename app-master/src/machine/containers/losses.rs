//! TaskManagers that were lost lately.

use std::collections::VecDeque;
use std::time::Duration;

use super::Failure;

/// Losses of TaskManagers count for this long.
const WINDOW: Duration = Duration::from_secs(600);

/// Losses within the window, oldest first.
#[derive(Debug, Default)]
pub(super) struct Losses {
    list: VecDeque<(Duration, Failure)>,
    /// How many of these count against the application.
    own: usize,
}

impl Losses {
    pub(super) fn push(&mut self, failure: Failure, now: Duration) {
        self.forget(now);
        self.own += usize::from(failure.its_fault);
        self.list.push_back((now, failure));
    }

    fn forget(&mut self, now: Duration) {
        while self.list.front().is_some_and(|(at, _)| *at + WINDOW <= now)
            && let Some((_, old)) = self.list.pop_front()
        {
            self.own -= usize::from(old.its_fault);
        }
    }

    pub(super) fn last(&self) -> Option<(Duration, &Failure)> {
        self.list.back().map(|(at, failure)| (*at, failure))
    }

    /// How many there were through a fault of the TaskManager.
    pub(super) fn own(&mut self, now: Duration) -> usize {
        self.forget(now);
        self.own
    }

    /// These.
    pub(super) fn list_own(&self) -> Vec<&Failure> {
        self.list.iter().map(|(_, failure)| failure).filter(|failure| failure.its_fault).collect()
    }
}

#[cfg(test)]
mod tests {
    use proto::ids::NodeId;

    use super::*;

    #[test]
    fn losses_of_long_ago_are_forgotten() {
        let mut losses = Losses::default();
        for minute in 0..50_000 {
            let failure = Failure {
                id: "container_1_0001_01_000002".parse().expect("an id"),
                node: NodeId { host: "node1".to_owned(), port: 45454 },
                cause: "was preempted by the scheduler".to_owned(),
                code: None,
                its_fault: minute % 2 == 0,
            };
            losses.push(failure, Duration::from_secs(60 * minute));
        }
        assert!(losses.list.len() <= 11, "{}", losses.list.len());
        let now = Duration::from_secs(60 * 49_999);
        assert_eq!((losses.own(now), losses.list_own().len()), (5, 5));
        assert_eq!(losses.own(now + WINDOW), 0);
    }
}
