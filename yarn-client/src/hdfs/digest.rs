//! SHA-256 of local files, remembered between runs.

use std::fmt;
use std::fs;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::HdfsError;
use crate::conf::Environment;

/// How much of a file is read at once.
const BUFFER_LEN: usize = 1 << 20;
/// A file that was changed this shortly before it was hashed could be changed again without a visible trace, because of
/// a clock's resolution or a network file system's time. git calls such an entry racy.
const RACY_NS: i128 = 2_000_000_000;
const HEADER: &str = "yarn-flink digest 1";

/// A SHA-256 digest; `Display` is 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::hex(&self.0))
    }
}

impl Digest {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The digest of content in memory.
    pub fn of_bytes(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }
}

/// A digest that is being computed.
#[derive(Debug, Default)]
pub(super) struct Hasher(Sha256);

impl Hasher {
    pub(super) fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    pub(super) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// What distinguishes one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint {
    len: u64,
    mtime_ns: i128,
    // Also changes when a tool restores size and modification time (`cp -p`, `touch -r`, unpacking an archive).
    ctime_ns: i128,
    inode: u64,
    device: u64,
}

impl Fingerprint {
    fn of(metadata: &fs::Metadata) -> Self {
        let ns = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        Self {
            len: metadata.len(),
            mtime_ns: ns(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: ns(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
            device: metadata.dev(),
        }
    }

    fn racy(&self, started_ns: i128) -> bool {
        started_ns <= self.mtime_ns.max(self.ctime_ns).saturating_add(RACY_NS)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {} {}", self.len, self.mtime_ns, self.ctime_ns, self.inode, self.device)
    }
}

/// Digests of local files, with a cache on disk keyed by path, size, times and inode.
///
/// There is one small text file per path. It is replaced atomically, so concurrent runs only ever see complete ones; a
/// file that cannot be parsed counts as absent.
#[derive(Debug, Clone)]
pub struct Digests {
    directory: Option<PathBuf>,
}

impl Digests {
    /// Caches digests in `$XDG_CACHE_HOME/yarn-flink/digests`, else in `~/.cache/yarn-flink/digests`; without either,
    /// nothing is cached.
    pub fn new(env: &Environment) -> Self {
        // According to the XDG specification a relative XDG_CACHE_HOME is invalid and must be ignored.
        let xdg = env.non_empty("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let base = xdg.or_else(|| Some(Path::new(env.non_empty("HOME")?).join(".cache")));
        Self { directory: base.map(|base| base.join("yarn-flink/digests")) }
    }

    /// Caches nothing.
    pub fn uncached() -> Self {
        Self { directory: None }
    }

    /// The digest of a file.
    ///
    /// # Errors
    /// [`HdfsError::Local`] when the file cannot be read. Problems with the cache are not errors.
    pub async fn of(&self, path: &Path) -> Result<Digest, HdfsError> {
        let fail = |source| HdfsError::Local { operation: "read", path: path.to_owned(), source };
        let path = fs::canonicalize(path).map_err(fail)?;
        let before = Fingerprint::of(&fs::metadata(&path).map_err(fail)?);
        let entry = self.directory.as_ref().map(|dir| dir.join(entry_name(&path)));
        if let Some(digest) = entry.as_ref().and_then(|entry| remembered(entry, &before)) {
            return Ok(digest);
        }
        // Its time stamp, by the clock of the file system, is the time when hashing started.
        let started = entry.as_ref().and_then(|entry| Started::create(entry).ok());
        let file = path.clone();
        let digest = tokio::task::spawn_blocking(move || hash_file(&file))
            .await
            .map_err(io::Error::other)
            .and_then(|result| result)
            .map_err(fail)?;
        if let Some(started) = started
            && let Ok(after) = fs::metadata(&path)
            && Fingerprint::of(&after) == before
            && !before.racy(started.ns)
        {
            started.finish(&before, &digest);
        }
        Ok(digest)
    }
}

fn hash_file(path: &Path) -> io::Result<Digest> {
    let mut file = fs::File::open(path)?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; BUFFER_LEN];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(len) => hasher.update(buffer.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn entry_name(path: &Path) -> String {
    Digest::of_bytes(path.as_os_str().as_bytes()).to_string()
}

fn remembered(entry: &Path, fingerprint: &Fingerprint) -> Option<Digest> {
    let metadata = fs::metadata(entry).ok()?;
    // Longer than any of ours: not worth reading.
    if metadata.len() > 4096 {
        return None;
    }
    let text = fs::read_to_string(entry).ok()?;
    let mut lines = text.lines();
    if lines.next()? != HEADER || lines.next()? != fingerprint.to_string() {
        return None;
    }
    let started: i128 = lines.next()?.parse().ok()?;
    let digest = Digest::parse(lines.next()?)?;
    let whole = lines.next()? == "end" && lines.next().is_none();
    (whole && !fingerprint.racy(started)).then_some(digest)
}

/// A cache entry that is being created; removed again unless finished.
struct Started {
    temporary: PathBuf,
    entry: PathBuf,
    ns: i128,
    finished: bool,
}

impl Started {
    fn create(entry: &Path) -> io::Result<Self> {
        if let Some(directory) = entry.parent() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        // Unique among processes; within one, the same file is not hashed twice at a time, and if it were, one of the
        // two digests would merely not be cached.
        let temporary = entry.with_extension(format!("{}.tmp", std::process::id()));
        let file = fs::File::create(&temporary)?;
        let ns = Fingerprint::of(&file.metadata()?).mtime_ns;
        Ok(Self { temporary, entry: entry.to_owned(), ns, finished: false })
    }

    /// Writes the entry. A failure only means that the next run hashes the file again.
    fn finish(mut self, fingerprint: &Fingerprint, digest: &Digest) {
        let text = format!("{HEADER}\n{fingerprint}\n{}\n{digest}\nend\n", self.ns);
        let result = fs::write(&self.temporary, text).and_then(|()| fs::rename(&self.temporary, &self.entry));
        match result {
            Ok(()) => self.finished = true,
            Err(error) => {
                tracing::debug!("digest of a file not remembered in {}: {error}", self.entry.display())
            }
        }
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn digests(dir: &Path) -> Digests {
        Digests::new(&Environment::from_iter([("XDG_CACHE_HOME", dir.to_str().unwrap())]))
    }

    /// A file whose times are old enough to be trusted. ctime cannot be set, so the entry is made to look new instead.
    async fn remembered_file(dir: &Path, content: &str) -> (PathBuf, PathBuf) {
        let path = dir.join("file");
        fs::write(&path, content).unwrap();
        let found = Fingerprint::of(&fs::metadata(&path).unwrap());
        let entry = dir.join("yarn-flink/digests").join(entry_name(&fs::canonicalize(&path).unwrap()));
        let digest = Digest::of_bytes(content.as_bytes());
        let mut started = Started::create(&entry).unwrap();
        started.ns = found.ctime_ns + RACY_NS + 1;
        started.finish(&found, &digest);
        (path, entry)
    }

    #[tokio::test]
    async fn known_answer_and_round_trip() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), "abc").unwrap();
        let digest = Digests::uncached().of(&dir.path().join("f")).await.unwrap();
        assert_eq!(digest.to_string(), ABC);
        assert_eq!(Digest::parse(ABC), Some(digest));
        assert_eq!(Digest::parse("é"), None);
        let error = Digests::uncached().of(&dir.path().join("none")).await.unwrap_err();
        assert!(error.to_string().contains("cannot read"), "{error}");
    }

    #[tokio::test]
    async fn a_trusted_entry_is_used_instead_of_the_content() {
        let dir = tempfile::tempdir().unwrap();
        let (path, entry) = remembered_file(dir.path(), "abc").await;
        let text = fs::read_to_string(&entry).unwrap();
        fs::write(&entry, text.replace(ABC, &ABC.replace('b', "c"))).unwrap();
        assert_eq!(digests(dir.path()).of(&path).await.unwrap().to_string(), ABC.replace('b', "c"));
    }

    #[tokio::test]
    async fn a_changed_file_is_hashed_again_even_with_its_old_time() {
        let dir = tempfile::tempdir().unwrap();
        let (path, _) = remembered_file(dir.path(), "abd").await;
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        fs::write(&path, "abc").unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        assert_eq!(digests(dir.path()).of(&path).await.unwrap().to_string(), ABC);
    }

    #[tokio::test]
    async fn a_file_just_written_is_not_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "abc").unwrap();
        digests(dir.path()).of(&path).await.unwrap();
        let left = fs::read_dir(dir.path().join("yarn-flink/digests")).unwrap().count();
        assert_eq!(left, 0, "neither an entry nor a temporary");
    }

