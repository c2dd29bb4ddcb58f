//! Hadoop configuration: where it is found and what it says.
//!
//! Start with [`Configuration::load`]. It reads core-site.xml, hdfs-site.xml and yarn-site.xml by the rules of Hadoop's
//! own `org.apache.hadoop.conf.Configuration`: `<final>`, XInclude, `${…}`, deprecated names. Hadoop's *-default.xml
//! files are not read: [`keys`] contains the defaults that this crate needs.
//!
//! ```
//! use std::time::Duration;
//!
//! use yarn_client::conf::{Configuration, RmService, TimeUnit};
//!
//! // On a gateway: Configuration::load(&Environment::from_process(), None)
//! let mut conf = Configuration::default();
//! conf.set("yarn.resourcemanager.hostname", "rm.example.com");
//! conf.set("yarn.resourcemanager.address", "${yarn.resourcemanager.hostname}:8050");
//! conf.set("ipc.ping.interval", "30s");
//!
//! let [manager] = &conf.resource_managers(RmService::Client)?[..] else { panic!("no high availability here") };
//! assert_eq!(manager.to_string(), "rm.example.com:8050");
//! // A number without a unit would be milliseconds.
//! let interval = conf.duration("ipc.ping.interval", Duration::from_secs(60), TimeUnit::Millis)?;
//! assert_eq!(interval, Duration::from_secs(30));
//!
//! conf.set("ipc.ping.interval", "soon");
//! let error = conf.duration("ipc.ping.interval", Duration::ZERO, TimeUnit::Millis).unwrap_err();
//! assert!(error.to_string().contains("ipc.ping.interval"));
//! # Ok::<(), yarn_client::conf::ConfError>(())
//! ```
//!
//! # Caveats
//! - The process environment is an argument, an [`Environment`]: no function here reads variables itself.
//! - A missing hdfs-site.xml or yarn-site.xml is not an error; a missing address is, when it is requested.
//! - An unusable value is an error when it is used. [`Configuration::get`] does not fail: if `${…}` is circular it
//!   returns the text as written.
//! - `Debug` hides the values of keys that [look secret](looks_secret); [`Configuration::flat`] does not.
//!
//! # Errors
//! [`ConfError`] names the file and line, or the key and where its value was set.

