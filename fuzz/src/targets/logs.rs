//! Aggregated logs, which anybody may have written who can write into the application's directory.

use std::io;
use std::ops::ControlFlow;

use bytes::Bytes;
use futures::future::BoxFuture;
use yarn_client::fuzz;
use yarn_client::hdfs::{FileRead, HdfsError};
use yarn_client::logs::{LogFile, Sink};

use super::ready;

/// A file in either format. All of it is handed on.
pub fn aggregated_log(data: &[u8]) {
    let file = Memory(Bytes::copy_from_slice(data));
    let mut sink = Counted::default();
    drop(ready(fuzz::aggregated(&file, &mut sink)));
    // zlib makes at most 1032 bytes of one (its own documentation), and no byte of a file is handed on twice.
    let most = (data.len() as u64).saturating_mul(1032);
    assert!(sink.bytes <= most, "{} bytes out of {}", sink.bytes, data.len());
}

/// Java's serialization, as the index of such a file, and the file beside it.
pub fn java_stream(data: &[u8]) {
    fuzz::java(data);
    drop(fuzz::checksum(data));
}

/// Recorded events, whole and in small pieces.
pub fn events(data: &[u8]) {
    let (whole, pieces) = (fuzz::events(data, usize::MAX), fuzz::events(data, 7));
    assert_eq!(whole, pieces, "events depend on how they come");
}

struct Memory(Bytes);

impl FileRead for Memory {
    fn length(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> BoxFuture<'_, Result<Bytes, HdfsError>> {
        let begin = usize::try_from(offset).unwrap_or(usize::MAX).min(self.0.len());
        let end = begin.saturating_add(length).min(self.0.len());
        Box::pin(std::future::ready(Ok(self.0.slice(begin..end))))
    }
}

#[derive(Default)]
struct Counted {
    bytes: u64,
}

impl Sink for Counted {
    fn begin(&mut self, _: &LogFile) -> io::Result<ControlFlow<()>> {
        Ok(ControlFlow::Continue(()))
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn end(&mut self, _: &LogFile) -> io::Result<()> {
        Ok(())
    }
}
