//! What the machine asks for is done, as far as the world lets it, and faults are put into effect.

use std::time::Duration;

use proto::ids::ContainerId;
use yarn_client::flink::JobStatus;
use yarn_client::yarn::Resource;

use super::job::JobManager;
use super::scenario::LOOK;
use super::yarn::{Application, Stage};
use super::{Call, Due, Fault, FileOperation, JOB, World, check, ms};
use crate::machine::{
    Action, BeginFailure, CheckpointsView, Event, Exit, Fence, FlinkView, Found, HeartbeatFailure, JobView,
    Silence, TaskManagerView,
};

/// The driver gives a file operation this long.
const FILES_TIMEOUT: Duration = Duration::from_secs(30);
/// From the launch until a TaskManager's JVM registers.
const TASK_MANAGER_START: Duration = ms(2500);
/// The driver gives a request to Flink this long.
const REST_TIMEOUT: Duration = ms(10_000);
/// What Flink keeps, where the application master's successor cannot look for the newest one.
pub(super) const RETAINED: usize = 3;

impl World {
    pub(super) fn perform_all(&mut self) {
        let attempts: Vec<u32> =
            self.masters.iter().filter(|(_, master)| master.alive).map(|(attempt, _)| *attempt).collect();
        for attempt in attempts {
            while let Some(master) = self.masters.get_mut(&attempt).filter(|master| master.alive) {
                let Some(action) = master.machine.poll_action() else { break };
                if check::says_something(&action) {
                    self.note(|| format!("attempt {attempt} > {}", check::short(&action)));
                }
                if attempt == 1 {
                    self.recorder.action(&action);
                }
                if let Some(log) = &mut self.log {
                    log.push_back((self.now, action.clone()));
                }
                self.perform(attempt, action);
            }
        }
    }

    fn perform(&mut self, attempt: u32, action: Action) {
        match action {
            Action::Register => self.call(attempt, Call::Register),
            Action::Heartbeat(heartbeat) => {
                self.check_heartbeat(attempt, &heartbeat);
                let response_id = self.masters[&attempt].response_id;
                self.call(attempt, Call::Heartbeat(heartbeat, response_id));
            }
            Action::Unregister { status, diagnostics } => {
                self.check_unregister(attempt);
                self.call(attempt, Call::Finish(status, diagnostics));
            }
            Action::StartContainer(container) => self.start_container(attempt, container.id),
            Action::StopContainer(id) => self.stop_container(attempt, id),
            Action::Begin => self.file_operation(attempt, FileOperation::Begin),
            Action::WriteJournal(journal) => self.file_operation(attempt, FileOperation::Journal(journal)),
            Action::CheckFence => self.file_operation(attempt, FileOperation::Fence),
            Action::FindCheckpoint { known, own_directory } => {
                self.file_operation(attempt, FileOperation::FindCheckpoint { known, own_directory });
            }
            Action::RemoveStaging { checkpoint, high_availability } => {
                let checkpoint = checkpoint.is_some();
                self.file_operation(attempt, FileOperation::Remove { checkpoint, high_availability });
            }
            Action::StartJobManager { restore, .. } => self.start_job_manager(attempt, restore.as_deref()),
            Action::KillJobManager => self.stop_job_manager(attempt, Exit::Signal(9), ms(10)),
            Action::DumpJobManager => {}
            Action::PollFlink { holders, .. } => {
                let silent = || Event::FlinkUnreachable {
                    silence: Silence::Complete,
                    cause: "connection refused".to_owned(),
                };
                let job_manager = self.masters[&attempt].job_manager.as_ref();
                if job_manager.is_some_and(|jm| jm.hung_until > self.now) {
                    return self.tell(attempt, REST_TIMEOUT, silent());
                }
                let event =
                    if !job_manager.is_some_and(|jm| jm.up(self.now)) || self.rest_away_until > self.now {
                        silent()
                    } else if self.rest_forgets_until > self.now {
                        Event::Flink(FlinkView::default())
                    } else {
                        let view = self.view(attempt);
                        Event::Flink(FlinkView { holders: view.holders.filter(|_| holders), ..view })
                    };
                self.tell(attempt, ms(5), event);
            }
            Action::FetchResult { checkpoints, .. } => {
                let cause = Some(self.cause.clone());
                let restored = self.masters[&attempt].job_manager.as_ref().map_or(0, |jm| jm.restored);
                // The driver looks twice.
                let checkpoints = checkpoints.then(|| match self.checkpoints(restored, self.now) {
                    CheckpointsView::On { completed: false, .. } => {
                        self.checkpoints(restored, self.now + ms(500))
                    }
                    seen => seen,
                });
                self.tell(attempt, ms(10), Event::JobResult { cause, checkpoints });
            }
            Action::WatchProgram if self.scenario.program.is_some() => self.watch_program(attempt),
            Action::WatchProgram => {
                if !self.scenario.job.main_throws {
                    let job_passed_over = self.scenario.job.second;
                    self.tell(attempt, ms(150), Event::ProgramEnded { job_passed_over });
                }
            }
            Action::CancelJobs(jobs) => {
                self.check_cancellation();
                self.cancel_jobs(attempt, &jobs);
            }
            Action::DeleteCluster => {
                let up = self.masters[&attempt].job_manager.as_ref().is_some_and(|jm| jm.up(self.now));
                let accepted = up && self.rest_away_until <= self.now;
                self.tell(
                    attempt,
                    if up { ms(20) } else { REST_TIMEOUT },
                    Event::ClusterDeleted { accepted },
                );
                if accepted {
                    self.check_orderly_end(attempt);
                    self.stop_job_manager(attempt, Exit::Code(0), ms(300));
                }
            }
            Action::InspectCluster => {
                let manager = &self.resource_manager;
                let large = manager.nodes.iter().skip(manager.small_nodes as usize);
                let nodes = large.filter(|node| node.counts(self.now)).count();
                let nodes = u32::try_from(nodes).unwrap_or(0);
                let task_managers = Some(nodes * self.scenario.containers_per_node);
                let description = format!("{nodes} nodes");
                self.tell(attempt, ms(20), Event::ClusterCapacity { task_managers, description });
            }
            Action::Tell(occurrence) => {
                self.check_told(attempt, &occurrence);
                if let Some(heard) = &mut self.heard {
                    heard.push(*occurrence);
                }
            }
            Action::Exit(code) => {
                self.check_exit(attempt, code);
                self.bury(attempt);
            }
        }
    }

