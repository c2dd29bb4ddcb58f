//! Hadoop's TFile (`org.apache.hadoop.io.file.tfile`), and what NodeManagers write into it (`AggregatedLogFormat`): one
//! record per container, with all of its files.

use bytes::{Buf as _, Bytes};

use super::blob::{Blob, Compression};
use super::{LogFile, LogsError, Origin, Seen, Sink, Wanted};
use crate::hdfs::FileRead;

/// At both ends of a file.
pub(crate) const MAGIC: [u8; 16] =
    [0xd1, 0x11, 0xd3, 0x68, 0x91, 0xb5, 0xd7, 0xb6, 0x39, 0xdf, 0x41, 0x40, 0x92, 0xba, 0xe1, 0x50];
/// Offset of the index, two version numbers, the magic.
const TRAILER: u64 = 28;
/// A key is a container's id, an index entry a name, bytes.
const NAME: usize = 1024;
/// Compressed, a file without a name and content costs less than a bit.
const FILES: usize = 1 << 18;
/// An index of blocks holds some bytes for each 256 KiB of logs.
const INDEX: usize = 64 << 20;
/// Keys that are not container ids.
const RESERVED: [&str; 3] = ["VERSION", "APPLICATION_ACL", "APPLICATION_OWNER"];

/// A stretch of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Region {
    offset: u64,
    length: u64,
    compression: Compression,
}

/// Reads all of an aggregated file; a block that cannot be read is recorded, and reading continues.
pub(crate) async fn read(
    file: &dyn FileRead,
    path: &str,
    node: &str,
    modified_ms: i64,
    wanted: &Wanted,
    seen: &mut Seen,
    sink: &mut dyn Sink,
) -> Result<(), LogsError> {
    seen.left = FILES;
    for region in blocks(file, path).await? {
        let mut blob = Blob::new(file, path, region.offset, region.length, region.compression);
        match block(&mut blob, node, modified_ms, wanted, seen, sink).await {
            Err(error @ LogsError::Write(_)) => return Err(error),
            Err(error) => seen.fail(error),
            Ok(()) => {}
        }
    }
    Ok(())
}

async fn block(
    blob: &mut Blob<'_>,
    node: &str,
    modified_ms: i64,
    wanted: &Wanted,
    seen: &mut Seen,
    sink: &mut dyn Sink,
) -> Result<(), LogsError> {
    while let Some(key) = key(blob).await? {
        let mut value = Value { blob, left: 0, last: false };
        if !RESERVED.contains(&key.as_str()) {
            container(&mut value, &key, node, modified_ms, wanted, seen, sink).await?;
        }
        value.skip().await?;
    }
    Ok(())
}

/// The data blocks.
async fn blocks(file: &dyn FileRead, path: &str) -> Result<Vec<Region>, LogsError> {
    let damaged = |what: &str| LogsError::Damaged { path: path.to_owned(), what: what.to_owned() };
    let trailer_at = file.length().checked_sub(TRAILER).ok_or_else(|| damaged("it is too short"))?;
    let trailer = file.read_at(trailer_at, 28).await?;
    if trailer.len() != 28 || trailer[12..] != MAGIC {
        return Err(damaged("its end is not a TFile's: it is still being written, or was cut off"));
    }
    let index_at = (&trailer[..]).get_u64();
    let length = trailer_at.checked_sub(index_at).ok_or_else(|| damaged("its index is out of bounds"))?;
    let mut index = Blob::new(file, path, index_at, length, Compression::None);
    let count = vlong(&mut index).await?;
    let mut data = None;
    for _ in 0..count {
        let name = string(&mut index).await?;
        let compression = string(&mut index).await?;
        let offset = length_of(&mut index).await?;
        let (length, _raw) = (length_of(&mut index).await?, length_of(&mut index).await?);
        if name == "data:BCFile.index" {
            data = Some(Region { offset, length, compression: Compression::parse(&compression, path)? });
        }
    }
    let data = data.ok_or_else(|| damaged("it has no block index"))?;
    let mut index = Blob::new(file, path, data.offset, data.length, data.compression);
    let compression = Compression::parse(&string(&mut index).await?, path)?;
    let count = length_of(&mut index).await?;
    let (mut blocks, mut end) = (Vec::new(), 0);
    for _ in 0..count {
        let offset = length_of(&mut index).await?;
        let (length, _raw) = (length_of(&mut index).await?, length_of(&mut index).await?);
        if blocks.len() * 24 > INDEX {
            return Err(damaged("its index is too large"));
        }
        // Otherwise a small file would be a stream without end.
        if offset < end || length == 0 {
            return Err(damaged("its blocks overlap"));
        }
        end = offset.saturating_add(length);
        blocks.push(Region { offset, length, compression });
    }
    Ok(blocks)
}

