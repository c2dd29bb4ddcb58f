//! Errors of a Hadoop configuration.

use std::io;
use std::path::PathBuf;

use super::Origin;

/// A Hadoop configuration that cannot be found, read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfError {
    /// No configuration directory was named, and none of the usual places has one.
    #[error("no Hadoop configuration found (looked at {})", list(.looked_at))]
    NotFound {
        /// What was tried, in order: variables and directories.
        looked_at: Vec<String>,
    },
    /// A named directory does not exist or contains none of core-site.xml, hdfs-site.xml and yarn-site.xml.
    #[error("{}{} contains no Hadoop configuration: {reason}", .path.display(), from(named_by.as_deref()))]
    UnusableDirectory {
        /// The directory.
        path: PathBuf,
        /// The variable or setting that named it; `None` if the caller gave it without a name.
        named_by: Option<String>,
        /// What is wrong with it.
        reason: String,
    },
    /// A file exists but cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// A file is not well-formed, or not a Hadoop configuration.
    #[error("{}:{line}: {reason}", .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Line in the file, from 1.
        line: u32,
        /// What is wrong.
        reason: String,
    },
    /// `${…}` substitution in a value does not end.
    #[error("`{key}` ({origin}): more than 20 substitutions of `${{…}}` in one value")]
    Substitution {
        /// The key whose value was being expanded.
        key: String,
        /// Where the value comes from.
        origin: Origin,
    },
    /// A value has the wrong form.
    #[error("`{key}` = {value:?} ({origin}) is not {expected}")]
    Value {
        /// The key.
        key: String,
        /// The value, or `<redacted>` if the key looks secret.
        value: String,
        /// What would have been right, such as "a whole number".
        expected: String,
        /// Where the value comes from.
        origin: Origin,
    },
    /// A daemon's address is not configured. Hadoop's own default, 0.0.0.0, is never used.
    #[error("the address of the {service} is not configured: `{key}` is not set")]
    AddressUnset {
        /// The daemon, such as "ResourceManager".
        service: String,
        /// The key that should be set.
        key: String,
    },
    /// A daemon's address is configured, but no client can connect to it.
    #[error("`{key}` = {value:?} ({origin}) is not an address that clients can connect to: {reason}")]
    AddressUnusable {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// Where the value comes from.
        origin: Origin,
        /// What is wrong with it.
        reason: String,
    },
}

impl ConfError {
    /// What to do next, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NotFound { .. } => {
                "set `HADOOP_CONF_DIR` to the directory that contains `core-site.xml` and `yarn-site.xml`"
                    .to_owned()
            }
            Self::UnusableDirectory { .. } => {
                "copy `core-site.xml` and `yarn-site.xml` there from a node of the cluster".to_owned()
            }
            Self::AddressUnset { key, .. } => {
                format!(
                    "set `{key}` or `yarn.resourcemanager.hostname` in `yarn-site.xml`, and check \
                    that this is the cluster's own configuration"
                )
            }
            Self::AddressUnusable { .. } => {
                "set the host name of the daemon; 0.0.0.0 is an address to listen on, not to connect to"
                    .to_owned()
            }
            Self::Malformed { .. } => {
                "correct the file, or copy it again from a node of the cluster".to_owned()
            }
            Self::Read { .. } => "check the permissions of the file".to_owned(),
            Self::Substitution { key, .. } => {
                format!("correct the values that `{key}` refers to, which refer to each other")
            }
            Self::Value { key, .. } => format!("correct `{key}`"),
        };
        Some(text)
    }
}

fn list(places: &[String]) -> String {
    places.join(", ")
}

fn from(name: Option<&str>) -> String {
    name.map(|name| format!(" (from `{name}`)")).unwrap_or_default()
}
