//! The world of these tests: a "cluster" on this host's disk that responds as a test wants it to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;

use bytes::Bytes;
use futures::future::BoxFuture;

use super::*;
use crate::hdfs::{CreateOptions, FileRead, FileStatus, FileWrite, LocalFs};

/// A local file system that responds as a test wants it to.
#[derive(Clone)]
pub(super) struct Scripted {
    pub(super) inner: LocalFs,
    pub(super) user: &'static str,
    /// Called before each operation with its name and path.
    pub(super) script: Script,
}

pub(super) type Script = Arc<dyn Fn(&str, &str) -> Answer + Send + Sync>;

pub(super) enum Answer {
    Go,
    Fail(HdfsError),
    Hang,
}

impl std::fmt::Debug for Scripted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

impl Scripted {
    async fn ask(&self, operation: &str, path: &str) -> Result<(), HdfsError> {
        match (self.script)(operation, path) {
            Answer::Go => Ok(()),
            Answer::Fail(error) => Err(error),
            Answer::Hang => std::future::pending().await,
        }
    }
}

struct ScriptedWriter {
    inner: Box<dyn FileWrite>,
    fs: Scripted,
    path: String,
}

impl FileWrite for ScriptedWriter {
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), HdfsError>> {
        Box::pin(async move {
            self.fs.ask("write", &self.path).await?;
            self.inner.write(data).await
        })
    }
    fn close(&mut self) -> BoxFuture<'_, Result<(), HdfsError>> {
        Box::pin(async move {
            self.fs.ask("close", &self.path).await?;
            self.inner.close().await
        })
    }
}

macro_rules! scripted {
    ($self:ident, $operation:literal, $path:ident, $call:expr) => {
        Box::pin(async move {
            $self.ask($operation, $path).await?;
            $call.await
        })
    };
}

impl FileSystem for Scripted {
    fn root(&self) -> &str {
        self.inner.root()
    }
    fn home(&self) -> &str {
        self.inner.home()
    }
    fn user(&self) -> &str {
        self.user
    }
    fn stat<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<FileStatus, HdfsError>> {
        scripted!(self, "stat", path, self.inner.stat(path))
    }
    fn list<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Vec<FileStatus>, HdfsError>> {
        scripted!(self, "list", path, self.inner.list(path))
    }
    fn mkdirs<'a>(&'a self, path: &'a str, mode: u16) -> BoxFuture<'a, Result<(), HdfsError>> {
        scripted!(self, "mkdirs", path, self.inner.mkdirs(path, mode))
    }
    fn create<'a>(
        &'a self,
        path: &'a str,
        options: CreateOptions,
    ) -> BoxFuture<'a, Result<Box<dyn FileWrite>, HdfsError>> {
        Box::pin(async move {
            self.ask("create", path).await?;
            let inner = self.inner.create(path, options).await?;
            let writer = ScriptedWriter { inner, fs: self.clone(), path: path.to_owned() };
            Ok(Box::new(writer) as Box<dyn FileWrite>)
        })
    }
    fn read<'a>(&'a self, path: &'a str, limit: u64) -> BoxFuture<'a, Result<Bytes, HdfsError>> {
        scripted!(self, "read", path, self.inner.read(path, limit))
    }
    fn open<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Box<dyn FileRead>, HdfsError>> {
        scripted!(self, "open", path, self.inner.open(path))
    }
    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, Result<(), HdfsError>> {
        scripted!(self, "rename", from, self.inner.rename(from, to))
    }
    fn delete<'a>(&'a self, path: &'a str, recursive: bool) -> BoxFuture<'a, Result<bool, HdfsError>> {
        scripted!(self, "delete", path, self.inner.delete(path, recursive))
    }
    fn set_permission<'a>(&'a self, path: &'a str, mode: u16) -> BoxFuture<'a, Result<(), HdfsError>> {
        scripted!(self, "chmod", path, self.inner.set_permission(path, mode))
    }
    fn set_replication<'a>(&'a self, path: &'a str, n: u32) -> BoxFuture<'a, Result<(), HdfsError>> {
        scripted!(self, "setrep", path, self.inner.set_replication(path, n))
    }
    fn set_modification_time<'a>(&'a self, path: &'a str, ms: u64) -> BoxFuture<'a, Result<(), HdfsError>> {
        scripted!(self, "touch", path, self.inner.set_modification_time(path, ms))
    }
}

/// A home directory on the "cluster", and a local directory with files to ship.
pub(super) struct World {
    _dir: tempfile::TempDir,
    pub(super) home: PathBuf,
    pub(super) local: PathBuf,
    pub(super) log: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let (home, local) = (dir.path().join("home"), dir.path().join("local"));
        for path in [&home, &local] {
            fs::create_dir(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { _dir: dir, home, local, log: Arc::default() }
    }

    pub(super) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.local.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub(super) async fn staging(&self) -> Staging {
        self.scripted(|_, _| Answer::Go).await
    }

    pub(super) async fn scripted(
        &self,
        script: impl Fn(&str, &str) -> Answer + Send + Sync + 'static,
    ) -> Staging {
        let log = Arc::clone(&self.log);
        let script = move |operation: &str, path: &str| {
            log.lock().unwrap().push(format!("{operation} {path}"));
            script(operation, path)
        };
        let inner = LocalFs::new("ada", self.home.to_str().unwrap());
        let fs = Scripted { inner, user: "ada", script: Arc::new(script) };
        Staging::open(Arc::new(FileSystems::of(Arc::new(fs))), StagingOptions::default()).await.unwrap()
    }

    pub(super) fn calls(&self, operation: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| line.starts_with(operation)).count()
    }

    /// Every file below `.yarn-flink`, relative to it.
    pub(super) fn staged(&self) -> Vec<String> {
        let root = self.home.join(".yarn-flink");
        if !root.exists() {
            return Vec::new();
        }
        walk::files(&root).unwrap().into_iter().map(|(name, _)| name).collect()
    }
}

pub(super) fn id(number: u32) -> ApplicationId {
    format!("application_1700000000000_{number:04}").parse().unwrap()
}

pub(super) fn item(source: Source, link: &str, scope: Scope) -> StageItem {
    StageItem { source, link: link.to_owned(), kind: Kind::File, scope }
}

pub(super) fn cached(path: &Path) -> StageItem {
    let name = path.file_name().unwrap().to_str().unwrap();
    item(Source::Local(path.to_owned()), name, Scope::Cache)
}

#[derive(Default)]
pub(super) struct Recorded(pub(super) Mutex<Vec<String>>);

impl Progress for Recorded {
    fn planned(&self, files: usize, bytes: u64) {
        self.0.lock().unwrap().push(format!("planned {files} {bytes}"));
    }
    fn finished(&self, link: &str) {
        self.0.lock().unwrap().push(format!("finished {link}"));
    }
    fn reused(&self, link: &str, bytes: u64) {
        self.0.lock().unwrap().push(format!("reused {link} {bytes}"));
    }
}

pub(super) async fn stage(
    staging: &Staging,
    items: Vec<StageItem>,
    number: u32,
    progress: &dyn Progress,
) -> Result<Vec<LocalResource>, StageError> {
    let application = staging.application_dir(&id(number)).await?;
    staging.stage(&StagePlan { items }, &application, &Digests::uncached(), progress).await
}
