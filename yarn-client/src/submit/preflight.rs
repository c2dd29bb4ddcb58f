//! Checks on the cluster before anything on it is changed, all made concurrently.

mod checkpoints;

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;

use super::error::PreflightError;
use super::keys;
use super::plan::Plan;
use super::spec::{JobJar, ResolvedJob};
use crate::cluster::{ApplicationError, Gateway, ResourceManagerError};
use crate::conf::{Configuration, RmService};
use crate::flink::{FlinkConfig, Version};
use crate::hdfs::FileSystems;
use crate::hdfs::stage::{StageError, Staging};
use crate::yarn::web::{self, Scheduler};
use crate::yarn::{NewApplication, QueueInfo, QueueState, Resource, ResourceManager};

/// The time that the ResourceManager's web service has to describe the scheduler.
const SCHEDULER: Duration = Duration::from_secs(3);
/// The number of queues named in a hint.
const SUGGESTIONS: usize = 5;

/// A cluster on which a plan can be carried out.
#[derive(Debug)]
pub struct Ready {
    /// The id to submit under, and the largest possible container.
    pub application: NewApplication,
    /// The staging area.
    pub staging: Staging,
}

/// Asks the cluster for everything the plan depends on: a new application id with the largest container, the queue, the
/// staging directory, and whatever is used in place.
///
/// # Errors
/// [`PreflightError`] for the first thing that is wrong.
pub async fn check(gateway: &Gateway, job: &ResolvedJob, plan: &Plan) -> Result<Ready, PreflightError> {
    let file_systems = gateway.file_systems().map_err(file_system)?;
    let application =
        async { gateway.resource_manager.new_application().await.map_err(PreflightError::ResourceManager) };
    let queue = async {
        match &plan.queue {
            Some(queue) => check_queue(&gateway.resource_manager, &gateway.configuration, queue).await,
            None => Ok(()),
        }
    };
    let staging = async {
        Staging::open(Arc::clone(&file_systems), plan.staging.clone()).await.map_err(PreflightError::from)
    };
    let remote = check_remote(&file_systems, job, plan);
    let checkpoints = checkpoints::check(&file_systems, job, plan);
    let (application, (), staging, (), ()) =
        futures::try_join!(application, queue, staging, remote, checkpoints)?;
    check_sizes(plan, &application.maximum)?;
    Ok(Ready { application, staging })
}

/// The version of the Flink distribution in `yarn.provided.lib.dirs`, from the name of its flink-dist jar.
///
/// # Errors
/// [`PreflightError::NoProvidedDist`], [`PreflightError::Remote`].
pub async fn provided_version(gateway: &Gateway, dirs: &[String]) -> Result<Version, PreflightError> {
    let file_systems = gateway.file_systems().map_err(file_system)?;
    for dir in dirs {
        if let Some(version) = version_in(&file_systems, dir).await? {
            return Ok(version);
        }
    }
    Err(PreflightError::NoProvidedDist { dirs: dirs.to_vec() })
}

/// The version of the flink-dist jar in this directory.
async fn version_in(file_systems: &FileSystems, dir: &str) -> Result<Option<Version>, PreflightError> {
    let remote = |source| PreflightError::Remote {
        what: keys::PROVIDED_LIB_DIRS.key,
        path: dir.to_owned(),
        source: Box::new(source),
    };
    let (fs, path) = file_systems.locate(dir).map_err(remote)?;
    let entries = fs.list(&path).await.map_err(remote)?;
    Ok(entries.iter().find_map(|entry| Version::from_dist_jar(entry.name())))
}

/// `yarn.provided.lib.dirs` from the configuration and `-D` options; it is needed before a distribution is known.
pub fn provided_dirs(config: &FlinkConfig) -> Vec<String> {
    config.list(&keys::PROVIDED_LIB_DIRS)
}

pub(super) fn file_system(error: ApplicationError) -> PreflightError {
    match error {
        ApplicationError::FileSystem(source) => StageError::from(source).into(),
        ApplicationError::ResourceManager(ResourceManagerError::Call(source)) => {
            PreflightError::ResourceManager(source)
        }
        ApplicationError::Hadoop(source) => source.into(),
        ApplicationError::User(source) => source.into(),
        // Opening file systems does not involve an application.
        other => StageError::from(crate::hdfs::HdfsError::Configuration(other.to_string())).into(),
    }
}

