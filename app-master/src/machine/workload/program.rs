//! A program that executes several jobs, one after the other or in parallel. Flink gives them their ids, and the end of the
//! program, which shows in its log, is the end of them all.

use std::time::Duration;

use yarn_client::cause::Cause;
use yarn_client::flink::JobStatus;

use super::super::ending::Outcome;
use super::super::{Action, AppMaster, FlinkView, JobView, Timer, flink, text};
use super::session::MISSING;

/// The current state of a program with several jobs.
#[derive(Debug, Default)]
pub(in super::super) struct Program {
    /// It has returned, and all its jobs have ended.
    ended: bool,
    /// A watch for its end has been requested.
    watched: bool,
    /// When the last of its jobs disappeared from Flink's list, and how many have.
    vanished: Option<(Duration, usize)>,
}

impl Program {
    /// Flink forgets ended jobs after a while (`jobstore.expiration-time`), and the program's end is that of all of them. One
    /// that had not ended is waited for: a look that does not show it says nothing about its end.
    pub(in super::super) fn keep_forgotten(&mut self, old: &FlinkView, view: &mut FlinkView, now: Duration) {
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

    /// Whether jobs have recently disappeared from Flink's list: what becomes of them, and which others are missing,
    /// remains to be seen.
    fn misses_jobs(&self, now: Duration) -> bool {
        self.vanished.is_some_and(|(since, _)| now < since + MISSING)
    }
}

impl AppMaster {
    /// What a look at Flink means for such a program.
    pub(super) fn observe_program(&mut self, now: Duration) {
        let seen = self.knows_jobs();
        if seen && self.job_seen.is_none() {
            self.job_seen = Some(now);
            self.record.journal.job_seen = true;
            self.write_journal(now);
        }
        let application = self.view.as_ref().and_then(|view| view.application.clone());
        let end = application.as_ref().and_then(|application| application.end);
        let Some(program) = self.work.program_mut() else { return };
        // Each JobManager starts its own log.
        let watch = seen && !program.watched;
        program.watched |= watch;
        // Flink 2.3 and later reports it.
        program.ended |= end.is_some();
        let over = program.ended && !program.misses_jobs(now);
        if watch {
            self.actions.push_back(Action::WatchProgram);
        }
        if end == Some(JobStatus::Failed) && self.first(JobStatus::Failed).is_none() {
            let cause = application.and_then(|application| application.cause);
            return self.end(Outcome::of_flink(JobStatus::Failed, cause.as_deref()), now);
        }
        let waits = !self.unfinished(None).is_empty();
        if over && !waits {
            if seen {
                return self.jobs_ended(now);
            }
            // Flink 2.3 and later lets a program run no job; earlier versions end with an error.
            if let Some(end) = end {
                return self.end(Outcome::of_job(end).noting(text::no_job()), now);
            }
        }
        self.note_shortage(now);
        self.fit_containers(now);
        let interval = if waits { flink::POLL_YOUNG } else { flink::POLL_SESSION };
        self.timers.set(Timer::FlinkPoll, now + interval);
    }

    /// The first job in this state.
    pub(in super::super) fn first(&self, status: JobStatus) -> Option<String> {
        self.jobs().find(|job| job.status == status).map(|job| job.id.clone())
    }

    /// The first job that failed decides, otherwise the first that was cancelled.
    fn jobs_ended(&mut self, now: Duration) {
        if let Some(job_id) = self.first(JobStatus::Failed) {
            self.read_failure(job_id);
        } else if let Some(job_id) = self.first(JobStatus::Canceled) {
            self.program_ends_with(job_id, JobStatus::Canceled, None, now);
        } else {
            let last = self.jobs().last().map(|job| job.id.clone()).unwrap_or_default();
            self.program_ends_with(last, JobStatus::Finished, None, now);
        }
    }

    /// All jobs have ended, and this is the one that decides.
    pub(in super::super) fn program_ends_with(
        &mut self,
        job_id: String,
        state: JobStatus,
        cause: Option<Cause>,
        now: Duration,
    ) {
        let jobs: Vec<_> = self.jobs().map(|job| (job.id.clone(), job.status)).collect();
        let outcome = Outcome { of: Some(job_id), cause, ..Outcome::of_job(state) };
        self.end(outcome.noting(text::several(&jobs)), now);
    }

    /// The program has returned.
    pub(super) fn program_returned(&mut self, now: Duration) {
        if let Some(program) = self.work.program_mut() {
            program.ended = true;
        }
        self.timers.set_at_most(Timer::FlinkPoll, now);
    }
}
