//! What will be requested from YARN for a job: sizes, files, environments, class path. Pure: nothing is read or sent.

mod launch;
mod ports;
mod rolled_logs;
mod sizes;
mod state;

use std::collections::{BTreeMap, BTreeSet};

use proto::ids::ApplicationId;

use super::container_env;
use super::error::PreflightError;
use super::files;
use super::keys;
use super::login::{self, ContainerLogin};
use super::placed::Placed;
use super::spec::ResolvedJob;
use crate::cluster::tags;
use crate::conf::Configuration;
use crate::conf::keys::RM_AM_MAX_ATTEMPTS;
use crate::flink::options::{self, Opt};
use crate::flink::{FlinkConfig, Version, Warning, command, settings};
use crate::hdfs::stage::{StagePlan, StagingOptions};
use crate::running::session;
use crate::yarn::{LocalResource, MAX_TAG_LENGTH, MAX_TAGS, Resource};
use ports::Ports;
use sizes::Sizes;
use state::State;

/// Directory of the Flink configuration inside a container.
pub const CONF_DIR: &str = "conf";
/// Name of the application master's binary inside its container.
pub const APP_MASTER: &str = "flink-app-master";
/// Flink's upper limit for the parallelism of an operator (`KeyGroupRangeAssignment.UPPER_BOUND_MAX_PARALLELISM`).
const MAX_PARALLELISM: i64 = 1 << 15;
/// The ResourceManager truncates longer ones (`YarnConfiguration.APPLICATION_TYPE_LENGTH`).
const MAX_TYPE_LENGTH: usize = 20;

/// The position of the job's jar on the class path (`yarn.classpath.include-user-jar`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserJar {
    /// In `usrlib/`: Flink's user class loader loads it. The default here, as it keeps the program's libraries separate
    /// from Flink's; flink-yarn's default is `Order`.
    UserLib,
    /// Before everything else.
    First,
    /// Among the other jars, by name.
    Order,
    /// After everything else.
    Last,
}

/// What will be requested from YARN.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name of the application.
    pub name: String,
    /// Its type, at most 20 characters.
    pub application_type: String,
    /// Queue; `None` if none was given, which leaves the choice to the ResourceManager's placement rules.
    pub queue: Option<String>,
    /// Priority within the queue; `None` means the cluster's default.
    pub priority: Option<i32>,
    /// Tags, lower case.
    pub tags: BTreeSet<String>,
    /// Node label expression of all containers.
    pub node_label: Option<String>,
    /// Requested attempts; the ResourceManager may grant fewer.
    pub max_attempts: u32,
    /// Whether Flink's high availability is on: TaskManagers outlive an attempt, and find the next one's JobManager.
    pub recovers: bool,
    /// Failures of attempts older than this (ms) do not count; `None`: all count.
    pub attempt_validity_ms: Option<i64>,
    /// Container of the application master, which holds the JobManager.
    pub master: Resource,
    /// Container of a TaskManager.
    pub task_manager: Resource,
    /// Slots of a TaskManager.
    pub slots: u32,
    /// TaskManagers that the configured parallelism needs.
    pub task_managers: u32,
    /// Where and how files are staged.
    pub staging: StagingOptions,
    /// Files to stage, apart from those that need the application's id.
    pub files: StagePlan,
    /// Environment of the application master.
    pub master_env: BTreeMap<String, String>,
    /// Command of the application master.
    pub command: String,
    /// Patterns of rolled log files to aggregate while the application runs: include, exclude.
    pub rolled_logs: (Option<String>, Option<String>),
    /// ACLs: who may view, who may modify.
    pub acls: (Option<String>, Option<String>),
    /// Version of the distribution.
    pub version: Version,
    /// The effective Flink configuration.
    pub config: FlinkConfig,
    /// The job's id.
    pub job_id: String,
    /// Full URI of the savepoint to start from.
    pub savepoint: Option<String>,
    /// Class to run, as far as known.
    pub main_class: Option<String>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    task_manager_env: BTreeMap<String, String>,
    hadoop_conf: BTreeMap<String, String>,
    job: ResolvedJob,
    sizes: Sizes,
    ports: Ports,
    user_jar: UserJar,
    user: String,
    /// Set by [`Plan::with_login`].
    pub(super) login: Option<ContainerLogin>,
}

