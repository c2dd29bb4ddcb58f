//! How a Flink application ended, as its own master reports it to YARN: a text for people, followed by one line for
//! programs.
//!
//! ```text
//! Job 1f0…c2 FAILED: java.lang.RuntimeException: boom
//! org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy
//! hint: to go on from the newest checkpoint, submit again with -s hdfs://…/chk-7
//! checkpoint: hdfs://…/chk-7
//! ending: {"job":"1f0…c2","state":"FAILED","code":"job_failed","evidence":1,"notes":0,"hint":true,"checkpoint":true}
//! ```
//!
//! The last line describes the lines above it, so that text in a program's own message is never mistaken for ours.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Cause, CauseCode, java};
use crate::flink::{JobStatus, is_job_id};

/// The ResourceManager keeps 64 KiB of an attempt's diagnostics and drops the beginning of longer ones
/// (`yarn.app.attempt.diagnostics.limit.kc`).
const LIMIT: usize = 16 * 1024;
/// Maximum length of one line in bytes. Messages may contain whole plans.
const LINE: usize = 4 * 1024;

const ENDING: &str = "ending: ";
const NOTE: &str = "note: ";
const HINT: &str = "hint: ";
const CHECKPOINT: &str = "checkpoint: ";
/// Prefix of the cause's code, as written by earlier versions.
const CODE: &str = "cause: ";

/// What has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// One job: the application's only one, or the one that decided its end. 32 hexadecimal digits.
    Job(String),
    /// A program that executes several jobs, as a whole.
    Program,
    /// A session as a whole.
    Session,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(id) => write!(f, "Job {id}"),
            Self::Program => f.write_str("Program"),
            Self::Session => f.write_str("Session"),
        }
    }
}

/// How an application ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// What has ended.
    pub subject: Subject,
    /// The state, which is globally terminal.
    pub state: JobStatus,
    /// The cause; `None` after success.
    pub cause: Option<Cause>,
    /// Further information. Without a cause the first note follows the state.
    pub notes: Vec<String>,
    /// The newest checkpoint, if it has been kept.
    pub checkpoint: Option<String>,
}

/// What the last line contains besides the subject.
#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    subject: Named,
    state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<CauseCode>,
    evidence: usize,
    notes: usize,
    hint: bool,
    checkpoint: bool,
}

/// `"job":"…"`, `"subject":"session"`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Named {
    Job { job: String },
    Other { subject: Subject },
}

impl Ending {
    /// The text for YARN's report.
    pub fn write(&self) -> String {
        let it = self.fitting();
        let mut lines = it.lines();
        let hint = it.cause.as_ref().and_then(|cause| cause.hint.as_deref());
        lines.extend(hint.map(|hint| format!("{HINT}{hint}")));
        lines.extend(it.checkpoint.as_ref().map(|checkpoint| format!("{CHECKPOINT}{checkpoint}")));
        let told = Line {
            subject: match &it.subject {
                Subject::Job(job) => Named::Job { job: job.clone() },
                other => Named::Other { subject: other.clone() },
            },
            state: it.state.name().to_owned(),
            code: it.cause.as_ref().map(|cause| cause.code),
            evidence: it.cause.as_ref().map_or(0, |cause| cause.evidence.len()),
            notes: it.notes.len(),
            hint: hint.is_some(),
            checkpoint: it.checkpoint.is_some(),
        };
        // Strings, numbers and booleans can always be serialized.
        lines.push(format!("{ENDING}{}", serde_json::to_string(&told).unwrap_or_default()));
        lines.join("\n")
    }

