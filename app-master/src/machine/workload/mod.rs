//! What runs on the cluster: one job, a program with several, or a session. Each kind defines what differs: what a look at
//! Flink means, when the end has come, and whose end it is.

mod job;
mod program;
mod session;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use yarn_client::cause::{Cause, Subject};
use yarn_client::flink::JobStatus;

pub(super) use job::Job;
pub(super) use program::Program;
pub(super) use session::Session;
pub use session::{SessionSettings, Size};

use super::ending::Outcome;
use super::{Action, AppMaster, CheckpointsView, JobView, Timer};

/// What runs on the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Workload {
    /// One job with this id of 32 hexadecimal digits. The application ends with it.
    Job(String),
    /// A program that executes several jobs, whose ids Flink chooses. The application ends with the last.
    Program,
    /// Jobs that clients submit.
    Session(SessionSettings),
}

impl Workload {
    /// The id of the only job.
    pub fn job_id(&self) -> Option<&str> {
        if let Self::Job(id) = self { Some(id) } else { None }
    }

    /// What the owner of a session has requested.
    pub fn session(&self) -> Option<&SessionSettings> {
        if let Self::Session(settings) = self { Some(settings) } else { None }
    }

    /// Whose end it is when the application ends, unless one job has decided it.
    pub(super) fn subject(&self) -> Subject {
        match self {
            Self::Job(id) => Subject::Job(id.clone()),
            Self::Program => Subject::Program,
            Self::Session(_) => Subject::Session,
        }
    }
}

/// The current state of the workload.
#[derive(Debug)]
pub(super) enum Work {
    Job(Job),
    Program(Program),
    Session(Session),
}

impl Work {
    /// `scaled`: the number that a client requested from an earlier attempt.
    pub(super) fn new(workload: &Workload, scaled: Option<u32>) -> Self {
        match workload {
            Workload::Job(id) => Self::Job(Job::new(id)),
            Workload::Program => Self::Program(Program::default()),
            Workload::Session(settings) => Self::Session(Session::new(settings, scaled)),
        }
    }

    /// The only job, if the workload is one.
    pub(super) fn job(&self) -> Option<&Job> {
        if let Self::Job(job) = self { Some(job) } else { None }
    }

    pub(super) fn job_mut(&mut self) -> Option<&mut Job> {
        if let Self::Job(job) = self { Some(job) } else { None }
    }

    pub(super) fn program_mut(&mut self) -> Option<&mut Program> {
        if let Self::Program(program) = self { Some(program) } else { None }
    }

    pub(super) fn session(&self) -> Option<&Session> {
        if let Self::Session(session) = self { Some(session) } else { None }
    }

    pub(super) fn session_mut(&mut self) -> Option<&mut Session> {
        if let Self::Session(session) = self { Some(session) } else { None }
    }

    pub(super) fn is_program(&self) -> bool {
        matches!(self, Self::Program(_))
    }

    pub(super) fn is_session(&self) -> bool {
        matches!(self, Self::Session(_))
    }

    /// The JobManager is gone, and with it the knowledge about jobs.
    pub(super) fn job_manager_gone(&mut self) {
        if let Self::Session(session) = self {
            session.forget_idleness();
        }
    }

    /// Another JobManager starts.
    pub(super) fn job_manager_begins(&mut self) {
        if let Self::Program(program) = self {
            *program = Program::default();
        }
    }
}

impl AppMaster {
    /// What a look at Flink means.
    pub(super) fn observe_work(&mut self, now: Duration) {
        match &self.work {
            Work::Job(_) => self.observe_job(now),
            Work::Program(_) => self.observe_program(now),
            Work::Session(_) => self.observe_session(now),
        }
    }

    /// All jobs of the last look.
    pub(super) fn jobs(&self) -> impl Iterator<Item = &JobView> {
        self.view.iter().flat_map(|view| &view.jobs)
    }

    pub(super) fn our_job(&self) -> Option<&JobView> {
        let ours = self.work.job()?;
        self.jobs().find(|job| job.id == ours.id)
    }

