use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::hdfs::{FileSystems, conformance, resource};

/// Two mounts of local directories and one that cannot be used, plus what `more` configures.
fn view(directory: &std::path::Path, more: &[(&str, &str)]) -> FileSystems {
    let local = |name: &str| {
        let path = directory.join(name);
        std::fs::create_dir_all(&path).unwrap();
        format!("file://{}", path.display())
    };
    let mut conf = Configuration::default();
    conf.set("fs.defaultFS", "viewfs://CL");
    conf.set("fs.viewfs.mounttable.CL.link./data", local("data"));
    conf.set("fs.viewfs.mounttable.CL.link./users/all/", local("homes"));
    conf.set("fs.viewfs.mounttable.CL.link./lake", "s3a://bucket/lake");
    for (key, value) in more {
        let value = if *value == "rest" { local("rest") } else { (*value).to_owned() };
        conf.set(*key, value);
    }
    FileSystems::connect(&conf, &User::new("ada")).unwrap()
}

#[tokio::test]
async fn viewfs_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let systems = view(dir.path(), &[]);
    conformance::run(Arc::clone(systems.default_fs()), "/data").await;
    conformance::run(Arc::clone(systems.default_fs()), "/users/all").await;
    let systems = view(dir.path(), &[("fs.viewfs.mounttable.CL.linkFallback", "rest")]);
    std::fs::create_dir(dir.path().join("rest/tmp")).unwrap();
    conformance::run(Arc::clone(systems.default_fs()), "/tmp").await;
}

#[tokio::test]
async fn directories_above_mount_points_come_from_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let systems = view(dir.path(), &[("fs.viewfs.mounttable.CL.homedir", "/users/all")]);
    let fs = systems.default_fs();
    assert_eq!((fs.root(), fs.home()), ("viewfs://CL", "/users/all/ada"));
    let names = async |path: &str| {
        let listed = fs.list(path).await.unwrap();
        listed.iter().map(|it| format!("{} {}", it.path, it.is_dir)).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(names("/").await, "/data true, /lake true, /users true");
    assert_eq!(names("/users").await, "/users/all true");
    let above = fs.stat("/users").await.unwrap();
    assert_eq!((above.path.as_str(), above.permission), ("/users", 0o555));
    fs.mkdirs("/users", 0o755).await.unwrap();
    for error in [
        fs.mkdirs("/user/ada", 0o755).await.unwrap_err(),
        fs.set_permission("/", 0o777).await.unwrap_err(),
        fs.delete("/data", true).await.unwrap_err(),
        fs.delete("/users", true).await.unwrap_err(),
    ] {
        assert!(matches!(error, HdfsError::PermissionDenied { .. }), "{error:?}");
        assert!(error.to_string().contains("has no mount point"), "{error}");
    }
    assert!(fs.stat("/user").await.unwrap_err().is_not_found());
    assert!(!fs.delete("/user/ada", true).await.unwrap());
    // It fails when accessed, and does not affect other mounts.
    let error = fs.stat("/lake/x").await.unwrap_err().to_string();
    assert!(
        error.contains("link./lake` = s3a://bucket/lake") && error.contains("viewfs://CL/lake"),
        "{error}"
    );
    std::fs::write(dir.path().join("data/x"), "x").unwrap();
    let error = fs.rename("/data/x", "/users/all/x").await.unwrap_err();
    assert!(error.to_string().contains("another mount point"), "{error}");
}

#[tokio::test]
async fn fallback_serves_unmounted_paths() {
    let dir = tempfile::tempdir().unwrap();
    let systems = view(dir.path(), &[("fs.viewfs.mounttable.CL.linkFallback", "rest")]);
    let fs = systems.default_fs();
    for name in ["tmp", "data", "users/own"] {
        std::fs::create_dir_all(dir.path().join("rest").join(name)).unwrap();
    }
    let names = async |path: &str| {
        fs.list(path).await.unwrap().iter().map(|it| it.path.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("/").await, "/data /lake /tmp /users");
    assert_eq!(names("/users").await, "/users/all /users/own");
    assert_eq!(fs.stat("/users/own").await.unwrap().path, "/users/own");
    fs.mkdirs("/user/ada", 0o755).await.unwrap();
    assert!(dir.path().join("rest/user/ada").is_dir());
}

#[tokio::test]
async fn containers_are_told_where_a_file_really_is() {
    let dir = tempfile::tempdir().unwrap();
    let systems = view(dir.path(), &[]);
    std::fs::write(dir.path().join("data/x.jar"), "x").unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let found = resource::find(systems.default_fs().as_ref(), "/data/x.jar").await.unwrap();
    let link = resource::describe(
        systems.default_fs().as_ref(),
        &found[0].status,
        "x.jar",
        crate::yarn::launch::Kind::File,
        found[0].visibility,
    );
    assert_eq!(link.url, format!("file://{}/data/x.jar", dir.path().display()));
    // Others may not pass through a directory that the view does not show.
    assert_eq!(found[0].visibility, crate::yarn::launch::Visibility::Private);
}

#[tokio::test]
async fn missing_mount_table_is_named() {
    let mut conf = Configuration::default();
    conf.set("fs.defaultFS", "viewfs://CL");
    let error = FileSystems::connect(&conf, &User::new("ada")).unwrap_err().to_string();
    assert!(error.contains("no `fs.viewfs.mounttable.CL.link./PATH` is set"), "{error}");
    conf.set("fs.viewfs.mounttable.default.link./a", "hdfs://nn/b");
    conf.set("fs.defaultFS", "viewfs:///");
    let systems = FileSystems::connect(&conf, &User::new("ada")).unwrap();
    let (fs, path) = systems.locate("viewfs:///a/c").unwrap();
    assert_eq!((fs.uri(&path), path.as_str()), ("viewfs:///a/c".to_owned(), "/a/c"));
    let (held, path) = fs.held(&path).unwrap();
    assert_eq!(held.uri(&path), "hdfs://nn:8020/b/c");
    // Other file systems work as before.
    let (fs, path) = systems.locate("hdfs://nn/staging").unwrap();
    assert_eq!(fs.uri(&path), "hdfs://nn:8020/staging");
}
