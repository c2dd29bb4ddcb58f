//! A cluster for many jobs: how many TaskManagers it has, and when it is over. Its jobs come from clients, through Flink's
//! REST interface.
//!
//! A session ends when its owner says so, with a job its owner has named, or when it has run no job for a while.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use yarn_client::flink::JobStatus;

use super::ending::Outcome;
use super::{Action, AppMaster, JobView, Occurrence, Timer, flink, text};

/// A job whose end matters, and that Flink does not list any more, is waited for so long: a new JobManager
/// lists what high availability brings back a while after its start.
pub(super) const MISSING: Duration = Duration::from_secs(30);

/// What a session is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSettings {
    /// How many TaskManagers it has.
    pub size: Size,
    /// It ends when it has run no job for so long; `None`: never.
    pub idle_timeout: Option<Duration>,
}

/// How many TaskManagers a session has: at least and at most; what is between follows its jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Also without any job.
    pub min: u32,
    /// However much the jobs need.
    pub max: u32,
}

impl Size {
    /// Whether the number follows the jobs.
    fn follows(self) -> bool {
        self.min != self.max
    }

    /// The same, with at least `min`; one that did not follow its jobs still does not.
    fn scaled(self, min: u32) -> Self {
        Self { min, max: if self.follows() { self.max.max(min) } else { min } }
    }
}

/// A session as it stands.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) size: Size,
    pub(super) idle_timeout: Option<Duration>,
    /// Since when it has run no job, as far as Flink can be asked.
    idle_since: Option<Duration>,
    /// Requests of clients under way that change something.
    uses_under_way: u32,
    /// Since when the job it ends with is not listed.
    missing_since: Option<Duration>,
}

impl Session {
    pub(super) fn new(settings: &SessionSettings, scaled: Option<u32>) -> Self {
        let size = scaled.map_or(settings.size, |min| settings.size.scaled(min));
        Self {
            size,
            idle_timeout: settings.idle_timeout,
            idle_since: None,
            uses_under_way: 0,
            missing_since: None,
        }
    }
}

/// What a client asks of the application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// So many TaskManagers; a session that follows its jobs has at least so many.
    Scale {
        /// The number.
        task_managers: u32,
    },
    /// The session ends with this job.
    StopAfterJob {
        /// 32 hexadecimal digits.
        job_id: String,
    },
    /// The application ends now.
    Shutdown,
}

/// What is done about a [`Request`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To [`Request::Scale`].
    Scaled {
        /// TaskManagers that were wanted before.
        previous: u32,
        /// That are wanted now: jobs may need more than were asked for.
        wanted: u32,
    },
    /// To the others: unfinished jobs that will be cancelled.
    Cancels(Vec<String>),
}

/// Why nothing is done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The end is decided already.
    #[error("the application is ending")]
    Ending,
    /// Flink's REST server has not answered yet.
    #[error("the JobManager is starting, and nobody knows its jobs yet")]
    Starting,
    /// It runs one job.
    #[error("the application runs one job and ends with it anyway")]
    NoSession,
    /// The job's parallelism decides.
    #[error(
        "the application runs one job, whose parallelism decides how many TaskManagers it has\n\
         hint: submit it with -D scheduler-mode=reactive to rescale it while it runs"
    )]
    FixedByJob,
    /// Its jobs would wait for ever.
    #[error(
        "{0} needs at least one TaskManager\nhint: `yarn-flink session stop` or `yarn-flink kill` ends it"
    )]
    Nothing(&'static str),
    /// Whoever has started it has said how many there are at most.
    #[error("the session has at most {0} TaskManagers\nhint: start another one with a larger --max")]
    BeyondMaximum(u32),
    /// Whoever has submitted it has said how many there are at most.
    #[error("the limits of slotmanager.* allow {0} TaskManager(s)")]
    BeyondLimits(u32),
    /// There is no such job.
    #[error("the session has no job {0}")]
    NoSuchJob(String),
}

impl AppMaster {
    /// Decides about a client's request.
    ///
    /// # Errors
    /// [`Refusal`], and then nothing has changed.
    pub fn ask(&mut self, request: Request, now: Duration) -> Result<Reply, Refusal> {
        if self.ending.is_some() || self.exited {
            return Err(Refusal::Ending);
        }
        match request {
            Request::Scale { task_managers } => self.scale(task_managers, now),
            Request::StopAfterJob { job_id } => self.stop_after_job(job_id, now),
            Request::Shutdown => {
                let jobs = self.unfinished(None);
                let outcome = if self.session.is_some() {
                    Outcome::session_finished(text::shut_down(&jobs))
                } else {
                    Outcome { cause: Some(text::shut_down(&[])), ..Outcome::of_job(JobStatus::Canceled) }
                };
                self.end(outcome, now);
                Ok(Reply::Cancels(jobs))
            }
        }
    }

