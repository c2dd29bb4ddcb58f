//! Flink's configuration as a flat, ordered map of text values.

pub(crate) mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::options::{self, Opt};
use super::{Lookup, MemorySize, Version, duration};

/// Flink's configuration: flat dotted keys and text values; lists are kept in Flink's own text form (`[a, b]` from
/// YAML, `a;b` from the legacy file). `Debug` hides values of keys that look secret.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct FlinkConfig {
    values: BTreeMap<String, String>,
}

/// Something the user should know, although nothing failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The configuration key it is about.
    pub key: String,
    /// What is lost or ignored, in one sentence.
    pub text: String,
}

/// Configuration that cannot be read, parsed or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file exists but cannot be read.
    #[error("cannot read the Flink configuration {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A directory that was named explicitly contains no configuration.
    #[error("{named_by} = {}: {reason}", path.display())]
    Directory {
        /// The variable.
        named_by: &'static str,
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is not valid.
    #[error("{}: {reason}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        reason: String,
    },
    /// A `-D` is not of the form `key=value`.
    #[error("`-D {given}` is not of the form `key=value`")]
    Dynamic {
        /// What followed `-D`.
        given: String,
    },
    /// A value has the wrong type.
    #[error("`{key}`: `{value}` is not {expected}")]
    Value {
        /// The key.
        key: String,
        /// Its value, or `******` for a secret one.
        value: String,
        /// What it should be.
        expected: String,
    },
    /// An unknown key that resembles a known one.
    #[error("`{key}` is not a Flink option")]
    Misspelt {
        /// The key.
        key: String,
        /// The known key.
        meant: String,
    },
    /// A key that this version does not handle.
    #[error("`{key}` is not supported: {message}")]
    Unsupported {
        /// The key.
        key: String,
        /// Why, and when it will be supported.
        message: String,
    },
    /// The legacy file format cannot represent the value (`#`, line breaks, surrounding spaces, empty).
    #[error("the value of `{key}` cannot be written to `flink-conf.yaml`: {reason}")]
    NotRepresentable {
        /// The key.
        key: String,
        /// What prevents it.
        reason: &'static str,
    },
}

/// The container that an environment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The application master with its JobManager.
    Master,
    /// A TaskManager.
    TaskManager,
}

impl ConfigError {
    /// What to do about it, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => {
                Some("check the permissions of the file, or set `FLINK_CONF_DIR`".to_owned())
            }
            Self::Directory { named_by, .. } => {
                Some(format!("correct `{named_by}`, or unset it to use `conf/` of the distribution"))
            }
            Self::Dynamic { .. } => Some("write it like `-D taskmanager.numberOfTaskSlots=2`".to_owned()),
            Self::NotRepresentable { .. } => Some("Flink before 1.19 cannot read such a value".to_owned()),
            Self::Value { key, .. } => {
                Some(format!("correct it in Flink's configuration, or override it with `-D {key}=...`"))
            }
            Self::Misspelt { meant, .. } => Some(format!(
                "did you mean `{meant}`? An option that this Flink does have can still be set in its \
                 configuration file"
            )),
            Self::Unsupported { .. } => {
                Some("remove it from Flink's configuration and from the `-D` options".to_owned())
            }
            Self::Syntax { .. } => {
                Some("correct the file, or set `FLINK_CONF_DIR` to another directory".to_owned())
            }
        }
    }
}

/// The variable with the directory of Flink's configuration.
const CONF_DIR: &str = "FLINK_CONF_DIR";

/// The directory of Flink's configuration: `explicit`, else `FLINK_CONF_DIR`, else `<flink home>/conf` if that exists.
/// `flink_home` is the distribution in use.
///
/// # Errors
/// `FLINK_CONF_DIR` does not name a directory: silently ignored settings would be hard to notice.
pub fn conf_dir(
    explicit: Option<&Path>,
    env: Lookup<'_>,
    flink_home: Option<&Path>,
) -> Result<Option<PathBuf>, ConfigError> {
    if let Some(dir) = explicit {
        return Ok(Some(dir.to_owned()));
    }
    if let Some(path) = env(CONF_DIR).filter(|dir| !dir.is_empty()).map(PathBuf::from) {
        if !path.is_dir() {
            let reason = if path.exists() { "it is not a directory" } else { "it does not exist" }.to_owned();
            return Err(ConfigError::Directory { named_by: CONF_DIR, path, reason });
        }
        return Ok(Some(path));
    }
    Ok(flink_home.map(|home| home.join("conf")).filter(|dir| dir.is_dir()))
}

