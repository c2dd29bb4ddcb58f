//! Where output goes: data to standard output, everything else to standard error.
//!
//! Colour only supports what the words say, and goes away with `NO_COLOR` or when standard error is not a
//! terminal (anstream decides that).

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anstyle::{AnsiColor, Style};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::args::Output;
use crate::exit::ExitStatus;
use crate::render::{line as line_of, plain};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

/// The two output streams and how much the user wants to see.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    output: Output,
    quiet: bool,
    verbose: bool,
    /// Something could not be written to standard output.
    lost: Arc<AtomicBool>,
    /// What stands at the bottom of the terminal, and moves down for whatever is written.
    line: Arc<Mutex<Option<ProgressBar>>>,
}

impl Printer {
    pub(crate) fn new(output: Output, quiet: bool, verbosity: u8) -> Self {
        Self { output, quiet, verbose: verbosity > 0, lost: Arc::default(), line: Arc::default() }
    }

    /// Does what is for a program, or what is for people: nobody else looks at the form that standard output wants.
    pub(crate) fn either<T>(&self, json: impl FnOnce() -> T, text: impl FnOnce() -> T) -> T {
        match self.output {
            Output::Json => json(),
            Output::Text => text(),
        }
    }

    /// Whether a question on standard error can be answered on standard input.
    pub(crate) fn can_ask(&self) -> bool {
        !self.quiet && io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Whether progress may be drawn.
    pub(crate) fn draws_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// Whether a line may be kept up to date at the bottom of the terminal: it would get in the way of logs.
    pub(crate) fn keeps_line(&self) -> bool {
        self.draws_progress() && !self.verbose && self.either(|| false, || true)
    }

    /// From now on everything is written above this one; `None`: it is gone.
    pub(crate) fn set_line(&self, line: Option<ProgressBar>) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }

    /// Whether it is there.
    pub(crate) fn has_line(&self) -> bool {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// What that line says; nothing where there is none.
    pub(crate) fn say(&self, text: &str) {
        if let Some(line) = &*self.line.lock().unwrap_or_else(PoisonError::into_inner) {
            line.set_message(line_of(text));
        }
    }

    fn above_line<T>(&self, write: impl FnOnce() -> T) -> T {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match line {
            Some(line) => line.suspend(write),
            None => write(),
        }
    }

    fn write_stderr(&self, text: &str) {
        self.above_line(|| write_stderr(text));
    }

    fn write_error(&self, view: &ErrorView<'_>) {
        // Texts and a number: nothing in it cannot be written.
        self.write_stderr(&format!("{}\n", serde_json::to_string(view).unwrap_or_default()));
    }

    /// Data in text form. That nobody reads it, or that it cannot be written, stops no verb: what it does, and its exit code, are
    /// the same whoever reads.
    pub(crate) fn data(&self, text: &str) {
        if let Err(error) = self.stream(text)
            && error.kind() != io::ErrorKind::BrokenPipe
            && !self.lost.swap(true, Ordering::Relaxed)
        {
            let text = format!("cannot write to standard output: {error}");
            self.error_text(&text, None, ExitStatus::Usage);
        }
    }

    /// Whether data was lost that somebody wanted.
    pub(crate) fn has_lost_data(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// A piece of data that goes on for as long as somebody reads it.
    ///
    /// # Errors
    /// Nobody does, or it cannot be written.
    pub(crate) fn stream(&self, text: &str) -> io::Result<()> {
        // JSON escapes them itself.
        let text = &*plain(text);
        self.above_line(|| {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())?;
            if !text.is_empty() && !text.ends_with('\n') {
                out.write_all(b"\n")?;
            }
            out.flush()
        })
    }

    /// Data in either form: a JSON object, or its text.
    pub(crate) fn show<T: AsRef<str>>(&self, value: &impl Serialize, text: impl FnOnce() -> T) {
        self.either(|| self.json(value), || self.data(text().as_ref()));
    }

    /// The same of one of many, each on a line of its own, for as long as somebody reads them.
    ///
    /// # Errors
    /// As [`Self::stream`].
    pub(crate) fn show_line<T: AsRef<str>>(
        &self,
        value: &impl Serialize,
        text: impl FnOnce() -> T,
    ) -> io::Result<()> {
        self.either(|| self.stream(&serde_json::to_string(value)?), || self.stream(text().as_ref()))
    }

    /// Data for people as it becomes known; a program gets it with [`Self::sum_up`].
    pub(crate) fn tell(&self, text: &str) {
        self.either(|| {}, || self.data(text));
    }

    /// All the data for a program; people have been told it piece by piece.
    pub(crate) fn sum_up(&self, value: &impl Serialize) {
        self.either(|| self.json(value), || {});
    }

    /// One JSON object, on one line of its own when a program reads it.
    fn json(&self, value: &impl Serialize) {
        let text = if io::stdout().is_terminal() {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        match text {
            Ok(text) => self.data(&text),
            // No view has a map with keys that are no text.
            Err(error) => self.error_text(&error.to_string(), None, ExitStatus::Usage),
        }
    }

    /// A line about what happens; not shown with `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.write_stderr(&format!("{}\n", plain(text)));
        }
    }

