//! Where state is stored, as given on a command line or in a configuration: never on one node's disk by accident.
//!
//! Flink treats a path without a scheme as one of the local file system (`FileSystem.getUnguardedFileSystem`), which on
//! a cluster is the disk of whichever node the JobManager runs on, and a relative one as relative to its container's
//! directory, which is removed with the container.

use std::borrow::Cow;

use crate::conf::Configuration;
pub use crate::flink::options::ALLOW_LOCAL_STATE;
use crate::flink::options::{self, Opt};
use crate::flink::{ConfigError, FlinkConfig, Warning};
use crate::hdfs::FileUri;

/// What is written there must survive the loss of the node.
pub(crate) const STATE: [Opt; 5] = [
    options::CHECKPOINT_DIR,
    options::SAVEPOINT_DIR,
    options::HA_STORAGE_DIR,
    options::CHANGELOG_DIR,
    options::JOB_RESULT_STORE,
];
/// What is written there is useful later, but not needed by any job.
pub(crate) const RECORDS: Opt = options::ARCHIVE_DIR;

const RELATIVE: &str =
    "is relative, so it would be in a container's directory, which is removed with the container";
const ONE_NODE: &str = "is on the local disk of the node that the JobManager happens to run on";

/// State would be lost at a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatePathError {
    /// It is below the working directory of a container.
    #[error("{what}: {path} {RELATIVE}")]
    Relative {
        /// The key, or what the path is for.
        what: String,
        /// As it was given.
        path: String,
        /// The file system that an absolute path would be on.
        root: String,
    },
    /// It is on the disk of one node.
    #[error("{what}: {path} {ONE_NODE}")]
    OneNode {
        /// The key, or what the path is for.
        what: String,
        /// As it was given.
        path: String,
        /// The cluster's file system.
        root: String,
    },
}

impl StatePathError {
    /// What is wrong with the path.
    fn reason(&self) -> &'static str {
        match self {
            Self::Relative { .. } => RELATIVE,
            Self::OneNode { .. } => ONE_NODE,
        }
    }

    /// What to write instead.
    pub fn hint(&self) -> String {
        match self {
            Self::Relative { path, root, .. } => {
                format!("use a directory of the cluster's file system, such as {root}/{path}")
            }
            Self::OneNode { root, .. } => format!(
                "use a directory of {root}; if all nodes mount this one, say so with \
                 `--allow-local-state` (for a cluster: `-D {}=true`)",
                ALLOW_LOCAL_STATE.key
            ),
        }
    }
}

/// The file system of paths without a scheme, as one cluster sees them.
#[derive(Debug, Clone)]
pub struct StateRoot {
    root: String,
    allow_local: bool,
}

impl StateRoot {
    /// From Hadoop's configuration only. `allow_local`: state may be on a node's disk.
    pub fn new(hadoop: &Configuration, allow_local: bool) -> Self {
        let root = hadoop.get("fs.defaultFS").unwrap_or_default();
        Self { root: root.trim_end_matches('/').to_owned(), allow_local }
    }

    /// Also from Flink's, whose `fs.default-scheme` takes precedence.
    ///
    /// # Errors
    /// `yarn-flink.allow-local-state` is neither true nor false.
    pub fn of_cluster(hadoop: &Configuration, flink: &FlinkConfig) -> Result<Self, ConfigError> {
        let allow_local = flink.boolean(&ALLOW_LOCAL_STATE)?.unwrap_or(false);
        let mut root = Self::new(hadoop, allow_local);
        if let Some(default) = flink.explicit(&options::DEFAULT_SCHEME) {
            default.trim_end_matches('/').clone_into(&mut root.root);
        }
        Ok(root)
    }

