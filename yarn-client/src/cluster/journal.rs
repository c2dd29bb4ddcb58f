//! The journal that an application master keeps in its staging directory, read if there is no other source for how far
//! the job got: the application was killed, or no attempt was left.

use serde::Deserialize;

use super::checkpoints;
use crate::flink::{JobStatus, is_job_id};
use crate::hdfs::{FileSystem, FileSystems, HdfsError};

/// Prefix, before the numbers of the attempt and of the write; the highest one counts.
const JOURNAL: &str = "journal-";
/// Suffix of a name until the content is complete.
const UNFINISHED: &str = ".writing";
/// The mark of a finished job.
const FINISHED: &str = "finished";
/// Larger than any diagnostics.
const LIMIT: u64 = 256 * 1024;

/// The fields that are read here.
#[derive(Deserialize)]
struct Journal {
    #[serde(default)]
    checkpoints: Option<Checkpoints>,
    #[serde(default)]
    outcome: Option<End>,
}

#[derive(Deserialize)]
struct Checkpoints {
    #[serde(default)]
    newest: Option<String>,
}

#[derive(Deserialize)]
struct End {
    job_state: String,
}

impl Journal {
    /// The checkpoint to resume from; `None` for a job that has finished or was cancelled.
    fn newest_checkpoint(self) -> Option<String> {
        let state = self.outcome.and_then(|outcome| outcome.job_state.parse().ok());
        match state {
            Some(JobStatus::Finished | JobStatus::Canceled) => None,
            _ => self.checkpoints?.newest,
        }
    }
}

/// The newest checkpoint of the application with this staging directory; `None` if it has none, or none is known.
pub(crate) async fn newest_checkpoint(
    file_systems: &FileSystems,
    fs: &dyn FileSystem,
    directory: &str,
) -> Result<Option<String>, HdfsError> {
    let entries = fs.list(directory).await?;
    if entries.iter().any(|entry| entry.name() == FINISHED) {
        return Ok(None);
    }
    // Names sort like their numbers.
    let newest = entries
        .iter()
        .rev()
        .find(|entry| entry.name().starts_with(JOURNAL) && !entry.name().ends_with(UNFINISHED));
    let Some(newest) = newest else { return Ok(None) };
    let content = fs.read(&newest.path, LIMIT).await?;
    match noted(&content) {
        Ok(Some(noted)) => Ok(still_there(file_systems, noted).await),
        Ok(None) => Ok(None),
        Err(error) => {
            tracing::debug!(path = newest.path, %error, "no journal");
            Ok(None)
        }
    }
}

/// The checkpoint that a journal names as the one to resume from.
pub(crate) fn noted(content: &[u8]) -> Result<Option<String>, serde_json::Error> {
    serde_json::from_slice::<Journal>(content).map(Journal::newest_checkpoint)
}

/// The application may have made other checkpoints since it recorded this one, and Flink keeps only the newest.
async fn still_there(file_systems: &FileSystems, noted: String) -> Option<String> {
    // For other kinds of file systems only the nodes can tell.
    let Ok((fs, path)) = file_systems.locate(&noted) else { return Some(noted) };
    let (directory, _) = path.rsplit_once('/')?;
    let own = directory.rsplit('/').next().is_some_and(is_job_id);
    let found = if own {
        let newest = checkpoints::newest_in(fs.as_ref(), directory).await;
        newest.map(|newest| newest.map(|number| fs.uri(&checkpoints::path_of(directory, number))))
    } else {
        // Its neighbours may be another job's.
        let complete = checkpoints::is_complete(fs.as_ref(), &path).await;
        complete.map(|complete| complete.then(|| noted.clone()))
    };
    match found {
        Ok(found) => found,
        Err(error) if error.is_not_found() => None,
        Err(_) => Some(noted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::Configuration;
    use crate::security::User;

    async fn newest(directory: &std::path::Path) -> Option<String> {
        let mut conf = Configuration::default();
        conf.set("fs.defaultFS", "file:///");
        let systems = FileSystems::connect(&conf, &User::new("ada")).unwrap();
        let fs = std::sync::Arc::clone(systems.default_fs());
        newest_checkpoint(&systems, fs.as_ref(), directory.to_str().unwrap()).await.unwrap()
    }

    fn journal(newest: &str, outcome: &str) -> String {
        format!(
            r#"{{"job_seen":true,"checkpoints":{{"on":true,"completed":true,"newest":"{newest}"}}{outcome}}}"#
        )
    }

    #[tokio::test]
    async fn the_newest_whole_journal_says_where_the_job_was() {
        let directory = tempfile::tempdir().unwrap();
        let (staging, shared) = (directory.path().join("app"), directory.path().join("c"));
        let own = shared.join("ab".repeat(16));
        for path in [&staging, &own, &shared.join("chk-2"), &own.join("chk-3"), &own.join("chk-7")] {
            std::fs::create_dir_all(path).unwrap();
        }
        let write = |name: &str, content: &str| std::fs::write(staging.join(name), content).unwrap();
        assert_eq!(newest(&staging).await, None);
        write("journal-000001-000000", &journal("s3://b/old/chk-1", ""));
        write("journal-000001-000002", &journal("s3://b/c/chk-4", ""));
        write("journal-000001-000003.writing", "{");
        assert_eq!(newest(&staging).await.as_deref(), Some("s3://b/c/chk-4"));

        // Recorded long ago: what is in the job's own directory is newer.
        write("journal-000002-000000", &journal(&format!("file:{}/chk-3", own.display()), ""));
        assert_eq!(newest(&staging).await, None, "removed");
        std::fs::write(own.join("chk-7/_metadata"), "m").unwrap();
        assert_eq!(newest(&staging).await, Some(format!("file://{}/chk-7", own.display())));
        // In a shared directory only the recorded one is known to be its own.
        let noted = format!("file:{}/chk-2", shared.display());
        write("journal-000002-000001", &journal(&noted, ""));
        assert_eq!(newest(&staging).await, None);
        std::fs::write(shared.join("chk-2/_metadata"), "m").unwrap();
        assert_eq!(newest(&staging).await, Some(noted.clone()));

        for (state, expected) in [("FAILED", Some(noted.clone())), ("CANCELED", None), ("FINISHED", None)] {
            let outcome = format!(r#","outcome":{{"job_state":"{state}","cause":null}}"#);
            write("journal-000002-000002", &journal(&noted, &outcome));
            assert_eq!(newest(&staging).await, expected, "{state}");
        }
        write("journal-000002-000003", "no journal");
        assert_eq!(newest(&staging).await, None);
        write("journal-000002-000004", &journal(&noted, ""));
        write("finished", "");
        assert_eq!(newest(&staging).await, None);
    }
}
