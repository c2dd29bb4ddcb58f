//! The sentences people read in the ResourceManager's report. The first line names the job, its state and the
//! cause; a `hint:` line follows where there is something to do.

use std::fmt::Write as _;
use std::time::Duration;

use yarn_client::flink::JobStatus;
use yarn_client::flink::failure::{NOT_LOADED, is_chatter};

use super::containers::Failure;
use super::ending::Outcome;
use super::{CheckpointsView, Exit, Settings};

/// The ResourceManager keeps 64 KiB of an attempt's diagnostics and drops the beginning of longer ones.
const LIMIT: usize = 16 * 1024;

/// The whole text of the final report.
pub(super) fn diagnostics(
    settings: &Settings,
    outcome: &Outcome,
    checkpoints: Option<&CheckpointsView>,
) -> String {
    let mut text = match (&outcome.of, &settings.session) {
        (Some(job_id), _) => format!("Job {job_id} {}", outcome.job),
        (None, Some(_)) => format!("Session {}", outcome.job),
        (None, None) if settings.multi_job => format!("Program {}", outcome.job),
        (None, None) => format!("Job {} {}", settings.job_id, outcome.job),
    };
    if let Some(cause) = &outcome.cause {
        let _ = write!(text, ": {}", cause.trim());
        if let Some(hint) = program_hint(cause) {
            let _ = write!(text, "\nhint: {hint}");
        }
    }
    if text.len() > LIMIT {
        let end = (0..=LIMIT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    if let Some(path) = kept(outcome, checkpoints) {
        add_checkpoint(&mut text, path, outcome.job);
    }
    if settings.recovers && !outcome.settled {
        text.push_str("\nnote: what Flink's high availability has kept of the job was not removed");
    }
    text
}

/// The newest checkpoint, where it is still there after the end.
fn kept<'a>(outcome: &Outcome, checkpoints: Option<&'a CheckpointsView>) -> Option<&'a str> {
    let Some(CheckpointsView::On { path, .. }) = checkpoints else { return None };
    // What Flink could not find is none to go on from.
    let missing = |path: &&str| outcome.cause.as_ref().is_some_and(|cause| cause.contains(*path));
    path.as_deref().filter(|_| keeps(outcome, checkpoints)).filter(|path| !missing(path))
}

/// Whether checkpoints, where there are any, stay after this end.
pub(super) fn keeps(outcome: &Outcome, checkpoints: Option<&CheckpointsView>) -> bool {
    match (outcome.job, checkpoints) {
        (JobStatus::Finished, _) | (_, Some(CheckpointsView::Off)) => false,
        (JobStatus::Canceled, checkpoints) => {
            matches!(checkpoints, Some(CheckpointsView::On { kept: Some(true), .. }))
        }
        _ => true,
    }
}

/// Says where it is, and how to go on from it: in the hint, where there is one.
fn add_checkpoint(text: &mut String, path: &str, job: JobStatus) {
    let hint = text.rfind("\nhint: ").map(|at| at + 1);
    let end = hint.map(|at| text[at..].find('\n').map_or(text.len(), |length| at + length));
    if job != JobStatus::Canceled {
        match end {
            Some(end) => text.insert_str(
                end,
                &format!("; to go on from the newest checkpoint, submit again with -s {path}"),
            ),
            None => text.push_str(&format!(
                "\nhint: to go on from the newest checkpoint, submit again with -s {path}"
            )),
        }
    }
    text.push_str(&format!("\ncheckpoint: {path}"));
}

/// Whether the words for a JobManager's end are those for a mistake in the program: it would be made again.
pub(super) fn is_programs_mistake(cause: &str) -> bool {
    program_hint(cause).is_some()
}

