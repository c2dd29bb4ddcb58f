//! Why an application ended without success.

use proto::ids::ApplicationId;

use super::evidence::Evidence;
use super::{Cause, CauseCode, is_flink};
use crate::cause::container::{self, Role};
use crate::cause::{Ending, exit_status, java};
use crate::flink::JobStatus;
use crate::yarn::{ApplicationReport, ApplicationState, AttemptState, FinalStatus};

/// The cause of an application in a final state other than success. `ending`: what its diagnostics contain.
pub(super) fn of(evidence: &Evidence, ending: Option<&Ending>) -> Cause {
    let report = &evidence.report;
    let diagnostics = report.diagnostics.trim();
    match report.state {
        ApplicationState::Killed => killed(report, diagnostics),
        ApplicationState::Failed if report.attempt.is_none_or(|attempt| attempt.attempt < 1) => {
            refused(report, diagnostics)
        }
        ApplicationState::Failed => attempts(evidence, diagnostics),
        _ => reported(report.id, report.final_status, ending, diagnostics),
    }
}

/// The application master unregistered: the cause in its own words, ours or another's.
pub(super) fn reported(
    id: ApplicationId,
    final_status: FinalStatus,
    ending: Option<&Ending>,
    diagnostics: &str,
) -> Cause {
    let Some(ending) = ending else {
        let first = first_line(diagnostics);
        let cause = match final_status {
            FinalStatus::Killed => canceled(first),
            _ => Cause {
                hint: logs(id, diagnostics),
                ..Cause::new(
                    CauseCode::ApplicationFailed,
                    first.unwrap_or("the application ended without a reason"),
                )
            },
        };
        return cause.quoting(diagnostics);
    };
    let lines = ending.lines();
    let cause = match (ending.state, &ending.cause) {
        (JobStatus::Canceled, _) => canceled(lines.first().map(String::as_str)),
        (_, Some(cause)) => Cause { evidence: Vec::new(), ..cause.clone() },
        (JobStatus::Failed, None) => Cause::new(CauseCode::JobFailed, "the job failed"),
        (_, None) => Cause::new(CauseCode::ApplicationFailed, "the application ended without a reason"),
    };
    let hint = cause.hint.or_else(|| (cause.code != CauseCode::JobCanceled).then(|| see_logs(id)));
    Cause { hint, ..cause }.quoting_lines(lines.iter().map(String::as_str))
}

fn canceled(first: Option<&str>) -> Cause {
    Cause::new(CauseCode::JobCanceled, first.unwrap_or("the job was canceled"))
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
        Cause::new(CauseCode::LifetimeExceeded, text).hint(
            "use a queue with a longer `maximum-application-lifetime`; the queue, or the \
                submission, limits how long the application may run",
        )
    } else if text.contains("which no longer exists after restart") {
        Cause::new(CauseCode::QueueRemoved, text)
            .hint(format!("submit it to a queue other than `{}`", report.queue))
    } else {
        Cause::new(CauseCode::ApplicationKilled, text)
    };
    cause.quoting(diagnostics)
}

