//! Where tickets come from.

use std::ffi::CString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::{AuthToLocal, KerberosError, Status, default_realm};
use crate::conf::{Configuration, Environment};
use crate::security::sasl::gssapi::{self, Credentials};

/// Reading a ticket cache takes no longer, unless it is another process's (`KCM:`) that hangs.
const LOCAL_LIMIT: Duration = Duration::from_secs(10);

/// In messages.
const DEFAULT_CACHE: &str = "the default ticket cache";

/// What was configured about the login, apart from Hadoop's own configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginSettings {
    /// `security.kerberos.login.keytab`.
    pub keytab: Option<PathBuf>,
    /// `security.kerberos.login.principal`.
    pub principal: Option<String>,
    /// `security.kerberos.login.use-ticket-cache`.
    pub use_ticket_cache: bool,
    /// As whom to act, in place of `HADOOP_PROXY_USER`.
    pub proxy_user: Option<String>,
}

impl Default for LoginSettings {
    fn default() -> Self {
        Self { keytab: None, principal: None, use_ticket_cache: true, proxy_user: None }
    }
}

/// Who we are to Kerberos, and where tickets come from.
///
/// `Debug` shows names and paths; keys and tickets are never read into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    principal: String,
    source: Source,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    /// The cache of this name, or the library's default.
    Cache(Option<String>),
    /// A keytab. Tickets go to a cache in memory: the user's own is left alone.
    Keytab { path: PathBuf, cache: String },
}

impl Login {
    /// By what is configured, else as Hadoop's clients: a keytab (`KRB5PRINCIPAL` and `KRB5KEYTAB`), or the ticket cache
    /// (`KRB5CCNAME`). No KDC is asked.
    ///
    /// # Errors
    /// [`KerberosError`].
    pub fn find(settings: &LoginSettings, environment: &Environment) -> Result<Self, KerberosError> {
        let variable = |name| environment.non_empty(name);
        let configured = (settings.keytab.as_deref(), settings.principal.as_deref());
        let from_environment = (variable("KRB5KEYTAB").map(Path::new), variable("KRB5PRINCIPAL"));
        match (configured, from_environment) {
            ((Some(keytab), Some(principal)), _) | ((None, None), (Some(keytab), Some(principal))) => {
                Self::from_keytab(principal, keytab)
            }
            ((Some(_), None), _) => Err(KerberosError::NoPrincipal),
            ((None, Some(_)), _) => Err(KerberosError::PrincipalAlone),
            _ if !settings.use_ticket_cache => Err(KerberosError::NothingToUse),
            _ => Self::from_cache(variable("KRB5CCNAME")),
        }
    }

    /// As `principal`, with its key in a keytab. A realm that is not written is the default realm.
    ///
    /// # Errors
    /// [`KerberosError`] where the library is missing, or the keytab or the key in it.
    pub fn from_keytab(principal: &str, path: &Path) -> Result<Self, KerberosError> {
        static CACHES: AtomicU32 = AtomicU32::new(0);
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        if let Err(error) = File::open(&path) {
            return Err(KerberosError::NoKeytab { path, reason: error.to_string() });
        }
        let principal =
            gssapi::full_name(principal).map_err(|status| KerberosError::of(status, principal, None))?;
        let cache = format!("MEMORY:yarn-client-{}", CACHES.fetch_add(1, Ordering::Relaxed));
        let checked = Credentials::check_key(&principal, &c_string(&path.to_string_lossy())?);
        if let Err(Status { text: reason, .. }) = checked {
            return Err(KerberosError::NotInKeytab { principal, path, reason });
        }
        Ok(Self { principal, source: Source::Keytab { path, cache } })
    }

