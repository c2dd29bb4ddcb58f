//! `yarn-flink logs ID [FILE...]`

mod json;

use std::collections::{BTreeSet, VecDeque};
use std::error::Error as _;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use futures::future::Either;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proto::ids::ApplicationId;
use yarn_client::cluster::{ApplicationError, Gateway};
use yarn_client::logs::{self, LogFile, LogsError, Read, Sink, Wanted};
use yarn_client::running::session;

use super::{Context, Failure};
use crate::args::Logs;
use crate::exit::ExitStatus;
use crate::view::{LogCopiesView, LogsView};

pub(super) async fn run(context: &Context, args: Logs) -> Result<ExitStatus, Failure> {
    let container = args.container.as_deref().map(str::parse).transpose().map_err(ApplicationError::from)?;
    let gateway = context.gateway()?;
    let mut hadoop = gateway.configuration.clone();
    // Flink settings that stand for Hadoop's have already been applied.
    for (key, value) in args.dynamic.iter().filter_map(|given| given.split_once('=')) {
        hadoop.set(key, value);
    }
    let gateway = gateway.reconfigured(hadoop)?;
    let id = session::application(&gateway, &args.id).await?;
    let wanted = Wanted { container, masters: args.am, files: args.files, rolled: false };
    let mut found = logs::find((&gateway).into(), id).await?;
    let unseen = std::mem::take(&mut found.failed);
    if let Some(container) = container.filter(|container| !found.knows(*container)) {
        found.look_for_ended(&gateway, container).await;
    }
    if args.list {
        let (files, failed) = found.list(&wanted).await?;
        let view = LogsView::new(id, &files);
        context.printer.show(&view, || view.text());
        return ended(context, unseen, failed);
    }
    let incomplete = || {
        if found.incomplete {
            let text = "log aggregation has not completed: the last lines may be missing, try again in a few seconds";
            context.printer.note(text);
        }
    };
    if let Some(directory) = args.out {
        let mut sink = Files { directory, tail: args.tail, open: None, written: BTreeSet::new() };
        let failed = found.read(&wanted, &mut sink).await?.failed;
        let count = sink.written.len();
        let path = |path: &PathBuf| path.display().to_string();
        let (directory, files) = (path(&sink.directory), sink.written.iter().map(path).collect());
        context.printer.sum_up(&LogCopiesView { application_id: id.to_string(), directory, files });
        context.printer.note(&format!("wrote {count} files to {}", sink.directory.display()));
        incomplete();
        return ended(context, unseen, failed);
    }
    let asked =
        Asked { gateway: &gateway, id, wanted: &wanted, found: &found, tail: args.tail, follow: args.follow };
    let failed = context
        .printer
        .either(|| Either::Left(asked.print_json(context)), || Either::Right(asked.print(context)))
        .await?;
    if !args.follow {
        incomplete();
    }
    ended(context, unseen, failed)
}

/// Logs to print, either up to now or until the application ends.
struct Asked<'a> {
    gateway: &'a Gateway,
    id: ApplicationId,
    wanted: &'a Wanted,
    found: &'a logs::Logs,
    tail: Option<usize>,
    follow: bool,
}

impl Asked<'_> {
    /// Prints JSON. Returns what could not be read.
    async fn print_json(&self, context: &Context) -> Result<Vec<LogsError>, Failure> {
        let mut sink = json::Lines::new(BufWriter::with_capacity(64 * 1024, io::stdout()), self.tail);
        let Read { progress, failed } = self.found.read(self.wanted, &mut sink).await?;
        if !self.follow {
            return Ok(failed);
        }
        self.go_on(context, &failed)?;
        sink.tail = Tail::new(None);
        Ok(logs::follow(self.gateway.into(), self.id, self.wanted, self.found, progress, &mut sink).await?)
    }

    /// Prints text. Returns what could not be read.
    async fn print(&self, context: &Context) -> Result<Vec<LogsError>, Failure> {
        let to = Shown::new(BufWriter::with_capacity(64 * 1024, io::stdout()));
        let mut sink = Print { to, tail: Tail::new(self.tail) };
        let Read { progress, failed } = self.found.read(self.wanted, &mut sink).await?;
        sink.to.flush()?;
        if !self.follow {
            return Ok(failed);
        }
        self.go_on(context, &failed)?;
        let mut sink = Following { to: sink.to, last: None };
        let failed =
            logs::follow(self.gateway.into(), self.id, self.wanted, self.found, progress, &mut sink).await?;
        sink.to.flush()?;
        Ok(failed)
    }

    /// Reports that nodes that have `failed` will be asked again.
    fn go_on(&self, context: &Context, failed: &[LogsError]) -> Result<(), Failure> {
        super::wait_out(context, self.gateway)?;
        failed.iter().for_each(|error| warn(context, error));
        Ok(())
    }
}