/// What to do about mistakes of programs that Flink describes without saying what would be right.
fn program_hint(cause: &str) -> Option<&'static str> {
    const ONE_JOB: &str =
        "run it with --multi-job, or build everything into one job (several sinks, or a StatementSet)";
    if cause.contains("\nhint: ") {
        return None;
    }
    // Texts of ApplicationDispatcherBootstrap, StreamContextEnvironment and UserSystemExitException.
    [
        ("contains no execute() calls", "end main() with execute() of the StreamExecutionEnvironment"),
        ("Cannot have more than one execute()", ONE_JOB),
        (PASSED_OVER, ONE_JOB),
        (
            "UserSystemExitException",
            "the program called System.exit: let main() return instead, or throw an exception when it has failed",
        ),
    ]
    .into_iter()
    .find_map(|(text, hint)| cause.contains(text).then_some(hint))
}

const PASSED_OVER: &str = "the program executed more than one job";

pub(super) fn job_passed_over() -> String {
    format!("{PASSED_OVER}: the first one finished, Flink did not run the others")
}

pub(super) fn shut_down(cancelled: &[String]) -> String {
    format!("shut down by a client{}", cancelled_with_it(cancelled))
}

pub(super) fn idle(timeout: Duration) -> String {
    format!("no job has run for {} s", timeout.as_secs())
}

/// The end of the job that a session was to end with.
pub(super) fn ended_with(cause: Option<&str>, others: &[String]) -> String {
    let note = format!("the session ended with this job, as it was told{}", cancelled_with_it(others));
    match cause {
        Some(cause) => format!("{}\nnote: {note}", cause.trim_end()),
        None => note,
    }
}

/// What became of the jobs of a program that has executed several.
pub(super) fn several(cause: Option<&str>, jobs: &[(String, JobStatus)]) -> String {
    let list: Vec<_> = jobs.iter().map(|(id, status)| format!("{id} {status}")).collect();
    let list = format!("{} jobs: {}", jobs.len(), list.join(", "));
    match cause {
        Some(cause) => format!("{}\nnote: {list}", cause.trim_end()),
        None => list,
    }
}

fn cancelled_with_it(jobs: &[String]) -> String {
    if jobs.is_empty() { String::new() } else { format!("; cancelled: {}", jobs.join(", ")) }
}

pub(super) fn last_job_lost(job_id: &str) -> String {
    format!(
        "job {job_id}, which the session was to end with, was lost with a JobManager: Flink does not list it any more\n         hint: with high-availability.type: zookeeper the jobs of a session outlive its JobManager"
    )
}

/// A program of Flink 2.3 and later that has executed nothing.
pub(super) fn no_job() -> String {
    "its program has run no job".to_owned()
}

/// A container whose TaskManager Flink has dropped.
pub(super) fn unlisted(silent: Duration) -> String {
    format!("was stopped although it ran, because Flink has lost it: no heartbeat for {} s", silent.as_secs())
}

/// Why a JobManager was killed.
pub(super) fn unresponsive(silent: Duration) -> String {
    format!("it did not answer for {} s and was killed", silent.as_secs())
}

/// Flink's REST server is asked in vain.
pub(super) fn no_answer(cause: &str) -> String {
    format!("Flink's REST server gives no answer: {cause}")
}

/// Why a session's jobs wait for slots.
pub(super) fn beyond_size(slots: u32, demand: u32, most: u32) -> String {
    format!("its jobs need {slots} slots, that is {demand} TaskManagers, but the session may have {most}")
}

/// Why a job waits for slots.
pub(super) fn beyond_limits(slots: u32, demand: u32, most: u32) -> String {
    format!(
        "the limits of slotmanager.* allow {most} TaskManager(s), and the job needs {slots} slots, that is {demand} TaskManagers"
    )
}

/// Containers that are asked for.
pub(super) fn not_given(missing: u32, wanted: u32) -> String {
    format!("the ResourceManager has not yet given {missing} of {wanted} TaskManager containers")
}

/// What ends a JobManager whose program is none. Two of Flink's threads hear of it, and whichever is first chooses the exit code:
/// 2 (`ClusterEntrypoint.onFatalError`) or 239 (`FatalExitExceptionHandler`).
const NO_PROGRAM: &str = "ApplicationExecutionException";