impl Plan {
    /// Computes the plan of a job for `user`.
    ///
    /// # Errors
    /// [`PreflightError`] for memory sizes that do not add up and settings that YARN would not accept.
    pub fn new(job: &ResolvedJob, hadoop: &Configuration, user: &str) -> Result<Self, PreflightError> {
        let State { mut config, savepoint, mut warnings } = State::of(job, hadoop)?;
        login::remove_from(&mut config);
        let sizes = Sizes::derive(&mut config, job.session.as_ref())?;
        warnings.extend(too_parallel(&config, sizes.parallelism)?);
        let max_attempts = attempts(&config, hadoop, &mut warnings)?;
        warnings.extend(sizes.beyond_limits());
        let ports = Ports::of(&config)?;
        let recovers = settings::recovers(&config);
        // With high availability Flink reads a separate key.
        if recovers && config.explicit(&options::HA_JM_PORT).is_none() {
            config.set(options::HA_JM_PORT.key, &ports.rpc);
        }
        check_command_template(&config)?;
        let user_jar = user_jar(&config)?;
        let priority = number(&config, &keys::PRIORITY, i64::from(i32::MIN)..=i64::from(i32::MAX))?;
        let validity = number(&config, &keys::ATTEMPT_VALIDITY, -1..=i64::MAX)?;
        let replication = number(&config, &keys::FILE_REPLICATION, -1..=512)?;
        // Flink chooses the ids of a session's jobs, and of the jobs of a program with several.
        let own_id = job.session.is_none() && !job.multi_job;
        let text = |option: &Opt| text(&config, option);
        Ok(Self {
            name: text(&keys::APPLICATION_NAME).unwrap_or_else(|| default_name(job)),
            application_type: application_type(&config)?,
            queue: text(&keys::QUEUE),
            priority: i32::try_from(priority).ok().filter(|priority| *priority >= 0),
            tags: session_tag(job).into_iter().chain(tags(&config)?).collect(),
            node_label: text(&keys::NODE_LABEL),
            max_attempts,
            recovers,
            attempt_validity_ms: Some(validity).filter(|validity| *validity > 0),
            master: sizes.master(),
            task_manager: sizes.task_manager(),
            slots: sizes.slots(),
            task_managers: sizes.task_managers(),
            staging: StagingOptions {
                base: text(&keys::STAGING_DIRECTORY),
                replication: u32::try_from(replication).ok().filter(|replication| *replication > 0),
                ..StagingOptions::default()
            },
            files: files::stage_plan(job, &config, user_jar)?,
            master_env: container_env::master(&config, hadoop, user),
            command: format!("exec ./{APP_MASTER} 1><LOG_DIR>/appmaster.stdout 2><LOG_DIR>/appmaster.stderr"),
            rolled_logs: (
                text(&keys::ROLLED_LOGS_INCLUDE).or_else(|| rolled_logs::default_pattern(hadoop)),
                text(&keys::ROLLED_LOGS_EXCLUDE),
            ),
            acls: (text(&keys::VIEW_ACLS), text(&keys::MODIFY_ACLS)),
            version: job.version.clone(),
            job_id: if own_id { job.job_id.clone() } else { String::new() },
            savepoint,
            main_class: job.main_class.clone(),
            warnings,
            task_manager_env: container_env::task_manager(&config, hadoop, user),
            hadoop_conf: hadoop.flat(),
            job: job.clone(),
            sizes,
            ports,
            user_jar,
            user: user.to_owned(),
            login: None,
            config,
        })
    }

    /// The user as whom the application runs.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whether Flink's REST server is for everyone who can reach it.
    pub(super) fn open_rest(&self) -> bool {
        self.job.open_rest
    }

    /// Turns it into the plan of a job with this id.
    pub(super) fn set_job_id(&mut self, id: &str, fixed: bool) {
        self.job_id = id.to_owned();
        self.job.fixed_job_id = fixed;
    }

    /// The Flink configuration of this application: the plan's, plus what depends on its id.
    pub fn config_for(&self, id: ApplicationId) -> FlinkConfig {
        let mut config = self.config.clone();
        let ha =
            config.explicit(&keys::HIGH_AVAILABILITY).is_some_and(|kind| !kind.eq_ignore_ascii_case("none"));
        // Flink's own default, `/default`, would mix all applications that use one ZooKeeper.
        if ha && config.explicit(&keys::HA_CLUSTER_ID).is_none() {
            config.set(keys::HA_CLUSTER_ID.key, id.to_string());
        }
        config
    }

    /// What was staged, under the names it gets in the containers.
    pub(super) fn place(&self, staged: Vec<LocalResource>) -> Placed {
        Placed::of(staged, files::jar_link(&self.job, self.user_jar).as_deref())
    }

    /// The application master's environment, once the class path is known.
    pub fn master_env_with(&self, class_path: &[String]) -> BTreeMap<String, String> {
        let mut env = self.master_env.clone();
        container_env::add_class_path(&mut env, class_path);
        env
    }
}

/// The value of an option, if it has one.
fn text(config: &FlinkConfig, option: &Opt) -> Option<String> {
    config.value(option).map(str::to_owned).filter(|value| !value.is_empty())
}

fn number(
    config: &FlinkConfig,
    option: &Opt,
    range: std::ops::RangeInclusive<i64>,
) -> Result<i64, PreflightError> {
    let value = config.integer(option)?.unwrap_or_else(|| *range.start());
    if range.contains(&value) {
        return Ok(value);
    }
    let reason = format!("is not between {} and {}", range.start(), range.end());
    Err(PreflightError::Value { key: option.key, value: value.to_string(), reason })
}

