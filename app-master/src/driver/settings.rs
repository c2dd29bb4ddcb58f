//! The machine's settings, from the launch specification and the two configurations.

use std::collections::BTreeSet;
use std::time::Duration;

use proto::launch::{self, LaunchSpec, Placement};
use yarn_client::conf::Configuration;
use yarn_client::flink::options::{self, CHECKPOINT_DIR, CHECKPOINT_SUBDIR, Opt};
use yarn_client::flink::{FlinkConfig, TaskManagerLimits, Version, settings as flink_settings};

use super::StartError;
use crate::machine::{History, SessionSettings, Settings, Size, Workload};

/// How often the ResourceManager is asked while an allocation is pending, unless the user says otherwise. More often is
/// of no use: its own granularity is the NodeManagers' heartbeat of 1 s.
const HEARTBEAT_PENDING: Duration = Duration::from_millis(200);

/// How long the ResourceManager is away before a later attempt is searched for.
const FENCE_AFTER: Duration = Duration::from_secs(30);
const HEARTBEAT_INTERVAL: Opt = without_default(options::YARN_HEARTBEAT_INTERVAL);
const CONTAINER_REQUEST_INTERVAL: Opt = without_default(options::YARN_CONTAINER_REQUEST_INTERVAL);
const REGISTRATION_TIMEOUT: Opt = options::TASK_MANAGER_START;
const HEARTBEAT_TIMEOUT: Opt = without_default(options::HEARTBEAT_TIMEOUT);
const SCHEDULER_MODE: Opt = options::SCHEDULER_MODE;
const TASK_MANAGER_TIMEOUT: Opt = options::TASK_MANAGER_IDLE;

/// For options with defaults of our own.
const fn without_default(option: Opt) -> Opt {
    Opt { default: None, ..option }
}

/// # Errors
/// A value is malformed.
pub(crate) fn settings(
    spec: &LaunchSpec,
    config: &FlinkConfig,
    conf: &Configuration,
    history: History,
) -> Result<Settings, StartError> {
    let asked = spec.workload.as_ref().ok_or(StartError::NoWorkload)?;
    let task_manager = spec.task_manager.clone().unwrap_or_default();
    let fixed_id = matches!(asked, launch::Workload::Job(job) if job.fixed_id);
    let version = Version::parse(&spec.flink_version)?;
    let duration = |option: &Opt, default: Duration| -> Result<Duration, StartError> {
        Ok(config.duration(option)?.unwrap_or(default))
    };
    let heartbeat = config.integer(&HEARTBEAT_INTERVAL)?.unwrap_or(5).max(1);
    // A new attempt starts as soon as the ResourceManager misses either the application master or its node.
    let expiry =
        ["yarn.am.liveness-monitor.expiry-interval-ms", "yarn.nm.liveness-monitor.expiry-interval-ms"]
            .into_iter()
            .filter_map(|key| conf.get(key)?.trim().parse().ok())
            .chain([600_000])
            .min()
            .map_or(Duration::ZERO, Duration::from_millis);
    Ok(Settings {
        workload: match asked {
            launch::Workload::Job(job) => Workload::Job(job.job_id.clone()),
            launch::Workload::Program(_) => Workload::Program,
            launch::Workload::Session(settings) => Workload::Session(session(settings)),
        },
        reactive: config.value(&SCHEDULER_MODE).is_some_and(|mode| mode.eq_ignore_ascii_case("reactive")),
        history,
        recovers: flink_settings::recovers(config),
        checkpoints_configured: flink_settings::makes_checkpoints(config)?,
        checkpoint_directory: config.explicit(&CHECKPOINT_DIR).is_some(),
        restart_from_scratch: spec.restart_from_scratch,
        own_directory: !fixed_id && config.boolean(&CHECKPOINT_SUBDIR)?.unwrap_or(true),
        heartbeat_timeout: duration(&HEARTBEAT_TIMEOUT, Duration::from_secs(50))?,
        spread: spec.placement.as_ref().is_some_and(|placement| placement.spread),
        hosts: spec.placement.as_ref().map_or(0, hosts),
        fence_after: (expiry / 3).min(FENCE_AFTER),
        lease: expiry.mul_f32(0.8),
        parallelism: asked.program().map_or(1, |program| program.parallelism.max(1)),
        slots: task_manager.slots.max(1),
        task_manager_mib: task_manager.memory_mib,
        limits: spec.limits.map_or(TaskManagerLimits::NONE, |limits| TaskManagerLimits {
            min: limits.min_task_managers,
            max: limits.max_task_managers,
            redundant: limits.redundant_task_managers,
        }),
        application_layer: version.features().applications,
        heartbeat: Duration::from_secs(heartbeat.unsigned_abs()),
        heartbeat_pending: duration(&CONTAINER_REQUEST_INTERVAL, HEARTBEAT_PENDING)?,
        registration_timeout: duration(&REGISTRATION_TIMEOUT, Duration::from_secs(300))?,
        idle_timeout: duration(&TASK_MANAGER_TIMEOUT, Duration::from_secs(30))?,
    })
}

