//! A cluster that outlives the program that booted it, for fast iterations while working on tests.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::sync::Mutex;

use anyhow::{Context as _, Result};

use super::daemons::{Layout, Running};
use super::reaper::Reaper;
use super::{Cluster, kept_logs, processes};
use crate::cache;

/// File in the cache that describes the kept cluster.
const KEPT: &str = "kept-cluster.json";

impl Cluster {
    /// Lets the cluster live on after this process and writes what [`Cluster::kept`] needs.
    ///
    /// # Errors
    /// The state cannot be written; the cluster is ended then.
    pub fn keep(mut self) -> Result<()> {
        let state = cache::directory()?.join(KEPT);
        let pids = self.running().iter().map(|(daemon, running)| (*daemon, running.pid)).collect();
        self.layout.pids = pids;
        let text = serde_json::to_string_pretty(&self.layout).context("cannot write the state")?;
        fs::write(&state, text).with_context(|| format!("cannot write {}", state.display()))?;
        if let Some(reaper) = self.reaper.take() {
            reaper.release()?;
        }
        Ok(())
    }

    /// The cluster that [`Cluster::keep`] left running on this machine; `None` if there is none. Dropping it ends
    /// nothing.
    ///
    /// # Errors
    /// The state cannot be read.
    pub fn kept() -> Result<Option<Self>> {
        let state = cache::directory()?.join(KEPT);
        let text = match fs::read_to_string(&state) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", state.display())),
        };
        let layout: Layout = serde_json::from_str(&text)
            .with_context(|| format!("{} is not a cluster's state", state.display()))?;
        // After a reboot the ids may belong to other processes: only those with the cluster's mark count.
        let alive: BTreeSet<u32> =
            processes::of_cluster(&layout.directory).into_iter().map(|process| process.pid).collect();
        let pids = layout.pids.iter().filter(|(_, pid)| alive.contains(pid));
        let running = pids.map(|(daemon, pid)| (*daemon, Running::adopted(*pid))).collect();
        Ok(Some(Self { layout, running: Mutex::new(running), ports: Mutex::default(), reaper: None }))
    }

    /// Ends the kept cluster with everything it runs, and forgets it; false if there is none.
    ///
    /// # Errors
    /// A process could not be ended, or a file could not be removed.
    pub fn stop_kept() -> Result<bool> {
        let Some(mut kept) = Self::kept()? else { return Ok(false) };
        if kept.layout.directory.exists() {
            kept.reaper = Some(Reaper::start(&kept.layout.directory, &kept_logs(&kept.layout.name))?);
            kept.end(true)?;
        }
        let state = cache::directory()?.join(KEPT);
        fs::remove_file(&state).with_context(|| format!("cannot delete {}", state.display()))?;
        Ok(true)
    }
}
