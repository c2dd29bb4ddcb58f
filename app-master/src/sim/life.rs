//! What happens by itself: attempts start and expire, JVMs register or die, jobs continue.

use std::collections::BTreeMap;
use std::time::Duration;

use proto::ids::ContainerId;

use super::yarn::{self, Application, Stage};
use super::{Due, World, ms};
use crate::machine::Exit;

impl World {
    pub(super) fn next_time(&self) -> Option<Duration> {
        let queue = self.due.keys().next().map(|(at, _)| *at);
        let masters = self.masters.values().filter(|master| master.alive);
        let machines = masters.filter_map(|master| {
            let job = master.job_manager.as_ref().and_then(|jm| jm.next(&self.scenario.job, self.now));
            [master.machine.poll_timeout(), job].into_iter().flatten().min()
        });
        let registrations = self.resource_manager.containers.values().filter_map(|c| match c.stage {
            Stage::Starting(at) if at > self.now => Some(at),
            _ => None,
        });
        let timeout = self.scenario.settings.heartbeat_timeout;
        let hung = self.resource_manager.containers.values().flat_map(|c| [c.hung.0 + timeout, c.hung.1]);
        [queue, self.resource_manager_next()]
            .into_iter()
            .flatten()
            .chain(machines)
            .chain(self.next_job_end())
            .chain(registrations)
            .chain(hung.filter(|at| *at > self.now))
            .min()
            .map(|at| at.max(self.now))
    }

    /// The time of the ResourceManager's next action of its own.
    fn resource_manager_next(&self) -> Option<Duration> {
        let manager = &self.resource_manager;
        if manager.away || manager.over() {
            return None;
        }
        let attempt = match manager.application {
            Application::Waiting(at) => Some(at),
            _ => Some(manager.heard + self.scenario.expiry),
        };
        let silent = |node: &&yarn::Node| !node.reachable(self.now) && !node.lost && node.back_at <= self.now;
        let nodes = manager.nodes.iter().filter(silent).map(|node| node.heard + self.scenario.expiry);
        attempt.into_iter().chain(nodes).min()
    }

    /// Lets everything happen that happens by itself: attempts start and expire, JVMs register or die, the job
    /// continues.
    pub(super) fn live(&mut self) {
        let now = self.now;
        if !self.resource_manager.away && !self.resource_manager.over() {
            for node in self.resource_manager.give_up_nodes(self.scenario.expiry, now) {
                self.note(|| format!("the ResourceManager gives up node{node}"));
            }
            match self.resource_manager.application {
                Application::Waiting(at) if at <= now => self.begin_attempt(),
                Application::Running if self.resource_manager.heard + self.scenario.expiry <= now => {
                    self.note(|| "the ResourceManager gives up the attempt".to_owned());
                    self.attempt_failed();
                }
                _ => {}
            }
        }
        self.live_containers();
        if self.scenario.has_many_jobs() {
            self.live_jobs();
            return self.live_program();
        }
        let model = self.scenario.job.clone();
        let mut thrown = Vec::new();
        let each = self.scenario.settings.slots;
        let there: Vec<_> =
            self.masters.keys().map(|attempt| (*attempt, self.task_managers(*attempt))).collect();
        for (attempt, there) in there {
            let Some(master) = self.masters.get_mut(&attempt) else { continue };
            let Some(job_manager) = &mut master.job_manager else { continue };
            if job_manager.live(&model, &there, each, &mut self.durable, now) {
                thrown.push((attempt, master.generation));
            }
        }
        for (attempt, generation) in thrown {
            self.after(ms(100), Due::JobManagerEnds(attempt, generation, Exit::Code(2)));
        }
    }

    /// JVMs that have started register with their JobManager, or die on a broken node.
    fn live_containers(&mut self) {
        let now = self.now;
        let mut dead = Vec::new();
        let up: BTreeMap<u32, u32> = self
            .masters
            .iter()
            .filter(|(_, master)| master.job_manager.as_ref().is_some_and(|jm| jm.up(now)))
            .map(|(attempt, master)| (*attempt, master.node))
            .collect();
        let manager = &mut self.resource_manager;
        for (id, container) in &mut manager.containers {
            let Stage::Starting(at) = container.stage else { continue };
            if at > now || container.ended.is_some() || container.hangs(now) {
                continue;
            }
            if manager.nodes[container.node as usize].broken_until > now {
                dead.push(*id);
                continue;
            }
            // With high availability it finds any JobManager.
            let home = up
                .get(&container.attempt)
                .or_else(|| self.scenario.settings.recovers.then(|| up.values().next()).flatten());
            let connected = |node: u32| manager.nodes[node as usize].reachable(now);
            if home.is_some_and(|home| {
                *home == container.node || (connected(*home) && connected(container.node))
            }) {
                container.stage = Stage::Registered;
            }
        }
        for id in dead {
            let text = "java.lang.NoClassDefFoundError: org/apache/hadoop/conf/Configuration";
            self.resource_manager.end_container(id, 1, text, now);
        }
    }

    /// Containers whose TaskManagers do what an attempt's JobManager tells them.
    pub(super) fn task_managers(&self, attempt: u32) -> Vec<ContainerId> {
        let mut listed = self.listed(attempt);
        listed.retain(|id| !self.resource_manager.containers[id].hangs(self.now));
        listed
    }

    /// Containers that an attempt's JobManager considers TaskManagers.
    pub(super) fn listed(&self, attempt: u32) -> Vec<ContainerId> {
        let timeout = self.scenario.settings.heartbeat_timeout;
        let Some(master) = self.masters.get(&attempt) else { return Vec::new() };
        let manager = &self.resource_manager;
        let connected = |node: u32| manager.nodes[node as usize].reachable(self.now);
        manager
            .containers
            .iter()
            .filter(|(_, container)| {
                container.stage == Stage::Registered
                    && container.ended.is_none()
                    && !container.is_dropped(timeout, self.now)
                    && (container.attempt == attempt || self.scenario.settings.recovers)
                    && (container.node == master.node
                        || (connected(container.node) && connected(master.node)))
            })
            .map(|(id, _)| *id)
            .collect()
    }
}