    fn connected(&self, attempt: u32) -> bool {
        let node = self.masters[&attempt].node;
        self.resource_manager.nodes[node as usize].reachable(self.now)
    }

    /// A call that finds nobody waits, as the driver's client does.
    fn call(&mut self, attempt: u32, call: Call) {
        if self.resource_manager.away || !self.connected(attempt) {
            self.parked.push((attempt, call));
            return;
        }
        match call {
            Call::Register => {
                let event = match self.resource_manager.register(attempt, self.now) {
                    // Said again, it is "already registered", and that is all there is to hear.
                    Ok(_) if self.lose_registrations > 0 => {
                        self.lose_registrations -= 1;
                        let maximum = Resource::new(u64::MAX, 8);
                        let registered = Event::Registered { maximum, previous: Vec::new() };
                        return self.tell(attempt, ms(1500), registered);
                    }
                    Ok(previous) => {
                        let large = self.resource_manager.has_large_node(self.now);
                        let maximum = if large { self.scenario.maximum_mib } else { 1 };
                        Event::Registered { maximum: Resource::new(maximum, 8), previous }
                    }
                    Err(cause) => Event::RegistrationFailed { cause },
                };
                self.tell(attempt, ms(20), event);
            }
            Call::Heartbeat(heartbeat, response_id) => {
                let lost = Event::HeartbeatFailed(HeartbeatFailure::Lost("connection reset".to_owned()));
                if self.lose_requests > 0 {
                    self.lose_requests -= 1;
                    return self.tell(attempt, ms(1000), lost);
                }
                let too_large = self.scenario.settings.task_manager_mib > self.scenario.maximum_mib;
                let answer = if too_large && heartbeat.ask.is_some_and(|ask| ask > 0) {
                    Err(HeartbeatFailure::Refused { cause: "too large".to_owned(), for_good: false })
                } else {
                    self.resource_manager.heartbeat(attempt, response_id, heartbeat, self.now)
                };
                if self.lose_answers > 0 {
                    self.lose_answers -= 1;
                    return self.tell(attempt, ms(1000), lost);
                }
                match answer {
                    Ok((number, answer)) => {
                        self.after(ms(5), Due::Tell(attempt, Event::Heartbeat(answer), Some(number)));
                    }
                    Err(failure) => self.tell(attempt, ms(5), Event::HeartbeatFailed(failure)),
                }
            }
            Call::Finish(status, diagnostics) => {
                let accepted = self.resource_manager.finish(attempt, status, diagnostics);
                if accepted {
                    self.note(|| format!("unregistered as {status}"));
                    self.take_back_unstarted(attempt);
                    // What still runs is ended by the NodeManagers.
                    self.resource_manager.containers.clear();
                }
                let event = if accepted { Event::Unregistered } else { Event::AttemptOver };
                self.tell(attempt, ms(50), event);
            }
        }
    }

