//! Where downloads and compiled jobs stay between runs, and how concurrent runs share that place.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Variable that names the cache folder; takes precedence.
pub const CACHE_VARIABLE: &str = "YARN_FLINK_TEST_CACHE";

/// The cache folder: `$YARN_FLINK_TEST_CACHE`, else `$XDG_CACHE_HOME/yarn-flink-tests`, else
/// `~/.cache/yarn-flink-tests`. It is created if it does not exist.
///
/// # Errors
/// Neither such a variable nor `HOME` is set, or the folder cannot be created.
pub fn directory() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let directory = if let Some(own) = set(CACHE_VARIABLE) {
        own
    } else if let Some(xdg) = set("XDG_CACHE_HOME") {
        xdg.join("yarn-flink-tests")
    } else if let Some(home) = set("HOME") {
        home.join(".cache/yarn-flink-tests")
    } else {
        bail!("no place for the download cache: set {CACHE_VARIABLE}, XDG_CACHE_HOME or HOME");
    };
    fs::create_dir_all(&directory)
        .with_context(|| format!("cannot create the cache {}", directory.display()))?;
    directory.canonicalize().with_context(|| format!("cannot resolve {}", directory.display()))
}

/// Returns `<cache>/<name>`, creating it with `make` if it does not exist.
///
/// `make` fills a temporary folder beside the final one, which is renamed when `make` has succeeded: an entry is
/// complete or absent, even after a crash. A lock file makes a second process wait instead of doing the same work.
///
/// # Errors
/// Those of `make` and of the file system.
pub fn entry(name: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let cache = directory()?;
    let entry = cache.join(name);
    if entry.exists() {
        return Ok(entry);
    }
    let parent = entry.parent().unwrap_or(&cache);
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let _lock = lock(&cache, name)?;
    if entry.exists() {
        return Ok(entry); // made by another process while we waited
    }
    let file_name = entry.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let temporary = tempfile::Builder::new()
        .prefix(&format!(".{file_name}."))
        .tempdir_in(parent)
        .with_context(|| format!("cannot create a folder in {}", parent.display()))?;
    let content = temporary.path().join("content");
    fs::create_dir(&content).with_context(|| format!("cannot create {}", content.display()))?;
    make(&content)?;
    fs::rename(&content, &entry)
        .with_context(|| format!("cannot rename {} to {}", content.display(), entry.display()))?;
    Ok(entry)
}

/// Holds an exclusive lock named `name` in the cache until the returned file is dropped or the process ends.
///
/// # Errors
/// The lock file cannot be created or locked.
pub fn lock(cache: &Path, name: &str) -> Result<File> {
    let locks = cache.join("locks");
    fs::create_dir_all(&locks).with_context(|| format!("cannot create {}", locks.display()))?;
    let path = locks.join(name.replace('/', "_"));
    let file = File::create(&path).with_context(|| format!("cannot create the lock {}", path.display()))?;
    file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    Ok(file)
}
