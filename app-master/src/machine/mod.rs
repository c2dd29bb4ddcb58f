//! The brain: a sans-IO state machine. Events and the time come in, actions and the next wake-up go out; no
//! socket, clock, random number or environment variable is touched, so every failure can be replayed in a test.
//!
//! Drive it like this: feed [`AppMaster::handle`], then drain [`AppMaster::poll_action`], then sleep until
//! [`AppMaster::poll_timeout`] or the next event. Time is a [`Duration`] since the process started.

mod action;
mod containers;
mod ending;
mod event;
mod text;
mod timer;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use proto::ids::ContainerId;
use yarn_client::flink::JobStatus;

pub use action::{Action, Heartbeat, StopSignal};
pub use event::{
    ApplicationView, Event, Exit, FlinkView, HeartbeatAnswer, HeartbeatFailure, JobView, TaskManagerView,
};
pub use timer::Timer;

use containers::{Completion, Containers};
use ending::{Ending, Outcome};
use timer::Timers;

/// The first pause while containers are waited for. It doubles up to `heartbeat_pending`: a cluster with room answers
/// within a node's heartbeat, and every TaskManager's start begins with that answer.
const HEARTBEAT_QUICK: Duration = Duration::from_millis(50);
/// How often Flink is looked at until its REST server answers and the job runs.
const POLL_STARTING: Duration = Duration::from_millis(100);
/// The same for a young job, whose end should not be missed for long.
const POLL_YOUNG: Duration = Duration::from_millis(200);
/// The same for a job that has run for longer than [`YOUNG`].
const POLL_SETTLED: Duration = Duration::from_secs(1);
const YOUNG: Duration = Duration::from_secs(30);
/// A job that lacks TaskManagers for this long makes the application master count the cluster.
const STARVATION: Duration = Duration::from_secs(15);
/// JobManager processes started before a job has been seen: the first, and replacements of killed ones.
const JOB_MANAGER_STARTS: u32 = 3;

/// What the machine must know before it starts.
#[derive(Debug, Clone)]
pub struct Settings {
    /// 32 hexadecimal digits.
    pub job_id: String,
    /// An earlier attempt of this application has started the job's program, and nothing says how far it came.
    pub job_had_begun: bool,
    /// `parallelism.default`; the first guess at what the job needs.
    pub parallelism: u32,
    /// Slots of one TaskManager.
    pub slots: u32,
    /// MiB of one TaskManager container.
    pub task_manager_mib: u64,
    /// Flink 2.3 and later: its application layer says when the program has ended.
    pub application_layer: bool,
    /// `yarn.heartbeat.interval`.
    pub heartbeat: Duration,
    /// `yarn.heartbeat.container-request-interval`.
    pub heartbeat_pending: Duration,
    /// `taskmanager.registration.timeout`.
    pub registration_timeout: Duration,
    /// `resourcemanager.taskmanager-timeout`.
    pub idle_timeout: Duration,
}

/// Where the life of the JobManager stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JobManager {
    Absent,
    Running,
    Gone,
}

/// Where the registration with the ResourceManager stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Registration {
    Pending,
    Done,
}

/// The application master's decisions.
#[derive(Debug)]
pub struct AppMaster {
    settings: Settings,
    actions: VecDeque<Action>,
    timers: Timers,
    registration: Registration,
    heartbeat_in_flight: bool,
    /// Answers since the last ask that brought less than was asked for.
    unsatisfied: u32,
    job_manager: JobManager,
    job_manager_starts: u32,
    poll_in_flight: bool,
    /// The last look at Flink.
    view: Option<FlinkView>,
    /// Our job has been listed at least once.
    job_seen: Option<Duration>,
    /// Our job has been seen FINISHED, and the program's `main` may still be running.
    finished: bool,
    containers: Containers,
    /// Since when the job has had fewer TaskManagers than it needs and no task active.
    starving_since: Option<Duration>,
    inspecting: bool,
    ending: Option<Ending>,
    exited: bool,
}

impl AppMaster {
    /// A machine whose first actions are ready.
    pub fn new(settings: Settings, now: Duration) -> Self {
        let mut machine = Self {
            actions: VecDeque::new(),
            timers: Timers::default(),
            registration: Registration::Pending,
            heartbeat_in_flight: false,
            unsatisfied: 0,
            job_manager: JobManager::Absent,
            job_manager_starts: 0,
            poll_in_flight: false,
            view: None,
            job_seen: None,
            finished: false,
            containers: Containers::new(),
            starving_since: None,
            inspecting: false,
            ending: None,
            exited: false,
            settings,
        };
        machine.actions.push_back(Action::Register);
        if machine.settings.job_had_begun {
            let outcome = Outcome::failed(text::lost_attempt());
            machine.end(outcome, now);
        } else {
            machine.start_job_manager(false);
        }
        machine
    }

