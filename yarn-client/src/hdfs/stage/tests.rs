mod marks;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Mutex;

use bytes::Bytes;
use futures::future::BoxFuture;

use super::*;
use crate::hdfs::{CreateOptions, FileRead, FileStatus, FileWrite, LocalFs};

/// A local file system that answers as a test wants it to.
#[derive(Clone)]
struct Scripted {
    inner: LocalFs,
    user: &'static str,
    /// Called before each operation with its name and path.
    script: Script,
}

type Script = Arc<dyn Fn(&str, &str) -> Answer + Send + Sync>;

enum Answer {
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
struct World {
    _dir: tempfile::TempDir,
    home: PathBuf,
    local: PathBuf,
    log: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let (home, local) = (dir.path().join("home"), dir.path().join("local"));
        for path in [&home, &local] {
            fs::create_dir(path).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        Self { _dir: dir, home, local, log: Arc::default() }
    }

    fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.local.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    async fn staging(&self) -> Staging {
        self.scripted(|_, _| Answer::Go).await
    }

    async fn scripted(&self, script: impl Fn(&str, &str) -> Answer + Send + Sync + 'static) -> Staging {
        let log = Arc::clone(&self.log);
        let script = move |operation: &str, path: &str| {
            log.lock().unwrap().push(format!("{operation} {path}"));
            script(operation, path)
        };
        let inner = LocalFs::new("ada", self.home.to_str().unwrap());
        let fs = Scripted { inner, user: "ada", script: Arc::new(script) };
        Staging::open(Arc::new(FileSystems::of(Arc::new(fs))), StagingOptions::default()).await.unwrap()
    }

    fn calls(&self, operation: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|line| line.starts_with(operation)).count()
    }

    /// Every file below `.yarn-flink`, relative to it.
    fn staged(&self) -> Vec<String> {
        let root = self.home.join(".yarn-flink");
        if !root.exists() {
            return Vec::new();
        }
        walk::files(&root).unwrap().into_iter().map(|(name, _)| name).collect()
    }
}

fn id(number: u32) -> ApplicationId {
    format!("application_1700000000000_{number:04}").parse().unwrap()
}

fn item(source: Source, link: &str, scope: Scope) -> StageItem {
    StageItem { source, link: link.to_owned(), kind: Kind::File, scope }
}

fn cached(path: &Path) -> StageItem {
    let name = path.file_name().unwrap().to_str().unwrap();
    item(Source::Local(path.to_owned()), name, Scope::Cache)
}

#[derive(Default)]
struct Recorded(Mutex<Vec<String>>);

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

async fn stage(
    staging: &Staging,
    items: Vec<StageItem>,
    number: u32,
    progress: &dyn Progress,
) -> Result<Vec<LocalResource>, StageError> {
    let application = staging.application_dir(&id(number)).await?;
    staging.stage(&StagePlan { items }, &application, &Digests::uncached(), progress).await
}

