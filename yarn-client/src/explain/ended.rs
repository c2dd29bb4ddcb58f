//! Why an application ended without success.

use super::evidence::Evidence;
use super::{Cause, CauseCode, is_flink};
use crate::cause::container::{self, Role};
use crate::cause::{Ending, exit_status, java};
use crate::flink::JobStatus;
use crate::yarn::{ApplicationReport, ApplicationState, AttemptState, FinalStatus};

/// The cause of an application in a final state that is no success.
pub(super) fn of(evidence: &Evidence) -> Cause {
    let report = &evidence.report;
    let diagnostics = report.diagnostics.trim();
    match report.state {
        ApplicationState::Killed => killed(report, diagnostics),
        ApplicationState::Failed if report.attempt.is_none_or(|attempt| attempt.attempt < 1) => {
            refused(report, diagnostics)
        }
        ApplicationState::Failed => attempts(evidence, diagnostics),
        _ => finished(report, diagnostics),
    }
}

/// It unregistered: our application master's own words, or another's.
fn finished(report: &ApplicationReport, diagnostics: &str) -> Cause {
    let ending = Ending::parse(diagnostics);
    let state = ending.as_ref().map(|ending| ending.state);
    let mut cause = match (state, ending.and_then(|ending| ending.cause)) {
        (Some(JobStatus::Failed), Some(cause)) => Cause { evidence: Vec::new(), ..cause },
        (Some(JobStatus::Failed), None) => Cause::new(CauseCode::JobFailed, "the job failed"),
        (Some(JobStatus::Canceled), _) => canceled(diagnostics),
        (None, _) if report.final_status == FinalStatus::Killed => canceled(diagnostics),
        // A job that finished and an application that did not: what follows the job's line says why.
        (state, _) => {
            let mut lines = diagnostics.lines().skip(usize::from(state.is_some()));
            let text = lines.find(|line| !line.trim().is_empty() && !line.starts_with("ending: "));
            Cause::new(
                CauseCode::ApplicationFailed,
                text.unwrap_or("the application ended without saying why"),
            )
        }
    };
    if cause.code != CauseCode::JobCanceled {
        cause.hint = cause.hint.or_else(|| logs(report, diagnostics));
    }
    cause.quoting(diagnostics)
}

fn canceled(diagnostics: &str) -> Cause {
    Cause::new(CauseCode::JobCanceled, first_line(diagnostics).unwrap_or("the job was canceled"))
}

/// `Application <id> was killed by user <user> at <address> with diagnostic message: <text>`
/// (`ClientRMService.forceKillApplication`).
fn killed(report: &ApplicationReport, diagnostics: &str) -> Cause {
    let first = first_line(diagnostics);
    let text = first.unwrap_or("the application was killed").trim_end_matches('.');
    let cause = if let Some((_, by)) = text.split_once(" was killed by user ") {
        Cause::new(CauseCode::ApplicationKilled, format!("the application was killed by user {by}"))
    } else if text.contains("it has exceeded the lifetime period") {
        // `RMAppLifetimeMonitor`
        Cause::new(CauseCode::LifetimeExceeded, text)
            .hint("its queue limits how long applications may run (maximum-application-lifetime), or the submission did")
    } else if text.contains("which no longer exists after restart") {
        Cause::new(CauseCode::QueueRemoved, text)
            .hint(format!("submit it to another queue than '{}'", report.queue))
    } else {
        Cause::new(CauseCode::ApplicationKilled, text)
    };
    cause.quoting(diagnostics)
}

