//! Libraries in front of libc, for effects that a kernel has on all processes alike or on none.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// The variable that loads them; a container only gets it if `yarn.nodemanager.env-whitelist` lists it.
pub(crate) const LD_PRELOAD: &str = "LD_PRELOAD";

/// Where [`compile`] puts it.
pub(crate) fn path(directory: &Path, name: &str) -> PathBuf {
    directory.join(format!("lib{name}.so"))
}

/// Compiles `source` once for the cluster in `directory`.
pub(crate) fn compile(directory: &Path, name: &str, source: &str) -> Result<PathBuf> {
    let file = directory.join(format!("{name}.c"));
    let library = path(directory, name);
    if !library.exists() {
        std::fs::write(&file, source).with_context(|| format!("cannot write {}", file.display()))?;
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&file).arg("-ldl");
        let output = command.output().context("cannot run cc; hint: install a C compiler (gcc or clang)")?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "cc cannot compile {}: {said}", file.display());
    }
    Ok(library)
}
