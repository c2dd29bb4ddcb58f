//! What Flink's high availability keeps outside of the staging directory, and how it goes when nobody else removes it.
//!
//! After a normal end Flink removes its nodes in ZooKeeper and the application master the rest. After a kill both are
//! left, and nobody knows any more where: the submission therefore leaves a record in the staging directory, without
//! secrets, that `kill` and, after an end that was meant, `gc` follow before they remove the directory. It is the way back
//! to the job's state, so after any other end it stays, and the record with it. A cluster id that the user has chosen is
//! meant to be found again by a later submission; nothing of such a one is touched.

use std::time::Duration;

use bytes::Bytes;
use proto::ids::ApplicationId;
use serde::{Deserialize, Serialize};

use super::znodes;
use crate::flink::FlinkConfig;
use crate::flink::options::{HA_CLUSTER_ID, HA_STORAGE_DIR, HA_TYPE, HA_ZOOKEEPER_QUORUM, HA_ZOOKEEPER_ROOT};
use crate::hdfs::{CreateOptions, FileSystem, FileSystems, HdfsError};

/// Name of the record in the staging directory.
const FILE: &str = "high-availability.json";
/// A record is some hundred bytes.
const LIMIT: u64 = 64 * 1024;
/// Longest time for ZooKeeper to answer all that is asked.
const PATIENCE: Duration = Duration::from_secs(15);

/// What an application has there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HighAvailability {
    /// `high-availability.zookeeper.quorum`.
    pub(crate) quorum: String,
    /// `high-availability.zookeeper.path.root` and the cluster id (`ZooKeeperUtils.generateZookeeperPath`).
    pub(crate) node: String,
    /// Directories in `high-availability.storageDir`.
    pub(crate) storage: Vec<String>,
}

/// Why something of it is still there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LeftError {
    /// ZooKeeper has not done it.
    #[error("{node} of ZooKeeper at {quorum} could not be removed: {source}")]
    ZooKeeper {
        node: String,
        quorum: String,
        #[source]
        source: znodes::Failure,
    },
    /// ZooKeeper says nothing.
    #[error("{node} of ZooKeeper at {quorum} could not be removed: no answer within {} s", PATIENCE.as_secs())]
    Silence { node: String, quorum: String },
    /// The record, or what it names, in a file system.
    #[error(transparent)]
    FileSystem(#[from] HdfsError),
}

impl HighAvailability {
    /// Of a configuration as the application gets it; `None` without ZooKeeper, or with a cluster id of the user's.
    pub(crate) fn of(config: &FlinkConfig, id: ApplicationId) -> Option<Self> {
        let id = id.to_string();
        let zookeeper = config.value(&HA_TYPE)?.eq_ignore_ascii_case("zookeeper");
        if !zookeeper || config.value(&HA_CLUSTER_ID) != Some(&id) {
            return None;
        }
        let root = config.value(&HA_ZOOKEEPER_ROOT).unwrap_or_default().trim_matches('/');
        let storage = config.value(&HA_STORAGE_DIR).map(|storage| directories(storage, &id));
        Some(Self {
            quorum: config.value(&HA_ZOOKEEPER_QUORUM)?.to_owned(),
            node: if root.is_empty() { format!("/{id}") } else { format!("/{root}/{id}") },
            storage: storage.map(Vec::from).unwrap_or_default(),
        })
    }

    /// Writes the record into an application's directory.
    pub(crate) async fn store(&self, fs: &dyn FileSystem, directory: &str) -> Result<(), HdfsError> {
        let path = format!("{}/{FILE}", directory.trim_end_matches('/'));
        let content = serde_json::to_vec(self).map_err(|error| not_a_record(fs, &path, &error))?;
        let options = CreateOptions { overwrite: true, mode: 0o600, ..CreateOptions::default() };
        let mut file = fs.create(&path, options).await?;
        file.write(Bytes::from(content)).await?;
        file.close().await
    }

