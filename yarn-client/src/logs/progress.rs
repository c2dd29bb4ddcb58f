//! How far each file has been read, while logging libraries roll files and nodes aggregate them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::ControlFlow;

use super::fresh::Found;
use super::{LogFile, Origin, Sink, Wanted};
use crate::yarn::container_logs::LocalLog;

/// Container and file name.
type Key = (String, String);

/// This many bytes distinguish a file from another one with its name.
const MARK: usize = 256;

/// How far a file has been passed on, and how to recognize it: logging libraries and nodes reuse names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of bytes.
    pub(super) to: u64,
    /// The first of them; empty for a file that was skipped.
    head: Vec<u8>,
    /// The last of them.
    tail: Vec<u8>,
    /// When the file was last written to.
    pub(super) modified: Option<String>,
}

impl Place {
    pub(super) fn advance(&mut self, bytes: &[u8]) {
        if self.to == self.head.len() as u64 {
            let left = MARK - self.head.len();
            self.head.extend_from_slice(&bytes[..bytes.len().min(left)]);
        }
        self.to += bytes.len() as u64;
        Self::keep_last(&mut self.tail, bytes);
    }

    pub(super) fn keep_last(tail: &mut Vec<u8>, bytes: &[u8]) {
        tail.extend_from_slice(&bytes[bytes.len().saturating_sub(MARK)..]);
        tail.drain(..tail.len().saturating_sub(MARK));
    }

    /// Whether all of a file with this length, last written to at that time, has been passed on.
    fn is_all(&self, length: u64, modified: &str) -> bool {
        self.to == length && self.modified.as_ref().is_none_or(|at| at == modified)
    }

    /// Whether it can be the file that was read. One that was already rolled when it was skipped does not grow.
    fn may_be(&self, length: u64, modified: &str, rolled: bool) -> bool {
        match rolled {
            true if self.tail.is_empty() => self.to > 0 && self.is_all(length, modified),
            true => (1..=length).contains(&self.to),
            false => self.to <= length,
        }
    }

    /// Whether a file that has these bytes before this place is the one that was read.
    pub(super) fn ends_with(&self, before: &[u8]) -> bool {
        before.iter().rev().zip(self.tail.iter().rev()).all(|(one, other)| one == other)
    }
}

/// A file to continue with.
#[derive(Debug)]
pub(super) struct Piece {
    /// Its index in the list of files.
    pub(super) at: usize,
    /// Where to continue.
    pub(super) place: Place,
    taken: Taken,
}

/// The name under which a file was known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    /// Its own.
    Same,
    /// The name from which it was rolled, as it was not known that another file has that name now.
    Open,
    /// The name from which it was rolled: which of the files that had it.
    Moved(usize),
}

/// How far [`Logs::read`](super::Logs::read) has got, for [`follow`](super::follow) to resume from there.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Files that were aggregated, or are no longer on their node. A name may have been used more than once.
    closed: BTreeMap<Key, Vec<Place>>,
    /// Files that are on their nodes.
    open: BTreeMap<Key, Place>,
    /// What has been passed on under this name, from files that have other names now, the oldest first.
    moved: BTreeMap<Key, Vec<Place>>,
    /// Places that could have been a rolled file's, but turned out to be others'.
    tried: BTreeMap<Key, Vec<Place>>,
}

impl Progress {
    /// What to read from the files that a container has now.
    pub(super) fn plan(&mut self, container: &str, files: &[LocalLog], wanted: &Wanted) -> Vec<Piece> {
        let key = |name: &str| (container.to_owned(), name.to_owned());
        let names: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
        let gone = |of: &Key| of.0 == container && !names.contains(of.1.as_str());
        let gone: Vec<_> =
            self.open.iter().filter(|(key, _)| gone(key)).map(|(k, p)| (k.clone(), p.clone())).collect();
        for (key, place) in gone {
            self.lost(&key, place);
        }
        let mut order: Vec<usize> = (0..files.len()).collect();
        // Rolled files are older than the one that is being written.
        order.sort_by_key(|at| rolled(&files[*at].name).map_or(u64::MAX, |(_, number)| number));
        let mut pieces = Vec::new();
        for at in order {
            let LocalLog { name, length, modified } = &files[at];
            let base = rolled(name).map(|(base, _)| base);
            let (place, taken) = match self.open.get(&key(name)) {
                Some(place) if place.may_be(*length, modified, base.is_some()) => {
                    (place.clone(), Taken::Same)
                }
                other => {
                    if let Some(place) = other.cloned() {
                        self.lost(&key(name), place);
                    }
                    // Resume from what has been read under its former name.
                    match base {
                        Some(base) => self.under(&key(base), *length, &key(name)),
                        None => (Place::default(), Taken::Same),
                    }
                }
            };
            self.open.insert(key(name), place.clone());
            let untouched = place.is_all(*length, modified);
            if !untouched && wanted.file(name) {
                pieces.push(Piece { at, place, taken });
            }
        }
        pieces
    }