/// The files of one container.
async fn container(
    value: &mut Value<'_, '_>,
    id: &str,
    node: &str,
    modified_ms: i64,
    wanted: &Wanted,
    seen: &mut Seen,
    sink: &mut dyn Sink,
) -> Result<(), LogsError> {
    loop {
        let Some(name) = value.utf().await? else { return Ok(()) };
        let Some(length) = value.utf().await? else { return Ok(()) };
        let length: u64 =
            length.parse().map_err(|_| value.blob.damaged(format!("`{length}` is not a file length")))?;
        let file = LogFile {
            container: id.to_owned(),
            node: node.to_owned(),
            name,
            length,
            modified_ms: Some(modified_ms),
            modified: None,
            origin: Origin::Aggregated,
        };
        seen.left = seen
            .left
            .checked_sub(1)
            .ok_or_else(|| value.blob.damaged(format!("more than {FILES} files in it")))?;
        let taken = seen.taken(wanted, &file, sink)?;
        let mut left = length;
        while left > 0 {
            let part = match value.take(usize::try_from(left).unwrap_or(usize::MAX)).await {
                Ok(part) => part,
                Err(error) => {
                    if taken {
                        sink.end(&file)?;
                    }
                    return Err(error.within(&file));
                }
            };
            if part.is_empty() {
                // A NodeManager that could not read a file completely writes an error instead, which may be shorter.
                break;
            }
            left -= part.len() as u64;
            if taken {
                sink.content(&part)?;
            }
        }
        if taken {
            sink.end(&file)?;
        }
    }
}

/// A record's value: chunks, the last of which is marked.
struct Value<'a, 'b> {
    blob: &'a mut Blob<'b>,
    /// Bytes left in the current chunk.
    left: u64,
    last: bool,
}

impl Value<'_, '_> {
    /// The next bytes, at most `limit`; empty at the end.
    async fn take(&mut self, limit: usize) -> Result<Bytes, LogsError> {
        while self.left == 0 {
            if self.last {
                return Ok(Bytes::new());
            }
            let size = vlong(self.blob).await?;
            self.last = size >= 0;
            self.left = size.unsigned_abs();
        }
        let part = self.blob.take(limit.min(usize::try_from(self.left).unwrap_or(usize::MAX))).await?;
        if part.is_empty() {
            return Err(self.blob.damaged("a record ends too soon"));
        }
        self.left -= part.len() as u64;
        Ok(part)
    }

    /// Reads what `DataOutput.writeUTF` writes; `None` at the end.
    async fn utf(&mut self) -> Result<Option<String>, LogsError> {
        let first = self.take(1).await?;
        let Some(high) = first.first() else { return Ok(None) };
        let low = self.take(1).await?;
        let Some(low) = low.first() else { return Err(self.blob.damaged("a text ends too soon")) };
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            let part = self.take(length - bytes.len()).await?;
            if part.is_empty() {
                return Err(self.blob.damaged("a text ends too soon"));
            }
            bytes.extend_from_slice(&part);
        }
        // Java's modified UTF-8 differs only for NUL and beyond the basic plane.
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    async fn skip(&mut self) -> Result<(), LogsError> {
        while !self.take(usize::MAX).await?.is_empty() {}
        Ok(())
    }
}

/// The next record's key; `None` at the end of the block. Keys are texts in the format of [`Value::utf`].
async fn key(blob: &mut Blob<'_>) -> Result<Option<String>, LogsError> {
    let Some(first) = blob.take(1).await?.first().copied() else { return Ok(None) };
    let length = usize::try_from(vlong_from(first, blob).await?).unwrap_or(usize::MAX);
    if !(2..=NAME).contains(&length) {
        return Err(blob.damaged(format!("a key of {length} bytes")));
    }
    let key = blob.exactly(length).await?;
    Ok(Some(String::from_utf8_lossy(&key[2..]).into_owned()))
}

async fn string(blob: &mut Blob<'_>) -> Result<String, LogsError> {
    let length = usize::try_from(vlong(blob).await?).unwrap_or(0);
    if length > NAME {
        return Err(blob.damaged(format!("a name of {length} bytes")));
    }
    Ok(String::from_utf8_lossy(&blob.exactly(length).await?).into_owned())
}

async fn length_of(blob: &mut Blob<'_>) -> Result<u64, LogsError> {
    let number = vlong(blob).await?;
    u64::try_from(number).map_err(|_| blob.damaged(format!("{number} is not a length")))
}

/// TFile's own variable-length numbers (`Utils.readVLong`), which differ from Writable's.
pub(super) async fn vlong(blob: &mut Blob<'_>) -> Result<i64, LogsError> {
    let first = blob.exactly(1).await?[0];
    vlong_from(first, blob).await
}

async fn vlong_from(first: u8, blob: &mut Blob<'_>) -> Result<i64, LogsError> {
    let first = i64::from(first.cast_signed());
    if first >= -32 {
        return Ok(first);
    }
    let unsigned = |bytes: &[u8]| bytes.iter().fold(0_i64, |all, byte| all << 8 | i64::from(*byte));
    Ok(match (first + 128) / 8 {
        7..=11 => (first + 52) << 8 | unsigned(&blob.exactly(1).await?),
        3..=6 => (first + 88) << 16 | unsigned(&blob.exactly(2).await?),
        1 | 2 => (first + 112) << 24 | unsigned(&blob.exactly(3).await?),
        _ => {
            let length = usize::try_from(first + 129).unwrap_or(8);
            let bytes = blob.exactly(length).await?;
            let sign = if bytes.first().is_some_and(|byte| byte & 0x80 != 0) { -1 } else { 0 };
            bytes.iter().fold(sign, |all, byte| all << 8 | i64::from(*byte))
        }
    })
}
