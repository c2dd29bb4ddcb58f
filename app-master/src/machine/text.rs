//! The texts about an end, a wait and a loss: the cause with its code, its sentence and the next step.

use std::time::Duration;

use yarn_client::cause::{Cause, CauseCode, Ending, ONE_JOB, Subject, TaskManagerEnd};
use yarn_client::counted;
use yarn_client::flink::JobStatus;

use super::containers::Failure;
use super::ending::Outcome;
use super::{CheckpointsView, Exit, Settings};

/// The whole text of the final report.
pub(super) fn diagnostics(
    settings: &Settings,
    outcome: &Outcome,
    checkpoints: Option<&CheckpointsView>,
) -> String {
    let subject = outcome.of.clone().map_or_else(|| settings.workload.subject(), Subject::Job);
    let checkpoint = kept(outcome, checkpoints);
    let mut notes = outcome.notes.clone();
    if settings.recovers && !outcome.settled {
        notes.push("the job's high availability data was not removed".to_owned());
    }
    let cause = outcome.cause.clone().map(|cause| match checkpoint {
        Some(path) => cause.going_on_from(path),
        None => cause,
    });
    let checkpoint = checkpoint.map(str::to_owned);
    Ending { subject, state: outcome.job, cause, notes, checkpoint }.write()
}

/// The newest checkpoint, if it is still there after the end.
fn kept<'a>(outcome: &Outcome, checkpoints: Option<&'a CheckpointsView>) -> Option<&'a str> {
    let Some(CheckpointsView::On { path, .. }) = checkpoints else { return None };
    let path = path.as_deref().filter(|_| keeps(outcome, checkpoints))?;
    // One that Flink could not find is of no use for resuming.
    let missing = outcome.cause.as_ref().is_some_and(|cause| {
        cause.text.contains(path) || cause.evidence.iter().any(|line| line.contains(path))
    });
    (!missing).then_some(path)
}

/// Whether checkpoints, if there are any, stay after this end.
pub(super) fn keeps(outcome: &Outcome, checkpoints: Option<&CheckpointsView>) -> bool {
    match (outcome.job, checkpoints) {
        (JobStatus::Finished, _) | (_, Some(CheckpointsView::Off)) => false,
        (JobStatus::Canceled, checkpoints) => {
            matches!(checkpoints, Some(CheckpointsView::On { kept: Some(true), .. }))
        }
        _ => true,
    }
}

pub(super) fn job_passed_over() -> Cause {
    let text =
        "the program executed more than one job: the first one finished, and Flink did not run the others";
    Cause::new(CauseCode::JobFailed, text).hint(ONE_JOB)
}

pub(super) fn shut_down(cancelled: &[String]) -> String {
    format!("shut down by a client{}", cancelled_with_it(cancelled))
}

pub(super) fn idle(timeout: Duration) -> String {
    format!("no job has run for {} s", timeout.as_secs())
}

/// The note beside the end of the job that a session was to end with.
pub(super) fn ended_with(others: &[String]) -> String {
    format!("the session was started to end with this job{}", cancelled_with_it(others))
}

/// The ends of the jobs of a program that has executed several.
pub(super) fn several(jobs: &[(String, JobStatus)]) -> String {
    let list: Vec<_> = jobs.iter().map(|(id, status)| format!("{id} {status}")).collect();
    format!("{}: {}", counted(u32::try_from(jobs.len()).unwrap_or(u32::MAX), "job"), list.join(", "))
}

fn cancelled_with_it(jobs: &[String]) -> String {
    if jobs.is_empty() { String::new() } else { format!("; cancelled: {}", jobs.join(", ")) }
}

pub(super) fn last_job_lost(job_id: &str) -> Cause {
    let text = format!(
        "job {job_id}, which the session was to end with, was lost with a JobManager: Flink no longer lists it"
    );
    Cause::new(CauseCode::JobManagerFailed, text)
        .hint("set `high-availability.type: zookeeper`, so that a session's jobs survive the loss of its JobManager")
}

/// A program for Flink 2.3 and later that has executed nothing.
pub(super) fn no_job() -> String {
    "its program ran no job".to_owned()
}

/// A container whose TaskManager Flink has dropped.
pub(super) fn unlisted(silent: Duration) -> String {
    format!(
        "was still running but was stopped, because Flink had received no heartbeat from it for {} s",
        silent.as_secs()
    )
}