    /// What has been passed on under a name, from a file of this length that has another name now.
    fn under(&mut self, name: &Key, length: u64, rolled: &Key) -> (Place, Taken) {
        let tried = self.tried.get(rolled).map_or(&[][..], Vec::as_slice);
        let fits = |place: &Place| (1..=length).contains(&place.to) && !tried.contains(place);
        let moved = self.moved.entry(name.clone()).or_default();
        if let Some(newest) = moved.iter().rposition(fits) {
            return (moved.remove(newest), Taken::Moved(newest));
        }
        match self.open.get_mut(name).filter(|place| fits(place)) {
            Some(place) => (std::mem::take(place), Taken::Open),
            None => (Place::default(), Taken::Same),
        }
    }

    /// Records that a file on a node has been passed on up to a place.
    pub(super) fn read(&mut self, container: &str, name: &str, place: Place) {
        let key = (container.to_owned(), name.to_owned());
        self.tried.remove(&key);
        self.open.insert(key, place);
    }

    /// Processes the result for a piece. `Break`: the `rest` of this poll may be based on a wrong assumption, and the
    /// next poll starts with what is known now.
    pub(super) fn settle(
        &mut self,
        container: &str,
        files: &[LocalLog],
        piece: Piece,
        found: Found,
        rest: &mut std::vec::IntoIter<Piece>,
    ) -> ControlFlow<()> {
        let name = &files[piece.at].name;
        let key = |name: &str| (container.to_owned(), name.to_owned());
        let another = match found {
            Found::Same(place) => {
                self.read(container, name, place);
                return ControlFlow::Continue(());
            }
            Found::Nothing | Found::More(_) if piece.taken == Taken::Same => {
                return ControlFlow::Continue(());
            }
            Found::Nothing | Found::More(_) => false,
            Found::Another => true,
        };
        for piece in rest.rev() {
            self.give_back(container, &files[piece.at].name, piece);
        }
        if piece.taken != Taken::Same {
            if another {
                self.tried.entry(key(name)).or_default().push(piece.place.clone());
            }
            self.give_back(container, name, piece);
        } else {
            self.lost(&key(name), piece.place);
        }
        ControlFlow::Break(())
    }

    /// A file's name now belongs to another file: it has been aggregated (and its number is reused), or rolled and
    /// perhaps aggregated between two polls.
    fn lost(&mut self, key: &Key, place: Place) {
        self.open.remove(key);
        if rolled(&key.1).is_some() {
            self.closed.entry(key.clone()).or_default().push(place);
        } else {
            self.moved.entry(key.clone()).or_default().push(place);
        }
    }

    /// A rolled file was not examined: the place assumed for it may be another's.
    fn give_back(&mut self, container: &str, name: &str, piece: Piece) {
        let Some((base, _)) = rolled(name) else { return };
        let base = (container.to_owned(), base.to_owned());
        match piece.taken {
            Taken::Same => return,
            Taken::Open => _ = self.open.insert(base, piece.place),
            Taken::Moved(nth) => self.moved.entry(base).or_default().insert(nth, piece.place),
        }
        self.open.remove(&(container.to_owned(), name.to_owned()));
    }
}

/// `taskmanager.log.3`: name and number. Log4j's numbers increase (`fileIndex=max`, as in Flink's configurations).
pub(super) fn rolled(name: &str) -> Option<(&str, u64)> {
    let (base, number) = name.rsplit_once('.')?;
    Some((base, number.parse().ok()?))
}

