//! Logs for programs: one object per line.

use std::io::{self, Write};
use std::ops::ControlFlow;

use yarn_client::logs::{LogFile, Sink};

use super::Tail;
use crate::view::LogLineView;

/// Longer lines are split: a log may be one line of gigabytes.
const LONGEST: usize = 64 * 1024;

/// Prints one JSON object for each line, or piece of one, as it arrives.
pub(super) struct Lines<W: Write> {
    to: W,
    pub(super) tail: Tail,
    file: Option<LogFile>,
    /// The beginning of a line whose end has not arrived yet.
    begun: Vec<u8>,
}

impl<W: Write> Lines<W> {
    pub(super) fn new(to: W, tail: Option<usize>) -> Self {
        Self { to, tail: Tail::new(tail), file: None, begun: Vec::new() }
    }

    fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = (LONGEST - self.begun.len()).min(bytes.len());
            let end = bytes[..room].iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let (now, later) = bytes.split_at(end.unwrap_or(room));
            self.begun.extend_from_slice(now);
            bytes = later;
            if end.is_some() || self.begun.len() == LONGEST {
                self.write(end.is_some())?;
            }
        }
        Ok(())
    }

    /// Writes what has arrived of a line.
    fn write(&mut self, complete: bool) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let mut bytes = std::mem::take(&mut self.begun);
        if complete {
            bytes.pop();
        } else {
            // The rest of a split character arrives with the next piece.
            self.begun = bytes.split_off(whole(&bytes));
        }
        let text = String::from_utf8_lossy(&bytes);
        let text = text.strip_suffix('\r').filter(|_| complete).unwrap_or(&text);
        let (container, node, file) = (&file.container, &file.node, &file.name);
        let line = LogLineView { container, node, file, text, complete };
        serde_json::to_writer(&mut self.to, &line)?;
        self.to.write_all(b"\n")
    }
}

/// The length in bytes of the text without an incomplete character at its end.
fn whole(bytes: &[u8]) -> usize {
    let tail = bytes.len().saturating_sub(3);
    let cut = bytes[tail..].iter().rposition(|byte| *byte >= 0xc0).map(|at| tail + at);
    match cut {
        Some(at) if std::str::from_utf8(&bytes[at..]).is_err_and(|error| error.error_len().is_none()) => at,
        _ => bytes.len(),
    }
}

impl<W: Write + Send> Sink for Lines<W> {
    fn begin(&mut self, file: &LogFile) -> io::Result<ControlFlow<()>> {
        self.file = Some(file.clone());
        Ok(ControlFlow::Continue(()))
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        let now = self.tail.take(bytes);
        self.take(now)
    }

    fn end(&mut self, _: &LogFile) -> io::Result<()> {
        let kept = self.tail.all();
        self.take(&kept)?;
        if !self.begun.is_empty() {
            self.write(false)?;
            // An incomplete character at the end of a file is dropped.
            if !self.begun.is_empty() {
                let half = std::mem::take(&mut self.begun);
                self.begun = String::from_utf8_lossy(&half).into_owned().into_bytes();
                self.write(false)?;
            }
        }
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use yarn_client::logs::Origin;

    use super::*;

    fn file(name: &str) -> LogFile {
        LogFile {
            container: "c".to_owned(),
            node: "n:1".to_owned(),
            name: name.to_owned(),
            length: 2,
            modified_ms: None,
            modified: None,
            origin: Origin::Local,
        }
    }

    /// The output for files with this content, in parts of `step` bytes: texts, and whether the lines end.
    fn lines(files: &[&[u8]], step: usize, tail: Option<usize>) -> Vec<(String, bool)> {
        let mut lines = Lines::new(Vec::new(), tail);
        for (n, content) in files.iter().enumerate() {
            let file = file(&n.to_string());
            assert!(lines.begin(&file).expect("begun").is_continue());
            content.chunks(step).for_each(|part| lines.content(part).expect("memory"));
            lines.end(&file).expect("ended");
        }
        let written = String::from_utf8(lines.to).expect("text");
        let value = |line: &str| serde_json::from_str::<Value>(line).expect("JSON");
        let text = |line: Value| {
            (line["text"].as_str().expect("a text").to_owned(), line["complete"].as_bool().expect("known"))
        };
        written.lines().map(|line| text(value(line))).collect()
    }

    fn texts(parts: &[(&str, bool)]) -> Vec<(String, bool)> {
        parts.iter().map(|(text, complete)| ((*text).to_owned(), *complete)).collect()
    }

    #[test]
    fn log_line_is_one_object_however_it_is_split() {
        for step in [1, 2, 3, 100] {
            let files: [&[u8]; 3] = ["eins\n\nzwölf\r\n\x1b[1m".as_bytes(), b"", b"a\xff\nb\xc3"];
            let right = [
                ("eins", true),
                ("", true),
                ("zwölf", true),
                ("\u{1b}[1m", false),
                ("a\u{fffd}", true),
                ("b", false),
                ("\u{fffd}", false),
            ];
            assert_eq!(lines(&files, step, None), texts(&right), "{step}");
            assert_eq!(lines(&files[..1], step, Some(2)), texts(&[("zwölf", true), ("\u{1b}[1m", false)]));
        }
    }

    #[test]
    fn long_log_line_is_split_between_characters() {
        let content = format!("{}ü\nlast\n", "x".repeat(LONGEST - 1));
        for step in [7, 64 * 1024, 1 << 20] {
            let lines = lines(&[content.as_bytes()], step, None);
            let ends: Vec<_> = lines.iter().map(|(_, complete)| *complete).collect();
            assert_eq!(ends, [false, true, true], "{step}");
            let joined: String = lines.into_iter().map(|(text, _)| text).collect();
            assert_eq!(joined, content.replace('\n', ""), "{step}");
        }
    }
}
