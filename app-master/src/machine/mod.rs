//! The brain: a sans-IO state machine. Events and the time come in, actions and the next wake-up go out; no
//! socket, clock, random number or environment variable is touched, so every failure can be replayed in a test.
//!
//! One machine is one attempt. What it must know about earlier ones comes in as [`History`], what later ones must know
//! goes out as [`Journal`].
//!
//! # How to drive it
//! Drain [`AppMaster::poll_action`], then sleep until [`AppMaster::poll_timeout`] or the next event, whichever comes first, then
//! call [`AppMaster::handle`] or [`AppMaster::handle_timeout`], and start over. Time is a [`Duration`] since any fixed moment,
//! such as the start of the process. This is the whole loop of a driver, one that answers nothing but the registration:
//!
//! ```no_run
//! use std::collections::VecDeque;
//! use std::time::Duration;
//!
//! use app_master::machine::{Action, AppMaster, Event};
//! use app_master::sim::settings;
//!
//! let mut now = Duration::ZERO;
//! let mut inbox = VecDeque::new();
//! let mut machine = AppMaster::new(settings(), now);
//! let code = 'life: loop {
//!     while let Some(action) = machine.poll_action() {
//!         match action {
//!             // A ResourceManager that wants nothing of us.
//!             Action::Register => inbox.push_back(Event::RegistrationFailed { cause: "unknown attempt".to_owned() }),
//!             Action::Exit(code) => break 'life code,
//!             // A real driver starts a task for each.
//!             _ => {}
//!         }
//!     }
//!     match inbox.pop_front() {
//!         Some(event) => machine.handle(event, now),
//!         None => {
//!             now = machine.poll_timeout().expect("something is waited for until the end");
//!             machine.handle_timeout(now);
//!         }
//!     }
//! };
//! # drop(code);
//! ```
//!
//! # What a driver must do
//! - Perform every [`Action`] once, in the order in which they come, and start each before polling for the next. They may take as long
//!   as they like and run concurrently: the machine does not block on any, and does not rely on the order of the answers.
//! - Answer each that has an answer, exactly once, with the [`Event`] named in its documentation, failures included. To the machine, a
//!   missing answer is silence of the outside world: it keeps waiting, perhaps forever.
//! - Never let time go backwards. Events may be late, [`AppMaster::handle_timeout`] may be called too late or for nothing.
//! - Report what is not an answer: [`Event::JobManagerExited`], [`Event::Used`], [`Event::AttemptOver`], [`Event::Terminate`].
//! - End with [`Action::Exit`]. Later events are ignored.
//! - Decide nothing. Repeating a call whose answer was lost is up to the driver, as long as the call stays the same; a refusal is an
//!   event.
//!
//! A client's request goes through [`AppMaster::ask`], which answers at once, and [`AppMaster::status`] may be called at any time.
//!
//! [`driver`](crate::driver) does this for real, [`sim`](crate::sim) in virtual time, and [`trace`](crate::trace) records what
//! went in and out, and replays it.
//!
//! # An application master for another framework
//! Half of the machine is YARN: registration, heartbeats and their loss (`resource_manager`), requests, surplus and failing containers
//! (`containers`, `nodes`), marks of attempts, the journal, the way to an end (`ending`). The other half is Flink: its main process
//! (`job_manager`), looks at its REST interface (`flink`), sessions. For another framework, keep the first half and the shape of the
//! second:
//!
//! 1. Define its main process and its workers; [`Action::StartJobManager`] and [`Action::StartContainer`] start them.
//! 2. Write the view, that is what one look at the running framework can show, as [`FlinkView`]. A machine decides by
//!    looks and never by what it remembers having ordered: orders get lost.
//! 3. Decide from the view how many workers are wanted, which of them are no longer needed, and whether the work has
//!    ended.
//! 4. Implement the actions in the driver, with [`yarn_client::yarn`] for YARN's part, and in a simulated world, before the first
//!    cluster sees them.
//!
//! If there is nothing to restart, move or recover, no machine is needed: the example `distributed_shell` of `yarn-client` is an
//! application master of about sixty lines.

mod action;
mod containers;
mod display;
mod ending;
mod event;
mod flink;
mod form;
mod job_manager;
mod journal;
mod nodes;
mod occurrence;
mod request;
mod resource_manager;
mod status;
mod text;
mod timer;
mod workload;

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use yarn_client::cause::Cause;
use yarn_client::flink::TaskManagerLimits;

pub use action::{Action, Heartbeat};
pub use ending::Outcome;
pub use event::{
    Answer, ApplicationView, BeginFailure, CheckpointsView, Event, Exit, Fence, FlinkView, Found,
    HeartbeatAnswer, HeartbeatFailure, JobView, Silence, SystemExit, TaskManagerView,
};
pub use journal::{History, Journal};
pub use occurrence::Occurrence;
pub use request::{Refusal, Reply, Request};
pub use timer::Timer;
pub use workload::{SessionSettings, Size, Workload};