#[tokio::test]
async fn everything_kind_by_kind_in_order() {
    let world = World::new();
    let lib = world.file("lib/a.jar", b"aaa").parent().unwrap().to_owned();
    world.file("lib/sub/b.jar", b"bbbb");
    let job = world.file("job.jar", &vec![7; 700_000]);
    let provided = world.home.join("provided");
    fs::create_dir_all(provided.join("private")).unwrap();
    fs::write(provided.join("p.jar"), "p").unwrap();
    fs::write(provided.join("private/q.jar"), "q").unwrap();
    fs::set_permissions(provided.join("private"), fs::Permissions::from_mode(0o700)).unwrap();
    let staging = world.staging().await;
    let items = vec![
        item(Source::Local(lib), "lib", Scope::Cache),
        item(Source::Local(job.clone()), "usrlib/job.jar", Scope::Application),
        item(Source::Remote("provided".to_owned()), "", Scope::Cache),
    ];
    let staged = stage(&staging, items, 1, &Quiet).await.unwrap();
    let links: Vec<_> = staged.iter().map(|resource| resource.link.as_str()).collect();
    assert_eq!(links, ["lib/a.jar", "lib/sub/b.jar", "usrlib/job.jar", "p.jar", "private/q.jar"]);
    use Visibility::{Application, Private, Public};
    let visibility: Vec<_> = staged.iter().map(|resource| resource.visibility()).collect();
    assert_eq!(visibility, [Public, Public, Application, Public, Private]);
    for resource in &staged {
        let path = resource.url.strip_prefix("file://").unwrap();
        let status = staging.fs().stat(path).await.unwrap();
        assert_eq!(
            (resource.size, resource.timestamp_ms),
            (status.len, status.modification_time_ms),
            "{path}"
        );
    }
    let own = world.home.join(".yarn-flink/apps/application_1700000000000_0001");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&own), mode(&own.join("usrlib/job.jar"))), (0o700, 0o600));
    assert_eq!(fs::read(own.join("usrlib/job.jar")).unwrap(), fs::read(job).unwrap());
    let entry = Path::new(staged[0].url.strip_prefix("file://").unwrap());
    assert_eq!((mode(entry), mode(entry.parent().unwrap())), (0o644, 0o755));
    assert!(entry.ends_with("cache/9834876dcfb05cb167a5c24953eba58c4ac89b1adf57f28f2f9d09af107ee8f0/a.jar"));
}

#[tokio::test]
async fn the_second_application_uploads_nothing() {
    let world = World::new();
    let (a, b) = (world.file("a.jar", b"same"), world.file("b.jar", b"other"));
    let staging = world.staging().await;
    let first = stage(&staging, vec![cached(&a), cached(&b)], 1, &Quiet).await.unwrap();
    let (creates, renames) = (world.calls("create"), world.calls("rename"));
    assert_eq!((creates, renames), (2, 2));
    let progress = Recorded::default();
    let second = stage(&staging, vec![cached(&a), cached(&b)], 2, &progress).await.unwrap();
    assert_eq!(first, second);
    assert_eq!((world.calls("create"), world.calls("rename")), (creates, renames));
    let mut seen = progress.0.into_inner().unwrap();
    seen.sort();
    assert_eq!(seen, ["reused a.jar 4", "reused b.jar 5"]);
}

#[tokio::test]
async fn the_same_content_twice_in_one_plan_is_one_upload() {
    let world = World::new();
    let a = world.file("a.jar", b"same");
    let staging = world.staging().await;
    let mut again = cached(&a);
    again.link = "again.jar".to_owned();
    let progress = Recorded::default();
    let staged = stage(&staging, vec![cached(&a), again], 1, &progress).await.unwrap();
    assert_eq!(staged[0].url, staged[1].url);
    assert_eq!(progress.0.into_inner().unwrap(), ["planned 1 4", "finished a.jar"]);
}

#[tokio::test]
async fn two_clients_at_once_both_succeed() {
    let world = World::new();
    let files: Vec<_> = (0..6_u8).map(|n| world.file(&format!("{n}.jar"), &vec![n; 300_000])).collect();
    let (one, two) = (world.staging().await, world.staging().await);
    let items = || files.iter().map(|file| cached(file)).collect::<Vec<_>>();
    let (first, second) = tokio::join!(stage(&one, items(), 1, &Quiet), stage(&two, items(), 2, &Quiet));
    assert_eq!(first.unwrap(), second.unwrap());
    assert_eq!(world.staged().len(), 6, "{:?}", world.staged());
}