/// `unseen`: places that may contain more. What could not be read is reported as an error at the end, after all the rest.
fn ended(
    context: &Context,
    unseen: Vec<LogsError>,
    mut failed: Vec<LogsError>,
) -> Result<ExitStatus, Failure> {
    unseen.iter().for_each(|error| warn(context, error));
    let last = failed.pop();
    failed.iter().for_each(|error| warn(context, error));
    match last {
        Some(error) => Err(error.into()),
        None => Ok(ExitStatus::Success),
    }
}

fn warn(context: &Context, error: &LogsError) {
    let causes = std::iter::successors(error.source(), |error| (*error).source());
    let text = causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"));
    context.printer.warning(&text);
}

/// The time in the format of `yarn logs` (`Times.format`).
fn modified(file: &LogFile) -> String {
    let time = || {
        let time = Timestamp::from_millisecond(file.modified_ms?).ok()?.to_zoned(TimeZone::system());
        Some(time.strftime("%a %b %d %H:%M:%S %z %Y").to_string())
    };
    file.modified.clone().or_else(time).unwrap_or_default()
}

/// Keeps the last lines of a file, if only these are wanted.
struct Tail {
    lines: Option<usize>,
    kept: VecDeque<Vec<u8>>,
}

impl Tail {
    fn new(lines: Option<usize>) -> Self {
        Self { lines, kept: VecDeque::new() }
    }

    /// Returns what can be written now.
    fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Some(lines) = self.lines else { return bytes };
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            match self.kept.back_mut().filter(|last| !last.ends_with(b"\n")) {
                Some(last) => last.extend_from_slice(line),
                None => self.kept.push_back(line.to_vec()),
            }
            while self.kept.len() > lines {
                self.kept.pop_front();
            }
        }
        &[]
    }

    fn end(&mut self, to: &mut impl Write) -> io::Result<()> {
        self.kept.drain(..).try_for_each(|line| to.write_all(&line))
    }

    /// Returns everything that was kept.
    fn all(&mut self) -> Vec<u8> {
        self.kept.drain(..).flatten().collect()
    }
}

/// Standard output. Control characters are not sent to a terminal: the text comes from arbitrary programs.
struct Shown<W: Write> {
    to: W,
    is_terminal: bool,
    /// Whether the last byte was the first half of what may be a control character in UTF-8 (U+0080 to U+009F).
    half: bool,
}

impl<W: Write> Shown<W> {
    fn new(to: W) -> Self {
        Self { to, is_terminal: io::stdout().is_terminal(), half: false }
    }
}

impl<W: Write> Write for Shown<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_terminal {
            return self.to.write(bytes);
        }
        let mut shown = Vec::with_capacity(bytes.len() + 1);
        for &byte in bytes {
            let half = std::mem::replace(&mut self.half, byte == 0xc2);
            if half && (0x80..0xa0).contains(&byte) {
                shown.push(b' ');
                continue;
            }
            if half {
                shown.push(0xc2);
            }
            match byte {
                0xc2 => {}
                b'\n' | b'\t' => shown.push(byte),
                0..0x20 | 0x7f => shown.push(b' '),
                _ => shown.push(byte),
            }
        }
        self.to.write_all(&shown)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// Prints files one after the other.
struct Print<W: Write> {
    to: W,
    tail: Tail,
}

impl<W: Write + Send> Sink for Print<W> {
    fn begin(&mut self, file: &LogFile) -> io::Result<ControlFlow<()>> {
        self.to.write_all(logs::header(file, &modified(file)).as_bytes())?;
        Ok(ControlFlow::Continue(()))
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(self.tail.take(bytes))
    }

    fn end(&mut self, file: &LogFile) -> io::Result<()> {
        self.tail.end(&mut self.to)?;
        self.to.write_all(logs::footer(file).as_bytes())?;
        self.to.flush()
    }
}

