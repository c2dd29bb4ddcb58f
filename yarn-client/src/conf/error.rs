//! What can be wrong with a Hadoop configuration.

use std::io;
use std::path::PathBuf;

use super::Origin;

/// A Hadoop configuration that cannot be found, read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfError {
    /// No configuration directory was named and none of the places people use has one.
    #[error("no Hadoop configuration found (looked at {})", list(.looked_at))]
    NotFound {
        /// What was tried, in order: variables and directories.
        looked_at: Vec<String>,
    },
    /// A named directory does not exist or holds none of core-site.xml, hdfs-site.xml and yarn-site.xml.
    #[error("{} (from {named_by}) holds no Hadoop configuration: {reason}", .path.display())]
    UnusableDirectory {
        /// The directory.
        path: PathBuf,
        /// The flag or variable that named it.
        named_by: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file exists and cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The operating system's answer.
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
        /// What is wrong there.
        reason: String,
    },
    /// `${…}` substitution of a value does not end.
    #[error("{key} ({origin}): more than 20 substitutions of ${{…}} in one value")]
    Substitution {
        /// The key whose value was being expanded.
        key: String,
        /// Where the value is from.
        origin: Origin,
    },
    /// A value has the wrong form.
    #[error("{key} = {value:?} ({origin}) is not {expected}")]
    Value {
        /// The key.
        key: String,
        /// The value, or `<redacted>` when the key looks secret.
        value: String,
        /// What would have been right, such as "a whole number".
        expected: String,
        /// Where the value is from.
        origin: Origin,
    },
    /// A daemon's address is not configured. Hadoop's own default, 0.0.0.0, is never used.
    #[error("the address of the {service} is not configured: {key} is not set")]
    AddressUnset {
        /// The daemon, such as "ResourceManager".
        service: String,
        /// The key that should say it.
        key: String,
    },
    /// A daemon's address is configured, but no client can connect to it.
    #[error("{key} = {value:?} ({origin}) is no address a client can connect to: {reason}")]
    AddressUnusable {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// Where the value is from.
        origin: Origin,
        /// What is wrong with it.
        reason: String,
    },
}

impl ConfError {
    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::NotFound { .. } => {
                "set HADOOP_CONF_DIR (or --conf-dir) to the directory that holds core-site.xml and yarn-site.xml"
                    .to_owned()
            }
            Self::UnusableDirectory { .. } => {
                "it should hold core-site.xml and yarn-site.xml; copy them from a node of the cluster".to_owned()
            }
            Self::AddressUnset { key, .. } => {
                format!("set {key}, or yarn.resourcemanager.hostname, in yarn-site.xml; is this the cluster's own configuration?")
            }
            Self::AddressUnusable { .. } => {
                "give the host name of the daemon; 0.0.0.0 is an address to listen on, not to connect to".to_owned()
            }
            Self::Malformed { .. } => "correct the file, or copy it again from a node of the cluster".to_owned(),
            Self::Read { .. } => "check the permissions of the file".to_owned(),
            Self::Substitution { key, .. } => {
                format!("two values refer to each other: correct what {key} stands on")
            }
            Self::Value { key, .. } => format!("correct {key}"),
        };
        Some(text)
    }
}

fn list(places: &[String]) -> String {
    places.join(", ")
}
