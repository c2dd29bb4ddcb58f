//! Hosts whose clock is wrong: the kernel has one clock for all, so a library in front of libc answers instead.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// What containers of such a host inherit: name it in `yarn.nodemanager.env-whitelist`.
pub const VARIABLES: [&str; 2] = ["LD_PRELOAD", "CLOCK_AHEAD_S"];

/// Environment of a process whose clock is ahead. The library is compiled once for each cluster.
pub(crate) fn environment(directory: &Path, ahead: Duration) -> Result<[(&'static str, String); 2]> {
    let source = directory.join("clock.c");
    let library = directory.join("libclock.so");
    if !library.exists() {
        std::fs::write(&source, include_str!("clock.c")).context("cannot write clock.c")?;
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).arg("-ldl");
        let output = command.output().context("cannot run cc; hint: install a C compiler (gcc or clang)")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cc cannot compile {}: {said}", source.display());
    }
    let [preload, seconds] = VARIABLES;
    Ok([(preload, library.display().to_string()), (seconds, ahead.as_secs().to_string())])
}
