//! The record of a key of `run --key`: `<base>/.yarn-flink/keys/<sha256 of the key>/`, mode 0700.
//!
//! | file | written by | content |
//! |---|---|---|
//! | `1`, `2`, … | a client, before it submits | the application of the key; the highest number counts |
//! | `started` | the application master, before it runs the job | which submission runs it |
//! | `ended` | the application master, at its end | how it ended |
//!
//! Each is written under a temporary name and renamed, which HDFS rejects if the name is taken: a file is complete, has
//! one author, and never changes. `2` follows `1` only if YARN has rejected the application of `1` before its first
//! attempt. `started` is the fence: whatever clients do, only one submission of a key gets past it.

use std::sync::Arc;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{CreateOptions, FileStatus, FileSystem, HdfsError, uri};

/// File name of the fence.
const STARTED: &str = "started";
/// File name of the outcome.
const ENDED: &str = "ended";
/// Maximum size of a file of a record: the diagnostics in it are cut to a quarter of this.
const LIMIT: u64 = 64 * 1024;
/// Bytes of diagnostics that are kept, and how many of them from the end: the last lines are the application master's
/// own (`hint:`, `checkpoint:`), after what may be a long text of the program.
const DIAGNOSTICS: usize = 16 * 1024;
const END_OF_DIAGNOSTICS: usize = 2 * 1024;

/// The application that a key stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The key itself.
    pub key: String,
    /// Id to submit under, and to follow.
    pub application_id: String,
    /// Flink's job id.
    pub job_id: String,
    /// Whether the id was generated for this application; otherwise the user has chosen it, or an older client has
    /// derived it from the key, and other applications may have it, too.
    #[serde(default)]
    pub generated_job_id: bool,
    /// When it was written, ms since the epoch.
    pub created_ms: u64,
}

/// Written once for a key, by the application master that may run the job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The application.
    pub application_id: String,
    /// The submission it belongs to; attempts of one application share it.
    pub submission: String,
    /// Digest of the program that it runs.
    pub program: String,
}

/// How the application ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The application.
    pub application_id: String,
    /// YARN's name of the final status.
    pub final_status: String,
    /// As given to the ResourceManager; beyond 16 KiB the middle is left out.
    pub diagnostics: String,
}

/// Everything that is known about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Number of the current record.
    pub generation: u32,
    /// That record.
    pub record: Record,
    /// The fence, once an application master has passed it.
    pub started: Option<Started>,
    /// The outcome, once there is one.
    pub ended: Option<Ended>,
}

/// Whose content now has a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Published {
    /// Ours.
    Ours,
    /// The record of another client, which was faster.
    Theirs(Bytes),
}

/// The directory of one key.
#[derive(Debug, Clone)]
pub struct KeyRecord {
    fs: Arc<dyn FileSystem>,
    path: String,
    writer: String,
}

impl KeyRecord {
    /// The directory of all keys below `base`.
    pub fn root(base: &str) -> String {
        uri::join(&super::stage::root(base), "keys")
    }

    /// The directory of the key with this digest below `base`. Nothing is sent. `writer` makes temporary names unique.
    pub fn new(fs: Arc<dyn FileSystem>, base: &str, digest: &str, writer: &str) -> Self {
        Self { fs, path: uri::join(&Self::root(base), digest), writer: writer.to_owned() }
    }

    /// The same, by its absolute path.
    pub fn open(fs: Arc<dyn FileSystem>, path: impl Into<String>, writer: &str) -> Self {
        Self { fs, path: path.into(), writer: writer.to_owned() }
    }

    /// Full URI.
    pub fn uri(&self) -> String {
        self.fs.uri(&self.path)
    }