    /// What happened and why, for people: `Job <id> FAILED: <text>`, then the evidence, then the notes.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut notes = self.notes.as_slice();
        let mut first = format!("{} {}", self.subject, self.state);
        if let Some(head) = self.head() {
            first.push_str(": ");
            first.push_str(head);
            if self.cause.is_none() {
                notes = notes.get(1..).unwrap_or_default();
            }
        }
        let evidence = self.cause.as_ref().map_or(&[][..], |cause| &cause.evidence);
        let notes = notes.iter().map(|note| format!("{NOTE}{note}"));
        std::iter::once(first).chain(evidence.iter().cloned()).chain(notes).collect()
    }

    fn head(&self) -> Option<&str> {
        match &self.cause {
            Some(cause) => Some(&cause.text),
            None => self.notes.first().map(String::as_str),
        }
    }

    /// In a form that can be written: every text on a line of its own, and no more lines than YARN keeps.
    #[must_use]
    pub fn fitting(&self) -> Self {
        let line = |text: &String| one_line(text);
        let mut it = self.clone();
        it.notes = self.notes.iter().map(line).collect();
        it.checkpoint = self.checkpoint.as_ref().map(line);
        if let Some(cause) = &mut it.cause {
            cause.text = one_line(&cause.text);
            cause.hint = cause.hint.as_ref().map(line);
            let mut room = LIMIT;
            let fits = |text: &String| {
                room = room.saturating_sub(text.len() + 1);
                room > 0
            };
            cause.evidence = cause.evidence.iter().map(line).take_while(fits).collect();
        }
        it
    }

    /// Parses what [`write`](Self::write) or earlier versions wrote, wherever it is in an application's diagnostics;
    /// `None` for any other text.
    pub fn parse(diagnostics: &str) -> Option<Self> {
        let lines: Vec<&str> = diagnostics.lines().collect();
        typed(&lines).or_else(|| untyped(&lines))
    }
}

/// An application's diagnostics without the line for programs.
pub fn for_people(diagnostics: &str) -> String {
    let is_line = |line: &&str| {
        line.strip_prefix(ENDING).is_some_and(|rest| serde_json::from_str::<Line>(rest).is_ok())
    };
    diagnostics.lines().filter(|line| !is_line(line)).collect::<Vec<_>>().join("\n")
}

/// Removes characters that would end the line, or that a terminal would interpret.
fn one_line(text: &str) -> String {
    let mut line: String =
        text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    if line.len() > LINE {
        let end = (0..=LINE).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
        line.truncate(end);
    }
    line.trim().to_owned()
}

fn typed(lines: &[&str]) -> Option<Ending> {
    let (at, line) = lines.iter().enumerate().rev().find_map(|(at, line)| {
        Some((at, serde_json::from_str::<Line>(line.trim().strip_prefix(ENDING)?).ok()?))
    })?;
    let subject = match line.subject {
        Named::Job { job } => Subject::Job(job),
        Named::Other { subject } => subject,
    };
    let state: JobStatus = line.state.parse().ok()?;
    let headed = line.code.is_some() || line.notes > 0;
    let told_notes = if line.code.is_none() { line.notes.saturating_sub(1) } else { line.notes };
    let count = line.evidence.checked_add(told_notes)?.checked_add(1)?;
    let count = count.checked_add(usize::from(line.hint) + usize::from(line.checkpoint))?;
    let mut lines = lines.get(at.checked_sub(count)?..at)?.iter().copied();
    let head = match headed {
        true => Some(lines.next()?.split_once(&format!("{subject} {state}: "))?.1.to_owned()),
        false => lines.next().and(None),
    };
    let mut take = |count: usize, mark: &str| -> Option<Vec<String>> {
        (0..count).map(|_| Some(lines.next()?.strip_prefix(mark)?.to_owned())).collect()
    };
    let evidence = take(line.evidence, "")?;
    let mut notes = take(told_notes, NOTE)?;
    let hint = take(usize::from(line.hint), HINT)?.pop();
    let checkpoint = take(usize::from(line.checkpoint), CHECKPOINT)?.pop();
    let cause = match (line.code, head) {
        (Some(code), Some(text)) => Some(Cause { code, text, evidence, hint }),
        (None, Some(note)) => {
            notes.insert(0, note);
            None
        }
        _ => None,
    };
    Some(Ending { subject, state, cause, notes, checkpoint })
}

