//! Why something is waiting or has ended: the catalogue of codes, and the tables that map messages of YARN, kernels and
//! Java to them.

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

/// Number of lines of a YARN text that are kept as evidence.
const EVIDENCE_LINES: usize = 20;
/// Maximum length of such a line in characters: messages may contain whole command lines.
const EVIDENCE_WIDTH: usize = 600;

/// Why an application is waiting, or did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The code: stable, for programs.
    pub code: CauseCode,
    /// One sentence for people.
    pub text: String,
    /// What the text was concluded from: lines of diagnostics, figures of the cluster.
    pub evidence: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
}

impl Cause {
    /// A cause with only a sentence.
    pub fn new(code: CauseCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), evidence: Vec::new(), hint: None }
    }

    /// The failure of a job or its program, from its exceptions, the root one first, one per line.
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

    /// A cause with the next step that follows from its code alone.
    pub(crate) fn of_code(code: CauseCode, text: impl Into<String>) -> Self {
        Self { hint: exit_status::hint(code, 0).map(str::to_owned), ..Self::new(code, text) }
    }

    /// Sets the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Sets the next step for a job that can be resumed from this checkpoint.
    #[must_use]
    pub fn going_on_from(mut self, checkpoint: &str) -> Self {
        let step = format!("submit again with `-s {checkpoint}`");
        self.hint = Some(match self.hint {
            Some(hint) if hint.contains(&format!("-s {checkpoint}")) => hint,
            Some(hint) => format!("{hint}; to resume from the latest checkpoint, {step}"),
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

    /// Adds the informative lines of a YARN text.
    pub(crate) fn quoting(self, text: &str) -> Self {
        // What our application master suggests and concludes is not evidence.
        let own = ["hint: ", "cause: ", "checkpoint: ", "ending: "];
        self.quoting_lines(text.lines().filter(|line| !own.iter().any(|own| line.starts_with(own))))
    }

    /// Adds the informative ones of these lines: no empty lines, no stack frames, no duplicates.
    pub(crate) fn quoting_lines<'a>(mut self, lines: impl Iterator<Item = &'a str>) -> Self {
        for line in lines.map(str::trim_end).filter(|line| is_telling(line.trim_start())) {
            let line: String = line.chars().take(EVIDENCE_WIDTH).collect();
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

fn is_telling(line: &str) -> bool {
    // `N/A` is returned to a caller who may not view the application.
    !matches!(line, "" | "N/A") && !line.starts_with("at ") && !line.starts_with("... ")
}
