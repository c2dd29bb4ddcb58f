//! Checks a configuration against the table, before anything is submitted.

use super::known::{self, known};
use super::{Treatment, is_of_clusters, row, spelling, treatment};
use crate::flink::config::{ConfigError, Warning};
use crate::flink::options as o;
use crate::flink::{FlinkConfig, Version};

/// What a configuration is to start.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Version of Flink.
    pub version: &'a Version,
    /// `key=value` as given after `-D`: what was given for this submission must not be ignored.
    pub dynamic: &'a [String],
    /// Whether it is a session, to which jobs are uploaded.
    pub session: bool,
}

impl Asked<'_> {
    fn is_dynamic(&self, key: &str) -> bool {
        is_given(self.dynamic, key)
    }
}

fn is_given(dynamic: &[String], key: &str) -> bool {
    dynamic.iter().any(|given| given.split_once('=').is_some_and(|(name, _)| name.trim() == key))
}

/// Checks the configuration of a cluster, and removes what would break it.
///
/// # Errors
/// The first key that is refused, or misspelt in a `-D`.
pub fn check(config: &mut FlinkConfig, asked: Asked<'_>) -> Result<Vec<Warning>, ConfigError> {
    let mut warnings = Vec::new();
    let mut removed = Vec::new();
    for (key, value) in config.flat() {
        match treatment(key) {
            Some(Treatment::Refused { reason, harmless }) => {
                if !harmless.iter().any(|harmless| value.trim().eq_ignore_ascii_case(harmless)) {
                    return refused(key, reason);
                }
            }
            Some(Treatment::Ignored(text)) => warnings.push(warning(key, text)),
            Some(Treatment::Removed(text)) => {
                warnings.push(warning(key, &format!("ignored: {text}")));
                removed.push(key.clone());
            }
            _ => warnings.extend(spelling_of(key, Some(asked.version), asked.is_dynamic(key))?),
        }
    }
    for key in removed {
        config.remove(&key);
    }
    check_values(config, asked, &mut warnings)?;
    Ok(warnings)
}

/// Checks the settings of one job of a running session.
///
/// # Errors
/// None so far: which version the session runs is not known, and any key may belong to it.
pub fn check_job(config: &mut FlinkConfig, dynamic: &[String]) -> Result<Vec<Warning>, ConfigError> {
    let mut warnings = Vec::new();
    for key in config.flat().keys().filter(|key| !is_of_clusters(key)) {
        // Which version the session runs is not known here.
        warnings.extend(spelling_of(key, None, is_given(dynamic, key))?);
    }
    if config
        .remove(o::SHUTDOWN_IF_ATTACHED.key)
        .is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    {
        warnings.push(warning(
            o::SHUTDOWN_IF_ATTACHED.key,
            &format!("ignored: {}", super::text(&o::SHUTDOWN_IF_ATTACHED)),
        ));
    }
    Ok(warnings)
}

/// The error or warning for a key that is unknown, or not available in this version.
fn spelling_of(
    key: &str,
    version: Option<&Version>,
    is_dynamic: bool,
) -> Result<Option<Warning>, ConfigError> {
    if let Some(version) = version
        && let Some(known) = known().find(|known| known.key == key)
        && known.is_missing_in(version)
    {
        // What is honoured here is honoured for every version.
        let by_us = !matches!(treatment(key), Some(Treatment::Harmless(_)));
        return Ok((!by_us).then(|| warning(key, &format!("Flink {version} does not have this option"))));
    }
    if spelling::is_known(key) {
        return Ok(None);
    }
    if let Some(meant) = spelling::meant(key, version) {
        // If not all names of the version are known, it may be a new one.
        let certain = key.starts_with("yarn-flink.") || version.is_some_and(known::is_complete_for);
        if is_dynamic && certain {
            return Err(ConfigError::Misspelt { key: key.to_owned(), meant });
        }
        return Ok(Some(warning(key, &format!("unknown key; did you mean `{meant}`?"))));
    }
    let hadoop = [
        "dfs.",
        "hadoop.",
        "ipc.",
        "mapreduce.",
        "yarn.client.",
        "yarn.resourcemanager.",
        "yarn.nodemanager.",
    ];
    Ok(if hadoop.iter().any(|prefix| key.starts_with(prefix)) || key == "fs.defaultFS" {
        let way =
            if key.starts_with("yarn.") { format!("flink.{key}") } else { format!("flink.hadoop.{key}") };
        Some(warning(key, &format!("this is a Hadoop key, which Flink ignores; write `{way}`")))
    } else if row(key).is_none() && ["yarn.", "yarn-flink."].iter().any(|prefix| key.starts_with(prefix)) {
        Some(warning(key, "unknown to every version of Flink; is it misspelt?"))
    } else {
        None
    })
}

