//! Nodes on which containers fail to start are avoided for a while.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Failures that make a node suspect, all within [`WINDOW`].
const FAILURES: usize = 2;
const WINDOW: Duration = Duration::from_secs(600);
/// How long it is avoided.
const EXCLUSION: Duration = Duration::from_secs(600);

/// How containers have fared on each node.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    /// Times of failed starts, by host.
    failures: BTreeMap<String, Vec<Duration>>,
    /// Hosts being avoided, with the time when they may be used again.
    excluded: BTreeMap<String, Duration>,
    /// The hosts that the ResourceManager has been told to avoid.
    told: BTreeSet<String>,
    /// Number of nodes that TaskManagers may run on.
    pub(super) usable: u32,
}

impl Nodes {
    /// A container on this host has not become a TaskManager.
    pub(super) fn failed(&mut self, host: &str, now: Duration) {
        let times = self.failures.entry(host.to_owned()).or_default();
        times.retain(|at| *at + WINDOW > now);
        times.push(now);
        if times.len() >= FAILURES {
            self.excluded.insert(host.to_owned(), now + EXCLUSION);
        }
    }

    /// A container on this host has become a TaskManager.
    pub(super) fn succeeded(&mut self, host: &str) {
        self.failures.remove(host);
        self.excluded.remove(host);
    }

    /// The ResourceManager has forgotten what it was told.
    pub(super) fn forgotten(&mut self) {
        self.told.clear();
    }

    /// Hosts to exclude, and to allow again, since the last call: those that fail, and those that are `full`. Never more
    /// than half of the usable ones are avoided for failures: beyond that the fault is more likely ours, and the rest may be
    /// too small.
    pub(super) fn take_changes(
        &mut self,
        full: BTreeSet<String>,
        now: Duration,
    ) -> (Vec<String>, Vec<String>) {
        self.excluded.retain(|_, until| *until > now);
        if self.excluded.len() * 2 > self.usable as usize {
            self.excluded.clear();
            self.failures.clear();
        }
        let mut wanted = full;
        wanted.extend(self.excluded.keys().cloned());
        let exclude = wanted.difference(&self.told).cloned().collect();
        let welcome = self.told.difference(&wanted).cloned().collect();
        self.told = wanted;
        (exclude, welcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_node_that_fails_twice_is_left_alone_for_a_while() {
        let mut nodes = Nodes { usable: 3, ..Nodes::default() };
        nodes.failed("a", at(1));
        nodes.failed("b", at(2));
        assert_eq!(nodes.take_changes(BTreeSet::new(), at(2)), (vec![], vec![]));
        nodes.failed("a", at(3));
        assert_eq!(nodes.take_changes(BTreeSet::new(), at(3)), (vec!["a".to_owned()], vec![]));
        assert_eq!(nodes.take_changes(BTreeSet::new(), at(4)), (vec![], vec![]));
        assert_eq!(nodes.take_changes(BTreeSet::new(), at(604)), (vec![], vec!["a".to_owned()]));
    }

    #[test]
    fn old_failures_and_successes_do_not_count() {
        let mut nodes = Nodes { usable: 3, ..Nodes::default() };
        nodes.failed("a", at(1));
        nodes.failed("a", at(700));
        nodes.failed("b", at(700));
        nodes.succeeded("b");
        nodes.failed("b", at(701));
        assert_eq!(nodes.take_changes(BTreeSet::new(), at(701)), (vec![], vec![]));
    }

    #[test]
    fn half_of_the_nodes_are_never_given_up() {
        let mut nodes = Nodes { usable: 2, ..Nodes::default() };
        for host in ["a", "a", "b", "b"] {
            nodes.failed(host, at(1));
        }
        assert_eq!(nodes.take_changes(BTreeSet::new(), at(1)), (vec![], vec![]));
        let mut lone = Nodes { usable: 1, ..Nodes::default() };
        lone.failed("a", at(1));
        lone.failed("a", at(1));
        assert_eq!(lone.take_changes(BTreeSet::new(), at(1)), (vec![], vec![]), "the only node");
    }

    #[test]
    fn a_restarted_resource_manager_is_told_again() {
        let mut nodes = Nodes { usable: 3, ..Nodes::default() };
        nodes.failed("a", at(1));
        nodes.failed("a", at(1));
        assert_eq!(nodes.take_changes(BTreeSet::new(), at(1)).0, ["a"]);
        nodes.forgotten();
        assert_eq!(nodes.take_changes(BTreeSet::new(), at(2)).0, ["a"]);
    }
}