/// Why a job cannot go on from a checkpoint.
pub(super) const NO_CHECKPOINTS: &str = "the job makes no checkpoints";
pub(super) const SEVERAL_JOBS: &str = "its program executes several jobs";
pub(super) const CHECKPOINTS_UNKNOWN: &str = "nothing is known of any checkpoint of its job";
pub(super) const CHECKPOINTS_IN_MEMORY: &str =
    "its checkpoints were in the memory of the JobManager (execution.checkpointing.dir is not set)";
pub(super) const CHECKPOINTS_LOST: &str = "none of its checkpoints is left where they were";

const NOT_AGAIN: &str = "it was not started again, because it might do its work twice";
const FROM_CHECKPOINTS: &str = "turn checkpoints on (execution.checkpointing.interval, execution.checkpointing.dir), or allow a new beginning \
     with --restart-from-scratch; to continue from a savepoint, submit again with -s PATH";

pub(super) fn lost_attempt(missing: &str) -> String {
    lost("the application master of an earlier attempt", missing)
}

/// The same when this attempt's own JobManager was lost.
pub(super) fn lost_job_manager(missing: &str) -> String {
    lost("the JobManager", missing)
}

fn lost(what: &str, missing: &str) -> String {
    format!(
        "{what} was lost after the program had started, and {missing}; {NOT_AGAIN}\nhint: {FROM_CHECKPOINTS}"
    )
}

pub(super) fn staging_gone() -> String {
    "the application's staging directory is gone: the application is being killed, or somebody has removed it"
        .to_owned()
}

pub(super) fn file_system(cause: &str) -> String {
    format!("the file system with the application's files has not answered for 10 minutes: {cause}")
}

pub(super) fn losses(losses: &[&Failure]) -> String {
    let mut text = format!("{} TaskManagers were lost within 10 minutes", losses.len());
    if let Some(last) = losses.last() {
        let _ = write!(text, "; the last, {} on {}, {}", last.id, last.node, last.cause);
    }
    text.push_str(LOGS_HINT);
    text
}

/// What became of the container behind a job's failure, and the code that `explain` shows for it.
pub(super) fn loss_note(loss: &Failure) -> String {
    let mut text = format!("\nnote: container {} on {} {}", loss.id, loss.node, loss.cause);
    if let Some(code) = loss.code {
        let _ = write!(text, "\ncause: {code}");
    }
    text
}

const LOGS_HINT: &str =
    "\nhint: their logs (taskmanager.log, taskmanager.stderr) say more; `yarn-flink logs <id>` prints them";

pub(super) fn too_large(wanted_mib: u64, maximum_mib: u64) -> String {
    format!(
        "a TaskManager needs a container of {wanted_mib} MiB, but the largest one the cluster gives at present is {maximum_mib} MiB\n\
         hint: lower taskmanager.memory.process.size, or raise yarn.scheduler.maximum-allocation-mb"
    )
}

pub(super) fn refused(cause: &str) -> String {
    format!("the ResourceManager refused to give TaskManager containers: {cause}")
}

/// The same, as long as it may change its mind.
pub(super) fn refuses(cause: &str) -> String {
    format!("the ResourceManager refuses to give TaskManager containers: {cause}")
}

