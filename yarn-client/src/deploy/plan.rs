//! What will be asked of YARN for a job: sizes, files, environments, class path. Pure: nothing is read or sent.

mod rolled_logs;

use std::collections::{BTreeMap, BTreeSet};

use proto::ids::ApplicationId;
use proto::launch::{File, Job, JobManager, LaunchSpec, Limits, LocalResource, TaskManager, local_resource};

use super::container_env;
use super::error::PreflightError;
use super::files;
use super::keys;
use super::placed::Placed;
use super::spec::ResolvedJob;
use super::state_paths::StateRoot;
use crate::conf::Configuration;
use crate::conf::keys::RM_AM_MAX_ATTEMPTS;
use crate::counted;
use crate::flink::memory::MemoryError;
use crate::flink::options::{self, Opt};
use crate::flink::ports::PortRange;
use crate::flink::settings::Mode;
use crate::flink::{
    FlinkConfig, JobManagerMemory, TaskManagerLimits, TaskManagerMemory, Version, Warning, command, settings,
};
use crate::hdfs::stage::{StagePlan, StagingOptions};
use crate::yarn::Resource;

/// Directory of the Flink configuration inside a container.
pub const CONF_DIR: &str = "conf";
/// Name of the application master's binary inside its container.
pub const APP_MASTER: &str = "flink-app-master";
/// The port every stock configuration names; two JobManagers on one node cannot both have it.
const STOCK_RPC_PORT: &str = "6123";
/// Flink's limit of what an operator may ever have (`KeyGroupRangeAssignment.UPPER_BOUND_MAX_PARALLELISM`).
const MAX_PARALLELISM: i64 = 1 << 15;
/// Process sizes of the stock configuration, for a distribution without one (PyPI's has no `conf/`).
const STOCK_SIZES: [(&str, &str); 2] =
    [(keys::JOB_MANAGER_PROCESS_SIZE, "1600m"), (keys::TASK_MANAGER_PROCESS_SIZE, "1728m")];
/// Limits of the ResourceManager (`YarnConfiguration.APPLICATION_MAX_TAGS`, `APPLICATION_MAX_TAG_LENGTH`).
pub(super) const MAX_TAGS: usize = 10;
pub(super) const MAX_TAG_LENGTH: usize = 100;
/// The ResourceManager cuts longer ones off (`YarnConfiguration.APPLICATION_TYPE_LENGTH`).
const MAX_TYPE_LENGTH: usize = 20;

/// Where the job's jar stands on the class path (`yarn.classpath.include-user-jar`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserJar {
    /// In `usrlib/`: Flink's user class loader loads it. The default here, as it keeps the program's libraries
    /// apart from Flink's; flink-yarn's default is `Order`.
    UserLib,
    /// Before everything else.
    First,
    /// Among the other jars, by name.
    Order,
    /// After everything else.
    Last,
}

/// What will be asked of YARN.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name of the application.
    pub name: String,
    /// Its type, at most 20 characters.
    pub application_type: String,
    /// Queue; `None` where nobody has named one, which leaves the choice to the ResourceManager's placement rules.
    pub queue: Option<String>,
    /// Priority within the queue; `None` leaves the cluster's default.
    pub priority: Option<i32>,
    /// Tags, lower case.
    pub tags: BTreeSet<String>,
    /// Node label expression of all containers.
    pub node_label: Option<String>,
    /// Attempts that are asked for; the ResourceManager may grant fewer.
    pub max_attempts: u32,
    /// Flink's high availability is on: TaskManagers outlive an attempt, and find the next one's JobManager.
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
    /// Patterns of rolled log files to collect while the application runs: include, exclude.
    pub rolled_logs: (Option<String>, Option<String>),
    /// ACLs: who may view, who may modify.
    pub acls: (Option<String>, Option<String>),
    /// Version of the distribution.
    pub version: Version,
    /// The effective Flink configuration.
    pub config: FlinkConfig,
    /// The job's id.
    pub job_id: String,
    /// Full URI of the savepoint to begin with.
    pub savepoint: Option<String>,
    /// Class to run, as far as known.
    pub main_class: Option<String>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
    user_jar: UserJar,
    user: String,
    spec: LaunchSpec,
}

