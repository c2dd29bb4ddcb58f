//! A section of an aggregated file, decompressed as it is read.

use bytes::{Buf as _, Bytes, BytesMut};
use flate2::{Decompress, FlushDecompress, Status};

use super::LogsError;
use crate::hdfs::FileRead;

/// Bytes read from the file system at a time: each costs a round trip to a DataNode.
const READ: usize = 4 << 20;
/// Bytes decompressed at a time.
const INFLATED: usize = 256 * 1024;

/// How the file's blocks are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    /// A zlib stream (RFC 1950), though YARN calls it `gz`.
    Zlib,
}

impl Compression {
    pub(super) fn parse(name: &str, path: &str) -> Result<Self, LogsError> {
        match name {
            "none" => Ok(Self::None),
            "gz" => Ok(Self::Zlib),
            other => Err(LogsError::Compression { path: path.to_owned(), compression: other.to_owned() }),
        }
    }
}

/// The section of the file.
pub(super) struct Blob<'a> {
    file: &'a dyn FileRead,
    path: &'a str,
    offset: u64,
    end: u64,
    /// Read, but not yet decompressed.
    raw: Bytes,
    inflate: Option<Box<Decompress>>,
    /// Decompressed and not yet taken.
    ready: Bytes,
    over: bool,
}

impl<'a> Blob<'a> {
    pub(super) fn new(
        file: &'a dyn FileRead,
        path: &'a str,
        offset: u64,
        length: u64,
        compression: Compression,
    ) -> Self {
        let inflate = (compression == Compression::Zlib).then(|| Box::new(Decompress::new(true)));
        let end = offset.saturating_add(length).min(file.length());
        Self { file, path, offset, end, raw: Bytes::new(), inflate, ready: Bytes::new(), over: false }
    }

    pub(super) fn damaged(&self, what: impl Into<String>) -> LogsError {
        LogsError::Damaged { path: self.path.to_owned(), what: what.into() }
    }

    /// The next bytes, at most `limit`; empty at the end.
    pub(super) async fn take(&mut self, limit: usize) -> Result<Bytes, LogsError> {
        while self.ready.is_empty() && !self.over {
            self.fill().await?;
        }
        let taken = self.ready.len().min(limit);
        Ok(self.ready.split_to(taken))
    }

    /// Exactly `length` bytes, for small numbers.
    pub(super) async fn exactly(&mut self, length: usize) -> Result<Bytes, LogsError> {
        let first = self.take(length).await?;
        if first.len() == length {
            return Ok(first);
        }
        let mut all = BytesMut::from(first.as_ref());
        while all.len() < length {
            let more = self.take(length - all.len()).await?;
            if more.is_empty() {
                return Err(self.damaged("it ends too soon"));
            }
            all.extend_from_slice(&more);
        }
        Ok(all.freeze())
    }

    async fn fill(&mut self) -> Result<(), LogsError> {
        if self.raw.is_empty() && self.offset < self.end {
            let left = usize::try_from(self.end - self.offset).unwrap_or(usize::MAX);
            self.raw = self.file.read_at(self.offset, left.min(READ)).await?;
            self.offset += self.raw.len() as u64;
            if self.raw.is_empty() {
                self.offset = self.end;
            }
        }
        let Some(inflate) = &mut self.inflate else {
            self.over = self.raw.is_empty();
            self.ready = std::mem::take(&mut self.raw);
            return Ok(());
        };
        let mut out = Vec::with_capacity(INFLATED);
        let before = inflate.total_in();
        let status = inflate.decompress_vec(&self.raw, &mut out, FlushDecompress::None);
        let status = status
            .map_err(|error| LogsError::Damaged { path: self.path.to_owned(), what: error.to_string() })?;
        let used = usize::try_from(inflate.total_in() - before).unwrap_or(0);
        self.raw.advance(used.min(self.raw.len()));
        let stuck = used == 0 && out.is_empty() && (self.raw.is_empty() || status == Status::BufError);
        self.over = status == Status::StreamEnd || (stuck && self.offset >= self.end);
        self.ready = Bytes::from(out);
        Ok(())
    }
}
