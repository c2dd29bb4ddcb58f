//! The TaskManager containers: what is requested, which ones live, which have failed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proto::control::ContainerState;
use proto::ids::{ContainerId, NodeId};
use yarn_client::cause::{CauseCode, container_end};
use yarn_client::yarn::{AllocatedContainer, ContainerStatus, exit_status};

use super::event::TaskManagerView;
use super::text;

/// Exit statuses that say nothing about the program inside.
const NOT_ITS_FAULT: [i32; 6] = [
    exit_status::ABORTED,
    // The node finds its disks bad before it launches anything (`ContainerLaunch`), and tells the ResourceManager so.
    exit_status::DISKS_FAILED,
    exit_status::PREEMPTED,
    exit_status::KILLED_BY_RESOURCE_MANAGER,
    exit_status::KILLED_AFTER_COMPLETION,
    exit_status::KILLED_BY_CONTAINER_SCHEDULER,
];

/// Losses of TaskManagers count for this long.
const LOSS_WINDOW: Duration = Duration::from_secs(600);
/// A live TaskManager that Flink no longer lists is back sooner than this: it tries to register several times a second.
const UNLISTED: Duration = Duration::from_secs(10);
/// The completion of a container that was given back arrives with one of the next heartbeats. After this time it never
/// will: the ResourceManager has restarted in the meantime and does not know the container.
const RELEASED: Duration = Duration::from_secs(60);

/// Life of one container, from allocation to completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The NodeManager has been asked to launch it.
    Launching,
    /// The NodeManager has accepted it: localising, then starting its JVM.
    Started,
    /// Flink lists it as a TaskManager.
    Registered {
        /// Since when no job has held one of its slots.
        idle_since: Option<Duration>,
        /// When Flink was last seen to list it.
        listed: Duration,
    },
    /// It has been told to stop, or has been released.
    Stopping,
}

#[derive(Debug)]
struct Container {
    node: NodeId,
    /// host:port of the node's web pages.
    http_address: String,
    state: State,
    since: Duration,
    /// When the ResourceManager was first known to have received its release.
    given_back: Option<Duration>,
}

impl Container {
    fn new(container: &AllocatedContainer, state: State, now: Duration) -> Self {
        Self {
            node: container.node.clone(),
            http_address: container.node_http_address.clone(),
            state,
            since: now,
            given_back: None,
        }
    }
}

/// Why a container ended, before or after it became a TaskManager.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) id: ContainerId,
    pub(super) node: NodeId,
    pub(super) cause: String,
    /// What YARN's exit status says about it.
    pub(super) code: Option<CauseCode>,
    /// It counts against the application: the container was not taken away from outside.
    pub(super) its_fault: bool,
}

/// What the completion of a container means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Completion {
    /// Expected: it was released or stopped.
    Expected,
    /// A TaskManager was lost, or its container was taken away before it became one.
    Lost { failure: Failure, registered: bool },
    /// It never became a TaskManager.
    FailedToStart(Failure),
}

/// The application master's own table of requests and containers.
///
/// Requests are absolute per request id, and the ResourceManager lowers its number with every allocation. The table
/// keeps the same number, so that a heartbeat mentions the request only when the two should differ; excess containers
/// (YARN-1902) are released by the caller at once.
#[derive(Debug, Default)]
pub(super) struct Containers {
    live: BTreeMap<ContainerId, Container>,
    /// The number that the ResourceManager holds.
    asked: u32,
    releases: BTreeSet<ContainerId>,
    releases_in_flight: BTreeSet<ContainerId>,
    /// Failures to start since the last TaskManager registered.
    start_failures: Vec<Failure>,
    /// TaskManagers that were lost, with the time of the loss.
    losses: Vec<(Duration, Failure)>,
}

impl Containers {
    /// Containers that are, or will be, TaskManagers.
    pub(super) fn working(&self) -> u32 {
        self.count(|state| state != State::Stopping)
    }

    /// Every container.
    pub(super) fn list(&self) -> impl Iterator<Item = (ContainerId, &NodeId, &str, ContainerState)> {
        self.live.iter().map(|(id, container)| {
            let state = match container.state {
                State::Launching => ContainerState::Launching,
                State::Started => ContainerState::Started,
                State::Registered { .. } => ContainerState::Registered,
                State::Stopping => ContainerState::Stopping,
            };
            (*id, &container.node, container.http_address.as_str(), state)
        })
    }

