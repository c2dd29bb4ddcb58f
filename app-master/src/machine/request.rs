//! What clients request of the application, and whether it is done.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use yarn_client::counted;
use yarn_client::flink::JobStatus;

use super::ending::Outcome;
use super::{AppMaster, Occurrence, Timer, text};

/// What a client requests of the application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Run this many TaskManagers; a session that follows its jobs keeps at least this many.
    Scale {
        /// The number of TaskManagers.
        task_managers: u32,
    },
    /// End the session with this job.
    StopAfterJob {
        /// 32 hexadecimal digits.
        job_id: String,
    },
    /// End the application now.
    Shutdown,
}

/// What is done about a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To [`Request::Scale`].
    Scaled {
        /// Number of TaskManagers that were wanted before.
        previous: u32,
        /// Number wanted now: jobs may need more than was requested.
        wanted: u32,
    },
    /// To the others: the unfinished jobs that will be cancelled.
    Cancels(Vec<String>),
}

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The end has already been decided.
    #[error("the application is ending")]
    Ending,
    /// Flink's REST server has not answered yet.
    #[error("the JobManager is starting, and its jobs are not known yet")]
    Starting,
    /// The application runs one job.
    #[error("the application runs one job and ends with it anyway")]
    NoSession,
    /// The job's parallelism decides.
    #[error(
        "the application runs one job, whose parallelism decides how many TaskManagers it has\n\
         hint: submit it with `-D scheduler-mode=reactive` to rescale it while it runs"
    )]
    FixedByJob,
    /// The session's jobs would wait forever.
    #[error(
        "{0} needs at least one TaskManager\nhint: `yarn-flink session stop` or `yarn-flink kill` ends it"
    )]
    Nothing(&'static str),
    /// Beyond the maximum set when the session was started.
    #[error("the session has at most {0} TaskManagers\nhint: start another one with a larger `--max`")]
    BeyondMaximum(u32),
    /// Beyond the maximum set when the application was submitted.
    #[error("`slotmanager.*` allows {}", counted(*.0, "TaskManager"))]
    BeyondLimits(u32),
    /// There is no such job.
    #[error("the session has no job {0}")]
    NoSuchJob(String),
}

impl AppMaster {
    /// Decides about a client's request.
    ///
    /// # Errors
    /// Returns a [`Refusal`] if nothing was done.
    pub fn ask(&mut self, request: Request, now: Duration) -> Result<Reply, Refusal> {
        if self.ending.is_some() || self.exited {
            return Err(Refusal::Ending);
        }
        match request {
            Request::Scale { task_managers } => self.scale(task_managers, now),
            Request::StopAfterJob { job_id } => self.stop_after_job(job_id, now),
            Request::Shutdown => {
                let jobs = self.unfinished(None);
                let outcome = if self.work.is_session() {
                    Outcome::finished().noting(text::shut_down(&jobs))
                } else {
                    Outcome::of_job(JobStatus::Canceled).noting(text::shut_down(&[]))
                };
                self.end(outcome, now);
                Ok(Reply::Cancels(jobs))
            }
        }
    }

    fn scale(&mut self, task_managers: u32, now: Duration) -> Result<Reply, Refusal> {
        let previous = self.desired();
        match self.work.session_mut() {
            Some(session) if session.size.follows() && task_managers > session.size.max => {
                return Err(Refusal::BeyondMaximum(session.size.max));
            }
            Some(session) if !session.size.follows() && task_managers == 0 => {
                return Err(Refusal::Nothing("a session of a fixed size"));
            }
            Some(session) => session.size = session.size.scaled(task_managers),
            None if self.settings.reactive && task_managers == 0 => {
                return Err(Refusal::Nothing("a job"));
            }
            None if self.settings.reactive && task_managers > self.settings.limits.max => {
                return Err(Refusal::BeyondLimits(self.settings.limits.max));
            }
            None if self.settings.reactive => {}
            None => return Err(Refusal::FixedByJob),
        }
        self.record.journal.scaled = Some(task_managers);
        self.write_journal(now);
        let wanted = self.desired();
        if wanted != previous {
            let cause = "a client has asked for it".to_owned();
            self.tell(Occurrence::Scaled { previous, task_managers: wanted, cause });
        }
        if self.settings.reactive {
            // The job rescales, so containers with tasks may be stopped as well.
            let excess = self.containers.working().saturating_sub(wanted);
            let stopped = self.containers.take_excess(excess);
            self.stop_containers(stopped);
        }
        self.fit_containers(now);
        Ok(Reply::Scaled { previous, wanted })
    }

    fn stop_after_job(&mut self, job_id: String, now: Duration) -> Result<Reply, Refusal> {
        if !self.work.is_session() {
            return Err(Refusal::NoSession);
        }
        if self.view.is_none() {
            return Err(Refusal::Starting);
        }
        if !self.jobs().any(|job| job.id == job_id) {
            return Err(Refusal::NoSuchJob(job_id));
        }
        let others = self.unfinished(Some(&job_id));
        self.record.journal.stop_after = Some(job_id);
        self.write_journal(now);
        self.timers.set_at_most(Timer::FlinkPoll, now);
        Ok(Reply::Cancels(others))
    }
}