    /// While the ResourceManager was away, nothing that was never started could be given back to it. It has forgotten that.
    fn take_back_unstarted(&mut self, attempt: u32) {
        let manager = &self.resource_manager;
        let back = manager.away_until > Duration::ZERO && self.now < manager.away_until + ms(1000);
        let Some(master) = self.masters.get_mut(&attempt).filter(|_| back) else { return };
        for (id, gone) in &mut master.containers {
            *gone |= manager.containers.get(id).is_none_or(|container| container.stage == Stage::Allocated);
        }
    }

    pub(super) fn replay_calls(&mut self) {
        for (attempt, call) in std::mem::take(&mut self.parked) {
            if self.masters.get(&attempt).is_some_and(|master| master.alive) {
                self.call(attempt, call);
            }
        }
    }

    fn start_container(&mut self, attempt: u32, id: ContainerId) {
        let now = self.now;
        self.check_start(attempt, id);
        let connected = self.connected(attempt);
        let manager = &mut self.resource_manager;
        let failed = |cause: &str| Event::ContainerStartFailed { id, cause: cause.to_owned() };
        let Some(container) = manager.containers.get_mut(&id) else {
            return self.tell(attempt, ms(30), failed("the container is not known here"));
        };
        let node = &manager.nodes[container.node as usize];
        if !node.reachable(now) || !connected {
            return self.tell(attempt, ms(5000), failed("no route to host"));
        }
        if node.refuses_until > now {
            return self.tell(attempt, ms(30), failed("NMNotYetReadyException"));
        }
        let slow = if self.slow.1 > now { self.slow.0 } else { Duration::ZERO };
        container.stage = Stage::Starting(now + TASK_MANAGER_START + slow);
        self.tell(attempt, ms(30), Event::ContainerStarted(id));
    }

    fn stop_container(&mut self, attempt: u32, id: ContainerId) {
        self.check_stop(attempt, id);
        if let Some(master) = self.masters.get_mut(&attempt) {
            master.containers.insert(id, true);
        }
        let Some(container) = self.resource_manager.containers.get(&id) else { return };
        let node = &self.resource_manager.nodes[container.node as usize];
        if node.reachable(self.now) && self.connected(attempt) && container.stage != Stage::Allocated {
            self.resource_manager.end_container(id, -105, "", self.now);
        }
    }

    fn start_job_manager(&mut self, attempt: u32, restore: Option<&str>) {
        let newest = self.durable.checkpoints.len();
        let restored = if self.scenario.settings.recovers {
            newest
        } else {
            restore.and_then(|path| path.strip_prefix("chk-")?.parse().ok()).unwrap_or(0)
        };
        let known = self.check_restore(attempt, restored);
        let now = self.now;
        self.job_managers_started += 1;
        let restored = restored.min(newest);
        let Some(master) = self.masters.get_mut(&attempt) else { return };
        if master.job_manager.is_some() {
            self.violations.push(format!("attempt {attempt} starts a second JobManager"));
        }
        master.generation += 1;
        master.job_manager = Some(JobManager::new(now, restored));
        if !known {
            // Flink cannot find it, and the job fails.
            let generation = master.generation;
            self.after(ms(4000), Due::JobManagerEnds(attempt, generation, Exit::Code(2)));
        }
        // TaskManagers of the one before come back once they have noticed.
        self.tell(attempt, ms(5), Event::JobManagerStarted);
    }

    fn stop_job_manager(&mut self, attempt: u32, exit: Exit, delay: Duration) {
        let Some(master) = self.masters.get_mut(&attempt) else { return };
        if let Some(job_manager) = &mut master.job_manager {
            job_manager.stopping = true;
            let generation = master.generation;
            self.after(delay, Due::JobManagerEnds(attempt, generation, exit));
        }
    }

    fn file_operation(&mut self, attempt: u32, operation: FileOperation) {
        let back = self.files_back(attempt);
        let limit = if matches!(operation, FileOperation::Fence) { ms(5000) } else { FILES_TIMEOUT };
        let at = back.max(self.now).min(self.now + limit) + ms(10);
        self.at(at, Due::Files(attempt, operation));
    }

    /// When the file system can be reached from an attempt's node.
    fn files_back(&self, attempt: u32) -> Duration {
        let node = self.masters.get(&attempt).map_or(0, |master| master.node);
        self.files.away_until.max(self.resource_manager.nodes[node as usize].files_cut_off_until)
    }

