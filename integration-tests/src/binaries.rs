//! The programs under test, built as a user would build them.

use std::path::PathBuf;

use anyhow::Result;

/// Paths of the built programs.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// The command line, `yarn-flink`.
    pub yarn_flink: PathBuf,
    /// The application master, `flink-app-master`.
    pub app_master: PathBuf,
}

/// Builds both programs with the profile this crate was built with, once for each process.
///
/// # Errors
/// cargo cannot be run or a program does not compile; cargo's last lines are in the error.
pub fn binaries() -> Result<&'static Binaries> {
    todo!()
}
