//! The end of a growing file: which part of it is new, and whether it is still the same file.

use std::io;
use std::ops::ControlFlow;

use super::progress::Place;
use super::{LogFile, Sink};

/// What reading the end of a file has shown.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Everything new has been passed on, up to this place.
    Same(Place),
    /// It has grown by more than was requested: what is in between must not be missed.
    More(Place),
    /// Another file now has its name.
    Another,
    /// It could not be read that far, or has been rolled since it was listed.
    Nothing,
}

/// Reads the last bytes of a file and passes on those after a place, if those before it are the ones that were read there.
pub(super) struct Fresh<'a> {
    log: &'a LogFile,
    place: Place,
    sink: &'a mut dyn Sink,
    /// Offset of the next piece in the file; `None` before the first.
    at: Option<u64>,
    /// The last bytes before the place, as they are in this file.
    before: Vec<u8>,
    handed_on: bool,
    found: Result<(), Verdict>,
}

enum Verdict {
    More,
    Another,
    Failed(io::Error),
}

impl<'a> Fresh<'a> {
    pub(super) fn new(log: &'a LogFile, place: Place, sink: &'a mut dyn Sink) -> Self {
        Self { log, place, sink, at: None, before: Vec::new(), handed_on: false, found: Ok(()) }
    }

    /// Takes the next bytes of a file that is `whole` bytes long; the first ones are the `last` bytes before its end.
    pub(super) fn take(&mut self, whole: u64, last: u64, part: &[u8]) -> ControlFlow<()> {
        self.found = self.piece(whole, last, part);
        if self.found.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn piece(&mut self, whole: u64, last: u64, part: &[u8]) -> Result<(), Verdict> {
        // Rolled since it was listed: the next poll knows its new name.
        if whole < self.log.length {
            return Ok(());
        }
        let at = self.at.unwrap_or_else(|| whole.saturating_sub(last));
        self.at = Some(at + part.len() as u64);
        let old = usize::try_from(self.place.to.saturating_sub(at)).unwrap_or(usize::MAX).min(part.len());
        let (old, new) = part.split_at(old);
        Place::keep_last(&mut self.before, old);
        if new.is_empty() {
            return Ok(());
        }
        if !self.handed_on {
            if at > self.place.to {
                return Err(Verdict::More);
            }
            if !self.place.ends_with(&self.before) {
                return Err(Verdict::Another);
            }
            self.handed_on = true;
            // The follower has requested it.
            let _ = self.sink.begin(self.log).map_err(Verdict::Failed)?;
        }
        self.place.advance(new);
        self.sink.content(new).map_err(Verdict::Failed)
    }

    /// Returns what was found.
    ///
    /// # Errors
    /// Those of the output.
    pub(super) fn end(mut self) -> io::Result<Found> {
        match self.found {
            Err(Verdict::Failed(error)) => return Err(error),
            Err(Verdict::More) => return Ok(Found::More(self.place)),
            Err(Verdict::Another) => return Ok(Found::Another),
            Ok(()) => {}
        }
        if self.handed_on {
            self.sink.end(self.log)?;
        } else if self.at != Some(self.place.to) {
            return Ok(Found::Nothing);
        } else if !self.place.ends_with(&self.before) {
            return Ok(Found::Another);
        }
        self.place.modified.clone_from(&self.log.modified);
        Ok(Found::Same(self.place))
    }
}
