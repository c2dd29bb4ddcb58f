//! Performs the machine's actions, as far as the simulated world allows.

use std::time::Duration;

use proto::ids::ContainerId;
use rand::Rng;
use yarn_client::flink::JobStatus;
use yarn_client::yarn::Resource;

use super::job::JobManager;
use super::yarn::Stage;
use super::{Call, Due, FileOperation, JOB, Master, World, check, ms};
use crate::machine::{
    Action, Answer, BeginFailure, CheckpointsView, Event, Exit, Fence, FlinkView, Found, HeartbeatFailure,
    JobView, Silence, TaskManagerView,
};

/// How long the driver waits for a file operation.
const FILES_TIMEOUT: Duration = Duration::from_secs(30);
/// From the launch until a TaskManager's JVM registers.
const TASK_MANAGER_START: Duration = ms(2500);
/// How long the driver waits for a request to Flink.
const REST_TIMEOUT: Duration = ms(10_000);
/// How many checkpoints Flink retains, where a later attempt cannot search for the newest one.
pub(super) const RETAINED: usize = 3;

impl World {
    pub(super) fn perform_all(&mut self) {
        let attempts: Vec<u32> =
            self.masters.iter().filter(|(_, master)| master.alive).map(|(attempt, _)| *attempt).collect();
        for attempt in attempts {
            while let Some(master) = self.masters.get_mut(&attempt).filter(|master| master.alive) {
                let Some(action) = master.machine.poll_action() else { break };
                if check::says_something(&action) {
                    self.note(|| format!("attempt {attempt} > {action}"));
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
                let silent = || Answer::Unreachable {
                    silence: Silence::Complete,
                    cause: "connection refused".to_owned(),
                };
                let job_manager = self.masters[&attempt].job_manager.as_ref();
                if job_manager.is_some_and(|jm| jm.hung_until > self.now) {
                    return self.answer(attempt, REST_TIMEOUT, silent());
                }
                let answer =
                    if !job_manager.is_some_and(|jm| jm.up(self.now)) || self.rest_away_until > self.now {
                        silent()
                    } else if self.rest_forgets_until > self.now {
                        Answer::View(FlinkView::default())
                    } else {
                        let view = self.view(attempt);
                        Answer::View(FlinkView { holders: view.holders.filter(|_| holders), ..view })
                    };
                self.answer(attempt, ms(5), answer);
            }
            Action::FetchResult { checkpoints, .. } => {
                if let Some(exit) = self.ends_with_question.take() {
                    self.stop_job_manager(attempt, exit, ms(1));
                    // The driver keeps asking for a while.
                    let delay = ms(self.rng.random_range(0..10_000));
                    return self.answer(attempt, delay, Answer::JobResult { cause: None, checkpoints: None });
                }
                let cause = Some(self.cause.clone());
                let restored = self.masters[&attempt].job_manager.as_ref().map_or(0, |jm| jm.restored);
                // The driver looks twice.
                let checkpoints = checkpoints.then(|| match self.checkpoints(restored, self.now) {
                    CheckpointsView::On { completed: false, .. } => {
                        self.checkpoints(restored, self.now + ms(500))
                    }
                    seen => seen,
                });
                self.answer(attempt, ms(10), Answer::JobResult { cause, checkpoints });
            }
            Action::WatchProgram if self.scenario.program.is_some() => self.watch_program(attempt),
            Action::WatchProgram => {
                if !self.scenario.job.main_throws {
                    let job_passed_over = self.scenario.job.second;
                    self.answer(attempt, ms(150), Answer::ProgramEnded { job_passed_over });
                }
            }
            Action::CancelJobs(jobs) => {
                self.check_cancellation();
                self.cancel_jobs(attempt, &jobs);
            }
            Action::DeleteCluster => {
                let up = self.masters[&attempt].job_manager.as_ref().is_some_and(|jm| jm.up(self.now));
                let accepted = up && self.rest_away_until <= self.now;
                let delay = if up { ms(20) } else { REST_TIMEOUT };
                self.answer(attempt, delay, Answer::ClusterDeleted { accepted });
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

    /// Schedules the answer of an attempt's current JobManager.
    pub(super) fn answer(&mut self, attempt: u32, delay: Duration, answer: Answer) {
        let start = self.masters.get(&attempt).map_or(0, |master| master.generation);
        self.after(delay, Due::Answer(attempt, start, answer));
    }

    /// Delivers an answer. What a JobManager was asked before its end may be answered long after it.
    pub(super) fn deliver_answer(&mut self, attempt: u32, start: u32, answer: Answer) {
        let there = |master: &Master| master.generation == start && master.job_manager.is_some();
        let gone = !self.masters.get(&attempt).is_some_and(there);
        let delay = if gone { ms(self.rng.random_range(0..10_000)) } else { Duration::ZERO };
        self.tell(attempt, delay, Event::Flink { start, answer });
    }

    pub(super) fn connected(&self, attempt: u32) -> bool {
        let node = self.masters[&attempt].node;
        self.resource_manager.nodes[node as usize].reachable(self.now)
    }

    /// Makes a call, which waits while the service is down, like the driver's client.
    fn call(&mut self, attempt: u32, call: Call) {
        if self.resource_manager.away || !self.connected(attempt) {
            self.parked.push((attempt, call));
            return;
        }
        match call {
            Call::Register => {
                let event = match self.resource_manager.register(attempt, self.now) {
                    // The repeated call fails as "already registered", which is all the machine learns.
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
                    // The NodeManagers end whatever is still running.
                    self.resource_manager.containers.clear();
                }
                let event = if accepted { Event::Unregistered } else { Event::AttemptOver };
                self.tell(attempt, ms(50), event);
            }
        }
    }

    /// While the ResourceManager was away, containers that were never started could not be given back. It has forgotten
    /// them.
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
        // TaskManagers of the previous one come back once they have noticed its end.
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

    /// When the file system can be reached again from an attempt's node.
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

    /// Searches like the driver: by listing if the job has its own directory, otherwise by what its JobManagers have reported
    /// to this process or in its container's log.
    fn find_checkpoint(&self, attempt: u32, known: Option<String>, own_directory: bool) -> Found {
        let newest = self.durable.checkpoints.len();
        let found = |number: usize| {
            if number > 0 { Found::Newest(format!("chk-{number}")) } else { Found::Nothing }
        };
        let has_log = self.masters.get(&attempt).is_some_and(|master| master.generation > 0);
        if known.is_none() && !self.scenario.settings.checkpoint_directory {
            // Only the program knows their location; a log contains just their numbers.
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

    /// The checkpoints that a JobManager restored from checkpoint number `restored` reports at `now`.
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
}
