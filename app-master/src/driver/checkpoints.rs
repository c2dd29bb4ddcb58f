//! Finds a job's checkpoints where Flink leaves them: `<directory>/<job id>/chk-<n>/_metadata`
//! (`AbstractFsCheckpointStorageAccess`), and removes what is no longer needed after the end.

use std::path::Path;
use std::time::Duration;

use yarn_client::cluster::checkpoints;
use yarn_client::hdfs::{FileSystems, HdfsError};

use super::program;
use super::staging::within;
use crate::machine::{Event, Found};

const TIMEOUT: Duration = Duration::from_secs(60);

/// What is known about the job whose latest checkpoint is searched for.
#[derive(Debug)]
pub(super) struct Search<'a> {
    pub(super) job_id: &'a str,
    /// The newest one that has been seen.
    pub(super) known: Option<String>,
    /// Where the configuration puts the job's checkpoints: in a directory of its own, or in one shared with others.
    pub(super) configured: Option<String>,
    /// Where this container's JobManagers have left their log.
    pub(super) log_dir: &'a Path,
}

impl Search<'_> {
    /// The latest completed checkpoint of the job.
    ///
    /// With `own_directory`, everything in the job's own directory belongs to the job: the directory of the checkpoint seen
    /// last, or else the configured one. If others may have left checkpoints there, or nothing can be listed (`s3` etc.), only
    /// those count that this application's own JobManagers have reported: by REST, or in the log of this container.
    pub(super) async fn newest(self, systems: &FileSystems, own_directory: bool) -> Event {
        let directory = self.known.as_deref().map(parent).or(self.configured);
        let told = told(self.known, directory.as_deref(), &self.log_dir.join(program::LOG), self.job_id);
        let own = directory.filter(|directory| own_directory && is_named(directory, self.job_id));
        let Some(directory) = own else { return Event::CheckpointFound(Ok(told)) };
        let found = match within(TIMEOUT, list(systems, &directory)).await {
            Ok(Ok(Some(newest))) => Ok(Found::Newest(newest)),
            Ok(Ok(None)) => Ok(Found::Nothing),
            Ok(Err(HdfsError::Path { .. })) => Ok(told),
            Ok(Err(error)) if error.is_not_found() => Ok(Found::Nothing),
            Ok(Err(error)) => Err(error.to_string()),
            Err(late) => Err(late),
        };
        Event::CheckpointFound(found)
    }
}

/// The newest checkpoint that this application's JobManagers have reported: the newest one seen, or a later one in the
/// log of this container, which starts with the container and so covers all of them as long as it is short.
fn told(known: Option<String>, directory: Option<&str>, log: &Path, job_id: &str) -> Found {
    let text = program::tail(log);
    let newest = newest_in_log(&text, job_id);
    match (known, newest, directory) {
        (Some(known), Some(newest), Some(directory)) if number(&known).is_some_and(|it| it < newest) => {
            Found::Newest(checkpoints::path_of(directory, newest))
        }
        (Some(known), ..) => Found::Newest(known),
        (None, Some(newest), Some(directory)) => Found::Newest(checkpoints::path_of(directory, newest)),
        (None, None, _) if !text.is_empty() && program::is_whole(log) => Found::Nothing,
        (None, ..) => Found::Unknown,
    }
}

/// `CheckpointCoordinator` logs `Completed checkpoint 7 for job …`.
fn newest_in_log(log: &str, job_id: &str) -> Option<u64> {
    let of_job = format!("for job {job_id}");
    let completed = log.lines().filter_map(|line| {
        let (_, rest) = line.split_once("Completed checkpoint ")?;
        let (number, rest) = rest.split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        rest.starts_with(&of_job).then_some(number)
    });
    completed.max()
}

fn number(checkpoint: &str) -> Option<u64> {
    checkpoints::number(checkpoint.trim_end_matches('/').rsplit('/').next()?)
}

fn is_named(directory: &str, name: &str) -> bool {
    !name.is_empty() && directory.rsplit('/').next() == Some(name)
}

async fn list(systems: &FileSystems, directory: &str) -> Result<Option<String>, HdfsError> {
    let (fs, path) = systems.locate(directory)?;
    let newest = checkpoints::newest_in(&*fs, &path).await?;
    Ok(newest.map(|number| fs.uri(&checkpoints::path_of(&path, number))))
}

/// Removes all checkpoints of the job to which `path` belongs from the job's own directory: what Flink creates there, and
/// the directory itself if nothing else is in it.
pub(super) async fn remove(systems: &FileSystems, job_id: &str, path: &str) {
    let directory = parent(path);
    // Without a directory of its own (`execution.checkpointing.create-subdir`) its neighbours belong to other jobs.
    if !is_named(&directory, job_id) {
        return;
    }
    let work = async {
        let (fs, path) = systems.locate(&directory)?;
        let entries = fs.list(&path).await?;
        let (flinks, others): (Vec<_>, Vec<_>) =
            entries.iter().map(|entry| entry.name()).partition(|name| is_flinks(name));
        for name in flinks {
            fs.delete(&format!("{path}/{name}"), true).await?;
        }
        if others.is_empty() {
            fs.delete(&path, false).await?;
        }
        Ok::<_, HdfsError>(())
    };
    match within(TIMEOUT, work).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) if error.is_not_found() => {}
        Ok(Err(error)) => tracing::warn!("removing the checkpoints in {directory}: {error}"),
        Err(late) => tracing::warn!("removing the checkpoints in {directory}: {late}"),
    }
}

/// `AbstractFsCheckpointStorageAccess` creates these, and no others.
fn is_flinks(name: &str) -> bool {
    name == "shared" || name == "taskowned" || number(name).is_some()
}