    /// Something that works, but not as the user may expect; not shown with `--quiet`.
    pub(crate) fn warning(&self, text: &str) {
        if !self.quiet {
            self.write_stderr(&format!("{WARNING}warning:{WARNING:#} {}\n", plain(text)));
        }
    }

    /// Part of a line, for a question; the answer follows on the same line.
    pub(crate) fn ask(&self, text: &str) {
        self.write_stderr(text);
    }

    /// An error with its chain of causes, and the next step if there is one. With JSON it is an object, too, on a line of its
    /// own.
    pub(crate) fn error(
        &self,
        error: &(dyn Error + 'static),
        hint: Option<&str>,
        detail: Option<&str>,
        exit: ExitStatus,
    ) {
        let detail = detail.filter(|_| self.verbose);
        let causes = causes(error);
        let view = ErrorView { error: error.to_string(), causes, hint, detail, exit_code: exit.code() };
        self.either(
            || self.write_error(&view),
            || self.write_stderr(&render_error(&view.error, &view.causes, hint, detail)),
        );
    }

    /// An error that is only a text.
    pub(crate) fn error_text(&self, text: &str, hint: Option<&str>, exit: ExitStatus) {
        let (error, causes) = (text.to_owned(), Vec::new());
        let view = ErrorView { error, causes, hint, detail: None, exit_code: exit.code() };
        self.either(
            || self.write_error(&view),
            || self.write_stderr(&with_hint(format!("{ERROR}error:{ERROR:#} {}\n", plain(text)), hint)),
        );
    }
}

/// An error as a program reads it.
#[derive(Serialize)]
struct ErrorView<'a> {
    error: String,
    causes: Vec<String>,
    hint: Option<&'a str>,
    /// With `-v`: the other side's whole answer.
    detail: Option<&'a str>,
    exit_code: u8,
}

/// A closed standard error is nobody's problem: there is no place left to report it.
fn write_stderr(text: &str) {
    let mut out = anstream::stderr().lock();
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

fn with_hint(mut text: String, hint: Option<&str>) -> String {
    if let Some(hint) = hint {
        text.push_str(&format!("\n{HINT}hint:{HINT:#} {}\n", plain(hint)));
    }
    text
}

/// The causes that add something to what is said above them.
fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut said = error.to_string();
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        // Some libraries repeat their cause in their own text, or what the operating system calls it.
        let (plain, _) = line.split_once(" (os error ").unwrap_or((&line, ""));
        if !said.to_lowercase().contains(&plain.to_lowercase()) {
            said.push_str(&line);
            causes.push(line);
        }
        cause = error.source();
    }
    causes
}

/// `error:`, one line for each cause, the Java side's trace when asked for, `hint:` last.
fn render_error(error: &str, causes: &[String], hint: Option<&str>, detail: Option<&str>) -> String {
    let mut text = format!("{ERROR}error:{ERROR:#} {}\n", plain(error));
    for cause in causes {
        text.push_str(&format!("  caused by: {}\n", plain(cause).replace('\n', "\n    ")));
    }
    if let Some(detail) = detail {
        text.push_str(&format!("\n{}\n", plain(detail.trim_end())));
    }
    with_hint(text, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot reach the ResourceManager at rm:8032")]
    struct Outer(#[source] Middle);
    #[derive(Debug, thiserror::Error)]
    #[error("connect: Connection refused (os error 111)")]
    struct Middle(#[source] Inner);
    #[derive(Debug, thiserror::Error)]
    #[error("Connection refused (os error 111)")]
    struct Inner;

    fn rendered(error: &(dyn Error + 'static), hint: Option<&str>, detail: Option<&str>) -> String {
        let text = render_error(&error.to_string(), &causes(error), hint, detail);
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn an_error_is_its_chain_then_a_blank_line_then_the_hint() {
        assert_eq!(
            rendered(&Outer(Middle(Inner)), Some("is it running?"), None),
            "error: cannot reach the ResourceManager at rm:8032\n  caused by: connect: Connection refused (os \
             error 111)\n\nhint: is it running?\n"
        );
    }

    #[test]
    fn a_cause_that_adds_nothing_is_not_repeated() {
        assert_eq!(rendered(&Middle(Inner), None, None).lines().count(), 1);
    }

    #[test]
    fn the_java_trace_stands_between_causes_and_hint() {
        let text =
            rendered(&Inner, Some("h"), Some("java.io.IOException: x\n\tat org.example.A.b(A.java:1)\n"));
        assert_eq!(
            text,
            "error: Connection refused (os error 111)\n\njava.io.IOException: x\n\tat \
             org.example.A.b(A.java:1)\n\nhint: h\n"
        );
    }
}