/// Refusals of the scheduler and of `RMAppManager`, by words of theirs.
const REFUSALS: [(&str, CauseCode, &str); 13] = [
    (
        " is STOPPED. Cannot accept submission",
        CauseCode::QueueStopped,
        "choose another queue (--queue), or have it started",
    ),
    (" to unknown queue: ", CauseCode::QueueNotFound, "choose an existing queue with --queue"),
    (
        " which did not exist and could not be auto-created",
        CauseCode::QueueNotFound,
        "choose an existing queue with --queue",
    ),
    (" to non-leaf queue", CauseCode::QueueNotLeaf, "choose one of the queues below it with --queue"),
    (
        "Cannot submit application to non-leaf queue",
        CauseCode::QueueNotLeaf,
        "choose one of the queues below it with --queue",
    ),
    (
        " applications, cannot accept submission of application",
        CauseCode::QueueApplicationLimit,
        "wait until others have ended, or choose another queue (--queue)",
    ),
    (
        " applications from user ",
        CauseCode::QueueApplicationLimit,
        "wait until others have ended, or choose another queue (--queue)",
    ),
    (
        "Maximum system application limit reached",
        CauseCode::QueueApplicationLimit,
        "wait until others have ended",
    ),
    (
        " does not have permission to submit ",
        CauseCode::QueueAccessDenied,
        "choose another queue (--queue), or ask its administrators for the right to submit",
    ),
    (
        " cannot submit applications to queue ",
        CauseCode::QueueAccessDenied,
        "choose another queue (--queue), or ask its administrators for the right to submit",
    ),
    (
        "have permission to access all labels",
        CauseCode::LabelAccessDenied,
        "leave the node label out, or choose a queue that may use it",
    ),
    ("Failed to renew token", CauseCode::TokenRenewalFailed, "get a fresh ticket (`kinit`) and submit again"),
    (
        "Failed to renew hdfs token",
        CauseCode::TokenRenewalFailed,
        "get a fresh ticket (`kinit`) and submit again",
    ),
];

fn refused(report: &ApplicationReport, diagnostics: &str) -> Cause {
    let first = first_line(diagnostics).unwrap_or("YARN rejected the application");
    // The class of the exception is noise to people.
    let text = first.strip_prefix("org.apache.hadoop.security.AccessControlException: ").unwrap_or(first);
    let known = REFUSALS.iter().find(|(words, ..)| diagnostics.contains(words));
    let cause = match known {
        Some((_, code, hint)) => Cause::new(*code, text).hint(*hint),
        None => Cause::new(CauseCode::ApplicationRejected, text)
            .hint(format!("queue '{}', user '{}'", report.queue, report.user)),
    };
    cause.quoting(diagnostics)
}

/// No attempt is left: the last one's end is the cause, earlier ones are evidence.
fn attempts(evidence: &Evidence, diagnostics: &str) -> Cause {
    let report = &evidence.report;
    let mut cause = attempt(report, diagnostics);
    for line in earlier(evidence) {
        cause = cause.because(line);
    }
    cause
}

/// One line for each failed attempt but the current one.
pub(super) fn earlier(evidence: &Evidence) -> Vec<String> {
    let report = &evidence.report;
    let mut attempts: Vec<_> = evidence.attempts.iter().collect();
    attempts.sort_by_key(|attempt| attempt.id.attempt);
    let earlier = attempts.into_iter().filter(|attempt| {
        let current = report.attempt.map_or(i32::MAX, |current| current.attempt);
        attempt.id.attempt < current && attempt.state == AttemptState::Failed
    });
    earlier
        .map(|it| {
            let cause = attempt(report, &it.diagnostics);
            format!("attempt {} failed before: {} [{}]", it.id.attempt, cause.text, cause.code)
        })
        .collect()
}

/// Why an attempt failed, by the RM's text: `AM Container for <attempt> exited with  exitCode: <n>`, then the node's.
pub(super) fn attempt(report: &ApplicationReport, diagnostics: &str) -> Cause {
    let cause = exit_code(diagnostics)
        .and_then(|exit| of_container(report, exit, diagnostics))
        .or_else(|| without_exit(diagnostics))
        .unwrap_or_else(|| last_resort(report, diagnostics));
    cause.quoting(diagnostics.split("Dump of the process-tree").next().unwrap_or(diagnostics))
}

