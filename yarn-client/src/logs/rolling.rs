//! A container whose logging library rolls its file, on a node that aggregates rolled files, and a follower with pauses
//! of any length: every line must be read exactly once.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::fresh::{Found, Fresh};
use super::progress::{Noting, Rest};
use super::{LogFile, Origin, Progress, Sink, Wanted};
use crate::yarn::container_logs::LocalLog;

const CONTAINER: &str = "container_1_0001_01_000002";
const BASE: &str = "a.log";

#[derive(Debug, Clone)]
enum Step {
    /// This many lines are written.
    Write(u8),
    /// The file gets the next free number, and a new one is started.
    Roll,
    /// Only the first half of that: for a moment there is no file with that name.
    Rename,
    /// The node aggregates rolled files into the cluster's file system.
    Collect,
    /// The follower polls; the given step happens between the list and the first file's content.
    Look(Box<Option<Self>>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let change = prop_oneof![
        4 => (1..40_u8).prop_map(Step::Write),
        2 => Just(Step::Roll),
        1 => Just(Step::Rename),
        1 => Just(Step::Collect),
    ];
    let look = prop::option::of(change.clone()).prop_map(|between| Step::Look(Box::new(between)));
    prop::collection::vec(prop_oneof![3 => change, 2 => look], 1..60)
}

#[derive(Default)]
struct Node {
    /// By name: content and time of the last write.
    files: BTreeMap<String, (Vec<u8>, u32)>,
    collected: Vec<(String, Vec<u8>, u32)>,
    lines: u32,
    time: u32,
}

impl Node {
    fn step(&mut self, step: &Step) {
        self.time += 1;
        let time = self.time;
        match step {
            Step::Write(lines) => {
                let (content, modified) = self.files.entry(BASE.to_owned()).or_default();
                for _ in 0..*lines {
                    self.lines += 1;
                    content.extend_from_slice(format!("line {:06}\n", self.lines).as_bytes());
                }
                *modified = time;
            }
            Step::Rename | Step::Roll => {
                let Some(file) = self.files.remove(BASE) else { return };
                let numbers =
                    self.files.keys().filter_map(|name| name.rsplit_once('.')?.1.parse::<u32>().ok());
                let next = numbers.max().unwrap_or(0) + 1;
                self.files.insert(format!("{BASE}.{next}"), file);
                if matches!(step, Step::Roll) {
                    self.files.insert(BASE.to_owned(), (Vec::new(), time));
                }
            }
            Step::Collect => self.collect(|name| name != BASE),
            Step::Look(_) => {}
        }
    }

    fn collect(&mut self, which: impl Fn(&str) -> bool) {
        // In the order of `rolled`: the oldest first.
        let mut names: Vec<String> = self.files.keys().filter(|name| which(name)).cloned().collect();
        names.sort_by_key(|name| {
            name.rsplit_once('.').and_then(|(_, nth)| nth.parse().ok()).unwrap_or(u32::MAX)
        });
        for name in names {
            if let Some((content, _)) = self.files.remove(&name) {
                // Each time into a file of its own, with that time.
                self.collected.push((name, content, self.time));
            }
        }
    }

    fn list(&self) -> Vec<LocalLog> {
        self.files.iter().map(|(name, (content, modified))| listed(name, content, *modified)).collect()
    }

    /// Passes on the last bytes of a file in pieces; nothing if the file does not exist.
    fn read(&self, name: &str, last: u64, take: &mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>) {
        let Some((content, _)) = self.files.get(name) else { return };
        let begin = content.len().saturating_sub(usize::try_from(last).expect("small"));
        for part in content[begin..].chunks(50) {
            if take(content.len() as u64, part).is_break() {
                return;
            }
        }
    }
}

fn listed(name: &str, content: &[u8], modified: u32) -> LocalLog {
    LocalLog { name: name.to_owned(), length: content.len() as u64, modified: modified.to_string() }
}

fn log_file(listed: &LocalLog, origin: Origin) -> LogFile {
    LogFile {
        container: CONTAINER.to_owned(),
        node: "n1:1".to_owned(),
        name: listed.name.clone(),
        length: listed.length,
        modified_ms: listed.modified.parse().ok(),
        modified: Some(listed.modified.clone()),
        origin,
    }
}

fn look(
    node: &mut Node,
    progress: &mut Progress,
    wanted: &Wanted,
    mut between: Option<Step>,
    kept: &mut Kept,
) {
    let files = node.list();
    let mut pieces = progress.plan(CONTAINER, &files, wanted).into_iter();
    if let Some(step) = between.take() {
        node.step(&step);
    }
    while let Some(piece) = pieces.next() {
        let listed = &files[piece.at];
        let log = log_file(listed, Origin::Local);
        let (mut place, mut slack) = (piece.place.clone(), 8);
        let found = loop {
            let last = listed.length - place.to + slack;
            let mut fresh = Fresh::new(&log, place, kept);
            node.read(&listed.name, last, &mut |whole, part| fresh.take(whole, last, part));
            match fresh.end().expect("memory") {
                Found::More(same) => place = same,
                found => break found,
            }
            slack *= 4;
        };
        if progress.settle(CONTAINER, &files, piece, found, &mut pieces).is_break() {
            return;
        }
    }
}

/// Keeps what it is given.
#[derive(Default)]
pub(super) struct Kept(pub(super) Vec<u8>);

impl Sink for Kept {
    fn begin(&mut self, _: &LogFile) -> io::Result<ControlFlow<()>> {
        Ok(ControlFlow::Continue(()))
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self, _: &LogFile) -> io::Result<()> {
        Ok(())
    }
}

/// Passes on a whole file, as the first and the last reading do.
fn whole(sink: &mut dyn Sink, listed: &LocalLog, content: &[u8], origin: Origin) {
    let log = log_file(listed, origin);
    if sink.begin(&log).expect("memory").is_continue() {
        content.chunks(50).try_for_each(|part| sink.content(part)).expect("memory");
        sink.end(&log).expect("memory");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]
    #[test]
    fn every_line_of_rolling_files_is_read_once(before in steps(), during in steps()) {
        let mut node = Node::default();
        before.iter().for_each(|step| node.step(step));
        let wanted = Wanted { files: vec![BASE.to_owned()], rolled: true, ..Wanted::default() };
        let mut kept = Kept::default();
        let mut noting = Noting::new(&mut kept);
        // Rolled files that exist at first are not requested.
        for (name, content, modified) in &node.collected {
            noting.passed_over(&log_file(&listed(name, content, *modified), Origin::Aggregated));
        }
        for listed in node.list() {
            if listed.name == BASE {
                whole(&mut noting, &listed, &node.files[BASE].0, Origin::Local);
            } else {
                noting.passed_over(&log_file(&listed, Origin::Local));
            }
        }
        let mut progress = noting.progress;
        let old = node.lines - u32::try_from(kept.0.len()).expect("small") / 12;
        for step in &during {
            match step {
                Step::Look(between) => look(&mut node, &mut progress, &wanted, *between.clone(), &mut kept),
                step => node.step(step),
            }
        }
        node.collect(|_| true);
        let mut rest = Rest::new(progress, &mut kept);
        for (name, content, modified) in &node.collected {
            whole(&mut rest, &listed(name, content, *modified), content, Origin::Aggregated);
        }
        let told = String::from_utf8(kept.0).expect("text");
        let mut told: Vec<&str> = told.lines().collect();
        told.sort_unstable();
        let expected: Vec<String> = (old + 1..=node.lines).map(|number| format!("line {number:06}")).collect();
        prop_assert_eq!(told, expected);
    }
}
