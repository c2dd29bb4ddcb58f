//! Container logs without a JVM: aggregated ones from the cluster's file system, those of running containers from their nodes.
//!
//! [`find`] finds where an application's logs are, [`Logs::list`] lists the files, [`Logs::read`] passes content on to a [`Sink`]
//! as it arrives, so that memory stays bounded whatever its size, and [`follow`] continues from there until the application ends.
//! It is printed in the format of `yarn logs` ([`header`], [`footer`]). The example `read_logs` shows the simplest use.
//!
//! Any YARN application has such logs. Aggregated files are read in both of Hadoop's formats (TFile and IndexedFile), plain or
//! compressed with gz.
//!
//! # Caveats
//! - [`find`] does not fail if a part cannot be read, such as a closed directory or a node that is down: see [`Logs::failed`],
//!   and [`Read::failed`] after reading.
//! - Logs of containers that have ended in a running application are on their nodes, and the ResourceManager no longer lists
//!   them: [`find`] does not see them before they are aggregated.
//! - For some seconds after the end of an application its nodes are still aggregating: [`Logs::incomplete`].
//! - The files of a running container grow while they are read. What is passed on ends where the file ended when it was listed,
//!   and [`follow`] starts there: nothing is repeated, and nothing is left out, even if files are rolled in the meantime.
//! - Whether a user may see an application's logs is decided by the permissions of its directory and by the NodeManagers.
//!
//! # Errors
//! [`LogsError`]: [`Unknown`](LogsError::Unknown) and [`NothingThere`](LogsError::NothingThere) name the places that
//! were searched, [`NoSuchContainer`](LogsError::NoSuchContainer) and [`NoSuchFile`](LogsError::NoSuchFile) what is
//! available instead, [`Closed`](LogsError::Closed) the owner of the logs.

mod aggregated;
mod blob;
mod error;
#[cfg(feature = "flink")]
pub mod events;
mod follow;
mod fresh;
pub(crate) mod indexed;
pub(crate) mod java;
mod local;
#[cfg(feature = "flink")]
mod lost;
mod progress;
pub(crate) mod tfile;

#[cfg(test)]
mod rolling;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;

use proto::ids::{ApplicationId, ContainerId};

pub use aggregated::{Place, places};
pub use error::LogsError;
pub use follow::follow;
pub use progress::Progress;

use crate::conf::Configuration;
use crate::hdfs::{FileSystems, HdfsError};
use crate::security::User;
use crate::yarn::{ApplicationReport, ApplicationState, LogAggregation, ResourceManager};
use aggregated::{Found, NodeFile};
use local::Running;
use progress::Noting;

/// The cluster to read logs from.
#[derive(Debug, Clone, Copy)]
pub struct Cluster<'a> {
    /// Says where aggregated logs are, and how to connect to NodeManagers.
    pub configuration: &'a Configuration,
    /// The user who reads.
    pub user: &'a User,
    /// Knows the application's owner, and where its containers run.
    pub resource_manager: &'a ResourceManager,
}

#[cfg(feature = "flink")]
impl<'a> From<&'a crate::cluster::Gateway> for Cluster<'a> {
    fn from(gateway: &'a crate::cluster::Gateway) -> Self {
        let crate::cluster::Gateway { configuration, user, resource_manager, .. } = gateway;
        Self { configuration, user, resource_manager }
    }
}

/// Where a file was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The cluster's file system, where its NodeManager has put it.
    Aggregated,
    /// The NodeManager's log directory.
    Local,
}

impl Origin {
    /// YARN's name (`ContainerLogAggregationType`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Aggregated => "AGGREGATED",
            Self::Local => "LOCAL",
        }
    }
}

/// One log file of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// `container_…`
    pub container: String,
    /// The node, as YARN names it with logs: `host_port` for an aggregated file, `host:port` for a running container.
    pub node: String,
    /// Name, such as `taskmanager.log`.
    pub name: String,
    /// Length in bytes.
    pub length: u64,
    /// Last modification, ms since the epoch; `None` if unknown.
    pub modified_ms: Option<i64>,
    /// The same time as the NodeManager writes it.
    pub modified: Option<String>,
    /// Where it was read from.
    pub origin: Origin,
}

/// Which logs are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only of this container.
    pub container: Option<ContainerId>,
    /// Only of the application masters' containers.
    pub masters: bool,
    /// Files with these names; empty: all.
    pub files: Vec<String>,
    /// Also files that were rolled from these, such as `taskmanager.log.3`.
    pub rolled: bool,
}

impl Wanted {
    /// Whether a container's logs are wanted.
    pub fn container(&self, id: &str) -> bool {
        let named = self.container.is_none_or(|wanted| wanted.to_string() == id);
        // An application master has the first container of its attempt.
        let master = id.parse::<ContainerId>().is_ok_and(|id| id.id & 0xff_ffff_ffff == 1);
        named && (!self.masters || master)
    }

