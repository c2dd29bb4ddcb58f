//! What every [`FileSystem`] must do; run against each implementation, including the real HDFS.

use std::sync::Arc;

use bytes::Bytes;

use super::{CreateOptions, FileSystem, HdfsError};

/// Runs every check below `base`, an existing, empty and writable directory, and leaves it empty.
///
/// # Panics
/// If a check fails, with what was found.
pub async fn run(fs: Arc<dyn FileSystem>, base: &str) {
    let fs = fs.as_ref();
    directories(fs, base).await;
    files(fs, base).await;
    renames(fs, base).await;
    deletes(fs, base).await;
    attributes(fs, base).await;
    names(fs, base).await;
    missing(fs, base).await;
    let left = fs.list(base).await.unwrap();
    assert!(left.is_empty(), "left behind: {left:?}");
}

async fn put(
    fs: &dyn FileSystem,
    path: &str,
    content: &[u8],
    options: CreateOptions,
) -> Result<(), HdfsError> {
    let mut file = fs.create(path, options).await?;
    file.write(Bytes::copy_from_slice(content)).await?;
    file.close().await
}

async fn directories(fs: &dyn FileSystem, base: &str) {
    let deep = format!("{base}/d/e/f");
    fs.mkdirs(&deep, 0o755).await.unwrap();
    fs.mkdirs(&deep, 0o700).await.unwrap();
    let status = fs.stat(&deep).await.unwrap();
    assert!(
        status.is_dir && status.len == 0 && status.permission == 0o755,
        "an existing directory keeps its mode: {status:?}"
    );
    assert_eq!((status.path.as_str(), status.name()), (deep.as_str(), "f"));
    fs.mkdirs(&format!("{base}/d/open"), 0o777).await.unwrap();
    assert_eq!(fs.stat(&format!("{base}/d/open")).await.unwrap().permission, 0o777, "no umask is applied");
    for name in ["b", "a"] {
        put(fs, &format!("{base}/d/{name}"), b"x", CreateOptions::default()).await.unwrap();
    }
    let names: Vec<_> =
        fs.list(&format!("{base}/d")).await.unwrap().iter().map(|s| s.name().to_owned()).collect();
    assert_eq!(names, ["a", "b", "e", "open"]);
    let of_file = fs.list(&format!("{base}/d/a")).await.unwrap();
    assert_eq!((of_file.len(), of_file[0].path.as_str()), (1, format!("{base}/d/a").as_str()));
    let error = fs.mkdirs(&format!("{base}/d/a"), 0o755).await.unwrap_err();
    assert!(matches!(error, HdfsError::AlreadyExists { .. }), "{error:?}");
    let error = fs.mkdirs(&format!("{base}/d/a/below"), 0o755).await.unwrap_err();
    assert!(matches!(error, HdfsError::WrongType { .. }), "{error:?}");
    assert!(fs.delete(&format!("{base}/d"), true).await.unwrap());
}

