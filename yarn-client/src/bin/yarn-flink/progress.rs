//! Progress on a terminal: of uploads, and of a command that is waiting.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use yarn_client::hdfs::stage::Progress;

use crate::printer::Printer;
use crate::render;

/// One bar over all uploads; drawn only on a terminal, and only when something is uploaded at all.
#[derive(Debug)]
pub(crate) struct Uploads {
    bar: ProgressBar,
    draws: bool,
}

impl Uploads {
    pub(crate) fn new(printer: &Printer) -> Self {
        Self { bar: ProgressBar::hidden(), draws: printer.draws_progress() }
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// Often enough to show that the command is alive.
const TICK: Duration = Duration::from_millis(200);

/// One line at the bottom of a terminal with the state that a waiting command has reached; elsewhere nothing.
#[derive(Debug)]
pub(crate) struct Standing {
    printer: Printer,
    bar: Option<ProgressBar>,
}

impl Standing {
    pub(crate) fn new(printer: &Printer) -> Self {
        Self { printer: printer.clone(), bar: None }
    }

    /// Shows the line, if there may be one.
    pub(crate) fn show(&mut self) {
        if !self.printer.keeps_line() {
            return;
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        self.printer.set_line(Some(bar.clone()));
        self.bar = Some(bar);
    }

    /// Hides the line, for a question or permanently.
    pub(crate) fn hide(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
            self.printer.set_line(None);
        }
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.hide();
    }
}

impl Progress for Uploads {
    fn planned(&self, files: usize, bytes: u64) {
        tracing::info!(files, bytes, "uploading {}", render::bytes(bytes));
        if files == 0 || !self.draws {
            return;
        }
        // The template is a constant; if indicatif rejects it, its own style is used.
        if let Ok(style) = ProgressStyle::with_template(
            "uploading {msg} [{bar:30}] {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta}",
        ) {
            self.bar.set_style(style.progress_chars("=> "));
        }
        self.bar.set_length(bytes);
        self.bar.set_message(format!("{files} files"));
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
    }

    fn uploaded(&self, _link: &str, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn finished(&self, link: &str) {
        tracing::debug!(link, "uploaded");
    }

    fn reused(&self, link: &str, bytes: u64) {
        tracing::debug!(link, bytes, "already on the cluster");
    }
}