impl Plan {
    /// Computes the plan of a job for `user`.
    ///
    /// # Errors
    /// [`PreflightError`] for memory sizes that do not add up and settings that YARN would not take.
    pub fn new(job: &ResolvedJob, hadoop: &Configuration, user: &str) -> Result<Self, PreflightError> {
        let mut config = job.config.clone();
        let mut warnings = job.warnings.clone();
        let state = StateRoot::of_cluster(hadoop, &config)?;
        warnings.extend(state.apply(&mut config)?);
        let savepoint = match &job.savepoint {
            Some(given) => {
                let path = state.qualify("the savepoint", given)?.into_owned();
                if path != *given {
                    let text = format!("{given} is taken as {path}");
                    warnings.push(Warning { key: keys::SAVEPOINT.key.to_owned(), text });
                }
                Some(path)
            }
            None => None,
        };
        let job_manager = derive(&mut config, "JobManager", STOCK_SIZES[0], JobManagerMemory::derive)?;
        let task_manager = derive(&mut config, "TaskManagers", STOCK_SIZES[1], TaskManagerMemory::derive)?;
        let limits = TaskManagerLimits::of(&config, &task_manager)?;
        let session = job.session.as_ref().map(|size| size.resolve(&limits)).transpose()?;

        let priority = number(&config, &keys::PRIORITY, i64::from(i32::MIN)..=i64::from(i32::MAX))?;
        let parallelism = number(&config, &keys::PARALLELISM, 1..=MAX_PARALLELISM)?;
        let most = number(&config, &keys::MAX_PARALLELISM, -1..=MAX_PARALLELISM)?;
        if most > 0 && parallelism > most {
            let text = format!(
                "{parallelism} is more than {} allows ({most}): operators without a parallelism of their own cannot run",
                keys::MAX_PARALLELISM.key
            );
            warnings.push(Warning { key: keys::PARALLELISM.key.to_owned(), text });
        }
        let vcores = number(&config, &keys::MASTER_VCORES, 1..=i64::from(i32::MAX))?;
        let replication = number(&config, &keys::FILE_REPLICATION, -1..=512)?;
        let validity = number(&config, &keys::ATTEMPT_VALIDITY, -1..=i64::MAX)?;
        let max_attempts = attempts(&config, hadoop, &mut warnings)?;
        let user_jar = user_jar(&config)?;
        let ports = [
            (keys::RPC_PORT.key, rpc_ports(&config)),
            (keys::REST_BIND_PORT.key, config.value(&keys::REST_BIND_PORT).unwrap_or("0")),
            (keys::BLOB_PORT.key, config.value(&keys::BLOB_PORT).unwrap_or("0")),
            (keys::WEB_PORT.key, config.value(&keys::WEB_PORT).unwrap_or("0")),
        ];
        for (key, range) in ports {
            PortRange::parse(range).map_err(|source| PreflightError::Ports { key, source })?;
        }
        let [rpc_port_range, rest_port_range, blob_port_range, web_ports] =
            ports.map(|(_, range)| range.to_owned());
        // With high availability Flink looks at a key of its own.
        if settings::recovers(&config) && config.explicit(&options::HA_JM_PORT).is_none() {
            config.set(options::HA_JM_PORT.key, &rpc_port_range);
        }
        if let Some(template) = config.explicit(&keys::COMMAND_TEMPLATE)
            && command::needs_shell(template)
        {
            return Err(PreflightError::Value {
                key: keys::COMMAND_TEMPLATE.key,
                value: template.to_owned(),
                reason: "needs a shell; the JobManager is started without one, by words, variables and placeholders"
                    .to_owned(),
            });
        }

        let text = |option: &Opt| config.value(option).map(str::to_owned).filter(|value| !value.is_empty());
        let slots = task_manager.slots.max(1);
        let parallelism = u32::try_from(parallelism).unwrap_or(u32::MAX);
        let demand = parallelism.div_ceil(slots);
        if session.is_none() && demand > limits.max {
            warnings.push(beyond_limits(parallelism, demand, limits.max));
        }
        let env = container_env::task_manager(&config, hadoop, user);
        let mode = Mode::of(session.is_some(), job.multi_job);
        let [master_exits, task_manager_exits] =
            settings::system_exit(&config, mode).map_or_else(Default::default, |each| each.map(Some));
        // Of a session, and of a program with several jobs, the ids are Flink's.
        let job_id = if job.session.is_some() || job.multi_job { String::new() } else { job.job_id.clone() };
        let spec = LaunchSpec {
            version: proto::launch::VERSION,
            staging_dir: String::new(),
            flink_version: job.version.to_string(),
            application_name: String::new(),
            user: user.to_owned(),
            hadoop_conf: hadoop.flat().into_iter().collect(),
            flink_conf: Default::default(),
            classpath: Vec::new(),
            session,
            limits: Some(Limits {
                min_task_managers: limits.min,
                max_task_managers: limits.max,
                redundant_task_managers: limits.redundant,
            }),
            open_rest: job.open_rest,
            web_port_range: web_ports,
            job: job.session.is_none().then(|| Job {
                multi_job: job.multi_job,
                job_id: job_id.clone(),
                main_class: job.main_class.clone(),
                args: job.args.clone(),
                parallelism,
                savepoint_path: savepoint.clone(),
                allow_non_restored_state: job.allow_non_restored_state,
                fixed_id: job.fixed_job_id && !job.multi_job,
                jar: files::jar_link(job, user_jar).unwrap_or_default(),
            }),
            job_manager: Some(JobManager {
                jvm_args: command::job_manager_jvm_args(&config, &job_manager, &job.version),
                dynamic_properties: job_manager
                    .dynamic_properties()
                    .into_iter()
                    .chain(master_exits)
                    .collect(),
                rpc_port_range,
                rest_port_range,
                blob_port_range,
            }),
            task_manager: Some(TaskManager {
                memory_mib: task_manager.process_mib(),
                vcores: task_manager.vcores(),
                slots,
                jvm_args: command::task_manager_jvm_args(&config, &task_manager, &job.version),
                dynamic_properties: task_manager
                    .dynamic_properties()
                    .into_iter()
                    .chain(task_manager_exits)
                    .collect(),
                env: env.into_iter().collect(),
                local_resources: Vec::new(),
                node_label: text(&keys::TASK_MANAGER_NODE_LABEL),
                external_resources: external_resources(&config, &task_manager).into_iter().collect(),
                command_template: text(&keys::COMMAND_TEMPLATE).unwrap_or_default(),
            }),
            conf_dir: CONF_DIR.to_owned(),
            max_attempts,
            view_acls: text(&keys::VIEW_ACLS).unwrap_or_default(),
            modify_acls: text(&keys::MODIFY_ACLS).unwrap_or_default(),
            job_manager_mib: job_manager.process_mib(),
            files: files::own(job),
            restart_from_scratch: job.restart_from_scratch,
            placement: Some(job.placement.clone()),
            key: None,
            links: Vec::new(),
        };
        let task_manager_resource = Resource {
            memory_mib: task_manager.process_mib(),
            vcores: task_manager.vcores(),
            others: external_resources(&config, &task_manager),
        };
        Ok(Self {
            name: text(&keys::APPLICATION_NAME).unwrap_or_else(|| default_name(job)),
            application_type: application_type(&config)?,
            queue: text(&keys::QUEUE),
            priority: i32::try_from(priority).ok().filter(|priority| *priority >= 0),
            tags: session_tag(job).into_iter().chain(tags(&config)?).collect(),
            node_label: text(&keys::NODE_LABEL),
            max_attempts,
            recovers: settings::recovers(&config),
            attempt_validity_ms: Some(validity).filter(|validity| *validity > 0),
            master: Resource::new(job_manager.process_mib(), u32::try_from(vcores).unwrap_or(1)),
            task_manager: task_manager_resource,
            slots,
            task_managers: match &session {
                Some(session) => session.min_task_managers,
                None => limits.wanted(demand),
            },
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
            job_id,
            savepoint,
            main_class: job.main_class.clone(),
            warnings,
            user_jar,
            user: user.to_owned(),
            config,
            spec,
        })
    }

