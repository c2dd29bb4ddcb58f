//! Options of `session` and `scale`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Cluster, Waiting, duration};

#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// Start a session
    Start(Box<SessionStart>),
    /// List running sessions of this user
    List,
    /// End a session; its jobs are cancelled
    Stop(SessionStop),
}

/// A Flink cluster that runs what `run --session` (or, with --open-rest, Flink's own client) sends to it, until it is
/// stopped. Without a size it has as many TaskManagers as its jobs need.
#[derive(Debug, Args)]
pub(crate) struct SessionStart {
    #[command(flatten)]
    pub(crate) waiting: Waiting,
    /// So many TaskManagers, whatever the jobs need
    #[arg(long, value_name = "N", conflicts_with_all = ["min", "max"])]
    pub(crate) task_managers: Option<u32>,
    /// At least so many TaskManagers [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) min: Option<u32>,
    /// At most so many TaskManagers [slotmanager.number-of-slots.max]
    #[arg(long, value_name = "N")]
    pub(crate) max: Option<u32>,
    /// End the session when it has run no job for this time (30s, 5min, 2h; without a unit: seconds)
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) idle_timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
}

#[derive(Debug, Args)]
pub(crate) struct SessionStop {
    /// Application id, or the name of exactly one running session of this user
    #[arg(value_name = "ID|NAME")]
    pub(crate) session: String,
}

/// A session that follows its jobs has at least this many TaskManagers from then on, any other exactly so many.
#[derive(Debug, Args)]
pub(crate) struct Scale {
    /// Application id, or the name of a session
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
    /// TaskManagers
    #[arg(value_name = "N")]
    pub(crate) task_managers: u32,
}
