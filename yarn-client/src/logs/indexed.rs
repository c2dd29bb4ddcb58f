//! YARN's indexed log files (`LogAggregationIndexedFileController`): compressed pieces, followed by an index that says
//! which file of which container each piece is.

use sha2::{Digest as _, Sha256};

use super::blob::{Blob, Compression};
use super::java::{self, Java};
use super::{LogFile, LogsError, Origin, Seen, Sink, Wanted};
use crate::hdfs::FileRead;

/// The hash of the application's id, at both ends.
pub(super) const MARK: usize = 32;
/// The index's length, and the hash.
const TRAILER: u64 = 36;
/// Enough for an index of a thousand containers with ten files each.
const INDEX: u64 = 64 << 20;
/// The longest name of a file, bytes; that of a container is shorter.
const NAME: usize = 255;

/// One piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(super) container: String,
    pub(super) name: String,
    pub(super) length: u64,
    pub(super) offset: u64,
    pub(super) compressed: u64,
    pub(super) modified_ms: i64,
}

/// The index in its own order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    pub(super) compression: String,
    pub(crate) pieces: Vec<Piece>,
}

/// The bytes at the beginning and end of a file of this application.
pub(super) fn mark(application: &str) -> [u8; MARK] {
    Sha256::digest(application.as_bytes()).into()
}

/// Reads all of an aggregated file; a piece that cannot be read is recorded, and reading continues. `node`: as `yarn logs` names it,
/// which is the file's own name. `end`: where its last complete index ends, if a file beside it says so.
pub(crate) async fn read(
    file: &dyn FileRead,
    path: &str,
    node: &str,
    end: Option<u64>,
    wanted: &Wanted,
    seen: &mut Seen,
    sink: &mut dyn Sink,
) -> Result<(), LogsError> {
    let damaged = |what: &str| LogsError::Damaged { path: path.to_owned(), what: what.to_owned() };
    let end = end.unwrap_or_else(|| file.length()).min(file.length());
    if end == 0 {
        // Its first index is being written.
        return Ok(());
    }
    let trailer_at = end.checked_sub(TRAILER).ok_or_else(|| damaged("it is too short"))?;
    let trailer = file.read_at(trailer_at, 36).await?;
    let begin = file.read_at(0, MARK).await?;
    if trailer.len() != 36 || trailer[4..] != begin[..] {
        return Err(damaged(
            "its end does not match its beginning: it is still being written, or was cut off",
        ));
    }
    let length = trailer[..4].iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    let at = trailer_at.checked_sub(length).filter(|_| length <= INDEX);
    let at = at.ok_or_else(|| damaged("its index is out of bounds"))?;
    let bytes = file.read_at(at, usize::try_from(length).unwrap_or(0)).await?;
    let index = index(&bytes).map_err(|what| damaged(&what))?;
    let compression = Compression::parse(&index.compression, path)?;
    // Pieces lie one behind the other. Those that overlap would make a small file a stream without end.
    let total = index.pieces.iter().fold(0, |total: u64, piece| total.saturating_add(piece.compressed));
    if total > file.length() {
        return Err(damaged("its files are larger than it is"));
    }
    for piece in index.pieces {
        let log = LogFile {
            container: piece.container,
            node: node.to_owned(),
            name: piece.name,
            length: piece.length,
            modified_ms: Some(piece.modified_ms),
            modified: None,
            origin: Origin::Aggregated,
        };
        if !seen.taken(wanted, &log, sink)? {
            continue;
        }
        let mut blob = Blob::new(file, path, piece.offset, piece.compressed, compression);
        let mut left = log.length;
        while left > 0 {
            let part = match blob.take(usize::try_from(left).unwrap_or(usize::MAX)).await {
                Ok(part) => part,
                Err(error) => {
                    seen.fail(error.within(&log));
                    break;
                }
            };
            if part.is_empty() {
                break;
            }
            left -= part.len() as u64;
            sink.content(&part)?;
        }
        sink.end(&log)?;
    }
    Ok(())
}

/// Parses an index.
///
/// # Errors
/// A description of what is wrong with it.
pub(crate) fn index(bytes: &[u8]) -> Result<Index, String> {
    let root = java::read(bytes)?;
    // One long text may be referred to by all files.
    let name =
        |text: Option<&Java>| text.and_then(Java::text).filter(|text| text.len() <= NAME).map(str::to_owned);
    let compression = name(root.field("compressName")).ok_or("its index does not name a compression")?;
    let mut index = Index { compression, pieces: Vec::new() };
    let rounds = root.field("logMetas").and_then(Java::list).ok_or("its index is empty")?;
    for round in rounds {
        let containers = round.field("logMetas").and_then(Java::map).unwrap_or_default();
        for (container, files) in containers {
            for file in files.list().unwrap_or_default() {
                let number = |field: &str| file.field(field).and_then(Java::number).unwrap_or(-1);
                let length =
                    |field: &str| u64::try_from(number(field)).map_err(|_| format!("it has no {field}"));
                index.pieces.push(Piece {
                    container: name(Some(container)).ok_or("a container without a name")?,
                    name: name(file.field("fileName")).ok_or("a file without a name")?,
                    length: length("fileSize")?,
                    offset: length("startIndex")?,
                    compressed: length("fileCompressedSize")?,
                    modified_ms: number("lastModifiedTime"),
                });
            }
        }
    }
    Ok(index)
}

/// Parses the file beside a rolled one, which says up to which byte that can be read.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn checksum(bytes: &[u8]) -> Result<(String, u64), String> {
    let length = bytes.get(..4).ok_or("it is too short")?;
    let length = length.iter().fold(0_usize, |all, byte| all << 8 | usize::from(*byte));
    let (name, rest) =
        bytes.get(4..).and_then(|rest| rest.split_at_checked(length)).ok_or("its name is cut off")?;
    let end = rest.get(..8).ok_or("it is too short")?;
    let end = end.iter().fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    Ok((String::from_utf8_lossy(name).into_owned(), end))
}
