//! How far each file has been handed on, while log libraries roll files away and nodes collect them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::ControlFlow;

use super::{LogFile, Origin, Sink, Wanted};
use crate::yarn::container_logs::LocalLog;

/// Container and file.
type Key = (String, String);

/// How far [`Logs::read`](super::Logs::read) has come, for [`follow`](super::follow) to go on from there.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Bytes of what was collected, or is no longer on its node. A name may have been used more than once.
    closed: BTreeMap<Key, u64>,
    /// Bytes of files that are on their nodes.
    open: BTreeMap<Key, u64>,
    /// Bytes that have been handed on under this name, of a file that has another one now.
    moved: BTreeMap<Key, u64>,
}

impl Progress {
    /// What to read of the files that a container has now: which, and from where.
    pub(super) fn plan(&mut self, container: &str, files: &[LocalLog], wanted: &Wanted) -> Vec<(usize, u64)> {
        let key = |name: &str| (container.to_owned(), name.to_owned());
        let gone = |of: &Key| of.0 == container && files.iter().all(|file| file.name != of.1);
        self.open.retain(|key, length| {
            let gone = gone(key);
            if gone {
                *self.closed.entry(key.clone()).or_default() += *length;
            }
            !gone
        });
        let mut order: Vec<usize> = (0..files.len()).collect();
        // What was rolled away is older than what is written now.
        order.sort_by_key(|at| rolled(&files[*at].name).map_or(u64::MAX, |(_, number)| number));
        let mut parts = Vec::new();
        for at in order {
            let LocalLog { name, length, .. } = &files[at];
            let base = rolled(name).map(|(base, _)| base);
            let from = match self.open.get(&key(name)) {
                Some(from) if from <= length => *from,
                // It begins anew; what it was has been rolled away, and collected before anybody looked.
                Some(from) => {
                    self.moved.insert(key(name), *from);
                    0
                }
                // The rest of what has been read under the name it had.
                None => base.map_or(0, |base| self.under(&key(base))).min(*length),
            };
            self.open.insert(key(name), from);
            if from < *length && (wanted.file(name) || base.is_some_and(|base| wanted.file(base))) {
                parts.push((at, from));
            }
        }
        parts
    }

    /// Bytes that have been handed on under a name, of a file that has got another one.
    fn under(&mut self, name: &Key) -> u64 {
        let moved = self.moved.remove(name);
        moved.unwrap_or_else(|| self.open.get_mut(name).map(std::mem::take).unwrap_or(0))
    }

    /// A file on a node has been handed on up to `to`.
    pub(super) fn read(&mut self, container: &str, name: &str, to: u64) {
        self.open.insert((container.to_owned(), name.to_owned()), to);
    }
}

/// `taskmanager.log.3`: name and number. Log4j's numbers grow (`fileIndex=max`, as in Flink's configurations).
fn rolled(name: &str) -> Option<(&str, u64)> {
    let (base, number) = name.rsplit_once('.')?;
    Some((base, number.parse().ok()?))
}

/// Notes what is handed on.
pub(super) struct Noting<'a> {
    pub(super) progress: Progress,
    sink: &'a mut dyn Sink,
    /// Bytes of the file that is being read.
    count: u64,
}

impl<'a> Noting<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink) -> Self {
        Self { progress: Progress::default(), sink, count: 0 }
    }

    /// The file was rolled away after it had been listed: what is read is another one.
    pub(super) fn renewed(&mut self, file: &LogFile) {
        self.progress.moved.insert((file.container.clone(), file.name.clone()), 0);
    }

    /// A file on a node is there, but not wanted.
    pub(super) fn passed_over(&mut self, container: &str, file: &LocalLog) {
        self.progress.read(container, &file.name, file.length);
    }
}

impl Sink for Noting<'_> {
    fn begin(&mut self, file: &LogFile) -> io::Result<ControlFlow<()>> {
        self.count = 0;
        self.sink.begin(file)
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.count += bytes.len() as u64;
        self.sink.content(bytes)
    }

    fn end(&mut self, file: &LogFile) -> io::Result<()> {
        let of = match file.origin {
            Origin::Aggregated => &mut self.progress.closed,
            Origin::Local => &mut self.progress.open,
        };
        *of.entry((file.container.clone(), file.name.clone())).or_default() += self.count;
        self.sink.end(file)
    }
}

/// Leaves out what has been handed on.
pub(super) struct Rest<'a> {
    handed_on: BTreeMap<Key, u64>,
    moved: BTreeMap<Key, u64>,
    /// Length and time of what has been seen: nodes that write indexed files collect the same file again and again.
    met: BTreeSet<(Key, u64, Option<i64>)>,
    /// Of the file that is being read.
    skip: u64,
    sink: &'a mut dyn Sink,
}

impl<'a> Rest<'a> {
    pub(super) fn new(progress: Progress, sink: &'a mut dyn Sink) -> Self {
        let Progress { closed: mut handed_on, open, moved } = progress;
        for (key, length) in open {
            *handed_on.entry(key).or_default() += length;
        }
        Self { handed_on, moved, met: BTreeSet::new(), skip: 0, sink }
    }
}

