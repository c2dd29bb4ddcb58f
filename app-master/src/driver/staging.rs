//! The application's directory in HDFS: the marks and the journal of its attempts, and the removal at the end.
//!
//! A mark is an empty file, because every attempt waits for it and HDFS closes an empty file at once; one with content
//! takes almost half a second.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use proto::control;
use yarn_client::conf::Configuration;
use yarn_client::control::certificate_file;
use yarn_client::hdfs::application_dir::ATTEMPT_MARK;
use yarn_client::hdfs::{CreateOptions, FileSystem, FileSystems, HdfsError};
use yarn_client::security::User;

use super::journal;
use crate::machine::{BeginFailure, Event, Fence, History, Journal, Outcome};

/// Followed by the attempt's number and that of the write; the highest one counts.
const JOURNAL: &str = "journal-";
/// The same for events that watchers have seen.
const EVENTS: &str = "events-";
/// A mark that the job has finished: all that a journal could say about that, without the time its content takes.
const FINISHED: &str = "finished";
/// Added to a name until the content is complete.
const UNFINISHED: &str = ".writing";
/// More than any diagnostics.
const JOURNAL_LIMIT: u64 = 256 * 1024;
/// More than all events that are kept.
const EVENTS_LIMIT: u64 = 16 * 1024 * 1024;
/// The file system's own retries continue for minutes; the machine decides how long to wait.
const TIMEOUT: Duration = Duration::from_secs(30);
const FENCE_TIMEOUT: Duration = Duration::from_secs(5);

/// The staging directory. Cheap to clone.
#[derive(Clone)]
pub(super) struct Staging {
    systems: Arc<FileSystems>,
    fs: Arc<dyn FileSystem>,
    path: String,
    attempt: u32,
    journals: Arc<AtomicU32>,
    events: Arc<AtomicU32>,
}

impl fmt::Debug for Staging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Staging").field("path", &self.path).field("attempt", &self.attempt).finish()
    }
}

impl Staging {
    /// Finds the file system of `uri`; nothing is connected yet.
    ///
    /// # Errors
    /// The URI or the configuration has no usable file system.
    pub(super) fn open(
        conf: &Configuration,
        user: &User,
        uri: &str,
        attempt: u32,
    ) -> Result<Self, HdfsError> {
        let systems = Arc::new(FileSystems::connect(conf, user)?);
        let (fs, path) = systems.locate(uri)?;
        Ok(Self { systems, fs, path, attempt, journals: Arc::default(), events: Arc::default() })
    }

    /// The file systems of this application.
    pub(super) fn systems(&self) -> &FileSystems {
        &self.systems
    }

    /// What earlier attempts have left.
    ///
    /// # Errors
    /// HDFS does not answer.
    pub(super) async fn history(&self) -> Result<History, HdfsError> {
        let names = match self.names().await {
            Ok(names) => names,
            // The application is being killed, as the mark will show.
            Err(error) if error.is_not_found() => return Ok(History::default()),
            Err(error) => return Err(error),
        };
        let begun = names.iter().any(|name| number(name, ATTEMPT_MARK).is_some_and(|n| n < self.attempt));
        // The names sort like the numbers.
        let newest = names.iter().rev().find(|name| is_whole(name, JOURNAL));
        let journal = match newest {
            None => Journal::default(),
            Some(name) => {
                let content = self.fs.read(&self.file(name), JOURNAL_LIMIT).await?;
                journal::decode(&content).unwrap_or_else(|error| {
                    tracing::warn!("{name} is damaged: {error}");
                    Journal::default()
                })
            }
        };
        let finished = names.iter().any(|name| name == FINISHED).then(Outcome::finished);
        Ok(History { begun, journal: Journal { outcome: finished.or(journal.outcome), ..journal } })
    }