/// Prints what is written from now on, and the name of the file whenever it changes.
struct Following<W: Write> {
    to: W,
    last: Option<(String, String)>,
}

impl<W: Write + Send> Sink for Following<W> {
    fn begin(&mut self, file: &LogFile) -> io::Result<ControlFlow<()>> {
        let this = (file.container.clone(), file.name.clone());
        if self.last.as_ref() != Some(&this) {
            writeln!(self.to, "==> {} of {} on {} <==", file.name, file.container, file.node)?;
            self.last = Some(this);
        }
        Ok(ControlFlow::Continue(()))
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)
    }

    fn end(&mut self, _: &LogFile) -> io::Result<()> {
        self.to.flush()
    }
}

/// Writes each log into a file of its own.
struct Files {
    directory: PathBuf,
    tail: Option<usize>,
    open: Option<(BufWriter<File>, Tail)>,
    /// Files that have been opened; a log that was aggregated in pieces arrives in pieces.
    written: BTreeSet<PathBuf>,
}

impl Sink for Files {
    fn begin(&mut self, file: &LogFile) -> io::Result<ControlFlow<()>> {
        // Names come from the cluster: none may point outside the directory.
        let part = |name: &str| match name {
            "" | "." | ".." => "_".to_owned(),
            name => name.replace(['/', '\0'], "_"),
        };
        let folder = self.directory.join(part(&file.node.replace(':', "_"))).join(part(&file.container));
        std::fs::create_dir_all(&folder)?;
        let path = folder.join(part(&file.name));
        // Files of an earlier call are overwritten.
        let opened = match self.written.contains(&path) {
            true => File::options().append(true).open(&path)?,
            false => File::create(&path)?,
        };
        self.written.insert(path);
        self.open = Some((BufWriter::new(opened), Tail::new(self.tail)));
        Ok(ControlFlow::Continue(()))
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.open {
            Some((to, tail)) => to.write_all(tail.take(bytes)),
            None => Ok(()),
        }
    }

    fn end(&mut self, _: &LogFile) -> io::Result<()> {
        if let Some((mut to, mut tail)) = self.open.take() {
            tail.end(&mut to)?;
            to.flush()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_of_logs_do_not_reach_a_terminal() {
        let mut shown = Shown { to: Vec::new(), is_terminal: true, half: false };
        for part in ["a\x1b[31mb\r\n\tü", "\u{9b}2J", "é"].concat().as_bytes().chunks(2) {
            shown.write_all(part).expect("memory");
        }
        assert_eq!(String::from_utf8(shown.to).expect("text"), "a [31mb \n\tü 2Jé");
    }

    #[test]
    fn tail_keeps_the_last_lines_however_they_are_split() {
        for step in [1, 3, 100] {
            let mut tail = Tail::new(Some(2));
            for part in b"one\ntwo\nthree\nfour".chunks(step) {
                assert!(tail.take(part).is_empty());
            }
            let mut kept = Vec::new();
            tail.end(&mut kept).expect("memory");
            assert_eq!(kept, b"three\nfour", "{step}");
        }
        let mut none = Tail::new(Some(0));
        none.take(b"one\ntwo");
        assert!(none.kept.is_empty());
        assert_eq!(Tail::new(None).take(b"all"), b"all");
    }

    #[test]
    fn files_stay_below_their_directory() {
        let directory = tempfile::tempdir().expect("a directory");
        let files = || Files {
            directory: directory.path().to_owned(),
            tail: None,
            open: None,
            written: BTreeSet::new(),
        };
        let file = LogFile {
            container: "..".to_owned(),
            node: "n1:8041".to_owned(),
            name: "../../a.log".to_owned(),
            length: 2,
            modified_ms: None,
            modified: None,
            origin: logs::Origin::Local,
        };
        // A second call with the same directory writes the same.
        for mut files in [files(), files()] {
            for part in ["a", "b"] {
                assert!(files.begin(&file).expect("a file").is_continue());
                files.content(part.as_bytes()).expect("written");
                files.end(&file).expect("closed");
            }
            let written = std::fs::read_to_string(directory.path().join("n1_8041/_/.._.._a.log"));
            assert_eq!(written.expect("the file"), "ab");
        }
    }
}
