//! TLS between Flink's processes with keys that are made for one application, and what a user's own settings leave of it.
//!
//! Without it everyone who can reach a port of Flink's RPC can run code as the application's owner, and on the
//! JobManager's node everyone can do so through its REST server, by uploading a jar.

pub mod rest;
pub mod store;

use super::keys::known;
use super::options::{self as o, Opt};
use super::{ConfigError, FlinkConfig, Version, Warning};
use store::{Store, StoreError};

/// Directory of the stores in a container. Flink resolves relative paths against the working directory.
pub const DIRECTORY: &str = "tls";
/// The key store for RPC, data and blob connections, for every container.
pub const INTERNAL_STORE: &str = "tls/internal.p12";
/// The key store of the REST server, for the JobManager's container.
pub const REST_STORE: &str = "tls/rest.p12";

/// Flink 1's switch for both halves.
const ALL: Opt = Opt::new("security.ssl.enabled");
const PROTOCOL: Opt = Opt::with("security.ssl.protocol", "TLSv1.2");
const INTERNAL: &str = "security.ssl.internal.";
const REST: &str = "security.ssl.rest.";
/// Keys below [`INTERNAL`] that say nothing about whose keys are used.
const TUNING: [&str; 4] =
    ["session-cache-size", "session-timeout", "handshake-timeout", "close-notify-flush-timeout"];

/// Cipher suites that both JVMs and the application master support, for keys of our own kind.
const ECDSA: [&str; 3] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
];
/// The same for the users' RSA keys.
const RSA: [&str; 3] = [
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];
/// Suites of TLS 1.3, which go with any key.
const ANY: [&str; 3] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/// The halves that get keys of the application's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    /// RPC, data and blob connections.
    pub internal: bool,
    /// The REST server.
    pub rest: bool,
}

/// Flink's settings and files for the halves that are ours.
#[derive(Debug, Default)]
pub struct Keys {
    /// Settings, with the stores' passwords.
    pub settings: Vec<(&'static str, String)>,
    /// The store for [`INTERNAL_STORE`].
    pub internal: Option<Store>,
    /// The store for [`REST_STORE`].
    pub rest: Option<Store>,
}

impl Own {
    /// What a configuration leaves to us. `open_rest`: the REST server is for everyone who can reach it.
    ///
    /// # Errors
    /// A switch that is neither `true` nor `false`; a protocol or a list of cipher suites of the user's without any that
    /// our keys, or the application master as the REST server's client, could use.
    pub fn of(config: &FlinkConfig, version: &Version, open_rest: bool) -> Result<Self, ConfigError> {
        let on = config.boolean(&o::INTERNAL_TLS)? != Some(false) && !has_common_switch(config, version);
        let set = |prefix: &'static str| config.prefixed(prefix).any(|(key, _)| !TUNING.contains(&key));
        let own = Self { internal: on && !set(INTERNAL), rest: on && !open_rest && !set(REST) };
        if own.internal || own.rest {
            let why = format!("which the keys of `{}` need", o::INTERNAL_TLS.key);
            check_suites(config, &[ECDSA], &why)?;
        }
        if !own.rest && rest_is_secured(config, version)? {
            check_suites(config, &[ECDSA, RSA], "which the application master supports")?;
        }
        Ok(own)
    }

    /// The suites to set; `None` if the user has chosen, or nothing depends on it.
    fn algorithms(self, config: &FlinkConfig, version: &Version) -> Result<Option<String>, ConfigError> {
        let needed = self.internal || self.rest || rest_is_secured(config, version)?;
        if !needed || config.explicit(&o::SSL_ALGORITHMS).is_some() {
            return Ok(None);
        }
        // Java refuses suites that it does not know, as old versions of Java 8 do those of TLS 1.3 and ChaCha20.
        let suites = match speaks(config) {
            (_, true) => vec![ANY[0], ANY[1]],
            (_, false) => vec![ECDSA[0], RSA[0], RSA[1]],
        };
        Ok(Some(suites.join(",")))
    }

    /// Makes the keys. `passwords` are those of the two stores; they have to be as hard to guess as a key.
    ///
    /// # Errors
    /// [`StoreError`]; in practice, a lack of randomness.
    pub fn make(self, application: &str, passwords: [String; 2]) -> Result<Keys, StoreError> {
        let [internal, rest] = passwords;
        let mut keys = Keys::default();
        let on = |option: Opt| (option.key, "true".to_owned());
        if self.internal {
            keys.settings.push(on(o::SSL_INTERNAL));
            keys.settings.extend(INTERNAL_OPTIONS.settings(INTERNAL_STORE, &internal));
            keys.internal = Some(Store::make(&format!("{application} internal"), &internal)?);
        }
        if self.rest {
            keys.settings.extend([on(o::SSL_REST), on(o::SSL_REST_AUTHENTICATION)]);
            keys.settings.extend(REST_OPTIONS.settings(REST_STORE, &rest));
            keys.rest = Some(Store::make(&format!("{application} rest"), &rest)?);
        }
        Ok(keys)
    }
}

/// Sets what the application master needs in order to speak to a REST server that the user secures, and what our keys
/// need; returns a warning for each half that the user has begun to secure, but not turned on.
///
/// # Errors
/// As [`Own::of`].
pub fn apply(
    config: &mut FlinkConfig,
    version: &Version,
    open_rest: bool,
) -> Result<Vec<Warning>, ConfigError> {
    let own = Own::of(config, version, open_rest)?;
    if let Some(suites) = own.algorithms(config, version)? {
        config.set(o::SSL_ALGORITHMS.key, suites);
    }
    let begun = |prefix: &'static str, switch: Opt| {
        let stores = config.prefixed(prefix).any(|(key, _)| key.ends_with("store"));
        let warning = Warning {
            key: switch.key.to_owned(),
            text:
                "not set, so that the key stores next to it are not used, nor keys of the application's own"
                    .to_owned(),
        };
        (stores && config.explicit(&switch).is_none() && !has_common_switch(config, version))
            .then_some(warning)
    };
    Ok(begun(INTERNAL, o::SSL_INTERNAL).into_iter().chain(begun(REST, o::SSL_REST)).collect())
}