fn of_container(report: &ApplicationReport, exit: i32, diagnostics: &str) -> Option<Cause> {
    const WHO: &str = "the application master's container";
    let flink = is_flink(&report.application_type);
    if let Some(kill) = container::memory_kill(diagnostics).filter(|_| matches!(exit, -103 | -104)) {
        let role = if flink { Role::JobManager } else { Role::Other };
        return Some(container::memory("the application master", &kill, role));
    }
    if exit == crate::yarn::exit_status::INVALID
        && let Some((code, sentence, hint)) = container::localization(diagnostics)
    {
        return Some(Cause::new(code, sentence).hint(hint));
    }
    if exit == crate::yarn::exit_status::ABORTED
        && diagnostics.contains("Container released on a *lost* node")
    {
        let text = format!("the node of {WHO} was lost, became unhealthy or was taken out of service");
        return Some(
            Cause::new(CauseCode::NodeLost, text).hint(exit_status::hint(CauseCode::NodeLost, exit)?),
        );
    }
    let words = container::last_words(diagnostics);
    if exit == 127 && java::is_java_missing(&words.join("\n")) {
        let hint = if flink {
            "set JAVA_HOME for the NodeManagers, or env.java.home for this application, to a directory that they have"
        } else {
            "set JAVA_HOME for the NodeManagers, or in the application's environment"
        };
        let text = format!("there is no Java where the node was told to find it: {}", words.last()?);
        return Some(Cause::new(CauseCode::JavaMissing, text).hint(hint));
    }
    if let Some((code, phrase)) = exit_status::decode(exit) {
        let cause = Cause::new(code, format!("{WHO} {phrase}"));
        let hint = exit_status::hint(code, exit).map(str::to_owned).or_else(|| logs(report, diagnostics));
        return Some(Cause { hint, ..cause });
    }
    if let Some(line) = container::incompatible_binary(&words) {
        let hint = "build it on, or for, the distribution and architecture of the nodes";
        let text = format!("the application master's program does not run on the node: {line}");
        return Some(Cause::new(CauseCode::BinaryIncompatible, text).hint(hint));
    }
    // Ours says itself what went wrong.
    if words.iter().any(|line| line.starts_with("error: ")) {
        return None;
    }
    // Of a JVM: its root exception, when the class says what it is.
    let root = java::root_in(&words)?;
    let (code, hint) = java::exception(root)?;
    Some(Cause::new(code, root).hint(hint))
}

/// Ends of an attempt that are no exit of a container.
fn without_exit(diagnostics: &str) -> Option<Cause> {
    // `ClientRMService.failApplicationAttempt`
    if diagnostics.contains("Attempt failed by user.") {
        let text = "somebody had YARN fail the application's attempt";
        return Some(Cause::new(CauseCode::AttemptFailedByUser, text).hint("submit again"));
    }
    if diagnostics.contains("ApplicationMaster for attempt ") && diagnostics.contains(" timed out") {
        let text = if diagnostics.contains("Attempt recovered after RM restart") {
            "the ResourceManager restarted, and the application master did not come back to it in time"
        } else {
            "the application master gave the ResourceManager no sign of life in time"
        };
        return Some(Cause::new(CauseCode::AmTimedOut, text).hint(
            "its log says what it did (appmaster.stderr); the time is yarn.am.liveness-monitor.expiry-interval-ms",
        ));
    }
    // `AMLauncher`
    let (_, launch) = diagnostics.split_once("Error launching ")?;
    let (_, exception) = launch.split_once("Got exception: ")?;
    if let Some(cause) = container::clock_skew(exception, "the application master's container") {
        return Some(cause);
    }
    let text = format!(
        "the ResourceManager could not start the application master's container: {}",
        first_line(exception)?
    );
    Some(
        Cause::new(CauseCode::LaunchFailed, text)
            .hint("is the node's NodeManager up, and reachable from the ResourceManager?"),
    )
}

/// YARN puts the tail of the container's standard error last; our application master writes `error: …` there.
fn last_resort(report: &ApplicationReport, diagnostics: &str) -> Cause {
    let said = diagnostics.lines().rev().find_map(|line| line.trim().strip_prefix("error: "));
    if let Some(cause) = said.map(Cause::of_exceptions).filter(|cause| cause.code != CauseCode::JobFailed) {
        return cause;
    }
    let text = match (said, exit_code(diagnostics)) {
        (Some(said), _) => said.to_owned(),
        (None, Some(exit)) => match container::last_words(diagnostics).last() {
            Some(words) => {
                format!("the application master exited with code {exit}; its last words: {}", words.trim())
            }
            None => format!("the application master exited with code {exit}"),
        },
        (None, None) => first_line(diagnostics).unwrap_or("the application master failed").to_owned(),
    };
    Cause { hint: logs(report, diagnostics), ..Cause::new(CauseCode::ApplicationMasterFailed, text) }
}

fn exit_code(diagnostics: &str) -> Option<i32> {
    let (_, rest) = diagnostics.split_once("exited with  exitCode: ")?;
    rest.split(|c: char| c != '-' && !c.is_ascii_digit()).next()?.parse().ok()
}

/// The next step our application master proposes, else where to read on.
fn logs(report: &ApplicationReport, diagnostics: &str) -> Option<String> {
    let logs = || format!("`yarn-flink logs {}` prints what its containers have written", report.id);
    let told = diagnostics.lines().find_map(|line| line.trim().strip_prefix("hint: "));
    Some(told.map_or_else(logs, str::to_owned))
}

fn first_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.is_empty())
}