/// Parts of keys whose values are not shown: `GlobalConfiguration.SENSITIVE_KEYS` of all versions.
const SENSITIVE: [&str; 11] = [
    "password",
    "secret",
    "fs.azure.account.key",
    "apikey",
    "api-key",
    "auth-params",
    "service-key",
    "token",
    "basic-auth",
    "jaas.config",
    "http-headers",
];

const HIDDEN: &str = "******";

/// Whether a value must not be shown, by Flink's rule (`GlobalConfiguration.SENSITIVE_KEYS`) plus access keys.
pub fn is_sensitive(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SENSITIVE.iter().any(|part| key.contains(part))
        || key.ends_with("access-key")
        || key.ends_with("access.key")
}

impl FlinkConfig {
    /// No settings at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the configuration file that `version` would read from `dir`; without a file the configuration is empty.
    /// `flink-conf.yaml` takes precedence over `config.yaml` in versions that read both.
    ///
    /// # Errors
    /// A file that exists but cannot be read or parsed.
    pub fn load(dir: &Path, version: &Version) -> Result<Self, ConfigError> {
        let features = version.features();
        if features.legacy_yaml {
            let path = dir.join("flink-conf.yaml");
            if let Some(text) = read(&path)? {
                return Ok(Self { values: text::parse_legacy(&text) });
            }
        }
        if features.standard_yaml {
            let path = dir.join("config.yaml");
            if let Some(text) = read(&path)? {
                let values =
                    text::parse_yaml(&text).map_err(|reason| ConfigError::Syntax { path, reason })?;
                return Ok(Self { values });
            }
        }
        // Otherwise an upgrade to another version would silently lose all settings.
        for (other, read) in [
            ("flink-conf.yaml", "`config.yaml`; convert it with `bin/migrate-config-file.sh`"),
            ("config.yaml", "flink-conf.yaml"),
        ] {
            let path = dir.join(other);
            if path.is_file() {
                return Err(ConfigError::Syntax { path, reason: format!("Flink {version} reads {read}") });
            }
        }
        Ok(Self::default())
    }

    /// Creates a configuration from a flat map, such as that of a launch specification.
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

    /// Applies `key=value` as given after `-D`; a value may contain further `=`.
    ///
    /// # Errors
    /// No `=` or an empty key.
    pub fn apply_dynamic(&mut self, given: &str) -> Result<(), ConfigError> {
        match given.split_once('=') {
            Some((key, value)) if !key.trim().is_empty() && !key.trim().contains(char::is_whitespace) => {
                self.set(key.trim(), value);
                Ok(())
            }
            Some((key, _)) => Err(ConfigError::Dynamic { given: format!("{key}=…") }),
            None => Err(ConfigError::Dynamic { given: given.to_owned() }),
        }
    }