    /// Adds the scheme to a path. `what` it is for: a key, or a description.
    ///
    /// # Errors
    /// [`StatePathError`].
    pub fn qualify<'a>(&self, what: &str, path: &'a str) -> Result<Cow<'a, str>, StatePathError> {
        let (what, given, root) = (what.to_owned(), path.to_owned(), self.root.clone());
        let is_local =
            |uri: &str| uri.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("file"));
        if FileUri::has_scheme(path) {
            // A cluster whose only file system is a local one has mounted it everywhere.
            return match is_local(path) && !self.allow_local && !is_local(&self.root) {
                true => Err(StatePathError::OneNode { what, path: given, root }),
                false => Ok(Cow::Borrowed(path)),
            };
        }
        if !path.starts_with('/') {
            return Err(StatePathError::Relative { what, path: given, root });
        }
        // Without a Hadoop configuration it is left to Flink.
        Ok(if root.is_empty() { Cow::Borrowed(path) } else { Cow::Owned(format!("{root}{path}")) })
    }

    /// Adds schemes to the state directories in a cluster's configuration; returns a warning for each that had none.
    ///
    /// # Errors
    /// [`StatePathError`].
    pub fn apply(&self, config: &mut FlinkConfig) -> Result<Vec<Warning>, StatePathError> {
        let mut warnings = Vec::new();
        for key in STATE.iter().flat_map(|option| std::iter::once(&option.key).chain(option.deprecated)) {
            let Some(given) = config.get(key).map(str::trim).filter(|path| !path.is_empty()) else {
                continue;
            };
            let given = given.to_owned();
            let path = self.qualify(key, &given)?.into_owned();
            if path != given {
                let text = format!("{given} resolves to {path}");
                warnings.push(Warning { key: (*key).to_owned(), text });
                config.set(*key, path);
            }
        }
        if let Some(given) = config.explicit(&RECORDS).map(str::to_owned) {
            let (path, text) = match self.qualify(RECORDS.key, given.trim()) {
                Ok(path) if path == given.trim() => return Ok(warnings),
                Ok(path) => (path.into_owned(), None),
                Err(error) => (given.clone(), Some(format!("{given} {}; {}", error.reason(), error.hint()))),
            };
            let text = text.unwrap_or_else(|| format!("{given} resolves to {path}"));
            warnings.push(Warning { key: RECORDS.key.to_owned(), text });
            config.set(RECORDS.key, path);
        }
        Ok(warnings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(default_fs: &str, flink: &[(&str, &str)]) -> (StateRoot, FlinkConfig) {
        let mut hadoop = Configuration::default();
        hadoop.set("fs.defaultFS", default_fs);
        let mut config = FlinkConfig::new();
        for (key, value) in flink {
            config.set(*key, *value);
        }
        (StateRoot::of_cluster(&hadoop, &config).unwrap(), config)
    }

    #[test]
    fn a_path_without_scheme_is_of_the_clusters_file_system() {
        let (hdfs, _) = root("hdfs://nn:8020/", &[]);
        assert_eq!(hdfs.qualify("-p", "/rep/sp").unwrap(), "hdfs://nn:8020/rep/sp");
        for kept in ["hdfs://other/sp", "hdfs:/sp", "s3://bucket/sp", "viewfs:///sp"] {
            assert_eq!(hdfs.qualify("-p", kept).unwrap(), kept);
        }
        let (scheme, _) = root("hdfs://nn:8020", &[("fs.default-scheme", "s3://bucket/")]);
        assert_eq!(scheme.qualify("-p", "/sp").unwrap(), "s3://bucket/sp");
    }

    #[test]
    fn what_would_be_lost_with_a_node_is_refused() {
        let (hdfs, _) = root("hdfs://nn", &[]);
        let relative = hdfs.qualify("the savepoint", "rep/sp").unwrap_err();
        assert_eq!(relative.hint(), "use a directory of the cluster's file system, such as hdfs://nn/rep/sp");
        assert!(relative.to_string().starts_with("the savepoint: rep/sp is relative"), "{relative}");
        for local in ["file:///mnt/sp", "file:/mnt/sp", "FILE:///mnt/sp"] {
            assert!(matches!(hdfs.qualify("-p", local), Err(StatePathError::OneNode { .. })), "{local}");
        }
        let (allowed, _) = root("hdfs://nn", &[("yarn-flink.allow-local-state", "true")]);
        assert_eq!(allowed.qualify("-p", "file:///mnt/sp").unwrap(), "file:///mnt/sp");
        let (local, _) = root("file:///", &[]);
        assert_eq!(local.qualify("-p", "file:///mnt/sp").unwrap(), "file:///mnt/sp");
        assert_eq!(local.qualify("-p", "/mnt/sp").unwrap(), "file:/mnt/sp");
    }

    #[test]
    fn the_history_of_jobs_is_not_left_on_a_node_unawares() {
        let archive = |path: &str| {
            let (root, mut config) = root("hdfs://nn", &[("jobmanager.archive.fs.dir", path)]);
            let warnings = root.apply(&mut config).unwrap();
            (config.get("jobmanager.archive.fs.dir").unwrap().to_owned(), warnings)
        };
        let (path, warnings) = archive("/completed-jobs");
        assert_eq!(path, "hdfs://nn/completed-jobs");
        assert!(warnings.len() == 1 && warnings[0].text.contains("resolves to"), "{warnings:?}");
        assert!(archive("hdfs://nn/completed-jobs").1.is_empty());
        // No job needs it.
        let (path, warnings) = archive("file:///var/flink");
        assert_eq!(path, "file:///var/flink");
        assert!(warnings.len() == 1 && warnings[0].text.contains("on the local disk of"), "{warnings:?}");
    }

    #[test]
    fn a_configuration_says_what_it_is_taken_for() {
        let (hdfs, mut config) = root(
            "hdfs://nn",
            &[("state.checkpoints.dir", "/ck"), ("high-availability.storageDir", "hdfs://x/ha")],
        );
        let warnings = hdfs.apply(&mut config).unwrap();
        assert_eq!(warnings.len(), 1);
        assert_eq!(warnings[0].text, "/ck resolves to hdfs://nn/ck");
        assert_eq!(config.explicit(&options::CHECKPOINT_DIR), Some("hdfs://nn/ck"));
        assert_eq!(config.explicit(&options::HA_STORAGE_DIR), Some("hdfs://x/ha"));
    }
}