    /// The next thing to do. The answer may change after [`handle`](Self::handle) and
    /// [`handle_timeout`](Self::handle_timeout).
    #[must_use]
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called. The answer may change after `handle` and
    /// `handle_timeout`.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Duration> {
        if self.exited {
            return None;
        }
        let containers = self.ending.is_none().then(|| {
            let surplus = self.containers.working() > self.desired();
            self.containers.next_deadline(
                self.settings.registration_timeout,
                self.settings.idle_timeout,
                surplus,
            )
        });
        [self.timers.next(), containers.flatten()].into_iter().flatten().min()
    }

    /// Acts on every deadline that has passed; harmless when none has.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.exited {
            return;
        }
        if self.timers.take_expired(Timer::Heartbeat, now) {
            self.heartbeat(now);
        }
        if self.timers.take_expired(Timer::FlinkPoll, now) {
            self.poll_flink(now);
        }
        if self.timers.take_expired(Timer::Starvation, now) {
            self.check_starvation(now);
        }
        self.ending_timeouts(now);
        if self.ending.is_none() {
            let overdue = self.containers.take_overdue(self.settings.registration_timeout, now);
            self.stop_containers(overdue);
            self.check_start_failures(now);
            self.fit_containers(now);
        }
    }

    /// Takes in what has happened.
    pub fn handle(&mut self, event: Event, now: Duration) {
        if self.exited {
            return;
        }
        match event {
            Event::Registered { maximum } => self.registered(maximum.memory_mib, now),
            Event::RegistrationFailed { cause } => {
                tracing::error!("registration refused: {cause}");
                self.abandon(1, now);
            }
            Event::Heartbeat(answer) => self.heartbeat_answered(answer, now),
            Event::HeartbeatFailed(failure) => self.heartbeat_failed(failure, now),
            Event::ContainerStarted(id) => {
                self.containers.started(id, now);
                self.timers.set_at_most(Timer::FlinkPoll, now + POLL_YOUNG);
            }
            Event::ContainerStartFailed { id, cause } => {
                tracing::warn!(container = %id, "not launched: {cause}");
                self.containers.start_failed(id, cause);
                self.check_start_failures(now);
                self.fit_containers(now);
            }
            Event::JobManagerStarted => {
                self.job_manager = JobManager::Running;
                self.timers.set(Timer::FlinkPoll, now + POLL_STARTING);
                if self.ending.is_some() {
                    self.stop_job_manager(now);
                }
            }
            Event::JobManagerStartFailed { cause } => {
                self.job_manager = JobManager::Gone;
                self.end(Outcome::failed(cause), now);
            }
            Event::JobManagerExited { exit, cause, port_taken, job_finished } => {
                self.finished |= job_finished;
                self.job_manager_exited(exit, cause, port_taken, now);
            }
            Event::Flink(view) => self.observe(view, now),
            Event::FlinkUnreachable => {
                self.poll_in_flight = false;
                self.timers.set(Timer::FlinkPoll, now + POLL_STARTING);
            }
            Event::JobResult { cause } => self.job_result(cause, now),
            Event::ProgramEnded { job_passed_over } => self.program_ended(job_passed_over, now),
            Event::ClusterCapacity { task_managers, description } => {
                self.capacity_known(task_managers, &description, now);
            }
            Event::ClusterDeleted { accepted } => self.cluster_deleted(accepted, now),
            Event::StagingRemoved { failure } => self.staging_removed(failure, now),
            Event::Unregistered => self.unregistered(),
            Event::UnregisterFailed => self.timers.set(Timer::Unregister, now + Duration::from_secs(1)),
            Event::Terminate => self.terminated(now),
        }
    }

    /// What the TaskManagers should be: enough for the slots the job needs, or, before it is known, for the default
    /// parallelism.
    fn desired(&self) -> u32 {
        if self.ending.is_some() || self.finished {
            return 0;
        }
        let slots = self.slots_needed().unwrap_or(self.settings.parallelism);
        slots.div_ceil(self.settings.slots.max(1))
    }

    /// Slots that all unfinished jobs need; `None` until every one of them is known.
    fn slots_needed(&self) -> Option<u32> {
        self.job_seen?;
        let view = self.view.as_ref()?;
        view.jobs.iter().filter(|job| !job.status.is_terminal()).map(|job| job.slots_needed).sum()
    }

    fn our_job(&self) -> Option<&JobView> {
        self.view.as_ref()?.jobs.iter().find(|job| job.id == self.settings.job_id)
    }

    fn registered(&mut self, maximum_mib: u64, now: Duration) {
        self.registration = Registration::Done;
        self.timers.set(Timer::Heartbeat, now);
        if self.settings.task_manager_mib > maximum_mib {
            let cause = text::too_large(self.settings.task_manager_mib, maximum_mib);
            self.end(Outcome::failed(cause), now);
        }
        self.advance_ending(now);
    }

    fn start_job_manager(&mut self, new_ports: bool) {
        self.job_manager = JobManager::Absent;
        self.job_manager_starts += 1;
        self.view = None;
        self.actions.push_back(Action::StartJobManager { new_ports });
    }

    fn heartbeat(&mut self, now: Duration) {
        if self.heartbeat_in_flight || self.registration != Registration::Done {
            return;
        }
        let desired = self.desired();
        let heartbeat = Heartbeat {
            ask: self.containers.ask(desired),
            releases: self.containers.take_releases(),
            progress: self.progress(),
        };
        if heartbeat.ask.is_some() {
            self.unsatisfied = 0;
        }
        self.heartbeat_in_flight = true;
        // Until the answer comes: should it get lost, the driver says so.
        self.timers.set(Timer::Heartbeat, now + self.settings.heartbeat);
        self.actions.push_back(Action::Heartbeat(heartbeat));
    }

    /// Share of the job that is done, from its finished tasks. A streaming job has no end to measure against and
    /// shows 0.5 while it runs.
    fn progress(&self) -> f32 {
        if self.finished || self.ending.as_ref().is_some_and(Ending::succeeded) {
            return 1.0;
        }
        let Some(job) = self.our_job() else { return 0.0 };
        if job.streaming == Some(true) {
            return if job.tasks_active > 0 { 0.5 } else { 0.0 };
        }
        if job.tasks_total == 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "a share for people to look at")]
        let share = job.tasks_finished as f32 / job.tasks_total as f32;
        share.min(1.0)
    }

    fn heartbeat_answered(&mut self, answer: HeartbeatAnswer, now: Duration) {
        self.heartbeat_in_flight = false;
        self.containers.heartbeat_answered();
        for status in &answer.completed {
            match self.containers.completed(status) {
                Some(Completion::FailedToStart(failure)) => {
                    tracing::warn!(container = %failure.id, node = %failure.node, "TaskManager did not start: {}", failure.cause);
                }
                Some(Completion::Lost) => {
                    tracing::warn!(container = %status.id, exit = status.exit_status, "TaskManager lost");
                }
                Some(Completion::Expected) | None => {}
            }
        }
        let desired = self.desired();
        for container in answer.allocated {
            if self.containers.allocated(&container, desired, now) {
                self.actions.push_back(Action::StartContainer(Box::new(container)));
            }
        }
        self.check_start_failures(now);
        self.schedule_heartbeat(now);
    }

    fn heartbeat_failed(&mut self, failure: HeartbeatFailure, now: Duration) {
        self.heartbeat_in_flight = false;
        self.containers.heartbeat_lost();
        match failure {
            HeartbeatFailure::Resync => {
                self.registration = Registration::Pending;
                self.actions.push_back(Action::Register);
            }
            HeartbeatFailure::Shutdown => {
                tracing::error!("the ResourceManager has ended this attempt");
                self.abandon(1, now);
            }
            HeartbeatFailure::Refused(cause) => self.end(Outcome::failed(text::refused(&cause)), now),
            HeartbeatFailure::Lost(cause) => {
                tracing::warn!("heartbeat lost: {cause}");
                self.timers.set(Timer::Heartbeat, now + self.settings.heartbeat_pending);
            }
        }
    }

    /// Soon while something is pending, at the idle interval otherwise.
    fn schedule_heartbeat(&mut self, now: Duration) {
        let interval = if self.containers.waiting() {
            let quick = HEARTBEAT_QUICK.saturating_mul(1 << self.unsatisfied.min(16));
            self.unsatisfied += 1;
            quick.min(self.settings.heartbeat_pending)
        } else if self.containers.starting() > 0 {
            self.settings.heartbeat_pending
        } else {
            self.settings.heartbeat
        };
        self.timers.set(Timer::Heartbeat, now + interval);
        self.hasten_heartbeat(now);
    }

    /// Brings the containers in line with what is desired: sooner heartbeat for more, stops for less.
    fn fit_containers(&mut self, now: Duration) {
        let desired = self.desired();
        let surplus = self.containers.working().saturating_sub(desired);
        if surplus > 0 && self.job_seen.is_some() {
            // A container on its way is given back only when the job runs without it.
            let job_runs =
                self.our_job().is_some_and(|job| job.tasks_active == job.tasks_total && job.tasks_total > 0);
            let stopped = self.containers.take_surplus(surplus, job_runs, self.settings.idle_timeout, now);
            self.stop_containers(stopped);
        }
        self.hasten_heartbeat(now);
    }

    /// News for the ResourceManager does not wait for the interval; while a heartbeat is under way, its answer
    /// sets the next one.
    fn hasten_heartbeat(&mut self, now: Duration) {
        let news = self.containers.ask_differs(self.desired()) || self.containers.has_releases();
        if news && !self.heartbeat_in_flight && self.registration == Registration::Done {
            self.timers.set_at_most(Timer::Heartbeat, now);
        }
    }

    fn stop_containers(&mut self, ids: Vec<ContainerId>) {
        self.actions.extend(ids.into_iter().map(Action::StopContainer));
    }

    /// The same failure again and again will not get better by repeating it.
    fn check_start_failures(&mut self, now: Duration) {
        let failures = self.containers.start_failures();
        let limit = (2 * self.desired() as usize).max(3);
        if self.ending.is_none() && failures.len() >= limit {
            let outcome = Outcome::failed(text::start_failures(failures));
            self.end(outcome, now);
        }
    }

    fn poll_flink(&mut self, now: Duration) {
        if self.poll_in_flight || self.job_manager != JobManager::Running || self.ending.is_some() {
            return;
        }
        self.poll_in_flight = true;
        let known = self.our_job().is_some_and(|job| {
            job.slots_needed.is_some()
                && job.tasks_total > 0
                && job.tasks_active + job.tasks_finished == job.tasks_total
        });
        self.timers.set(Timer::FlinkPoll, now + Duration::from_secs(10));
        self.actions.push_back(Action::PollFlink { details: !known });
    }

    fn observe(&mut self, view: FlinkView, now: Duration) {
        self.poll_in_flight = false;
        if self.ending.is_some() {
            return;
        }
        self.containers.observe(&view.task_managers, now);
        self.remember(view);
        let application = self.view.as_ref().and_then(|view| view.application.clone());
        let job = self.our_job().map(|job| (job.status, job.tasks_active));
        if job.is_some() && self.job_seen.is_none() {
            self.job_seen = Some(now);
        }
        match (application, job) {
            (Some(ApplicationView { end: Some(end), cause }), job) => {
                self.application_ended(end, cause, job.map(|(status, _)| status), now);
            }
            (None, Some((JobStatus::Finished, _))) if !self.finished => {
                self.finished = true;
                // `main` may have more to do; Flink must not be shut down under it.
                self.actions.push_back(Action::WatchProgram);
            }
            (None, Some((status, _))) if status.is_terminal() && status != JobStatus::Finished => {
                self.fetch_result(now)
            }
            (_, job) => {
                self.note_starvation(job.map(|(_, active)| active), now);
                self.fit_containers(now);
                let interval = match self.job_seen {
                    None => POLL_STARTING,
                    Some(since) if now < since + YOUNG || self.containers.starting() > 0 => POLL_YOUNG,
                    Some(_) => POLL_SETTLED,
                };
                self.timers.set(Timer::FlinkPoll, now + interval);
            }
        }
    }

    /// Keeps what a look without details could not show.
    fn remember(&mut self, mut view: FlinkView) {
        if let Some(old) = self.view.take() {
            for job in &mut view.jobs {
                let Some(old) = old.jobs.iter().find(|o| o.id == job.id) else { continue };
                job.slots_needed = job.slots_needed.or(old.slots_needed);
                job.streaming = job.streaming.or(old.streaming);
            }
        }
        self.view = Some(view);
    }

    /// A job with no active task that lacks TaskManagers, none of which is on its way, starves.
    fn note_starvation(&mut self, active_tasks: Option<u32>, now: Duration) {
        let starving = active_tasks == Some(0)
            && self.containers.starting() == 0
            && self.containers.working() < self.desired();
        if !starving {
            self.starving_since = None;
            self.timers.stop(Timer::Starvation);
        } else if self.starving_since.is_none() {
            self.starving_since = Some(now);
            self.timers.set(Timer::Starvation, now + STARVATION);
        }
    }

    fn check_starvation(&mut self, now: Duration) {
        if self.starving_since.is_none() {
            return;
        }
        if !self.inspecting {
            self.inspecting = true;
            self.actions.push_back(Action::InspectCluster);
        }
        self.timers.set(Timer::Starvation, now + STARVATION);
    }

    fn capacity_known(&mut self, task_managers: Option<u32>, description: &str, now: Duration) {
        self.inspecting = false;
        if self.ending.is_some() || self.starving_since.is_none() {
            return;
        }
        let desired = self.desired();
        if task_managers.is_some_and(|most| most < desired) {
            let slots = self.slots_needed().unwrap_or(self.settings.parallelism);
            let cause = text::cluster_too_small(slots, desired, &self.settings, task_managers, description);
            self.end(Outcome::failed(cause), now);
        }
    }
}
