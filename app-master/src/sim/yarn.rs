//! A ResourceManager and its nodes, in virtual time. It treats lost answers, requests and attempts as Hadoop's does
//! (`ApplicationMasterService`, `RMAppAttemptImpl`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proto::ids::{ApplicationAttemptId, ApplicationId, ContainerId, NodeId};
use yarn_client::security::{Secret, Token};
use yarn_client::yarn::{AllocatedContainer, ContainerState, ContainerStatus, FinalStatus, Resource};

use crate::machine::{Heartbeat, HeartbeatAnswer, HeartbeatFailure};

/// The state of a container as its node sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Allocated,
    /// Its JVM is starting, and will register at this time.
    Starting(Duration),
    Registered,
}

/// A TaskManager's container.
#[derive(Debug, Clone)]
pub(super) struct Container {
    pub(super) attempt: u32,
    pub(super) node: u32,
    pub(super) stage: Stage,
    /// The exit status of its process; the node or the network keeps the ResourceManager from learning of the end.
    pub(super) ended: Option<i32>,
    /// Its process hangs from the first time to the second.
    pub(super) hung: (Duration, Duration),
}

impl Container {
    pub(super) fn hangs(&self, now: Duration) -> bool {
        self.hung.0 <= now && now < self.hung.1
    }

    /// Whether Flink has dropped it after its silence.
    pub(super) fn is_dropped(&self, timeout: Duration, now: Duration) -> bool {
        self.hangs(now) && self.hung.0 + timeout <= now
    }
}

/// One machine.
#[derive(Debug, Clone, Default)]
pub(super) struct Node {
    /// Its power is gone.
    pub(super) dead: bool,
    pub(super) cut_off_until: Duration,
    pub(super) files_cut_off_until: Duration,
    pub(super) broken_until: Duration,
    pub(super) refuses_until: Duration,
    /// When the ResourceManager last heard from it.
    pub(super) heard: Duration,
    /// The ResourceManager has given it up.
    pub(super) lost: bool,
    /// After a restart of the ResourceManager: when the node registers again.
    pub(super) back_at: Duration,
}

impl Node {
    /// Whether the ResourceManager counts it as usable.
    pub(super) fn counts(&self, now: Duration) -> bool {
        !self.lost && self.back_at <= now
    }

    pub(super) fn reachable(&self, now: Duration) -> bool {
        !self.dead && self.cut_off_until <= now
    }
}

/// The state of the application, as the ResourceManager reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Application {
    /// The next attempt starts at this time.
    Waiting(Duration),
    /// The attempt's process has been started.
    Running,
    /// Unregistered: no further attempt.
    Finished(FinalStatus, String),
    /// No attempt is left.
    Failed,
    Killed,
}

#[derive(Debug)]
pub(super) struct ResourceManager {
    pub(super) application: Application,
    /// The current attempt's number.
    pub(super) attempt: u32,
    /// When attempts failed.
    pub(super) failures: Vec<Duration>,
    registered: bool,
    pub(super) away: bool,
    /// When it comes back.
    pub(super) away_until: Duration,
    /// When it last heard from the current attempt.
    pub(super) heard: Duration,
    asked: u32,
    response_id: i32,
    last_answer: Option<HeartbeatAnswer>,
    excluded: BTreeSet<String>,
    pub(super) containers: BTreeMap<ContainerId, Container>,
    /// To be reported with the next answer.
    completed: Vec<ContainerStatus>,
    reported: Vec<ContainerStatus>,
    preempted: Vec<ContainerId>,
    next_container: i64,
    pub(super) capacity: Option<(u32, Duration)>,
    pub(super) surplus: u32,
    pub(super) nodes: Vec<Node>,
    pub(super) containers_per_node: u32,
    /// How many nodes, from the first one on, are too small for a TaskManager.
    pub(super) small_nodes: u32,
    pub(super) granted: u32,
    /// Fills one node before it uses the next.
    pub(super) packs: bool,
}

pub(super) fn host(node: u32) -> String {
    format!("node{node}")
}

