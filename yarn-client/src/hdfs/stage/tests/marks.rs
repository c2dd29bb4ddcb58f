//! Marks of use of cache entries, and the removal of entries without them.

use std::time::{Duration, SystemTime};

use super::*;
use crate::hdfs::cache::Aside;

const DAY: Duration = Duration::from_secs(86_400);

impl World {
    /// The only entry of the cache.
    fn entry(&self) -> PathBuf {
        let cache = self.home.join(".yarn-flink/cache");
        let mut found = fs::read_dir(cache).unwrap().map(|entry| entry.unwrap().path());
        found.find(|path| !path.ends_with(".uploading")).unwrap()
    }

    fn base(&self) -> &str {
        self.home.to_str().unwrap()
    }
}

fn mark(path: &Path, age: Duration) {
    fs::File::open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
}

fn age(path: &Path) -> Duration {
    fs::metadata(path).unwrap().modified().unwrap().elapsed().unwrap_or_default()
}

#[tokio::test]
async fn a_use_renews_the_mark_once_a_day_and_leaves_the_file_as_it_is() {
    let world = World::new();
    let job = world.file("job.jar", b"job");
    let staging = world.staging().await;
    let first = stage(&staging, vec![cached(&job)], 1, &Quiet).await.unwrap();
    let second = stage(&staging, vec![cached(&job)], 2, &Quiet).await.unwrap();
    mark(&world.entry(), DAY / 2);
    stage(&staging, vec![cached(&job)], 3, &Quiet).await.unwrap();
    assert_eq!(world.calls("touch"), 0, "the mark is young enough");
    mark(&world.entry(), 2 * DAY);
    let third = stage(&staging, vec![cached(&job)], 4, &Quiet).await.unwrap();
    assert_eq!(world.calls("touch"), 1);
    assert!(age(&world.entry()) < DAY);
    assert_eq!(world.calls("create"), 1, "uploaded once");
    assert_eq!((&first, &second), (&third, &third), "time and size of the file are the same");
}

#[tokio::test]
async fn a_mark_that_cannot_be_set_is_an_error() {
    let world = World::new();
    let job = world.file("job.jar", b"job");
    stage(&world.staging().await, vec![cached(&job)], 1, &Quiet).await.unwrap();
    mark(&world.entry(), 2 * DAY);
    let refuse = |operation: &str, path: &str| match operation {
        "touch" => Answer::Fail(HdfsError::Quota {
            operation: "set times of",
            path: path.to_owned(),
            message: "no".to_owned(),
            detail: "no".to_owned(),
        }),
        _ => Answer::Go,
    };
    // Without it the entry could be removed under a running application.
    let staging = world.scripted(refuse).await;
    stage(&staging, vec![cached(&job)], 2, &Quiet).await.unwrap_err();
}

#[tokio::test]
async fn an_entry_without_use_is_removed_and_uploaded_again_when_it_is_wanted() {
    let world = World::new();
    let job = world.file("job.jar", b"job");
    let staging = world.staging().await;
    stage(&staging, vec![cached(&job)], 1, &Quiet).await.unwrap();
    mark(&world.entry(), 30 * DAY);
    let fs = staging.fs().as_ref();
    let entry = fs.stat(world.entry().to_str().unwrap()).await.unwrap();
    assert!(Cache::is_entry(&entry));
    assert_eq!(Cache::remove(fs, world.base(), &entry).await.unwrap(), Aside::Gone);
    assert!(world.staged().is_empty(), "{:?}", world.staged());
    assert_eq!(Cache::remove(fs, world.base(), &entry).await.unwrap(), Aside::Gone, "another was faster");
    stage(&staging, vec![cached(&job)], 2, &Quiet).await.unwrap();
    assert!(world.entry().join("job.jar").exists());
}

#[tokio::test]
async fn an_entry_that_is_marked_while_it_is_being_removed_is_put_back() {
    let world = World::new();
    let job = world.file("job.jar", b"job");
    stage(&world.staging().await, vec![cached(&job)], 1, &Quiet).await.unwrap();
    let directory = world.entry();
    mark(&directory, 30 * DAY);
    let file = fs::metadata(directory.join("job.jar")).unwrap().modified().unwrap();
    // A submission marks it just before the entry is moved aside.
    let marked = directory.clone();
    let staging = world
        .scripted(move |operation, path| {
            if operation == "rename" && Path::new(path) == marked {
                mark(&marked, Duration::ZERO);
            }
            Answer::Go
        })
        .await;
    let fs = staging.fs().as_ref();
    let entry = fs.stat(directory.to_str().unwrap()).await.unwrap();
    assert_eq!(Cache::remove(fs, world.base(), &entry).await.unwrap(), Aside::UsedMeanwhile);
    assert_eq!(fs::metadata(directory.join("job.jar")).unwrap().modified().unwrap(), file);
    assert_eq!(world.staged().len(), 1, "{:?}", world.staged());
}

#[tokio::test]
async fn a_copy_that_was_uploaded_while_the_entry_was_aside_stays() {
    let world = World::new();
    let job = world.file("job.jar", b"job");
    stage(&world.staging().await, vec![cached(&job)], 1, &Quiet).await.unwrap();
    let directory = world.entry();
    mark(&directory, 30 * DAY);
    let place = directory.clone();
    // Marked before the move, looked up after it.
    let staging = world
        .scripted(move |operation, path| {
            if operation == "rename" && Path::new(path) == place {
                mark(&place, Duration::ZERO);
            } else if operation == "rename" && path.contains("/removed-") {
                fs::create_dir(&place).unwrap();
                fs::write(place.join("job.jar"), "job").unwrap();
            }
            Answer::Go
        })
        .await;
    let fs = staging.fs().as_ref();
    let entry = fs.stat(directory.to_str().unwrap()).await.unwrap();
    assert_eq!(Cache::remove(fs, world.base(), &entry).await.unwrap(), Aside::UsedMeanwhile);
    assert_eq!(world.staged().len(), 1, "{:?}", world.staged());
    assert!(directory.join("job.jar").exists());
}
