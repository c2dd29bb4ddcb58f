//! What a look at Flink means: what the job needs, whether it starves, whether it has ended.

use std::time::Duration;

use yarn_client::flink::{JobStatus, TaskManagerLimits};

use super::job_manager::Process;
use super::session::{MISSING, Session};
use super::{
    Action, AppMaster, ApplicationView, CheckpointsView, FlinkView, JobView, Occurrence, Timer, text,
};

/// How often Flink is looked at for a young job, whose end should not be missed for long.
pub(super) const POLL_YOUNG: Duration = Duration::from_millis(200);
/// The same for a job that has run for longer than [`YOUNG`].
const POLL_SETTLED: Duration = Duration::from_secs(1);
/// The same for a session in which nothing is on its way: a job that comes should not wait long.
pub(super) const POLL_SESSION: Duration = Duration::from_millis(500);
const YOUNG: Duration = Duration::from_secs(30);
/// Pauses between looks at a job's checkpoints; where a lost one cannot be looked for in its directory; and while nobody knows
/// where they go, because only the program says it.
const CHECKPOINTS_PAUSE: Duration = Duration::from_secs(2);
const CHECKPOINTS_HASTE: Duration = Duration::from_secs(1);
const CHECKPOINTS_FIRST: Duration = Duration::from_millis(500);
/// TaskManagers find a JobManager that was started again within this time, once they have noticed the end of the one before.
const RETURN: Duration = Duration::from_secs(30);
/// Jobs that lack TaskManagers for this long make the application master count the cluster: an empty one gives containers
/// with its nodes' next heartbeats, and these come every second.
const SHORTAGE: Duration = Duration::from_secs(3);
/// It is counted again so often.
const SHORTAGE_AGAIN: Duration = Duration::from_secs(15);

impl AppMaster {
    /// What the TaskManagers should be: enough for the slots the job needs, or, before it is known, for the default
    /// parallelism.
    pub(super) fn desired(&self) -> u32 {
        if self.ending.is_some() || self.finished {
            return 0;
        }
        if self.reserve_fails { self.needed() } else { self.limits().wanted(self.demand()) }
    }

    /// Those of the configuration; of a session, its own size.
    pub(super) fn limits(&self) -> TaskManagerLimits {
        let limits = self.settings.limits;
        match &self.session {
            Some(Session { size, .. }) => TaskManagerLimits { min: size.min, max: size.max, ..limits },
            None => limits,
        }
    }

    /// TaskManagers without which jobs wait, as far as there may be so many.
    fn needed(&self) -> u32 {
        self.demand().min(self.limits().max)
    }

    /// TaskManagers that the jobs need, whatever there may be; until that is known, those of the default parallelism.
    pub(super) fn demand(&self) -> u32 {
        if let (true, Some(scaled)) = (self.settings.reactive, self.record.journal.scaled) {
            return scaled;
        }
        let known = self.slots_needed.filter(|_| !self.settings.reactive);
        let guess = if self.session.is_some() { 0 } else { self.settings.parallelism };
        known.unwrap_or(guess).div_ceil(self.settings.slots.max(1))
    }