    /// The record of an application's directory, if there is one.
    pub(crate) async fn load(fs: &dyn FileSystem, directory: &str) -> Result<Option<Self>, HdfsError> {
        let path = format!("{}/{FILE}", directory.trim_end_matches('/'));
        match fs.read(&path, LIMIT).await {
            Ok(content) => {
                let record: Self =
                    serde_json::from_slice(&content).map_err(|error| not_a_record(fs, &path, &error))?;
                // Whoever may write here would else have an administrator's `kill` or `gc` remove what he may not.
                match record.is_of(directory) {
                    true => Ok(Some(record)),
                    false => Err(not_a_record(fs, &path, &"it names what is not of this application")),
                }
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether all that it names is of the application that the directory belongs to, and of no other.
    fn is_of(&self, directory: &str) -> bool {
        let id = directory.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let own = |path: &String| path.rsplit_once('/').is_some_and(|(_, name)| name == id);
        !id.is_empty() && own(&self.node) && self.storage.iter().all(own)
    }

    async fn remove(&self, file_systems: &FileSystems) -> Result<(), LeftError> {
        let (node, quorum) = (self.node.clone(), self.quorum.clone());
        match tokio::time::timeout(PATIENCE, znodes::remove(&self.quorum, &self.node, PATIENCE)).await {
            Ok(Ok(())) => {}
            Ok(Err(source)) => return Err(LeftError::ZooKeeper { node, quorum, source }),
            Err(_) => return Err(LeftError::Silence { node, quorum }),
        }
        for directory in &self.storage {
            let (fs, path) = file_systems.locate(directory)?;
            fs.delete(&path, true).await?;
        }
        Ok(())
    }
}

/// Whether an application's directory says that it has something elsewhere.
pub(crate) async fn recorded(fs: &dyn FileSystem, directory: &str) -> Result<bool, HdfsError> {
    Ok(HighAvailability::load(fs, directory).await?.is_some())
}

/// Removes the directory of an application that has ended, and before it what high availability has elsewhere: while
/// that cannot go, the directory stays, so that the next one may try again. `false` when there was no directory.
pub(crate) async fn remove_application(
    file_systems: &FileSystems,
    fs: &dyn FileSystem,
    directory: &str,
) -> Result<bool, LeftError> {
    if let Some(record) = HighAvailability::load(fs, directory).await? {
        record.remove(file_systems).await?;
    }
    Ok(fs.delete(directory, true).await?)
}

/// `HighAvailabilityServicesUtils.getClusterHighAvailableStoragePath` and `FileSystemJobResultStore`.
pub fn directories(storage: &str, cluster_id: &str) -> [String; 2] {
    let storage = storage.trim_end_matches('/');
    [format!("{storage}/{cluster_id}"), format!("{storage}/job-result-store/{cluster_id}")]
}

fn not_a_record(fs: &dyn FileSystem, path: &str, error: &dyn std::fmt::Display) -> HdfsError {
    HdfsError::Failed {
        operation: "understand",
        path: fs.uri(path),
        class: None,
        message: format!("it is no record of high availability: {error}"),
        detail: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(settings: &[(&str, &str)]) -> Option<HighAvailability> {
        let mut config = FlinkConfig::default();
        for (key, value) in settings {
            config.set(*key, *value);
        }
        HighAvailability::of(&config, ApplicationId { cluster_timestamp: 5, id: 1 })
    }

    const ZOOKEEPER: [(&str, &str); 4] = [
        ("high-availability.type", "ZOOKEEPER"),
        ("high-availability.zookeeper.quorum", "a:2181,b:2181"),
        ("high-availability.storageDir", "hdfs:///ha/"),
        ("high-availability.cluster-id", "application_5_0001"),
    ];

    #[test]
    fn what_an_application_has_in_zookeeper_and_in_its_storage() {
        let found = of(&ZOOKEEPER).expect("with ZooKeeper");
        assert_eq!(
            (found.quorum.as_str(), found.node.as_str()),
            ("a:2181,b:2181", "/flink/application_5_0001")
        );
        assert_eq!(
            found.storage,
            ["hdfs:///ha/application_5_0001", "hdfs:///ha/job-result-store/application_5_0001"]
        );
        let rooted = of(&[&ZOOKEEPER[..], &[("high-availability.zookeeper.path.root", "/a/b/")]].concat());
        assert_eq!(rooted.expect("with ZooKeeper").node, "/a/b/application_5_0001");
    }

    #[test]
    fn a_record_names_nothing_of_others() {
        let mut found = of(&ZOOKEEPER).expect("with ZooKeeper");
        let directory = "/user/ada/.yarn-flink/apps/application_5_0001/";
        assert!(found.is_of(directory));
        assert!(!found.is_of("/user/ada/.yarn-flink/apps/application_5_0002"));
        found.storage.push("hdfs:///important".to_owned());
        assert!(!found.is_of(directory));
        found.storage.clear();
        found.node = "/flink".to_owned();
        assert!(!found.is_of(directory));
    }

    #[test]
    fn a_cluster_id_of_the_users_is_left_alone() {
        assert_eq!(of(&[&ZOOKEEPER[..3], &[("high-availability.cluster-id", "mine")]].concat()), None);
        assert_eq!(of(&ZOOKEEPER[..3]), None);
        assert_eq!(of(&ZOOKEEPER[1..]), None);
        assert_eq!(of(&[]), None);
    }
}
