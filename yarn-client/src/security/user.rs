//! The user a simple connection claims to be.

use std::fmt;

use crate::conf::{Configuration, Environment};

/// The variable with which Hadoop's tools let people choose a user (`UserGroupInformation.HADOOP_USER_NAME`).
const HADOOP_USER_NAME: &str = "HADOOP_USER_NAME";

/// A user by the short name Hadoop's servers know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct User {
    /// Short name, without realm.
    pub name: String,
}

impl User {
    /// A user of that name.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    /// The user Hadoop's own tools would act as: `HADOOP_USER_NAME` while the configuration requests simple
    /// authentication, else the user of the operating system.
    ///
    /// As in `UserGroupInformation`, the variable is ignored where `hadoop.security.authentication` is `kerberos`.
    ///
    /// # Errors
    /// [`UserError`] when no variable is set and the operating system has no name for this process's user.
    pub fn resolve(env: &Environment, conf: &Configuration) -> Result<Self, UserError> {
        if !conf.is_secure()
            && let Some(name) = env.get(HADOOP_USER_NAME).filter(|name| !name.is_empty())
        {
            return Ok(Self::new(name));
        }
        whoami::fallible::username().map(Self::new).map_err(|source| UserError { source })
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// The operating system has no name for the user of this process.
#[derive(Debug, thiserror::Error)]
#[error("the user of this process has no name: no entry in the user database")]
pub struct UserError {
    source: std::io::Error,
}

impl UserError {
    /// What to do about it.
    pub fn hint(&self) -> &'static str {
        "set `HADOOP_USER_NAME` to the user to act as"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(authentication: &str) -> Configuration {
        Configuration::from_flat([("hadoop.security.authentication".to_owned(), authentication.to_owned())])
    }

    #[test]
    fn hadoop_user_name_applies_only_to_simple_authentication() {
        let env = Environment::from_iter([("HADOOP_USER_NAME", "somebody-else")]);
        let user = User::resolve(&env, &configuration("simple")).unwrap();
        assert_eq!(user.name, "somebody-else");
        let user = User::resolve(&env, &configuration("kerberos")).unwrap();
        assert_ne!(user.name, "somebody-else");
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let env = Environment::from_iter([("HADOOP_USER_NAME", "")]);
        let user = User::resolve(&env, &configuration("simple")).unwrap();
        assert_eq!(user, User::resolve(&Environment::default(), &configuration("simple")).unwrap());
        assert!(!user.name.is_empty());
    }
}