    /// Jobs that have not ended, other than `except`.
    pub(super) fn unfinished(&self, except: Option<&str>) -> Vec<String> {
        let unfinished =
            self.jobs().filter(|job| !job.status.is_terminal() && Some(job.id.as_str()) != except);
        unfinished.map(|job| job.id.clone()).collect()
    }

    /// Whether `settled` holds for the jobs that matter: the only job, which must be listed, or all that have not
    /// ended.
    pub(super) fn all_jobs(&self, settled: impl Fn(&JobView) -> bool) -> bool {
        match self.work {
            Work::Job(_) => self.our_job().is_some_and(settled),
            Work::Program(_) | Work::Session(_) => {
                self.view.is_some() && self.jobs().all(|job| job.status.is_terminal() || settled(job))
            }
        }
    }

    /// Whether a look has shown which jobs there are. Until then none can be said to need less than there is.
    pub(super) fn knows_jobs(&self) -> bool {
        match self.work {
            Work::Job(_) => self.our_job().is_some(),
            Work::Program(_) => self.jobs().next().is_some(),
            Work::Session(_) => self.view.is_some(),
        }
    }

    /// Counts the slots that all unfinished jobs need, from the last look.
    pub(super) fn count_slots(&mut self) {
        let unfinished = || self.jobs().filter(|job| !job.status.is_terminal());
        match self.work {
            // Known only if every unfinished job's need is, and kept while a new JobManager has not listed ours yet.
            Work::Job(_) if self.our_job().is_some() => {
                let sum: Option<u32> = unfinished().map(|job| job.slots_needed).sum();
                self.slots_needed = sum.or(self.slots_needed);
            }
            Work::Job(_) => {}
            // It has not started any yet.
            Work::Program(_) if self.job_seen.is_none() && !self.knows_jobs() => {}
            Work::Program(_) | Work::Session(_) => {
                let known: u32 = unfinished().filter_map(|job| job.slots_needed).sum();
                // One job's unknown need must not take slots from the others.
                let all_known = unfinished().all(|job| job.slots_needed.is_some());
                let before = self.slots_needed.unwrap_or(0);
                self.slots_needed = Some(if all_known { known } else { known.max(before) });
            }
        }
    }

    /// A job whose failure ends the application has failed: the cause is read before anything is shut down.
    fn read_failure(&mut self, job_id: String) {
        self.timers.stop(Timer::FlinkPoll);
        if self.failed_job.is_none() {
            self.failed_job = Some(job_id.clone());
            let checkpoints = self.work.job().is_some();
            // Answered even if it fails; a JobManager that dies in the meantime ends the wait too.
            self.actions.push_back(Action::FetchResult { job_id, checkpoints });
        }
    }

    /// The cause of the failure has been read.
    pub(super) fn job_result(
        &mut self,
        exceptions: Option<String>,
        checkpoints: Option<CheckpointsView>,
        now: Duration,
    ) {
        let Some(job_id) = self.failed_job.clone() else { return };
        match self.work {
            Work::Job(_) => self.only_job_failed(exceptions, checkpoints, now),
            Work::Program(_) | Work::Session(_) => {
                let cause = exceptions.as_deref().map(Cause::of_exceptions);
                self.one_of_several_failed(job_id, cause, now);
            }
        }
    }

    /// The JobManager ended before the cause was read, and the details are lost with it. The job has failed all the same.
    pub(super) fn failure_unread(&mut self, job_id: String, cause: Cause, now: Duration) {
        match &self.work {
            // Already read, except for the end of a TaskManager's container.
            Work::Job(job) if job.result.is_some() => self.settle_result(now),
            Work::Job(_) => self.end(Outcome::job_failed(cause), now),
            Work::Program(_) | Work::Session(_) => self.one_of_several_failed(job_id, Some(cause), now),
        }
    }

    fn one_of_several_failed(&mut self, job_id: String, cause: Option<Cause>, now: Duration) {
        if self.work.is_session() {
            self.last_job_failed(job_id, cause, now);
        } else {
            self.program_ends_with(job_id, JobStatus::Failed, cause, now);
        }
    }
}