/// Removes what Flink's high availability leaves in `high-availability.storageDir` after a clean end.
pub(super) async fn remove_storage(systems: &FileSystems, storage: &str, cluster_id: &str) {
    for directory in yarn_client::cluster::high_availability::directories(storage, cluster_id) {
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

    async fn found(
        own_directory: bool,
        configured: Option<&str>,
        known: Option<&str>,
        log_dir: &Path,
    ) -> Result<Found, String> {
        let [known, configured] = [known, configured].map(|path| path.map(str::to_owned));
        let search = Search { job_id: JOB, known, configured, log_dir };
        match search.newest(&systems(), own_directory).await {
            Event::CheckpointFound(found) => found,
            other => panic!("{other:?}"),
        }
    }

    fn newest(path: impl Into<String>) -> Result<Found, String> {
        Ok(Found::Newest(path.into()))
    }

    fn make(directory: &Path, names: &[(&str, bool)]) {
        for (name, complete) in names {
            let checkpoint = directory.join(name);
            fs::create_dir_all(&checkpoint).expect("a directory");
            if *complete {
                fs::write(checkpoint.join("_metadata"), b"m").expect("a file");
            }
        }
    }

    #[tokio::test]
    async fn latest_complete_checkpoint_of_an_own_directory_counts() {
        let directory = tempfile::tempdir().expect("a directory");
        let (root, no_log) = (directory.path().display().to_string(), Path::new("/nonexistent"));
        let names =
            [("chk-9", true), ("chk-10", true), ("chk-11", false), ("shared", false), ("chk-x", true)];
        make(&directory.path().join(JOB), &names);
        let expected = newest(format!("file://{root}/{JOB}/chk-10"));
        assert_eq!(found(true, Some(&format!("file://{root}/{JOB}")), None, no_log).await, expected);
        // Flink writes a local path with one slash.
        let known = format!("file:{root}/{JOB}/chk-2");
        assert_eq!(found(true, None, Some(&known), no_log).await, expected);
        let nowhere = format!("file:///nonexistent/{JOB}");
        assert_eq!(found(true, Some(&nowhere), None, no_log).await, Ok(Found::Nothing));
        // The location is unknown, or cannot be listed.
        assert_eq!(found(true, None, None, no_log).await, Ok(Found::Unknown));
        let s3 = format!("s3://b/{JOB}");
        assert_eq!(found(true, Some(&s3), None, no_log).await, Ok(Found::Unknown));
        let known = format!("{s3}/chk-7");
        assert_eq!(found(true, None, Some(&known), no_log).await, newest(known.as_str()));
    }

    #[tokio::test]
    async fn only_reported_checkpoints_count_in_a_shared_directory() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().display().to_string();
        make(&directory.path().join(JOB), &[("chk-4", true), ("chk-42", true)]);
        make(directory.path(), &[("chk-4", true), ("chk-42", true)]);
        // Another application had the id, or jobs have no directories of their own.
        for (own_directory, known) in
            [(false, format!("file:{root}/{JOB}/chk-4")), (true, format!("file:{root}/chk-4"))]
        {
            let (nowhere, directory) = (Path::new("/nonexistent"), parent(&known));
            assert_eq!(found(own_directory, None, Some(&known), nowhere).await, newest(known.as_str()));
            assert_eq!(found(own_directory, Some(&directory), None, nowhere).await, Ok(Found::Unknown));
            // The log of this container reports a later one.
            let logs = tempfile::tempdir().expect("a directory");
            let log = |text: &str| fs::write(logs.path().join(program::LOG), text).expect("a log");
            log(&format!(
                "x - Completed checkpoint 6 for job {JOB} (1 bytes, checkpointDuration=2 ms, finalizationTime=1 ms).\n\
                 x - Completed checkpoint 9 for job ffff (1 bytes).\nx - Completed checkpoint 5 for job {JOB} (1 bytes).\n"
            ));
            let later = newest(known.replace("chk-4", "chk-6"));
            assert_eq!(found(own_directory, None, Some(&known), logs.path()).await, later);
            assert_eq!(found(own_directory, Some(&directory), None, logs.path()).await, later);
            // Or it shows that there is none, as far back as it goes.
            log("x - Starting\n");
            assert_eq!(found(own_directory, None, Some(&known), logs.path()).await, newest(known.as_str()));
            assert_eq!(found(own_directory, Some(&directory), None, logs.path()).await, Ok(Found::Nothing));
            log(&"x - Something\n".repeat(40_000));
            assert_eq!(found(own_directory, Some(&directory), None, logs.path()).await, Ok(Found::Unknown));
        }
    }

    #[tokio::test]
    async fn only_checkpoint_files_are_removed() {
        let directory = tempfile::tempdir().expect("a directory");
        let root = directory.path().display().to_string();
        let own = directory.path().join(JOB);
        make(&own, &[("chk-10", true), ("shared", false), ("taskowned", false)]);
        remove(&systems(), JOB, &format!("file:{root}/elsewhere/chk-1")).await;
        assert!(own.join("chk-10").exists());
        fs::write(own.join("notes.txt"), b"mine").expect("a file");
        remove(&systems(), JOB, &format!("file:{root}/{JOB}/chk-10")).await;
        let left: Vec<_> =
            fs::read_dir(&own).expect("a directory").flatten().map(|it| it.file_name()).collect();
        assert_eq!(left, ["notes.txt"]);
        fs::remove_file(own.join("notes.txt")).expect("a file");
        remove(&systems(), JOB, &format!("file:{root}/{JOB}/chk-10")).await;
        assert!(!own.exists() && directory.path().exists());
    }
}
