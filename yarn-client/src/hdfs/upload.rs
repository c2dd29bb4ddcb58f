//! Streams a local file to the cluster, in constant memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::digest::{Digest, Hasher};
use super::stage::{Progress, StageError};
use super::{CreateOptions, FileSystem, HdfsError};

/// Four packets of the DataNode protocol.
const CHUNK_LEN: usize = 256 << 10;
/// Number of chunks read ahead.
const CHUNKS_AHEAD: usize = 2;
/// Chunks of one file that have been written but not yet acknowledged by the DataNodes: 4 MiB. hdfs-native alone would
/// keep up to 200 packets, three times as much.
const CHUNKS_IN_FLIGHT: u32 = 16;
/// A pipeline of DataNodes without any acknowledgement for this long may be broken. hdfs-native repairs it at the next
/// write and keeps everything unacknowledged until then, so there must be a next write.
const STALLED: Duration = Duration::from_secs(1);
/// Maximum number of files of one client that are not closed yet.
pub(super) const OPEN: usize = 32;

/// Limits of concurrency, over all files of one client.
#[derive(Debug)]
pub(super) struct Limits {
    /// Files whose bytes are being sent. A few fill the network; each may hold [`CHUNKS_IN_FLIGHT`] in memory.
    sending: Semaphore,
    /// Files between their creation and the end of their closing. A NameNode that has not heard of the last block yet
    /// responds "not complete", and is asked again after 0.4 s, so small files mostly wait.
    open: Semaphore,
}

impl Limits {
    /// Allows this many files to be sent concurrently.
    pub(super) fn new(sending: usize) -> Self {
        Self { sending: Semaphore::new(sending.max(1)), open: Semaphore::new(OPEN) }
    }
}

/// Uploads `local` to the path `to`; the digest is that of the bytes sent. If this fails or is dropped, the file at
/// `to` is incomplete.
pub(super) async fn upload(
    fs: &dyn FileSystem,
    limits: &Limits,
    local: &Path,
    to: &str,
    options: CreateOptions,
    link: &str,
    progress: &dyn Progress,
) -> Result<Digest, StageError> {
    // These semaphores are never closed.
    let _open = limits.open.acquire().await.ok();
    let sending = limits.sending.acquire().await.ok();
    let fail = |source| HdfsError::Local { operation: "read", path: local.to_owned(), source };
    let source = File::open(local).map_err(fail)?;
    progress.started(link, source.metadata().map_or(0, |metadata| metadata.len()));
    let mut target = fs.create(to, options).await?;
    let (sender, mut chunks) = mpsc::channel(CHUNKS_AHEAD);
    // Reading and hashing have a thread of their own, so that neither the disk nor SHA-256 holds up the network.
    let reader = tokio::task::spawn_blocking(move || read(source, &sender));
    let window = Arc::new(Semaphore::new(CHUNKS_IN_FLIGHT as usize));
    while let Some(content) = chunks.recv().await {
        let len = content.len() as u64;
        let permit = tokio::time::timeout(STALLED, Arc::clone(&window).acquire_owned()).await;
        let permit = permit.ok().and_then(Result::ok);
        target.write(Bytes::from_owner(Chunk { content, _permit: permit })).await?;
        progress.uploaded(link, len);
    }
    let digest = reader.await.map_err(io::Error::other).and_then(|result| result).map_err(fail)?;
    // All but the last chunk, which is sent on closing, have arrived: the memory is free, and the next file may use it.
    let _ = tokio::time::timeout(STALLED, window.acquire_many(CHUNKS_IN_FLIGHT - 1)).await;
    drop(sending);
    target.close().await?;
    Ok(digest)
}

/// A part of a file. A sender that does not copy it drops it once it is acknowledged, which admits the next one.
struct Chunk {
    content: Vec<u8>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.content
    }
}

fn read(mut source: File, chunks: &mpsc::Sender<Vec<u8>>) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_LEN);
        source.by_ref().take(CHUNK_LEN as u64).read_to_end(&mut chunk)?;
        if chunk.is_empty() {
            return Ok(hasher.finish());
        }
        hasher.update(&chunk);
        if chunks.blocking_send(chunk).is_err() {
            // The upload was abandoned.
            return Err(io::ErrorKind::Interrupted.into());
        }
    }
}
