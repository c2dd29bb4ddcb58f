//! What Flink must be told so that a job's end can be read, and lost containers be replaced.

use std::time::Duration;

use super::options::{self as o, Opt};
use super::{ConfigError, FlinkConfig, Version, Warning};

/// What the cluster is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One application, whose end ends the cluster.
    Application,
    /// One application that executes several jobs.
    SeveralJobs,
    /// Many jobs.
    Session,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Key.
    pub key: &'static str,
    /// Value.
    pub value: String,
    /// Why it is needed, in one sentence.
    pub reason: &'static str,
    /// Whether it replaces the user's own value.
    pub forced: bool,
}

/// How long a request for slots may stay open: the application master limits waiting itself.
const SLOT_WAIT: Duration = Duration::from_secs(30 * 86_400);
/// With both unset: a restarted JobManager is noticed in seconds instead of 45.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long TaskManagers wait for a JobManager that a new attempt has to start.
const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(15 * 60);

const PARALLEL_START: &str =
    "TaskManagers and JobManager start in parallel; by default the one that is first waits 10 s";
const SLOTS: &str =
    "else a lost TaskManager uses up restart attempts before it is replaced, and a late session fails jobs";
const HEARTBEATS: &str = "a restarted JobManager is noticed in seconds";

/// The settings for a configuration: forced ones always, others only where the user has set nothing.
///
/// Durations are bare numbers of ms, the only form all supported versions read (they were `long` options before 1.20).
///
/// # Errors
/// A user's value that had to be read and is malformed.
pub fn required_settings(
    config: &FlinkConfig,
    version: &Version,
    mode: Mode,
) -> Result<Vec<Setting>, ConfigError> {
    let mut settings = Vec::new();
    // At present no setting depends on the version; the table is the place where one would.
    let _ = version;
    if mode != Mode::Session {
        let forced = |option: Opt, value: &str, reason| Setting {
            key: option.key,
            value: value.to_owned(),
            reason,
            forced: true,
        };
        settings.push(forced(
            o::EXECUTION_ATTACHED,
            "true",
            "else main() cannot use a job's result, and several execute() calls overlap",
        ));
        settings.push(forced(
            o::SHUTDOWN_ON_APPLICATION_FINISH,
            "false",
            "the application master reads the result before it ends the cluster",
        ));
        settings.push(forced(
            o::SUBMIT_FAILED_JOB,
            if mode == Mode::Application { "true" } else { "false" },
            "a main() that throws becomes a failed job whose cause can be read; Flink can do that for one job only",
        ));
    }
    let mut unless_set = |option: Opt, value: String, reason| {
        if config.explicit(&option).is_none() {
            settings.push(Setting { key: option.key, value, reason, forced: false });
        }
    };
    let ms = |duration: Duration| duration.as_millis().to_string();
    unless_set(
        o::INTERCEPT_USER_SYSTEM_EXIT,
        "THROW".to_owned(),
        "System.exit in user code becomes a failure that can be read instead of exit code 0",
    );
    unless_set(o::REGISTRATION_ERROR_DELAY, "200".to_owned(), PARALLEL_START);
    unless_set(o::STANDALONE_START_UP_TIME, ms(SLOT_WAIT), SLOTS);
    unless_set(o::SLOT_REQUEST_TIMEOUT, ms(SLOT_WAIT), SLOTS);
    // One without the other could contradict the user's value.
    if config.explicit(&o::HEARTBEAT_INTERVAL).is_none() && config.explicit(&o::HEARTBEAT_TIMEOUT).is_none() {
        unless_set(o::HEARTBEAT_INTERVAL, ms(HEARTBEAT_INTERVAL), HEARTBEATS);
        unless_set(o::HEARTBEAT_TIMEOUT, ms(HEARTBEAT_TIMEOUT), HEARTBEATS);
    }
    unless_set(
        o::TM_REGISTRATION_TIMEOUT,
        ms(REGISTRATION_TIMEOUT),
        "TaskManagers wait for the JobManager of a new attempt",
    );
    if checkpoints(config)? {
        unless_set(
            o::CHECKPOINT_RETENTION,
            "RETAIN_ON_CANCELLATION".to_owned(),
            "else SIGTERM and the end of the cluster delete the checkpoints a new attempt resumes from",
        );
    }
    Ok(settings)
}

/// Whether Flink's high availability is on: then Flink itself goes on with a job.
pub fn recovers(config: &FlinkConfig) -> bool {
    config.value(&o::HA_TYPE).is_some_and(|kind| !kind.eq_ignore_ascii_case("none"))
}

/// Whether the configuration turns checkpoints on and says where they go.
///
/// # Errors
/// An interval that is none.
pub fn makes_checkpoints(config: &FlinkConfig) -> Result<bool, ConfigError> {
    let interval = config.duration(&o::CHECKPOINT_INTERVAL)?.is_some_and(|interval| !interval.is_zero());
    Ok(interval && config.explicit(&o::CHECKPOINT_DIR).is_some())
}

/// Whether the configuration turns checkpoints on, or names a place for those that the program turns on.
fn checkpoints(config: &FlinkConfig) -> Result<bool, ConfigError> {
    let interval = config.duration(&o::CHECKPOINT_INTERVAL)?.is_some_and(|interval| !interval.is_zero());
    Ok(interval || config.explicit(&o::CHECKPOINT_DIR).is_some())
}

