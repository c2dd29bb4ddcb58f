//! The containers with what is asked about all of them after every event: counted when one of them changes, so that none of
//! these questions goes through all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proto::ids::{ContainerId, NodeId};
use yarn_client::yarn::AllocatedContainer;

/// Life of one container, from allocation to completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
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
pub(super) struct Container {
    pub(super) node: NodeId,
    /// host:port of the node's web pages.
    pub(super) http_address: String,
    pub(super) state: State,
    pub(super) since: Duration,
    /// When the ResourceManager was first known to have received its release.
    pub(super) given_back: Option<Duration>,
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

    fn mark(&self) -> Mark {
        let starting = matches!(self.state, State::Launching | State::Started);
        let idle_since = match self.state {
            State::Registered { idle_since, .. } => idle_since,
            _ => None,
        };
        Mark {
            starting,
            registered: matches!(self.state, State::Registered { .. }),
            started: (self.state == State::Started).then_some(self.since),
            idle_since,
            given_back: self.given_back,
        }
    }
}

/// What the index holds of one container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    starting: bool,
    registered: bool,
    started: Option<Duration>,
    idle_since: Option<Duration>,
    given_back: Option<Duration>,
}

impl Mark {
    fn works(self) -> bool {
        self.starting || self.registered
    }
}

/// Points in time, and the containers they belong to.
type Since = BTreeSet<(Duration, ContainerId)>;

#[derive(Debug, Default)]
struct Index {
    starting: u32,
    registered: u32,
    /// Number of working containers on each host that has any.
    hosts: BTreeMap<String, u32>,
    started: Since,
    idle: Since,
    given_back: Since,
}

impl Index {
    fn enter(&mut self, id: ContainerId, host: &str, mark: Mark) {
        self.starting += u32::from(mark.starting);
        self.registered += u32::from(mark.registered);
        if mark.works() {
            if let Some(count) = self.hosts.get_mut(host) {
                *count += 1;
            } else {
                self.hosts.insert(host.to_owned(), 1);
            }
        }
        self.started.extend(mark.started.map(|at| (at, id)));
        self.idle.extend(mark.idle_since.map(|at| (at, id)));
        self.given_back.extend(mark.given_back.map(|at| (at, id)));
    }

    fn leave(&mut self, id: ContainerId, host: &str, mark: Mark) {
        self.starting -= u32::from(mark.starting);
        self.registered -= u32::from(mark.registered);
        if mark.works()
            && let Some(count) = self.hosts.get_mut(host)
        {
            *count -= 1;
            if *count == 0 {
                self.hosts.remove(host);
            }
        }
        for (set, at) in [
            (&mut self.started, mark.started),
            (&mut self.idle, mark.idle_since),
            (&mut self.given_back, mark.given_back),
        ] {
            if let Some(at) = at {
                set.remove(&(at, id));
            }
        }
    }
}

/// All containers by their ids.
#[derive(Debug, Default)]
pub(super) struct Table {
    live: BTreeMap<ContainerId, Container>,
    index: Index,
}

impl Table {
    pub(super) fn contains(&self, id: ContainerId) -> bool {
        self.live.contains_key(&id)
    }

