//! Flink's configuration as a flat, ordered map of text values.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::options::Opt;
use super::{Lookup, MemorySize, Version};

/// Flink's configuration: flat dotted keys and text values; lists are kept as Flink's own text for them
/// (`[a, b]` from YAML, `a;b` from the legacy file). `Debug` hides values of keys that look secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FlinkConfig {
    values: BTreeMap<String, String>,
}

/// Something the user should know, though nothing failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The configuration key it is about.
    pub key: String,
    /// What is lost or ignored, in one sentence.
    pub text: String,
}

/// Configuration that cannot be read, understood or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file exists but cannot be read.
    #[error("cannot read the Flink configuration {}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not valid.
    #[error("{}: {reason}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// What is wrong and where.
        reason: String,
    },
    /// `-D` without `key=value`.
    #[error("`-D {given}` is not of the form key=value")]
    Dynamic {
        /// What followed `-D`.
        given: String,
    },
    /// A value of the wrong kind.
    #[error("{key}: `{value}` is not {expected}")]
    Value {
        /// The key.
        key: String,
        /// Its value, or `******` for a secret one.
        value: String,
        /// What it should be.
        expected: String,
    },
    /// A key that this version does not handle.
    #[error("{key} is not supported: {message}")]
    Unsupported {
        /// The key.
        key: String,
        /// Why, and when it will be.
        message: String,
    },
    /// The legacy file format cannot hold the value (`#`, line breaks, outer blanks, empty).
    #[error("the value of {key} cannot be written to flink-conf.yaml: {reason}")]
    NotRepresentable {
        /// The key.
        key: String,
        /// What stands in the way.
        reason: &'static str,
    },
}

impl ConfigError {
    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        todo!()
    }
}

/// The directory of Flink's configuration: `explicit`, else `FLINK_CONF_DIR`, else `<flink home>/conf` when that
/// exists. `flink_home` is the distribution in use.
pub fn conf_dir(explicit: Option<&Path>, env: Lookup<'_>, flink_home: Option<&Path>) -> Option<PathBuf> {
    let _ = (explicit, env, flink_home);
    todo!()
}

/// Whether a value must not be shown, by Flink's rule (`GlobalConfiguration.SENSITIVE_KEYS`).
pub fn is_sensitive(key: &str) -> bool {
    let _ = key;
    todo!()
}

impl FlinkConfig {
    /// No settings at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the configuration file that `version` would read from `dir`; no file is an empty configuration.
    ///
    /// # Errors
    /// A file that exists but cannot be read or parsed.
    pub fn load(dir: &Path, version: &Version) -> Result<Self, ConfigError> {
        let _ = (dir, version);
        todo!()
    }

    /// Takes a flat map, such as the one of a launch specification.
    pub fn from_flat(values: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { values: values.into_iter().collect() }
    }

    /// All settings.
    pub fn flat(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// The value of exactly this key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// Whether exactly this key is set.
    pub fn contains(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    /// Sets a value.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.values.insert(key.into(), value.into());
    }

    /// Removes a key, returning its value.
    pub fn remove(&mut self, key: &str) -> Option<String> {
        self.values.remove(key)
    }

    /// Applies `key=value` as given after `-D`; a value may hold further `=`.
    ///
    /// # Errors
    /// No `=` or an empty key.
    pub fn apply_dynamic(&mut self, given: &str) -> Result<(), ConfigError> {
        let _ = given;
        todo!()
    }

    /// All settings, values of sensitive keys replaced by `******`.
    pub fn redacted(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(k, v)| (k.as_str(), if is_sensitive(k) { "******" } else { v.as_str() }))
    }

    /// Settings below a prefix, with the prefix cut off (`containerized.master.env.` → variable, value).
    pub fn prefixed<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.values.iter().filter_map(move |(k, v)| {
            k.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(|rest| (rest, v.as_str()))
        })
    }

    /// The value of an option under its key or one of its deprecated keys; no default.
    pub fn explicit(&self, option: &Opt) -> Option<&str> {
        let _ = option;
        todo!()
    }

    /// As [`Self::explicit`], else the option's default.
    pub fn value<'a>(&'a self, option: &'a Opt) -> Option<&'a str> {
        let _ = option;
        todo!()
    }

    /// A memory size.
    ///
    /// # Errors
    /// A value that is no size.
    pub fn memory_size(&self, option: &Opt) -> Result<Option<MemorySize>, ConfigError> {
        let _ = option;
        todo!()
    }

    /// A duration.
    ///
    /// # Errors
    /// A value that is no duration.
    pub fn duration(&self, option: &Opt) -> Result<Option<Duration>, ConfigError> {
        let _ = option;
        todo!()
    }

    /// A whole number.
    ///
    /// # Errors
    /// A value that is no whole number.
    pub fn integer(&self, option: &Opt) -> Result<Option<i64>, ConfigError> {
        let _ = option;
        todo!()
    }

    /// A truth value; only `true` and `false` in any case, as in Flink.
    ///
    /// # Errors
    /// Any other value.
    pub fn boolean(&self, option: &Opt) -> Result<Option<bool>, ConfigError> {
        let _ = option;
        todo!()
    }

    /// A list: YAML flow text or `;`-separated with `'` and `"` quoting. Unset and empty are both an empty list.
    pub fn list(&self, option: &Opt) -> Vec<String> {
        let _ = option;
        todo!()
    }

    /// The text of `config.yaml`: one line per setting, flat quoted keys, every value a quoted string.
    pub fn to_yaml(&self) -> String {
        todo!()
    }

    /// The text of `flink-conf.yaml`.
    ///
    /// # Errors
    /// A value the format cannot hold.
    pub fn to_legacy(&self) -> Result<String, ConfigError> {
        todo!()
    }

    /// Name and text of the configuration file that `version` reads in a container.
    ///
    /// # Errors
    /// As [`Self::to_legacy`], for versions before 1.19.
    pub fn file(&self, version: &Version) -> Result<(&'static str, String), ConfigError> {
        let _ = version;
        todo!()
    }
}

impl fmt::Debug for FlinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.redacted()).finish()
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.text)
    }
}