/// Puts [`required_settings`] into the configuration; a warning for each user's value that had to give way.
///
/// Addresses of Flink's stock configuration that hold for one machine only (`localhost`) are removed, as flink-yarn
/// does, and a TaskManager's host with them.
///
/// # Errors
/// As [`required_settings`].
pub fn apply_required(
    config: &mut FlinkConfig,
    version: &Version,
    mode: Mode,
) -> Result<Vec<Warning>, ConfigError> {
    let mut warnings = Vec::new();
    for setting in required_settings(config, version, mode)? {
        if let Some(user) = config.get(setting.key)
            && !user.trim().eq_ignore_ascii_case(&setting.value)
        {
            let text = format!("set to {} instead of {user}: {}", setting.value, setting.reason);
            warnings.push(Warning { key: setting.key.to_owned(), text });
        }
        config.set(setting.key, setting.value);
    }
    for option in [o::JM_BIND_HOST, o::TM_BIND_HOST, o::REST_BIND_ADDRESS, o::REST_ADDRESS, o::JM_RPC_ADDRESS]
    {
        if config.get(option.key).is_some_and(|host| ["localhost", "127.0.0.1"].contains(&host.trim())) {
            config.remove(option.key);
        }
    }
    config.remove(o::TM_HOST.key);
    Ok(warnings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(settings: &[(&str, &str)], mode: Mode) -> (FlinkConfig, Vec<Warning>) {
        let mut config = FlinkConfig::new();
        for (key, value) in settings {
            config.set(*key, *value);
        }
        let warnings = apply_required(&mut config, &Version::parse("1.20.5").unwrap(), mode).unwrap();
        (config, warnings)
    }

    #[test]
    fn an_empty_configuration_gets_the_whole_table() {
        let (config, warnings) = applied(&[], Mode::Application);
        assert!(warnings.is_empty());
        let flat: Vec<_> = config.flat().iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            flat,
            [
                "cluster.intercept-user-system-exit=THROW",
                "cluster.registration.error-delay=200",
                "execution.attached=true",
                "execution.shutdown-on-application-finish=false",
                "execution.submit-failed-job-on-application-error=true",
                "heartbeat.interval=2000",
                "heartbeat.timeout=15000",
                "resourcemanager.standalone.start-up-time=2592000000",
                "slot.request.timeout=2592000000",
                "taskmanager.registration.timeout=900000",
            ]
        );
        let (session, _) = applied(&[], Mode::Session);
        assert!(!session.contains("execution.attached") && session.contains("slot.request.timeout"));
    }

    #[test]
    fn what_breaks_the_life_cycle_gives_way_with_a_warning() {
        let (config, warnings) = applied(
            &[
                ("execution.attached", "False"),
                ("execution.shutdown-on-application-finish", "true"),
                ("execution.submit-failed-job-on-application-error", "TRUE"),
            ],
            Mode::Application,
        );
        assert_eq!(config.get("execution.attached"), Some("true"));
        let keys: Vec<_> = warnings.iter().map(|w| w.key.as_str()).collect();
        assert_eq!(keys, ["execution.attached", "execution.shutdown-on-application-finish"]);
        assert!(warnings[0].to_string().contains("instead of False"), "{}", warnings[0]);
    }

    #[test]
    fn the_users_choice_wins_elsewhere() {
        let (config, warnings) = applied(
            &[
                ("heartbeat.timeout", "60 s"),
                ("slot.request.timeout", "1 min"),
                ("taskmanager.maxRegistrationDuration", "9 min"),
                ("cluster.intercept-user-system-exit", "LOG"),
            ],
            Mode::Application,
        );
        assert!(warnings.is_empty());
        assert_eq!(config.get("heartbeat.interval"), None);
        assert_eq!(config.get("heartbeat.timeout"), Some("60 s"));
        assert_eq!(config.get("slot.request.timeout"), Some("1 min"));
        assert_eq!(config.get("taskmanager.registration.timeout"), None);
        assert_eq!(config.get("cluster.intercept-user-system-exit"), Some("LOG"));
    }

    #[test]
    fn checkpoints_are_kept_when_there_are_any() {
        let key = "execution.checkpointing.externalized-checkpoint-retention";
        let kept =
            |settings: &[(&str, &str)]| applied(settings, Mode::Application).0.get(key).map(str::to_owned);
        assert_eq!(kept(&[]), None);
        assert_eq!(kept(&[("execution.checkpointing.interval", "0")]), None);
        let retain = Some("RETAIN_ON_CANCELLATION".to_owned());
        assert_eq!(kept(&[("execution.checkpointing.interval", "10 s")]), retain);
        assert_eq!(kept(&[("state.checkpoints.dir", "hdfs:///cp")]), retain);
        let own = [("execution.checkpointing.interval", "10 s"), (key, "DELETE_ON_CANCELLATION")];
        assert_eq!(kept(&own).as_deref(), Some("DELETE_ON_CANCELLATION"));
        let mut bad = FlinkConfig::new();
        bad.set("execution.checkpointing.interval", "often");
        assert!(apply_required(&mut bad, &Version::parse("2.1.0").unwrap(), Mode::Session).is_err());
    }

    #[test]
    fn addresses_of_one_machine_are_removed() {
        let (config, _) = applied(
            &[
                ("jobmanager.bind-host", "localhost"),
                ("taskmanager.bind-host", "0.0.0.0"),
                ("rest.bind-address", "localhost"),
                ("taskmanager.host", "gateway"),
            ],
            Mode::Session,
        );
        assert_eq!(config.get("jobmanager.bind-host"), None);
        assert_eq!(config.get("rest.bind-address"), None);
        assert_eq!(config.get("taskmanager.host"), None);
        assert_eq!(config.get("taskmanager.bind-host"), Some("0.0.0.0"));
    }
}
