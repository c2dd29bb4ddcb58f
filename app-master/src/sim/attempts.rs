//! Attempts of the application: how they start, fail and are cleaned up.

use std::collections::BTreeMap;

use rand::Rng;
use yarn_client::flink::JobStatus;

use super::yarn::{Application, Stage};
use super::{Due, MASTER_START, Master, NODE_HEARTBEAT, World, ms};
use crate::machine::{AppMaster, CheckpointsView, Event, Exit, History, Settings};

impl World {
    pub(super) fn begin_attempt(&mut self) {
        let now = self.now;
        let open: Vec<u32> = (0..)
            .zip(&self.resource_manager.nodes)
            .filter(|(_, node)| node.reachable(now) && !node.lost)
            .map(|(at, _)| at)
            .collect();
        // It reads what earlier attempts have left, so it waits for the file system.
        let files = self.files.away_until > now;
        if open.is_empty() || files {
            self.resource_manager.application = Application::Waiting(now + ms(1000));
            return;
        }
        let node = open[self.rng.random_range(0..open.len())];
        self.resource_manager.begin_attempt(now);
        let attempt = self.resource_manager.attempt;
        let history = History {
            begun: self.files.marks.iter().any(|mark| *mark < attempt),
            journal: self.files.journals.values().next_back().cloned().unwrap_or_default(),
        };
        self.note(|| format!("attempt {attempt} begins on node{node}, {}", history.journal));
        let settings = Settings { history, ..self.scenario.settings.clone() };
        if attempt == 1 {
            self.recorder.begin(now + MASTER_START, &settings);
        }
        let knows_directory = settings.checkpoint_directory
            || matches!(
                settings.history.journal.checkpoints,
                Some(CheckpointsView::On { path: Some(_), .. })
            );
        let machine = AppMaster::new(settings, now + MASTER_START);
        let master = Master {
            node,
            machine,
            alive: true,
            response_id: 0,
            ends: false,
            job_manager: None,
            generation: 0,
            containers: BTreeMap::new(),
            told: BTreeMap::new(),
            knows_directory,
        };
        self.masters.insert(attempt, master);
    }

    /// The ResourceManager counts the current attempt as failed.
    pub(super) fn attempt_failed(&mut self) {
        let attempt = self.resource_manager.attempt;
        let (now, validity) = (self.now, self.scenario.attempt_validity);
        let failures = &mut self.resource_manager.failures;
        failures.retain(|at| *at + validity > now);
        failures.push(now);
        let last = failures.len() >= self.scenario.max_attempts as usize;
        self.note(|| format!("attempt {attempt} has failed{}", if last { ", it was the last" } else { "" }));
        self.resource_manager.application =
            if last { Application::Failed } else { Application::Waiting(self.now + ms(1500)) };
        let keep = self.scenario.settings.recovers && !last;
        self.resource_manager.containers.retain(|_, container| keep && container.stage != Stage::Allocated);
        // Its NodeManager is told to end the container.
        self.kill_master_when_reachable(attempt);
    }

    fn kill_master_when_reachable(&mut self, attempt: u32) {
        let reachable =
            |world: &Self, node: u32| world.resource_manager.nodes[node as usize].reachable(world.now);
        if let Some(master) = self.masters.get(&attempt)
            && reachable(self, master.node)
        {
            self.after(NODE_HEARTBEAT, Due::KillMaster(attempt));
        }
    }

    /// A process is gone, and its JobManager with it.
    pub(super) fn bury(&mut self, attempt: u32) {
        let now = self.now;
        let Some(master) = self.masters.get_mut(&attempt) else { return };
        if !master.alive {
            return;
        }
        master.alive = false;
        master.job_manager = None;
        let (node, generation) = (master.node, master.generation);
        self.jobs_lose_home(attempt, generation);
        self.note(|| format!("the process of attempt {attempt} is gone"));
        if self.resource_manager.nodes[node as usize].reachable(now) {
            self.after(NODE_HEARTBEAT, Due::MasterGone(attempt));
        }
    }

    pub(super) fn job_manager_ends(&mut self, attempt: u32, generation: u32, exit: Exit) {
        let Some(master) = self.masters.get_mut(&attempt) else { return };
        if master.generation != generation {
            return;
        }
        let Some(job_manager) = master.job_manager.take() else { return };
        let finished = job_manager.job.as_ref().is_some_and(|job| job.status == JobStatus::Finished);
        // What REST was too slow to show is in the log.
        let job_finished = finished && exit == Exit::Code(2);
        let cause = (exit == Exit::Code(2)).then(|| "java.lang.IllegalStateException: late".to_owned());
        self.jobs_lose_home(attempt, generation);
        self.note(|| format!("attempt {attempt}: the JobManager ends {exit}"));
        let event = Event::JobManagerExited {
            exit,
            cause,
            not_loaded: false,
            port_taken: false,
            job_finished,
            system_exit: None,
        };
        self.tell(attempt, ms(5), event);
    }

    pub(super) fn healed(&mut self, node: u32) {
        let now = self.now;
        if !self.resource_manager.nodes[node as usize].reachable(now) {
            return;
        }
        self.note(|| format!("node{node} is connected again"));
        self.resource_manager.nodes[node as usize].heard = now;
        for id in self.resource_manager.on_node(node) {
            if let Some(status) = self.resource_manager.containers[&id].ended {
                self.resource_manager.end_container(id, status, "", now);
            }
        }
        let current = self.resource_manager.attempt;
        let stale: Vec<_> = self
            .masters
            .iter()
            .filter(|(attempt, master)| {
                master.node == node
                    && (**attempt != current || self.resource_manager.application != Application::Running)
            })
            .map(|(attempt, _)| *attempt)
            .collect();
        for attempt in stale {
            self.after(NODE_HEARTBEAT, Due::KillMaster(attempt));
        }
        if self.masters.get(&current).is_some_and(|master| master.node == node && !master.alive) {
            self.after(NODE_HEARTBEAT, Due::MasterGone(current));
        }
        self.replay_calls();
    }
}
