//! Settings that Flink needs so that a job's end can be read and lost containers can be replaced.

use std::time::Duration;

use super::keys;
use super::options::{self as o, Opt};
use super::{ConfigError, FlinkConfig, Version, Warning};

/// The purpose of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One application, whose end ends the cluster.
    Application,
    /// One application that executes several jobs.
    SeveralJobs,
    /// Many jobs.
    Session,
}

impl Mode {
    /// The mode for a request.
    pub fn of(session: bool, multi_job: bool) -> Self {
        match (session, multi_job) {
            (true, _) => Self::Session,
            (false, true) => Self::SeveralJobs,
            (false, false) => Self::Application,
        }
    }
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

/// How long a request for slots may remain open: the application master limits waiting itself.
const SLOT_WAIT: Duration = Duration::from_secs(30 * 86_400);
/// If neither is set: a restarted JobManager is noticed within seconds instead of 45.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(2);
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long TaskManagers wait for a JobManager that a new attempt has to start.
const REGISTRATION_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// Number of checkpoints that Flink keeps if a lost application master's successor cannot look for the newest one: the
/// one that was recorded last must not be gone.
const RETAINED: u32 = 3;
/// How old a response about checkpoints may be: by default 3 s, in which a job may make its first one and be lost.
const CHECKPOINTS_AGE: Duration = Duration::from_millis(400);
/// Number of frames: more than between a thread's first method and anything that a program may call.
const STACK_DEPTH: u32 = 1000;

/// The settings for a configuration: forced ones always, others only if the user has not set them.
///
/// Durations are bare numbers of ms, the only form that all supported versions read (they were `long` options before 1.20).
///
/// # Errors
/// A user's value that had to be read and is malformed.
pub fn required_settings(
    config: &FlinkConfig,
    version: &Version,
    mode: Mode,
) -> Result<Vec<Setting>, ConfigError> {
    let mut settings = Vec::new();
    let mut forced = |option: Opt, value: &str| {
        settings.push(Setting {
            key: option.key,
            value: value.to_owned(),
            reason: keys::text(&option),
            forced: true,
        });
    };
    forced(o::SHUTDOWN_IF_ATTACHED, "false");
    if mode != Mode::Session {
        forced(o::EXECUTION_ATTACHED, "true");
        forced(o::SHUTDOWN_ON_APPLICATION_FINISH, "false");
        forced(o::THREAD_DUMP_DEPTH, &STACK_DEPTH.to_string());
        forced(o::SUBMIT_FAILED_JOB, if mode == Mode::Application { "true" } else { "false" });
    }
    let mut unless_set = |option: Opt, value: String| {
        if config.explicit(&option).is_none() {
            settings.push(Setting { key: option.key, value, reason: keys::text(&option), forced: false });
        }
    };
    let ms = |duration: Duration| duration.as_millis().to_string();
    // In an application with one job, each process has a value of its own.
    if mode != Mode::Application {
        unless_set(o::INTERCEPT_USER_SYSTEM_EXIT, "THROW".to_owned());
    }
    unless_set(o::HALT_ON_FATAL_ERROR, "true".to_owned());
    unless_set(o::REGISTRATION_ERROR_DELAY, "200".to_owned());
    unless_set(o::STANDALONE_START_UP_TIME, ms(SLOT_WAIT));
    unless_set(o::SLOT_REQUEST_TIMEOUT, ms(SLOT_WAIT));
    // Setting only one could contradict the user's value of the other.
    if config.explicit(&o::HEARTBEAT_INTERVAL).is_none() && config.explicit(&o::HEARTBEAT_TIMEOUT).is_none() {
        unless_set(o::HEARTBEAT_INTERVAL, ms(HEARTBEAT_INTERVAL));
        unless_set(o::HEARTBEAT_TIMEOUT, ms(HEARTBEAT_TIMEOUT));
    }
    unless_set(o::TM_REGISTRATION_TIMEOUT, ms(REGISTRATION_TIMEOUT));
    unless_set(o::CHECKPOINT_RETENTION, "DELETE_ON_CANCELLATION".to_owned());
    unless_set(o::CHECKPOINT_STATISTICS_TIMEOUT, ms(CHECKPOINTS_AGE));
    if !finds_checkpoints(config)? {
        // The older key is read by all versions.
        let key = if version.at_least(1, 20) { o::CHECKPOINTS_RETAINED } else { OLDER_RETAINED };
        if config.explicit(&o::CHECKPOINTS_RETAINED).is_none() {
            unless_set(key, RETAINED.to_string());
        }
    }
    Ok(settings)
}

/// What `System.exit` does in an application with one job, unless its owner has chosen: in the JobManager, in a TaskManager.
///
/// A program may exit once its job has ended, with 0 or with a code that reflects the result: the JobManager, in which
/// `main()` runs, logs the code and exits. A task that exits would end the TaskManager, and the tasks of others, as well.
pub fn system_exit(config: &FlinkConfig, mode: Mode) -> Option<[String; 2]> {
    let option = o::INTERCEPT_USER_SYSTEM_EXIT;
    let unset = mode == Mode::Application && config.explicit(&option).is_none();
    unset.then(|| ["LOG", "THROW"].map(|value| format!("{}={value}", option.key)))
}

/// The name before 1.20.
const OLDER_RETAINED: Opt = Opt::new("state.checkpoints.num-retained");

/// Whether a job's latest checkpoint can be found by listing the job's own directory.
fn finds_checkpoints(config: &FlinkConfig) -> Result<bool, ConfigError> {
    let Some(directory) = config.explicit(&o::CHECKPOINT_DIR) else { return Ok(false) };
    Ok(is_listable(directory) && config.boolean(&o::CHECKPOINT_SUBDIR)?.unwrap_or(true))
}

/// Whether a directory can be listed outside Flink; one without a scheme is on the default file system.
pub fn is_listable(uri: &str) -> bool {
    match uri.split_once(':') {
        Some((scheme, _)) => {
            ["hdfs", "viewfs", "file"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
        }
        None => true,
    }
}

/// Whether Flink's high availability is on: then Flink itself recovers jobs.
pub fn recovers(config: &FlinkConfig) -> bool {
    config.value(&o::HA_TYPE).is_some_and(|kind| !kind.eq_ignore_ascii_case("none"))
}

/// Whether the configuration enables checkpoints and says where they are stored.
///
/// # Errors
/// An interval that means disabled.
pub fn makes_checkpoints(config: &FlinkConfig) -> Result<bool, ConfigError> {
    let interval = config.duration(&o::CHECKPOINT_INTERVAL)?.is_some_and(|interval| !interval.is_zero());
    Ok(interval && config.explicit(&o::CHECKPOINT_DIR).is_some())
}

/// Adds [`required_settings`] to the configuration; returns a warning for each user's value that was replaced.
///
/// Addresses in Flink's stock configuration that are valid on one machine only (`localhost`) are removed, as in
/// flink-yarn, and so is a TaskManager's host.
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
        let (mut config, warnings) = applied(&[], Mode::Application);
        assert!(warnings.is_empty());
        let flat: Vec<_> = config.flat().iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            flat,
            [
                "cluster.processes.halt-on-fatal-error=true",
                "cluster.registration.error-delay=200",
                "cluster.thread-dump.stacktrace-max-depth=1000",
                "execution.attached=true",
                "execution.checkpointing.externalized-checkpoint-retention=DELETE_ON_CANCELLATION",
                "execution.checkpointing.num-retained=3",
                "execution.shutdown-on-application-finish=false",
                "execution.shutdown-on-attached-exit=false",
                "execution.submit-failed-job-on-application-error=true",
                "heartbeat.interval=2000",
                "heartbeat.timeout=15000",
                "resourcemanager.standalone.start-up-time=2592000000",
                "rest.cache.checkpoint-statistics.timeout=400",
                "slot.request.timeout=2592000000",
                "taskmanager.registration.timeout=900000",
            ]
        );
        let (session, _) = applied(&[], Mode::Session);
        assert!(!session.contains("execution.attached") && session.contains("slot.request.timeout"));
        assert_eq!(session.get("cluster.intercept-user-system-exit"), Some("THROW"));
        assert_eq!(system_exit(&session, Mode::Session), None);
        let each = system_exit(&config, Mode::Application).unwrap();
        assert!(each[0].ends_with("=LOG") && each[1].ends_with("=THROW"), "{each:?}");
        config.set("cluster.intercept-user-system-exit", "DISABLED");
        assert_eq!(system_exit(&config, Mode::Application), None);
    }

    #[test]
    fn settings_that_break_the_life_cycle_are_overridden_with_a_warning() {
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

    /// There is no attached client to send heartbeats, without which Flink would cancel the job.
    #[test]
    fn no_job_ends_for_lack_of_a_client() {
        for mode in [Mode::Application, Mode::SeveralJobs, Mode::Session] {
            let (config, warnings) = applied(&[("execution.shutdown-on-attached-exit", "true")], mode);
            assert_eq!(config.get("execution.shutdown-on-attached-exit"), Some("false"));
            assert!(
                warnings.len() == 1 && warnings[0].text.contains("client.heartbeat.timeout"),
                "{warnings:?}"
            );
        }
    }

    /// The table says for each setting how it is treated.
    #[test]
    fn settings_are_in_the_table_of_keys() {
        let version = Version::parse("1.20.5").unwrap();
        for mode in [Mode::Application, Mode::SeveralJobs, Mode::Session] {
            for setting in required_settings(&FlinkConfig::new(), &version, mode).unwrap() {
                let treatment = keys::treatment(setting.key).unwrap();
                assert_eq!(matches!(treatment, keys::Treatment::Set(_)), setting.forced, "{}", setting.key);
                assert_eq!(
                    matches!(treatment, keys::Treatment::Default(_)),
                    !setting.forced,
                    "{}",
                    setting.key
                );
                assert_eq!(treatment.text(), setting.reason, "{}", setting.key);
            }
        }
    }

    #[test]
    fn users_choice_wins_for_other_settings() {
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
    fn checkpoints_of_a_failed_job_are_kept_unless_its_owner_says_otherwise() {
        let key = "execution.checkpointing.externalized-checkpoint-retention";
        let kept = |settings: &[(&str, &str)], mode| applied(settings, mode).0.get(key).map(str::to_owned);
        for mode in [Mode::Application, Mode::SeveralJobs, Mode::Session] {
            assert_eq!(kept(&[], mode).as_deref(), Some("DELETE_ON_CANCELLATION"));
            let own = [("execution.checkpointing.interval", "10 s"), (key, "RETAIN_ON_CANCELLATION")];
            assert_eq!(kept(&own, mode).as_deref(), Some("RETAIN_ON_CANCELLATION"));
        }
    }

    #[test]
    fn several_checkpoints_are_retained_where_the_latest_cannot_be_listed() {
        let key = "execution.checkpointing.num-retained";
        let retained =
            |settings: &[(&str, &str)]| applied(settings, Mode::Application).0.get(key).map(str::to_owned);
        let three = Some("3".to_owned());
        // The program may set the directory.
        assert_eq!(retained(&[]), three);
        for listable in ["hdfs:///cp", "/cp", "viewfs://c/cp", "file:/cp", "HDFS://n/cp"] {
            assert_eq!(retained(&[("state.checkpoints.dir", listable)]), None, "{listable}");
        }
        assert_eq!(retained(&[("execution.checkpointing.dir", "s3://b/cp")]), three);
        let shared = ("execution.checkpointing.create-subdir", "false");
        assert_eq!(retained(&[("execution.checkpointing.dir", "hdfs:///cp"), shared]), three);
        assert_eq!(retained(&[(key, "7")]).as_deref(), Some("7"));
        assert_eq!(retained(&[("state.checkpoints.num-retained", "1")]), None, "the owner's own");
        let mut old = FlinkConfig::new();
        apply_required(&mut old, &Version::parse("1.18.1").unwrap(), Mode::Application).unwrap();
        assert_eq!(old.get("state.checkpoints.num-retained"), Some("3"));
        assert_eq!(old.get(key), None);
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
