//! Progress of long preparations: a spinner on a terminal, one line each elsewhere; always on stderr.

use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

/// One step that takes a while, shown until [`Step::done`] or drop.
#[derive(Debug)]
pub struct Step {
    what: String,
    begun: Instant,
    bar: Option<ProgressBar>,
}

impl Step {
    /// Shows that `what` has begun.
    pub fn begin(what: impl Into<String>) -> Self {
        let what = what.into();
        let bar = if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner().with_message(what.clone());
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(std::time::Duration::from_millis(200));
            Some(bar)
        } else {
            line(&format!("{what} ..."));
            None
        };
        Self { what, begun: Instant::now(), bar }
    }

    /// Shows how far it is, for instance `120 of 231 MB`.
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