/// Why a JobManager was killed.
pub(super) fn unresponsive(silent: Duration) -> String {
    format!("it did not respond for {} s and was killed", silent.as_secs())
}

/// Flink's REST server does not answer.
pub(super) fn no_answer(cause: &str) -> Cause {
    let text = format!("Flink's REST server is not responding: {cause}");
    Cause::new(CauseCode::JobManagerStarting, text)
        .hint("wait a few seconds; if it persists, see its log: `yarn-flink logs --am`")
}

/// Why a session's jobs wait for slots.
pub(super) fn beyond_size(slots: u32, demand: u32, most: u32) -> Cause {
    let text = format!(
        "its jobs need {}, that is {}, but the session may have {most}",
        counted(slots, "slot"),
        counted(demand, "TaskManager")
    );
    Cause::new(CauseCode::NoSlots, text).hint(
        "wait until other jobs of the session end, or run this one in a session with a larger `--max` or on its own cluster",
    )
}

/// Why a job waits for slots.
pub(super) fn beyond_limits(slots: u32, demand: u32, most: u32) -> Cause {
    let text = format!(
        "`slotmanager.*` limits the job to {}, but it needs {}, that is {}",
        counted(most, "TaskManager"),
        counted(slots, "slot"),
        counted(demand, "TaskManager"),
    );
    Cause::new(CauseCode::SlotsLimited, text).hint(
        "raise `slotmanager.number-of-slots.max` or `slotmanager.max-total-resource.*`, or lower the parallelism, and submit again",
    )
}

/// Requested containers that have not been given.
pub(super) fn not_given(missing: u32, wanted: u32) -> String {
    format!("the ResourceManager has not yet allocated {missing} of {wanted} TaskManager containers")
}

/// The exception that ends a JobManager without a program. Two of Flink's threads see it, and the first chooses the exit code: 2
/// (`ClusterEntrypoint.onFatalError`) or 239 (`FatalExitExceptionHandler`).
const NO_PROGRAM: &str = "ApplicationExecutionException";

/// Why a job cannot resume from a checkpoint.
pub(super) const NO_CHECKPOINTS: &str = "the job has no checkpointing";
pub(super) const SEVERAL_JOBS: &str = "its program executes several jobs";
pub(super) const CHECKPOINTS_UNKNOWN: &str = "no checkpoint of its job is known";
pub(super) const CHECKPOINTS_IN_MEMORY: &str =
    "its checkpoints were in the memory of the JobManager (execution.checkpointing.dir is not set)";
pub(super) const CHECKPOINTS_LOST: &str = "none of its checkpoints still exists";

const NOT_AGAIN: &str = "it was not restarted, because it might repeat its work";
const FROM_CHECKPOINTS: &str = "enable checkpointing (`execution.checkpointing.interval` and `execution.checkpointing.dir`), or allow a restart from \
     scratch with `--restart-from-scratch`; to resume from a savepoint, submit again with `-s PATH`";

pub(super) fn lost_attempt(missing: &str) -> Cause {
    lost(CauseCode::AttemptLost, "the application master of an earlier attempt", missing)
}

/// The same when this attempt's own JobManager was lost.
pub(super) fn lost_job_manager(missing: &str) -> Cause {
    lost(CauseCode::JobManagerFailed, "the JobManager", missing)
}

fn lost(code: CauseCode, what: &str, missing: &str) -> Cause {
    let text = format!("{what} was lost after the program had started, and {missing}; {NOT_AGAIN}");
    Cause::new(code, text).hint(FROM_CHECKPOINTS)
}

pub(super) fn staging_gone() -> Cause {
    Cause::new(
        CauseCode::StagingGone,
        "the application's staging directory is gone: the application is being killed, or the directory was removed",
    )
}

pub(super) fn file_system(cause: &str) -> Cause {
    let text =
        format!("the file system with the application's files has not responded for 10 minutes: {cause}");
    Cause::new(CauseCode::FileSystemUnreachable, text)
}

pub(super) fn losses(losses: &[&Failure]) -> Cause {
    let text = format!("{} TaskManagers were lost within 10 minutes", losses.len());
    again_and_again(text, losses.last().copied(), CauseCode::TaskManagersLost)
}

