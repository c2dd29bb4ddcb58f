//! A single job, with which the application ends.

use std::time::Duration;

use yarn_client::cause::{Cause, lost_task_manager_in, lost_under_job};
use yarn_client::flink::JobStatus;

use super::super::ending::Outcome;
use super::super::flink::{POLL_SETTLED, POLL_YOUNG, YOUNG};
use super::super::{
    Action, AppMaster, ApplicationView, CheckpointsView, Occurrence, POLL_STARTING, Timer, text,
};

/// How long to wait for the end of a lost TaskManager's container: two heartbeats of its node, and ours.
const PATIENCE: Duration = Duration::from_secs(3);
/// How old a container's end may be to be related to a job's failure.
const RELATED: Duration = Duration::from_secs(60);

/// The current state of the job.
#[derive(Debug)]
pub(in super::super) struct Job {
    /// 32 hexadecimal digits.
    pub(in super::super) id: String,
    /// It has been seen FINISHED, and the program's `main` may still be running.
    finished: bool,
    /// Why it has failed, while the ResourceManager is asked what happened to its TaskManager.
    pub(in super::super) result: Option<String>,
}

impl Job {
    pub(super) fn new(id: &str) -> Self {
        Self { id: id.to_owned(), finished: false, result: None }
    }
}

impl AppMaster {
    /// Whether the only job has finished.
    pub(in super::super) fn job_finished(&self) -> bool {
        self.work.job().is_some_and(|job| job.finished)
    }

    pub(in super::super) fn note_finished(&mut self) {
        if let Some(job) = self.work.job_mut() {
            job.finished = true;
        }
    }

    /// What a look at Flink means for the job.
    pub(super) fn observe_job(&mut self, now: Duration) {
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
            (None, Some(JobStatus::Finished)) if !self.job_finished() => {
                self.note_finished();
                // `main` may have more to do, so Flink must not be shut down yet.
                self.actions.push_back(Action::WatchProgram);
            }
            (None, Some(status)) if status.is_globally_terminal() && status != JobStatus::Finished => {
                self.fetch_result(now);
            }
            _ => {
                self.note_shortage(now);
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

    /// Takes over what a look at Flink says about our job.
    pub(super) fn note_progress(&mut self, now: Duration) {
        let Some(job) = self.our_job() else { return };
        let (job_id, seen) = (job.id.clone(), job.checkpoints.clone());
        let journal = &mut self.record.journal;
        let before = journal.newest_checkpoint().map(str::to_owned);
        journal.job_seen = true;
        journal.see(seen);
        let newest = journal.newest_checkpoint().map(str::to_owned);
        if let Some(path) = newest.filter(|newest| Some(newest) != before.as_ref()) {
            self.tell(Occurrence::CheckpointCompleted { job_id, path });
        }
        self.write_journal(now);
    }

    /// Our job has ended in a state other than FINISHED: its cause is read before anything is shut down.
    pub(super) fn fetch_result(&mut self, now: Duration) {
        let Some((job_id, status)) = self.our_job().map(|job| (job.id.clone(), job.status)) else { return };
        if status == JobStatus::Failed {
            self.read_failure(job_id);
        } else {
            self.end(Outcome::of_job(status), now);
        }
    }

    /// Flink notices a lost TaskManager at once, but knows nothing about its container: a job that fails for that
    /// reason waits a moment for what the ResourceManager has to say.
    pub(super) fn only_job_failed(
        &mut self,
        cause: Option<String>,
        checkpoints: Option<CheckpointsView>,
        now: Duration,
    ) {
        self.record.journal.see(checkpoints);
        match cause {
            Some(cause) if lost_task_manager_in(&cause) => {
                if let Some(job) = self.work.job_mut() {
                    job.result = Some(cause);
                }
                if self.containers.last_loss(RELATED, now).is_some() {
                    return self.settle_result(now);
                }
                self.timers.set(Timer::Result, now + PATIENCE);
                self.timers.set_at_most(Timer::Heartbeat, now);
            }
            cause => {
                let job = self.our_job().map_or(JobStatus::Failed, |job| job.status);
                self.end(Outcome::of_flink(job, cause.as_deref()), now);
            }
        }
    }

    /// Ends with the job's failure, and with the end of the last lost container if there is one.
    pub(in super::super) fn settle_result(&mut self, now: Duration) {
        let Some(exceptions) = self.work.job_mut().and_then(|job| job.result.take()) else { return };
        let cause = match self.containers.last_loss(RELATED, now) {
            Some(loss) => lost_under_job(&format!("{} on {}", loss.id, loss.node), loss.end(), &exceptions),
            None => Cause::of_exceptions(&exceptions),
        };
        self.end(Outcome::job_failed(cause), now);
    }

    /// `main` has returned after its job was FINISHED.
    pub(in super::super) fn program_ended(&mut self, job_passed_over: bool, now: Duration) {
        if self.work.is_program() {
            return self.program_returned(now);
        }
        if self.job_finished() {
            let outcome = if job_passed_over {
                Outcome::job_failed(text::job_passed_over())
            } else {
                Outcome::finished()
            };
            self.end(outcome, now);
        }
    }

    /// Flink 2.3 and later: the application's end decides; a finished job alone does not.
    pub(super) fn application_ended(
        &mut self,
        end: JobStatus,
        cause: Option<String>,
        job: Option<JobStatus>,
        now: Duration,
    ) {
        match (end, job) {
            (JobStatus::Finished, Some(_)) => self.end(Outcome::finished(), now),
            (JobStatus::Finished, None) => {
                self.end(Outcome::finished().noting(text::no_job()), now);
            }
            (JobStatus::Failed, Some(JobStatus::Failed)) => self.fetch_result(now),
            (JobStatus::Failed, Some(JobStatus::Finished)) => {
                self.end(Outcome::job_failed(text::failed_after_job(cause.as_deref())), now);
            }
            _ => self.end(Outcome::of_flink(end, cause.as_deref()), now),
        }
    }
}