    /// Leaves this attempt's mark. The directory is not recreated: a client that kills an application while it is
    /// starting removes it, and it must stay removed.
    pub(super) async fn begin(&self) -> Event {
        let mark = self.file(&format!("{ATTEMPT_MARK}{:06}", self.attempt));
        let made = within(TIMEOUT, self.write(&mark, Bytes::new())).await;
        Event::Begun(match made {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) if error.is_not_found() => Err(BeginFailure::Gone),
            Ok(Err(error)) => Err(BeginFailure::Unavailable(error.to_string())),
            Err(late) => Err(BeginFailure::Unavailable(late)),
        })
    }

    /// Replaces the journal: it is written under another name and renamed, and the previous one is removed. The end of
    /// most jobs is only a mark.
    pub(super) async fn write_journal(&self, journal: &Journal) -> Event {
        let written = async {
            if journal.outcome == Some(Outcome::finished()) {
                self.write(&self.file(FINISHED), Bytes::new()).await
            } else {
                self.replace_journal(journal).await
            }
        };
        let failure = match within(TIMEOUT, written).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(late) => Some(late),
        };
        Event::JournalWritten { failure }
    }

    async fn replace_journal(&self, journal: &Journal) -> Result<(), HdfsError> {
        self.replace(JOURNAL, &self.journals, journal::encode(journal)).await
    }

    /// Writes down what has happened, for the watchers of later attempts.
    ///
    /// # Errors
    /// HDFS does not accept it.
    pub(super) async fn write_events(&self, events: Vec<control::Event>) -> Result<(), HdfsError> {
        let content = control::Events { events }.encode_to_vec();
        self.replace(EVENTS, &self.events, content.into()).await
    }

    /// What earlier attempts have written down; empty if it cannot be read, as no job depends on it.
    pub(super) async fn earlier_events(&self) -> Vec<control::Event> {
        let read = async {
            let names = self.names().await?;
            match names.iter().rev().find(|name| is_whole(name, EVENTS)) {
                Some(name) => self.fs.read(&self.file(name), EVENTS_LIMIT).await,
                None => Ok(Bytes::new()),
            }
        };
        match within(FENCE_TIMEOUT, read).await {
            Ok(Ok(content)) => control::Events::decode(content).unwrap_or_default().events,
            Ok(Err(error)) => {
                tracing::warn!("reading the events of earlier attempts: {error}");
                Vec::new()
            }
            Err(late) => {
                tracing::warn!("reading the events of earlier attempts: {late}");
                Vec::new()
            }
        }
    }

    async fn replace(&self, prefix: &str, writings: &AtomicU32, content: Bytes) -> Result<(), HdfsError> {
        let writing = writings.fetch_add(1, Ordering::Relaxed);
        let name = |writing: u32| self.file(&format!("{prefix}{:06}-{writing:06}", self.attempt));
        let unfinished = format!("{}{UNFINISHED}", name(writing));
        self.write(&unfinished, content).await?;
        self.fs.rename(&unfinished, &name(writing)).await?;
        if let Some(before) = writing.checked_sub(1) {
            self.fs.delete(&name(before), false).await?;
        }
        Ok(())
    }

    /// Leaves what clients need for the control plane of this attempt.
    ///
    /// # Errors
    /// HDFS does not accept it.
    pub(super) async fn write_certificate(&self, pem: Bytes) -> Result<(), HdfsError> {
        let path = self.file(&certificate_file(self.attempt));
        let unfinished = format!("{path}{UNFINISHED}");
        self.write(&unfinished, pem).await?;
        self.fs.rename(&unfinished, &path).await
    }

    /// Looks for a later attempt.
    pub(super) async fn check_fence(&self) -> Event {
        Event::FenceChecked(match within(FENCE_TIMEOUT, self.names()).await {
            Ok(Ok(names)) => {
                let later = |name: &String| number(name, ATTEMPT_MARK).is_some_and(|n| n > self.attempt);
                if names.iter().any(later) { Fence::Superseded } else { Fence::Newest }
            }
            Ok(Err(error)) if error.is_not_found() => Fence::Superseded,
            Ok(Err(error)) => Fence::Unknown(error.to_string()),
            Err(late) => Fence::Unknown(late),
        })
    }

    /// Removes the directory.
    pub(super) async fn remove(&self) -> Event {
        let failure = match within(TIMEOUT, self.fs.delete(&self.path, true)).await {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(late) => Some(late),
        };
        let uri = self.fs.uri(&self.path);
        Event::StagingRemoved {
            failure: failure
                .map(|cause| format!("the staging directory {uri} could not be removed: {cause}")),
        }
    }

    async fn names(&self) -> Result<Vec<String>, HdfsError> {
        let entries = self.fs.list(&self.path).await?;
        Ok(entries.iter().map(|entry| entry.name().to_owned()).collect())
    }

    async fn write(&self, path: &str, content: Bytes) -> Result<(), HdfsError> {
        let options =
            CreateOptions { overwrite: true, mode: 0o600, parents: false, ..CreateOptions::default() };
        let mut file = self.fs.create(path, options).await?;
        if !content.is_empty() {
            file.write(content).await?;
        }
        file.close().await
    }

    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.path)
    }
}

fn is_whole(name: &str, prefix: &str) -> bool {
    name.starts_with(prefix) && !name.ends_with(UNFINISHED)
}

