//! The events of this attempt as a file next to the container's logs. YARN aggregates it with them, so it can be read as
//! long as the logs, even if the application was killed. One JSON object per line, as `events -o json` prints them.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use proto::control::Event;
use yarn_client::control::EventView;
use yarn_client::logs::events::FILE;

use crate::warnings::Warnings;

/// Size at which a new file is started. Only one older file is kept, so there are at most twice as many bytes.
const ENOUGH: u64 = 16 << 20;

/// The file. Nothing depends on it, so failures are only logged.
#[derive(Debug)]
pub struct Record {
    path: PathBuf,
    file: Option<File>,
    written: u64,
    enough: u64,
    warnings: Warnings,
}

impl Record {
    /// A file in this directory, created when something has happened.
    #[must_use]
    pub fn new(log_dir: &Path) -> Self {
        let warnings = Warnings::of("writing events.jsonl");
        Self { path: log_dir.join(FILE), file: None, written: 0, enough: ENOUGH, warnings }
    }

    /// Adds an event.
    pub fn write(&mut self, event: Event) {
        let Some(view) = EventView::new(event) else { return };
        match self.append(&view) {
            Ok(()) => self.warnings.worked(),
            Err(error) => {
                self.file = None;
                self.warnings.failed(&error);
            }
        }
    }

    fn append(&mut self, view: &EventView) -> io::Result<()> {
        let mut line = serde_json::to_vec(view)?;
        line.push(b'\n');
        if self.written >= self.enough {
            self.file = None;
            self.written = 0;
            let mut older = self.path.clone().into_os_string();
            older.push(".1");
            fs::rename(&self.path, older)?;
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(File::options().create(true).append(true).open(&self.path)?),
        };
        // In a single write, so that concurrent readers see whole lines.
        file.write_all(&line)?;
        self.written += u64::try_from(line.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proto::control::{EventId, Launched, event::What};

    use super::*;

    fn event(number: u64) -> Event {
        let launched = What::Launched(Launched { container: "container_1".to_owned() });
        Event { id: Some(EventId { attempt: 1, number }), time_ms: number, what: Some(launched) }
    }

    #[test]
    fn latest_events_are_kept_and_read_back() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut record = Record::new(directory.path());
        record.enough = 1000;
        for number in 1..=100 {
            record.write(event(number));
        }
        let read = |name: &str| -> Vec<u64> {
            let text = fs::read_to_string(directory.path().join(name)).expect("a file");
            text.lines()
                .map(|line| serde_json::from_str::<EventView>(line).expect("an event").time_ms)
                .collect()
        };
        let (older, newer) = (read(&format!("{FILE}.1")), read(FILE));
        let kept: Vec<u64> = older.into_iter().chain(newer).collect();
        assert_eq!(kept.last(), Some(&100));
        assert!(kept.len() < 50 && kept.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{kept:?}");
    }

    #[test]
    fn unwritable_event_file_is_tolerated() {
        let mut record = Record::new(Path::new("/nowhere/at/all"));
        record.write(event(1));
        record.write(event(2));
    }
}