/// What a NodeManager says about a container's end, on one line: without its frame (`ContainerImpl`,
/// `DefaultContainerExecutor`), which says the same for every container, and without the dump of the process tree that
/// follows a container killed for its memory.
pub(super) fn container_end(diagnostics: &str) -> String {
    const FRAME: [&str; 8] = [
        "Exception from container-launch",
        "Container id: ",
        "Exit code: ",
        "Exception message: ",
        "Shell output: ",
        "Shell error output: ",
        "Container exited with a non-zero exit code",
        "Last 4096 bytes of ",
    ];
    const DUMP: &str = "Dump of the process-tree";
    const LINES: usize = 4;
    const LENGTH: usize = 300;
    let mut kept: Vec<String> = Vec::new();
    for line in diagnostics.lines() {
        // `[2026-11-22 20:05:40.095]`
        let dated = line.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let text = match dated {
            Some((date, rest)) if date.starts_with(|c: char| c.is_ascii_digit()) => rest,
            _ => line,
        };
        let text = text.trim();
        if text.starts_with(DUMP) {
            break;
        }
        if text.is_empty() || is_chatter(text) || FRAME.iter().any(|frame| text.starts_with(frame)) {
            continue;
        }
        let text: String = text.chars().take(LENGTH).collect();
        if !kept.contains(&text) {
            kept.push(text);
        }
    }
    // The last lines of a long error output tell more than its first ones.
    kept.drain(..kept.len().saturating_sub(LINES));
    kept.join("; ")
}

pub(super) fn start_failures(failures: &[Failure]) -> String {
    let mut text =
        format!("{} TaskManager containers in a row ended before they had registered", failures.len());
    if let Some(last) = failures.last() {
        let _ = write!(text, "; the last, {} on {}, {}", last.id, last.node, last.cause);
    }
    let mut nodes: Vec<_> = failures.iter().map(|failure| failure.node.host.as_str()).collect();
    nodes.sort_unstable();
    nodes.dedup();
    if let ([node], true) = (nodes.as_slice(), failures.len() > 1) {
        let _ = write!(text, "\nall of them on node {node}");
    }
    text.push_str(LOGS_HINT);
    text
}

pub(super) fn cluster_too_small(
    slots: u32,
    wanted: u32,
    settings: &Settings,
    most: Option<u32>,
    cluster: &str,
) -> String {
    format!(
        "the job needs {slots} slots, that is {wanted} TaskManagers of {} MiB with {} slot(s) each, but the whole \
         cluster can hold {} beside this application master ({cluster})\n\
         hint: lower the parallelism, or make TaskManagers smaller or give them more slots",
        settings.task_manager_mib,
        settings.slots,
        most.map_or_else(|| "fewer".to_owned(), |n| n.to_string()),
    )
}

pub(super) fn failed_after_job(cause: Option<&str>) -> String {
    match cause {
        Some(cause) => format!("the program failed after its job had finished: {cause}"),
        None => "the program failed after its job had finished".to_owned(),
    }
}

/// The program has ended the JobManager with `System.exit` once its job was done.
pub(super) fn exited_after_job(code: i32) -> String {
    format!("the program called System.exit({code}) after its job had finished")
}

/// The same before that.
pub(super) fn exited(code: i32, stage: Stage) -> String {
    format!(
        "the program called System.exit({code}) {}\nhint: let main() return, or wait for the job (execute()) before the exit",
        stage.words()
    )
}

/// How far the job was when its JobManager ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    BeforeJob,
    /// It had answered for a session.
    Session,
    /// It had run a program with several jobs.
    Program,
    /// Seen by an earlier JobManager, not listed by this one.
    Returning,
    Job(JobStatus),
}

impl Stage {
    fn words(self) -> String {
        match self {
            Self::Job(status) => format!("while the job was {status}"),
            Self::Returning => "before the job ran again".to_owned(),
            Self::Session => "while the session ran".to_owned(),
            Self::Program => "while the program ran".to_owned(),
            Self::BeforeJob => "before the job had started".to_owned(),
        }
    }
}

