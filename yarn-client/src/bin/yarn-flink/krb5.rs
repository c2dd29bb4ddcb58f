//! `security.kerberos.krb5-conf.path` on this host.

use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use yarn_client::conf::Environment;
use yarn_client::flink::{FlinkConfig, options};
use yarn_client::security::KerberosError;

/// The only way to tell the library of Kerberos where its configuration is.
const KRB5_CONFIG: &str = "KRB5_CONFIG";

/// Starts this program again with the variable, unless it has it: the environment of a running program must not change, as other
/// threads may read it. Called before anything is sent or printed.
///
/// # Errors
/// [`KerberosError::NoConfiguration`].
pub(crate) fn apply(settings: &FlinkConfig, environment: &Environment) -> Result<(), KerberosError> {
    let Some(path) = missing(settings, environment) else { return Ok(()) };
    let again = || -> io::Result<std::convert::Infallible> {
        File::open(&path)?;
        let mut arguments = std::env::args_os();
        let mut command = Command::new(std::env::current_exe()?);
        if let Some(name) = arguments.next() {
            command.arg0(name);
        }
        Err(command.args(arguments).env(KRB5_CONFIG, &path).exec())
    };
    match again() {
        Err(error) => Err(KerberosError::NoConfiguration { path, reason: error.to_string() }),
        Ok(never) => match never {},
    }
}

/// The file that is configured, if the variable does not name it.
fn missing(settings: &FlinkConfig, environment: &Environment) -> Option<PathBuf> {
    let path = settings.explicit(&options::KERBEROS_KRB5_CONF).filter(|path| !path.is_empty())?;
    let path = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    (environment.get(KRB5_CONFIG).map(Path::new) != Some(&path)).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_starts_again_only_once() {
        let mut settings = FlinkConfig::new();
        let environment = |path: &str| Environment::from_iter([(KRB5_CONFIG, path)]);
        assert_eq!(missing(&settings, &environment("")), None);
        settings.apply_dynamic("security.kerberos.krb5-conf.path=/etc/a.conf").unwrap();
        assert_eq!(missing(&settings, &Environment::default()), Some("/etc/a.conf".into()));
        // What is configured for Flink comes first, as with the keytab.
        assert_eq!(missing(&settings, &environment("/etc/b.conf")), Some("/etc/a.conf".into()));
        assert_eq!(missing(&settings, &environment("/etc/a.conf")), None);
        settings.apply_dynamic("security.kerberos.krb5-conf.path=a.conf").unwrap();
        let path = missing(&settings, &Environment::default()).unwrap();
        assert!(path.is_absolute() && path.ends_with("a.conf"));
        assert_eq!(missing(&settings, &environment(&path.display().to_string())), None);
    }

    #[test]
    fn file_that_is_missing_is_named() {
        let mut settings = FlinkConfig::new();
        settings.apply_dynamic("security.kerberos.krb5-conf.path=/no/krb5.conf").unwrap();
        let error = apply(&settings, &Environment::default()).unwrap_err();
        assert!(error.to_string().contains("/no/krb5.conf cannot be used: No such file"), "{error}");
    }
}