    /// All settings, with values of sensitive keys replaced by `******`.
    pub fn redacted(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(k, v)| (k.as_str(), if is_sensitive(k) { HIDDEN } else { v.as_str() }))
    }

    /// Settings below a prefix, with the prefix removed (`containerized.master.env.` → variable, value).
    pub fn prefixed<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.values.iter().filter_map(move |(k, v)| {
            k.strip_prefix(prefix).filter(|rest| !rest.is_empty()).map(|rest| (rest, v.as_str()))
        })
    }

    /// The environment that the user wants in a container, from both forms of the prefix; the current one takes precedence.
    pub fn container_env(&self, role: Role) -> BTreeMap<String, String> {
        let prefixes = match role {
            Role::Master => &options::MASTER_ENV_PREFIXES,
            Role::TaskManager => &options::TASKMANAGER_ENV_PREFIXES,
        };
        let settings = prefixes.iter().flat_map(|prefix| self.prefixed(prefix));
        settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    /// Settings for Hadoop's configuration: `flink.hadoop.<k>` as `<k>`, `flink.yarn.<k>` as `yarn.<k>`.
    pub fn hadoop_overrides(&self) -> BTreeMap<String, String> {
        let hadoop = self.prefixed(options::HADOOP_PREFIX).map(|(k, v)| (k.to_owned(), v.to_owned()));
        let yarn = self.prefixed(options::YARN_PREFIX).map(|(k, v)| (format!("yarn.{k}"), v.to_owned()));
        hadoop.chain(yarn).collect()
    }

    /// The value of an option under its key or one of its deprecated keys; no default.
    pub fn explicit(&self, option: &Opt) -> Option<&str> {
        self.entry(option).map(|(_, value)| value)
    }

    /// As [`Self::explicit`], else the option's default.
    pub fn value<'a>(&'a self, option: &'a Opt) -> Option<&'a str> {
        self.explicit(option).or(option.default)
    }

    fn entry<'a>(&'a self, option: &Opt) -> Option<(&'a str, &'a str)> {
        let find = |key: &str| self.values.get_key_value(key).map(|(k, v)| (k.as_str(), v.as_str()));
        find(option.key).or_else(|| option.deprecated.iter().find_map(|key| find(key)))
    }

    fn parsed<T>(
        &self,
        option: &Opt,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let default = option.default.map(|default| (option.key, default));
        let Some((key, value)) = self.entry(option).or(default) else { return Ok(None) };
        parse(value.trim()).map(Some).ok_or_else(|| ConfigError::Value {
            key: key.to_owned(),
            value: if is_sensitive(key) { HIDDEN.to_owned() } else { value.to_owned() },
            expected: expected.to_owned(),
        })
    }

    /// A memory size.
    ///
    /// # Errors
    /// The value is not a size.
    pub fn memory_size(&self, option: &Opt) -> Result<Option<MemorySize>, ConfigError> {
        self.parsed(option, "a memory size such as `1600m`", |text| MemorySize::parse(text).ok())
    }

    /// A duration.
    ///
    /// # Errors
    /// The value is not a duration.
    pub fn duration(&self, option: &Opt) -> Result<Option<Duration>, ConfigError> {
        self.parsed(option, "a duration such as `10 s`", |text| duration::parse(text).ok())
    }

    /// A whole number.
    ///
    /// # Errors
    /// The value is not a whole number.
    pub fn integer(&self, option: &Opt) -> Result<Option<i64>, ConfigError> {
        self.parsed(option, "a whole number", |text| text.parse().ok())
    }

    /// A single-precision number, as Flink reads fractions.
    ///
    /// # Errors
    /// A value that is not a number.
    pub fn float(&self, option: &Opt) -> Result<Option<f32>, ConfigError> {
        self.parsed(option, "a number", |text| text.parse().ok())
    }

    /// A double-precision number.
    ///
    /// # Errors
    /// A value that is not a number.
    pub fn double(&self, option: &Opt) -> Result<Option<f64>, ConfigError> {
        self.parsed(option, "a number", |text| text.parse().ok())
    }

    /// A truth value; only `true` and `false` in any case, as in Flink.
    ///
    /// # Errors
    /// Any other value.
    pub fn boolean(&self, option: &Opt) -> Result<Option<bool>, ConfigError> {
        self.parsed(option, "`true` or `false`", |text| {
            let is = |word: &str| text.eq_ignore_ascii_case(word);
            if is("true") { Some(true) } else { is("false").then_some(false) }
        })
    }

    /// A list: YAML flow text or `;`-separated with `'` and `"` quoting. Unset and empty both yield an empty list.
    pub fn list(&self, option: &Opt) -> Vec<String> {
        self.value(option).map(text::parse_list).unwrap_or_default()
    }

    /// The text of a list option, in the form that every version of Flink reads.
    pub fn list_text(items: impl IntoIterator<Item = String>) -> String {
        text::write_list(items)
    }

    /// The text of `config.yaml`: one line per setting, with flat quoted keys and every value a quoted string.
    pub fn to_yaml(&self) -> String {
        text::write_yaml(&self.values)
    }

    /// The text of `flink-conf.yaml`.
    ///
    /// # Errors
    /// A value that the format cannot represent.
    pub fn to_legacy(&self) -> Result<String, ConfigError> {
        let mut text = String::new();
        for (key, value) in &self.values {
            if let Some(reason) = text::legacy_obstacle(key, value) {
                return Err(ConfigError::NotRepresentable { key: key.clone(), reason });
            }
            // Flink skips lines without a value, so an unset and an empty value are the same.
            if !value.is_empty() {
                text.push_str(&format!("{key}: {value}\n"));
            }
        }
        Ok(text)
    }

    /// Name and text of the configuration file that `version` reads in a container.
    ///
    /// # Errors
    /// As [`Self::to_legacy`], for versions before 1.19.
    pub fn file(&self, version: &Version) -> Result<(&'static str, String), ConfigError> {
        let features = version.features();
        let text = if features.standard_yaml { self.to_yaml() } else { self.to_legacy()? };
        Ok((features.config_file, text))
    }
}

fn read(path: &Path) -> Result<Option<String>, ConfigError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ConfigError::Read { path: path.to_owned(), source }),
    }
}

impl fmt::Debug for FlinkConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.redacted()).finish()
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.key, self.text)
    }
}