fn number(name: &str, prefix: &str) -> Option<u32> {
    name.strip_prefix(prefix)?.parse().ok()
}

/// The result of `work`, or an error if it took too long.
pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = T> + Send) -> Result<T, String> {
    tokio::time::timeout(limit, work)
        .await
        .map_err(|_| format!("the file system has not answered within {} s", limit.as_secs()))
}

#[cfg(test)]
mod tests {
    use yarn_client::cause::{Cause, CauseCode};
    use yarn_client::flink::JobStatus;

    use super::*;
    use crate::machine::CheckpointsView;

    fn staging(directory: &tempfile::TempDir, attempt: u32) -> Staging {
        let uri = format!("file://{}", directory.path().display());
        let mut conf = Configuration::default();
        conf.set("fs.defaultFS", "file:///");
        Staging::open(&conf, &User::new("ada"), &uri, attempt).expect("a local directory")
    }

    #[tokio::test]
    async fn later_attempt_reads_the_journal_of_an_earlier_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = staging(&directory, 1);
        assert_eq!(first.history().await.expect("an empty directory"), History::default());
        assert!(matches!(first.begin().await, Event::Begun(Ok(()))));
        let second = staging(&directory, 2);
        let expected = History { begun: true, journal: Journal::default() };
        assert_eq!(second.history().await.expect("a mark"), expected);

        let checkpoint =
            CheckpointsView::On { completed: true, path: Some("file:/c/chk-3".to_owned()), kept: Some(true) };
        let running = Journal { job_seen: true, checkpoints: Some(checkpoint), ..Journal::default() };
        let outcome = Outcome {
            job: JobStatus::Failed,
            of: Some("ab".to_owned()),
            cause: Some(Cause::new(CauseCode::JobFailed, "boom").because("why").hint("submit again")),
            notes: vec!["2 jobs".to_owned()],
            settled: true,
        };
        let ended = Journal { outcome: Some(outcome), ..running.clone() };
        for journal in [&running, &ended] {
            assert!(matches!(first.write_journal(journal).await, Event::JournalWritten { failure: None }));
            assert_eq!(second.history().await.expect("a journal").journal, *journal);
        }
        let names = first.names().await.expect("a directory");
        assert_eq!(names, ["attempt-000001", "journal-000001-000001"], "the journal before it is gone");

        let finished = Journal { outcome: Some(Outcome::finished()), ..running };
        assert!(matches!(first.write_journal(&finished).await, Event::JournalWritten { failure: None }));
        let outcome = second.history().await.expect("a mark").journal.outcome;
        assert_eq!(outcome, Some(Outcome::finished()));
    }

    #[tokio::test]
    async fn later_attempt_reads_the_events_of_an_earlier_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = staging(&directory, 1);
        first.begin().await;
        assert_eq!(first.earlier_events().await, []);
        let event = |number| control::Event {
            id: Some(control::EventId { attempt: 1, number }),
            time_ms: 1,
            what: Some(control::event::What::Registered(control::Registered {})),
        };
        for count in [1, 2] {
            first.write_events((1..=count).map(event).collect()).await.expect("written");
        }
        let second = staging(&directory, 2);
        assert_eq!(second.earlier_events().await, [event(1), event(2)]);
        assert_eq!(second.history().await.expect("a mark").journal, Journal::default());
    }

    #[tokio::test]
    async fn mark_of_a_later_attempt_ends_the_right_to_run() {
        let directory = tempfile::tempdir().expect("a directory");
        let (first, second) = (staging(&directory, 1), staging(&directory, 2));
        first.begin().await;
        assert!(matches!(first.check_fence().await, Event::FenceChecked(Fence::Newest)));
        second.begin().await;
        assert!(matches!(first.check_fence().await, Event::FenceChecked(Fence::Superseded)));
        assert!(matches!(second.check_fence().await, Event::FenceChecked(Fence::Newest)));
        assert!(matches!(second.remove().await, Event::StagingRemoved { failure: None }));
        assert!(matches!(second.check_fence().await, Event::FenceChecked(Fence::Superseded)));
        assert!(matches!(second.begin().await, Event::Begun(Err(BeginFailure::Gone))));
    }

    #[tokio::test]
    async fn damaged_journal_is_ignored() {
        let directory = tempfile::tempdir().expect("a directory");
        let first = staging(&directory, 1);
        first.begin().await;
        std::fs::write(directory.path().join("journal-000001-000000"), b"{").expect("a file");
        let history = staging(&directory, 2).history().await.expect("a directory");
        assert_eq!(history, History { begun: true, journal: Journal::default() });
    }
}
