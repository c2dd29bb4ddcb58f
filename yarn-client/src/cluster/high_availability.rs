//! What Flink's high availability stores outside the staging directory, and how it is removed if its owners do not do it.
//!
//! After a normal end Flink removes its nodes in ZooKeeper and the application master the rest. After a kill both are
//! left, and where they are would no longer be known. Therefore the submission leaves a record in the staging directory,
//! without secrets, that `kill` and, after an intended end, `gc` use before they remove the directory. It is the way back
//! to the job's state, so after any other end it is kept, and the record with it. A cluster id that the user has chosen is
//! meant to be found by a later submission; nothing that belongs to it is touched.

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
/// A record has a few hundred bytes.
const LIMIT: u64 = 64 * 1024;
/// Limit for all requests to ZooKeeper together.
const PATIENCE: Duration = Duration::from_secs(15);

/// What an application stores there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HighAvailability {
    /// `high-availability.zookeeper.quorum`.
    pub(crate) quorum: String,
    /// `high-availability.zookeeper.path.root` and the cluster id (`ZooKeeperUtils.generateZookeeperPath`).
    pub(crate) node: String,
    /// Directories in `high-availability.storageDir`.
    pub(crate) storage: Vec<String>,
}

/// Why some of it is still there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum LeftError {
    /// ZooKeeper could not remove it.
    #[error("cannot remove {node} in ZooKeeper at {quorum}: {source}")]
    ZooKeeper {
        node: String,
        quorum: String,
        #[source]
        source: znodes::Failure,
    },
    /// ZooKeeper does not respond.
    #[error("cannot remove {node} in ZooKeeper at {quorum}: no response within {} s", PATIENCE.as_secs())]
    Silence { node: String, quorum: String },
    /// An error of a file system, for the record or what it names.
    #[error(transparent)]
    FileSystem(#[from] HdfsError),
}

impl HighAvailability {
    /// From the configuration that the application gets; `None` without ZooKeeper, or with a cluster id chosen by the user.
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

    /// Reads the record in an application's directory, if there is one.
    pub(crate) async fn load(fs: &dyn FileSystem, directory: &str) -> Result<Option<Self>, HdfsError> {
        let path = format!("{}/{FILE}", directory.trim_end_matches('/'));
        match fs.read(&path, LIMIT).await {
            Ok(content) => {
                let record: Self =
                    serde_json::from_slice(&content).map_err(|error| not_a_record(fs, &path, &error))?;
                // Otherwise users who may write here could make an administrator's `kill` or `gc` remove what they may not.
                match record.is_of(directory) {
                    true => Ok(Some(record)),
                    false => {
                        Err(not_a_record(fs, &path, &"it names paths that do not belong to this application"))
                    }
                }
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether everything it names belongs to the application of the directory, and to no other.
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

/// Whether an application's directory has a record of state stored elsewhere.
pub(crate) async fn recorded(fs: &dyn FileSystem, directory: &str) -> Result<bool, HdfsError> {
    Ok(HighAvailability::load(fs, directory).await?.is_some())
}

/// Removes the directory of an application that has ended, and first what high availability stores elsewhere: while
/// that cannot be removed, the directory is kept, so that a later run can try again. `false` if there was no directory.
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
        message: format!("it is not a high availability record: {error}"),
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
