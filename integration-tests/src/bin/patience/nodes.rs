//! Nodes that are gone without YARN knowing it for ten minutes.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::{Cluster, Daemon};

use crate::job::{Job, node_of};
use crate::{Outcome, Programs};

/// A job has to be back within this time, with default settings.
const BACK: Duration = Duration::from_secs(60);
/// How long to keep watching if it is not.
const PATIENCE: Duration = Duration::from_secs(180);
/// YARN's fifteen minutes for an application master, and the time of the next attempt on a loaded machine.
const EXPIRY: Duration = Duration::from_secs(20 * 60);
/// Together with a JobManager of the default size this is more than any one node has.
const APART: &str = "2560m";

/// How a node is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loss {
    /// All its processes end; the kernel, which remains, resets their connections.
    Power,
    /// All its processes exist and keep their connections, but never answer.
    Hung,
}

/// Loses the node of the only TaskManager.
pub(crate) async fn lost(cluster: &Cluster, programs: &Programs, how: Loss) -> Result<Outcome> {
    let job = Job::submit(cluster, programs, APART, 1).await?;
    job.completes_one_after(1).await?;
    let task_managers = job.has_task_managers(1).await?;
    let node = node_of(task_managers.first().context("no TaskManager")?)?;
    let masters = cluster.app_masters(&job.id);
    ensure!(node_of(masters.first().context("no application master")?)? != node, "both are on node {node}");
    let before = job.completes_one_after(2).await?;
    job.note(&format!("checkpoint {before}; now node {node} goes ({how:?})"));
    match how {
        Loss::Power => cluster.lose_node(node)?,
        Loss::Hung => {
            cluster.freeze(Daemon::NodeManager(node))?;
            for process in cluster.processes_on(node) {
                process.stop();
            }
        }
    }
    let took = job.goes_on_from(before, PATIENCE).await?;
    let why = job.why().await;
    Ok(match took {
        Some(took) => {
            let job_nodes: Vec<_> = cluster.task_managers(&job.id).iter().map(node_of).collect();
            let elsewhere = job_nodes.iter().flatten().any(|other| *other != node);
            let said = format!("restored from checkpoint {before} or later; explain: {why}");
            Outcome { right: took <= BACK && elsewhere, took: Some(took), said }
        }
        None => {
            let said = format!("not back after {} s; explain: {why}", PATIENCE.as_secs());
            Outcome { right: false, took: None, said }
        }
    })
}

/// The application master is killed while its node hangs, so that its end is not reported.
pub(crate) async fn with_the_master(cluster: &Cluster, programs: &Programs) -> Result<Outcome> {
    let job = Job::submit(cluster, programs, APART, 1).await?;
    job.completes_one_after(1).await?;
    let master = cluster.app_masters(&job.id).into_iter().next().context("no application master")?;
    let node = node_of(&master)?;
    let before = job.completes_one_after(2).await?;
    job.note(&format!(
        "checkpoint {before}; now the application master on node {node} goes, and the node hangs"
    ));
    cluster.freeze(Daemon::NodeManager(node))?;
    master.kill_9();
    let begun = Instant::now();
    let mut second = None;
    let mut told = Instant::now();
    let took = loop {
        if job.goes_on_from(before, Duration::from_secs(10)).await?.is_some() {
            break Some(begun.elapsed());
        }
        if second.is_none() && job.attempts().await > 1 {
            second = Some(begun.elapsed());
            job.note("the second attempt");
        }
        if told.elapsed() > Duration::from_secs(60) {
            told = Instant::now();
            let left = cluster.task_managers(&job.id).len();
            job.note(&format!("TaskManagers: {left}; explain: {}", job.why().await));
        }
        if begun.elapsed() > EXPIRY {
            break None;
        }
    };
    let second = second.map_or_else(|| "none".to_owned(), |at| format!("after {:.0} s", at.as_secs_f32()));
    let said = format!("second attempt {second}; explain: {}", job.why().await);
    Ok(Outcome { right: took.is_some(), took, said })
}