/// Checks that whatever is used in place exists.
async fn check_remote(
    file_systems: &FileSystems,
    job: &ResolvedJob,
    plan: &Plan,
) -> Result<(), PreflightError> {
    let stat = async |what: &'static str, path: &str| {
        let remote =
            |source| PreflightError::Remote { what, path: path.to_owned(), source: Box::new(source) };
        let (fs, path) = file_systems.locate(path).map_err(remote)?;
        fs.stat(&path).await.map_err(remote)
    };
    if let Some(JobJar::Remote(uri)) = &job.jar {
        let status = stat("the jar", uri).await?;
        if status.is_dir {
            let reason = "is a directory, not a jar".to_owned();
            return Err(PreflightError::Value { key: "the jar", value: uri.clone(), reason });
        }
    }
    // Other schemes need plugins that only the nodes have, or refer to a disk that the nodes have mounted.
    if let Some(path) = plan
        .savepoint
        .as_deref()
        .filter(|path| ["hdfs:", "viewfs:"].iter().any(|scheme| path.starts_with(scheme)))
    {
        let status = stat("the savepoint", path).await?;
        let metadata = format!("{}/_metadata", path.trim_end_matches('/'));
        match stat("the savepoint", &metadata).await {
            Err(PreflightError::Remote { source, .. }) if status.is_dir && source.is_not_found() => {
                return Err(PreflightError::NoSavepointMetadata { path: path.to_owned() });
            }
            Err(error) if status.is_dir => return Err(error),
            // A path may also name the _metadata file itself.
            _ => {}
        }
    }
    let config = &plan.config;
    let dirs = provided_dirs(config);
    if dirs.is_empty() {
        return Ok(());
    }
    // A cluster without flink-dist would not start at all.
    let versions = try_join_all(dirs.iter().map(|dir| version_in(file_systems, dir))).await?;
    if versions.iter().any(Option::is_some) || config.explicit(&keys::FLINK_DIST_JAR).is_some() {
        Ok(())
    } else {
        Err(PreflightError::NoProvidedDist { dirs })
    }
}

async fn check_queue(
    resource_manager: &ResourceManager,
    hadoop: &Configuration,
    name: &str,
) -> Result<(), PreflightError> {
    let queue = resource_manager.queue(name).await.map_err(PreflightError::ResourceManager)?;
    let problem = match &queue {
        // YARN's leaf queues have no children; a parent queue accepts no applications itself.
        Some(queue) if !queue.children.is_empty() => Problem::Parent,
        Some(queue) if queue.state == QueueState::Running => return Ok(()),
        Some(queue) => Problem::Closed(queue.state),
        None => Problem::Missing,
    };
    let takes =
        async || scheduler(resource_manager, hadoop).await.is_none_or(|scheduler| scheduler.may_take(name));
    // A submission may create the queue, or a rule may choose another: what is unknown here, the ResourceManager decides.
    if !matches!(problem, Problem::Closed(_)) && takes().await {
        return Ok(());
    }
    let root = resource_manager.queue("root").await.map_err(PreflightError::ResourceManager)?;
    let known = root.map(|root| suggestions(&root, name)).unwrap_or_default();
    let queue = name.to_owned();
    Err(match problem {
        Problem::Missing => PreflightError::NoQueue { queue, known },
        Problem::Parent => PreflightError::QueueNotLeaf { queue, known },
        Problem::Closed(state) => PreflightError::QueueClosed { queue, state: state.to_string(), known },
    })
}

enum Problem {
    Missing,
    Parent,
    Closed(QueueState),
}

/// The scheduler, as the web service of the active ResourceManager describes it.
async fn scheduler(resource_manager: &ResourceManager, hadoop: &Configuration) -> Option<Scheduler> {
    for endpoint in hadoop.resource_managers(RmService::Web).ok()? {
        let address = format!("{}://{endpoint}", hadoop.web_scheme());
        match web::scheduler(resource_manager.web(), &address, SCHEDULER).await {
            Ok(scheduler) => return Some(scheduler),
            Err(error) => tracing::info!(%error, "the scheduler is not known"),
        }
    }
    None
}