impl ResourceManager {
    pub(super) fn new(nodes: u32, containers_per_node: u32) -> Self {
        Self {
            application: Application::Waiting(Duration::ZERO),
            attempt: 0,
            failures: Vec::new(),
            registered: false,
            away: false,
            away_until: Duration::ZERO,
            heard: Duration::ZERO,
            asked: 0,
            response_id: 0,
            last_answer: None,
            excluded: BTreeSet::new(),
            containers: BTreeMap::new(),
            completed: Vec::new(),
            reported: Vec::new(),
            preempted: Vec::new(),
            next_container: 2,
            capacity: None,
            surplus: 0,
            nodes: vec![Node::default(); nodes as usize],
            containers_per_node,
            small_nodes: 0,
            granted: 0,
            packs: false,
        }
    }

    pub(super) fn over(&self) -> bool {
        matches!(self.application, Application::Finished(..) | Application::Failed | Application::Killed)
    }

    /// A new attempt is being started.
    pub(super) fn begin_attempt(&mut self, now: Duration) {
        self.attempt += 1;
        self.application = Application::Running;
        self.registered = false;
        self.heard = now;
        self.asked = 0;
        self.response_id = 0;
        self.last_answer = None;
        self.completed.clear();
        self.excluded.clear();
    }

    /// What it knows survives in its store; what it was told does not.
    pub(super) fn restart(&mut self) {
        self.registered = false;
        self.asked = 0;
        self.response_id = 0;
        self.last_answer = None;
        self.excluded.clear();
        self.preempted.clear();
        // Grants that were never taken are forgotten.
        self.containers.retain(|_, container| container.stage != Stage::Allocated);
    }

    /// `registerApplicationMaster`: the containers that earlier attempts have left, or a refusal.
    pub(super) fn register(
        &mut self,
        attempt: u32,
        now: Duration,
    ) -> Result<Vec<AllocatedContainer>, String> {
        if attempt != self.attempt || self.over() {
            return Err("ApplicationAttemptNotFoundException".to_owned());
        }
        self.registered = true;
        self.heard = now;
        self.response_id = 0;
        self.last_answer = None;
        let earlier = self.containers.iter().filter(|(_, container)| container.attempt != attempt);
        Ok(earlier.map(|(id, container)| self.allocated(*id, container.node)).collect())
    }

    /// `allocate`. If the last request is repeated, its answer is repeated too, whatever the request now contains.
    pub(super) fn heartbeat(
        &mut self,
        attempt: u32,
        response_id: i32,
        heartbeat: Heartbeat,
        now: Duration,
    ) -> Result<(i32, HeartbeatAnswer), HeartbeatFailure> {
        if attempt != self.attempt || self.over() {
            return Err(HeartbeatFailure::Shutdown);
        }
        if !self.registered {
            return Err(HeartbeatFailure::Resync);
        }
        self.heard = now;
        // The largest container that its current nodes could run (`ClusterNodeTracker`).
        if heartbeat.ask.is_some_and(|ask| ask > 0) && !self.has_large_node(now) {
            return Err(HeartbeatFailure::Refused {
                cause: "Invalid resource request! Requested resource is greater than maximum allowed"
                    .to_owned(),
                for_good: false,
            });
        }
        if response_id + 1 == self.response_id
            && let Some(answer) = &self.last_answer
        {
            return Ok((self.response_id, answer.clone()));
        }
        if let Some(ask) = heartbeat.ask {
            self.asked = ask;
        }
        for id in heartbeat.releases {
            self.end_container(id, -100, "Container released by application", now);
        }
        self.excluded.extend(heartbeat.exclude);
        for host in heartbeat.welcome {
            self.excluded.remove(&host);
        }
        let mut answer = HeartbeatAnswer {
            completed: std::mem::take(&mut self.completed),
            preempted: std::mem::take(&mut self.preempted),
            cluster_nodes: u32::try_from(self.nodes.iter().filter(|node| !node.lost).count()).unwrap_or(0),
            ..HeartbeatAnswer::default()
        };
        self.reported.clone_from(&answer.completed);
        let wanted = self.asked + std::mem::take(&mut self.surplus);
        for _ in 0..wanted {
            let Some(node) = self.room(now) else { break };
            let number = self.next_container;
            self.next_container += 1;
            self.granted += 1;
            let id = container_id(self.attempt, number);
            let container = Container {
                attempt,
                node,
                stage: Stage::Allocated,
                ended: None,
                hung: (Duration::ZERO, Duration::ZERO),
            };
            self.containers.insert(id, container);
            answer.allocated.push(self.allocated(id, node));
            self.asked = self.asked.saturating_sub(1);
        }
        self.response_id += 1;
        self.last_answer = Some(answer.clone());
        Ok((self.response_id, answer))
    }

