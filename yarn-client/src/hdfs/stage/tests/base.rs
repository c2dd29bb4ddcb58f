//! The base directory: who owns it, who may write there, and who creates it.

use super::*;
use crate::hdfs::LocalFs;

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
async fn refused_write_names_the_base_and_a_remedy() {
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
    assert_eq!(
        error.to_string(),
        format!("user ada is not permitted to write to file://{}", world.home.display())
    );
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
    // Eve's directory was created by another user.
    fs::create_dir(world.home.join("eve")).unwrap();
    let inner = LocalFs::new("ada", world.home.to_str().unwrap());
    let fs = Scripted { inner, user: "eve", script: Arc::new(|_, _| Answer::Go) };
    let systems = Arc::new(FileSystems::of(Arc::new(fs)));
    let error = Staging::open(systems, StagingOptions::default()).await.unwrap_err();
    assert!(matches!(&error, StageError::ForeignDirectory { owner, .. } if owner == "ada"), "{error:?}");
}

/// A staging directory `base`, as `user` sees it; if `closed`, only its owner may write there.
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
async fn second_user_has_a_separate_directory() {
    let world = World::new();
    based(&world, "ada", "base", false).await.unwrap().application_dir(&id(1)).await.unwrap();
    let base = world.home.join("base");
    assert!(base.join(".yarn-flink/apps").is_dir());
    // Whether it is writable by a group, through an ACL or not at all does not matter for the owner's own directory.
    let second = based(&world, "eve", "base", false).await.unwrap();
    assert_eq!(second.base(), base.join("eve").to_str().unwrap());
    second.application_dir(&id(2)).await.unwrap();
    assert!(base.join("eve/.yarn-flink/apps").is_dir());
    let error = based(&world, "bob", "base", true).await.unwrap().application_dir(&id(3)).await.unwrap_err();
    let (base, hint) = (base.display(), error.hint().unwrap());
    assert_eq!(
        error.to_string(),
        format!(
            "the staging directory file://{base} belongs to ada, and bob is not permitted to create a directory in it"
        )
    );
    assert!(hint.contains(&format!("as ada run `hdfs dfs -chmod 1777 file://{base}`")), "{hint}");
    assert!(hint.contains(&format!("hdfs dfs -chown bob file://{base}/bob")), "{hint}");
}