pub(super) fn start_failures(failures: &[Failure]) -> Cause {
    let text = format!("{} TaskManager containers in a row ended before they registered", failures.len());
    let cause = again_and_again(text, failures.last(), CauseCode::TaskManagersFailToStart);
    let mut nodes: Vec<_> = failures.iter().map(|failure| failure.node.host.as_str()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    match (nodes.as_slice(), failures.len() > 1) {
        ([node], true) => cause.because(format!("all of them on node {node}")),
        _ => cause,
    }
}

fn again_and_again(text: String, last: Option<&Failure>, general: CauseCode) -> Cause {
    let cause = match last {
        Some(last) => {
            let told = format!("{text}; the last, {} on {}, {}", last.id, last.node, last.cause);
            last.end().ends_application(told, general)
        }
        None => Cause::new(general, text),
    };
    match cause.hint {
        Some(_) => cause,
        None => {
            cause.hint("see their logs (`taskmanager.log`, `taskmanager.stderr`): `yarn-flink logs <id>`")
        }
    }
}

impl Failure {
    /// What it means for the application.
    pub(super) fn end(&self) -> TaskManagerEnd<'_> {
        TaskManagerEnd { words: &self.cause, code: self.code }
    }
}

pub(super) fn too_large(wanted_mib: u64, maximum_mib: u64) -> Cause {
    let text = format!(
        "a TaskManager needs a container of {wanted_mib} MiB, but the largest one the cluster allows at present is {maximum_mib} MiB"
    );
    Cause::new(CauseCode::AskLargerThanMaximum, text).hint(
        "lower `taskmanager.memory.process.size` (`-tm`), or raise `yarn.scheduler.maximum-allocation-mb`; the job continues by \
         itself once there is a larger node",
    )
}

pub(super) fn refused(cause: &str) -> Cause {
    let text = format!("the ResourceManager refused the request for TaskManager containers: {cause}");
    Cause::new(CauseCode::AskRefused, text)
}

/// The same, as long as the ResourceManager may change its mind.
pub(super) fn refuses(cause: &str) -> Cause {
    let text = format!("the ResourceManager refuses the request for TaskManager containers: {cause}");
    Cause::new(CauseCode::AskRefused, text).hint(
        "correct what the ResourceManager rejects and submit again; if it accepts the request later, the job continues by itself",
    )
}

pub(super) fn cluster_too_small(
    slots: u32,
    wanted: u32,
    settings: &Settings,
    most: Option<u32>,
    cluster: &str,
) -> Cause {
    let text = format!(
        "the job needs {}, that is {} of {} MiB with {} each, but the whole cluster can hold {} beside this \
         application master ({cluster})",
        counted(slots, "slot"),
        counted(wanted, "TaskManager"),
        settings.task_manager_mib,
        counted(settings.slots, "slot"),
        most.map_or_else(|| "fewer".to_owned(), |n| n.to_string()),
    );
    Cause::new(CauseCode::ClusterTooSmall, text).hint(
        "lower the parallelism, or use smaller TaskManagers or more slots per TaskManager (`-ys`); the job continues by itself \
         once there are more nodes",
    )
}

pub(super) fn failed_after_job(exceptions: Option<&str>) -> Cause {
    const TEXT: &str = "the program failed after its job had finished";
    match exceptions.map(Cause::of_exceptions) {
        Some(cause) => {
            let text = format!("{TEXT}: {}", cause.text);
            Cause { code: CauseCode::JobFailed, text, ..cause }
        }
        None => Cause::new(CauseCode::JobFailed, TEXT),
    }
}

/// The program has ended the JobManager with `System.exit` after its job had finished.
pub(super) fn exited_after_job(code: i32) -> Cause {
    let text = format!("the program called `System.exit({code})` after its job had finished");
    Cause::new(CauseCode::JobFailed, text)
}

/// The same before that.
pub(super) fn exited(code: i32, stage: Stage) -> Cause {
    Cause::new(CauseCode::JobFailed, format!("the program called `System.exit({code})` {}", stage.words()))
        .hint("let `main()` return, or wait for the job (`execute()`) before exiting")
}

/// How far the job was when its JobManager ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    BeforeJob,
    /// It had served a session.
    Session,
    /// It had run a program with several jobs.
    Program,
    /// Seen by an earlier JobManager, not listed by this one.
    Returning,
    Job(JobStatus),
    /// A job whose failure ends the application had failed, and its cause was being read.
    JobFailed,
}

impl Stage {
    fn words(self) -> String {
        match self {
            Self::Job(status) => format!("while the job was {status}"),
            Self::JobFailed => "before it could be asked why the job had failed".to_owned(),
            Self::Returning => "before the job was running again".to_owned(),
            Self::Session => "while the session ran".to_owned(),
            Self::Program => "while the program ran".to_owned(),
            Self::BeforeJob => "before the job had started".to_owned(),
        }
    }
}

