//! Files below a local directory.

use std::fs;
use std::path::{Path, PathBuf};

use super::stage::StageError;

/// Deeper than any distribution; stops at links that form a cycle.
const MAX_DEPTH: usize = 64;

/// The file itself with an empty name, or every file below a directory, following links, with its name relative to the
/// directory, and sorted by that.
pub(super) fn files(path: &Path) -> Result<Vec<(String, PathBuf)>, StageError> {
    let metadata = fs::metadata(path).map_err(|error| refuse(path, &error.to_string()))?;
    if metadata.is_file() {
        return Ok(vec![(String::new(), path.to_owned())]);
    }
    if !metadata.is_dir() {
        return Err(refuse(path, "it is neither a file nor a directory"));
    }
    let mut found = Vec::new();
    walk(path, "", 0, &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(
    directory: &Path,
    prefix: &str,
    depth: usize,
    found: &mut Vec<(String, PathBuf)>,
) -> Result<(), StageError> {
    if depth > MAX_DEPTH {
        return Err(refuse(directory, "its directories are nested too deeply, or its links form a loop"));
    }
    let fail = |error: std::io::Error| refuse(directory, &error.to_string());
    for entry in fs::read_dir(directory).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            return Err(refuse(&path, "its name is not UTF-8"));
        };
        let relative = format!("{prefix}{name}");
        let metadata = fs::metadata(&path).map_err(|error| refuse(&path, &error.to_string()))?;
        if metadata.is_dir() {
            walk(&path, &format!("{relative}/"), depth + 1, found)?;
        } else if metadata.is_file() {
            found.push((relative, path));
        } else {
            return Err(refuse(&path, "it is neither a file nor a directory"));
        }
    }
    Ok(())
}

fn refuse(path: &Path, reason: &str) -> StageError {
    StageError::Local { path: path.to_owned(), reason: reason.to_owned() }
}
