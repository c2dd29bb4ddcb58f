//! The sentences people read in the ResourceManager's report. The first line names the job, its state and the
//! cause; a `hint:` line follows where there is something to do.

use std::fmt::Write as _;

use yarn_client::flink::JobStatus;

use super::containers::StartFailure;
use super::ending::Outcome;
use super::{Exit, Settings};

/// The ResourceManager keeps 64 KiB of an attempt's diagnostics and drops the beginning of longer ones.
const LIMIT: usize = 16 * 1024;

/// The whole text of the final report.
pub(super) fn diagnostics(job_id: &str, outcome: &Outcome, notes: &[String]) -> String {
    let mut text = format!("Job {job_id} {}", outcome.job);
    if let Some(cause) = &outcome.cause {
        let _ = write!(text, ": {}", cause.trim());
        if let Some(hint) = program_hint(cause) {
            let _ = write!(text, "\nhint: {hint}");
        }
    }
    for note in notes {
        let _ = write!(text, "\nnote: {note}");
    }
    if text.len() > LIMIT {
        let end = (0..=LIMIT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// What to do about mistakes of programs that Flink describes without saying what would be right.
fn program_hint(cause: &str) -> Option<&'static str> {
    const ONE_JOB: &str = "an application runs one job: build everything into one job (several sinks, or a \
                           StatementSet), or submit the program once for each job";
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

pub(super) fn lost_attempt() -> String {
    "the application master of an earlier attempt was lost after the program had started, and no checkpoint is known \
     to go on from; it was not started again, because it might do its work twice\n\
     hint: submit the job again, with -s PATH to continue from a savepoint"
        .to_owned()
}

pub(super) fn too_large(wanted_mib: u64, maximum_mib: u64) -> String {
    format!(
        "a TaskManager needs a container of {wanted_mib} MiB, but the largest one the cluster gives is {maximum_mib} MiB\n\
         hint: lower taskmanager.memory.process.size, or raise yarn.scheduler.maximum-allocation-mb"
    )
}

pub(super) fn refused(cause: &str) -> String {
    format!("the ResourceManager refused to give TaskManager containers: {cause}")
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
        if text.is_empty() || FRAME.iter().any(|frame| text.starts_with(frame)) {
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

pub(super) fn start_failures(failures: &[StartFailure]) -> String {
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
    text.push_str("\nhint: their logs (taskmanager.log, taskmanager.stderr) say more; after the end: yarn logs -applicationId <id>");
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

pub(super) fn job_manager_exit(
    exit: Exit,
    cause: Option<&str>,
    job: Option<JobStatus>,
    starts: u32,
) -> String {
    let stage = match job {
        Some(status) => format!("while the job was {status}"),
        None => "before the job had started".to_owned(),
    };
    let mut text = match exit {
        Exit::Code(0) => {
            format!("the JobManager ended by itself {stage}: the program may have called System.exit(0)")
        }
        Exit::Code(1) => format!("the JobManager could not start (exit code 1) {stage}"),
        // Flink's code for an uncaught error in the cluster entry point.
        Exit::Code(2) => format!("the program failed (JobManager exit code 2) {stage}"),
        Exit::Code(code) => format!("the JobManager exited with code {code} {stage}"),
        Exit::Signal(signal) => format!("the JobManager was killed by signal {signal} {stage}"),
    };
    if let Some(cause) = cause {
        let _ = write!(text, ": {cause}");
    }
    if starts > 1 {
        let _ = write!(text, "\nit had been started {starts} times");
    }
    match (exit, job) {
        (Exit::Signal(_), Some(_)) => text.push_str(
            "\nit was not started again, because the job would begin anew and might do its work twice\n\
             hint: if the node ran out of memory, raise jobmanager.memory.process.size; submit again with -s PATH to \
             continue from a savepoint or retained checkpoint",
        ),
        (Exit::Signal(9), None) => text.push_str(
            "\nhint: signal 9 is often a lack of memory: raise jobmanager.memory.process.size",
        ),
        _ => {}
    }
    text
}