/// `missing`: why the JobManager could not be started again, when its death would have allowed it.
pub(super) fn job_manager_exit(
    exit: Exit,
    cause: Option<&str>,
    stage: Stage,
    missing: Option<&str>,
    starts: u32,
) -> String {
    if let Some(cause) = cause.filter(|cause| cause.starts_with(NOT_LOADED)) {
        let hint = "is it the right jar and the right class (-c), and does the jar, or -C, have all that the class needs?";
        return not_started_again(cause.to_owned(), Some(hint), stage, missing, starts);
    }
    let stage_text = stage.words();
    let mut text = match exit {
        Exit::Code(0) => {
            format!("the JobManager ended by itself {stage_text}: the program may have called System.exit(0)")
        }
        Exit::Code(1) => format!("the JobManager could not start (exit code 1) {stage_text}"),
        Exit::Code(2 | 239) if cause.is_some_and(|cause| cause.contains(NO_PROGRAM)) => {
            format!("the program failed {stage_text}")
        }
        // An uncaught error in the cluster entry point: the program's, or one of what Flink stands on.
        Exit::Code(2) => format!("the JobManager ended on a fatal error (exit code 2) {stage_text}"),
        Exit::Code(3) => format!("the JobManager ran out of memory (exit code 3) {stage_text}"),
        Exit::Code(code) => format!("the JobManager exited with code {code} {stage_text}"),
        Exit::Signal(signal) => format!("the JobManager was killed by signal {signal} {stage_text}"),
    };
    if let Some(cause) = cause {
        let _ = write!(text, ": {cause}");
    }
    let killed = matches!(exit, Exit::Signal(_) | Exit::Code(3 | 137 | 143));
    let hint = "if the node ran out of memory, raise jobmanager.memory.process.size";
    not_started_again(text, killed.then_some(hint), stage, missing, starts)
}

/// The same of one that hung.
pub(super) fn job_manager_silent(
    silent: Duration,
    stage: Stage,
    missing: Option<&str>,
    starts: u32,
) -> String {
    let text =
        format!("the JobManager did not answer for {} s and was killed {}", silent.as_secs(), stage.words());
    let hint = "jobmanager.out ends with what its threads did, if it could still tell";
    not_started_again(text, Some(hint), stage, missing, starts)
}

fn not_started_again(
    mut text: String,
    hint: Option<&str>,
    stage: Stage,
    missing: Option<&str>,
    starts: u32,
) -> String {
    if starts > 1 {
        let _ = write!(text, "\nit had been started {starts} times");
    }
    match (missing, stage) {
        (Some(missing), Stage::Job(_) | Stage::Returning) => {
            let _ = write!(text, "\n{missing}; {NOT_AGAIN}\nhint: ");
            if let Some(hint) = hint {
                let _ = write!(text, "{hint}; ");
            }
            text.push_str(FROM_CHECKPOINTS);
        }
        _ => {
            if let Some(hint) = hint {
                let _ = write!(text, "\nhint: {hint}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_node_manager_says_is_shown_without_its_frame() {
        let launch = "[2026-11-22 20:05:40.095]Exception from container-launch.\nContainer id: container_1_0001_01_000002\n\
                      Exit code: 127\n\n[2026-11-22 20:05:40.123]Container exited with a non-zero exit code 127. Error file: \
                      prelaunch.err.\nLast 4096 bytes of prelaunch.err :\nLast 4096 bytes of taskmanager.stderr :\n\
                      /bin/bash: line 1: /nonexistent/bin/java: No such file or directory\n\n\n\
                      [2026-11-22 20:05:40.124]Container exited with a non-zero exit code 127. Error file: prelaunch.err.\n\
                      Last 4096 bytes of taskmanager.stderr :\n\
                      /bin/bash: line 1: /nonexistent/bin/java: No such file or directory\n";
        assert_eq!(
            container_end(launch),
            "/bin/bash: line 1: /nonexistent/bin/java: No such file or directory"
        );
        let memory = "[2026-11-22 20:05:40.095]Container [pid=7,containerID=c] is running 500000000B beyond the 'PHYSICAL' \
                      memory limit. Killing container.\nDump of the process-tree for c :\n\t|- PID PPID\n";
        assert_eq!(
            container_end(memory),
            "Container [pid=7,containerID=c] is running 500000000B beyond the 'PHYSICAL' memory limit. Killing container."
        );
        assert_eq!(container_end("\n"), "");
    }
}