#[tokio::test]
async fn a_client_that_comes_second_to_the_rename_uses_the_other_ones_entry() {
    let world = World::new();
    let a = world.file("a.jar", b"same");
    let entry =
        world.home.join(".yarn-flink/cache").join(crate::hdfs::digest::Digest::of_bytes(b"same").to_string());
    let planted = entry.clone();
    let staging = world
        .scripted(move |operation, _| {
            if operation == "rename" {
                fs::create_dir_all(&planted).unwrap();
                fs::write(planted.join("a.jar"), "same").unwrap();
            }
            Answer::Go
        })
        .await;
    let staged = stage(&staging, vec![cached(&a)], 1, &Quiet).await.unwrap();
    assert_eq!(staged[0].url, format!("file://{}/a.jar", entry.display()));
    assert_eq!(world.staged().len(), 1, "no temporary is left: {:?}", world.staged());
}

#[tokio::test]
async fn an_upload_that_fails_is_never_used_and_leaves_nothing() {
    for operation in ["create", "write", "close", "rename"] {
        let world = World::new();
        let a = world.file("a.jar", &vec![1; 600_000]);
        let b = world.file("b.jar", &vec![2; 600_000]);
        let script = move |asked: &str, path: &str| {
            if asked == operation {
                return Answer::Fail(HdfsError::NoDataNode {
                    path: path.to_owned(),
                    message: "disk full".to_owned(),
                    detail: String::new(),
                });
            }
            Answer::Go
        };
        let staging = world.scripted(script).await;
        let error = stage(&staging, vec![cached(&a), cached(&b)], 1, &Quiet).await.unwrap_err();
        assert!(error.to_string().contains("disk full") && error.hint().is_some(), "{operation}: {error}");
        assert_eq!(world.staged(), [""; 0], "{operation}");
        stage(&world.staging().await, vec![cached(&a), cached(&b)], 1, &Quiet).await.unwrap();
        assert_eq!(world.staged().len(), 2);
    }
}

#[tokio::test]
async fn an_interrupted_run_is_cleaned_by_discard() {
    let world = World::new();
    let whole = world.file("whole.jar", b"whole");
    let cut = world.file("cut.jar", &vec![1; 600_000]);
    let own = world.file("own.jar", b"own");
    let log = Arc::clone(&world.log);
    // The large file hangs in its second chunk.
    let script = move |operation: &str, path: &str| {
        let writes = log.lock().unwrap().iter().filter(|line| **line == format!("write {path}")).count();
        if operation == "write" && writes == 2 { Answer::Hang } else { Answer::Go }
    };
    let staging = world.scripted(script).await;
    let application = staging.application_dir(&id(1)).await.unwrap();
    let plan = StagePlan {
        items: vec![cached(&whole), cached(&cut), item(Source::Local(own), "own.jar", Scope::Application)],
    };
    let digests = Digests::uncached();
    {
        let stage = staging.stage(&plan, &application, &digests, &Quiet);
        let limit = tokio::time::timeout(std::time::Duration::from_millis(500), stage);
        limit.await.unwrap_err();
    }
    let left = world.staged();
    assert!(left.iter().any(|name| name.contains(".uploading/application_1700000000000_0001-")), "{left:?}");
    assert!(left.iter().any(|name| name.ends_with("own.jar")), "{left:?}");
    staging.discard(&application).await.unwrap();
    let left = world.staged();
    assert!(left.len() == 1 && left[0].ends_with("/whole.jar"), "only the whole entry stays: {left:?}");
    staging.discard(&application).await.unwrap();
}

#[tokio::test]
async fn an_entry_that_is_not_whole_is_replaced() {
    let world = World::new();
    let a = world.file("a.jar", b"content");
    let staging = world.staging().await;
    let staged = stage(&staging, vec![cached(&a)], 1, &Quiet).await.unwrap();
    let path = staged[0].url.strip_prefix("file://").unwrap().to_owned();
    fs::write(&path, "cont").unwrap();
    let staged = stage(&staging, vec![cached(&a)], 2, &Quiet).await.unwrap();
    assert_eq!(staged[0].size, 7);
    assert_eq!(fs::read(&path).unwrap(), b"content");
}

