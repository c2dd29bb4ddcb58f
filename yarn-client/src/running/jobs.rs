//! The jobs of a running application, a cluster for one job or a session: list, cancel, stop, savepoint.

mod savepoints;

use std::time::Duration;

use proto::control::StatusReply;
use proto::ids::ApplicationId;
use tokio::time::Instant;

pub use savepoints::{OnProgress, dispose, savepoint, stop};

use super::attach::{self, WaitLevel};
use crate::cluster::live::not_live;
use crate::cluster::tags::{is_session, job_of};
use crate::cluster::{ApplicationError, Gateway, JobError, Live, SessionError};
use crate::explain::{Outcome, Verdict};
use crate::flink::JobStatus;
use crate::flink::failure::Failure;
use crate::flink::rest::{Checkpoints, ExceptionEntry, ExecutionResult, JobOverview, RestError};
use crate::yarn::{ApplicationReport, ApplicationState};

/// Pause between two polls.
const PAUSE: Duration = Duration::from_millis(200);
/// Flink reports that a job has ended a while before it can report how (`Dispatcher.requestJobStatus` asks the job's
/// runner as long as there is one).
const RESULT: Duration = Duration::from_secs(10);
/// How long a JobManager may be away: it is restarted, or another attempt of the application follows.
const AWAY: Duration = Duration::from_secs(60);
/// A new JobManager responds before high availability has recovered its jobs.
const MISSING: Duration = Duration::from_secs(30);

/// How a job has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// The state, which is terminal.
    pub state: JobStatus,
    /// Why it failed.
    pub failure: Option<Failure>,
}

impl Ended {
    /// The end of the job that an application ended with, as its master reported it.
    pub fn of_application(report: &ApplicationReport) -> Self {
        let outcome = Outcome::of(report);
        let verdict = outcome.as_ref().map(|outcome| outcome.verdict);
        let state = match outcome.as_ref().and_then(|outcome| outcome.job_state) {
            Some(state) => state,
            None if verdict == Some(Verdict::Killed) => JobStatus::Canceled,
            None => JobStatus::Failed,
        };
        let cause = outcome.and_then(|outcome| outcome.cause).filter(|_| state == JobStatus::Failed);
        Self { state, failure: cause.map(|cause| Failure::from_trace(&cause.text)) }
    }

    /// The end of a job whose application ended before Flink could be asked; `None` if it is not known.
    fn of_job(job: &str, report: &ApplicationReport) -> Option<Self> {
        let named = || Outcome::of(report).and_then(|outcome| outcome.job_id).as_deref() == Some(job);
        if !is_session(report) || named() {
            return Some(Self::of_application(report));
        }
        // A session's last report names the jobs that were cancelled with it.
        let cancelled = report.state == ApplicationState::Killed || report.diagnostics.contains(job);
        cancelled.then_some(Self { state: JobStatus::Canceled, failure: None })
    }
}

/// Repeated requests to Flink about an operation in progress, across restarts of its JobManager and of the application master.
struct Conversation<'a> {
    gateway: &'a Gateway,
    live: Live,
    heard: Instant,
}

/// The outcome of one request.
enum Heard<T> {
    Answer(T),
    /// There is no response at present.
    Nothing,
    /// Flink does not know what the request was about.
    Unknown,
    /// The application has ended in the meantime.
    Ended(Box<ApplicationReport>),
}

impl<'a> Conversation<'a> {
    fn new(gateway: &'a Gateway, live: &Live) -> Self {
        Self { gateway, live: live.clone(), heard: Instant::now() }
    }

    /// # Errors
    /// [`JobError::Rest`] if there has been no response for a minute, or the response is not valid.
    async fn hear<T>(&mut self, answer: Result<T, RestError>) -> Result<Heard<T>, ApplicationError> {
        let error = match answer {
            Ok(answer) => {
                self.heard = Instant::now();
                return Ok(Heard::Answer(answer));
            }
            Err(error) if error.is_not_found() => {
                self.heard = Instant::now();
                return Ok(Heard::Unknown);
            }
            Err(error) => error,
        };
        if !error.is_transient() || self.heard.elapsed() > AWAY {
            return Err(self.live.flink_error(error));
        }
        // A ResourceManager that does not respond either has its own means of recovery.
        let Ok(report) = self.gateway.application(self.live.id()).await else { return Ok(Heard::Nothing) };
        if report.state.is_final() {
            return Ok(Heard::Ended(Box::new(report)));
        }
        if report.attempt != self.live.report.attempt
            && let Ok(live) = self.live.again(self.gateway, report).await
        {
            self.live = live;
        }
        Ok(Heard::Nothing)
    }
}

