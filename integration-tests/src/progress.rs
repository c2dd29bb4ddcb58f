//! Progress of long preparations: a spinner on a terminal, one line each elsewhere; always on stderr.

use std::fs::File;
use std::io::{IsTerminal as _, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};

/// One step that takes a while, shown until [`Step::done`] or drop.
#[derive(Debug)]
pub struct Step {
    what: String,
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Step {
    /// Shows that `what` has started.
    pub fn begin(what: impl Into<String>) -> Self {
        let what = what.into();
        let bar = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner().with_message(what.clone());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            Some(bar)
        } else {
            line(&format!("{what} ..."));
            None
        };
        Self { what, begun: Instant::now(), bar }
    }

    /// Shows how far it has got, for instance `120 of 231 MB`.
    pub fn note(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}: {text}", self.what));
        }
    }

    /// Shows that it is done and how long it took.
    pub fn done(self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        line(&format!("{}: {:.1} s", self.what, self.begun.elapsed().as_secs_f64()));
    }
}

/// Writes one line to stderr; a closed stderr is not an error.
pub fn line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Runs a program that fills `folder`, showing how much it contains, and keeps its output for the error.
///
/// # Errors
/// It cannot be started or fails; the last lines of its output are in the error.
pub fn run(what: &str, mut command: Command, folder: &Path) -> Result<()> {
    let mut log = tempfile::tempfile().context("cannot make a temporary file")?;
    let clone = |file: &File| file.try_clone().context("cannot share a temporary file");
    let step = Step::begin(what);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(clone(&log)?)
        .stderr(clone(&log)?)
        .spawn()
        .with_context(|| format!("cannot run {}", command.get_program().to_string_lossy()))?;
    let status = loop {
        if let Some(status) = child.try_wait().context("cannot wait for the program")? {
            break status;
        }
        step.note(&format!("{} MB", size(folder) / 1_000_000));
        std::thread::sleep(Duration::from_millis(250));
    };
    if status.success() {
        step.done();
        return Ok(());
    }
    let mut text = String::new();
    log.rewind().and_then(|()| log.read_to_string(&mut text)).context("cannot read the program's output")?;
    let lines: Vec<_> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(25)..].join("\n");
    bail!("{what}: {} ended with {status}\n{last}", command.get_program().to_string_lossy())
}

/// Bytes of all files below a folder; unreadable ones do not count.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