use containers::Containers;
use ending::Ending;
use job_manager::{JobManager, Unanswered};
use journal::{Lease, Record};
use nodes::Nodes;
use resource_manager::ResourceManager;
use timer::Timers;
use workload::Work;

/// How often Flink is polled until its REST server answers and the job runs.
const POLL_STARTING: Duration = Duration::from_millis(100);

/// What the machine must know before it starts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// What runs on the cluster.
    pub workload: Workload,
    /// `scheduler-mode: reactive`: the job takes as many TaskManagers as there are.
    pub reactive: bool,
    /// What earlier attempts have left.
    pub history: History,
    /// Flink's high availability is on: Flink itself resumes the job, and TaskManagers outlive an attempt.
    pub recovers: bool,
    /// The configuration turns checkpoints on.
    pub checkpoints_configured: bool,
    /// The configuration says where checkpoints go, if the program takes any.
    pub checkpoint_directory: bool,
    /// The owner prefers that a job which cannot resume from a checkpoint starts from scratch rather than ends.
    pub restart_from_scratch: bool,
    /// The job's id is unique to this application, and names its checkpoint directory: everything in there is ours.
    pub own_directory: bool,
    /// `heartbeat.timeout`: how long Flink waits for a silent TaskManager, and a TaskManager for a silent JobManager.
    pub heartbeat_timeout: Duration,
    /// No host should have more than its share of the TaskManagers, as long as others have room.
    pub spread: bool,
    /// Number of hosts the owner has named for the TaskManagers; 0: any host will do.
    pub hosts: u32,
    /// `parallelism.default`: the first guess at what the job needs.
    pub parallelism: u32,
    /// Slots of one TaskManager.
    pub slots: u32,
    /// MiB of one TaskManager container.
    pub task_manager_mib: u64,
    /// What `slotmanager.*` says about the number of TaskManagers.
    #[serde(default)]
    pub limits: TaskManagerLimits,
    /// Flink 2.3 and later: its application layer says when the program has ended.
    pub application_layer: bool,
    /// `yarn.heartbeat.interval`.
    pub heartbeat: Duration,
    /// `yarn.heartbeat.container-request-interval`.
    pub heartbeat_pending: Duration,
    /// `resourcemanager.taskmanager-registration.timeout`: how long a launched TaskManager may take to register.
    pub registration_timeout: Duration,
    /// `resourcemanager.taskmanager-timeout`.
    pub idle_timeout: Duration,
    /// A ResourceManager that is silent for this long may have started a later attempt.
    pub fence_after: Duration,
    /// If neither the ResourceManager nor the staging directory can be reached for this long, there may be a later
    /// attempt.
    pub lease: Duration,
}

/// Longer than any application runs.
pub(crate) const NEVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The application master's decisions.
#[derive(Debug)]
pub struct AppMaster {
    settings: Settings,
    actions: VecDeque<Action>,
    timers: Timers,
    resource_manager: ResourceManager,
    job_manager: JobManager,
    work: Work,
    record: Record,
    lease: Lease,
    poll_in_flight: bool,
    /// The last look at Flink, since the JobManager's last start.
    view: Option<FlinkView>,
    /// When a look at the JobManager first succeeded, since its last start.
    answers_since: Option<Duration>,
    /// Since when, and why, looks at Flink have brought nothing.
    unanswered: Option<Unanswered>,
    /// When Flink was last asked which TaskManagers hold results, and whether the next look should ask.
    holders_asked: Option<Duration>,
    wants_holders: bool,
    /// When the job's checkpoints were last looked at.
    checkpoints_seen: Option<Duration>,
    /// The job whose failure is being read: the application ends with it.
    failed_job: Option<String>,
    /// Slots that all unfinished jobs need, once it is known.
    slots_needed: Option<u32>,
    /// A job has been listed at least once, by this JobManager or an earlier one.
    job_seen: Option<Duration>,
    containers: Containers,
    nodes: Nodes,
    /// Since when there have been fewer TaskManagers than the jobs need.
    short_since: Option<Duration>,
    inspecting: bool,
    /// The reserve beyond the jobs' need does not start: it is not requested again until a TaskManager does.
    reserve_fails: bool,
    /// Why the jobs cannot have the TaskManagers they need.
    shortage: Option<Cause>,
    ending: Option<Ending>,
    exited: bool,
}

impl Settings {
    /// Configurations say "never" with the largest number there is. A century is as good, and can be added to a time.
    fn bounded(mut self) -> Self {
        for span in [
            &mut self.heartbeat_timeout,
            &mut self.heartbeat,
            &mut self.heartbeat_pending,
            &mut self.registration_timeout,
            &mut self.idle_timeout,
            &mut self.fence_after,
            &mut self.lease,
        ] {
            *span = (*span).min(NEVER);
        }
        if let Workload::Session(SessionSettings { idle_timeout: Some(span), .. }) = &mut self.workload {
            *span = (*span).min(NEVER);
        }
        self
    }
}