    /// Whether a file of a wanted container is wanted.
    pub fn file(&self, name: &str) -> bool {
        let base = progress::rolled(name).filter(|_| self.rolled).map(|(base, _)| base);
        self.files.is_empty() || self.files.iter().any(|wanted| wanted == name || Some(&**wanted) == base)
    }
}

/// Receives content as it arrives.
pub trait Sink: Send {
    /// A file starts. `Break`: its content is not needed.
    ///
    /// # Errors
    /// Those of the output.
    fn begin(&mut self, file: &LogFile) -> io::Result<ControlFlow<()>>;
    /// A piece of the content of the file.
    ///
    /// # Errors
    /// Those of the output.
    fn content(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// The file has ended.
    ///
    /// # Errors
    /// Those of the output.
    fn end(&mut self, file: &LogFile) -> io::Result<()>;
    /// There is a file that is not wanted.
    fn passed_over(&mut self, _file: &LogFile) {}
}

/// Where the logs of an application are.
#[derive(Debug)]
pub struct Logs {
    application: ApplicationId,
    collected: Vec<NodeFile>,
    running: Vec<Running>,
    /// Whether the application has ended, and its nodes have not aggregated all of its logs yet.
    pub incomplete: bool,
    /// Places that may contain more, but could not be read.
    pub failed: Vec<LogsError>,
}

/// The result of reading.
#[derive(Debug)]
pub struct Read {
    /// How far files were read: what is written afterwards is left to [`follow`].
    pub progress: Progress,
    /// What could not be read.
    pub failed: Vec<LogsError>,
}

/// Finds the logs of an application: what has been aggregated, and what its running containers' nodes have.
///
/// The ResourceManager knows its owner; if that has forgotten it, the directories of all users are searched, the user's
/// own first, as far as they are readable.
///
/// # Errors
/// [`LogsError::ResourceManager`], and if there is nothing [`LogsError::Closed`], [`LogsError::FileSystem`],
/// [`LogsError::Unknown`], [`LogsError::NothingThere`].
pub async fn find(cluster: Cluster<'_>, id: ApplicationId) -> Result<Logs, LogsError> {
    let report = match cluster.resource_manager.report(id).await {
        Ok(report) => Some(report),
        Err(error) if error.is_not_found() => None,
        Err(error) => return Err(error.into()),
    };
    let owner = report.as_ref().map(|report| report.user.clone());
    let Found { files: collected, mut failed } =
        match FileSystems::connect(cluster.configuration, cluster.user) {
            Ok(file_systems) => {
                aggregated::find(&file_systems, cluster.configuration, id, owner.as_deref()).await
            }
            // Logs of running containers are on their nodes, whatever the cluster's file system is.
            Err(error) => Found { files: Vec::new(), failed: vec![error.into()] },
        };
    let running = match &report {
        // Nodes aggregate after the end: until then they have the files.
        Some(report) if !report.state.is_final() || collected.is_empty() => running(cluster, report).await,
        _ => Ok(Vec::new()),
    };
    let running = running.unwrap_or_else(|error| {
        failed.push(error);
        Vec::new()
    });
    if collected.is_empty() && running.is_empty() {
        return Err(nothing(cluster, id, report.as_ref(), failed));
    }
    let incomplete = report.is_some_and(|report| {
        report.state.is_final()
            && matches!(
                report.log_aggregation,
                LogAggregation::NotStarted | LogAggregation::Running | LogAggregation::RunningWithFailure
            )
    });
    Ok(Logs { application: id, collected, running, incomplete, failed })
}

/// Why there is nothing.
fn nothing(
    cluster: Cluster<'_>,
    id: ApplicationId,
    report: Option<&ApplicationReport>,
    failed: Vec<LogsError>,
) -> LogsError {
    let owner = report.map(|report| report.user.clone());
    let mut closed = Vec::new();
    let mut refusal = None;
    for error in failed {
        match error {
            LogsError::FileSystem(source) if matches!(*source, HdfsError::PermissionDenied { .. }) => {
                if let HdfsError::PermissionDenied { path, .. } = source.as_ref() {
                    closed.push(path.clone());
                }
                refusal = refusal.or(Some(source));
            }
            // What would be there is unknown.
            other => return other,
        }
    }
    if let Some(source) = refusal {
        let user = cluster.user.name.clone();
        return LogsError::Closed { application: id, owner, user, closed, source };
    }
    let looked = places(cluster.configuration, id, owner.as_deref().unwrap_or("<user>"));
    match report {
        None => LogsError::Unknown { application: id, looked },
        Some(report) => LogsError::NothingThere {
            application: id,
            state: report.state.name().to_owned(),
            waits: matches!(
                report.state,
                ApplicationState::New
                    | ApplicationState::NewSaving
                    | ApplicationState::Submitted
                    | ApplicationState::Accepted
            ),
            looked,
        },
    }
}

async fn running(cluster: Cluster<'_>, report: &ApplicationReport) -> Result<Vec<Running>, LogsError> {
    let Some(attempt) = report.attempt else { return Ok(Vec::new()) };
    let containers = cluster.resource_manager.containers(attempt).await?;
    let web = cluster.resource_manager.web();
    Ok(containers.into_iter().map(|container| Running::new(container, web.clone())).collect())
}

impl Logs {
    /// Lists the wanted files, without their content, and what could not be read.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn list(&self, wanted: &Wanted) -> Result<(Vec<LogFile>, Vec<LogsError>), LogsError> {
        struct List(Vec<LogFile>);
        impl Sink for List {
            fn begin(&mut self, file: &LogFile) -> io::Result<ControlFlow<()>> {
                self.0.push(file.clone());
                Ok(ControlFlow::Break(()))
            }
            fn content(&mut self, _: &[u8]) -> io::Result<()> {
                Ok(())
            }
            fn end(&mut self, _: &LogFile) -> io::Result<()> {
                Ok(())
            }
        }
        let mut list = List(Vec::new());
        let failed = self.read(wanted, &mut list).await?.failed;
        Ok((list.0, failed))
    }

