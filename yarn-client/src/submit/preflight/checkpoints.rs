//! Checkpoints of another run where a job would write its own.
//!
//! Flink numbers a job's checkpoints from 1, or continues after the one it starts from. When it reaches a number whose
//! directory holds a complete checkpoint, the new one fails, the job starts over, and the old one is deleted: the state
//! of an earlier run. That can only happen where the directory does not belong to this application alone.

use std::time::Duration;

use crate::cluster::checkpoints;
use crate::flink::options::CHECKPOINT_DIR;
use crate::flink::{FlinkConfig, settings};
use crate::hdfs::{FileSystems, HdfsError};
use crate::submit::error::PreflightError;
use crate::submit::keys;
use crate::submit::plan::Plan;
use crate::submit::spec::ResolvedJob;

/// A file system that does not respond is not a reason to reject a job.
const PATIENCE: Duration = Duration::from_secs(5);

/// Rejects a job that would run into the checkpoints of another run.
///
/// # Errors
/// [`PreflightError::CheckpointsInTheWay`].
pub(super) async fn check(
    file_systems: &FileSystems,
    job: &ResolvedJob,
    plan: &Plan,
) -> Result<(), PreflightError> {
    let Some((directory, shared)) = directory(job, &plan.config)? else { return Ok(()) };
    let look = look(file_systems, &directory, plan.savepoint.as_deref());
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(Ok(Some(InTheWay { directory, newest, first }))) => {
            Err(PreflightError::CheckpointsInTheWay { directory, newest, first, shared })
        }
        Ok(Ok(None)) => Ok(()),
        Ok(Err(error)) => {
            tracing::debug!(directory, %error, "cannot look for checkpoints of earlier runs");
            Ok(())
        }
        Err(_) => {
            tracing::debug!(directory, "cannot look for checkpoints of earlier runs: no response");
            Ok(())
        }
    }
}

/// The directory of the job's checkpoints if others may have used it, and whether jobs of any id do so.
fn directory(job: &ResolvedJob, config: &FlinkConfig) -> Result<Option<(String, bool)>, PreflightError> {
    let Some(root) = config.explicit(&CHECKPOINT_DIR).filter(|_| job.session.is_none()) else {
        return Ok(None);
    };
    // With a cluster id set by the user, Flink finds in ZooKeeper where the earlier run was.
    if settings::recovers(config) && config.explicit(&keys::HA_CLUSTER_ID).is_some() {
        return Ok(None);
    }
    let root = root.trim_end_matches('/');
    let own = config.boolean(&keys::CHECKPOINT_SUBDIRECTORY)?.unwrap_or(true);
    Ok(match (own, job.fixed_job_id && !job.multi_job) {
        (false, _) => Some((root.to_owned(), true)),
        (true, true) => Some((format!("{root}/{}", job.job_id), false)),
        (true, false) => None,
    })
}

/// What is in the way.
struct InTheWay {
    directory: String,
    /// Full URI of the newest checkpoint there.
    newest: String,
    /// The number of the first checkpoint that the job would write.
    first: u64,
}

