//! What a user requests, combined with the configurations of Hadoop and Flink.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::PreflightError;
use super::keys;
use super::placement;
use crate::conf::Environment;
use crate::flink::dist::LogConfiguration;
use crate::flink::is_job_id;
use crate::flink::jar::Jar;
use crate::flink::keys::{Asked, check};
use crate::flink::settings::{self, Mode};
use crate::flink::{
    Distribution, FlinkConfig, MemorySize, TaskManagerLimits, Version, Warning, config, options, tls,
};
use crate::hdfs::FileUri;

/// One job to run on a Flink cluster of its own, or a session: a cluster for many jobs. Every field but [`jar`](Self::jar),
/// or [`session`](Self::session), may be left at its default.
///
/// A setting may come from three sources, the later one winning: Flink's configuration file, `-D`
/// ([`dynamic`](Self::dynamic)), the fields here.
#[derive(Debug, Clone, Default)]
pub struct JobSubmission {
    /// The jar with the program: a local path, or a URI of the cluster's file systems (`hdfs://…`).
    pub jar: String,
    /// A session instead of a job: fields that describe a job are ignored.
    pub session: Option<SessionSize>,
    /// Flink's REST server listens on the node's address, open to anyone who can reach it.
    pub open_rest: bool,
    /// Class with the `main` method; `None` for the one of the jar's manifest.
    pub main_class: Option<String>,
    /// The program's arguments.
    pub args: Vec<String>,
    /// URLs for the user class loader (`-C`), added to `pipeline.classpaths`.
    pub class_paths: Vec<String>,
    /// `parallelism.default`.
    pub parallelism: Option<u32>,
    /// Savepoint or retained checkpoint to start from.
    pub savepoint: Option<String>,
    /// Whether state that the program no longer has may be skipped.
    pub allow_non_restored_state: bool,
    /// `--placement`: where TaskManagers may run; `spread`, `host=NAME`, `rack=/NAME`, `label=NAME`.
    pub placement: Vec<String>,
    /// `--multi-job`: the program executes several jobs, and the application ends with the last of them.
    pub multi_job: bool,
    /// `--restart-from-scratch`: start over when a failure leaves no checkpoint to resume from.
    pub restart_from_scratch: bool,
    /// Flink settings as `key=value`, in order.
    pub dynamic: Vec<String>,
    /// `yarn.application.queue`.
    pub queue: Option<String>,
    /// `yarn.application.name`.
    pub name: Option<String>,
    /// `yarn.application.type`.
    pub application_type: Option<String>,
    /// `yarn.application.node-label`.
    pub node_label: Option<String>,
    /// `jobmanager.memory.process.size`; a bare number is MiB.
    pub job_manager_memory: Option<String>,
    /// `taskmanager.memory.process.size`; a bare number is MiB.
    pub task_manager_memory: Option<String>,
    /// `taskmanager.numberOfTaskSlots`.
    pub slots: Option<u32>,
    /// Files and directories for every container, added to `yarn.ship-files`.
    pub ship: Vec<String>,
    /// `high-availability.cluster-id`.
    pub zookeeper_namespace: Option<String>,
    /// `-t`, which must be `yarn-application` (or Flink's older `yarn-per-job`) when given.
    pub target: Option<String>,
}

/// How large a session is, and how long it lives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionSize {
    /// The exact number of TaskManagers, whatever the jobs need.
    pub task_managers: Option<u32>,
    /// The minimum number of TaskManagers; 0 by default.
    pub min: Option<u32>,
    /// The maximum number of TaskManagers; by default what the jobs need.
    pub max: Option<u32>,
    /// The session ends after having run no job for this long.
    pub idle_timeout: Option<Duration>,
}

impl SessionSize {
    /// Flink's own limits apply where no other limit is given.
    pub(super) fn resolve(
        &self,
        limits: &TaskManagerLimits,
    ) -> Result<proto::launch::Session, PreflightError> {
        let (min, max) = match (self.task_managers, self.min, self.max) {
            (Some(number), ..) => (number, number),
            (None, Some(min), None) => (min, limits.max.max(min)),
            (None, None, Some(max)) => (limits.min.min(max), max),
            (None, min, max) => (min.unwrap_or(limits.min), max.unwrap_or(limits.max)),
        };
        if max == 0 {
            return Err(PreflightError::Zero {
                option: if self.task_managers.is_some() { "--task-managers" } else { "--max" },
            });
        }
        if min > max {
            return Err(PreflightError::SessionSize { min, max });
        }
        let idle_timeout_ms = self.idle_timeout.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX));
        Ok(proto::launch::Session { min_task_managers: min, max_task_managers: max, idle_timeout_ms })
    }
}

