//! The conversation with the ResourceManager: registration, heartbeats, and the containers that result.

use std::collections::BTreeSet;
use std::time::Duration;

use proto::ids::ContainerId;
use yarn_client::cause::Cause;
use yarn_client::yarn::{AllocatedContainer, ContainerStatus};

use super::containers::Completion;
use super::ending::{Ending, Outcome};
use super::{
    Action, AppMaster, Heartbeat, HeartbeatAnswer, HeartbeatFailure, JobView, Occurrence, Timer, text,
};

/// The first pause while waiting for containers. It doubles up to `heartbeat_pending`: a cluster with room answers
/// within a node's heartbeat, and every TaskManager's start begins with that answer.
const HEARTBEAT_QUICK: Duration = Duration::from_millis(50);

/// How long to wait for a better host.
const SPREAD_PATIENCE: Duration = Duration::from_secs(30);
/// The longest pause between heartbeats that get no answer.
const LOST_PAUSE: Duration = Duration::from_secs(10);
/// A refused request is made again after this time: a node that is large enough may have come back.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);
/// How often Flink is asked which TaskManagers hold results, while some are idle.
const HOLDERS_PAUSE: Duration = Duration::from_secs(5);

/// The state of the registration with the ResourceManager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registration {
    Pending,
    Done,
}

/// The ResourceManager as the machine sees it: the registration, and heartbeats with and without answers.
#[derive(Debug)]
pub(super) struct ResourceManager {
    pub(super) registration: Registration,
    in_flight: Option<Heartbeat>,
    /// A heartbeat without an answer, to be repeated verbatim: the ResourceManager may have received it, and then
    /// answers the repetition with the lost answer, without reading it (`ApplicationMasterService.allocate` goes by the
    /// response id).
    unanswered: Option<Heartbeat>,
    /// Answers since the last request that brought less than was requested.
    unsatisfied: u32,
    /// Since when it has been waiting for containers that should be spread.
    spread_since: Option<Duration>,
    /// Heartbeats in a row without an answer.
    lost: u32,
    /// The largest container the ResourceManager gave at the last registration, in MiB.
    maximum_mib: u64,
    /// The last request was refused: why, and when it is made again.
    refused: Option<(Cause, Duration)>,
}

impl ResourceManager {
    pub(super) fn new() -> Self {
        Self {
            registration: Registration::Pending,
            in_flight: None,
            unanswered: None,
            unsatisfied: 0,
            spread_since: None,
            lost: 0,
            maximum_mib: u64::MAX,
            refused: None,
        }
    }

    /// What the ResourceManager refuses to give, at present.
    pub(super) fn refusal(&self) -> Option<&Cause> {
        self.refused.as_ref().map(|(cause, _)| cause)
    }

    /// Whether it is too early to repeat a refused request.
    fn holds_back(&self, now: Duration) -> bool {
        self.refused.as_ref().is_some_and(|(_, until)| *until > now)
    }

    fn idle(&self) -> bool {
        self.in_flight.is_none() && self.registration == Registration::Done
    }
}

impl AppMaster {
    pub(super) fn registered(&mut self, maximum_mib: u64, previous: Vec<AllocatedContainer>, now: Duration) {
        self.resource_manager.registration = Registration::Done;
        self.tell(Occurrence::Registered);
        self.confirm_lease(now);
        self.timers.set(Timer::Heartbeat, now);
        self.resource_manager.maximum_mib = maximum_mib;
        self.adopt(previous, now);
        self.advance_ending(now);
    }

    /// Takes over what an earlier attempt has launched; without high availability its TaskManagers can never find this
    /// attempt's JobManager.
    fn adopt(&mut self, previous: Vec<AllocatedContainer>, now: Duration) {
        let keep = self.settings.recovers && self.ending.is_none();
        for container in previous {
            self.containers.adopt(&container, keep, now);
        }
        self.hasten_heartbeat(now);
    }