/// Records what is passed on.
pub(super) struct Noting<'a> {
    pub(super) progress: Progress,
    sink: &'a mut dyn Sink,
    /// The place in the current file.
    place: Place,
}

impl<'a> Noting<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink) -> Self {
        Self { progress: Progress::default(), sink, place: Place::default() }
    }

    fn note(&mut self, file: &LogFile, place: Place) {
        let key = (file.container.clone(), file.name.clone());
        match file.origin {
            Origin::Aggregated => self.progress.closed.entry(key).or_default().push(place),
            Origin::Local => _ = self.progress.open.insert(key, place),
        }
    }
}

impl Sink for Noting<'_> {
    fn begin(&mut self, file: &LogFile) -> io::Result<ControlFlow<()>> {
        self.place = Place { modified: file.modified.clone(), ..Place::default() };
        self.sink.begin(file)
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.place.advance(bytes);
        self.sink.content(bytes)
    }

    fn end(&mut self, file: &LogFile) -> io::Result<()> {
        let place = std::mem::take(&mut self.place);
        self.note(file, place);
        self.sink.end(file)
    }

    /// What was not requested at first is still left out when it is aggregated, or when what is written later is requested.
    fn passed_over(&mut self, file: &LogFile) {
        let place = Place { to: file.length, modified: file.modified.clone(), ..Place::default() };
        self.note(file, place);
    }
}

/// Leaves out what has already been passed on.
pub(super) struct Rest<'a> {
    /// How far files have been passed on, and under which name.
    places: Vec<(Key, Place)>,
    /// Length and time of files seen so far: nodes that write indexed files aggregate the same file repeatedly.
    met: BTreeSet<(Key, u64, Option<i64>)>,
    /// The current file, while its first bytes do not show which one it is.
    head: Option<(LogFile, Vec<u8>)>,
    /// Bytes of the current file still to skip.
    skip: u64,
    begun: bool,
    sink: &'a mut dyn Sink,
}

impl<'a> Rest<'a> {
    pub(super) fn new(progress: Progress, sink: &'a mut dyn Sink) -> Self {
        let Progress { closed, open, moved, tried: _ } = progress;
        let several = closed.into_iter().chain(moved);
        let several =
            several.flat_map(|(key, places)| places.into_iter().map(move |place| (key.clone(), place)));
        Self {
            places: several.chain(open).collect(),
            met: BTreeSet::new(),
            head: None,
            skip: 0,
            begun: false,
            sink,
        }
    }

    /// Whether the file was skipped; only name and length of such a file are known.
    fn passed_over_before(&mut self, file: &LogFile) -> bool {
        let known = self.places.iter().position(|((container, name), place)| {
            *container == file.container
                && *name == file.name
                && place.head.is_empty()
                && place.to == file.length
        });
        known.map(|nth| self.places.swap_remove(nth)).is_some()
    }

    /// How much of a file with these first bytes has been passed on, under whatever name.
    fn handed_on(&mut self, file: &LogFile, head: &[u8]) -> u64 {
        let base = |name: &str| rolled(name).map_or(name, |(base, _)| base).to_owned();
        let it_is = |(key, place): &(Key, Place)| {
            key.0 == file.container
                && base(&key.1) == base(&file.name)
                && (1..=file.length).contains(&place.to)
                && if place.head.is_empty() { key.1 == file.name } else { head.starts_with(&place.head) }
        };
        let nth = self.places.iter().position(it_is);
        nth.map_or(0, |nth| self.places.swap_remove(nth).1.to)
    }

    fn decide(&mut self) -> io::Result<()> {
        let Some((file, head)) = self.head.take() else { return Ok(()) };
        self.skip = self.handed_on(&file, &head);
        self.begun = self.skip < file.length;
        if self.begun {
            // The follower has requested it.
            let _ = self.sink.begin(&file)?;
        }
        self.content(&head)
    }
}