/// Checks values that would break assumptions made here.
fn check_values(
    config: &FlinkConfig,
    asked: Asked<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<(), ConfigError> {
    // Another type would recover jobs without our knowledge, or not at all.
    if let Some(kind) = config.explicit(&o::HA_TYPE)
        && !["none", "zookeeper"].iter().any(|known| kind.trim().eq_ignore_ascii_case(known))
    {
        return refused(
            o::HA_TYPE.key,
            &format!("`{kind}` is not supported (expected one of: zookeeper, none)"),
        );
    }
    if !asked.version.features().legacy_heap_options {
        for (old, new) in [
            (o::JM_LEGACY_HEAP, o::JM_PROCESS),
            (o::JM_LEGACY_HEAP_MB, o::JM_PROCESS),
            (o::TM_LEGACY_HEAP, o::TM_PROCESS),
            (o::TM_LEGACY_HEAP_MB, o::TM_PROCESS),
        ] {
            if config.contains(old.key) {
                return refused(old.key, &format!("it was removed in Flink 2.0; use `{}`", new.key));
            }
        }
    }
    if asked.session && config.boolean(&o::WEB_SUBMIT)? == Some(false) {
        return refused(
            o::WEB_SUBMIT.key,
            "jobs are submitted to a session by upload, which `false` disables",
        );
    }
    for (option, least) in [(o::JOB_STORE_CAPACITY, 1), (o::JOB_STORE_EXPIRATION, 60)] {
        if config.integer(&option)?.is_some_and(|value| value < least) {
            let value = config.explicit(&option).unwrap_or_default().to_owned();
            return Err(ConfigError::Value {
                key: option.key.to_owned(),
                value,
                expected: format!("at least {least}, without which a job's result could be lost"),
            });
        }
    }
    if let Some(target) = config.explicit(&o::TARGET)
        && !["yarn-application", "yarn-per-job", "yarn-session", "embedded"].contains(&target.trim())
    {
        if asked.is_dynamic(o::TARGET.key) {
            return refused(
                o::TARGET.key,
                &format!("`{target}` is not available: each job runs as its own YARN application"),
            );
        }
        warnings.push(warning(o::TARGET.key, &format!("`{target}` ignored: the job runs on YARN")));
    }
    Ok(())
}

fn warning(key: &str, text: &str) -> Warning {
    Warning { key: key.to_owned(), text: text.to_owned() }
}

fn refused<T>(key: &str, message: &str) -> Result<T, ConfigError> {
    Err(ConfigError::Unsupported { key: key.to_owned(), message: message.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<'a>(version: &'a Version, dynamic: &'a [String]) -> Asked<'a> {
        Asked { version, dynamic, session: false }
    }

    /// Checks one setting of a configuration file.
    fn check_one(key: &str, value: &str, version: &str) -> Result<Vec<Warning>, ConfigError> {
        let mut config = FlinkConfig::new();
        config.set(key, value);
        check(&mut config, asked(&Version::parse(version).unwrap(), &[]))
    }

    /// Checks one setting of a `-D`.
    fn check_dynamic(key: &str, value: &str, version: &str) -> Result<Vec<Warning>, ConfigError> {
        let mut config = FlinkConfig::new();
        config.set(key, value);
        check(&mut config, asked(&Version::parse(version).unwrap(), &[format!("{key}={value}")]))
    }

    #[test]
    fn refuses_and_warns() {
        assert!(check_one("python.files", "/k", "1.20.5").is_err());
        for (key, refused, harmless) in [
            ("execution.state-recovery.claim-mode", "CLAIM", "no_claim"),
            ("execution.savepoint-restore-mode", "LEGACY", "NO_CLAIM"),
            ("high-availability.type", "kubernetes", "NONE"),
            ("high-availability", "org.example.Factory", "ZooKeeper"),
            ("jobstore.max-capacity", "0", "10"),
            ("jobstore.expiration-time", "1", "60"),
        ] {
            assert!(check_one(key, refused, "1.20.5").is_err(), "{key}");
            assert!(check_one(key, harmless, "1.20.5").unwrap().is_empty(), "{key}");
        }
        assert_eq!(check_one("yarn.properties-file.location", "/tmp", "1.20.5").unwrap().len(), 1);
        assert_eq!(
            check_one("resourcemanager.start-worker.retry-interval", "3 s", "1.20.5").unwrap().len(),
            1
        );
        for (key, value) in [
            ("yarn.application.queue", "a"),
            ("high-availability.type", "zookeeper"),
            ("jobmanager.heap.size", "1g"),
            ("security.kerberos.fetch.delegation-token", "false"),
            ("security.kerberos.login.contexts", "KafkaClient"),
            ("yarn.security.kerberos.ship-local-keytab", "true"),
            ("env.java.home", "/usr/lib/jvm/17"),
            ("yarn.rolled-logs.include-pattern", ".*"),
        ] {
            assert!(check_one(key, value, "1.20.5").unwrap().is_empty(), "{key}");
        }
        let error = check_one("jobmanager.heap.size", "1g", "2.1.0").unwrap_err();
        assert!(error.to_string().contains("jobmanager.memory.process.size"), "{error}");
    }

    #[test]
    fn misspelt_key_is_refused_on_the_command_line_and_warned_about_in_a_file() {
        let (key, meant) = ("taskmanager.memory.proces.size", "taskmanager.memory.process.size");
        let error = check_dynamic(key, "1g", "1.20.5").unwrap_err();
        assert_eq!(error.to_string(), format!("`{key}` is not a Flink option"));
        assert!(error.hint().unwrap().contains(&format!("did you mean `{meant}`?")), "{error:?}");
        // Flink 2.3 may have options that are not known here.
        for warnings in [check_one(key, "1g", "1.20.5"), check_dynamic(key, "1g", "2.3.0")] {
            let warnings = warnings.unwrap();
            assert_eq!(warnings.len(), 1);
            assert!(warnings[0].text.contains(&format!("did you mean `{meant}`?")), "{warnings:?}");
        }
        assert!(check_dynamic("yarn-flink.web.prot", "1", "2.3.0").is_err(), "ours");
        for fine in
            ["my.own.key", "metrics.reporter.a.hots", "pipeline.x", "execution.checkpointing.brand-new"]
        {
            assert!(check_dynamic(fine, "1", "1.20.5").unwrap().is_empty(), "{fine}");
        }
        assert_eq!(check_dynamic("yarn.something.else", "1", "1.20.5").unwrap().len(), 1);
    }

    #[test]
    fn hadoop_key_is_answered_with_its_prefix() {
        for (key, way) in [
            ("yarn.resourcemanager.address", "flink.yarn.resourcemanager.address"),
            ("dfs.replication", "flink.hadoop.dfs.replication"),
            ("fs.defaultFS", "flink.hadoop.fs.defaultFS"),
        ] {
            let warnings = check_dynamic(key, "x", "1.20.5").unwrap();
            assert!(
                warnings.len() == 1 && warnings[0].text.ends_with(&format!("write `{way}`")),
                "{warnings:?}"
            );
        }
    }

    #[test]
    fn key_of_another_version_is_warned_about() {
        let text = |key, version| check_one(key, "1", version).unwrap().pop().map(|warning| warning.text);
        let gone = "taskmanager.network.netty.num-arenas";
        assert_eq!(text(gone, "2.1.3").as_deref(), Some("Flink 2.1.3 does not have this option"));
        assert_eq!(text(gone, "1.20.5"), None);
        assert!(text("events.reporters", "1.20.5").is_some());
    }

    #[test]
    fn port_mapping_keys_are_ignored() {
        let mut config = FlinkConfig::new();
        config.set("jobmanager.rpc.bind-port", "6200");
        config.set("jobmanager.rpc.port", "6200-6300");
        let version = Version::parse("1.20.5").unwrap();
        let warnings = check(&mut config, asked(&version, &[])).unwrap();
        assert_eq!(warnings.len(), 1);
        assert_eq!(config.get("jobmanager.rpc.bind-port"), None);
        assert_eq!(config.get("jobmanager.rpc.port"), Some("6200-6300"));
    }

    #[test]
    fn a_session_needs_uploads_and_a_job_does_not() {
        let version = Version::parse("1.20.5").unwrap();
        let with = |session| {
            let mut config = FlinkConfig::new();
            config.set("web.submit.enable", "false");
            check(&mut config, Asked { session, ..asked(&version, &[]) })
        };
        assert!(with(false).unwrap().is_empty());
        assert!(with(true).unwrap_err().to_string().contains("web.submit.enable"));
    }

    #[test]
    fn other_target_is_refused_on_the_command_line_only() {
        assert!(check_dynamic("execution.target", "kubernetes-session", "1.20.5").is_err());
        assert_eq!(check_one("execution.target", "remote", "1.20.5").unwrap().len(), 1);
        assert!(check_dynamic("execution.target", "yarn-application", "1.20.5").unwrap().is_empty());
    }

    #[test]
    fn job_of_a_session_is_not_tied_to_an_attached_client() {
        let mut config = FlinkConfig::new();
        config.set("execution.shutdown-on-attached-exit", "true");
        assert_eq!(check_job(&mut config, &[]).unwrap().len(), 1);
        assert!(config.flat().is_empty());
        config.set("paralelism.default", "2");
        let warnings = check_job(&mut config, &["paralelism.default=2".to_owned()]).unwrap();
        assert!(warnings[0].text.contains("did you mean `parallelism.default`?"), "{warnings:?}");
    }
}