    /// Hosts with `share` or more working containers.
    pub(super) fn hosts_with(&self, share: u32) -> BTreeSet<String> {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for container in self.live.values().filter(|container| container.state != State::Stopping) {
            *counts.entry(&container.node.host).or_default() += 1;
        }
        let full = counts.into_iter().filter(|(_, count)| *count >= share);
        full.map(|(host, _)| host.to_owned()).collect()
    }

    /// TaskManagers that Flink lists.
    pub(super) fn registered(&self) -> u32 {
        self.count(|state| matches!(state, State::Registered { .. }))
    }

    /// Containers on their way to becoming TaskManagers.
    pub(super) fn starting(&self) -> u32 {
        self.count(|state| matches!(state, State::Launching | State::Started))
    }

    fn count(&self, wanted: impl Fn(State) -> bool) -> u32 {
        u32::try_from(self.live.values().filter(|c| wanted(c.state)).count()).unwrap_or(u32::MAX)
    }

    /// Whether the ResourceManager still owes containers.
    pub(super) fn waiting(&self) -> bool {
        self.asked != 0
    }

    /// The number to request, if it differs from what the ResourceManager holds.
    pub(super) fn ask(&mut self, desired: u32) -> Option<u32> {
        let want = desired.saturating_sub(self.working());
        if self.asked == want {
            return None;
        }
        self.asked = want;
        Some(want)
    }

    /// Whether [`ask`](Self::ask) would change anything.
    pub(super) fn ask_differs(&self, desired: u32) -> bool {
        self.asked != desired.saturating_sub(self.working())
    }

    pub(super) fn take_releases(&mut self) -> Vec<ContainerId> {
        self.releases_in_flight.append(&mut self.releases);
        self.releases_in_flight.iter().copied().collect()
    }

    pub(super) fn has_releases(&self) -> bool {
        !self.releases.is_empty()
    }

    pub(super) fn heartbeat_answered(&mut self, now: Duration) {
        for id in std::mem::take(&mut self.releases_in_flight) {
            if let Some(container) = self.live.get_mut(&id) {
                container.given_back.get_or_insert(now);
            }
        }
        self.live.retain(|_, container| container.given_back.is_none_or(|at| at + RELEASED > now));
    }

    /// The ResourceManager has restarted: it has forgotten every request, and may have missed or forgotten releases.
    pub(super) fn resync(&mut self) {
        self.asked = 0;
        self.releases_in_flight.clear();
        let stopping = self.live.iter().filter(|(_, container)| container.state == State::Stopping);
        self.releases.extend(stopping.map(|(id, _)| *id));
    }

    /// The request was refused, and the releases sent with it were not read.
    pub(super) fn refused(&mut self) {
        self.asked = 0;
        self.releases.append(&mut self.releases_in_flight);
    }

    /// Adds a container that an earlier attempt has launched; a useless one is given back.
    pub(super) fn adopt(&mut self, container: &AllocatedContainer, keep: bool, now: Duration) {
        if self.live.contains_key(&container.id) {
            return; // reported again
        }
        let state = if keep { State::Started } else { State::Stopping };
        if !keep {
            self.releases.insert(container.id);
        }
        self.live.insert(container.id, Container::new(container, state, now));
    }

    /// Adds a container. Returns whether it is wanted; if not, it will be released.
    pub(super) fn allocated(&mut self, container: &AllocatedContainer, desired: u32, now: Duration) -> bool {
        self.asked = self.asked.saturating_sub(1);
        if self.live.contains_key(&container.id) {
            return false; // repeated after a resync
        }
        let wanted = self.working() < desired;
        let state = if wanted { State::Launching } else { State::Stopping };
        if !wanted {
            self.releases.insert(container.id);
        }
        self.live.insert(container.id, Container::new(container, state, now));
        wanted
    }

    /// Notes that a container has been launched. Returns whether that is news.
    pub(super) fn started(&mut self, id: ContainerId, now: Duration) -> bool {
        match self.live.get_mut(&id) {
            Some(container) if container.state == State::Launching => {
                container.state = State::Started;
                container.since = now;
                true
            }
            _ => false,
        }
    }

