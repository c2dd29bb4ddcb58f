//! The process environment as a value, so that nothing deep inside reads the real one.

use std::collections::BTreeMap;
use std::fmt;

/// Environment variables, as the process (or a test) was given them.
///
/// `Debug` shows names only: values may hold secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// The environment of this process. Variables that are not UTF-8 are left out: no Hadoop or Flink setting
    /// is read from such a one.
    pub fn from_process() -> Self {
        Self::from_iter(
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))),
        )
    }

    /// The value of `name`, if set. An empty value is returned as such.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// The value of `name`, if set and not empty, which is how Hadoop's and Flink's scripts test a variable.
    pub fn non_empty(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Sets one variable in this value; the process is not touched.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.variables.insert(name.into(), value.into());
    }

    /// All variables in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self { variables: pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect() }
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
    fn empty_is_set_but_not_non_empty() {
        let env = Environment::from_iter([("A", "")]);
        assert_eq!(env.get("A"), Some(""));
        assert_eq!(env.non_empty("A"), None);
        assert_eq!(env.get("B"), None);
    }
}