/// A warning for a parallelism above what Flink allows for an operator.
fn too_parallel(config: &FlinkConfig, parallelism: u32) -> Result<Option<Warning>, PreflightError> {
    let most = number(config, &keys::MAX_PARALLELISM, -1..=MAX_PARALLELISM)?;
    let allowed = most <= 0 || i64::from(parallelism) <= most;
    Ok((!allowed).then(|| Warning {
        key: keys::PARALLELISM.key.to_owned(),
        text: format!(
            "{parallelism} is more than `{}` allows ({most}): operators without an explicit parallelism \
             cannot run",
            keys::MAX_PARALLELISM.key
        ),
    }))
}

fn check_command_template(config: &FlinkConfig) -> Result<(), PreflightError> {
    match config.explicit(&keys::COMMAND_TEMPLATE) {
        Some(template) if command::needs_shell(template) => Err(PreflightError::Value {
            key: keys::COMMAND_TEMPLATE.key,
            value: template.to_owned(),
            reason: "needs a shell, but the JobManager is started without one: only words, variables and \
                 placeholders are supported"
                .to_owned(),
        }),
        _ => Ok(()),
    }
}

/// The ResourceManager caps silently; so at least warn (FLINK-20347) if its setting is known here. A default is not
/// enough: the cluster may use a different one.
fn attempts(
    config: &FlinkConfig,
    hadoop: &Configuration,
    warnings: &mut Vec<Warning>,
) -> Result<u32, PreflightError> {
    let wanted = number(config, &keys::ATTEMPTS, 1..=i64::from(i32::MAX))?;
    let said = |key| hadoop.get(key).and_then(|cap| cap.parse::<i64>().ok()).map(|cap| (key, cap));
    let cap = said("yarn.resourcemanager.am.global.max-attempts").or_else(|| said(RM_AM_MAX_ATTEMPTS));
    if let Some((key, cap)) = cap.filter(|(_, cap)| wanted > (*cap).max(1)) {
        warnings.push(Warning {
            key: keys::ATTEMPTS.key.to_owned(),
            text: format!(
                "{wanted} attempts requested; the cluster allows {cap}, if `{key}` is the same there as here"
            ),
        });
    }
    Ok(u32::try_from(wanted).unwrap_or(u32::MAX))
}

fn user_jar(config: &FlinkConfig) -> Result<UserJar, PreflightError> {
    let Some(value) = config.explicit(&keys::INCLUDE_USER_JAR) else { return Ok(UserJar::UserLib) };
    match value.to_ascii_uppercase().as_str() {
        "DISABLED" => Ok(UserJar::UserLib),
        "FIRST" => Ok(UserJar::First),
        "LAST" => Ok(UserJar::Last),
        "ORDER" => Ok(UserJar::Order),
        _ => Err(PreflightError::Value {
            key: keys::INCLUDE_USER_JAR.key,
            value: value.to_owned(),
            reason: "is not supported (expected one of: DISABLED, FIRST, LAST, ORDER)".to_owned(),
        }),
    }
}

fn tags(config: &FlinkConfig) -> Result<BTreeSet<String>, PreflightError> {
    let value = config.value(&keys::TAGS).unwrap_or_default();
    // The ResourceManager stores them in lower case.
    let tags: BTreeSet<String> =
        value.split(',').map(|tag| tag.trim().to_ascii_lowercase()).filter(|tag| !tag.is_empty()).collect();
    let refuse = |value: &str, reason: String| {
        Err(PreflightError::Value { key: keys::TAGS.key, value: value.to_owned(), reason })
    };
    if tags.len() > MAX_TAGS {
        return refuse(value, format!("has {} tags; YARN accepts at most {MAX_TAGS}", tags.len()));
    }
    for tag in &tags {
        if tag.len() > MAX_TAG_LENGTH {
            return refuse(tag, format!("is longer than {MAX_TAG_LENGTH} characters"));
        }
        if !tag.is_ascii() {
            return refuse(tag, "is not plain ASCII".to_owned());
        }
    }
    Ok(tags)
}

/// The tag by which sessions are recognized in the ResourceManager's list.
fn session_tag(job: &ResolvedJob) -> Option<String> {
    job.session.as_ref().map(|_| tags::SESSION.to_owned())
}

fn application_type(config: &FlinkConfig) -> Result<String, PreflightError> {
    let value = config.value(&keys::APPLICATION_TYPE).unwrap_or_default().to_owned();
    if value.chars().count() > MAX_TYPE_LENGTH {
        let reason = format!("is longer than {MAX_TYPE_LENGTH} characters");
        return Err(PreflightError::Value { key: keys::APPLICATION_TYPE.key, value, reason });
    }
    Ok(value)
}

/// The class or the jar is more informative than flink-yarn's "Flink Application Cluster".
fn default_name(job: &ResolvedJob) -> String {
    match (&job.main_class, &job.jar) {
        (Some(class), _) => class.rsplit(['.', '$']).next().unwrap_or(class).to_owned(),
        (None, Some(jar)) => jar.file_name(),
        // The name that Flink's own client uses.
        (None, None) => session::DEFAULT_NAME.to_owned(),
    }
}

#[cfg(test)]
pub(super) mod tests;