    /// As whoever's tickets are in a cache: that of this name, or the library's default.
    ///
    /// # Errors
    /// [`KerberosError`] where the library is missing, or there is no ticket that is still valid.
    pub fn from_cache(cache: Option<&str>) -> Result<Self, KerberosError> {
        let cache = cache.map(str::to_owned);
        bounded(move || {
            let name = cache.clone().unwrap_or_else(|| DEFAULT_CACHE.to_owned());
            let c_cache = cache.as_deref().map(c_string).transpose()?;
            let failed = |status| KerberosError::of_cache(status, &name);
            let credentials = Credentials::acquire(None, c_cache.as_deref(), None).map_err(failed)?;
            let (principal, lifetime) = credentials.inquire().map_err(failed)?;
            if lifetime == 0 {
                return Err(KerberosError::Expired(principal));
            }
            Ok(Self { principal, source: Source::Cache(cache) })
        })
    }

    /// With realm.
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// The keytab, if there is one.
    pub fn keytab(&self) -> Option<&Path> {
        match &self.source {
            Source::Cache(_) => None,
            Source::Keytab { path, .. } => Some(path),
        }
    }

    /// The name of the ticket cache, unless it is the library's default.
    pub fn cache(&self) -> Option<&str> {
        match &self.source {
            Source::Cache(cache) => cache.as_deref(),
            Source::Keytab { cache, .. } => Some(cache),
        }
    }

    /// The name by which servers and file systems know us.
    ///
    /// # Errors
    /// [`KerberosError::Name`].
    pub fn short_name(&self, conf: &Configuration) -> Result<String, KerberosError> {
        // Without one, no principal is of the default realm.
        let realm = default_realm().unwrap_or_default();
        Ok(AuthToLocal::from_configuration(conf, &realm)?.short_name(&self.principal)?)
    }

    /// What a conversation needs. Found anew for each, so that a renewed ticket is noticed. Blocks: with a keytab the KDC is asked.
    ///
    /// # Errors
    /// [`KerberosError`].
    pub(crate) fn credentials(&self) -> Result<Credentials, KerberosError> {
        let cache = self.cache().map(c_string).transpose()?;
        let keytab = self.keytab().map(|path| c_string(&path.to_string_lossy())).transpose()?;
        let credentials = Credentials::acquire(Some(&self.principal), cache.as_deref(), keytab.as_deref());
        credentials.map_err(|status| match &self.source {
            Source::Keytab { .. } => KerberosError::of(status, &self.principal, None),
            Source::Cache(cache) => {
                KerberosError::of_cache(status, cache.as_deref().unwrap_or(DEFAULT_CACHE))
            }
        })
    }
}

fn c_string(text: &str) -> Result<CString, KerberosError> {
    CString::new(text).map_err(|_| KerberosError::Failed {
        reason: "a name with a NUL in it".to_owned(),
        major: 0,
        minor: 0,
    })
}

/// Runs what may hang on a thread of its own.
fn bounded<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KerberosError> + Send + 'static,
) -> Result<T, KerberosError> {
    let (done, result) = mpsc::channel();
    std::thread::spawn(move || done.send(work()));
    result.recv_timeout(LOCAL_LIMIT).unwrap_or(Err(KerberosError::TooSlow(LOCAL_LIMIT)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_a_login_is_not_enough() {
        let half = |keytab: Option<&str>, principal: Option<&str>| LoginSettings {
            keytab: keytab.map(PathBuf::from),
            principal: principal.map(str::to_owned),
            ..LoginSettings::default()
        };
        let environment = Environment::from_iter([("KRB5KEYTAB", "/k"), ("KRB5PRINCIPAL", "p")]);
        let found = Login::find(&half(Some("/nowhere"), None), &environment);
        assert_eq!(found, Err(KerberosError::NoPrincipal));
        let found = Login::find(&half(None, Some("ada")), &environment);
        assert_eq!(found, Err(KerberosError::PrincipalAlone));
        // What is configured comes first, then the variables.
        for (settings, path) in [(half(Some("/a"), Some("ada")), "/a"), (LoginSettings::default(), "/k")] {
            let error = Login::find(&settings, &environment).unwrap_err();
            assert!(
                matches!(&error, KerberosError::NoKeytab { path: found, .. } if *found == Path::new(path)),
                "{error}"
            );
        }
        let without = LoginSettings { use_ticket_cache: false, ..LoginSettings::default() };
        assert_eq!(Login::find(&without, &Environment::default()), Err(KerberosError::NothingToUse));
    }
}
