//! The process environment as a value, so that only the outermost code reads the real one.

use std::collections::BTreeMap;
use std::fmt;

/// Environment variables, as the process (or a test) was given them.
///
/// `Debug` shows names only: values may contain secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    /// From the operating system's user database, which Java uses instead of variables that cron or a container may not set.
    account: Option<String>,
    home: Option<String>,
}

impl Environment {
    /// The environment of this process. Variables that are not UTF-8 are left out: no Hadoop or Flink setting is read
    /// from such a variable.
    pub fn from_process() -> Self {
        let variables =
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self {
            account: whoami::fallible::username().ok(),
            home: std::env::home_dir().and_then(|home| home.into_os_string().into_string().ok()),
            ..Self::from_iter(variables)
        }
    }

    /// The name of the operating system's user, Java's `user.name`; without an entry in the user database `USER` or `LOGNAME`.
    pub fn account(&self) -> Option<&str> {
        let named = || self.non_empty("USER").or_else(|| self.non_empty("LOGNAME"));
        self.account.as_deref().filter(|name| !name.is_empty()).or_else(named)
    }

    /// The home directory of the operating system's user, from `HOME` or the user database.
    pub fn home(&self) -> Option<&str> {
        self.non_empty("HOME").or_else(|| self.home.as_deref().filter(|home| !home.is_empty()))
    }

    /// The value of `name`, if set. An empty value is returned as such.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The value of `name`, if set and not empty, which is how Hadoop's and Flink's scripts test a variable.
    pub fn non_empty(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Sets one variable in this value; the process is not affected.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.variables.insert(name.into(), value.into());
    }

    /// All variables, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let variables = pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        Self { variables, ..Self::default() }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_names_only() {
        let env = Environment::from_iter([("AWS_SECRET", "hunter2")]);
        let text = format!("{env:?}");
        assert!(text.contains("AWS_SECRET") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn the_account_is_known_without_variables() {
        let from = |pairs: &[(&str, &str)]| Environment {
            account: Some("ada".to_owned()),
            home: Some("/home/ada".to_owned()),
            ..Environment::from_iter(pairs.iter().copied())
        };
        assert_eq!((from(&[]).account(), from(&[]).home()), (Some("ada"), Some("/home/ada")));
        // As in Java: `sudo` to another user keeps the variable.
        let kept = from(&[("USER", "bob"), ("HOME", "/x")]);
        assert_eq!((kept.account(), kept.home()), (Some("ada"), Some("/x")));
        let unknown = Environment::from_iter([("USER", ""), ("LOGNAME", "eve")]);
        assert_eq!((unknown.account(), unknown.home()), (Some("eve"), None));
    }

    #[test]
    fn empty_variable_is_set_but_not_non_empty() {
        let env = Environment::from_iter([("A", "")]);
        assert_eq!(env.get("A"), Some(""));
        assert_eq!(env.non_empty("A"), None);
        assert_eq!(env.get("B"), None);
    }
}
