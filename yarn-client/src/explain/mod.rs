//! Why an application waits, or why it has ended: typed causes with evidence and a next step.
//!
//! [`gather`] asks the ResourceManager (and a running job's Flink) for what bears on an application, [`consult`] the
//! application itself, [`decide`] draws the conclusion from it. Only what the evidence says specifically is concluded; where it says nothing, the code is a
//! general one (`waiting_for_container`, `application_master_failed` …) and the text quotes YARN. The same decision
//! stands behind `status`, the end of an attached `run`, and `explain`. All codes: [`CauseCode`], `docs/causes.md`.

mod consult;
mod ended;
mod evidence;
mod outcome;
mod scheduler;
mod waiting;

pub use consult::consult;
pub use evidence::{Evidence, FlinkView, Waiting, evidence, gather};
pub use outcome::{Outcome, Verdict};

pub use crate::cause::{Cause, CauseCode, Phase, UnknownCode};
use crate::cluster::tags::is_flink;
use crate::yarn::ApplicationState;

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

#[cfg(test)]
mod tests;