/// `Job <id> <state>[: <cause>]`, then lines of the cause, `hint:`, `note:`, `checkpoint:` and `cause: <code>` in any order.
fn untyped(lines: &[&str]) -> Option<Ending> {
    let (at, subject, state, head) = lines
        .iter()
        .enumerate()
        .find_map(|(at, line)| first_line(line).map(|(s, st, head)| (at, s, st, head)))?;
    let rest = lines.get(at + 1..).unwrap_or_default();
    let last = |mark: &str| rest.iter().rev().find_map(|line| line.strip_prefix(mark)).map(str::trim);
    let hint = rest.iter().find_map(|line| line.trim().strip_prefix(HINT)).map(str::to_owned);
    // A program's own text may contain such a line, too.
    let is_place = |told: &&str| told.contains('/') && !told.contains(char::is_whitespace);
    let notes: Vec<String> =
        rest.iter().filter_map(|line| line.strip_prefix(NOTE)).map(str::to_owned).collect();
    // The last line may come from a later version, with a code that this one does not know.
    let marks = [HINT, NOTE, CHECKPOINT, CODE, ENDING];
    let evidence = rest.iter().filter(|line| !marks.iter().any(|mark| line.starts_with(mark)));
    let evidence: Vec<String> = evidence.map(|line| (*line).to_owned()).collect();
    let failed = || {
        let text = head.unwrap_or("the job failed");
        let code = last(CODE).and_then(|code| code.parse().ok());
        let of_class = java::exception(text);
        let code = code.or_else(|| of_class.map(|(code, _)| code)).unwrap_or(CauseCode::JobFailed);
        // A hint of ours would be for another cause.
        let advice = of_class.filter(|(of_class, _)| *of_class == code).map(|(_, advice)| advice.to_owned());
        Cause { code, text: text.to_owned(), evidence: evidence.clone(), hint: hint.clone().or(advice) }
    };
    // A job that finished in an application that did not: what follows the job's line says why.
    let failed_later = || {
        let (at, text) = evidence.iter().enumerate().find(|(_, line)| !line.trim().is_empty())?;
        let evidence = evidence.get(at + 1..).unwrap_or_default().to_vec();
        Some(Cause { code: CauseCode::ApplicationFailed, text: text.clone(), evidence, hint: hint.clone() })
    };
    let cause = match state {
        JobStatus::Failed => Some(failed()),
        JobStatus::Finished => failed_later(),
        _ => None,
    };
    let notes = match head.filter(|_| state != JobStatus::Failed) {
        Some(head) => std::iter::once(head.to_owned()).chain(notes).collect(),
        None => notes,
    };
    let checkpoint = last(CHECKPOINT).filter(is_place).map(str::to_owned);
    Some(Ending { subject, state, cause, notes, checkpoint })
}

