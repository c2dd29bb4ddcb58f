//! What runs on the cluster: one job, a program with several, or a session. Each kind owns what differs: what a look at Flink
//! means, when the end has come, and whose end it is.

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

use super::{AppMaster, JobView};

/// What the cluster is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Workload {
    /// One job, under this id: 32 hexadecimal digits. The application ends with it.
    Job(String),
    /// A program that executes several jobs, whose ids are Flink's. The application ends with the last.
    Program,
    /// Jobs that clients bring.
    Session(SessionSettings),
}

impl Workload {
    /// The id of the only job.
    pub fn job_id(&self) -> Option<&str> {
        if let Self::Job(id) = self { Some(id) } else { None }
    }

    /// What the owner of a session has asked for.
    pub fn session(&self) -> Option<&SessionSettings> {
        if let Self::Session(settings) = self { Some(settings) } else { None }
    }

    /// Whose end the application's is, unless one job has decided it.
    pub(super) fn subject(&self) -> Subject {
        match self {
            Self::Job(id) => Subject::Job(id.clone()),
            Self::Program => Subject::Program,
            Self::Session(_) => Subject::Session,
        }
    }
}

/// How it stands.
#[derive(Debug)]
pub(super) enum Work {
    Job(Job),
    Program(Program),
    Session(Session),
}

impl Work {
    /// `scaled`: what a client has asked an earlier attempt for.
    pub(super) fn new(workload: &Workload, scaled: Option<u32>) -> Self {
        match workload {
            Workload::Job(id) => Self::Job(Job::new(id)),
            Workload::Program => Self::Program(Program::default()),
            Workload::Session(settings) => Self::Session(Session::new(settings, scaled)),
        }
    }

    /// The only job there is.
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

    /// The job, one of several, whose failure is being read.
    fn result_of(&mut self) -> Option<&mut Option<String>> {
        match self {
            Self::Job(_) => None,
            Self::Program(program) => Some(&mut program.result_of),
            Self::Session(session) => Some(&mut session.result_of),
        }
    }

    /// The JobManager has gone, and what it was asked with it.
    pub(super) fn job_manager_gone(&mut self) {
        if let Some(result_of) = self.result_of() {
            *result_of = None;
        }
        if let Self::Session(session) = self {
            session.forget_idleness();
        }
    }

    /// Another JobManager begins.
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

    /// Jobs that have not ended, but for `except`.
    pub(super) fn unfinished(&self, except: Option<&str>) -> Vec<String> {
        let unfinished =
            self.jobs().filter(|job| !job.status.is_terminal() && Some(job.id.as_str()) != except);
        unfinished.map(|job| job.id.clone()).collect()
    }

    /// Whether `settled` holds for what matters: the only job, which must be listed, or all that have not ended.
    pub(super) fn all_jobs(&self, settled: impl Fn(&JobView) -> bool) -> bool {
        match self.work {
            Work::Job(_) => self.our_job().is_some_and(settled),
            Work::Program(_) | Work::Session(_) => {
                self.view.is_some() && self.jobs().all(|job| job.status.is_terminal() || settled(job))
            }
        }
    }

    /// Whether a look has shown which jobs there are. While it has not, none can be said to need less than there is.
    pub(super) fn knows_jobs(&self) -> bool {
        match self.work {
            Work::Job(_) => self.our_job().is_some(),
            Work::Program(_) => self.jobs().next().is_some(),
            Work::Session(_) => self.view.is_some(),
        }
    }

    /// Slots that all unfinished jobs need, from the last look.
    pub(super) fn count_slots(&mut self) {
        let unfinished = || self.jobs().filter(|job| !job.status.is_terminal());
        match self.work {
            // Known only with every unfinished job, and kept while a new JobManager has not listed ours yet.
            Work::Job(_) if self.our_job().is_some() => {
                let sum: Option<u32> = unfinished().map(|job| job.slots_needed).sum();
                self.slots_needed = sum.or(self.slots_needed);
            }
            Work::Job(_) => {}
            // It has begun none yet.
            Work::Program(_) if self.job_seen.is_none() && !self.knows_jobs() => {}
            Work::Program(_) | Work::Session(_) => {
                let known: u32 = unfinished().filter_map(|job| job.slots_needed).sum();
                // What is not known yet of one job must not take slots from the others.
                let all_known = unfinished().all(|job| job.slots_needed.is_some());
                let before = self.slots_needed.unwrap_or(0);
                self.slots_needed = Some(if all_known { known } else { known.max(before) });
            }
        }
    }

    /// The cause of a job's failure has been read, which a program or a session ends with.
    pub(super) fn one_of_several_failed(&mut self, exceptions: Option<&str>, now: Duration) -> bool {
        let Some(job_id) = self.work.result_of().and_then(Option::take) else { return false };
        let cause = exceptions.map(Cause::of_exceptions);
        if self.work.is_session() {
            self.last_job_failed(job_id, cause, now);
        } else {
            self.program_ends_with(job_id, JobStatus::Failed, cause, now);
        }
        true
    }
}
