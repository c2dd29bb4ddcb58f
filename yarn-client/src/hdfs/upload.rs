//! Streams a local file to the cluster, in memory that does not grow with the file.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::digest::{Digest, Hasher};
use super::stage::{Progress, StageError};
use super::{CreateOptions, FileSystem, HdfsError};

/// Four packets of the DataNode protocol.
const CHUNK_LEN: usize = 256 << 10;
/// Chunks read before they are wanted.
const CHUNKS_AHEAD: usize = 2;

/// Uploads `local` to the path `to`; the digest is that of the bytes sent. When this fails or is dropped, what stands
/// at `to` is not whole.
pub(super) async fn upload(
    fs: &dyn FileSystem,
    local: &Path,
    to: &str,
    options: CreateOptions,
    link: &str,
    progress: &dyn Progress,
) -> Result<Digest, StageError> {
    let fail = |source| HdfsError::Local { operation: "read", path: local.to_owned(), source };
    let source = File::open(local).map_err(fail)?;
    let mut target = fs.create(to, options).await?;
    let (sender, mut chunks) = mpsc::channel(CHUNKS_AHEAD);
    // Reading and hashing have a thread of their own: neither the disk nor SHA-256 holds up the network.
    let reader = tokio::task::spawn_blocking(move || read(source, &sender));
    while let Some(chunk) = chunks.recv().await {
        let len = chunk.len() as u64;
        target.write(chunk).await?;
        progress.uploaded(link, len);
    }
    let digest = reader.await.map_err(io::Error::other).and_then(|result| result).map_err(fail)?;
    target.close().await?;
    Ok(digest)
}

fn read(mut source: File, chunks: &mpsc::Sender<Bytes>) -> io::Result<Digest> {
    let mut hasher = Hasher::default();
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_LEN);
        source.by_ref().take(CHUNK_LEN as u64).read_to_end(&mut chunk)?;
        if chunk.is_empty() {
            return Ok(hasher.finish());
        }
        hasher.update(&chunk);
        if chunks.blocking_send(chunk.into()).is_err() {
            // The upload was given up.
            return Err(io::ErrorKind::Interrupted.into());
        }
    }
}