/// Where things are on this host, and random bytes.
#[derive(Debug, Clone)]
pub struct Site {
    /// The environment: `FLINK_HOME`, `FLINK_CONF_DIR`, `FLINK_LIB_DIR` and so on.
    pub environment: Environment,
    /// `--flink-home`.
    pub flink_home: Option<PathBuf>,
    /// The application master's binary.
    pub app_master: PathBuf,
    /// Random bytes that become the job's id, unless the user has fixed one.
    pub entropy: [u8; 16],
}

/// Flink's configuration as read from its file, and the distribution it belongs to.
#[derive(Debug, Clone)]
pub struct FlinkHome {
    /// The distribution on this host; `None` if only jars on the cluster are used.
    pub distribution: Option<Distribution>,
    /// Version of the distribution, here or on the cluster.
    pub version: Version,
    /// The directory of the configuration; `None` if there is none.
    pub conf_dir: Option<PathBuf>,
    /// The configuration of the file.
    pub config: FlinkConfig,
}

/// The jar of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JobJar {
    /// On this host.
    Local(PathBuf),
    /// In one of the cluster's file systems: full URI.
    Remote(String),
}

impl JobJar {
    /// Treats `file:///…` and plain paths as local, and any other URI as remote, even `hdfs:/x.jar`: that is on `fs.defaultFS`.
    pub fn parse(text: &str) -> Self {
        let uri = FileUri::parse(text);
        match uri.scheme.as_deref() {
            Some("file") => Self::Local(PathBuf::from(uri.path)),
            // A local file may have a colon in its name.
            Some(_) if uri.path.starts_with('/') || !uri.authority.is_empty() => {
                Self::Remote(text.to_owned())
            }
            _ => Self::Local(PathBuf::from(text)),
        }
    }

    /// Last component of the path.
    pub fn file_name(&self) -> String {
        let name = match self {
            Self::Local(path) => path.file_name().map(|name| name.to_string_lossy().into_owned()),
            Self::Remote(uri) => uri.rsplit('/').next().map(str::to_owned),
        };
        name.unwrap_or_default()
    }
}

/// A submission in which everything that can be settled on this host is settled.
#[derive(Debug, Clone)]
pub struct ResolvedJob {
    /// The job's id; without meaning for a session.
    pub job_id: String,
    /// Whether the user has chosen the id; otherwise no other application has it.
    pub fixed_job_id: bool,
    /// The jar; `None` for a session.
    pub jar: Option<JobJar>,
    /// Further jars for the user class loader (`pipeline.jars`).
    pub jars: Vec<String>,
    /// A session instead of a job.
    pub session: Option<SessionSize>,
    /// Flink's REST server listens on the node's address.
    pub open_rest: bool,
    /// The program executes several jobs, whose ids Flink chooses.
    pub multi_job: bool,
    /// The class to run; `None` if it is given in the manifest of a jar on the cluster.
    pub main_class: Option<String>,
    /// The program's arguments.
    pub args: Vec<String>,
    /// Where to start from.
    pub savepoint: Option<String>,
    /// Whether state may be skipped.
    pub allow_non_restored_state: bool,
    /// Where TaskManagers may run.
    pub placement: proto::launch::Placement,
    /// Start over when a failure leaves no checkpoint to resume from.
    pub restart_from_scratch: bool,
    /// The effective Flink configuration: file, `-D`, flags, and what the life cycle needs.
    pub config: FlinkConfig,
    /// The distribution on this host.
    pub distribution: Option<Distribution>,
    /// Its version, or that of the one on the cluster.
    pub version: Version,
    /// The log configuration for the containers.
    pub logging: LogConfiguration,
    /// The application master's binary.
    pub app_master: PathBuf,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

impl FlinkHome {
    /// Finds the distribution (`--flink-home`, else `FLINK_HOME`) and reads its configuration. Without a distribution
    /// only the configuration is looked for; `version` is then the version of the cluster's jars.
    ///
    /// # Errors
    /// [`PreflightError`] when there is no distribution, or it or its configuration cannot be read.
    pub fn open(site: &Site, version: Option<Version>) -> Result<Self, PreflightError> {
        let environment = &site.environment;
        let lookup = |name: &str| environment.non_empty(name).map(str::to_owned);
        let home = site.flink_home.clone().or_else(|| lookup("FLINK_HOME").map(PathBuf::from));
        let distribution = home.as_deref().map(|home| Distribution::open(home, &lookup)).transpose()?;
        let version = match (&distribution, version) {
            (Some(distribution), _) => distribution.version.clone(),
            (None, Some(version)) if version.is_supported() => version,
            (None, Some(version)) => return Err(PreflightError::UnsupportedVersion { version }),
            (None, None) => return Err(PreflightError::NoFlinkHome),
        };
        let conf_dir = config::conf_dir(None, &lookup, home.as_deref())?;
        let config = match &conf_dir {
            Some(dir) => FlinkConfig::load(dir, &version)?,
            None => FlinkConfig::new(),
        };
        Ok(Self { distribution, version, conf_dir, config })
    }
}

impl JobSubmission {
    /// Flink's settings from the file and from `-D`, as [`Gateway::configured`](crate::cluster::Gateway::configured) expects them.
    ///
    /// # Errors
    /// [`PreflightError`] for a malformed `-D`.
    pub fn settings(&self, file: &FlinkConfig) -> Result<FlinkConfig, PreflightError> {
        let mut config = file.clone();
        for given in &self.dynamic {
            config.apply_dynamic(given)?;
        }
        Ok(config)
    }

