//! A program that executes several jobs, one after the other or side by side. Flink gives them their ids, and the end of the
//! program, which its log tells, is the end of them all.

use std::time::Duration;

use yarn_client::flink::JobStatus;

use super::ending::Outcome;
use super::{Action, AppMaster, flink, text};

impl AppMaster {
    /// What a look at Flink means for such a program.
    pub(super) fn observe_several(&mut self, now: Duration) {
        let seen = self.view.as_ref().is_some_and(|view| !view.jobs.is_empty());
        if seen && self.job_seen.is_none() {
            self.job_seen = Some(now);
            self.record.journal.job_seen = true;
            self.write_journal(now);
        }
        // Each JobManager begins a log of its own.
        if seen && !self.watches_program {
            self.watches_program = true;
            self.actions.push_back(Action::WatchProgram);
        }
        if let Some(application) = self.view.as_ref().and_then(|view| view.application.clone())
            && let Some(end) = application.end
        {
            // Flink 2.3 and later says it itself.
            self.program_ended = true;
            if end == JobStatus::Failed && !self.jobs().any(|(_, status)| status == JobStatus::Failed) {
                return self.end(Outcome { cause: application.cause, ..Outcome::of_job(end) }, now);
            }
        }
        if self.program_ended && self.unfinished(None).is_empty() && !self.misses_jobs(now) {
            if seen {
                return self.several_ended(now);
            }
            // Flink 2.3 and later let a program run none; the ones before it end with an error.
            if let Some(end) = self.view.as_ref().and_then(|view| view.application.as_ref()?.end) {
                return self.end(Outcome { cause: Some(text::no_job()), ..Outcome::of_job(end) }, now);
            }
        }
        let waits = !self.unfinished(None).is_empty();
        self.note_shortage(now);
        self.fit_containers(now);
        let interval = if waits { flink::POLL_YOUNG } else { flink::POLL_SESSION };
        self.timers.set(super::Timer::FlinkPoll, now + interval);
    }

    fn jobs(&self) -> impl Iterator<Item = (&str, JobStatus)> {
        self.view.iter().flat_map(|view| &view.jobs).map(|job| (job.id.as_str(), job.status))
    }

    /// The first job that has failed.
    pub(super) fn first_failed(&self) -> Option<String> {
        self.jobs().find(|(_, status)| *status == JobStatus::Failed).map(|(id, _)| id.to_owned())
    }

    /// The first that failed decides, else the first that was cancelled.
    fn several_ended(&mut self, now: Duration) {
        let first = |wanted: JobStatus| {
            self.jobs().find(|(_, status)| *status == wanted).map(|(id, status)| (id.to_owned(), status))
        };
        match first(JobStatus::Failed).or_else(|| first(JobStatus::Canceled)) {
            Some((job_id, JobStatus::Failed)) => {
                if self.result_of.is_none() {
                    self.result_of = Some(job_id.clone());
                    self.actions.push_back(Action::FetchResult { job_id, checkpoints: false });
                }
            }
            Some((job_id, status)) => self.end_of_several(job_id, status, None, now),
            None => {
                let last = self.jobs().last().map(|(id, _)| id.to_owned()).unwrap_or_default();
                self.end_of_several(last, JobStatus::Finished, None, now);
            }
        }
    }

    /// All have ended, and this is the one that decides.
    pub(super) fn end_of_several(
        &mut self,
        job_id: String,
        job: JobStatus,
        cause: Option<&str>,
        now: Duration,
    ) {
        let jobs: Vec<(String, JobStatus)> =
            self.jobs().map(|(id, status)| (id.to_owned(), status)).collect();
        let cause = text::several(cause, &jobs);
        self.end(Outcome { of: Some(job_id), cause: Some(cause), ..Outcome::of_job(job) }, now);
    }

    /// The program has returned.
    pub(super) fn several_returned(&mut self, now: Duration) {
        self.program_ended = true;
        self.timers.set_at_most(super::Timer::FlinkPoll, now);
    }
}
