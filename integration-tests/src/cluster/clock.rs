//! Hosts whose clock is wrong: the kernel has one clock for all, so a library in front of libc answers instead.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::Cluster;
use super::preload::{self, LD_PRELOAD};

/// What containers of such a host must inherit: list it in `yarn.nodemanager.env-whitelist`.
pub const VARIABLES: [&str; 2] = [LD_PRELOAD, "CLOCK_AHEAD_S"];

/// Environment of a process whose clock is ahead. The library is compiled once for each cluster.
pub(crate) fn environment(directory: &Path, ahead: Duration) -> Result<[(&'static str, String); 2]> {
    let library = preload::compile(directory, "clock", include_str!("clock.c"))?;
    let [preload, seconds] = VARIABLES;
    Ok([(preload, library.display().to_string()), (seconds, ahead.as_secs().to_string())])
}

impl Cluster {
    /// Environment of a program whose clock is ahead.
    ///
    /// # Errors
    /// There is no C compiler.
    pub fn clock_ahead(&self, ahead: Duration) -> Result<[(&'static str, String); 2]> {
        environment(self.directory(), ahead)
    }
}