    #[tokio::test]
    async fn damaged_entries_are_ignored() {
        let dir = tempfile::tempdir().unwrap();
        let (path, entry) = remembered_file(dir.path(), "abc").await;
        let whole = fs::read(&entry).unwrap();
        for len in 0..whole.len() - 1 {
            fs::write(&entry, &whole[..len]).unwrap();
            let found = remembered(&entry, &Fingerprint::of(&fs::metadata(&path).unwrap()));
            assert_eq!(found, None, "cut at {len}");
        }
        fs::write(&entry, b"\xff\xfe").unwrap();
        assert_eq!(digests(dir.path()).of(&path).await.unwrap().to_string(), ABC);
    }

    #[tokio::test]
    async fn an_unusable_cache_directory_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "abc").unwrap();
        fs::write(dir.path().join("yarn-flink"), "in the way").unwrap();
        let digest = digests(dir.path()).of(&dir.path().join("file")).await.unwrap();
        assert_eq!(digest.to_string(), ABC);
    }

    #[test]
    fn racy_entries_are_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "abc").unwrap();
        let old = SystemTime::now() - Duration::from_secs(3600);
        fs::File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        let found = Fingerprint::of(&fs::metadata(&path).unwrap());
        assert!(found.racy(found.ctime_ns), "its inode was changed a moment ago");
        assert!(!found.racy(found.ctime_ns + RACY_NS + 1));
    }

    #[test]
    fn cache_directory_follows_xdg() {
        let of = |pairs: &[(&str, &str)]| Digests::new(&pairs.iter().copied().collect()).directory;
        assert_eq!(of(&[("HOME", "/h")]), Some("/h/.cache/yarn-flink/digests".into()));
        assert_eq!(of(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]), Some("/x/yarn-flink/digests".into()));
        assert_eq!(
            of(&[("HOME", "/h"), ("XDG_CACHE_HOME", "x")]),
            Some("/h/.cache/yarn-flink/digests".into())
        );
        assert_eq!(of(&[]), None);
    }
}