    fn scale(&mut self, task_managers: u32, now: Duration) -> Result<Reply, Refusal> {
        let previous = self.desired();
        match &mut self.session {
            Some(Session { size, .. }) if size.follows() && task_managers > size.max => {
                return Err(Refusal::BeyondMaximum(size.max));
            }
            Some(Session { size, .. }) if !size.follows() && task_managers == 0 => {
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
            // The job rescales: what holds tasks goes as well.
            let excess = self.containers.working().saturating_sub(wanted);
            let stopped = self.containers.take_excess(excess);
            self.stop_containers(stopped);
        }
        self.fit_containers(now);
        Ok(Reply::Scaled { previous, wanted })
    }

    fn stop_after_job(&mut self, job_id: String, now: Duration) -> Result<Reply, Refusal> {
        if self.session.is_none() {
            return Err(Refusal::NoSession);
        }
        let Some(view) = &self.view else { return Err(Refusal::Starting) };
        if !view.jobs.iter().any(|job| job.id == job_id) {
            return Err(Refusal::NoSuchJob(job_id));
        }
        let others = self.unfinished(Some(&job_id));
        self.record.journal.stop_after = Some(job_id);
        self.write_journal(now);
        self.timers.set_at_most(Timer::FlinkPoll, now);
        Ok(Reply::Cancels(others))
    }

    /// Jobs that have not ended, but for `except`.
    pub(super) fn unfinished(&self, except: Option<&str>) -> Vec<String> {
        let jobs = self.view.iter().flat_map(|view| &view.jobs);
        let unfinished = jobs.filter(|job| !job.status.is_terminal() && Some(job.id.as_str()) != except);
        unfinished.map(|job| job.id.clone()).collect()
    }

    /// What a look at Flink means for a session.
    pub(super) fn observe_session(&mut self, now: Duration) {
        self.job_seen.get_or_insert(now);
        self.watch_last_job(now);
        if self.ending.is_some() || self.result_of.is_some() {
            return;
        }
        let idle = self.unfinished(None).is_empty();
        if let Some(session) = &mut self.session {
            let unused = idle && session.uses_under_way == 0;
            session.idle_since = unused.then(|| session.idle_since.unwrap_or(now));
            // Decided here, where a look at Flink has just shown that there is no job, and nowhere else.
            if let (Some(since), Some(timeout)) = (session.idle_since, session.idle_timeout)
                && since + timeout <= now
            {
                return self.end(Outcome::session_finished(text::idle(timeout)), now);
            }
        }
        self.note_shortage(now);
        self.fit_containers(now);
        let young = |job: &JobView| !job.status.is_terminal() && job.tasks_active < job.tasks_total.max(1);
        let waits = self.view.iter().flat_map(|view| &view.jobs).any(young);
        let busy = waits || self.containers.starting() > 0;
        let interval = if busy { flink::POLL_YOUNG } else { flink::POLL_SESSION };
        self.timers.set(Timer::FlinkPoll, now + interval);
    }

    /// Whether the job has ended that the session ends with.
    fn watch_last_job(&mut self, now: Duration) {
        let Some(last) = self.record.journal.stop_after.clone() else { return };
        let status = self.view.iter().flat_map(|view| &view.jobs).find(|job| job.id == last);
        let Some(session) = &mut self.session else { return };
        match status.map(|job| job.status) {
            None => {
                let since = *session.missing_since.get_or_insert(now);
                if since + MISSING <= now {
                    self.end(Outcome::failed(text::last_job_lost(&last)), now);
                }
            }
            Some(status) => {
                session.missing_since = None;
                if status.is_globally_terminal() {
                    self.last_job_ended(last, status, now);
                }
            }
        }
    }

    fn last_job_ended(&mut self, job_id: String, status: JobStatus, now: Duration) {
        let others = self.unfinished(Some(&job_id));
        if status == JobStatus::Failed {
            if self.result_of.is_none() {
                // Its cause is read before anything is shut down.
                self.timers.stop(Timer::FlinkPoll);
                self.result_of = Some(job_id.clone());
                self.actions.push_back(Action::FetchResult { job_id, checkpoints: false });
            }
        } else {
            let cause = text::ended_with(None, &others);
            self.end(Outcome { job: status, of: Some(job_id), cause: Some(cause), settled: true }, now);
        }
    }

    /// The cause of the last job's failure has been read.
    pub(super) fn last_job_failed(&mut self, job_id: String, cause: Option<&str>, now: Duration) {
        let others = self.unfinished(Some(&job_id));
        let cause = text::ended_with(cause, &others);
        let outcome = Outcome::job_failed(cause);
        self.end(Outcome { of: Some(job_id), ..outcome }, now);
    }

    /// A client uploads a jar, or does something else that no job shows yet.
    pub(super) fn used(&mut self, under_way: u32, now: Duration) {
        if let Some(session) = &mut self.session {
            session.uses_under_way = under_way;
            session.idle_since = session.idle_since.map(|_| now);
        }
    }

    /// The JobManager has gone, and with it the knowledge of jobs.
    pub(super) fn forget_idleness(&mut self) {
        if let Some(session) = &mut self.session {
            session.idle_since = None;
        }
    }
}