    /// Reads what is wanted, file by file. What cannot be read never prevents reading the rest: a file that is not
    /// readable or damaged, a node that does not respond.
    ///
    /// # Errors
    /// Those of the sink; and [`LogsError::NoSuchContainer`] or [`LogsError::NoSuchFile`] if nothing of what is wanted
    /// exists.
    pub async fn read(&self, wanted: &Wanted, sink: &mut dyn Sink) -> Result<Read, LogsError> {
        let mut seen = Seen::default();
        let mut noting = Noting::new(sink);
        for file in &self.collected {
            match file.read(wanted, &mut seen, &mut noting).await {
                Err(error @ LogsError::Write(_)) => return Err(error),
                Err(error) => seen.fail(error),
                Ok(()) => {}
            }
        }
        for container in &self.running {
            container.read(wanted, &mut seen, &mut noting).await?;
        }
        // What is missing may be in what could not be read.
        let failed = std::mem::take(&mut seen.failed);
        if failed.is_empty() {
            seen.check(self.application, wanted)?;
        }
        Ok(Read { progress: noting.progress, failed })
    }
}

/// What was found, for the hint.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    containers: BTreeSet<String>,
    files: BTreeSet<String>,
    any: bool,
    /// What could not be read.
    failed: Vec<LogsError>,
    /// Addresses of nodes that do not respond.
    silent: BTreeSet<String>,
    /// How many more files an aggregated file may hold.
    left: usize,
}

/// Of a file with nothing but damaged blocks, so many are named.
const FAILURES: usize = 1000;

impl Seen {
    /// Records what could not be read.
    fn fail(&mut self, error: LogsError) {
        if self.failed.len() < FAILURES {
            self.failed.push(error);
        }
    }

    /// Records a file; returns whether it is wanted.
    pub(crate) fn file(&mut self, wanted: &Wanted, container: &str, name: &str) -> bool {
        self.containers.insert(container.to_owned());
        if !wanted.container(container) {
            return false;
        }
        self.files.insert(name.to_owned());
        let hit = wanted.file(name);
        self.any |= hit;
        hit
    }

    /// Records an aggregated file; returns whether its content is needed.
    pub(crate) fn taken(&mut self, wanted: &Wanted, file: &LogFile, sink: &mut dyn Sink) -> io::Result<bool> {
        if !self.file(wanted, &file.container, &file.name) {
            sink.passed_over(file);
            return Ok(false);
        }
        Ok(sink.begin(file)?.is_continue())
    }

    fn check(self, application: ApplicationId, wanted: &Wanted) -> Result<(), LogsError> {
        if self.any {
            return Ok(());
        }
        let there = |names: BTreeSet<String>| names.into_iter().collect::<Vec<_>>();
        Err(match wanted.container {
            Some(container) if self.files.is_empty() => {
                LogsError::NoSuchContainer { application, container, there: there(self.containers) }
            }
            _ => LogsError::NoSuchFile { application, names: wanted.files.clone(), there: there(self.files) },
        })
    }
}

/// What `yarn logs` prints before a file's content.
pub fn header(file: &LogFile, modified: &str) -> String {
    let first = format!("Container: {} on {}", file.container, file.node);
    let origin = file.origin.name();
    let line = "=".repeat(first.len());
    format!(
        "{first}\nLogAggregationType: {origin}\n{line}\nLogType:{}\nLogLastModifiedTime:{modified}\nLogLength:{}\nLogContents:\n",
        file.name, file.length
    )
}

/// What `yarn logs` prints after it.
pub fn footer(file: &LogFile) -> String {
    let end = format!("End of LogType:{}", file.name);
    let stars = "*".repeat(end.len() + 50);
    match file.origin {
        Origin::Aggregated => format!("\n{end}\n{stars}\n\n"),
        Origin::Local => format!(
            "{end}.This log file belongs to a running container ({}) and so may not be complete.\n{stars}\n\n",
            file.container
        ),
    }
}
