//! The inputs that mutation begins with: `corpus/<target>/`, one file each. They are small, real where the repository has recorded
//! bytes of Hadoop and Flink, and hold every input that has once shown a fault.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::targets::Target;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The inputs of a target, by name.
///
/// # Errors
/// There are none, or they cannot be read.
pub fn of(target: &Target) -> Result<Vec<(String, Vec<u8>)>> {
    let directory = root().join("corpus").join(target.name);
    let entries = std::fs::read_dir(&directory).with_context(|| format!("{}", directory.display()))?;
    let mut inputs = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        inputs.push((name, std::fs::read(&path).with_context(|| format!("{}", path.display()))?));
    }
    ensure!(!inputs.is_empty(), "{} is empty", directory.display());
    // Whatever order the file system has, a seed means the same.
    inputs.sort();
    Ok(inputs)
}

/// Keeps an input that has shown a fault, where `cargo fuzz` keeps its own.
///
/// # Errors
/// It cannot be written.
pub fn keep(target: &Target, input: &[u8]) -> Result<PathBuf> {
    let directory = root().join("artifacts").join(target.name);
    std::fs::create_dir_all(&directory).with_context(|| format!("{}", directory.display()))?;
    let hash = input.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let path = directory.join(format!("fault-{hash:016x}"));
    std::fs::write(&path, input).with_context(|| format!("{}", path.display()))?;
    Ok(path)
}