    /// Settles everything that can be settled on this host, and checks the result.
    ///
    /// # Errors
    /// [`PreflightError`]: bad settings, rejected options, missing files, a jar that cannot be run.
    pub fn resolve(&self, home: FlinkHome, site: &Site) -> Result<ResolvedJob, PreflightError> {
        let FlinkHome { distribution, version, conf_dir, config: file } = home;
        if let Some(target) = &self.target
            && !matches!(target.as_str(), "yarn-application" | "yarn-per-job" | "yarn-cluster")
        {
            return Err(PreflightError::Target { target: target.clone() });
        }
        let mut config = self.effective(file)?;
        let asked = Asked { version: &version, dynamic: &self.dynamic, session: self.session.is_some() };
        let mut warnings = check(&mut config, asked)?;
        let (job_id, fixed_job_id) = take_job_id(&mut config, site.entropy)?;
        let savepoint = match &self.savepoint {
            Some(path) => Some(path.clone()),
            None => config.explicit(&keys::SAVEPOINT).map(str::to_owned),
        };
        let configured = config.boolean(&keys::ALLOW_NON_RESTORED)?.unwrap_or(false);
        if self.allow_non_restored_state && savepoint.is_none() {
            return Err(PreflightError::NoSavepoint);
        }
        let placement = placement::parse(&self.placement, &mut config)?;
        if self.multi_job && settings::recovers(&config) {
            return Err(PreflightError::Value {
                key: keys::HIGH_AVAILABILITY.key,
                value: config.explicit(&keys::HIGH_AVAILABILITY).unwrap_or_default().to_owned(),
                reason: "cannot be used with `--multi-job`: Flink recovers only one job of a program"
                    .to_owned(),
            });
        }
        let mode = Mode::of(self.session.is_some(), self.multi_job);
        warnings.extend(settings::apply_required(&mut config, &version, mode)?);
        warnings.extend(tls::apply(&mut config, &version, self.open_rest)?);
        remove_gateway_addresses(&mut config);

        let jar = self.session.is_none().then(|| JobJar::parse(&self.jar));
        let jars = config.list(&keys::JARS);
        config.remove(keys::JARS.key);
        if jar.is_none() && !jars.is_empty() {
            let text = "is not available for sessions, whose jobs have their own jars; put a jar on the \
                class path of all jobs with `--ship`";
            warnings.push(Warning { key: keys::JARS.key.to_owned(), text: text.to_owned() });
        }
        let main_class = match &jar {
            None => None,
            Some(JobJar::Local(path)) => Some(Jar::open(path)?.entry_class(self.main_class.as_deref())?),
            Some(JobJar::Remote(_)) => self.main_class.clone(),
        };
        if !site.app_master.is_file() {
            return Err(PreflightError::NoAppMaster { path: site.app_master.clone() });
        }
        Ok(ResolvedJob {
            job_id,
            fixed_job_id,
            jar,
            jars,
            session: self.session.clone(),
            open_rest: self.open_rest,
            multi_job: self.multi_job,
            main_class,
            args: self.args.clone(),
            allow_non_restored_state: savepoint.is_some() && (self.allow_non_restored_state || configured),
            restart_from_scratch: self.restart_from_scratch,
            placement,
            savepoint,
            config,
            distribution,
            version,
            logging: LogConfiguration::find(conf_dir.as_deref()),
            app_master: site.app_master.clone(),
            warnings,
        })
    }