mod discover;
mod endpoints;
mod environment;
mod error;
pub mod keys;
mod substitute;
#[cfg(test)]
mod tests;
mod values;
pub(crate) mod xml;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use discover::Named;
pub use endpoints::{Endpoint, RmService};
pub use environment::Environment;
pub use error::ConfError;

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// An XML file.
    File {
        /// The file; for XInclude, the included one.
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

/// The unit of a duration that is written without one; Hadoop defines it per key (`Configuration.getTimeDuration`).
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
    /// `explicit_dir` takes precedence; else `HADOOP_CONF_DIR` and `YARN_CONF_DIR` (yarn-site.xml from the latter
    /// first), else `$HADOOP_HOME/etc/hadoop`, else `$HADOOP_YARN_HOME/etc/hadoop`, else `/etc/hadoop/conf` as in
    /// Flink's scripts. `${env.X}` refers to the variables of `env`.
    ///
    /// # Errors
    /// [`ConfError`] if none is found, or a file cannot be read or is malformed.
    /// A missing hdfs-site.xml or yarn-site.xml alone is not an error.
    pub fn load(env: &Environment, explicit_dir: Option<&Path>) -> Result<Self, ConfError> {
        let explicit = explicit_dir.map(|dir| ("", dir));
        Self::load_named(env, Named { explicit, ..Named::default() })
    }

    /// The same, with directories that are not named by the environment.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_named(env: &Environment, named: Named<'_>) -> Result<Self, ConfError> {
        let found = discover::find(env, named, Path::new(discover::SYSTEM_DIRECTORY))?;
        let mut configuration =
            Self { environment: env.clone(), directories: found.directories, ..Self::default() };
        for file in &found.files {
            configuration.add(xml::read(file)?);
        }
        Ok(configuration)
    }

    /// A configuration from resolved pairs, such as [`Self::flat`] has produced on another host. `${…}` in them is not
    /// expanded again.
    pub fn from_flat(map: impl IntoIterator<Item = (String, String)>) -> Self {
        let properties = map
            .into_iter()
            .map(|(key, value)| (key, Property { value, origin: Origin::Flat, is_final: false }))
            .collect();
        Self { properties, ..Self::default() }
    }

    /// Adds the properties of one file: a later value replaces an earlier one unless the earlier one is final.
    fn add(&mut self, entries: Vec<xml::Entry>) {
        for entry in entries {
            let key = current_name(&entry.name);
            if let Some(earlier) = self.properties.get(key).filter(|earlier| earlier.is_final) {
                if earlier.value != entry.value {
                    tracing::warn!(
                        "{}:{}: ignoring `{key}`, which {} made final",
                        entry.path.display(),
                        entry.line,
                        earlier.origin
                    );
                }
                continue;
            }
            let origin = Origin::File { path: entry.path, line: entry.line };
            let property = Property { value: entry.value, origin, is_final: entry.is_final };
            self.properties.insert(key.to_owned(), property);
        }
    }

    fn property(&self, key: &str) -> Option<&Property> {
        self.properties.get(current_name(key))
    }

    fn expanded(&self, key: &str) -> Result<Option<String>, ConfError> {
        let Some(property) = self.property(key) else { return Ok(None) };
        if property.origin == Origin::Flat {
            return Ok(Some(property.value.clone()));
        }
        let lookup = |name: &str| self.property(name).map(|property| property.value.as_str());
        let value = substitute::expand(&property.value, &self.environment, &lookup)
            .map_err(|_| ConfError::Substitution { key: key.to_owned(), origin: property.origin.clone() })?;
        Ok(Some(value.trim().to_owned()))
    }

    /// The value of `key` with `${…}` expanded and surrounding space removed. `None` if it is not set anywhere:
    /// Hadoop's defaults are in [`keys`], not here. A value whose substitution does not end is returned as written: it
    /// is unusable for the code that needs it, and does not affect anything else.
    pub fn get(&self, key: &str) -> Option<String> {
        self.expanded(key).unwrap_or_else(|_| self.property(key).map(|property| property.value.clone()))
    }

    /// The value of `key`, or `default`.
    pub fn get_or(&self, key: &str, default: &str) -> String {
        self.get(key).unwrap_or_else(|| default.to_owned())
    }

    /// The value of `key`, unless it is empty.
    fn non_empty(&self, key: &str) -> Option<String> {
        self.get(key).filter(|value| !value.is_empty())
    }

    /// The same, for a value that is required.
    fn needed(&self, key: &str) -> Result<Option<String>, ConfError> {
        Ok(self.expanded(key)?.filter(|value| !value.is_empty()))
    }

    /// Whether the cluster requires more than a name: `hadoop.security.authentication`, in any case, is not `simple`.
    pub fn is_secure(&self) -> bool {
        self.non_empty(keys::SECURITY_AUTHENTICATION)
            .is_some_and(|value| !value.eq_ignore_ascii_case(keys::SECURITY_AUTHENTICATION_DEFAULT))
    }

    /// A whole number; `0x` hexadecimal is accepted, as in Hadoop. An empty value means the default.
    ///
    /// # Errors
    /// [`ConfError::Value`] if the value is not a whole number.
    pub fn integer(&self, key: &str, default: i64) -> Result<i64, ConfError> {
        let Some(value) = self.needed(key)? else { return Ok(default) };
        values::integer(&value).ok_or_else(|| self.wrong(key, value, "a whole number"))
    }

    /// `true` or `false` in any case; anything else yields `default`, as in Hadoop.
    pub fn boolean(&self, key: &str, default: bool) -> bool {
        match self.get(key) {
            Some(value) if value.eq_ignore_ascii_case("true") => true,
            Some(value) if value.eq_ignore_ascii_case("false") => false,
            _ => default,
        }
    }

    /// A duration with a unit (`ns us ms s m h d`), or a bare number in `bare_unit`. An empty value means the default.
    ///
    /// # Errors
    /// [`ConfError::Value`] if the value is neither, or negative.
    pub fn duration(&self, key: &str, default: Duration, bare_unit: TimeUnit) -> Result<Duration, ConfError> {
        let Some(value) = self.needed(key)? else { return Ok(default) };
        values::duration(&value, bare_unit)
            .ok_or_else(|| self.wrong(key, value, "a duration such as `500ms`, `30s` or `5m`"))
    }

    /// A size in bytes with a binary suffix (`k m g t p e`), such as `128m`, or a bare number of bytes. An empty value
    /// means the default.
    ///
    /// # Errors
    /// [`ConfError::Value`] if the value is neither, negative or too large.
    pub fn size(&self, key: &str, default: u64) -> Result<u64, ConfError> {
        let Some(value) = self.needed(key)? else { return Ok(default) };
        values::size(&value)
            .ok_or_else(|| self.wrong(key, value, "a size in bytes such as `134217728` or `128m`"))
    }

    /// A comma-separated list, with items trimmed and empty items dropped.
    pub fn list(&self, key: &str) -> Vec<String> {
        let value = self.get(key).unwrap_or_default();
        value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
    }

    /// Sets `key`. Overrides every file, even `<final>`, as Hadoop's programmatic `set` does.
    pub fn set(&mut self, key: impl Into<String>, value: impl Into<String>) {
        let key = key.into();
        let property = Property { value: value.into(), origin: Origin::Set, is_final: true };
        self.properties.insert(current_name(&key).to_owned(), property);
    }

    /// Where the value of `key` was set.
    pub fn origin(&self, key: &str) -> Origin {
        self.property(key).map_or(Origin::Default, |property| property.origin.clone())
    }

    /// Every key with its expanded value. Not redacted.
    pub fn flat(&self) -> BTreeMap<String, String> {
        self.properties.keys().filter_map(|key| Some((key.clone(), self.get(key)?))).collect()
    }

    /// Another file in the same directories, such as `ssl-client.xml`; `None` if there is none that can be read.
    pub fn beside(&self, name: &str) -> Option<Self> {
        let path = self.directories.iter().map(|dir| dir.join(name)).find(|path| path.is_file())?;
        let mut beside = Self { environment: self.environment.clone(), ..Self::default() };
        match xml::read(&path) {
            Ok(entries) => beside.add(entries),
            Err(error) => {
                tracing::warn!(%error, "ignoring it");
                return None;
            }
        }
        Some(beside)
    }

    /// The directories from which this configuration was read.
    pub fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// Home directory of the operating system's user, `${user.home}`; `None` after [`Self::from_flat`].
    pub fn user_home(&self) -> Option<&str> {
        self.environment.home()
    }

    fn wrong(&self, key: &str, value: String, expected: &str) -> ConfError {
        ConfError::Value {
            key: key.to_owned(),
            value: if looks_secret(key) { "<redacted>".to_owned() } else { value },
            expected: expected.to_owned(),
            origin: self.origin(key),
        }
    }
}

/// The current name of a deprecated key; any other key is returned unchanged.
fn current_name(key: &str) -> &str {
    keys::DEPRECATED.iter().find(|(old, _)| *old == key).map_or(key, |(_, new)| new)
}

/// Whether the value of `key` must never be shown: passwords, secrets, credentials, private keys. Covers more than
/// Hadoop's `hadoop.security.sensitive-config-keys`.
pub fn looks_secret(key: &str) -> bool {
    const PARTS: [&str; 10] = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "credential",
        "access.key",
        "account.key",
        "encryption.key",
        "private.key",
        "apikey",
    ];
    let key = key.to_ascii_lowercase().replace(['-', '_'], ".");
    PARTS.iter().any(|part| key.contains(part))
        || key.ends_with(".pass")
        || key.ends_with("keystore.pass")
        || key.ends_with(".token")
        || (key.contains("oauth") && key.contains("token"))
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
