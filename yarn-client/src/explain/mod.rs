//! Why an application is waiting, or why it has ended: typed causes with evidence and a next step.
//!
//! [`gather`] asks the ResourceManager (and a running job's Flink) for everything relevant to an application, [`consult`] asks
//! the application itself, and [`decide`] draws the conclusion. Only what the evidence says specifically is concluded; otherwise
//! the code is a general one (`waiting_for_container`, `application_master_failed` …) and the text quotes YARN. The same decision
//! is used by `status`, the end of an attached `run`, and `explain`. All codes: [`CauseCode`], `docs/causes.md`.

mod consult;
mod ended;
mod evidence;
mod outcome;
mod scheduler;
mod tokens;
mod waiting;

pub use consult::consult;
pub use evidence::{Evidence, FlinkView, Waiting, evidence, gather};
pub use outcome::{Outcome, Verdict};

pub use crate::cause::{Cause, CauseCode, Phase, UnknownCode};
use crate::cluster::tags::is_flink;
use crate::yarn::ApplicationState;

/// The explanation of an application's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// One sentence: the cause's, or that nothing is wrong.
    pub text: String,
    /// Why it is waiting or has ended; `None` if nothing is wrong.
    pub cause: Option<Cause>,
    /// What could not be determined, and why: the explanation lacks it.
    pub unknown: Vec<String>,
}

/// Explains the state of an application. `now_ms`: ms since the epoch.
pub fn decide(evidence: &Evidence, now_ms: i64) -> Explanation {
    let report = &evidence.report;
    let (cause, fine) = match report.state {
        ApplicationState::Running if report.is_hidden() => (
            None,
            "it is running; the ResourceManager shows no more to users who may not view it (`yarn.view.acls`)",
        ),
        ApplicationState::Running => (
            tokens::ended(evidence, now_ms)
                .or_else(|| waiting::of_running(evidence))
                .or_else(|| tokens::failing(evidence)),
            "it is running, and no problem was found",
        ),
        state if state.is_final() => {
            (Outcome::of_evidence(evidence).and_then(|outcome| outcome.cause), "it finished successfully")
        }
        _ => (waiting::of_waiting(evidence, now_ms), "it is waiting"),
    };
    let text = cause.as_ref().map_or_else(|| fine.to_owned(), |cause| cause.text.clone());
    Explanation { text, cause, unknown: evidence.unknown.clone() }
}

#[cfg(test)]
mod tests;
