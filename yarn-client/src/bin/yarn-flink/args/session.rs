//! Options of `session` and `scale`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Cluster, Waiting, duration};

#[derive(Debug, Subcommand)]
pub(crate) enum Session {
    /// Start a session
    Start(Box<SessionStart>),
    /// List your running sessions
    List,
    /// Stop a session and cancel its jobs
    Stop(SessionStop),
}

/// A session is a Flink cluster that runs the jobs that `run --session` (or, with `--open-rest`, Flink's own client)
/// submits to it, until it is stopped. By default it has as many TaskManagers as its jobs need.
#[derive(Debug, Args)]
pub(crate) struct SessionStart {
    #[command(flatten)]
    pub(crate) waiting: Waiting,
    /// Fixed number of TaskManagers, whatever the jobs need
    #[arg(long, value_name = "N", conflicts_with_all = ["min", "max"])]
    pub(crate) task_managers: Option<u32>,
    /// Minimum number of TaskManagers [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) min: Option<u32>,
    /// Maximum number of TaskManagers [slotmanager.number-of-slots.max]
    #[arg(long, value_name = "N")]
    pub(crate) max: Option<u32>,
    /// Stop the session after it has been idle for this time (`30s`, `5min`, `2h`; without a unit: seconds)
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) idle_timeout: Option<Duration>,
    #[command(flatten)]
    pub(crate) cluster: Cluster,
}

#[derive(Debug, Args)]
pub(crate) struct SessionStop {
    /// Application id, or a name that exactly one of your running sessions has
    #[arg(value_name = "ID|NAME")]
    pub(crate) session: String,
}

/// For a session sized by its jobs this sets the minimum number of TaskManagers; otherwise it sets the exact number.
#[derive(Debug, Args)]
pub(crate) struct Scale {
    /// Application id, or the name of a session
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
    /// Number of TaskManagers
    #[arg(value_name = "N")]
    pub(crate) task_managers: u32,
}