    /// The user the application runs for.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Makes it the plan of a job with this id.
    pub(super) fn set_job_id(&mut self, id: &str, fixed: bool) {
        self.job_id = id.to_owned();
        if let Some(job) = &mut self.spec.job {
            job.job_id = id.to_owned();
            job.fixed_id = fixed;
        }
    }

    /// The Flink configuration of this application: the plan's, with what depends on its id.
    pub fn config_for(&self, id: ApplicationId) -> FlinkConfig {
        let mut config = self.config.clone();
        let ha =
            config.explicit(&keys::HIGH_AVAILABILITY).is_some_and(|kind| !kind.eq_ignore_ascii_case("none"));
        // Flink's own default, `/default`, would mix all applications of one ZooKeeper.
        if ha && config.explicit(&keys::HA_CLUSTER_ID).is_none() {
            config.set(keys::HA_CLUSTER_ID.key, id.to_string());
        }
        config
    }

    /// What was staged, under the names it gets in the containers.
    pub(super) fn place(&self, staged: Vec<LocalResource>) -> Placed {
        Placed::of(staged, self.spec.job.as_ref().map(|job| job.jar.as_str()))
    }

    /// The launch specification, once all files are on the cluster. `placed` is everything the containers get; the
    /// TaskManagers get all of it but the application master's binary.
    ///
    /// # Errors
    /// [`PreflightError::Flink`] for a value that `flink-conf.yaml` cannot hold.
    pub(super) fn launch_spec(
        &self,
        config: FlinkConfig,
        placed: &Placed,
        staging_dir: String,
    ) -> Result<LaunchSpec, PreflightError> {
        let (name, text) = config.file(&self.version)?;
        let mut spec = self.spec.clone();
        spec.staging_dir = staging_dir;
        spec.application_name.clone_from(&self.name);
        spec.flink_conf = config.flat().clone().into_iter().collect();
        spec.classpath = class_path(placed, self.user_jar);
        spec.links.clone_from(&placed.links);
        if let Some((job, jar)) = spec.job.as_mut().zip(placed.jar.as_ref()) {
            job.jar.clone_from(jar);
        }
        if let Some(task_manager) = &mut spec.task_manager {
            task_manager.local_resources.clone_from(&placed.resources);
            container_env::add_class_path(&mut task_manager.env, &spec.classpath);
        }
        spec.files.push(File { link: format!("{CONF_DIR}/{name}"), content: text.into() });
        Ok(spec)
    }

