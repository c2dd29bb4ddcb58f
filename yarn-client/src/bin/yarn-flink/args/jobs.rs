//! Options of `jobs`, `cancel`, `stop` and `savepoint`.

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct Jobs {
    /// Application id, or the name of a session
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
    /// Also those that have ended, as long as Flink remembers them
    #[arg(short, long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// Application id, or the name of a session
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
    /// Job id [default: the only job that has not ended]
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,
}

/// The job goes on until the savepoint is complete, and is FINISHED then. `run -s` goes on from there.
#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// Application id, or the name of a session
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
    /// Job id [default: the only job that has not ended]
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,
    #[command(flatten)]
    pub(crate) target: Target,
    /// Let event time come to its end first: for a job that will not go on
    #[arg(short = 'd', long)]
    pub(crate) drain: bool,
    /// How the savepoint is written
    #[arg(long = "type", value_enum, ignore_case = true, default_value_t = SavepointType::Canonical, value_name = "TYPE")]
    pub(crate) kind: SavepointType,
}

/// The job goes on; the savepoint's path is printed when it is complete.
#[derive(Debug, Args)]
pub(crate) struct Savepoint {
    /// Application id, or the name of a session
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
    /// Job id [default: the only job that has not ended]
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,
    #[command(flatten)]
    pub(crate) target: Target,
    /// How the savepoint is written
    #[arg(long = "type", value_enum, ignore_case = true, default_value_t = SavepointType::Canonical, value_name = "TYPE")]
    pub(crate) kind: SavepointType,
    /// Remove this savepoint instead, with the help of this application
    #[arg(long, value_name = "PATH", conflicts_with_all = ["job", "directory", "kind"])]
    pub(crate) dispose: Option<String>,
}

/// Where a savepoint goes.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// Directory for the savepoint [execution.checkpointing.savepoint-dir]; without a scheme it is of fs.defaultFS
    #[arg(short = 'p', long = "savepointPath", alias = "savepoint-path", value_name = "DIR")]
    pub(crate) directory: Option<String>,
    /// DIR may be a file: path, as all nodes have mounted it
    #[arg(long)]
    pub(crate) allow_local_state: bool,
}

/// How a savepoint is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SavepointType {
    /// The same for all state backends
    Canonical,
    /// The state backend's own: faster
    Native,
}