    /// Whether a usable node can hold a TaskManager at all.
    pub(super) fn has_large_node(&self, now: Duration) -> bool {
        self.nodes.iter().skip(self.small_nodes as usize).any(|node| node.counts(now))
    }

    /// Number of TaskManagers that the live nodes can hold.
    pub(super) fn whole_room(&self) -> u32 {
        let alive = self.nodes.iter().skip(self.small_nodes as usize).filter(|node| !node.dead).count();
        u32::try_from(alive).unwrap_or(0) * self.containers_per_node
    }

    /// The node with the most room, or the least if it packs; `None` if none has room.
    fn room(&self, now: Duration) -> Option<u32> {
        let count = |node: u32| self.containers.values().filter(|container| container.node == node).count();
        if let Some((most, until)) = self.capacity
            && now < until
            && self.containers.len() >= most as usize
        {
            return None;
        }
        let nodes = (0..).zip(&self.nodes);
        let open = nodes.filter(|(at, node)| {
            node.counts(now) && *at >= self.small_nodes && !self.excluded.contains(&host(*at))
        });
        let most = self.containers_per_node as usize;
        let mut room: Vec<_> =
            open.map(|(at, _)| (count(at), at)).filter(|(count, _)| *count < most).collect();
        room.sort_unstable();
        let best = if self.packs { room.last() } else { room.first() };
        best.map(|(_, at)| *at)
    }

    /// A container's process is gone, or will never exist.
    pub(super) fn end_container(&mut self, id: ContainerId, status: i32, diagnostics: &str, now: Duration) {
        let Some(container) = self.containers.get_mut(&id) else { return };
        let heard = self.nodes[container.node as usize].reachable(now) || status == -100;
        if !heard {
            container.ended = Some(status);
            return;
        }
        let current = container.attempt == self.attempt || self.registered;
        self.containers.remove(&id);
        if current {
            self.completed.push(ContainerStatus {
                id,
                state: ContainerState::Complete,
                exit_status: status,
                diagnostics: diagnostics.to_owned(),
            });
        }
    }

    pub(super) fn repeat_completions(&mut self) {
        self.completed.extend(self.reported.iter().cloned());
    }

    pub(super) fn announce_preemption(&mut self, id: ContainerId) {
        self.preempted.push(id);
    }

    /// `finishApplicationMaster`; `false` if the attempt is no longer the current one.
    pub(super) fn finish(&mut self, attempt: u32, status: FinalStatus, diagnostics: String) -> bool {
        if attempt != self.attempt || self.over() {
            return false;
        }
        self.application = Application::Finished(status, diagnostics);
        true
    }

    /// Gives up nodes that have been silent for too long, and returns them.
    pub(super) fn give_up_nodes(&mut self, expiry: Duration, now: Duration) -> Vec<u32> {
        let mut lost = Vec::new();
        for (at, node) in (0..).zip(&mut self.nodes) {
            if node.reachable(now) && node.back_at <= now {
                node.heard = now;
                node.lost = false;
            } else if !node.lost && node.heard + expiry <= now {
                node.lost = true;
                lost.push(at);
            }
        }
        for node in &lost {
            let there: Vec<_> = self.on_node(*node);
            for id in there {
                self.end_container(id, -100, "Container released on a *lost* node", now);
            }
        }
        lost
    }

    pub(super) fn on_node(&self, node: u32) -> Vec<ContainerId> {
        self.containers.iter().filter(|(_, container)| container.node == node).map(|(id, _)| *id).collect()
    }

    fn allocated(&self, id: ContainerId, node: u32) -> AllocatedContainer {
        let token = Token {
            identifier: Default::default(),
            password: Secret::new(Vec::new()),
            kind: "ContainerToken".to_owned(),
            service: String::new(),
        };
        AllocatedContainer {
            id,
            node: NodeId { host: host(node), port: 45454 },
            node_http_address: String::new(),
            resource: Resource::new(1024, 1),
            priority: 1,
            allocation_request_id: 1,
            token,
        }
    }
}

fn container_id(attempt: u32, number: i64) -> ContainerId {
    let application = ApplicationId { cluster_timestamp: 1, id: 1 };
    let attempt = i32::try_from(attempt).unwrap_or(1);
    ContainerId { attempt: ApplicationAttemptId { application, attempt }, id: number }
}
