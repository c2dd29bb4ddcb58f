//! What every [`FileSystem`](super::FileSystem) must do; run against each implementation.

use std::sync::Arc;

use super::FileSystem;

/// Runs every check below `base`, an existing writable directory, and leaves it empty.
///
/// # Panics
/// When a check fails, with its name.
pub async fn run(fs: Arc<dyn FileSystem>, base: &str) {
    let _ = (fs, base);
    todo!()
}