fn session(session: &launch::Session) -> SessionSettings {
    let size = Size { min: session.min_task_managers, max: session.max_task_managers };
    SessionSettings { size, idle_timeout: session.idle_timeout_ms.map(Duration::from_millis) }
}

/// If racks are named, the number of hosts is unknown.
fn hosts(placement: &Placement) -> u32 {
    let named = placement.hosts.iter().collect::<BTreeSet<_>>().len();
    if placement.racks.is_empty() { u32::try_from(named).unwrap_or(0) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings_of(options: &[(&str, &str)]) -> Result<Settings, StartError> {
        settings_for(launch::Workload::Job(launch::Job::default()), options)
    }

    fn settings_for(workload: launch::Workload, options: &[(&str, &str)]) -> Result<Settings, StartError> {
        let workload = Some(workload);
        let spec = LaunchSpec { flink_version: "1.20.5".to_owned(), workload, ..LaunchSpec::default() };
        let config = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        settings(&spec, &FlinkConfig::from_flat(config), &Configuration::default(), History::default())
    }

    #[test]
    fn each_workload_is_read_as_what_it_is() {
        let program = launch::Program { parallelism: 4, ..launch::Program::default() };
        let job = launch::Job { job_id: "ab".repeat(16), fixed_id: true, program: Some(program.clone()) };
        let settings = settings_for(launch::Workload::Job(job), &[]).expect("a job");
        assert_eq!(settings.workload, Workload::Job("ab".repeat(16)));
        assert_eq!((settings.parallelism, settings.own_directory), (4, false));
        let settings = settings_for(launch::Workload::Program(program), &[]).expect("a program");
        assert_eq!((settings.workload, settings.parallelism), (Workload::Program, 4));
        let session =
            launch::Session { min_task_managers: 1, max_task_managers: 3, idle_timeout_ms: Some(500) };
        let settings = settings_for(launch::Workload::Session(session), &[]).expect("a session");
        let size = Size { min: 1, max: 3 };
        let idle_timeout = Some(Duration::from_millis(500));
        assert_eq!(settings.workload, Workload::Session(SessionSettings { size, idle_timeout }));
        assert_eq!(settings.parallelism, 1);
    }

    #[test]
    fn heartbeat_intervals_come_from_the_configuration() {
        let settings = settings_of(&[]).expect("defaults");
        assert_eq!(settings.heartbeat, Duration::from_secs(5));
        assert_eq!(settings.heartbeat_pending, HEARTBEAT_PENDING);
        let settings = settings_of(&[
            ("yarn.heartbeat.interval", "7"),
            ("yarn.heartbeat.container-request-interval", "300"),
            ("resourcemanager.taskmanager-timeout", "1 min"),
            ("resourcemanager.taskmanager-registration.timeout", "2 min"),
        ])
        .expect("good values");
        assert_eq!(settings.heartbeat, Duration::from_secs(7));
        assert_eq!(settings.heartbeat_pending, Duration::from_millis(300));
        assert_eq!(settings.idle_timeout, Duration::from_secs(60));
        assert_eq!(settings.registration_timeout, Duration::from_secs(120));
        let older = settings_of(&[("slotmanager.taskmanager-timeout", "2 min")]).expect("the deprecated key");
        assert_eq!(older.idle_timeout, Duration::from_secs(120));
        let older = settings_of(&[("yarn.heartbeat-delay", "9")]).expect("the deprecated key");
        assert_eq!(older.heartbeat, Duration::from_secs(9));
    }

    #[test]
    fn invalid_heartbeat_intervals_are_errors() {
        for key in ["yarn.heartbeat.interval", "yarn.heartbeat.container-request-interval"] {
            let error = settings_of(&[(key, "often")]).expect_err("not a number");
            assert!(error.to_string().contains(key), "{error}");
        }
    }
}