async fn look(
    file_systems: &FileSystems,
    directory: &str,
    savepoint: Option<&str>,
) -> Result<Option<InTheWay>, HdfsError> {
    let (fs, path) = file_systems.locate(directory)?;
    let newest = match checkpoints::newest_in(fs.as_ref(), &path).await {
        Ok(Some(newest)) => newest,
        Ok(None) => return Ok(None),
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    let begins_behind = match savepoint {
        None => 0,
        Some(savepoint) => {
            let (fs, savepoint) = file_systems.locate(checkpoints::directory_of(savepoint))?;
            // A savepoint without a known number may be later than any of these.
            checkpoints::number_of(fs.as_ref(), &savepoint).await?.unwrap_or(u64::MAX)
        }
    };
    Ok((newest > begins_behind).then(|| InTheWay {
        directory: fs.uri(&path),
        newest: fs.uri(&checkpoints::path_of(&path, newest)),
        first: begins_behind + 1,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::Configuration;
    use crate::security::User;
    use crate::submit::plan::tests::job;

    const JOB: &str = "0123456789abcdef0123456789abcdef";

    fn checkpoint(directory: &std::path::Path, number: u64, complete: bool) {
        let path = directory.join(format!("chk-{number}"));
        std::fs::create_dir_all(&path).unwrap();
        if complete {
            let mut header = vec![0x49, 0x60, 0x67, 0x2d, 0, 0, 0, 4];
            header.extend(number.to_be_bytes());
            header.extend(b"more");
            std::fs::write(path.join("_metadata"), header).unwrap();
        }
    }

    /// Checks a job whose checkpoints go to `root`.
    async fn checked(
        root: &str,
        fixed: bool,
        savepoint: Option<&str>,
        more: &[(&str, &str)],
    ) -> Result<(), PreflightError> {
        let mut conf = Configuration::default();
        conf.set("fs.defaultFS", "file:///");
        let file_systems = FileSystems::connect(&conf, &User::new("ada")).unwrap();
        let settings = [&[("execution.checkpointing.dir", root)], more].concat();
        let mut job = job(&settings);
        job.fixed_job_id = fixed;
        job.savepoint = savepoint.map(str::to_owned);
        let plan = Plan::new(&job, &conf, "ada")?;
        check(&file_systems, &job, &plan).await
    }

    #[tokio::test]
    async fn a_fixed_id_does_not_begin_among_the_checkpoints_of_an_earlier_run() {
        let directory = tempfile::tempdir().unwrap();
        let (root, own) = (format!("file://{}", directory.path().display()), directory.path().join(JOB));
        assert!(checked(&root, true, None, &[]).await.is_ok(), "nobody was there");
        checkpoint(&own, 9, true);
        checkpoint(&own, 10, true);
        // Started but not complete, so it does not exist for Flink: it is not in the way.
        checkpoint(&own, 11, false);
        let newest = format!("{root}/{JOB}/chk-10");

        let error = checked(&root, true, None, &[]).await.unwrap_err();
        let (text, hint) = (error.to_string(), error.hint().unwrap());
        assert!(text.contains(&format!("{root}/{JOB}")) && text.contains("`chk-1`"), "{text}");
        assert!(hint.contains(&format!("-s {newest}")) && hint.contains("pipeline.jobid"), "{hint}");
        assert_eq!(error.kind(), crate::cluster::ErrorKind::Usage);

        for good in [newest.clone(), format!("{newest}/"), format!("{newest}/_metadata")] {
            assert!(checked(&root, true, Some(&good), &[]).await.is_ok(), "{good}");
        }
        let older = format!("{root}/{JOB}/chk-9");
        let error = checked(&root, true, Some(&older), &[]).await.unwrap_err();
        assert!(error.to_string().contains("`chk-10`"), "{error}");
        // A random id has a directory of its own.
        assert!(checked(&root, false, None, &[]).await.is_ok());
        let found_again = [
            ("high-availability.type", "zookeeper"),
            ("high-availability.zookeeper.quorum", "z:2181"),
            ("high-availability.storageDir", "hdfs:///ha"),
            ("high-availability.cluster-id", "mine"),
        ];
        assert!(checked(&root, true, None, &found_again).await.is_ok());
    }

    #[tokio::test]
    async fn a_savepoint_counts_by_the_number_it_was_given() {
        let directory = tempfile::tempdir().unwrap();
        let root = format!("file://{}", directory.path().display());
        checkpoint(&directory.path().join(JOB), 10, true);
        for (number, good) in [(9, false), (10, true), (11, true)] {
            // Savepoints are files of the same format with other names.
            checkpoint(&directory.path().join("savepoints"), number, true);
            let savepoint = format!("{root}/savepoints/chk-{number}");
            assert_eq!(checked(&root, true, Some(&savepoint), &[]).await.is_ok(), good, "{number}");
        }
        for unknown in ["s3://bucket/savepoint", "file:///nonexistent"] {
            assert!(checked(&root, true, Some(unknown), &[]).await.is_ok(), "{unknown}");
        }
    }

    #[tokio::test]
    async fn a_directory_without_one_for_each_job_is_everybodys() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().display().to_string();
        checkpoint(directory.path(), 3, true);
        let shared = [("execution.checkpointing.create-subdir", "false")];
        let error = checked(&root, false, None, &shared).await.unwrap_err();
        assert!(error.hint().unwrap().contains(&format!("-s file://{root}/chk-3")), "{error:?}");
        let newest = format!("file:{root}/chk-3");
        assert!(checked(&root, false, Some(&newest), &shared).await.is_ok());
        assert!(checked("s3://b/c", false, None, &shared).await.is_ok(), "only the nodes can look");
    }
}