    /// File, then `-D`, then flags.
    fn effective(&self, mut config: FlinkConfig) -> Result<FlinkConfig, PreflightError> {
        for given in &self.dynamic {
            config.apply_dynamic(given)?;
        }
        let texts = [
            (keys::QUEUE.key, &self.queue),
            (keys::APPLICATION_NAME.key, &self.name),
            (keys::APPLICATION_TYPE.key, &self.application_type),
            (keys::NODE_LABEL.key, &self.node_label),
            (keys::HA_CLUSTER_ID.key, &self.zookeeper_namespace),
        ];
        for (key, value) in texts {
            if let Some(value) = value {
                config.set(key, value);
            }
        }
        let sizes = [
            ("-jm", keys::JOB_MANAGER_PROCESS_SIZE, &self.job_manager_memory),
            ("-tm", keys::TASK_MANAGER_PROCESS_SIZE, &self.task_manager_memory),
        ];
        for (option, key, value) in sizes {
            if let Some(value) = value {
                let size = MemorySize::parse_or_mib(value)
                    .map_err(|source| PreflightError::Size { option, source })?;
                config.set(key, size.to_string());
            }
        }
        let numbers = [
            ("--slots", keys::TASK_SLOTS, self.slots),
            ("--parallelism", keys::PARALLELISM.key, self.parallelism),
        ];
        for (option, key, value) in numbers {
            match value {
                Some(0) => return Err(PreflightError::Zero { option }),
                Some(number) => config.set(key, number.to_string()),
                None => {}
            }
        }
        append(&mut config, &keys::SHIP_FILES, &self.ship);
        append(&mut config, &keys::CLASS_PATHS, &self.class_paths);
        for (key, urls) in
            [("-C", &self.class_paths), (keys::CLASS_PATHS.key, &config.list(&keys::CLASS_PATHS))]
        {
            check_urls(key, urls)?;
        }
        Ok(config)
    }
}

/// Appends to a list option.
fn append(config: &mut FlinkConfig, option: &options::Opt, more: &[String]) {
    if more.is_empty() {
        return;
    }
    let mut items = config.list(option);
    items.extend_from_slice(more);
    config.set(option.key, FlinkConfig::list_text(items));
}

/// Java's own protocols: the JobManager could not create a URL from any other, or from a plain path.
const PROTOCOLS: [&str; 5] = ["file", "http", "https", "jar", "ftp"];

fn check_urls(key: &'static str, urls: &[String]) -> Result<(), PreflightError> {
    for url in urls {
        let reason = match url.split_once(':') {
            Some((protocol, _)) if PROTOCOLS.iter().any(|known| protocol.eq_ignore_ascii_case(known)) => {
                continue;
            }
            Some((protocol, _)) if !protocol.contains('/') => {
                format!(
                    "is not a URL that Java can read: `{protocol}:` is unknown; ship files to every \
                     container with `--ship`"
                )
            }
            _ => {
                let root = if url.starts_with('/') { "" } else { "/" };
                format!(
                    "is not a URL; write `file://{root}{url}` for a file that every node has, or ship \
                     files to every container with `--ship`"
                )
            }
        };
        return Err(PreflightError::Value { key, value: url.clone(), reason });
    }
    Ok(())
}

/// The id that the user has fixed (`true`), else a random one. The key is removed from the configuration: the entry
/// point gets the id by its own option, and writes the key itself.
fn take_job_id(config: &mut FlinkConfig, entropy: [u8; 16]) -> Result<(String, bool), PreflightError> {
    let given: Vec<String> = keys::JOB_ID.iter().filter_map(|key| config.remove(key)).collect();
    match given.into_iter().next() {
        Some(given) if is_job_id(&given) => Ok((given.to_ascii_lowercase(), true)),
        Some(given) => Err(PreflightError::JobId { given }),
        None => Ok((crate::hex(&entropy), false)),
    }
}

/// The stock configuration binds everything to `localhost`, which is only right for a cluster on one host; flink-yarn
/// removes the same settings (`YarnClusterDescriptor`). The application master sets the addresses.
fn remove_gateway_addresses(config: &mut FlinkConfig) {
    for key in [
        "jobmanager.bind-host",
        "taskmanager.bind-host",
        "jobmanager.rpc.address",
        "rest.address",
        "rest.bind-address",
    ] {
        if config.get(key) == Some("localhost") {
            config.remove(key);
        }
    }
    config.remove("taskmanager.host");
}

/// The path of the application master's binary: as given, else beside `executable`.
pub fn app_master_path(named: Option<&Path>, executable: Option<&Path>) -> PathBuf {
    const NAME: &str = "flink-app-master";
    match (named, executable.and_then(Path::parent)) {
        (Some(path), _) => path.to_owned(),
        (None, Some(directory)) => directory.join(NAME),
        (None, None) => PathBuf::from(NAME),
    }
}

#[cfg(test)]
mod tests;