/// Rejections by the scheduler and `RMAppManager`, recognized by their messages.
const REFUSALS: [(&str, CauseCode, &str); 13] = [
    (
        " is STOPPED. Cannot accept submission",
        CauseCode::QueueStopped,
        "choose another queue (`--queue`), or have this one started",
    ),
    (" to unknown queue: ", CauseCode::QueueNotFound, "choose an existing queue with `--queue`"),
    (
        " which did not exist and could not be auto-created",
        CauseCode::QueueNotFound,
        "choose an existing queue with `--queue`",
    ),
    (" to non-leaf queue", CauseCode::QueueNotLeaf, "choose one of its leaf queues with `--queue`"),
    (
        "Cannot submit application to non-leaf queue",
        CauseCode::QueueNotLeaf,
        "choose one of its leaf queues with `--queue`",
    ),
    (
        " applications, cannot accept submission of application",
        CauseCode::QueueApplicationLimit,
        "wait until other applications have ended, or choose another queue (`--queue`)",
    ),
    (
        " applications from user ",
        CauseCode::QueueApplicationLimit,
        "wait until other applications have ended, or choose another queue (`--queue`)",
    ),
    (
        "Maximum system application limit reached",
        CauseCode::QueueApplicationLimit,
        "wait until other applications have ended",
    ),
    (
        " does not have permission to submit ",
        CauseCode::QueueAccessDenied,
        "choose another queue (`--queue`), or ask its administrators for the permission to submit",
    ),
    (
        " cannot submit applications to queue ",
        CauseCode::QueueAccessDenied,
        "choose another queue (`--queue`), or ask its administrators for the permission to submit",
    ),
    (
        "have permission to access all labels",
        CauseCode::LabelAccessDenied,
        "leave out the node label, or choose a queue that may use it",
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
    // The class of the exception is noise to users.
    let text = first.strip_prefix("org.apache.hadoop.security.AccessControlException: ").unwrap_or(first);
    let known = REFUSALS.iter().find(|(words, ..)| diagnostics.contains(words));
    let cause = match known {
        Some((_, code, hint)) => Cause::new(*code, text).hint(*hint),
        None => Cause::new(CauseCode::ApplicationRejected, text)
            .hint(format!("queue `{}`, user `{}`", report.queue, report.user)),
    };
    cause.quoting(diagnostics)
}

/// No attempt is left: the end of the last one is the cause, earlier ones are evidence.
fn attempts(evidence: &Evidence, diagnostics: &str) -> Cause {
    let report = &evidence.report;
    let mut cause = attempt(report, diagnostics);
    for line in earlier(evidence) {
        cause = cause.because(line);
    }
    cause
}

/// One line for each failed attempt except the current one.
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

/// Why an attempt failed, from the RM's text: `AM Container for <attempt> exited with  exitCode: <n>`, then the node's.
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
            "set `JAVA_HOME` for the NodeManagers, or `env.java.home` for this application, to a \
             directory that exists on the nodes"
        } else {
            "set `JAVA_HOME` for the NodeManagers, or in the application's environment"
        };
        let text = format!("Java was not found on the node: {}", words.last()?);
        return Some(Cause::new(CauseCode::JavaMissing, text).hint(hint));
    }
    if let Some((code, phrase)) = exit_status::decode(exit) {
        let cause = Cause::new(code, format!("{WHO} {phrase}"));
        let hint = exit_status::hint(code, exit).map(str::to_owned).or_else(|| logs(report.id, diagnostics));
        return Some(Cause { hint, ..cause });
    }
    if let Some(line) = container::incompatible_binary(&words) {
        let hint = "build it on (or for) the distribution and architecture of the nodes";
        let text = format!("the application master's binary does not run on the node: {line}");
        return Some(Cause::new(CauseCode::BinaryIncompatible, text).hint(hint));
    }
    // Our application master says itself what went wrong.
    if words.iter().any(|line| line.starts_with("error: ")) {
        return None;
    }
    // Output of a JVM: its root exception, if the class says what it is.
    let root = java::root_in(&words)?;
    let (code, hint) = java::exception(root)?;
    Some(Cause::new(code, root).hint(hint))
}

/// Ends of an attempt without the exit of a container.
fn without_exit(diagnostics: &str) -> Option<Cause> {
    // `ClientRMService.failApplicationAttempt`
    if diagnostics.contains("Attempt failed by user.") {
        let text = "the application's attempt was failed by a user (`yarn applicationattempt -fail`)";
        return Some(Cause::new(CauseCode::AttemptFailedByUser, text).hint("submit again"));
    }
    if diagnostics.contains("ApplicationMaster for attempt ") && diagnostics.contains(" timed out") {
        let text = if diagnostics.contains("Attempt recovered after RM restart") {
            "the ResourceManager restarted, and the application master did not re-register in time"
        } else {
            "the ResourceManager received no heartbeat from the application master in time"
        };
        return Some(Cause::new(CauseCode::AmTimedOut, text).hint(
            "see its log (`appmaster.stderr`) for what it did; the limit is \
             `yarn.am.liveness-monitor.expiry-interval-ms`",
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
            .hint("check that the node's NodeManager is running and reachable from the ResourceManager"),
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
    Cause { hint: logs(report.id, diagnostics), ..Cause::new(CauseCode::ApplicationMasterFailed, text) }
}

fn exit_code(diagnostics: &str) -> Option<i32> {
    let (_, rest) = diagnostics.split_once("exited with  exitCode: ")?;
    rest.split(|c: char| c != '-' && !c.is_ascii_digit()).next()?.parse().ok()
}

/// The next step that our application master suggests, else where to read more.
fn logs(id: ApplicationId, diagnostics: &str) -> Option<String> {
    let told = diagnostics.lines().find_map(|line| line.trim().strip_prefix("hint: "));
    Some(told.map_or_else(|| see_logs(id), str::to_owned))
}

fn see_logs(id: ApplicationId) -> String {
    format!("see the logs of its containers: `yarn-flink logs {id}`")
}

fn first_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.is_empty())
}
