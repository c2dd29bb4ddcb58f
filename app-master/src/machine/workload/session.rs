//! A cluster for many jobs: how many TaskManagers it has, and when it is over. Its jobs come from clients, through Flink's
//! REST interface.
//!
//! A session ends when its owner says so, with a job named by its owner, or when it has run no job for a while.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use yarn_client::cause::Cause;
use yarn_client::flink::JobStatus;

use super::super::ending::Outcome;
use super::super::{AppMaster, JobView, Timer, flink, text};

/// How long to wait for a job whose end matters and that Flink no longer lists: a new JobManager lists what high
/// availability recovers some time after its start.
pub(super) const MISSING: Duration = Duration::from_secs(30);

/// The parameters of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSettings {
    /// How many TaskManagers it has.
    pub size: Size,
    /// It ends when it has run no job for this long; `None`: never.
    pub idle_timeout: Option<Duration>,
}

/// How many TaskManagers a session has: at least and at most; in between the number follows its jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Even without any job.
    pub min: u32,
    /// However much the jobs need.
    pub max: u32,
}

impl Size {
    /// Whether the number follows the jobs.
    pub(in super::super) fn follows(self) -> bool {
        self.min != self.max
    }

    /// The same size with at least `min`; one that does not follow its jobs stays that way.
    pub(in super::super) fn scaled(self, min: u32) -> Self {
        Self { min, max: if self.follows() { self.max.max(min) } else { min } }
    }
}

/// The current state of a session.
#[derive(Debug)]
pub(in super::super) struct Session {
    pub(in super::super) size: Size,
    pub(in super::super) idle_timeout: Option<Duration>,
    /// Since when it has run no job, as far as Flink can be asked.
    idle_since: Option<Duration>,
    /// Clients' requests under way that change something.
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

    /// The JobManager is gone, and with it the knowledge about jobs.
    pub(super) fn forget_idleness(&mut self) {
        self.idle_since = None;
    }
}

impl AppMaster {
    /// What a look at Flink means for a session.
    pub(super) fn observe_session(&mut self, now: Duration) {
        self.job_seen.get_or_insert(now);
        self.watch_last_job(now);
        let idle = self.unfinished(None).is_empty();
        if let Some(session) = self.work.session_mut() {
            if self.ending.is_some() || self.failed_job.is_some() {
                return;
            }
            let unused = idle && session.uses_under_way == 0;
            session.idle_since = unused.then(|| session.idle_since.unwrap_or(now));
            // Decided only here, where a look at Flink has just shown that there is no job.
            if let (Some(since), Some(timeout)) = (session.idle_since, session.idle_timeout)
                && since + timeout <= now
            {
                return self.end(Outcome::finished().noting(text::idle(timeout)), now);
            }
        }
        self.note_shortage(now);
        self.fit_containers(now);
        let young = |job: &JobView| !job.status.is_terminal() && job.tasks_active < job.tasks_total.max(1);
        let waits = self.jobs().any(young);
        let busy = waits || self.containers.starting() > 0;
        let interval = if busy { flink::POLL_YOUNG } else { flink::POLL_SESSION };
        self.timers.set(Timer::FlinkPoll, now + interval);
    }

    /// Checks whether the job that the session ends with has ended.
    fn watch_last_job(&mut self, now: Duration) {
        let Some(last) = self.record.journal.stop_after.clone() else { return };
        let status = self.jobs().find(|job| job.id == last).map(|job| job.status);
        let Some(session) = self.work.session_mut() else { return };
        match status {
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
            self.read_failure(job_id);
        } else {
            let outcome = Outcome { of: Some(job_id), ..Outcome::of_job(status) };
            self.end(outcome.noting(text::ended_with(&others)), now);
        }
    }

    /// The cause of the last job's failure has been read.
    pub(super) fn last_job_failed(&mut self, job_id: String, cause: Option<Cause>, now: Duration) {
        let others = self.unfinished(Some(&job_id));
        let outcome = Outcome { of: Some(job_id), cause, ..Outcome::of_job(JobStatus::Failed) };
        self.end(outcome.noting(text::ended_with(&others)), now);
    }

    /// A client uploads a jar, or does something else that no job shows yet.
    pub(in super::super) fn used(&mut self, under_way: u32, now: Duration) {
        if let Some(session) = self.work.session_mut() {
            session.uses_under_way = under_way;
            session.idle_since = session.idle_since.map(|_| now);
        }
    }
}