    /// The application master's environment, once the class path is known.
    pub fn master_env_with(&self, class_path: &[String]) -> BTreeMap<String, String> {
        let mut env = self.master_env.clone();
        container_env::add_class_path(&mut env, class_path);
        env
    }
}

/// The class path of both JVMs, relative to the working directory: directories, then jars, each sorted, flink-dist
/// last (`YarnClusterDescriptor`). Plugins and `usrlib` have class loaders of their own; archives are not class path.
pub(super) fn class_path(placed: &Placed, user_jar: UserJar) -> Vec<String> {
    let mut directories = BTreeSet::from([CONF_DIR.to_owned()]);
    let mut jars = BTreeSet::new();
    let (mut dist, mut first, mut last) = (Vec::new(), Vec::new(), Vec::new());
    for (known, resource) in placed.known() {
        let kind = resource.kind();
        let (directory, name) = known.rsplit_once('/').unwrap_or((".", known));
        let apart = known.starts_with("plugins/") || known.starts_with("usrlib/") || known == APP_MASTER;
        if apart || kind == local_resource::Kind::Archive {
            continue;
        }
        // Loaded by the plain name, in the order of the known one.
        let link = resource.link.clone();
        if let Some(user) = known.strip_prefix(files::USER_JAR_DIR) {
            match user_jar {
                UserJar::First => first.push(link),
                UserJar::Last => last.push(link),
                // By name among the others, wherever it lies.
                UserJar::Order | UserJar::UserLib => {
                    jars.insert((user.to_owned(), link));
                }
            }
        } else if !name.ends_with(".jar") {
            // No class path can hold the others.
            if !directory.contains(':') {
                directories.insert(directory.to_owned());
            }
        } else if name.starts_with("flink-dist") {
            dist.push(link);
        } else {
            jars.insert((known.to_owned(), link));
        }
    }
    let jars = jars.into_iter().map(|(_, link)| link);
    first.into_iter().chain(directories).chain(jars).chain(dist).chain(last).collect()
}