/// All jobs that Flink lists, including those that have ended.
///
/// # Errors
/// [`JobError::Rest`].
pub async fn list(live: &Live) -> Result<Vec<JobOverview>, ApplicationError> {
    live.flink.jobs_overview().await.map_err(|error| live.flink_error(error))
}

/// Waits until Flink's REST server responds, as long as the application has not ended. `on_wait` is called once when it waits.
///
/// # Errors
/// [`JobError::Rest`] if it does not respond within `limit`, [`ApplicationError::Master`].
pub async fn ready(
    gateway: &Gateway,
    live: &Live,
    limit: Duration,
    on_wait: &mut (dyn FnMut() + Send),
) -> Result<(), ApplicationError> {
    let deadline = Instant::now() + limit;
    let mut waits = false;
    loop {
        match live.flink.overview().await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_transient() && Instant::now() < deadline => {}
            Err(error) => return Err(live.flink_error(error)),
        }
        not_over(gateway, live).await?;
        if !std::mem::replace(&mut waits, true) {
            on_wait();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A ResourceManager that does not respond is no evidence of an end.
async fn not_over(gateway: &Gateway, live: &Live) -> Result<(), ApplicationError> {
    match gateway.application(live.id()).await {
        Ok(report) if report.state.is_final() => Err(not_live(&report)),
        _ => Ok(()),
    }
}

/// Finds a job: the named one, or the only one that has not ended. Waits for a job that its program is about to start;
/// `on_wait` is called once when it does.
///
/// # Errors
/// [`JobError::NoJob`], [`JobError::WhichJob`], [`JobError::NoJobYet`] after `limit`,
/// [`JobError::Rest`], [`ApplicationError::Master`].
pub async fn find(
    gateway: &Gateway,
    live: &Live,
    wanted: Option<&str>,
    limit: Duration,
    on_wait: &mut (dyn FnMut() + Send),
) -> Result<JobOverview, ApplicationError> {
    let deadline = Instant::now() + limit;
    let mut waits = false;
    loop {
        match list(live).await {
            Ok(jobs) if is_to_come(&live.report, &jobs, wanted) => {
                if Instant::now() >= deadline {
                    let (application, why) =
                        (live.id(), "its program is running but has not submitted it".to_owned());
                    return Err(JobError::NoJobYet { application, why }.into());
                }
            }
            Ok(jobs) => return choose(live.id(), jobs, wanted),
            // Its JobManager may have ended with the program.
            Err(error) => {
                not_over(gateway, live).await?;
                return Err(error);
            }
        }
        not_over(gateway, live).await?;
        if !std::mem::replace(&mut waits, true) {
            on_wait();
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Whether the wanted job is one that the application was submitted for, and that has not started yet.
fn is_to_come(report: &ApplicationReport, jobs: &[JobOverview], wanted: Option<&str>) -> bool {
    let own = || job_of(&report.tags);
    let meant = |wanted: &str| own().is_none_or(|job| job.eq_ignore_ascii_case(wanted));
    jobs.is_empty() && !is_session(report) && wanted.is_none_or(meant)
}

pub(super) fn choose(
    application: ApplicationId,
    jobs: Vec<JobOverview>,
    wanted: Option<&str>,
) -> Result<JobOverview, ApplicationError> {
    let mut running: Vec<JobOverview> = jobs.iter().filter(|job| !job.state.is_terminal()).cloned().collect();
    let ids = || running.iter().map(|job| job.id.clone()).collect();
    match wanted {
        Some(wanted) => jobs.into_iter().find(|job| job.id.eq_ignore_ascii_case(wanted)).ok_or_else(|| {
            ApplicationError::Job(JobError::NoJob { application, job: wanted.to_owned(), running: ids() })
        }),
        None if running.len() == 1 => Ok(running.remove(0)),
        None => Err(JobError::WhichJob { application, running: ids() }.into()),
    }
}

/// A running application as its master and Flink see it.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The master's view.
    pub status: StatusReply,
    /// Flink's view, newest first; empty while its REST server does not respond.
    pub jobs: Vec<JobSnapshot>,
}

/// One job of it.
#[derive(Debug, Clone)]
pub struct JobSnapshot {
    /// Its entry in Flink's list.
    pub overview: JobOverview,
    /// Its checkpoints; `None` if it makes none.
    pub checkpoints: Option<Checkpoints>,
    /// The last failure, which it may have survived.
    pub last_exception: Option<ExceptionEntry>,
}

/// Number of jobs whose details are requested: a session may have run thousands.
const DETAILED: usize = 20;

/// Asks the master, and Flink about its jobs.
///
/// # Errors
/// [`ApplicationError::Master`]. What Flink does not return is left out.
pub async fn snapshot(live: &Live) -> Result<Snapshot, ApplicationError> {
    let (status, jobs) = tokio::join!(live.status(), live.flink.jobs_overview());
    let mut jobs = jobs.unwrap_or_default();
    jobs.sort_by_key(|job| (job.state.is_terminal(), std::cmp::Reverse(job.start_ms)));
    jobs.truncate(DETAILED);
    let detailed = jobs.into_iter().map(async |overview| {
        let (checkpoints, exceptions) =
            tokio::join!(live.flink.checkpoints(&overview.id), live.flink.exceptions(&overview.id));
        let last_exception = exceptions.unwrap_or_default().entries.into_iter().next();
        JobSnapshot { overview, checkpoints: checkpoints.ok(), last_exception }
    });
    Ok(Snapshot { status: status?, jobs: futures::future::join_all(detailed).await })
}

/// Cancels a job and waits for its end.
///
/// # Errors
/// As [`wait`].
pub async fn cancel(gateway: &Gateway, live: &Live, job: &str) -> Result<Ended, ApplicationError> {
    live.flink.cancel(job).await.map_err(|error| live.flink_error(error))?;
    wait(gateway, live, job, &mut |_| {}).await
}

/// Waits for the end of a job. `on_change` is called with each new state.
///
/// # Errors
/// [`JobError::Rest`] if Flink cannot be reached for a minute, [`JobError::JobLost`] if it has forgotten the job,
/// [`SessionError::SessionEnded`] if the session was over before the job's end could be read.
pub async fn wait(
    gateway: &Gateway,
    live: &Live,
    job: &str,
    on_change: &mut (dyn FnMut(JobStatus) + Send),
) -> Result<Ended, ApplicationError> {
    let mut conversation = Conversation::new(gateway, live);
    let mut last = None;
    let mut missing = None;
    loop {
        let answer = conversation.live.flink.job_status(job).await;
        match conversation.hear(answer).await? {
            Heard::Answer(state) => {
                missing = None;
                if last != Some(state) {
                    last = Some(state);
                    on_change(state);
                }
                if state.is_globally_terminal() {
                    return Ok(Ended { state, failure: failure(&conversation.live, job).await });
                }
            }
            Heard::Unknown => {
                if missing.get_or_insert_with(Instant::now).elapsed() > MISSING {
                    return Err(JobError::JobLost { application: live.id(), job: job.to_owned() }.into());
                }
            }
            Heard::Nothing => {}
            Heard::Ended(report) => {
                let (application, job, state) = (live.id(), job.to_owned(), report.state.name().to_owned());
                return Ended::of_job(&job, &report).ok_or(ApplicationError::Session(
                    SessionError::SessionEnded { application, job, state },
                ));
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Waits for the end of a session that ends with a job: its application master then reports how the job ended.
///
/// # Errors
/// As [`attach::wait`].
pub async fn wait_with_session(gateway: &Gateway, id: ApplicationId) -> Result<Ended, ApplicationError> {
    let rm = &gateway.resource_manager;
    let report = attach::wait(rm, id, WaitLevel::Finished, None, None, &mut |_| {}).await?;
    Ok(Ended::of_application(&report))
}

/// Why an ended job has failed; `None` also if Flink does not say.
async fn failure(live: &Live, job: &str) -> Option<Failure> {
    let deadline = Instant::now() + RESULT;
    loop {
        match live.flink.execution_result(job).await {
            Ok(ExecutionResult::Completed { failure, .. }) => return failure,
            Ok(ExecutionResult::InProgress) if Instant::now() < deadline => {}
            _ => return None,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests;
