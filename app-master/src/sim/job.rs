//! A Flink that lives in virtual time: a JobManager's process, its job, and the checkpoints that outlive both.

use std::time::Duration;

use yarn_client::flink::JobStatus;

use super::scenario::JobModel;

/// From the process's start until its REST server answers.
pub(super) const JOB_MANAGER_START: Duration = Duration::from_millis(3000);

/// What exists of the job outside of any process.
#[derive(Debug, Default)]
pub(super) struct Durable {
    /// Work done at each completed checkpoint, oldest first; their numbers begin at 1.
    pub(super) checkpoints: Vec<Duration>,
    /// A task of the job has run.
    pub(super) worked: bool,
    /// The job has come to its end.
    pub(super) ended: Option<JobStatus>,
}

/// The job inside one JobManager.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) status: JobStatus,
    pub(super) progress: Duration,
    /// All its slots are there since then.
    pub(super) running_since: Option<Duration>,
    checkpoint_at: Option<Duration>,
}

/// A JobManager's process.
#[derive(Debug)]
pub(super) struct JobManager {
    pub(super) since: Duration,
    /// The restored checkpoint's number; 0: none.
    pub(super) restored: usize,
    pub(super) job: Option<Job>,
    pub(super) stopping: bool,
}

impl JobManager {
    pub(super) fn new(now: Duration, restored: usize) -> Self {
        Self { since: now, restored, job: None, stopping: false }
    }

    pub(super) fn up(&self, now: Duration) -> bool {
        self.since + JOB_MANAGER_START <= now
    }

    /// Lets the job live until `now` with `slots` slots. Returns whether `main` has just thrown.
    pub(super) fn live(
        &mut self,
        model: &JobModel,
        slots: u32,
        durable: &mut Durable,
        now: Duration,
    ) -> bool {
        if !self.up(now) || self.stopping {
            return false;
        }
        let restored = self.restored;
        let job = self.job.get_or_insert_with(|| Job {
            status: JobStatus::Running,
            progress: restored.checked_sub(1).map_or(Duration::ZERO, |n| durable.checkpoints[n]),
            running_since: None,
            checkpoint_at: None,
        });
        if job.status.is_terminal() {
            return false;
        }
        if slots < model.slots {
            // Losing a TaskManager takes the job back to its last checkpoint, or to the beginning.
            if job.running_since.take().is_some() {
                job.progress = durable.checkpoints.last().copied().unwrap_or_default();
                if model.checkpoint_interval.is_none() {
                    job.progress = Duration::ZERO;
                }
            }
            return false;
        }
        let Some(since) = job.running_since else {
            job.running_since = Some(now);
            job.checkpoint_at = model.checkpoint_interval.map(|interval| now + interval);
            durable.worked = true;
            return false;
        };
        job.progress += now - since;
        job.running_since = Some(now);
        if job.checkpoint_at.is_some_and(|at| at <= now) {
            durable.checkpoints.push(job.progress);
            job.checkpoint_at = model.checkpoint_interval.map(|interval| now + interval);
        }
        if job.progress >= model.work {
            job.status = model.end;
            durable.ended = Some(model.end);
            return model.main_throws && model.end == JobStatus::Finished;
        }
        false
    }

    /// When something happens by itself next.
    pub(super) fn next(&self, model: &JobModel, now: Duration) -> Option<Duration> {
        if self.stopping {
            return None;
        }
        if !self.up(now) {
            return Some(self.since + JOB_MANAGER_START);
        }
        let job = self.job.as_ref()?;
        let since = job.running_since.filter(|_| !job.status.is_terminal())?;
        let end = since + model.work.saturating_sub(job.progress);
        Some(job.checkpoint_at.map_or(end, |at| at.min(end)).max(now + Duration::from_millis(1)))
    }
}