    pub(super) fn finish_file_operation(&mut self, attempt: u32, operation: FileOperation) {
        if !self.masters.get(&attempt).is_some_and(|master| master.alive) {
            return;
        }
        let away = self.files_back(attempt) > self.now;
        let silence = || "the file system does not answer".to_owned();
        let event = match operation {
            FileOperation::Begin if away => Event::Begun(Err(BeginFailure::Unavailable(silence()))),
            FileOperation::Begin if self.files.removed => Event::Begun(Err(BeginFailure::Gone)),
            FileOperation::Begin => {
                self.files.marks.insert(attempt);
                Event::Begun(Ok(()))
            }
            FileOperation::Journal(_) if away => Event::JournalWritten { failure: Some(silence()) },
            FileOperation::Journal(journal) => {
                self.files.journals.insert(attempt, journal);
                Event::JournalWritten { failure: None }
            }
            FileOperation::Fence if away => Event::FenceChecked(Fence::Unknown(silence())),
            FileOperation::Fence => {
                let later = self.files.removed || self.files.marks.iter().any(|mark| *mark > attempt);
                Event::FenceChecked(if later { Fence::Superseded } else { Fence::Newest })
            }
            FileOperation::FindCheckpoint { own_directory: true, .. } if away => {
                Event::CheckpointFound(Err(silence()))
            }
            FileOperation::FindCheckpoint { known, own_directory } => {
                Event::CheckpointFound(Ok(self.find_checkpoint(attempt, known, own_directory)))
            }
            FileOperation::Remove { .. } if away => {
                self.removal_failed = true;
                Event::StagingRemoved { failure: Some(silence()) }
            }
            FileOperation::Remove { checkpoint, high_availability } => {
                self.check_removal(checkpoint, high_availability);
                self.files.removed = true;
                if checkpoint {
                    self.durable.checkpoints.clear();
                }
                Event::StagingRemoved { failure: None }
            }
        };
        self.deliver(attempt, event, None);
    }

    /// As the driver does it: by looking where the job's directory is its own, else by what its JobManagers have told, to this
    /// process or in its container's log.
    fn find_checkpoint(&self, attempt: u32, known: Option<String>, own_directory: bool) -> Found {
        let newest = self.durable.checkpoints.len();
        let found = |number: usize| {
            if number > 0 { Found::Newest(format!("chk-{number}")) } else { Found::Nothing }
        };
        let has_log = self.masters.get(&attempt).is_some_and(|master| master.generation > 0);
        if known.is_none() && !self.scenario.settings.checkpoint_directory {
            // Only the program knows where they go; a log tells their numbers.
            return if has_log && newest == 0 { Found::Nothing } else { Found::Unknown };
        }
        if own_directory {
            return found(newest.max(self.scenario.foreign));
        }
        match known {
            _ if has_log => found(newest),
            Some(known) => Found::Newest(known),
            None => Found::Unknown,
        }
    }

    /// What a JobManager that was restored from that number says at `now`.
    fn checkpoints(&self, restored: usize, now: Duration) -> CheckpointsView {
        let model = &self.scenario.job;
        if model.checkpoint_interval.is_none() {
            return CheckpointsView::Off;
        }
        let told = |at: &&Duration| **at + self.scenario.checkpoints_age <= now;
        let newest = self.durable.completed_at.iter().filter(told).count();
        CheckpointsView::On {
            completed: newest > restored,
            path: (newest > restored).then(|| format!("chk-{newest}")),
            kept: Some(model.kept),
        }
    }

    fn view(&self, attempt: u32) -> FlinkView {
        if self.scenario.has_many_jobs() {
            return self.session_view(attempt);
        }
        let model = &self.scenario.job;
        let Some(job_manager) = &self.masters[&attempt].job_manager else { return FlinkView::default() };
        let job = job_manager.job.as_ref();
        let running = job.is_some_and(|job| job.running_since.is_some() && !job.status.is_terminal());
        let done = job.is_some_and(|job| job.status == JobStatus::Finished);
        let needed = job.map_or(0, |job| job.slots(model));
        let restored = job_manager.restored;
        let jobs = job.map(|job| JobView {
            id: JOB.to_owned(),
            status: job.status,
            slots_needed: Some(needed),
            streaming: Some(false),
            tasks_total: model.slots,
            tasks_active: if running { needed } else { 0 },
            tasks_finished: if done { model.slots } else { 0 },
            checkpoints: Some(self.checkpoints(restored, self.now)),
        });
        let slots = self.scenario.settings.slots;
        let mut busy = if running { needed } else { 0 };
        let task_managers = self
            .listed(attempt)
            .into_iter()
            .map(|id| {
                let used = busy.min(slots);
                busy -= used;
                TaskManagerView { id: id.to_string(), slots, free_slots: slots - used }
            })
            .collect();
        let holders = job.into_iter().flat_map(|job| &job.holders).map(ToString::to_string).collect();
        FlinkView {
            jobs: jobs.into_iter().collect(),
            application: None,
            task_managers,
            holders: Some(holders),
        }
    }

    /// Lets something go wrong now.
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

    /// Nodes that are gone do not come back here.
    fn owner_looks(&mut self) {
        if !self.is_hopeless() {
            self.check_patience();
            return self.after(LOOK, Due::Fault(Fault::OwnerLooks));
        }
        self.given_up = true;
        self.inject(&Fault::KillApplication);
    }

    /// The last node stays: without any there is nothing to see.
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