    pub(super) fn heartbeat(&mut self, now: Duration) {
        if !self.resource_manager.idle() {
            return;
        }
        let progress = self.progress();
        let heartbeat = match self.resource_manager.unanswered.take() {
            Some(unanswered) => Heartbeat { progress, ..unanswered },
            None => {
                let ask = if self.resource_manager.holds_back(now) {
                    None
                } else {
                    self.containers.ask(self.desired())
                };
                if ask.is_some() {
                    self.resource_manager.unsatisfied = 0;
                }
                // A refused request is made again and again, but reported once.
                if ask.is_some() && self.resource_manager.refused.is_none() {
                    self.tell(Occurrence::Requested { task_managers: self.desired() });
                }
                let full = self.full_hosts(now);
                let (exclude, welcome) = self.nodes.take_changes(full, now);
                Heartbeat { ask, releases: self.containers.take_releases(), exclude, welcome, progress }
            }
        };
        self.resource_manager.in_flight = Some(heartbeat.clone());
        // For the time until the answer comes: if it is lost, the driver says so.
        self.timers.set(Timer::Heartbeat, now + self.settings.heartbeat);
        self.actions.push_back(Action::Heartbeat(heartbeat));
    }

    /// Hosts that have their share, if TaskManagers should be spread. If the cluster gives nothing for a while, there is
    /// no better host, and any will do.
    fn full_hosts(&mut self, now: Duration) -> BTreeSet<String> {
        if !self.settings.spread || self.nodes.usable == 0 {
            return BTreeSet::new();
        }
        let waiting = self.containers.working() < self.desired();
        match (waiting, self.resource_manager.spread_since) {
            (false, _) => self.resource_manager.spread_since = None,
            (true, None) => self.resource_manager.spread_since = Some(now),
            (true, Some(since)) if since + SPREAD_PATIENCE <= now => return BTreeSet::new(),
            (true, Some(_)) => {}
        }
        self.containers.hosts_with(self.desired().div_ceil(self.nodes.usable).max(1))
    }

