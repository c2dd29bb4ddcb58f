//! The example jobs: Java sources of ours in `jobs/`, compiled against a Flink distribution.

use std::path::PathBuf;

use anyhow::Result;

use crate::flink::Flink;

/// Package of all example jobs.
pub const PACKAGE: &str = "example";

/// Compiles all example jobs into one jar (main class: `example.WordCount`; pick another with `-c`) and returns its
/// path. Compiled once for each content of the sources and each Flink version.
///
/// # Errors
/// The JDK is missing, or the sources do not compile; the compiler's output is in the error.
pub fn jar(flink: &Flink) -> Result<PathBuf> {
    todo!()
}
