//! Why an application waits, or why it has ended: typed causes with evidence and a next step.
//!
//! [`gather`] asks the ResourceManager (and a running job's Flink) for what bears on an application, [`consult`] the
//! application itself, [`decide`] draws the conclusion from it. Only what the evidence says specifically is concluded; where it says nothing, the code is a
//! general one (`waiting_for_container`, `application_master_failed` …) and the text quotes YARN. The same decision
//! stands behind `status`, the end of an attached `run`, and `explain`. All codes: [`CauseCode`], `docs/causes.md`.

mod code;
mod consult;
mod container;
mod ended;
mod evidence;
mod exit_status;
mod java;
mod master;
mod scheduler;
mod waiting;

use serde::Serialize;

pub use code::{CauseCode, Phase, UnknownCode};
pub use consult::consult;
pub use evidence::{Evidence, FlinkView, gather};
pub use master::names_lost_task_manager;

/// The cause of a failed job of a running session, by its root exception.
pub fn job_failed(root: &str) -> Cause {
    master::failed(root, "")
}

use super::outcome::Outcome;
use crate::yarn::ApplicationState;

/// Lines of a text of YARN that are kept as evidence.
const EVIDENCE_LINES: usize = 20;
/// Characters of such a line: messages may hold whole command lines.
const EVIDENCE_WIDTH: usize = 600;

/// Why an application waits, or did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Stable, for programs.
    pub code: CauseCode,
    /// One sentence for people.
    pub text: String,
    /// What the text was concluded from: lines of diagnostics, figures of the cluster.
    pub evidence: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
}

impl Cause {
    fn new(code: CauseCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), evidence: Vec::new(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With the next step of a job that can go on from this checkpoint.
    pub(super) fn going_on_from(mut self, checkpoint: &str) -> Self {
        let step = format!("submit again with -s {checkpoint}");
        self.hint = Some(match self.hint {
            Some(hint) if hint.contains(&format!("-s {checkpoint}")) => hint,
            Some(hint) => format!("{hint}; to go on from the newest checkpoint, {step}"),
            None => step,
        });
        self
    }

    /// Adds a line of evidence.
    fn because(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }

    /// Adds the telling lines of a text of YARN: no empty ones, no stack frames, none twice.
    fn quoting(mut self, text: &str) -> Self {
        for line in quotable(text) {
            if self.evidence.len() >= EVIDENCE_LINES {
                break;
            }
            if !self.evidence.contains(&line) {
                self.evidence.push(line);
            }
        }
        self
    }
}

fn quotable(text: &str) -> impl Iterator<Item = String> {
    let lines = text.lines().map(str::trim_end).filter(|line| {
        let bare = line.trim_start();
        // `N/A` is told to a caller who may not view the application.
        !matches!(bare, "" | "N/A") && !bare.starts_with("at ") && !bare.starts_with("... ")
    });
    // What our application master proposes and concludes is no evidence.
    let lines =
        lines.filter(|line| !["hint: ", "cause: ", "checkpoint: "].iter().any(|own| line.starts_with(own)));
    lines.map(|line| line.chars().take(EVIDENCE_WIDTH).collect())
}

/// What can be said of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// One sentence: the cause's, or that nothing is wrong.
    pub text: String,
    /// What keeps it waiting or has ended it; `None` when nothing is wrong.
    pub cause: Option<Cause>,
    /// What could not be asked, and why: the explanation lacks it.
    pub unknown: Vec<String>,
}

/// Explains where an application stands. `now_ms`: ms since the epoch.
pub fn decide(evidence: &Evidence, now_ms: i64) -> Explanation {
    let report = &evidence.report;
    let (cause, fine) = match report.state {
        ApplicationState::Running => {
            (waiting::of_running(evidence), "it runs, and nothing is known to be wrong")
        }
        state if state.is_final() => {
            (Outcome::of_evidence(evidence).and_then(|outcome| outcome.cause), "it finished as it should")
        }
        _ => (waiting::of_waiting(evidence, now_ms), "it waits"),
    };
    let text = cause.as_ref().map_or_else(|| fine.to_owned(), |cause| cause.text.clone());
    Explanation { text, cause, unknown: evidence.unknown.clone() }
}

/// The cause of an application that has ended without success.
pub(super) fn ended(evidence: &Evidence) -> Cause {
    ended::of(evidence)
}

/// The checkpoint that the application master's final report names.
pub(super) fn told_checkpoint(diagnostics: &str) -> Option<&str> {
    master::checkpoint(diagnostics)
}

/// Whether the application is one of Flink's, as far as its type tells: hints name Flink's options only then.
pub fn is_flink(application_type: &str) -> bool {
    application_type.to_ascii_lowercase().contains("flink")
}

#[cfg(test)]
mod tests;