/// How a JobManager ended for good.
#[derive(Debug, Clone, Copy)]
pub(super) struct LastEnd<'a> {
    pub(super) stage: Stage,
    /// Why it could not be restarted, if its death would have allowed it.
    pub(super) missing: Option<&'a str>,
    /// How many JobManagers this attempt has started.
    pub(super) starts: u32,
}

/// The text for a missing program.
pub(super) fn no_program(exceptions: &str) -> String {
    format!("the program cannot be loaded: {exceptions}")
}

/// The program cannot be loaded.
pub(super) fn not_loaded(exceptions: &str, last: LastEnd<'_>) -> Cause {
    let (root, rest) = exceptions.split_once('\n').unwrap_or((exceptions, ""));
    let cause = Cause::new(CauseCode::ProgramNotLoaded, no_program(root)).hint(
        "check the jar and the class (`-c`), and that the jar, or `-C`, provides everything the class needs",
    );
    last.not_started_again(rest.lines().fold(cause, Cause::because))
}

pub(super) fn job_manager_exit(exit: Exit, exceptions: Option<&str>, last: LastEnd<'_>) -> Cause {
    let stage = last.stage.words();
    let told = exceptions.map(Cause::of_exceptions);
    let (code, text) = match exit {
        Exit::Code(2 | 239) if exceptions.is_some_and(|told| told.contains(NO_PROGRAM)) => {
            (CauseCode::JobFailed, format!("the program failed {stage}"))
        }
        // The exit code of the shell around it: 128 and the signal's number.
        Exit::Code(code @ (137 | 143)) => {
            (CauseCode::JobManagerKilled, format!("the JobManager exited with code {code} {stage}"))
        }
        Exit::Signal(signal) => {
            (CauseCode::JobManagerKilled, format!("the JobManager was killed by signal {signal} {stage}"))
        }
        Exit::Code(code) => {
            let text = match code {
                0 => {
                    format!(
                        "the JobManager exited by itself {stage}: the program may have called `System.exit(0)`"
                    )
                }
                1 => format!("the JobManager could not start (exit code 1) {stage}"),
                // An uncaught error in the cluster entry point: in the program, or in something that Flink depends on.
                2 => format!("the JobManager exited on a fatal error (exit code 2) {stage}"),
                3 => format!("the JobManager ran out of memory (exit code 3) {stage}"),
                code => format!("the JobManager exited with code {code} {stage}"),
            };
            // A JobManager that could not start says why.
            let specific = told.as_ref().map(|told| told.code).filter(|code| *code != CauseCode::JobFailed);
            (specific.unwrap_or(CauseCode::JobManagerFailed), text)
        }
    };
    let mut cause = match told {
        Some(told) => {
            let text = format!("{text}: {}", told.text);
            Cause { code, text, ..told }
        }
        None => Cause::new(code, text),
    };
    if cause.hint.is_none() && matches!(exit, Exit::Signal(_) | Exit::Code(3 | 137 | 143)) {
        cause = cause.hint("if the node ran out of memory, raise `jobmanager.memory.process.size`");
    }
    last.not_started_again(cause)
}

/// The same for one that hung.
pub(super) fn job_manager_silent(silent: Duration, last: LastEnd<'_>) -> Cause {
    let text = format!(
        "the JobManager did not respond for {} s and was killed {}",
        silent.as_secs(),
        last.stage.words()
    );
    let cause = Cause::new(CauseCode::JobManagerUnresponsive, text)
        .hint("see the thread dump at the end of `jobmanager.out`, if it could still write one");
    last.not_started_again(cause)
}

impl LastEnd<'_> {
    fn not_started_again(self, mut cause: Cause) -> Cause {
        if self.starts > 1 {
            cause = cause.because(format!("it had been started {} times", self.starts));
        }
        match (self.missing, self.stage) {
            (Some(missing), Stage::Job(_) | Stage::Returning) => {
                let hint = match &cause.hint {
                    Some(hint) => format!("{hint}; {FROM_CHECKPOINTS}"),
                    None => FROM_CHECKPOINTS.to_owned(),
                };
                cause.because(format!("{missing}; {NOT_AGAIN}")).hint(hint)
            }
            _ => cause,
        }
    }
}