    /// The fraction of the job that is done, by its finished tasks. A streaming job has no end to measure against and
    /// shows 0.5 while it runs.
    fn progress(&self) -> f32 {
        if self.job_finished() || self.ending.as_ref().is_some_and(Ending::succeeded) {
            return 1.0;
        }
        if self.work.is_session() {
            return 0.5;
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

    pub(super) fn heartbeat_answered(&mut self, answer: HeartbeatAnswer, now: Duration) {
        let asked = self.resource_manager.in_flight.take().is_some_and(|heartbeat| heartbeat.ask.is_some());
        if asked {
            self.resource_manager.refused = None;
        }
        self.resource_manager.lost = 0;
        self.containers.heartbeat_answered(now);
        self.confirm_lease(now);
        self.nodes.usable = match self.settings.hosts {
            0 => answer.cluster_nodes,
            named => named.min(answer.cluster_nodes),
        };
        for id in answer.preempted {
            tracing::info!(container = %id, "the scheduler is about to take a container back");
        }
        for status in &answer.completed {
            self.container_completed(status, now);
        }
        self.adopt(answer.previous, now);
        let desired = self.desired();
        for container in answer.allocated {
            // A node's heartbeat may bring more at once than its host should have: those are given back.
            let full = self.full_hosts(now).contains(&container.node.host);
            if self.containers.allocated(&container, if full { 0 } else { desired }, now) {
                let AllocatedContainer { id, node, .. } = container.clone();
                self.tell(Occurrence::Allocated { id, node });
                self.actions.push_back(Action::StartContainer(Box::new(container)));
            }
        }
        self.check_failures(now);
        self.schedule_heartbeat(now);
    }

    fn container_completed(&mut self, status: &ContainerStatus, now: Duration) {
        match self.containers.completed(status, now) {
            Some(Completion::FailedToStart(failure)) => {
                tracing::warn!(container = %failure.id, node = %failure.node, "TaskManager did not start: {}", failure.cause);
                self.nodes.failed(&failure.node.host, now);
                self.tell_loss(&failure, false);
            }
            Some(Completion::Lost { failure, registered }) => {
                tracing::warn!(container = %status.id, exit = status.exit_status, "TaskManager lost");
                self.tell_loss(&failure, registered);
                self.settle_result(now);
            }
            Some(Completion::Expected) | None => {}
        }
    }

    pub(super) fn container_start_failed(&mut self, id: ContainerId, cause: String, now: Duration) {
        tracing::warn!(container = %id, "not launched: {cause}");
        if let Some(failure) = self.containers.start_failed(id, cause) {
            self.nodes.failed(&failure.node.host, now);
            self.tell_loss(&failure, false);
        }
        self.check_failures(now);
        self.fit_containers(now);
    }

    pub(super) fn heartbeat_failed(&mut self, failure: HeartbeatFailure, now: Duration) {
        let lost = self.resource_manager.in_flight.take();
        match failure {
            HeartbeatFailure::Resync => {
                self.resource_manager.registration = Registration::Pending;
                self.containers.resync();
                self.nodes.forgotten();
                self.actions.push_back(Action::Register);
            }
            // It may have taken our report before it read this heartbeat: the answer to the report decides.
            HeartbeatFailure::Shutdown if self.ending.as_ref().is_some_and(Ending::reports) => {}
            HeartbeatFailure::Shutdown => {
                tracing::error!("the ResourceManager has ended this attempt");
                self.abandon(1, now);
            }
            HeartbeatFailure::Refused { cause, for_good: true } => {
                self.end(Outcome::failed(text::refused(&cause)), now);
            }
            HeartbeatFailure::Refused { cause, for_good: false } => self.ask_refused(lost, &cause, now),
            HeartbeatFailure::Lost(_) => {
                let pause =
                    self.settings.heartbeat_pending.saturating_mul(1 << self.resource_manager.lost.min(16));
                self.resource_manager.lost += 1;
                self.resource_manager.unanswered = lost;
                self.timers.set(Timer::Heartbeat, now + pause.min(LOST_PAUSE));
            }
        }
    }

    /// The ResourceManager cannot give such containers with the nodes it has now. That is not a reason to end: it says the
    /// same while its nodes are still coming back after a restart.
    fn ask_refused(&mut self, refused: Option<Heartbeat>, cause: &str, now: Duration) {
        let (wanted, maximum) = (self.settings.task_manager_mib, self.resource_manager.maximum_mib);
        let cause = if wanted > maximum { text::too_large(wanted, maximum) } else { text::refuses(cause) };
        if self.resource_manager.refused.is_none() {
            tracing::warn!("{}", cause.text);
        }
        self.resource_manager.refused = Some((cause, now + REFUSED_PAUSE));
        self.containers.refused();
        // The rest of the heartbeat was not read.
        self.resource_manager.unanswered = refused.map(|heartbeat| Heartbeat {
            ask: None,
            releases: self.containers.take_releases(),
            ..heartbeat
        });
        self.timers.set(Timer::Heartbeat, now + self.settings.heartbeat_pending);
    }

    /// Sets the next heartbeat: soon while something is pending, at the idle interval otherwise.
    fn schedule_heartbeat(&mut self, now: Duration) {
        let interval = if self.containers.waiting() {
            let quick = HEARTBEAT_QUICK.saturating_mul(1 << self.resource_manager.unsatisfied.min(16));
            self.resource_manager.unsatisfied += 1;
            quick.min(self.settings.heartbeat_pending)
        } else if self.containers.starting() > 0 || self.work.job().is_some_and(|job| job.result.is_some()) {
            self.settings.heartbeat_pending
        } else {
            self.settings.heartbeat
        };
        self.timers.set(Timer::Heartbeat, now + interval);
        if let Some((_, again)) = &self.resource_manager.refused {
            self.timers.set_at_most(Timer::Heartbeat, (*again).max(now + self.settings.heartbeat_pending));
        }
        self.hasten_heartbeat(now);
    }

    /// Number of containers that the job can do without; 0 while it is not listed, as its need is unknown then.
    pub(super) fn surplus(&self) -> u32 {
        if !self.knows_jobs() {
            return 0;
        }
        self.containers.working().saturating_sub(self.desired())
    }

    /// Brings the containers in line with what is desired: an earlier heartbeat for more, stops for less.
    pub(super) fn fit_containers(&mut self, now: Duration) {
        let surplus = self.surplus();
        // A container on its way is given back only if the jobs run without it.
        if surplus > 0 && self.jobs_run() {
            let stopped = self.containers.take_unregistered(surplus);
            self.stop_containers(stopped);
        }
        self.watch_surplus(now);
        self.hasten_heartbeat(now);
    }

    fn jobs_run(&self) -> bool {
        let runs = |job: &JobView| job.tasks_active == job.tasks_total && job.tasks_total > 0;
        self.all_jobs(runs)
    }

    /// Schedules a look at surplus TaskManagers for when they will have been idle long enough.
    fn watch_surplus(&mut self, now: Duration) {
        let idle =
            (self.surplus() > 0).then(|| self.containers.next_idle(self.settings.idle_timeout)).flatten();
        match idle.filter(|_| !self.wants_holders) {
            Some(at) => {
                let pause = self.holders_asked.map_or(now, |asked| asked + HOLDERS_PAUSE);
                self.timers.set(Timer::Surplus, at.max(pause));
            }
            None => self.timers.stop(Timer::Surplus),
        }
    }

    /// A TaskManager has been idle for long enough. It may hold results of a batch job that a later stage has yet to read,
    /// and be in use again a moment later: only a fresh look can tell.
    pub(super) fn look_for_surplus(&mut self, now: Duration) {
        self.wants_holders = true;
        self.timers.set_at_most(Timer::FlinkPoll, now);
    }

    /// Stops the TaskManagers that this look has shown to be idle and to hold nothing.
    pub(super) fn release_surplus(&mut self, holders: &BTreeSet<String>, now: Duration) {
        let surplus = self.surplus();
        let stopped = self.containers.take_idle(surplus, self.settings.idle_timeout, holders, now);
        self.stop_containers(stopped);
    }

    /// News for the ResourceManager does not wait for the interval; while a heartbeat is under way, its answer sets the
    /// next one.
    pub(super) fn hasten_heartbeat(&mut self, now: Duration) {
        let asks = !self.resource_manager.holds_back(now) && self.containers.ask_differs(self.desired());
        let news = asks || self.containers.has_releases();
        if news && self.resource_manager.idle() && self.resource_manager.unanswered.is_none() {
            self.timers.set_at_most(Timer::Heartbeat, now);
        }
    }

    pub(super) fn stop_containers(&mut self, ids: Vec<ContainerId>) {
        for id in ids {
            self.tell(Occurrence::Released(id));
            self.actions.push_back(Action::StopContainer(id));
        }
    }

    /// Gives up when the same failure recurs: repeating it will not help.
    pub(super) fn check_failures(&mut self, now: Duration) {
        if self.ending.is_some() {
            return;
        }
        let desired = self.desired() as usize;
        let failures = self.containers.start_failures();
        if failures.len() >= (2 * desired).max(3) {
            let demand = self.demand();
            if demand > 0 && self.containers.registered() >= demand {
                if !self.reserve_fails {
                    let cause = text::start_failures(failures);
                    tracing::warn!("TaskManagers beyond the jobs' need are given up: {}", cause.text);
                    self.reserve_fails = true;
                }
                return;
            }
            let cause = text::start_failures(failures);
            return self.end(Outcome::failed(cause), now);
        }
        // What a session's job does to its TaskManagers is that job's own business.
        if self.work.is_session() {
            return;
        }
        let losses = self.containers.recent_losses(now);
        if losses.len() > (3 * desired).max(10) {
            let cause = text::losses(&losses);
            self.end(Outcome::failed(cause), now);
        }
    }
}