/// Whether Flink's REST server is secured by the user's settings, or by ours if they are there already.
///
/// # Errors
/// A switch that is neither `true` nor `false`.
pub fn rest_is_secured(config: &FlinkConfig, version: &Version) -> Result<bool, ConfigError> {
    match config.boolean(&Opt { default: None, ..o::SSL_REST })? {
        Some(on) => Ok(on),
        None if has_common_switch(config, version) => Ok(config.boolean(&ALL)?.unwrap_or(false)),
        None => Ok(false),
    }
}

/// Whether the user has set [`ALL`] in a version that reads it.
fn has_common_switch(config: &FlinkConfig, version: &Version) -> bool {
    let unread = || known().any(|known| known.key == ALL.key && known.is_missing_in(version));
    config.explicit(&ALL).is_some() && !unread()
}

/// Whether the configured protocols include TLS 1.2, and 1.3.
fn speaks(config: &FlinkConfig) -> (bool, bool) {
    let protocols = config.value(&PROTOCOL).unwrap_or_default();
    let names = |name: &str| protocols.split(',').any(|protocol| protocol.trim().eq_ignore_ascii_case(name));
    (names("TLSv1.2"), names("TLSv1.3"))
}

fn check_suites(config: &FlinkConfig, older: &[[&str; 3]], why: &str) -> Result<(), ConfigError> {
    let wrong = |option: &Opt, expected: String| {
        let value = config.explicit(option).unwrap_or_default().to_owned();
        Err(ConfigError::Value { key: option.key.to_owned(), value, expected })
    };
    let (two, three) = speaks(config);
    if !two && !three {
        return wrong(&PROTOCOL, "TLSv1.2 or TLSv1.3".to_owned());
    }
    let Some(chosen) = config.explicit(&o::SSL_ALGORITHMS) else { return Ok(()) };
    let usable: Vec<&str> =
        older.iter().flatten().filter(|_| two).chain(ANY.iter().filter(|_| three)).copied().collect();
    if chosen.split(',').any(|suite| usable.contains(&suite.trim())) {
        return Ok(());
    }
    wrong(&o::SSL_ALGORITHMS, format!("a list with one of {}, {why}", usable.join(", ")))
}

/// The options of one half.
struct Options {
    stores: [Opt; 2],
    passwords: [Opt; 3],
    types: [Opt; 2],
}

const INTERNAL_OPTIONS: Options = Options {
    stores: [o::SSL_INTERNAL_KEYSTORE, o::SSL_INTERNAL_TRUSTSTORE],
    passwords: [
        o::SSL_INTERNAL_KEYSTORE_PASSWORD,
        o::SSL_INTERNAL_KEY_PASSWORD,
        o::SSL_INTERNAL_TRUSTSTORE_PASSWORD,
    ],
    types: [o::SSL_INTERNAL_KEYSTORE_TYPE, o::SSL_INTERNAL_TRUSTSTORE_TYPE],
};
const REST_OPTIONS: Options = Options {
    stores: [o::SSL_REST_KEYSTORE, o::SSL_REST_TRUSTSTORE],
    passwords: [o::SSL_REST_KEYSTORE_PASSWORD, o::SSL_REST_KEY_PASSWORD, o::SSL_REST_TRUSTSTORE_PASSWORD],
    types: [o::SSL_REST_KEYSTORE_TYPE, o::SSL_REST_TRUSTSTORE_TYPE],
};

impl Options {
    /// The key store is the truststore as well: Java trusts the certificates of the keys in it
    /// (`sun.security.validator.TrustStoreUtil`), and there is only one certificate.
    fn settings(&self, path: &str, password: &str) -> impl Iterator<Item = (&'static str, String)> {
        let all = |options: &[Opt], value: &str| {
            let value = value.to_owned();
            options.iter().map(|option| (option.key, value.clone())).collect::<Vec<_>>()
        };
        // Versions that do not read the type use the JVM's default, which reads PKCS#12 in every version.
        [all(&self.stores, path), all(&self.passwords, password), all(&self.types, "PKCS12")]
            .into_iter()
            .flatten()
    }
}

#[cfg(test)]
mod tests;
