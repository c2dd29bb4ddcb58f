mod base;
mod marks;
mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::*;
use world::*;

#[tokio::test]
async fn every_kind_of_file_is_staged_in_order() {
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
    let visibility: Vec<_> = staged.iter().map(|resource| resource.visibility).collect();
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
async fn client_that_loses_the_rename_race_uses_the_other_entry() {
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
async fn failed_upload_is_never_used_and_leaves_nothing() {
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
async fn file_that_changes_during_upload_is_not_published() {
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
    // Not through `stage`, where the application directory would be created first.
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
        assert_eq!(staged[0].kind, Kind::Archive);
    }
}

#[tokio::test]
async fn a_closed_home_directory_makes_entries_private() {
    let world = World::new();
    fs::set_permissions(&world.home, fs::Permissions::from_mode(0o700)).unwrap();
    let a = world.file("a.jar", b"a");
    let staged = stage(&world.staging().await, vec![cached(&a)], 1, &Quiet).await.unwrap();
    assert_eq!(staged[0].visibility, Visibility::Private);
}

#[tokio::test]
async fn link_names_are_checked_before_any_upload() {
    let world = World::new();
    let (a, b) = (world.file("a.jar", b"a"), world.file("b.jar", b"b"));
    for (first, second, expected) in [
        ("x", "x", "two files have the same name \"x\""),
        ("x", "x/y", "two files have the same name \"x\""),
        ("x/y", "x", "two files have the same name \"x\""),
        ("/x", "y", "relative"),
        ("x/../y", "y", "`..`"),
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
async fn unshippable_local_files_are_refused() {
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
async fn names_that_launch_scripts_do_not_escape_are_refused() {
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
    // A local file is stored in the cache under a plain name.
    let staged = stage(&staging, vec![cached(&world.file("a\"$b é:.jar", b"x"))], 1, &Quiet).await.unwrap();
    assert!(staged[0].url.ends_with("/a__b___.jar"), "{}", staged[0].url);
}

#[test]
fn clients_umask_applies() {
    let of = |value: &str| {
        let mut conf = Configuration::default();
        conf.set("fs.permissions.umask-mode", value);
        umask(&conf)
    };
    assert_eq!((of("027"), of("77"), of("u=rwx,g=rx,o=")), (0o027, 0o077, 0o077));
    assert_eq!(umask(&Configuration::default()), 0o022);
}