/// Derives memory sizes; where nothing at all is configured, from the stock configuration's process size.
fn derive<T>(
    config: &mut FlinkConfig,
    role: &'static str,
    (key, stock): (&str, &str),
    model: impl Fn(&FlinkConfig) -> Result<T, MemoryError>,
) -> Result<T, PreflightError> {
    match model(config) {
        Err(MemoryError::NotConfigured { .. }) => {
            config.set(key, stock);
            model(config)
        }
        other => other,
    }
    .map_err(|source| PreflightError::Memory { role, source })
}

/// Whether the job is streaming is not known yet.
fn beyond_limits(parallelism: u32, demand: u32, most: u32) -> Warning {
    let text = format!(
        "the parallelism {parallelism} needs {}, and slotmanager.* allows {most}: a batch job runs with fewer slots, \
         a streaming job waits for ever",
        counted(demand, "TaskManager")
    );
    Warning { key: keys::PARALLELISM.key.to_owned(), text }
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

/// The ResourceManager caps silently; a warning is the least (FLINK-20347), where its setting is known here. A default is not:
/// the cluster may have another.
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
                "{wanted} attempts are asked; the cluster grants {cap} if {key} is the same there as here"
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
            reason: "is none of DISABLED, FIRST, LAST, ORDER".to_owned(),
        }),
    }
}

/// `yarn.application-master.port`; else `jobmanager.rpc.port` where it is the user's own choice.
fn rpc_ports(config: &FlinkConfig) -> &str {
    config
        .explicit(&keys::MASTER_PORT)
        .or_else(|| config.explicit(&keys::RPC_PORT).filter(|port| port.trim() != STOCK_RPC_PORT))
        .unwrap_or("0")
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
        return refuse(value, format!("has {} tags; YARN takes at most {MAX_TAGS}", tags.len()));
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

/// By which the ResourceManager's list tells sessions.
fn session_tag(job: &ResolvedJob) -> Option<String> {
    job.session.as_ref().map(|_| super::session::TAG.to_owned())
}

fn application_type(config: &FlinkConfig) -> Result<String, PreflightError> {
    let value = config.value(&keys::APPLICATION_TYPE).unwrap_or_default().to_owned();
    if value.chars().count() > MAX_TYPE_LENGTH {
        let reason = format!("is longer than {MAX_TYPE_LENGTH} characters");
        return Err(PreflightError::Value { key: keys::APPLICATION_TYPE.key, value, reason });
    }
    Ok(value)
}

/// The class or the jar says more than flink-yarn's "Flink Application Cluster".
fn default_name(job: &ResolvedJob) -> String {
    match (&job.main_class, &job.jar) {
        (Some(class), _) => class.rsplit(['.', '$']).next().unwrap_or(class).to_owned(),
        (None, Some(jar)) => jar.file_name(),
        // As Flink's own client names it.
        (None, None) => super::session::DEFAULT_NAME.to_owned(),
    }
}

/// YARN's resource name for each of `external-resources` that has one.
fn external_resources(config: &FlinkConfig, memory: &TaskManagerMemory) -> BTreeMap<String, u64> {
    let named = |(name, amount): &(String, u64)| {
        let key = config.get(&format!("external-resource.{name}.yarn.config-key"))?;
        Some((key.to_owned(), *amount))
    };
    memory.external_resources.iter().filter_map(named).collect()
}

#[cfg(test)]
pub(super) mod tests;