impl Sink for Rest<'_> {
    fn begin(&mut self, file: &LogFile) -> io::Result<ControlFlow<()>> {
        let key = (file.container.clone(), file.name.clone());
        if !self.met.insert((key, file.length, file.modified_ms)) || self.passed_over_before(file) {
            return Ok(ControlFlow::Break(()));
        }
        self.head = Some((file.clone(), Vec::new()));
        Ok(ControlFlow::Continue(()))
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Some((_, head)) = &mut self.head {
            head.extend_from_slice(bytes);
            return if head.len() < MARK { Ok(()) } else { self.decide() };
        }
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skipped as u64;
        if skipped == bytes.len() { Ok(()) } else { self.sink.content(&bytes[skipped..]) }
    }

    fn end(&mut self, file: &LogFile) -> io::Result<()> {
        self.decide()?;
        if self.begun { self.sink.end(file) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::rolling::Kept;
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

    fn read(progress: &mut Progress, name: &str, to: u64) {
        progress.read(C, name, Place { to, ..Place::default() });
    }

    /// Polls, and reads everything.
    fn look<'a>(progress: &mut Progress, of: &[(&'a str, u64)], wanted: &Wanted) -> Vec<(&'a str, u64)> {
        let parts = progress.plan(C, &files(of), wanted);
        for piece in &parts {
            read(progress, of[piece.at].0, of[piece.at].1);
        }
        parts.into_iter().map(|piece| (of[piece.at].0, piece.place.to)).collect()
    }

    #[test]
    fn a_file_that_is_rolled_away_is_read_to_its_end() {
        let wanted = Wanted { files: vec!["a.log".to_owned()], rolled: true, ..Wanted::default() };
        let mut progress = Progress::default();
        read(&mut progress, "a.log", 10);
        // It existed before, and was not wanted.
        read(&mut progress, "a.log.1", 50);
        assert_eq!(look(&mut progress, &[("a.log", 12), ("a.log.1", 50)], &wanted), [("a.log", 10)]);
        let rolled = [("a.log", 3), ("a.log.1", 50), ("a.log.2", 40)];
        assert_eq!(look(&mut progress, &rolled, &wanted), [("a.log.2", 12), ("a.log", 0)]);
        assert_eq!(look(&mut progress, &rolled, &wanted), []);
        // Listed while it was being renamed: its new name is missing.
        assert_eq!(look(&mut progress, &[("a.log", 2), ("a.log.2", 40)], &wanted), [("a.log", 0)]);
        let renamed = [("a.log", 3), ("a.log.2", 40), ("a.log.3", 60)];
        assert_eq!(look(&mut progress, &renamed, &wanted), [("a.log.3", 3), ("a.log", 2)]);
        // The node has aggregated them, and the numbers start over.
        assert_eq!(look(&mut progress, &[("a.log", 5)], &wanted), [("a.log", 3)]);
        let again = [("a.log", 30), ("a.log.1", 45)];
        assert_eq!(look(&mut progress, &again, &wanted), [("a.log.1", 5), ("a.log", 0)]);
    }

    #[test]
    fn unrolled_file_is_tracked_by_itself() {
        let mut progress = Progress::default();
        let all = Wanted::default();
        read(&mut progress, "a.out", 7);
        assert_eq!(look(&mut progress, &[("a.out", 7)], &all), []);
        assert_eq!(look(&mut progress, &[("a.out", 7), ("b.log", 2)], &all), [("b.log", 0)]);
        assert_eq!(look(&mut progress, &[("a.out", 4), ("b.log", 2)], &all), [("a.out", 0)]);
        assert_eq!(look(&mut progress, &[("a.out", 4), ("b.log.1", 1)], &all), [("b.log.1", 0)]);
    }

    /// Two pieces under one name, of which the first and half of the second have been passed on.
    #[test]
    fn remainder_is_what_has_not_been_read() {
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
        read(&mut progress, "a.log.1", 2);
        kept.0.clear();
        give(&mut Rest::new(progress, &mut kept), Origin::Aggregated, 3);
        assert_eq!(kept.0, b"reefive");

        // Aggregated under another name between two polls.
        let mut progress = Progress::default();
        let mut place = Place::default();
        place.advance(b"on");
        progress.read(C, "a.log", place);
        assert_eq!(look(&mut progress, &[("a.log", 1)], &Wanted::default()), [("a.log", 0)]);
        kept.0.clear();
        give(&mut Rest::new(progress, &mut kept), Origin::Aggregated, 2);
        assert_eq!(kept.0, b"ethree");
    }
}