    pub(super) fn get(&self, id: ContainerId) -> Option<&Container> {
        self.live.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (ContainerId, &Container)> {
        self.live.iter().map(|(id, container)| (*id, container))
    }

    /// The ids of all containers of which `wanted` holds, in order.
    pub(super) fn ids(&self, wanted: impl Fn(&Container) -> bool) -> Vec<ContainerId> {
        self.iter().filter(|(_, container)| wanted(container)).map(|(id, _)| id).collect()
    }

    pub(super) fn insert(&mut self, container: &AllocatedContainer, state: State, now: Duration) {
        self.remove(container.id);
        let new = Container::new(container, state, now);
        self.index.enter(container.id, &new.node.host, new.mark());
        self.live.insert(container.id, new);
    }

    pub(super) fn remove(&mut self, id: ContainerId) -> Option<Container> {
        let container = self.live.remove(&id)?;
        self.index.leave(id, &container.node.host, container.mark());
        Some(container)
    }

    /// Changes a container, if there is one with this id.
    pub(super) fn change<T>(
        &mut self,
        id: ContainerId,
        change: impl FnOnce(&mut Container) -> T,
    ) -> Option<T> {
        let container = self.live.get_mut(&id)?;
        let before = container.mark();
        let result = change(container);
        let after = container.mark();
        // A look at Flink changes most containers in nothing that is counted.
        if before != after {
            self.index.leave(id, &container.node.host, before);
            self.index.enter(id, &container.node.host, after);
        }
        Some(result)
    }

    /// Containers on their way to becoming TaskManagers.
    pub(super) fn starting(&self) -> u32 {
        self.index.starting
    }

    /// TaskManagers that Flink lists.
    pub(super) fn registered(&self) -> u32 {
        self.index.registered
    }

    /// Working containers by host.
    pub(super) fn hosts(&self) -> &BTreeMap<String, u32> {
        &self.index.hosts
    }

    /// When the container that has waited longest to become a TaskManager was started.
    pub(super) fn first_started(&self) -> Option<Duration> {
        self.index.started.first().map(|(at, _)| *at)
    }

    /// Containers that were started at `until` or before and are not TaskManagers yet, in the order of their ids.
    pub(super) fn started_until(&self, until: Duration) -> BTreeSet<ContainerId> {
        up_to(&self.index.started, until)
    }

    /// Since when the TaskManager that has been idle longest is.
    pub(super) fn first_idle(&self) -> Option<Duration> {
        self.index.idle.first().map(|(at, _)| *at)
    }

    /// TaskManagers that have been idle since `until` or longer, in the order of their ids.
    pub(super) fn idle_until(&self, until: Duration) -> BTreeSet<ContainerId> {
        up_to(&self.index.idle, until)
    }

    /// Containers that were given back at `until` or before.
    pub(super) fn given_back_until(&self, until: Duration) -> BTreeSet<ContainerId> {
        up_to(&self.index.given_back, until)
    }
}

fn up_to(since: &Since, until: Duration) -> BTreeSet<ContainerId> {
    since.iter().take_while(|(at, _)| *at <= until).map(|(_, id)| *id).collect()
}

#[cfg(test)]
mod tests {
    use proto::ids::{ApplicationAttemptId, ApplicationId};
    use rand::rngs::StdRng;
    use rand::{Rng as _, SeedableRng as _};
    use yarn_client::security::Token;
    use yarn_client::yarn::Resource;

    use super::*;

    fn container(id: i64, host: u32) -> AllocatedContainer {
        let application = ApplicationId { cluster_timestamp: 1, id: 1 };
        let node = NodeId { host: format!("node{host}"), port: 8041 };
        AllocatedContainer {
            id: ContainerId { attempt: ApplicationAttemptId { application, attempt: 1 }, id },
            node,
            node_http_address: String::new(),
            resource: Resource::new(1, 1),
            priority: 1,
            allocation_request_id: 1,
            token: Token::default(),
        }
    }

    fn check(table: &Table) {
        let count = |wanted: fn(&Container) -> bool| table.ids(wanted).len();
        let mut hosts = BTreeMap::<String, u32>::new();
        for (_, container) in table.iter().filter(|(_, container)| container.state != State::Stopping) {
            *hosts.entry(container.node.host.clone()).or_default() += 1;
        }
        assert_eq!(table.hosts(), &hosts);
        let starting = count(|it| matches!(it.state, State::Launching | State::Started));
        assert_eq!(table.starting() as usize, starting);
        let registered = count(|it| matches!(it.state, State::Registered { .. }));
        assert_eq!(table.registered() as usize, registered);
        let started = table.iter().filter(|(_, it)| it.state == State::Started).map(|(_, it)| it.since);
        assert_eq!(table.first_started(), started.min());
        let idle = table.iter().filter_map(|(_, it)| match it.state {
            State::Registered { idle_since, .. } => idle_since,
            _ => None,
        });
        assert_eq!(table.first_idle(), idle.min());
        let half = Duration::from_secs(500);
        let back = table.ids(|it| it.given_back.is_some_and(|at| at <= half));
        assert!(table.given_back_until(half).into_iter().eq(back));
    }

    #[test]
    fn counts_are_those_of_a_walk_through_all_containers() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut table = Table::default();
        for second in 0..1000 {
            let now = Duration::from_secs(second);
            let id = container(rng.random_range(0..40), rng.random_range(0..5));
            match rng.random_range(0..7) {
                0 | 1 => table.insert(&id, State::Launching, now),
                2 => drop(table.remove(id.id)),
                3 => _ = table.change(id.id, |it| it.given_back = Some(now)),
                state => {
                    let idle_since = rng.random_bool(0.5).then_some(now);
                    let state = match state {
                        4 => State::Started,
                        5 => State::Registered { idle_since, listed: now },
                        _ => State::Stopping,
                    };
                    table.change(id.id, |it| (it.state, it.since) = (state, now));
                }
            }
            check(&table);
        }
    }
}