fn first_line(line: &str) -> Option<(Subject, JobStatus, Option<&str>)> {
    let line = line.trim();
    let (subject, rest) = match line.split_once(' ')? {
        ("Job", rest) => {
            let (id, rest) = rest.split_once(' ')?;
            (Subject::Job(is_job_id(id).then(|| id.to_owned())?), rest)
        }
        ("Program", rest) => (Subject::Program, rest),
        ("Session", rest) => (Subject::Session, rest),
        _ => return None,
    };
    let (state, cause) = match rest.split_once(':') {
        Some((state, cause)) => (state, Some(cause.trim()).filter(|cause| !cause.is_empty())),
        None => (rest, None),
    };
    let state: JobStatus = state.trim().parse().ok()?;
    state.is_globally_terminal().then_some((subject, state, cause))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const JOB: &str = "0123456789abcdef0123456789abcdef";

    fn failed(text: &str) -> Ending {
        Ending {
            subject: Subject::Job(JOB.to_owned()),
            state: JobStatus::Failed,
            cause: Some(Cause::new(CauseCode::JobFailed, text)),
            notes: Vec::new(),
            checkpoint: None,
        }
    }

    #[test]
    fn people_read_it_from_top_to_bottom() {
        let mut ending = failed("a.E: boom");
        ending.notes.push("3 jobs".to_owned());
        ending.checkpoint = Some("hdfs://n/chk-7".to_owned());
        ending.cause = ending.cause.map(|cause| cause.because("b.F: why").hint("submit again"));
        let text = ending.write();
        let lines: Vec<&str> = text.lines().collect();
        let job = format!("Job {JOB} FAILED: a.E: boom");
        let head = [&job, "b.F: why", "note: 3 jobs", "hint: submit again", "checkpoint: hdfs://n/chk-7"];
        assert_eq!(lines[..5], head);
        assert_eq!(
            lines[5],
            format!(
                r#"ending: {{"job":"{JOB}","state":"FAILED","code":"job_failed","evidence":1,"notes":1,"hint":true,"checkpoint":true}}"#
            )
        );
        let framed = format!("Attempt 1 said:\n{text}\nand no more");
        assert_eq!(Ending::parse(&framed), Some(ending));
        assert_eq!(for_people(&text), lines[..5].join("\n"));
    }

    #[test]
    fn a_good_end_may_have_something_to_say() {
        let ending = Ending {
            subject: Subject::Session,
            state: JobStatus::Finished,
            cause: None,
            notes: vec!["shut down by a client".to_owned()],
            checkpoint: None,
        };
        let text = ending.write();
        assert!(text.starts_with("Session FINISHED: shut down by a client\nending: "), "{text}");
        assert_eq!(Ending::parse(&text), Some(ending));
    }

    #[test]
    fn lines_of_a_program_are_not_taken_for_ours() {
        let mut ending = failed("x");
        let own = ["hint: mine", "checkpoint: hdfs://n/theirs", "cause: node_lost", "ending: {}", "note: n"];
        ending.cause = ending.cause.map(|cause| own.iter().fold(cause, |cause, line| cause.because(*line)));
        assert_eq!(Ending::parse(&ending.write()), Some(ending));
    }

    #[test]
    fn what_earlier_versions_wrote() {
        let parse = |text: &str| Ending::parse(text);
        let done = parse(&format!("Job {JOB} FINISHED")).expect("an ending");
        assert_eq!((done.state, done.cause), (JobStatus::Finished, None));
        let text = format!(
            "Job {JOB} FAILED: x.Exit: of the JVM\nx.Other: more\nnote: y\nhint: let main() return\ncause: node_lost\n\
             checkpoint: file:/c/old\ncheckpoint: hdfs://n/c/chk-7"
        );
        let ending = parse(&text).expect("an ending");
        let cause = ending.cause.expect("a cause");
        assert_eq!((cause.code, cause.text.as_str()), (CauseCode::NodeLost, "x.Exit: of the JVM"));
        assert_eq!(cause.hint.as_deref(), Some("let main() return"));
        assert_eq!((cause.evidence, ending.notes), (vec!["x.Other: more".to_owned()], vec!["y".to_owned()]));
        assert_eq!(ending.checkpoint.as_deref(), Some("hdfs://n/c/chk-7"));
        let session = parse("Session FAILED: there is no Java on node n").expect("an ending");
        assert_eq!(session.subject, Subject::Session);
        assert_eq!(session.cause.map(|cause| cause.text).as_deref(), Some("there is no Java on node n"));
        let named =
            format!("Job {JOB} FAILED: java.lang.ClassNotFoundException: a.B\ncheckpoint: 7 was declined");
        let ending = parse(&named).expect("an ending");
        assert_eq!(ending.checkpoint, None);
        let cause = ending.cause.expect("a cause");
        assert!(cause.code == CauseCode::ClassMissing && cause.hint.is_some());
    }

    #[test]
    fn other_texts_are_no_endings() {
        let running = format!("Job {JOB} RUNNING");
        for text in ["Job x FINISHED", "Job", &running, "", "Jobs are fine", "Session of mine", "ending: {}"]
        {
            assert_eq!(Ending::parse(text), None, "{text}");
        }
    }

    fn any_cause() -> impl Strategy<Value = Cause> {
        let code = (0..CauseCode::ALL.len()).prop_map(|at| CauseCode::ALL[at]);
        let texts = proptest::collection::vec(".*", 0..4);
        (code, ".*", texts, proptest::option::of(".*")).prop_map(|(code, text, evidence, hint)| Cause {
            code,
            text,
            evidence,
            hint,
        })
    }

    fn any_ending() -> impl Strategy<Value = Ending> {
        let subject = prop_oneof![
            "[0-9a-f]{32}".prop_map(Subject::Job),
            Just(Subject::Program),
            Just(Subject::Session)
        ];
        let state =
            prop_oneof![Just(JobStatus::Failed), Just(JobStatus::Canceled), Just(JobStatus::Finished)];
        let notes = proptest::collection::vec(".*", 0..3);
        (subject, state, proptest::option::of(any_cause()), notes, proptest::option::of(".*")).prop_map(
            |(subject, state, cause, notes, checkpoint)| Ending { subject, state, cause, notes, checkpoint },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(ending in any_ending(), before in ".*", after in ".*") {
            let text = format!("{before}\n{}\n{after}", ending.write());
            prop_assert_eq!(Ending::parse(&text), Some(ending.fitting()));
        }

        #[test]
        fn any_text_is_read_without_harm(text in "(?s).*") {
            let _ = Ending::parse(&text);
        }
    }
}