    /// The NodeManager would not launch the container, so it is given back. `None` if the failure does not matter.
    pub(super) fn start_failed(&mut self, id: ContainerId, cause: String) -> Option<Failure> {
        let container = self.live.get_mut(&id)?;
        if container.state == State::Stopping {
            return None;
        }
        container.state = State::Stopping;
        self.releases.insert(id);
        let failure = Failure { id, node: container.node.clone(), cause, code: None, its_fault: true };
        self.start_failures.push(failure.clone());
        Some(failure)
    }

    /// Removes a container. `None` for one that the table does not know (reported twice, or of another attempt).
    pub(super) fn completed(&mut self, status: &ContainerStatus, now: Duration) -> Option<Completion> {
        let container = self.live.remove(&status.id)?;
        self.releases.remove(&status.id);
        if container.state == State::Stopping {
            return Some(Completion::Expected);
        }
        let its_fault = !NOT_ITS_FAULT.contains(&status.exit_status);
        let failure = Failure {
            id: status.id,
            node: container.node,
            cause: container_end(status.exit_status, &status.diagnostics),
            code: CauseCode::of_container_end(status.exit_status, &status.diagnostics),
            its_fault,
        };
        Some(if let State::Registered { .. } = container.state {
            self.lost(failure.clone(), now);
            Completion::Lost { failure, registered: true }
        } else if NOT_ITS_FAULT.contains(&status.exit_status) {
            Completion::Lost { failure, registered: false }
        } else {
            self.start_failures.push(failure.clone());
            Completion::FailedToStart(failure)
        })
    }

    /// Compares the table with the TaskManagers that Flink lists. Returns the new ones, with their nodes.
    pub(super) fn observe(
        &mut self,
        listed: &[TaskManagerView],
        now: Duration,
    ) -> Vec<(ContainerId, NodeId)> {
        let mut new = Vec::new();
        for view in listed {
            let Some((id, container)) =
                view.id.parse().ok().and_then(|id: ContainerId| Some((id, self.live.get_mut(&id)?)))
            else {
                continue;
            };
            let idle = view.free_slots == view.slots;
            match &mut container.state {
                State::Launching | State::Started => {
                    container.state = State::Registered { idle_since: idle.then_some(now), listed: now };
                    container.since = now;
                    self.start_failures.clear();
                    new.push((id, container.node.clone()));
                }
                State::Registered { idle_since, listed } => {
                    *idle_since = idle.then(|| idle_since.unwrap_or(now));
                    *listed = now;
                }
                State::Stopping => {}
            }
        }
        new
    }

    /// Marks TaskManagers as stopping that Flink has dropped although their containers run: the process hangs, or cannot
    /// reach the JobManager, or YARN has not noticed yet that the node is gone. Until `not_before` TaskManagers may still be
    /// on their way to a restarted JobManager.
    pub(super) fn take_unlisted(&mut self, not_before: Duration, now: Duration) -> Vec<Failure> {
        let mut lost = Vec::new();
        for (id, container) in &mut self.live {
            let State::Registered { listed, .. } = container.state else { continue };
            if now < not_before.max(listed + UNLISTED) {
                continue;
            }
            container.state = State::Stopping;
            self.releases.insert(*id);
            lost.push(Failure {
                id: *id,
                node: container.node.clone(),
                cause: text::unlisted(now - listed),
                code: Some(CauseCode::TaskManagerUnresponsive),
                its_fault: true,
            });
        }
        for failure in &lost {
            self.lost(failure.clone(), now);
        }
        lost
    }

    fn lost(&mut self, failure: Failure, now: Duration) {
        self.losses.retain(|(at, _)| *at + LOSS_WINDOW > now);
        self.losses.push((now, failure));
    }

    /// The most recent loss within the last `age`, if any.
    pub(super) fn last_loss(&self, age: Duration, now: Duration) -> Option<&Failure> {
        self.losses.last().filter(|(at, _)| *at + age > now).map(|(_, failure)| failure)
    }

    /// TaskManagers that were recently lost through a fault of their own, oldest first.
    pub(super) fn recent_losses(&self, now: Duration) -> Vec<&Failure> {
        let recent = self.losses.iter().filter(|(at, _)| *at + LOSS_WINDOW > now);
        recent.map(|(_, failure)| failure).filter(|failure| failure.its_fault).collect()
    }

    /// Containers that have failed to start since the last success, oldest first.
    pub(super) fn start_failures(&self) -> &[Failure] {
        &self.start_failures
    }

