//! Hadoop configuration: where it is found and what it says.
//!
//! Begin with [`Configuration::load`]. It reads core-site.xml, hdfs-site.xml and yarn-site.xml with the rules of
//! Hadoop's own `org.apache.hadoop.conf.Configuration`: `<final>`, XInclude, `${…}`, deprecated names.
//! Hadoop's *-default.xml files are not there: [`keys`] has the defaults of what we read.

mod discover;
mod endpoints;
mod environment;
mod error;
pub mod keys;
mod xml;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use endpoints::{Endpoint, RmService};
pub use environment::Environment;
pub use error::ConfError;

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// An XML file.
    File {
        /// The file, after XInclude the included one.
        path: PathBuf,
        /// Line of the `<property>`, from 1.
        line: u32,
    },
    /// [`Configuration::set`], such as from `flink.hadoop.*` or a flag.
    Set,
    /// [`Configuration::from_flat`].
    Flat,
    /// Nowhere: Hadoop's default.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Set => f.write_str("set by an option"),
            Self::Flat => f.write_str("from the launch specification"),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The unit of a duration that is written without one; Hadoop fixes it by key (`Configuration.getTimeDuration`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeUnit {
    /// 10⁻³ s.
    Millis,
    /// s.
    Seconds,
    /// 60 s.
    Minutes,
}

/// Hadoop's configuration: string keys and values, in layers.
///
/// `Debug` replaces the values of keys that look secret.
#[derive(Clone, Default)]
pub struct Configuration {
    properties: BTreeMap<String, Property>,
    environment: Environment,
    directories: Vec<PathBuf>,
}

#[derive(Clone, Debug)]
struct Property {
    value: String,
    origin: Origin,
    is_final: bool,
}

impl Configuration {
    /// Finds and reads the Hadoop configuration.
    ///
    /// `explicit_dir` (`--conf-dir`) wins; else `HADOOP_CONF_DIR` and `YARN_CONF_DIR`, else
    /// `$HADOOP_HOME/etc/hadoop`, else `$HADOOP_YARN_HOME/etc/hadoop`. Variables of `env` are what `${env.X}` sees.
    ///
    /// # Errors
    /// [`ConfError`] when none is found, a file cannot be read or is malformed, or a substitution does not end.
    /// A missing hdfs-site.xml or yarn-site.xml alone is not an error.
    pub fn load(env: &Environment, explicit_dir: Option<&Path>) -> Result<Self, ConfError> {
        let _ = (env, explicit_dir);
        todo!()
    }

    /// A configuration from resolved pairs, such as [`Self::flat`] made them on another host.
    pub fn from_flat(map: impl IntoIterator<Item = (String, String)>) -> Self {
        let _ = map.into_iter().count();
        todo!()
    }

    /// The value of `key` with `${…}` expanded and surrounding space removed. `None` when not set anywhere:
    /// Hadoop's defaults are in [`keys`], not here.
    pub fn get(&self, key: &str) -> Option<String> {
        let _ = key;
        todo!()
    }

    /// The value of `key`, or `default`.
    pub fn get_or(&self, key: &str, default: &str) -> String {
        self.get(key).unwrap_or_else(|| default.to_owned())
    }

    /// A whole number; `0x` hexadecimal is understood, as Hadoop does.
    ///
    /// # Errors
    /// [`ConfError::Value`] when the value is not a whole number.
    pub fn integer(&self, key: &str, default: i64) -> Result<i64, ConfError> {
        let _ = (key, default);
        todo!()
    }

    /// `true` or `false` in any case; anything else is `default`, as in Hadoop.
    pub fn boolean(&self, key: &str, default: bool) -> bool {
        let _ = (key, default);
        todo!()
    }

    /// A duration with a unit (`ns us ms s m h d`), or a bare number in `bare_unit`.
    ///
    /// # Errors
    /// [`ConfError::Value`] when the value is neither, or negative.
    pub fn duration(&self, key: &str, default: Duration, bare_unit: TimeUnit) -> Result<Duration, ConfError> {
        let _ = (key, default, bare_unit);
        todo!()
    }

    /// A size in bytes with a binary suffix (`k m g t p e`), such as `128m`, or a bare number of bytes.
    ///
    /// # Errors
    /// [`ConfError::Value`] when the value is neither, negative or too large.
    pub fn size(&self, key: &str, default: u64) -> Result<u64, ConfError> {
        let _ = (key, default);
        todo!()
    }

    /// A comma-separated list, items trimmed, empty items dropped.
    pub fn list(&self, key: &str) -> Vec<String> {
        let _ = key;
        todo!()
    }

    /// Sets `key`. Wins over every file, over `<final>` too, as Hadoop's programmatic `set` does.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let _ = (key.into(), value.into());
        todo!()
    }

    /// Where the value of `key` was set.
    pub fn origin(&self, key: &str) -> Origin {
        let _ = key;
        todo!()
    }

    /// Every key with its expanded value. Not redacted.
    pub fn flat(&self) -> BTreeMap<String, String> {
        todo!()
    }

    /// The directories this configuration was read from.
    pub fn directories(&self) -> &[PathBuf] {
        &self.directories
    }
}

/// Whether the value of `key` should never be shown: passwords, secrets, credentials, private keys.
pub fn looks_secret(key: &str) -> bool {
    let _ = key;
    todo!()
}

impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(
                self.properties
                    .iter()
                    .map(|(k, p)| (k, if looks_secret(k) { "<redacted>" } else { p.value.as_str() })),
            )
            .finish()
    }
}
