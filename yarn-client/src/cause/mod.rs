//! Why something waits or has ended: the catalogue of codes, and the tables that lead from what YARN, kernels and Java say to
//! one of them.

mod code;
pub(crate) mod container;
mod ending;
pub(crate) mod exit_status;
pub(crate) mod java;
mod program;
mod task_manager;
#[cfg(test)]
pub(crate) mod texts;

use serde::{Deserialize, Serialize};

pub use code::{CauseCode, Phase, UnknownCode};
pub use ending::{Ending, Subject, for_people};
pub use exit_status::container_end;
pub use program::{ONE_JOB, is_mistake};
pub use task_manager::{TaskManagerEnd, lost_task_manager_in, lost_under_job};

/// Lines of a text of YARN that are kept as evidence.
const EVIDENCE_LINES: usize = 20;
/// Characters of such a line: messages may hold whole command lines.
const EVIDENCE_WIDTH: usize = 600;

/// Why an application waits, or did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// One sentence, and nothing more yet.
    pub fn new(code: CauseCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), evidence: Vec::new(), hint: None }
    }

    /// The failure of a job or of its program by the exceptions that tell it, the root one first, a line each.
    pub fn of_exceptions(lines: &str) -> Self {
        let (root, rest) = lines.trim().split_once('\n').unwrap_or_else(|| (lines.trim(), ""));
        let cause = match java::exception(root) {
            Some((code, hint)) => Self::new(code, root).hint(hint),
            None => Self {
                hint: program::hint(lines).map(str::to_owned),
                ..Self::new(CauseCode::JobFailed, root)
            },
        };
        rest.lines().fold(cause, Self::because)
    }

    /// With the next step that its code alone asks for.
    pub(crate) fn of_code(code: CauseCode, text: impl Into<String>) -> Self {
        Self { hint: exit_status::hint(code, 0).map(str::to_owned), ..Self::new(code, text) }
    }

    /// With the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With the next step of a job that can go on from this checkpoint.
    #[must_use]
    pub fn going_on_from(mut self, checkpoint: &str) -> Self {
        let step = format!("submit again with -s {checkpoint}");
        self.hint = Some(match self.hint {
            Some(hint) if hint.contains(&format!("-s {checkpoint}")) => hint,
            Some(hint) => format!("{hint}; to go on from the newest checkpoint, {step}"),
            None => step,
        });
        self
    }

    /// Adds a line of evidence.
    #[must_use]
    pub fn because(mut self, line: impl Into<String>) -> Self {
        self.evidence.push(line.into());
        self
    }

    /// Adds the telling lines of a text of YARN: no empty ones, no stack frames, none twice.
    pub(crate) fn quoting(mut self, text: &str) -> Self {
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
    let lines = lines.filter(|line| {
        !["hint: ", "cause: ", "checkpoint: ", "ending: "].iter().any(|own| line.starts_with(own))
    });
    lines.map(|line| line.chars().take(EVIDENCE_WIDTH).collect())
}
