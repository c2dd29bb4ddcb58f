//! What a look at Flink means: what the job needs, whether it starves, whether it has ended.

use std::time::Duration;

use yarn_client::flink::TaskManagerLimits;

use super::job_manager::Process;
use super::{Action, Answer, AppMaster, CheckpointsView, FlinkView, JobView, Occurrence, Timer, text};

/// How often Flink is polled for a young job, whose end should be noticed soon.
pub(super) const POLL_YOUNG: Duration = Duration::from_millis(200);
/// The same for a job that has run for longer than [`YOUNG`].
pub(super) const POLL_SETTLED: Duration = Duration::from_secs(1);
/// The same for a session in which nothing is starting: a new job should not wait long.
pub(super) const POLL_SESSION: Duration = Duration::from_millis(500);
pub(super) const YOUNG: Duration = Duration::from_secs(30);
/// Pauses between looks at a job's checkpoints: the usual one; the one if a lost checkpoint cannot be found in its directory;
/// and the one until it is known where they go, because only the program says so.
const CHECKPOINTS_PAUSE: Duration = Duration::from_secs(2);
const CHECKPOINTS_HASTE: Duration = Duration::from_secs(1);
const CHECKPOINTS_FIRST: Duration = Duration::from_millis(500);
/// Within this time TaskManagers find a restarted JobManager, once they have noticed the end of the previous one.
const RETURN: Duration = Duration::from_secs(30);
/// If jobs lack TaskManagers for this long, the application master counts the cluster: an empty one gives containers with
/// its nodes' next heartbeats, which come every second.
const SHORTAGE: Duration = Duration::from_secs(3);
/// How often it is counted again.
const SHORTAGE_AGAIN: Duration = Duration::from_secs(15);

impl AppMaster {
    /// How many TaskManagers there should be: enough for the slots the job needs, or, until that is known, for the
    /// default parallelism.
    pub(super) fn desired(&self) -> u32 {
        if self.ending.is_some() || self.job_finished() {
            return 0;
        }
        if self.reserve_fails { self.needed() } else { self.limits().wanted(self.demand()) }
    }

    /// The limits from the configuration; for a session, its own size.
    pub(super) fn limits(&self) -> TaskManagerLimits {
        let limits = self.settings.limits;
        match self.work.session() {
            Some(session) => TaskManagerLimits { min: session.size.min, max: session.size.max, ..limits },
            None => limits,
        }
    }

    /// Number of TaskManagers without which jobs wait, within the limits.
    fn needed(&self) -> u32 {
        self.demand().min(self.limits().max)
    }

    /// Number of TaskManagers that the jobs need, regardless of limits; until that is known, for the default
    /// parallelism.
    pub(super) fn demand(&self) -> u32 {
        if let (true, Some(scaled)) = (self.settings.reactive, self.record.journal.scaled) {
            return scaled;
        }
        let known = self.slots_needed.filter(|_| !self.settings.reactive);
        let guess = if self.work.is_session() { 0 } else { self.settings.parallelism };
        known.unwrap_or(guess).div_ceil(self.settings.slots.max(1))
    }

    pub(super) fn poll_flink(&mut self, now: Duration) {
        if self.poll_in_flight || self.job_manager.process != Process::Running || self.ending.is_some() {
            return;
        }
        self.poll_in_flight = true;
        let settled = |job: &JobView| {
            job.slots_needed.is_some()
                && job.tasks_total > 0
                && job.tasks_active + job.tasks_finished == job.tasks_total
        };
        let known = self.all_jobs(settled);
        self.timers.set(Timer::FlinkPoll, now + Duration::from_secs(10));
        let pause = match self.record.journal.newest_checkpoint() {
            None if !self.settings.checkpoint_directory => CHECKPOINTS_FIRST,
            Some(_) if self.finds_newest_checkpoint() => CHECKPOINTS_PAUSE,
            _ => CHECKPOINTS_HASTE,
        };
        let checkpoints = match self.our_job().and_then(|job| job.checkpoints.as_ref()) {
            None => self.our_job().is_some(),
            // Flink's cache may still show a job whose setup is incomplete.
            Some(CheckpointsView::Off) if self.job_seen.is_some_and(|at| at + YOUNG <= now) => false,
            Some(_) => self.checkpoints_seen.is_none_or(|at| at + pause <= now),
        };
        if checkpoints {
            self.checkpoints_seen = Some(now);
        }
        let holders = std::mem::take(&mut self.wants_holders);
        if holders {
            self.holders_asked = Some(now);
        }
        self.actions.push_back(Action::PollFlink { details: !known, checkpoints, holders });
    }