impl Sink for Rest<'_> {
    fn begin(&mut self, file: &LogFile) -> io::Result<ControlFlow<()>> {
        // A name that was used more than once comes as often, the oldest first.
        let key = |name: &str| (file.container.clone(), name.to_owned());
        if !self.met.insert((key(&file.name), file.length, file.modified_ms)) {
            return Ok(ControlFlow::Break(()));
        }
        let left = self.handed_on.entry(key(&file.name)).or_default();
        if let (0, Some((base, _))) = (*left, rolled(&file.name)) {
            *left = self.moved.remove(&key(base)).unwrap_or(0);
        }
        self.skip = (*left).min(file.length);
        *left -= self.skip;
        if self.skip == file.length {
            return Ok(ControlFlow::Break(()));
        }
        self.sink.begin(file)
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skipped as u64;
        self.sink.content(&bytes[skipped..])
    }

    fn end(&mut self, file: &LogFile) -> io::Result<()> {
        self.sink.end(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const C: &str = "container_1_0001_01_000002";

    fn files(of: &[(&str, u64)]) -> Vec<LocalLog> {
        of.iter()
            .map(|(name, length)| LocalLog {
                name: (*name).to_owned(),
                length: *length,
                modified: String::new(),
            })
            .collect()
    }

    /// Looks, and reads everything.
    fn look<'a>(progress: &mut Progress, of: &[(&'a str, u64)], wanted: &Wanted) -> Vec<(&'a str, u64)> {
        let parts = progress.plan(C, &files(of), wanted);
        for (at, _) in &parts {
            progress.read(C, of[*at].0, of[*at].1);
        }
        parts.into_iter().map(|(at, from)| (of[at].0, from)).collect()
    }

    #[test]
    fn a_file_that_is_rolled_away_is_read_to_its_end() {
        let wanted = Wanted { files: vec!["a.log".to_owned()], ..Wanted::default() };
        let mut progress = Progress::default();
        progress.read(C, "a.log", 10);
        // Was there before, and was not wanted.
        progress.read(C, "a.log.1", 50);
        assert_eq!(look(&mut progress, &[("a.log", 12), ("a.log.1", 50)], &wanted), [("a.log", 10)]);
        let rolled = [("a.log", 3), ("a.log.1", 50), ("a.log.2", 40)];
        assert_eq!(look(&mut progress, &rolled, &wanted), [("a.log.2", 12), ("a.log", 0)]);
        assert_eq!(look(&mut progress, &rolled, &wanted), []);
        // Listed while it was renamed: its new name is missing.
        assert_eq!(look(&mut progress, &[("a.log", 2), ("a.log.2", 40)], &wanted), [("a.log", 0)]);
        let renamed = [("a.log", 3), ("a.log.2", 40), ("a.log.3", 60)];
        assert_eq!(look(&mut progress, &renamed, &wanted), [("a.log.3", 3), ("a.log", 2)]);
        // The node has collected them, and the numbers begin anew.
        assert_eq!(look(&mut progress, &[("a.log", 5)], &wanted), [("a.log", 3)]);
        let again = [("a.log", 30), ("a.log.1", 45)];
        assert_eq!(look(&mut progress, &again, &wanted), [("a.log.1", 5), ("a.log", 0)]);
    }

    #[test]
    fn what_is_not_rolled_stands_for_itself() {
        let mut progress = Progress::default();
        let all = Wanted::default();
        progress.read(C, "a.out", 7);
        assert_eq!(look(&mut progress, &[("a.out", 7)], &all), []);
        assert_eq!(look(&mut progress, &[("a.out", 7), ("b.log", 2)], &all), [("b.log", 0)]);
        assert_eq!(look(&mut progress, &[("a.out", 4), ("b.log", 2)], &all), [("a.out", 0)]);
        assert_eq!(look(&mut progress, &[("a.out", 4), ("b.log.1", 1)], &all), [("b.log.1", 0)]);
    }

    #[derive(Default)]
    struct Kept(Vec<u8>);

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

    /// Two pieces under one name, of which the first and half of the second have been handed on.
    #[test]
    fn the_rest_is_what_nobody_has_seen() {
        let pieces: [&[u8]; 3] = [b"one", b"three", b"five"];
        let give = |sink: &mut dyn Sink, origin, count: usize| {
            for (nth, piece) in (0..).zip(&pieces[..count]) {
                let file = LogFile {
                    container: C.to_owned(),
                    node: "n1_1".to_owned(),
                    name: "a.log.1".to_owned(),
                    length: piece.len() as u64,
                    modified_ms: Some(nth),
                    modified: None,
                    origin,
                };
                if sink.begin(&file).expect("memory").is_continue() {
                    piece.chunks(2).try_for_each(|part| sink.content(part)).expect("memory");
                    sink.end(&file).expect("memory");
                }
            }
        };
        let mut kept = Kept::default();
        let mut noting = Noting::new(&mut kept);
        give(&mut noting, Origin::Aggregated, 1);
        let mut progress = noting.progress;
        progress.read(C, "a.log.1", 2);
        kept.0.clear();
        give(&mut Rest::new(progress, &mut kept), Origin::Aggregated, 3);
        assert_eq!(kept.0, b"reefive");

        // Collected under another name before anybody looked.
        let mut progress = Progress::default();
        progress.read(C, "a.log", 2);
        assert_eq!(look(&mut progress, &[("a.log", 1)], &Wanted::default()), [("a.log", 0)]);
        kept.0.clear();
        give(&mut Rest::new(progress, &mut kept), Origin::Aggregated, 2);
        assert_eq!(kept.0, b"ethree");
    }
}