#[tokio::test]
async fn abandoned_temporaries_are_swept_and_young_ones_kept() {
    let world = World::new();
    let staging = world.staging().await;
    let uploading = format!("{}/.uploading", staging.cache().directory());
    fs::create_dir_all(&uploading).unwrap();
    for (name, age_hours) in [("old", 25_u64), ("young", 23)] {
        let path = format!("{uploading}/{name}");
        fs::write(&path, "x").unwrap();
        let now = staging.fs().stat(&path).await.unwrap().modification_time_ms;
        staging.fs().set_modification_time(&path, now - age_hours * 3_600_000).await.unwrap();
    }
    stage(&staging, vec![cached(&world.file("a.jar", b"a"))], 1, &Quiet).await.unwrap();
    let left: Vec<_> = world.staged().into_iter().filter(|name| name.contains(".uploading")).collect();
    assert_eq!(left, ["cache/.uploading/young"]);
}

#[tokio::test]
async fn a_file_that_changes_under_our_hands_is_not_published() {
    let world = World::new();
    let a = world.file("a.jar", b"before");
    let target = a.clone();
    let staging = world
        .scripted(move |operation, _| {
            if operation == "mkdirs" {
                fs::write(&target, "after!").unwrap();
            }
            Answer::Go
        })
        .await;
    // Not through `stage`, whose application directory would be the first to be made.
    let files = [CacheFile { local: a, link: "a.jar".to_owned(), kind: Kind::File }];
    let error = staging.cache().ensure(&files, "t", &Digests::uncached(), &Quiet).await.unwrap_err();
    assert!(matches!(error, StageError::Changed { .. }), "{error:?}");
    assert_eq!(world.staged(), [""; 0]);
}

#[tokio::test]
async fn archives_keep_their_suffix() {
    let world = World::new();
    let archive = world.file("venv.tar.gz", b"zip");
    let staging = world.staging().await;
    for scope in [Scope::Application, Scope::Cache] {
        let mut item = item(Source::Local(archive.clone()), "env", scope);
        item.kind = Kind::Archive;
        let staged = stage(&staging, vec![item], 1, &Quiet).await.unwrap();
        assert!(staged[0].url.ends_with("/venv.tar.gz") && staged[0].link == "env", "{staged:?}");
        assert_eq!(staged[0].kind(), Kind::Archive);
    }
}

#[tokio::test]
async fn a_closed_home_directory_makes_entries_private() {
    let world = World::new();
    fs::set_permissions(&world.home, fs::Permissions::from_mode(0o700)).unwrap();
    let a = world.file("a.jar", b"a");
    let staged = stage(&world.staging().await, vec![cached(&a)], 1, &Quiet).await.unwrap();
    assert_eq!(staged[0].visibility(), Visibility::Private);
}

#[tokio::test]
async fn link_names_are_checked_before_any_upload() {
    let world = World::new();
    let (a, b) = (world.file("a.jar", b"a"), world.file("b.jar", b"b"));
    for (first, second, expected) in [
        ("x", "x", "two files want the name \"x\""),
        ("x", "x/y", "two files want the name \"x\""),
        ("x/y", "x", "two files want the name \"x\""),
        ("/x", "y", "relative"),
        ("x/../y", "y", "'..'"),
        ("x//y", "y", "empty component"),
        ("", "y", "it is empty"),
    ] {
        let staging = world.staging().await;
        let items = vec![
            item(Source::Local(a.clone()), first, Scope::Cache),
            item(Source::Local(b.clone()), second, Scope::Cache),
        ];
        let error = stage(&staging, items, 1, &Quiet).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{first} {second}: {error}");
    }
    assert_eq!((world.calls("create"), world.staged()), (0, Vec::new()));
}