    /// What is known about the key; `None` if it has never been used, or has been forgotten.
    ///
    /// # Errors
    /// Errors of the file system, and [`HdfsError::Failed`] for a file that is not a record.
    pub async fn find(&self) -> Result<Option<Found>, HdfsError> {
        let files = match self.fs.list(&self.path).await {
            Ok(files) => files,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let newest = files.iter().filter_map(|file| file.name().parse::<u32>().ok()).max();
        let Some(generation) = newest else { return Ok(None) };
        let named = |name: &str| files.iter().find(|file| file.name() == name);
        let number = generation.to_string();
        let (record, started, ended) = futures::try_join!(
            self.read(named(&number)),
            self.read(named(STARTED)),
            self.read(named(ENDED))
        )?;
        // Gone between listing and reading: forgotten.
        Ok(record.map(|record| Found { generation, record, started, ended }))
    }

    /// Writes the record of a generation, unless there already is one.
    ///
    /// # Errors
    /// Errors of the file system; the record may then have been written.
    pub async fn publish(&self, generation: u32, record: &Record) -> Result<Published, HdfsError> {
        let name = generation.to_string();
        match self.put(&name, record).await {
            Err(error) if error.is_not_found() => {
                // One after the other: missing parents would get the mode of the last one.
                let keys = self.path.rsplit_once('/').map_or("/", |(keys, _)| keys);
                let root = keys.rsplit_once('/').map_or("/", |(root, _)| root);
                self.fs.mkdirs(root, 0o755).await?;
                self.fs.mkdirs(keys, 0o700).await?;
                self.fs.mkdirs(&self.path, 0o700).await?;
                self.put(&name, record).await
            }
            done => done,
        }
    }

    /// Passes the fence, unless another submission already has.
    ///
    /// # Errors
    /// Errors of the file system; [`HdfsError::NotFound`] if the key has been forgotten.
    pub async fn start(&self, started: &Started) -> Result<Result<(), Started>, HdfsError> {
        match self.put(STARTED, started).await? {
            Published::Ours => Ok(Ok(())),
            Published::Theirs(other) => {
                let path = uri::join(&self.path, STARTED);
                let other: Started = self.decode(&path, &other)?;
                // An earlier attempt of ours.
                Ok(if other.submission == started.submission { Ok(()) } else { Err(other) })
            }
        }
    }

    /// Writes how the application ended. A second outcome is not written.
    ///
    /// # Errors
    /// Errors of the file system.
    pub async fn end(&self, mut ended: Ended) -> Result<(), HdfsError> {
        let text = &ended.diagnostics;
        if text.len() > DIAGNOSTICS {
            let boundary = |at: &usize| text.is_char_boundary(*at);
            let begin = (0..=DIAGNOSTICS - END_OF_DIAGNOSTICS).rev().find(boundary).unwrap_or(0);
            let end = (text.len() - END_OF_DIAGNOSTICS..text.len()).find(boundary).unwrap_or(text.len());
            ended.diagnostics.replace_range(begin..end, "");
        }
        self.put(ENDED, &ended).await.map(drop)
    }

    async fn read<T: DeserializeOwned>(&self, file: Option<&FileStatus>) -> Result<Option<T>, HdfsError> {
        let Some(file) = file else { return Ok(None) };
        match self.fs.read(&file.path, LIMIT).await {
            Ok(bytes) => self.decode(&file.path, &bytes).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn decode<T: DeserializeOwned>(&self, path: &str, bytes: &[u8]) -> Result<T, HdfsError> {
        serde_json::from_slice(bytes).map_err(|error| HdfsError::Failed {
            operation: "understand",
            path: self.fs.uri(path),
            class: None,
            message: format!("it is not the record of a key: {error}"),
            detail: error.to_string(),
        })
    }

    /// Writes a file atomically, without overwriting. The content must be unique to the writer.
    async fn put(&self, name: &str, content: &(impl Serialize + Sync)) -> Result<Published, HdfsError> {
        let path = uri::join(&self.path, name);
        let temporary = uri::join(&self.path, &format!(".{name}-{}", self.writer));
        let content = serde_json::to_vec(content).map(Bytes::from).map_err(|error| HdfsError::Failed {
            operation: "write",
            path: self.fs.uri(&path),
            class: None,
            message: error.to_string(),
            detail: error.to_string(),
        })?;
        let options =
            CreateOptions { overwrite: true, mode: 0o600, parents: false, ..CreateOptions::default() };
        let mut file = self.fs.create(&temporary, options).await?;
        file.write(content.clone()).await?;
        file.close().await?;
        let Err(error) = self.fs.rename(&temporary, &path).await else { return Ok(Published::Ours) };
        // Another client was faster, or the response to our rename was lost: the content shows which.
        let Ok(found) = self.fs.read(&path, LIMIT).await else { return Err(error) };
        self.fs.delete(&temporary, false).await?;
        Ok(if found == content { Published::Ours } else { Published::Theirs(found) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::LocalFs;
    use super::*;

    fn record(id: &str) -> Record {
        Record {
            key: "nightly".to_owned(),
            application_id: id.to_owned(),
            job_id: "ab".repeat(16),
            generated_job_id: true,
            created_ms: 1,
        }
    }

    fn started(submission: &str) -> Started {
        Started {
            application_id: "application_1_0001".to_owned(),
            submission: submission.to_owned(),
            program: "p".to_owned(),
        }
    }

    #[tokio::test]
    async fn first_mark_of_each_kind_stays_and_the_highest_number_counts() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().to_str().unwrap();
        let of = |writer: &str| KeyRecord::new(Arc::new(LocalFs::new("ada", base)), base, "d1", writer);
        let (a, b) = (of("a"), of("b"));
        assert_eq!(a.find().await.unwrap(), None);
        assert!(a.start(&started("s")).await.unwrap_err().is_not_found(), "a forgotten key starts nothing");

        assert_eq!(a.publish(1, &record("application_1_0001")).await.unwrap(), Published::Ours);
        assert_eq!(a.publish(1, &record("application_1_0001")).await.unwrap(), Published::Ours, "once more");
        let lost = b.publish(1, &record("application_1_0002")).await.unwrap();
        assert!(matches!(lost, Published::Theirs(_)), "{lost:?}");
        assert_eq!(b.find().await.unwrap().unwrap().record, record("application_1_0001"));

        for generation in 2..=10 {
            b.publish(generation, &record(&format!("application_1_{generation:04}"))).await.unwrap();
        }
        let found = a.find().await.unwrap().unwrap();
        assert_eq!((found.generation, found.record), (10, record("application_1_0010")));

        assert_eq!(a.start(&started("s1")).await.unwrap(), Ok(()));
        assert_eq!(b.start(&started("s1")).await.unwrap(), Ok(()), "another attempt of the same submission");
        assert_eq!(b.start(&started("s2")).await.unwrap(), Err(started("s1")));

        let ended = |text: &str| Ended {
            application_id: "application_1_0001".to_owned(),
            final_status: "FAILED".to_owned(),
            diagnostics: text.to_owned(),
        };
        a.end(ended(&format!("{}\nhint: h", "ü".repeat(DIAGNOSTICS)))).await.unwrap();
        b.end(ended("later")).await.unwrap();
        let found = a.find().await.unwrap().unwrap();
        assert_eq!(found.started, Some(started("s1")));
        let kept = found.ended.unwrap().diagnostics;
        assert!(kept.len() <= DIAGNOSTICS && kept.len() > DIAGNOSTICS - 8, "{}", kept.len());
        assert!(kept.starts_with('ü') && kept.ends_with("\nhint: h"));
        let left: Vec<_> = std::fs::read_dir(KeyRecord::root(base) + "/d1").unwrap().collect();
        assert_eq!(left.len(), 12, "no temporary is left: {left:?}");
    }

    #[test]
    fn job_id_of_an_older_clients_record_is_not_trusted() {
        let old = br#"{"key":"k","application_id":"application_1_0001","job_id":"ab","created_ms":1}"#;
        assert!(!serde_json::from_slice::<Record>(old).unwrap().generated_job_id);
    }

    #[tokio::test]
    async fn a_damaged_record_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let base = dir.path().to_str().unwrap();
        let record = KeyRecord::new(Arc::new(LocalFs::new("ada", base)), base, "d1", "a");
        std::fs::create_dir_all(KeyRecord::root(base) + "/d1").unwrap();
        std::fs::write(KeyRecord::root(base) + "/d1/1", "{").unwrap();
        let error = record.find().await.unwrap_err().to_string();
        assert!(error.contains("/keys/d1/1") && error.contains("not the record of a key"), "{error}");
    }
}
