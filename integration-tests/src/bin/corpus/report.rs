//! The results: one row for each fault, as a table for the documents and as JSON.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::bench::Expected;

/// The longest text in a cell.
const WIDTH: usize = 220;

/// How good an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// The cause that was injected.
    Right,
    /// No cause, or a general one that only quotes a text.
    Unknown,
    /// Another cause.
    Wrong,
    /// Not judged.
    Noted,
    /// It could not be tried.
    Broken,
}

/// Codes that draw no conclusion.
const GENERAL: [&str; 5] = [
    "waiting_for_container",
    "application_rejected",
    "application_master_failed",
    "application_failed",
    "job_failed",
];

impl Verdict {
    pub(crate) fn of(found: Option<&str>, expected: &str) -> Self {
        match found {
            Some(code) if code == expected => Self::Right,
            Some(code) if !GENERAL.contains(&code) => Self::Wrong,
            _ => Self::Unknown,
        }
    }
}

/// What one side said.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Answer {
    pub(crate) verdict: Verdict,
    pub(crate) code: Option<String>,
    pub(crate) said: String,
    /// From the fault (or the submission, if the program is the fault) to the answer.
    pub(crate) seconds: f64,
}

impl Answer {
    pub(crate) fn broken(error: &anyhow::Error) -> Self {
        Self { verdict: Verdict::Broken, code: None, said: format!("{error:#}"), seconds: 0.0 }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Row {
    name: &'static str,
    how: &'static str,
    expected: String,
    pub(crate) ours: Option<Answer>,
    pub(crate) flinks: Option<Answer>,
}

impl Row {
    pub(crate) fn new(name: &'static str, how: &'static str, expected: Expected) -> Self {
        let expected = match expected {
            Expected::Code(code) => format!("`{code}`"),
            Expected::Event(words) => format!("goes on; `events`: \"{words}\""),
            Expected::Note(words) => format!("attached `run` goes on: \"{words}\""),
            Expected::Refusal(words) => format!("`run` refuses: \"{words}\""),
        };
        Self { name, how, expected, ours: None, flinks: None }
    }

    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.ours.as_ref().map(|answer| answer.verdict)
    }
}

/// Numbers of right, unknown and wrong answers.
pub(crate) fn count(rows: &[Row]) -> [usize; 3] {
    [Verdict::Right, Verdict::Unknown, Verdict::Wrong]
        .map(|verdict| rows.iter().filter(|row| row.verdict() == Some(verdict)).count())
}

/// The table as Markdown.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut table = String::from(
        "| # | fault | how it is injected | expected | what `explain` (or `run`) says | s | what Flink's own client says | s |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for (number, row) in rows.iter().enumerate() {
        let said =
            |answer: &Option<Answer>| answer.as_ref().map_or_else(String::new, |answer| cell(&answer.said));
        let seconds = |answer: &Option<Answer>| {
            answer.as_ref().map_or_else(String::new, |it| format!("{:.1}", it.seconds))
        };
        let verdict = match row.verdict() {
            Some(Verdict::Unknown) => "(unknown) ",
            Some(Verdict::Wrong) => "(WRONG) ",
            Some(Verdict::Broken) => "(NOT TRIED) ",
            _ => "",
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "| {} | {} | {} | {} | {verdict}{} | {} | {} | {} |",
            number + 1,
            row.name,
            cell(row.how),
            cell(&row.expected),
            said(&row.ours),
            seconds(&row.ours),
            said(&row.flinks),
            seconds(&row.flinks)
        );
    }
    table
}

fn cell(text: &str) -> String {
    // The reader's home is a different one.
    let text = std::env::var("HOME")
        .map_or_else(|_| text.to_owned(), |home| text.replace(&format!(" {home}/"), " ~/"));
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "&lt;");
    if flat.chars().count() <= WIDTH {
        return flat;
    }
    flat.chars().take(WIDTH).chain(['…']).collect()
}

/// The most informative line of a Java client's output: the innermost cause of its exception, otherwise the last line.
pub(crate) fn telling(out: &str, err: &str) -> String {
    let lines = || err.lines().chain(out.lines()).map(str::trim).filter(|line| !line.is_empty());
    let frame =
        |line: &&str| !line.starts_with("at ") && !line.starts_with("... ") && !line.starts_with("---");
    let caused = lines().rev().find_map(|line| line.strip_prefix("Caused by: "));
    let thrown = || lines().find(|line| line.contains("Exception: ") || line.contains("Error: "));
    let last = || lines().rev().find(frame);
    caused.or_else(thrown).or_else(last).unwrap_or("(nothing)").to_owned()
}

/// The marks around the table in its file.
const MARKS: (&str, &str) = ("<!-- table -->\n", "<!-- end -->\n");

/// Writes the table between the marks of a file, and everything as JSON.
pub(crate) fn write(rows: &[Row], file: Option<&Path>, json: Option<&Path>) -> Result<()> {
    if let Some(path) = file {
        let old = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let begin = old.find(MARKS.0).context("no mark for the table")? + MARKS.0.len();
        let end = old.find(MARKS.1).context("no mark for the table's end")?;
        let [right, unknown, wrong] = count(rows);
        let sum = format!("{} faults: {right} right, {unknown} unknown, {wrong} wrong.\n\n", rows.len());
        let new = format!("{}{sum}{}{}", &old[..begin], table(rows), &old[end..]);
        fs::write(path, new).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if let Some(path) = json {
        let text = serde_json::to_string_pretty(rows).context("cannot write JSON")?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}