/// Names of running leaf queues, the most similar first.
fn suggestions(root: &QueueInfo, wanted: &str) -> Vec<String> {
    fn leaves(queue: &QueueInfo, into: &mut Vec<String>) {
        if queue.children.is_empty() && queue.state == QueueState::Running {
            into.push(queue.name.clone());
        }
        for child in &queue.children {
            leaves(child, into);
        }
    }
    let mut names = Vec::new();
    for child in &root.children {
        leaves(child, &mut names);
    }
    let wanted = wanted.rsplit('.').next().unwrap_or(wanted);
    names.sort_by_cached_key(|name| (Reverse(likeness(name, wanted)), name.clone()));
    names.dedup();
    names.truncate(SUGGESTIONS);
    names
}

/// The number of pairs of letters in common: enough to rank a misspelt name first.
fn likeness(a: &str, b: &str) -> usize {
    let pairs = |text: &str| {
        let text = text.to_lowercase();
        text.as_bytes().windows(2).map(<[u8]>::to_vec).collect::<Vec<_>>()
    };
    let others = pairs(b);
    pairs(a).iter().filter(|pair| others.contains(pair)).count()
}

/// The ResourceManager would reject the master's container, and never grant a TaskManager's.
fn check_sizes(plan: &Plan, maximum: &Resource) -> Result<(), PreflightError> {
    let containers = [
        ("JobManager", &plan.master, "`jobmanager.memory.process.size` (`-jm`)", "yarn.appmaster.vcores"),
        (
            "TaskManager",
            &plan.task_manager,
            "`taskmanager.memory.process.size` (`-tm`)",
            "`yarn.containers.vcores`, `taskmanager.cpu.cores` or the slots (`-ys`)",
        ),
    ];
    for (role, size, memory_keys, core_keys) in containers {
        let too_large = |needed, unit: &str, maximum, keys| {
            Err(PreflightError::TooLarge { role, needed, unit: unit.to_owned(), maximum, keys })
        };
        if size.memory_mib > maximum.memory_mib {
            return too_large(size.memory_mib, "MiB of memory", maximum.memory_mib, memory_keys);
        }
        if size.vcores > maximum.vcores {
            return too_large(size.vcores.into(), "vcores", maximum.vcores.into(), core_keys);
        }
        for (name, &amount) in &size.others {
            let most = maximum.others.get(name).copied().unwrap_or(0);
            if amount > most {
                return too_large(amount, name, most, "external-resource.<name>.amount");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(name: &str, state: QueueState, children: Vec<QueueInfo>) -> QueueInfo {
        QueueInfo { name: name.to_owned(), state, children, ..crate::cluster::tests::queue() }
    }

    #[test]
    fn suggests_running_leaves_the_likest_first() {
        let running = QueueState::Running;
        let root = queue(
            "root",
            running,
            vec![
                queue("default", running, vec![]),
                queue("etl", QueueState::Stopped, vec![]),
                queue(
                    "teams",
                    running,
                    vec![queue("analytics", running, vec![]), queue("adhoc", running, vec![])],
                ),
            ],
        );
        assert_eq!(suggestions(&root, "analytic"), ["analytics", "adhoc", "default"]);
        assert_eq!(suggestions(&root, "root.teams.defalt")[0], "default");
    }

    #[test]
    fn every_dimension_of_a_container_is_checked() {
        let mut plan = crate::submit::plan::tests::plan(&[]);
        let maximum = Resource::new(4096, 2);
        assert!(check_sizes(&plan, &maximum).is_ok());
        let text = |plan: &Plan| check_sizes(plan, &maximum).unwrap_err().to_string();
        plan.master.memory_mib = 5000;
        assert_eq!(
            text(&plan),
            "the JobManager needs 5000 MiB of memory, but containers of the cluster have at most 4096"
        );
        plan.master.memory_mib = 1600;
        plan.task_manager.vcores = 3;
        assert!(text(&plan).contains("TaskManager needs 3 vcores"));
        plan.task_manager.vcores = 1;
        plan.task_manager.others.insert("yarn.io/gpu".to_owned(), 1);
        assert!(text(&plan).contains("needs 1 yarn.io/gpu, but containers of the cluster have at most 0"));
    }
}
