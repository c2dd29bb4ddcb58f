//! A Flink in virtual time: a JobManager process, its job, and the checkpoints that survive both.

use std::time::Duration;

use proto::ids::ContainerId;
use yarn_client::flink::JobStatus;

use super::scenario::JobModel;

/// From the process's start until its REST server answers.
pub(super) const JOB_MANAGER_START: Duration = Duration::from_millis(3000);

/// What exists of the job outside of any process.
#[derive(Debug, Default)]
pub(super) struct Durable {
    /// Work done at each completed checkpoint, oldest first; their numbers start at 1.
    pub(super) checkpoints: Vec<Duration>,
    /// When each of them was complete.
    pub(super) completed_at: Vec<Duration>,
    /// A task of the job has run.
    pub(super) worked: bool,
    /// How the job has ended.
    pub(super) ended: Option<JobStatus>,
    /// When it has ended.
    pub(super) ended_at: Option<Duration>,
}

/// The job inside one JobManager.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) status: JobStatus,
    pub(super) progress: Duration,
    /// Since when it has had all its slots.
    pub(super) running_since: Option<Duration>,
    checkpoint_at: Option<Duration>,
    /// For a batch job whose first stage is done: the TaskManagers with its results, which the second stage reads.
    pub(super) holders: Vec<ContainerId>,
    /// How long the second stage has been reading.
    read: Duration,
}

impl Job {
    /// Slots it needs now.
    pub(super) fn slots(&self, model: &JobModel) -> u32 {
        if self.holders.is_empty() { model.slots } else { 1 }
    }

    fn lose_all(&mut self, durable: &Durable, model: &JobModel) {
        let newest = durable.checkpoints.last().filter(|_| model.checkpoint_interval.is_some());
        self.running_since = None;
        self.progress = newest.copied().unwrap_or_default();
        self.holders.clear();
        self.read = Duration::ZERO;
    }
}

/// A JobManager's process.
#[derive(Debug)]
pub(super) struct JobManager {
    pub(super) since: Duration,
    /// The restored checkpoint's number; 0: none.
    pub(super) restored: usize,
    pub(super) job: Option<Job>,
    pub(super) stopping: bool,
    /// The process hangs until then.
    pub(super) hung_until: Duration,
}

impl JobManager {
    pub(super) fn new(now: Duration, restored: usize) -> Self {
        Self { since: now, restored, job: None, stopping: false, hung_until: Duration::ZERO }
    }

    pub(super) fn up(&self, now: Duration) -> bool {
        self.up_at() <= now
    }

    fn up_at(&self) -> Duration {
        (self.since + JOB_MANAGER_START).max(self.hung_until)
    }

    /// Lets the job live until `now` on these TaskManagers. Returns whether `main` has just thrown.
    pub(super) fn live(
        &mut self,
        model: &JobModel,
        task_managers: &[ContainerId],
        slots_each: u32,
        durable: &mut Durable,
        now: Duration,
    ) -> bool {
        if !self.up(now) || self.stopping {
            if let Some(job) = &mut self.job {
                job.running_since = job.running_since.map(|_| now);
            }
            return false;
        }
        let restored = self.restored;
        let job = self.job.get_or_insert_with(|| Job {
            status: JobStatus::Running,
            progress: restored.checked_sub(1).map_or(Duration::ZERO, |n| durable.checkpoints[n]),
            running_since: None,
            checkpoint_at: None,
            holders: Vec::new(),
            read: Duration::ZERO,
        });
        if job.status.is_terminal() {
            return false;
        }
        // Their results are gone with them.
        if job.holders.iter().any(|id| !task_managers.contains(id)) {
            job.lose_all(durable, model);
        }
        let slots = u32::try_from(task_managers.len()).unwrap_or(0) * slots_each;
        if slots < job.slots(model) {
            // Losing a TaskManager takes the job back to its last checkpoint, or to its start.
            if job.running_since.is_some() {
                job.lose_all(durable, model);
            }
            return false;
        }
        let Some(since) = job.running_since else {
            job.running_since = Some(now);
            job.checkpoint_at = model.checkpoint_interval.map(|interval| now + interval);
            durable.worked = true;
            return false;
        };
        job.running_since = Some(now);
        if !job.holders.is_empty() {
            job.read += now - since;
        } else {
            job.progress += now - since;
        }
        if job.checkpoint_at.is_some_and(|at| at <= now) {
            durable.checkpoints.push(job.progress);
            durable.completed_at.push(now);
            job.checkpoint_at = model.checkpoint_interval.map(|interval| now + interval);
        }
        match model.second_stage {
            Some(_) if job.progress < model.work => false,
            Some(_) if job.holders.is_empty() => {
                let ran_on = model.slots.div_ceil(slots_each.max(1)) as usize;
                job.holders = task_managers.iter().take(ran_on).copied().collect();
                false
            }
            Some(reading) if job.read < reading => false,
            None if job.progress < model.work => false,
            _ => {
                job.status = model.end;
                job.holders.clear();
                durable.ended = Some(model.end);
                durable.ended_at = Some(now);
                model.main_throws && model.end == JobStatus::Finished
            }
        }
    }

    /// The time of the next event that happens by itself.
    pub(super) fn next(&self, model: &JobModel, now: Duration) -> Option<Duration> {
        if self.stopping {
            return None;
        }
        if !self.up(now) {
            return Some(self.up_at());
        }
        let job = self.job.as_ref()?;
        let since = job.running_since.filter(|_| !job.status.is_terminal())?;
        let end = match model.second_stage {
            Some(reading) if !job.holders.is_empty() => since + reading.saturating_sub(job.read),
            _ => since + model.work.saturating_sub(job.progress),
        };
        Some(job.checkpoint_at.map_or(end, |at| at.min(end)).max(now + Duration::from_millis(1)))
    }
}