#[tokio::test]
async fn local_files_that_cannot_be_shipped() {
    let world = World::new();
    let staging = world.staging().await;
    let error = stage(&staging, vec![cached(&world.local.join("none.jar"))], 1, &Quiet).await.unwrap_err();
    assert!(error.to_string().contains("none.jar cannot be shipped: No such file"), "{error}");
    std::os::unix::fs::symlink(&world.local, world.local.join("circle")).unwrap();
    let error = stage(&staging, vec![cached(&world.local)], 1, &Quiet).await.unwrap_err();
    assert!(error.to_string().contains("cannot be shipped"), "{error}");
    let error =
        stage(&staging, vec![item(Source::Remote("no/such".into()), "x", Scope::Cache)], 1, &Quiet).await;
    assert!(matches!(error, Err(StageError::FileSystem(HdfsError::NotFound { .. }))), "{error:?}");
}

#[tokio::test]
async fn names_that_scripts_of_nodes_cannot_hold() {
    let world = World::new();
    let staging = world.staging().await;
    for (name, character) in [("a$b.jar", '$'), ("a\"b.jar", '"'), ("a`b.jar", '`'), ("a\\b.jar", '\\')] {
        fs::create_dir_all(world.home.join("jars")).unwrap();
        fs::write(world.home.join("jars").join(name), "jar").unwrap();
        let remote = vec![item(Source::Remote(format!("jars/{name}")), "usrlib/x.jar", Scope::Cache)];
        let error = stage(&staging, remote, 1, &Quiet).await.unwrap_err();
        assert!(
            matches!(&error, StageError::RemoteName { character: c, .. } if *c == character),
            "{error:?}"
        );
        assert!(error.to_string().contains(name) && error.hint().is_some(), "{error}");
    }
    // A local file lies in the cache under a plain name.
    let staged = stage(&staging, vec![cached(&world.file("a\"$b é:.jar", b"x"))], 1, &Quiet).await.unwrap();
    assert!(staged[0].url.ends_with("/a__b___.jar"), "{}", staged[0].url);
}

#[tokio::test]
async fn the_base_directory_is_checked() {
    let world = World::new();
    let systems =
        |home: &Path| Arc::new(FileSystems::of(Arc::new(LocalFs::new("ada", home.to_str().unwrap()))));
    let missing = world.home.join("missing");
    let error = Staging::open(systems(&missing), StagingOptions::default()).await.unwrap_err();
    assert!(matches!(error, StageError::HomeMissing { .. }), "{error:?}");
    let hint = error.hint().unwrap();
    assert!(hint.contains(&format!("hdfs dfs -mkdir -p file://{}", missing.display())), "{hint}");
    let file = world.file("file", b"");
    let error = Staging::open(systems(&file), StagingOptions::default()).await.unwrap_err();
    assert!(error.to_string().contains("is not a directory"), "{error}");
}

#[tokio::test]
async fn a_refused_write_names_the_base_and_the_way_out() {
    let world = World::new();
    let staging = world
        .scripted(|operation, path| match operation {
            "mkdirs" => Answer::Fail(HdfsError::PermissionDenied {
                user: "ada".to_owned(),
                operation: "make directory",
                path: format!("file://{path}"),
                message: "no".to_owned(),
                detail: "trace".to_owned(),
            }),
            _ => Answer::Go,
        })
        .await;
    let error = staging.application_dir(&id(1)).await.unwrap_err();
    assert_eq!(error.to_string(), format!("user ada may not write to file://{}", world.home.display()));
    assert!(error.hint().unwrap().contains("chown ada") && error.detail() == Some("trace"));
}

#[tokio::test]
async fn a_world_writable_base_is_divided_by_user() {
    let world = World::new();
    fs::set_permissions(&world.home, fs::Permissions::from_mode(0o1777)).unwrap();
    let staging = world.staging().await;
    assert_eq!(staging.base(), world.home.join("ada").to_str().unwrap());
    let staged = stage(&staging, vec![cached(&world.file("a.jar", b"a"))], 1, &Quiet).await.unwrap();
    assert!(staged[0].url.contains("/home/ada/.yarn-flink/cache/"));
    // Whoever made eve's directory, it was not eve.
    fs::create_dir(world.home.join("eve")).unwrap();
    let inner = LocalFs::new("ada", world.home.to_str().unwrap());
    let fs = Scripted { inner, user: "eve", script: Arc::new(|_, _| Answer::Go) };
    let systems = Arc::new(FileSystems::of(Arc::new(fs)));
    let error = Staging::open(systems, StagingOptions::default()).await.unwrap_err();
    assert!(matches!(&error, StageError::ForeignDirectory { owner, .. } if owner == "ada"), "{error:?}");
}

