//! What the containers of an application log in with, and which file systems they need tokens for.

use std::path::Path;

use bytes::Bytes;
use proto::launch::{File, Kerberos};

use super::error::PreflightError;
use super::plan::Plan;
use crate::cluster::Gateway;
use crate::cluster::state_paths::{RECORDS, STATE};
use crate::flink::options;
use crate::flink::{FlinkConfig, Warning};
use crate::hdfs::stage::Source;
use crate::security::LoginSettings;

/// The login of containers.
#[derive(Debug, Clone)]
pub(super) struct ContainerLogin {
    pub(super) kerberos: Kerberos,
    /// The keytab, unless the nodes have it already.
    pub(super) shipped: Option<File>,
}

impl Plan {
    /// Gives the containers the keytab that this host's login is configured with (`security.kerberos.login.keytab`), as Flink's
    /// client does: with it they can log in for as long as the key is valid, while tokens end. Without one, nothing changes.
    ///
    /// A keytab stays here if the application acts for another user, whose program could use it otherwise.
    ///
    /// # Errors
    /// [`PreflightError::Value`] for a path that cannot work, or a keytab that cannot be read.
    pub fn with_login(mut self, gateway: &Gateway) -> Result<Self, PreflightError> {
        let LoginSettings { keytab, principal, .. } = &gateway.login;
        let Some((keytab, principal)) = keytab.as_deref().zip(principal.as_deref()) else {
            self.warn_of_contexts();
            return Ok(self);
        };
        if let Some(real) = gateway.user.real() {
            self.warnings.push(Warning {
                key: options::KERBEROS_KEYTAB.key.to_owned(),
                text: format!(
                    "the containers do not get this keytab of {real}, as the application acts for {}: they have tokens, \
                     which end",
                    gateway.user
                ),
            });
            self.warn_of_contexts();
            return Ok(self);
        }
        let login = container_login(&self.config, keytab, principal)?;
        self.config.set(options::KERBEROS_KEYTAB.key, &login.kerberos.keytab);
        self.config.set(options::KERBEROS_PRINCIPAL.key, &login.kerberos.principal);
        self.login = Some(login);
        Ok(self)
    }

    fn warn_of_contexts(&mut self) {
        let option = options::KERBEROS_CONTEXTS;
        if self.config.explicit(&option).is_some() {
            let text = "no effect without a keytab, as containers have no tickets".to_owned();
            self.warnings.push(Warning { key: option.key.to_owned(), text });
        }
    }

    /// The file systems that the application names, apart from the default one and that of its staging directory.
    pub(super) fn named_file_systems(&self) -> Vec<String> {
        let state = STATE.iter().chain([&RECORDS]);
        let state = state.filter_map(|option| self.config.explicit(option).map(str::to_owned));
        let used_in_place = self.files.items.iter().filter_map(|item| match &item.source {
            Source::Remote(uri) => Some(uri.clone()),
            Source::Local(_) => None,
        });
        let more = self.config.list(&options::KERBEROS_FILE_SYSTEMS);
        state.chain(self.savepoint.clone()).chain(used_in_place).chain(more).collect()
    }
}

/// Removes what is about the login on this host from the configuration of the containers.
pub(super) fn remove_from(config: &mut FlinkConfig) {
    for option in [options::KERBEROS_KEYTAB, options::KERBEROS_PRINCIPAL, options::KERBEROS_USE_TICKET_CACHE]
    {
        for key in [option.key].iter().chain(option.deprecated) {
            config.remove(key);
        }
    }
}

fn container_login(
    config: &FlinkConfig,
    keytab: &Path,
    principal: &str,
) -> Result<ContainerLogin, PreflightError> {
    let ships = config.boolean(&options::YARN_SHIP_LOCAL_KEYTAB)?.unwrap_or(true);
    let option = options::YARN_LOCALIZED_KEYTAB_PATH;
    let path = config.value(&option).unwrap_or_default().to_owned();
    let refuse = |key, value: String, reason| Err(PreflightError::Value { key, value, reason });
    let is_name = Path::new(&path).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    if ships && (path.is_empty() || !is_name) {
        let reason = "is where a shipped keytab is placed in the containers, so it must be a name or a path below their \
            working directories; if the nodes have the keytab, set `yarn.security.kerberos.ship-local-keytab` to `false`";
        return refuse(option.key, path, reason.to_owned());
    }
    if !ships && !Path::new(&path).is_absolute() {
        let reason = "is not an absolute path, so it cannot be where the nodes have the keytab".to_owned();
        return refuse(option.key, path, reason);
    }
    let kerberos = Kerberos { principal: principal.to_owned(), keytab: path.clone() };
    if !ships {
        return Ok(ContainerLogin { kerberos, shipped: None });
    }
    match std::fs::read(keytab) {
        Ok(content) => {
            let shipped = File { link: path, content: Bytes::from(content) };
            Ok(ContainerLogin { kerberos, shipped: Some(shipped) })
        }
        Err(error) => refuse(
            options::KERBEROS_KEYTAB.key,
            keytab.display().to_string(),
            format!("cannot be read: {error}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> FlinkConfig {
        FlinkConfig::from_flat(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn keytab_is_shipped_or_on_the_nodes() {
        let directory = tempfile::tempdir().unwrap();
        let keytab = directory.path().join("my keytab");
        std::fs::write(&keytab, b"key").unwrap();
        let login = |pairs: &[(&str, &str)]| container_login(&config(pairs), &keytab, "ada@A");
        let shipped = login(&[]).unwrap();
        assert_eq!(
            shipped.kerberos,
            Kerberos { principal: "ada@A".to_owned(), keytab: "krb5.keytab".to_owned() }
        );
        assert_eq!(&shipped.shipped.unwrap().content[..], b"key");
        let (ship, path) =
            ("yarn.security.kerberos.ship-local-keytab", "yarn.security.kerberos.localized-keytab-path");
        assert_eq!(login(&[(path, "conf/k")]).unwrap().shipped.unwrap().link, "conf/k");
        let on_nodes = login(&[(ship, "false"), (path, "/etc/k")]).unwrap();
        assert_eq!((&*on_nodes.kerberos.keytab, on_nodes.shipped), ("/etc/k", None));
        for wrong in [&[(path, "/etc/k")][..], &[(path, "../k")], &[(ship, "false")], &[(ship, "maybe")]] {
            assert!(login(wrong).is_err(), "{wrong:?}");
        }
        let missing = container_login(&config(&[]), Path::new("/no/such"), "ada").err().unwrap().to_string();
        assert!(missing.contains("/no/such"), "{missing}");
    }

    #[test]
    fn login_of_this_host_is_not_that_of_the_containers() {
        let mut config = config(&[("security.keytab", "/k"), ("security.kerberos.login.principal", "ada")]);
        remove_from(&mut config);
        assert!(config.flat().is_empty(), "{config:?}");
    }
}
