//! What a fault does to the world.

use super::scenario::LOOK;
use super::yarn::Application;
use super::{Due, Fault, World, ms};
use crate::machine::Event;

impl World {
    /// Injects a fault now.
    pub fn inject(&mut self, fault: &Fault) {
        if self.resource_manager.over() {
            return;
        }
        if *fault == Fault::OwnerLooks {
            return self.owner_looks();
        }
        self.note(|| format!("FAULT {fault:?}"));
        self.faults_injected += 1;
        let now = self.now;
        let current = self.resource_manager.attempt;
        let nth = |world: &Self, n: usize| {
            let live: Vec<_> = world.resource_manager.containers.keys().copied().collect();
            (!live.is_empty()).then(|| live[n % live.len()])
        };
        match *fault {
            Fault::OwnerLooks => {}
            Fault::KillTaskManager(n, status) => {
                if let Some(id) = nth(self, n) {
                    self.resource_manager.end_container(id, status, "", now);
                }
            }
            Fault::KillJobManager(exit) => {
                let generation = self.masters.get(&current).map_or(0, |master| master.generation);
                self.job_manager_ends(current, generation, exit);
            }
            Fault::KillAskedJobManager(exit) => self.ends_with_question = Some(exit),
            Fault::KillMaster => self.bury(current),
            Fault::HangTaskManager(n, during) => {
                let container = nth(self, n).and_then(|id| self.resource_manager.containers.get_mut(&id));
                if let Some(container) = container.filter(|container| !container.hangs(now)) {
                    container.hung = (now, now + during);
                }
            }
            Fault::HangJobManager(during) => {
                let master = self.masters.get_mut(&current);
                if let Some(job_manager) = master.and_then(|master| master.job_manager.as_mut()) {
                    job_manager.hung_until = now + during;
                }
            }
            Fault::LoseRegistrations(n) => self.lose_registrations += n,
            Fault::TerminateMaster => self.deliver(current, Event::Terminate, None),
            Fault::KillApplication => {
                self.resource_manager.application = Application::Killed;
                self.resource_manager.containers.clear();
                if self.masters.contains_key(&current) && self.connected(current) {
                    self.deliver(current, Event::Terminate, None);
                    self.after(ms(250), Due::KillMaster(current));
                }
            }
            Fault::LoseAnswers(n) => self.lose_answers += n,
            Fault::LoseRequests(n) => self.lose_requests += n,
            Fault::RestartResourceManager(away) => {
                self.resource_manager.away = true;
                self.resource_manager.away_until = now + away;
                self.at(now + away, Due::Back);
            }
            Fault::Surplus(n) => self.resource_manager.surplus += n,
            Fault::RepeatCompletions => self.resource_manager.repeat_completions(),
            Fault::Preempt(n) => {
                if let Some(id) = nth(self, n) {
                    self.resource_manager.announce_preemption(id);
                    self.after(ms(2000), Due::Preempted(id));
                }
            }
            Fault::Capacity(most, during) => self.resource_manager.capacity = Some((most, now + during)),
            Fault::LoseNode(node) => self.lose_node(node),
            Fault::Partition { node, during, files } => {
                let place = &mut self.resource_manager.nodes[node as usize];
                place.cut_off_until = now + during;
                self.files_were_away |= files;
                if files {
                    place.files_cut_off_until = now + during;
                }
                self.at(now + during, Due::Healed(node));
            }
            Fault::BreakNode(node, during) => {
                self.resource_manager.nodes[node as usize].broken_until = now + during;
            }
            Fault::RefuseLaunches(node, during) => {
                self.resource_manager.nodes[node as usize].refuses_until = now + during;
            }
            Fault::SlowStarts(by, during) => self.slow = (by, now + during),
            Fault::FilesAway(during) => {
                self.files_were_away = true;
                self.files.away_until = now + during;
            }
            Fault::RestAway(during) => self.rest_away_until = now + during,
            Fault::RestForgets(during) => self.rest_forgets_until = now + during,
        }
    }

    /// Kills the application if it cannot proceed. Lost nodes do not come back here.
    fn owner_looks(&mut self) {
        if !self.is_hopeless() {
            self.check_patience();
            return self.after(LOOK, Due::Fault(Fault::OwnerLooks));
        }
        self.given_up = true;
        self.inject(&Fault::KillApplication);
    }

    /// The last node stays: without any there would be nothing to see.
    fn lose_node(&mut self, node: u32) {
        let nodes = &mut self.resource_manager.nodes;
        if nodes.iter().filter(|node| !node.dead).count() < 2 {
            return;
        }
        nodes[node as usize].dead = true;
        for id in self.resource_manager.on_node(node) {
            self.resource_manager.end_container(id, 137, "", self.now);
        }
        let there: Vec<_> = self.masters.iter().filter(|(_, m)| m.node == node).map(|(a, _)| *a).collect();
        for attempt in there {
            self.bury(attempt);
        }
    }
}