/// A staging directory `base`, as `user` sees it; nobody but its owner may write there where `closed`.
async fn based(world: &World, user: &'static str, base: &str, closed: bool) -> Result<Staging, StageError> {
    let inner = LocalFs::new("ada", world.home.to_str().unwrap());
    let script = move |operation: &str, path: &str| match operation {
        "mkdirs" if closed => Answer::Fail(HdfsError::PermissionDenied {
            user: user.to_owned(),
            operation: "make directory",
            path: format!("file://{path}"),
            message: "no".to_owned(),
            detail: "trace".to_owned(),
        }),
        _ => Answer::Go,
    };
    let fs = Scripted { inner, user, script: Arc::new(script) };
    let options = StagingOptions { base: Some(base.to_owned()), ..StagingOptions::default() };
    Staging::open(Arc::new(FileSystems::of(Arc::new(fs))), options).await
}

#[tokio::test]
async fn a_missing_staging_directory_is_made_when_something_is_written() {
    let world = World::new();
    let staging = based(&world, "ada", "new/staging", false).await.unwrap();
    let made = world.home.join("new/staging");
    assert!(!made.exists(), "nothing is changed by a look");
    let directory = staging.application_dir(&id(1)).await.unwrap();
    assert_eq!(directory.path(), made.join(".yarn-flink/apps").join(id(1).to_string()).to_str().unwrap());
    assert_eq!(fs::metadata(&made).unwrap().permissions().mode() & 0o7777, 0o755);
    let staging = based(&world, "ada", "other", true).await.unwrap();
    let error = staging.application_dir(&id(1)).await.unwrap_err();
    assert!(matches!(error, StageError::BaseMissing { .. }) && error.detail() == Some("trace"), "{error:?}");
    assert!(error.hint().unwrap().contains("hdfs dfs -chown ada"), "{error}");
}

#[tokio::test]
async fn a_second_user_has_a_directory_of_his_own_below_the_firsts() {
    let world = World::new();
    based(&world, "ada", "base", false).await.unwrap().application_dir(&id(1)).await.unwrap();
    let base = world.home.join("base");
    assert!(base.join(".yarn-flink/apps").is_dir());
    // Writable by a group, an ACL or nobody: not for the owner's own directory.
    let second = based(&world, "eve", "base", false).await.unwrap();
    assert_eq!(second.base(), base.join("eve").to_str().unwrap());
    second.application_dir(&id(2)).await.unwrap();
    assert!(base.join("eve/.yarn-flink/apps").is_dir());
    let error = based(&world, "bob", "base", true).await.unwrap().application_dir(&id(3)).await.unwrap_err();
    let (base, hint) = (base.display(), error.hint().unwrap());
    assert_eq!(
        error.to_string(),
        format!("the staging directory file://{base} belongs to ada, and bob may not make a directory in it")
    );
    assert!(hint.contains(&format!("as ada: hdfs dfs -chmod 1777 file://{base}")), "{hint}");
    assert!(hint.contains(&format!("hdfs dfs -chown bob file://{base}/bob")), "{hint}");
}

#[test]
fn umask_is_the_clients() {
    let of = |value: &str| {
        let mut conf = Configuration::default();
        conf.set("fs.permissions.umask-mode", value);
        umask(&conf)
    };
    assert_eq!((of("027"), of("77"), of("u=rwx,g=rx,o=")), (0o027, 0o077, 0o077));
    assert_eq!(umask(&Configuration::default()), 0o022);
}
