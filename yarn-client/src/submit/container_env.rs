//! Environments of the containers. The values become part of a shell script of the NodeManager: `$VAR`, `{{VAR}}`,
//! `<LOG_DIR>` and `<CPS>` are expanded in them.

use std::collections::BTreeMap;

use super::keys;
use super::plan::CONF_DIR;
use crate::conf::Configuration;
use crate::flink::command::KRB5_CONF;
use crate::flink::{FlinkConfig, options};
use crate::yarn::launch::quote_env;

/// Separator of a class path; the NodeManager replaces it with the one of its platform.
const CLASS_PATH_SEPARATOR: &str = "<CPS>";

/// The environment of the application master's container, without the class path.
pub(super) fn master(config: &FlinkConfig, hadoop: &Configuration, user: &str) -> BTreeMap<String, String> {
    let mut env = common(config, hadoop, user);
    // For its own login; JVMs are told in another way.
    if config.explicit(&options::KERBEROS_KRB5_CONF).is_some_and(|path| !path.is_empty()) {
        env.insert("KRB5_CONFIG".to_owned(), format!("$PWD/{KRB5_CONF}"));
    }
    extend(&mut env, config, &options::MASTER_ENV_PREFIXES);
    env
}

/// The environment of a TaskManager's container, without the class path.
pub(super) fn task_manager(
    config: &FlinkConfig,
    hadoop: &Configuration,
    user: &str,
) -> BTreeMap<String, String> {
    let mut env = common(config, hadoop, user);
    extend(&mut env, config, &options::TASKMANAGER_ENV_PREFIXES);
    env
}

fn common(config: &FlinkConfig, hadoop: &Configuration, user: &str) -> BTreeMap<String, String> {
    let mut env = BTreeMap::from([
        ("HADOOP_USER_NAME".to_owned(), user.to_owned()),
        ("HADOOP_CLASSPATH".to_owned(), hadoop_class_path(hadoop)),
    ]);
    // Absolute: Flink finds usrlib as a sibling of FLINK_LIB_DIR.
    for (name, directory) in [
        ("FLINK_LIB_DIR", "lib"),
        ("FLINK_PLUGINS_DIR", "plugins"),
        ("FLINK_OPT_DIR", "opt"),
        ("FLINK_CONF_DIR", CONF_DIR),
    ] {
        env.insert(name.to_owned(), format!("$PWD/{directory}"));
    }
    // Flink's log4j.properties reads the latter two.
    for (name, option) in [
        ("JAVA_HOME", &keys::JAVA_HOME),
        ("ROOT_LOG_LEVEL", &keys::LOG_LEVEL),
        ("MAX_LOG_FILE_NUMBER", &keys::LOG_MAX),
    ] {
        if let Some(value) = config.explicit(option) {
            env.insert(name.to_owned(), value.to_owned());
        }
    }
    env
}

/// Adds the user's own variables, the current prefix after (and so overriding) the deprecated one.
fn extend(env: &mut BTreeMap<String, String>, config: &FlinkConfig, prefixes: &[&str]) {
    for prefix in prefixes {
        env.extend(config.prefixed(prefix).map(|(name, value)| (name.to_owned(), in_quotes(value))));
    }
}

/// Prepares a value for the double quotes of the NodeManager's script, which does not escape it
/// (`ContainerLaunch.UnixShellScriptBuilder.env`): variables are still expanded, and what the user has escaped stays escaped.
fn in_quotes(value: &str) -> String {
    let mut escaped = false;
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '"' | '`') && !escaped {
            text.push('\\');
        }
        escaped = c == '\\' && !escaped;
        text.push(c);
    }
    // Otherwise the closing quote would be escaped.
    if escaped {
        text.push('\\');
    }
    text
}

/// Where the nodes keep Hadoop's classes: `yarn.application.classpath`, else YARN's default.
fn hadoop_class_path(hadoop: &Configuration) -> String {
    let configured = hadoop.list("yarn.application.classpath");
    if configured.is_empty() {
        keys::YARN_APPLICATION_CLASSPATH.join(CLASS_PATH_SEPARATOR)
    } else {
        configured.join(CLASS_PATH_SEPARATOR)
    }
}

/// Sets `CLASSPATH`, which a JVM started without `-classpath` uses: Flink's entries, then Hadoop's. A user's own
/// `CLASSPATH` is appended to them.
pub(super) fn add_class_path(env: &mut impl Variables, class_path: &[String]) {
    // Paths are not shell text.
    let entries: Vec<String> = class_path.iter().map(|entry| quote_env(entry)).collect();
    let parts = [entries.join(CLASS_PATH_SEPARATOR)];
    let further = ["HADOOP_CLASSPATH", "CLASSPATH"].iter().filter_map(|name| env.variable(name));
    let text: Vec<String> = parts.into_iter().chain(further).filter(|part| !part.is_empty()).collect();
    env.put("CLASSPATH", text.join(CLASS_PATH_SEPARATOR));
}

/// An environment: a map that is ordered, or (in a message) unordered.
pub(super) trait Variables {
    fn variable(&self, name: &str) -> Option<String>;
    fn put(&mut self, name: &str, value: String);
}

impl Variables for BTreeMap<String, String> {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
    fn put(&mut self, name: &str, value: String) {
        self.insert(name.to_owned(), value);
    }
}

impl Variables for std::collections::HashMap<String, String> {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
    fn put(&mut self, name: &str, value: String) {
        self.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_reach_the_container_and_variables_live() {
        for (value, script) in [
            (r#"{"k":"a b"}"#, r#"{\"k\":\"a b\"}"#),
            (r"$HOME/x:${Y}", r"$HOME/x:${Y}"),
            (r#"\"mine\""#, r#"\"mine\""#),
            ("`date`", "\\`date\\`"),
            (r"a\b\", r"a\b\\"),
            (r#"\\""#, r#"\\\""#),
        ] {
            assert_eq!(in_quotes(value), script, "{value}");
        }
    }
}