    /// Marks containers as stopping that should have registered long ago, and returns them.
    pub(super) fn take_overdue(&mut self, timeout: Duration, now: Duration) -> Vec<Failure> {
        let mut overdue = Vec::new();
        for (id, container) in &mut self.live {
            if container.state == State::Started && container.since + timeout <= now {
                container.state = State::Stopping;
                let cause = format!("did not register at the JobManager within {} s", timeout.as_secs());
                let node = container.node.clone();
                overdue.push(Failure { id: *id, node, cause, code: None, its_fault: true });
                self.releases.insert(*id);
            }
        }
        self.start_failures.extend(overdue.iter().cloned());
        overdue
    }

    /// Marks up to `count` containers as stopping that are not TaskManagers yet, and returns them.
    pub(super) fn take_unregistered(&mut self, count: u32) -> Vec<ContainerId> {
        let starting = |state| matches!(state, State::Launching | State::Started);
        let chosen = self.live.iter().filter(|(_, c)| starting(c.state)).map(|(id, _)| *id);
        let chosen = chosen.take(count as usize).collect();
        self.stop(chosen)
    }

    /// Marks up to `count` TaskManagers as stopping that have been idle for `idle_timeout` and are not among the `holders`,
    /// and returns them.
    pub(super) fn take_idle(
        &mut self,
        count: u32,
        idle_timeout: Duration,
        holders: &BTreeSet<String>,
        now: Duration,
    ) -> Vec<ContainerId> {
        let idle = |state| matches!(state, State::Registered { idle_since: Some(at), .. } if at + idle_timeout <= now);
        let idle = self.live.iter().filter(|(_, c)| idle(c.state)).map(|(id, _)| *id);
        let chosen = idle.filter(|id| !holders.contains(&id.to_string())).take(count as usize).collect();
        self.stop(chosen)
    }

    /// When the first TaskManager will have been idle for `idle_timeout`.
    pub(super) fn next_idle(&self, idle_timeout: Duration) -> Option<Duration> {
        let idle = self.live.values().filter_map(|c| match c.state {
            State::Registered { idle_since, .. } => idle_since,
            _ => None,
        });
        idle.min().map(|at| at + idle_timeout)
    }

    /// Marks `count` containers as stopping and returns them: first those that have not registered, then idle ones,
    /// newest first.
    pub(super) fn take_excess(&mut self, count: u32) -> Vec<ContainerId> {
        let rank = |state: State| match state {
            State::Launching | State::Started => Some(0),
            State::Registered { idle_since: Some(_), .. } => Some(1),
            State::Registered { idle_since: None, .. } => Some(2),
            State::Stopping => None,
        };
        let working = self.live.iter().filter_map(|(id, c)| Some((rank(c.state)?, std::cmp::Reverse(*id))));
        let mut chosen: Vec<_> = working.collect();
        chosen.sort_unstable();
        chosen.truncate(count as usize);
        self.stop(chosen.into_iter().map(|(_, id)| id.0).collect())
    }

    /// Marks every container as stopping and returns those that were not already.
    pub(super) fn take_all(&mut self) -> Vec<ContainerId> {
        let ids = self.live.iter().filter(|(_, c)| c.state != State::Stopping).map(|(id, _)| *id).collect();
        self.stop(ids)
    }

    fn stop(&mut self, ids: Vec<ContainerId>) -> Vec<ContainerId> {
        for id in &ids {
            if let Some(container) = self.live.get_mut(id) {
                container.state = State::Stopping;
            }
            // Released as well as stopped: the ResourceManager then counts it as given back, whatever the NodeManager
            // reports.
            self.releases.insert(*id);
        }
        ids
    }

    /// When the next container should have registered.
    pub(super) fn next_overdue(&self, registration: Duration) -> Option<Duration> {
        let started = self.live.values().filter(|container| container.state == State::Started);
        started.map(|container| container.since + registration).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_of_long_ago_are_forgotten() {
        let mut containers = Containers::default();
        for minute in 0..50_000 {
            let failure = Failure {
                id: "container_1_0001_01_000002".parse().expect("an id"),
                node: NodeId { host: "node1".to_owned(), port: 45454 },
                cause: "was preempted by the scheduler".to_owned(),
                code: None,
                its_fault: false,
            };
            containers.lost(failure, Duration::from_secs(60 * minute));
        }
        assert!(containers.losses.len() <= 11, "{}", containers.losses.len());
    }
}
