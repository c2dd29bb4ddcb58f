//! Where output goes: data to standard output, everything else to standard error.
//!
//! Colour only supports what the text says, and is disabled by `NO_COLOR` or when standard error is not a
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
    /// Whether something could not be written to standard output.
    lost: Arc<AtomicBool>,
    /// The line at the bottom of the terminal, which moves down for whatever is written.
    line: Arc<Mutex<Option<ProgressBar>>>,
}

impl Printer {
    pub(crate) fn new(output: Output, quiet: bool, verbosity: u8) -> Self {
        Self { output, quiet, verbose: verbosity > 0, lost: Arc::default(), line: Arc::default() }
    }

    /// Calls the function for programs or the one for people: the only place that checks the format of standard output.
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

    /// From now on everything is written above this line; `None`: there is none.
    pub(crate) fn set_line(&self, line: Option<ProgressBar>) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = line;
    }

    /// Whether there is such a line.
    pub(crate) fn has_line(&self) -> bool {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Sets the text of that line, if there is one.
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
        // Texts and a number: all of it can be serialized.
        self.write_stderr(&format!("{}\n", serde_json::to_string(view).unwrap_or_default()));
    }

    /// Prints data as text. A closed or failing output does not stop a command: what it does, and its exit code, do not
    /// depend on who reads its output.
    pub(crate) fn data(&self, text: &str) {
        if let Err(error) = self.stream(text)
            && error.kind() != io::ErrorKind::BrokenPipe
            && !self.lost.swap(true, Ordering::Relaxed)
        {
            let text = format!("cannot write to standard output: {error}");
            self.error_text(&text, None, ExitStatus::Usage);
        }
    }

    /// Whether data could not be written to an open output.
    pub(crate) fn has_lost_data(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Prints a piece of a stream, as long as the output is open.
    ///
    /// # Errors
    /// The output is closed or cannot be written to.
    pub(crate) fn stream(&self, text: &str) -> io::Result<()> {
        // JSON escapes control characters itself.
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

    /// Prints data in either form: a JSON object, or its text.
    pub(crate) fn show<T: AsRef<str>>(&self, value: &impl Serialize, text: impl FnOnce() -> T) {
        self.either(|| self.json(value), || self.data(text().as_ref()));
    }

    /// The same for one object of many, each on a line of its own, as long as the output is open.
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

    /// Prints data for people as it becomes known; programs get it with [`Self::sum_up`].
    pub(crate) fn tell(&self, text: &str) {
        self.either(|| {}, || self.data(text));
    }

    /// Prints all the data for a program; people have already seen it piece by piece.
    pub(crate) fn sum_up(&self, value: &impl Serialize) {
        self.either(|| self.json(value), || {});
    }

    /// Prints one JSON object, on a single line if a program reads it.
    fn json(&self, value: &impl Serialize) {
        let text = if io::stdout().is_terminal() {
            serde_json::to_string_pretty(value)
        } else {
            serde_json::to_string(value)
        };
        match text {
            Ok(text) => self.data(&text),
            // No view has a map whose keys are not text.
            Err(error) => self.error_text(&error.to_string(), None, ExitStatus::Usage),
        }
    }

    /// Prints a line about what is happening; not shown with `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.write_stderr(&format!("{}\n", plain(text)));
        }
    }

    /// Warns of something that works, but not as the user may expect; not shown with `--quiet`.
    pub(crate) fn warning(&self, text: &str) {
        if !self.quiet {
            self.write_stderr(&format!("{WARNING}warning:{WARNING:#} {}\n", plain(text)));
        }
    }

    /// Prints a part of a line, for a question; the answer follows on the same line.
    pub(crate) fn ask(&self, text: &str) {
        self.write_stderr(text);
    }

    /// Prints an error with its chain of causes, and the next step if there is one. With JSON also as an object, on a
    /// line of its own.
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

    /// Prints an error that is only a text.
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
    /// With `-v`: the peer's complete response.
    detail: Option<&'a str>,
    exit_code: u8,
}

/// A closed standard error is ignored, as there is nowhere left to report it.
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

/// The causes that add something to what has already been said.
fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut said = error.to_string();
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        let line = error.to_string();
        // Some libraries repeat their cause in their own text, or the operating system's name for it.
        let (plain, _) = line.split_once(" (os error ").unwrap_or((&line, ""));
        if !said.to_lowercase().contains(&plain.to_lowercase()) {
            said.push_str(&line);
            causes.push(line);
        }
        cause = error.source();
    }
    causes
}

/// `error:`, one line for each cause, the Java side's trace when requested, `hint:` last.
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
    fn error_prints_its_chain_a_blank_line_and_the_hint() {
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
    fn java_trace_is_printed_between_causes_and_hint() {
        let text =
            rendered(&Inner, Some("h"), Some("java.io.IOException: x\n\tat org.example.A.b(A.java:1)\n"));
        assert_eq!(
            text,
            "error: Connection refused (os error 111)\n\njava.io.IOException: x\n\tat \
             org.example.A.b(A.java:1)\n\nhint: h\n"
        );
    }
}