async fn files(fs: &dyn FileSystem, base: &str) {
    let path = format!("{base}/new/dir/file");
    put(fs, &path, b"hello", CreateOptions { mode: 0o640, ..CreateOptions::default() }).await.unwrap();
    let status = fs.stat(&path).await.unwrap();
    assert_eq!((status.len, status.permission, status.is_dir), (5, 0o640, false));
    assert!(status.modification_time_ms > 1_600_000_000_000 && status.replication >= 1, "{status:?}");
    assert_eq!(fs.read(&path, 5).await.unwrap(), "hello");
    let error = fs.read(&path, 4).await.unwrap_err();
    assert!(error.to_string().contains("cannot read"), "{error}");
    let error = put(fs, &path, b"x", CreateOptions::default()).await.unwrap_err();
    assert!(matches!(error, HdfsError::AlreadyExists { .. }), "{error:?}");
    put(fs, &path, b"shorter"[..2].as_ref(), CreateOptions { overwrite: true, ..CreateOptions::default() })
        .await
        .unwrap();
    assert_eq!(fs.read(&path, 99).await.unwrap(), "sh");
    let absent = format!("{base}/new/absent");
    put(fs, &absent, b"", CreateOptions { overwrite: true, ..CreateOptions::default() }).await.unwrap();
    assert_eq!(fs.read(&absent, 0).await.unwrap(), "", "overwrite does not need an earlier file");

    let nowhere = format!("{base}/nowhere/file");
    let without = CreateOptions { parents: false, ..CreateOptions::default() };
    let error = put(fs, &nowhere, b"", without).await.unwrap_err();
    assert!(error.is_not_found(), "{error:?}");

    // Several packets, in uneven pieces.
    let big = format!("{base}/new/big");
    let content: Vec<u8> = (0..1_000_000_u32).map(|i| (i % 251) as u8).collect();
    let mut file = fs.create(&big, CreateOptions::default()).await.unwrap();
    for piece in content.chunks(77_777) {
        file.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    file.close().await.unwrap();
    assert!(fs.read(&big, 1_000_000).await.unwrap() == content, "content survives");
    let opened = fs.open(&big).await.unwrap();
    assert_eq!(opened.length(), 1_000_000);
    assert!(opened.read_at(999_990, 4).await.unwrap() == content[999_990..999_994]);
    assert!(opened.read_at(999_990, 400).await.unwrap() == content[999_990..], "to the end");
    assert_eq!(opened.read_at(2_000_000, 4).await.unwrap(), "", "behind the end");
    let Err(error) = fs.open(&nowhere).await else { panic!("there is nothing") };
    assert!(error.is_not_found(), "{error:?}");
    assert!(fs.delete(&format!("{base}/new"), true).await.unwrap());
}

async fn renames(fs: &dyn FileSystem, base: &str) {
    let path = |name: &str| format!("{base}/r/{name}");
    for name in ["a", "b"] {
        put(fs, &path(name), name.as_bytes(), CreateOptions::default()).await.unwrap();
    }
    let error = fs.rename(&path("a"), &path("b")).await.unwrap_err();
    assert!(matches!(&error, HdfsError::AlreadyExists { path } if path.ends_with("/r/b")), "{error:?}");
    assert_eq!(fs.read(&path("b"), 9).await.unwrap(), "b", "the target is untouched");
    let before = fs.stat(&path("a")).await.unwrap();
    fs.rename(&path("a"), &path("c")).await.unwrap();
    let after = fs.stat(&path("c")).await.unwrap();
    assert_eq!((after.len, after.modification_time_ms), (before.len, before.modification_time_ms));
    assert!(fs.stat(&path("a")).await.unwrap_err().is_not_found());
    assert!(fs.rename(&path("a"), &path("x")).await.unwrap_err().is_not_found());
    assert!(fs.rename(&path("c"), &path("no/x")).await.unwrap_err().is_not_found());
    fs.mkdirs(&path("dir"), 0o755).await.unwrap();
    fs.rename(&path("dir"), &path("dir2")).await.unwrap();
    assert!(fs.stat(&path("dir2")).await.unwrap().is_dir);
    assert!(fs.delete(&format!("{base}/r"), true).await.unwrap());
}

async fn deletes(fs: &dyn FileSystem, base: &str) {
    let dir = format!("{base}/x");
    put(fs, &format!("{dir}/f"), b"1", CreateOptions::default()).await.unwrap();
    let error = fs.delete(&dir, false).await.unwrap_err();
    assert!(matches!(error, HdfsError::NotEmpty { .. }), "{error:?}");
    assert!(fs.delete(&format!("{dir}/f"), false).await.unwrap());
    assert!(!fs.delete(&format!("{dir}/f"), false).await.unwrap());
    assert!(fs.delete(&dir, false).await.unwrap());
    // An unfinished file can be removed while its writer still exists, and later.
    let cut_off = format!("{base}/cut-off");
    let mut file = fs.create(&cut_off, CreateOptions::default()).await.unwrap();
    file.write(Bytes::from_static(b"part")).await.unwrap();
    drop(file);
    assert!(fs.delete(&cut_off, false).await.unwrap());
}

async fn attributes(fs: &dyn FileSystem, base: &str) {
    let path = format!("{base}/attributes");
    put(fs, &path, b"1", CreateOptions { replication: Some(1), ..CreateOptions::default() }).await.unwrap();
    assert_eq!(fs.stat(&path).await.unwrap().replication, 1);
    fs.set_permission(&path, 0o600).await.unwrap();
    fs.set_modification_time(&path, 1_700_000_000_123).await.unwrap();
    fs.set_replication(&path, 2).await.unwrap();
    let status = fs.stat(&path).await.unwrap();
    assert_eq!((status.permission, status.modification_time_ms), (0o600, 1_700_000_000_123));
    assert!(fs.delete(&path, false).await.unwrap());
}

async fn names(fs: &dyn FileSystem, base: &str) {
    for name in ["with space", "ümlaut-日本", "a+b=c&d%20e", "quote'\"$x`"] {
        let path = format!("{base}/{name}");
        put(fs, &path, name.as_bytes(), CreateOptions::default()).await.unwrap();
        assert_eq!(fs.read(&path, 99).await.unwrap(), name);
        assert_eq!(fs.list(base).await.unwrap()[0].path, path);
        assert_eq!(fs.resolve(&fs.uri(&path)).unwrap(), path);
        assert!(fs.delete(&path, false).await.unwrap());
    }
}

async fn missing(fs: &dyn FileSystem, base: &str) {
    let path = &format!("{base}/missing");
    assert!(fs.stat(path).await.unwrap_err().is_not_found());
    assert!(fs.list(path).await.unwrap_err().is_not_found());
    assert!(fs.read(path, 1).await.unwrap_err().is_not_found());
    assert!(fs.set_permission(path, 0o644).await.unwrap_err().is_not_found());
    assert!(fs.set_replication(path, 1).await.unwrap_err().is_not_found());
    assert!(fs.set_modification_time(path, 1).await.unwrap_err().is_not_found());
    let error = fs.stat(path).await.unwrap_err().to_string();
    assert!(error.contains(&fs.uri(path)), "the error names the full URI: {error}");
}