    pub(super) fn our_job(&self) -> Option<&JobView> {
        self.view.as_ref()?.jobs.iter().find(|job| job.id == self.settings.job_id)
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
        let known = match &self.view {
            Some(view) if self.settings.has_many_jobs() => {
                view.jobs.iter().all(|job| job.status.is_terminal() || settled(job))
            }
            _ => self.our_job().is_some_and(settled),
        };
        self.timers.set(Timer::FlinkPoll, now + Duration::from_secs(10));
        let pause = match self.record.journal.newest_checkpoint() {
            None if !self.settings.checkpoint_directory => CHECKPOINTS_FIRST,
            Some(_) if self.finds_newest_checkpoint() => CHECKPOINTS_PAUSE,
            _ => CHECKPOINTS_HASTE,
        };
        let checkpoints = match self.our_job().and_then(|job| job.checkpoints.as_ref()) {
            None => self.our_job().is_some(),
            // Flink's cache may still show a job that was not set up.
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

    pub(super) fn observe(&mut self, view: FlinkView, now: Duration) {
        self.poll_in_flight = false;
        // An answer may be older than the JobManager's end.
        if self.ending.is_some() || self.job_manager.process != Process::Running {
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
        if self.session.is_some() {
            return self.observe_session(now);
        }
        if self.settings.multi_job {
            return self.observe_several(now);
        }
        let application = self.view.as_ref().and_then(|view| view.application.clone());
        let job = self.our_job().map(|job| job.status);
        if job.is_some() {
            if self.job_seen.is_none() {
                self.job_seen = Some(now);
            }
            self.note_progress(now);
        }
        match (application, job) {
            (Some(ApplicationView { end: Some(end), cause }), job) => {
                self.application_ended(end, cause, job, now);
            }
            (None, Some(JobStatus::Finished)) if !self.finished => {
                self.finished = true;
                // `main` may have more to do; Flink must not be shut down under it.
                self.actions.push_back(Action::WatchProgram);
            }
            (None, Some(status)) if status.is_globally_terminal() && status != JobStatus::Finished => {
                self.fetch_result(now);
            }
            _ => {
                self.note_shortage(now);
                self.fit_containers(now);
                let interval = match self.job_seen {
                    None => super::POLL_STARTING,
                    Some(since) if now < since + YOUNG || self.containers.starting() > 0 => POLL_YOUNG,
                    Some(_) => POLL_SETTLED,
                };
                self.timers.set(Timer::FlinkPoll, now + interval);
            }
        }
    }

    /// Stops what Flink has dropped, so that it is replaced.
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
            if self.settings.multi_job {
                self.keep_forgotten(&old, &mut view, now);
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
        if let Some(view) = self.view.as_ref().filter(|_| self.settings.has_many_jobs()) {
            let unfinished = || view.jobs.iter().filter(|job| !job.status.is_terminal());
            let known: u32 = unfinished().filter_map(|job| job.slots_needed).sum();
            // What is not known yet of one job must not take slots from the others.
            let all_known = unfinished().all(|job| job.slots_needed.is_some());
            let before = self.slots_needed.unwrap_or(0);
            if self.settings.multi_job && self.job_seen.is_none() && view.jobs.is_empty() {
                return;
            }
            self.slots_needed = Some(if all_known { known } else { known.max(before) });
            return;
        }
        // Known only with every unfinished job, and kept while a new JobManager has not listed ours yet.
        if let (Some(_), Some(view)) = (self.our_job(), &self.view) {
            let unfinished = view.jobs.iter().filter(|job| !job.status.is_terminal());
            let sum: Option<u32> = unfinished.map(|job| job.slots_needed).sum();
            self.slots_needed = sum.or(self.slots_needed);
        }
    }

    /// Flink forgets ended jobs after a while (`jobstore.expiration-time`), and the program's end is that of all of them. One
    /// that had not ended is waited for: a look that does not show it tells nothing of its end.
    fn keep_forgotten(&mut self, old: &FlinkView, view: &mut FlinkView, now: Duration) {
        let listed = |job: &&JobView| view.jobs.iter().any(|listed| listed.id == job.id);
        let missing: Vec<_> = old.jobs.iter().filter(|job| !listed(job)).cloned().collect();
        self.vanished = match (missing.len(), self.vanished) {
            (0, _) => None,
            (count, Some((since, before))) if count <= before => Some((since, count)),
            (count, _) => Some((now, count)),
        };
        let waits = self.misses_jobs(now);
        let kept = missing.into_iter().filter(|job| waits || job.status.is_terminal());
        view.jobs.splice(0..0, kept);
    }

    /// Jobs have lately gone from Flink's list: what comes of them, and which others it does not show, will be seen.
    pub(super) fn misses_jobs(&self, now: Duration) -> bool {
        self.vanished.is_some_and(|(since, _)| now < since + MISSING)
    }

    /// Whether the jobs have fewer TaskManagers than they need. One that is on its way counts, and a reserve does not.
    pub(super) fn note_shortage(&mut self, now: Duration) {
        let known = self.slots_needed.is_some() && !self.settings.reactive && !self.finished;
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
            // Nodes may be on their way back, and somebody may add one: how long that is waited for is the owner's to say.
            if self.shortage.is_none() {
                tracing::warn!("{cause}");
            }
            self.shortage = Some(cause);
        } else {
            self.shortage = None;
        }
    }

    /// The jobs need more TaskManagers than there may be, and one of them does not run because of that: batch jobs go on with
    /// fewer.
    pub(super) fn held_by_limits(&self) -> bool {
        let waits = |job: &JobView| {
            job.tasks_active == 0 || (job.streaming == Some(true) && job.tasks_active < job.tasks_total)
        };
        let mut unfinished =
            self.view.iter().flat_map(|view| &view.jobs).filter(|job| !job.status.is_terminal());
        self.slots_needed.is_some() && self.demand() > self.limits().max && unfinished.any(waits)
    }
}