    /// Takes an answer of Flink. One may arrive after the JobManager that was asked has ended and the next has started. It is
    /// ignored then: that end has already decided everything it could say.
    pub(super) fn flink_answered(&mut self, start: u32, answer: Answer, now: Duration) {
        if start != self.job_manager.starts || self.job_manager.process != Process::Running {
            return;
        }
        match answer {
            Answer::View(view) => self.observe(view, now),
            Answer::Unreachable { silence, cause } => self.unreachable(silence, cause, now),
            Answer::JobResult { cause, checkpoints } => self.job_result(cause, checkpoints, now),
            Answer::JobsCancelled => self.jobs_cancelled(now),
            Answer::ProgramEnded { job_passed_over } => self.program_ended(job_passed_over, now),
            Answer::ClusterDeleted { accepted } => self.cluster_deleted(accepted, now),
        }
    }

    fn observe(&mut self, view: FlinkView, now: Duration) {
        self.poll_in_flight = false;
        if self.ending.is_some() {
            return;
        }
        self.unanswered = None;
        for (id, node) in self.containers.observe(&view.task_managers, now) {
            self.nodes.succeeded(&node.host);
            self.reserve_fails = false;
            self.tell(Occurrence::TaskManagerRegistered(id));
        }
        self.replace_unlisted(now);
        let mut view = view;
        let holders = view.holders.take();
        self.remember(view, now);
        if let Some(holders) = holders {
            self.release_surplus(&holders, now);
        }
        self.observe_work(now);
    }

    /// Stops the TaskManagers that Flink has dropped, so that they are replaced.
    fn replace_unlisted(&mut self, now: Duration) {
        let answers_since = *self.answers_since.get_or_insert(now);
        let restarted = self.job_manager.starts > 1 || self.settings.history.begun;
        let grace = if restarted { self.settings.heartbeat_timeout + RETURN } else { Duration::ZERO };
        for failure in self.containers.take_unlisted(answers_since + grace, now) {
            tracing::warn!(container = %failure.id, node = %failure.node, "TaskManager lost: {}", failure.cause);
            self.nodes.failed(&failure.node.host, now);
            self.tell_loss(&failure, true);
            self.actions.push_back(Action::StopContainer(failure.id));
        }
        self.check_failures(now);
    }

    /// Keeps what a look without details could not show.
    fn remember(&mut self, mut view: FlinkView, now: Duration) {
        let old = self.view.take();
        self.tell_jobs(old.as_ref(), &view);
        if let Some(old) = old {
            if let Some(program) = self.work.program_mut() {
                program.keep_forgotten(&old, &mut view, now);
            }
            for job in &mut view.jobs {
                let Some(old) = old.jobs.iter().find(|o| o.id == job.id) else { continue };
                job.slots_needed = job.slots_needed.or(old.slots_needed);
                job.streaming = job.streaming.or(old.streaming);
                if job.checkpoints.is_none() {
                    job.checkpoints.clone_from(&old.checkpoints);
                }
            }
        }
        self.view = Some(view);
        self.count_slots();
    }

    /// Notes whether the jobs have fewer TaskManagers than they need. One on its way counts, and a reserve does not.
    pub(super) fn note_shortage(&mut self, now: Duration) {
        let known = self.slots_needed.is_some() && !self.settings.reactive && !self.job_finished();
        let needed = self.needed();
        if !known || self.containers.working() >= needed {
            self.short_since = None;
            self.shortage = None;
            self.timers.stop(Timer::Shortage);
        } else if self.short_since.is_none() {
            self.short_since = Some(now);
            self.timers.set(Timer::Shortage, now + SHORTAGE);
        }
    }

    pub(super) fn check_shortage(&mut self, now: Duration) {
        if self.short_since.is_none() {
            return;
        }
        if !self.inspecting {
            self.inspecting = true;
            self.actions.push_back(Action::InspectCluster);
        }
        self.timers.set(Timer::Shortage, now + SHORTAGE_AGAIN);
    }

    pub(super) fn capacity_known(&mut self, task_managers: Option<u32>, description: &str) {
        self.inspecting = false;
        if self.ending.is_some() || self.short_since.is_none() {
            return;
        }
        let needed = self.needed();
        if task_managers.is_some_and(|most| most < needed) {
            let slots = self.slots_needed.unwrap_or(self.settings.parallelism);
            let cause = text::cluster_too_small(slots, needed, &self.settings, task_managers, description);
            // Nodes may come back or be added: how long to wait for that is the owner's decision.
            if self.shortage.is_none() {
                tracing::warn!("{}", cause.text);
            }
            self.shortage = Some(cause);
        } else {
            self.shortage = None;
        }
    }

    /// Whether the jobs need more TaskManagers than the limits allow, and one of them does not run because of that: batch
    /// jobs continue with fewer.
    pub(super) fn held_by_limits(&self) -> bool {
        let waits = |job: &JobView| {
            job.tasks_active == 0 || (job.streaming == Some(true) && job.tasks_active < job.tasks_total)
        };
        let mut unfinished = self.jobs().filter(|job| !job.status.is_terminal());
        self.slots_needed.is_some() && self.demand() > self.limits().max && unfinished.any(waits)
    }
}
