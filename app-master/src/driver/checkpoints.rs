//! Finds a job's checkpoints where Flink leaves them: `<directory>/<job id>/chk-<n>/_metadata`
//! (`AbstractFsCheckpointStorageAccess`), and removes what nobody needs after the end.

use std::time::Duration;

use yarn_client::hdfs::{FileSystems, HdfsError};

use super::staging::within;
use crate::machine::Event;

const PREFIX: &str = "chk-";
/// Written last: without it a checkpoint is not complete.
const METADATA: &str = "_metadata";
const TIMEOUT: Duration = Duration::from_secs(60);

/// The newest completed checkpoint of the job, in the directory of the one that was seen last or else in the
/// configured one. Where the directory cannot be listed (`s3` and the like), the one that was seen has to do.
pub(super) async fn newest(
    systems: &FileSystems,
    configured: Option<&str>,
    job_id: &str,
    known: Option<String>,
) -> Event {
    let directory = match &known {
        Some(path) => Some(parent(path)),
        None => configured.map(|directory| format!("{}/{job_id}", directory.trim_end_matches('/'))),
    };
    let Some(directory) = directory else { return Event::CheckpointFound(Ok(None)) };
    let found = match within(TIMEOUT, list(systems, &directory)).await {
        Ok(Ok(newest)) => Ok(newest),
        Ok(Err(HdfsError::Path { .. })) => Ok(known),
        Ok(Err(error)) if error.is_not_found() => Ok(None),
        Ok(Err(error)) => Err(error.to_string()),
        Err(late) => Err(late),
    };
    Event::CheckpointFound(found)
}

async fn list(systems: &FileSystems, directory: &str) -> Result<Option<String>, HdfsError> {
    let (fs, path) = systems.locate(directory)?;
    let mut numbers: Vec<u64> = fs
        .list(&path)
        .await?
        .iter()
        .filter_map(|entry| entry.name().strip_prefix(PREFIX)?.parse().ok())
        .collect();
    numbers.sort_unstable();
    for number in numbers.into_iter().rev() {
        let checkpoint = format!("{path}/{PREFIX}{number}");
        match fs.stat(&format!("{checkpoint}/{METADATA}")).await {
            Ok(_) => return Ok(Some(fs.uri(&checkpoint))),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Removes all checkpoints of the job that `path` is one of.
pub(super) async fn remove(systems: &FileSystems, job_id: &str, path: &str) {
    let directory = parent(path);
    // Without a directory of its own (`execution.checkpointing.create-subdir`) the neighbours are somebody else's.
    if directory.rsplit('/').next() != Some(job_id) {
        return;
    }
    delete(systems, &directory).await;
}

/// Removes what Flink's high availability leaves in `high-availability.storageDir` after a clean end.
pub(super) async fn remove_storage(systems: &FileSystems, storage: &str, cluster_id: &str) {
    for directory in yarn_client::deploy::high_availability::directories(storage, cluster_id) {
        delete(systems, &directory).await;
    }
}

async fn delete(systems: &FileSystems, directory: &str) {
    let work = async {
        let (fs, path) = systems.locate(directory)?;
        fs.delete(&path, true).await
    };
    match within(TIMEOUT, work).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::warn!("removing {directory}: {error}"),
        Err(late) => tracing::warn!("removing {directory}: {late}"),
    }
}

fn parent(path: &str) -> String {
    path.trim_end_matches('/').rsplit_once('/').map_or_else(String::new, |(parent, _)| parent.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use yarn_client::conf::Configuration;
    use yarn_client::security::User;

    use super::*;

    const JOB: &str = "0123456789abcdef0123456789abcdef";

    fn systems() -> FileSystems {
        let mut conf = Configuration::default();
        conf.set("fs.defaultFS", "file:///");
        FileSystems::connect(&conf, &User::new("ada")).expect("the local file system")
    }

    async fn found(configured: Option<&str>, known: Option<&str>) -> Result<Option<String>, String> {
        match newest(&systems(), configured, JOB, known.map(str::to_owned)).await {
            Event::CheckpointFound(found) => found,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_newest_complete_one_counts() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().display().to_string();
        for (name, complete) in
            [("chk-9", true), ("chk-10", true), ("chk-11", false), ("shared", false), ("chk-x", true)]
        {
            let checkpoint = directory.path().join(JOB).join(name);
            fs::create_dir_all(&checkpoint).expect("a directory");
            if complete {
                fs::write(checkpoint.join("_metadata"), b"m").expect("a file");
            }
        }
        let expected = Ok(Some(format!("file://{root}/{JOB}/chk-10")));
        assert_eq!(found(Some(&format!("file://{root}")), None).await, expected);
        // Flink writes a local path with one slash.
        assert_eq!(found(None, Some(&format!("file:{root}/{JOB}/chk-2"))).await, expected);
        assert_eq!(found(None, None).await, Ok(None));
        assert_eq!(found(Some("file:///nonexistent"), None).await, Ok(None));
        assert_eq!(found(None, Some("s3://b/c/chk-7")).await, Ok(Some("s3://b/c/chk-7".to_owned())));

        remove(&systems(), JOB, &format!("file:{root}/elsewhere/chk-1")).await;
        assert!(directory.path().join(JOB).exists());
        remove(&systems(), JOB, &format!("file:{root}/{JOB}/chk-10")).await;
        assert!(!directory.path().join(JOB).exists() && directory.path().exists());
    }
}