impl AppMaster {
    /// Creates a machine whose first actions are ready.
    pub fn new(settings: Settings, now: Duration) -> Self {
        let settings = settings.bounded();
        let mut machine = Self {
            actions: VecDeque::new(),
            timers: Timers::default(),
            resource_manager: ResourceManager::new(),
            job_manager: JobManager::new(),
            work: Work::new(&settings.workload, settings.history.journal.scaled),
            record: Record::new(settings.history.journal.clone()),
            lease: Lease::new(now),
            poll_in_flight: false,
            view: None,
            answers_since: None,
            unanswered: None,
            holders_asked: None,
            wants_holders: false,
            checkpoints_seen: None,
            failed_job: None,
            slots_needed: None,
            job_seen: None,
            containers: Containers::default(),
            nodes: Nodes::default(),
            short_since: None,
            inspecting: false,
            reserve_fails: false,
            shortage: None,
            ending: None,
            exited: false,
            settings,
        };
        machine.actions.push_back(Action::Register);
        // A later attempt may exist before the first answer arrives.
        machine.confirm_lease(now);
        machine.begin(now);
        machine
    }

    /// The next action to perform. The answer may change after [`handle`](Self::handle) and
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
        let overdue = self.containers.next_overdue(self.settings.registration_timeout);
        [self.timers.next(), overdue.filter(|_| self.ending.is_none())].into_iter().flatten().min()
    }

    /// Acts on every deadline that has passed; harmless when none has.
    pub fn handle_timeout(&mut self, now: Duration) {
        if self.exited {
            return;
        }
        for timer in self.timers.take_expired(now) {
            self.expired(timer, now);
        }
        if self.ending.is_none() {
            let overdue = self.containers.take_overdue(self.settings.registration_timeout, now);
            for failure in overdue {
                self.nodes.failed(&failure.node.host, now);
                self.tell_loss(&failure, false);
                self.actions.push_back(Action::StopContainer(failure.id));
            }
            self.check_failures(now);
            self.fit_containers(now);
        }
    }

    /// Dispatches a deadline to its handler.
    fn expired(&mut self, timer: Timer, now: Duration) {
        match timer {
            Timer::Heartbeat => self.heartbeat(now),
            Timer::Fence => self.check_fence(now),
            Timer::JobManagerStart => self.take_step(),
            Timer::Journal => self.write_journal(now),
            Timer::Surplus => self.look_for_surplus(now),
            Timer::FlinkPoll => self.poll_flink(now),
            Timer::Shortage => self.check_shortage(now),
            Timer::Result => self.settle_result(now),
            Timer::JobManagerExit => self.job_manager_overdue(now),
            Timer::Unresponsive => self.kill_unresponsive(now),
            Timer::Unregister => self.unregister_again(now),
        }
    }

    /// Takes in what has happened.
    pub fn handle(&mut self, event: Event, now: Duration) {
        if self.exited {
            return;
        }
        match event {
            Event::Registered { maximum, previous } => self.registered(maximum.memory_mib, previous, now),
            Event::RegistrationFailed { cause } => {
                tracing::error!("registration refused: {cause}");
                self.abandon(1, now);
            }
            Event::Heartbeat(answer) => self.heartbeat_answered(answer, now),
            Event::HeartbeatFailed(failure) => self.heartbeat_failed(failure, now),
            Event::ContainerStarted(id) => {
                if self.containers.started(id, now) {
                    self.tell(Occurrence::Launched(id));
                }
                self.timers.set_at_most(Timer::FlinkPoll, now + flink::POLL_YOUNG);
            }
            Event::ContainerStartFailed { id, cause } => self.container_start_failed(id, cause, now),
            Event::Begun(result) => self.begun(result, now),
            Event::JournalWritten { failure } => self.journal_written(failure, now),
            Event::FenceChecked(fence) => self.fence_checked(fence, now),
            Event::CheckpointFound(found) => self.checkpoint_found(found, now),
            Event::JobManagerStarted => self.job_manager_started(now),
            Event::JobManagerStartFailed { cause } => {
                self.job_manager.process = job_manager::Process::Gone;
                self.end(Outcome::failed(cause), now);
                self.advance_ending(now);
            }
            Event::JobManagerExited { exit, cause, not_loaded, port_taken, job_finished, system_exit } => {
                if job_finished {
                    self.note_finished();
                }
                self.job_manager_exited(exit, cause, not_loaded, port_taken, system_exit, now);
            }
            Event::Flink { start, answer } => self.flink_answered(start, answer, now),
            Event::Used { under_way } => self.used(under_way, now),
            // The caller of `ask` already has the answer.
            Event::Asked(request) => drop(self.ask(request, now)),
            Event::ClusterCapacity { task_managers, description } => {
                self.capacity_known(task_managers, &description);
            }
            Event::StagingRemoved { failure } => self.staging_removed(failure),
            Event::Unregistered => self.unregistered(),
            Event::UnregisterFailed => self.unregister_failed(now),
            Event::AttemptOver => self.abandon(1, now),
            Event::Terminate => self.terminated(now),
        }
    }
}
