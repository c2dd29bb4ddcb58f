//! The events of a finished application, which its masters have written next to their logs.

use std::io;
use std::ops::ControlFlow;

use proto::control::EventId;
use proto::ids::ApplicationId;

use super::{LogFile, LogsError, Sink, Wanted};
use crate::cluster::Gateway;
use crate::control::EventView;

/// Name of the file in the log directory of an application master: one JSON object per line.
pub const FILE: &str = "events.jsonl";

/// What was found.
#[derive(Debug)]
pub struct Recorded {
    /// The events in chronological order.
    pub events: Vec<EventView>,
    /// The nodes have not aggregated all logs yet: there may be more soon.
    pub incomplete: bool,
    /// What could not be read.
    pub failed: Vec<LogsError>,
}

/// The events of an application after `after`, from the logs of its masters.
///
/// # Errors
/// As [`super::find`]; [`LogsError::NoSuchFile`] if its masters have left none.
pub async fn recorded(
    gateway: &Gateway,
    id: ApplicationId,
    after: Option<EventId>,
) -> Result<Recorded, LogsError> {
    let found = super::find(gateway.into(), id).await?;
    let wanted = Wanted { masters: true, files: vec![FILE.to_owned()], rolled: true, ..Wanted::default() };
    let mut lines = Lines::default();
    let read = found.read(&wanted, &mut lines).await?;
    let mut events = lines.events;
    // Files come in any order, and a rolled one is read after the newer one.
    events.sort_by_key(|event| place(&event.id));
    events.dedup_by(|later, earlier| later.id == earlier.id);
    events.retain(|event| after.is_none_or(|after| place(&event.id) > Some((after.attempt, after.number))));
    Ok(Recorded { events, incomplete: found.incomplete, failed: read.failed })
}

/// Attempt and number of an event.
fn place(id: &str) -> Option<(u32, u64)> {
    let (attempt, number) = id.split_once('.')?;
    Some((attempt.parse().ok()?, number.parse().ok()?))
}

/// Parses a file as it arrives.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) events: Vec<EventView>,
    line: Vec<u8>,
}

/// A longer line is not an event.
const LONGEST: usize = 1 << 20;

impl Sink for Lines {
    fn begin(&mut self, _: &LogFile) -> io::Result<ControlFlow<()>> {
        self.line.clear();
        Ok(ControlFlow::Continue(()))
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() < LONGEST {
                self.line.extend_from_slice(piece);
            }
            if piece.ends_with(b"\n") {
                // A line that was truncated when its writer was killed is ignored.
                self.events.extend(serde_json::from_slice::<EventView>(&self.line).ok());
                self.line.clear();
            }
        }
        Ok(())
    }

    fn end(&mut self, _: &LogFile) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn split_lines_are_joined_and_a_truncated_one_is_ignored() {
        let mut lines = Lines::default();
        let text = "{\"id\":\"1.2\",\"time_ms\":5,\"event\":\"registered\"}\n{\"id\":\"1.1\",\"time_ms\":4,\
                    \"event\":\"of a later version\",\"node\":\"n\",\"more\":1}\n{\"id\":\"1.3\",\"ti";
        for piece in text.as_bytes().chunks(7) {
            lines.content(piece).unwrap();
        }
        let ids: Vec<&str> = lines.events.iter().map(|event| event.id.as_str()).collect();
        assert_eq!(ids, ["1.2", "1.1"]);
        assert_eq!(lines.events[1].event, "of a later version");
        assert!(place("1.10") > place("1.9") && place("2.1") > place("1.10"));
    }
}
