//! Options of `jobs`, `cancel`, `stop` and `savepoint`.

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct Jobs {
    /// Application id, or the name of a session
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
    /// Include finished jobs that Flink still remembers
    #[arg(short, long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Cancel {
    /// Application id, or the name of a session
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
    /// Job id [default: the only unfinished job]
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,
}

/// The job keeps running until the savepoint is complete; then it is FINISHED. `run -s` resumes from the savepoint.
#[derive(Debug, Args)]
pub(crate) struct Stop {
    /// Application id, or the name of a session
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
    /// Job id [default: the only unfinished job]
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,
    #[command(flatten)]
    pub(crate) target: Target,
    /// Advance event time to its end first; for jobs that will not be resumed
    #[arg(short = 'd', long)]
    pub(crate) drain: bool,
    /// How the savepoint is written
    #[arg(long = "type", value_enum, ignore_case = true, default_value_t = SavepointType::Canonical, value_name = "TYPE")]
    pub(crate) kind: SavepointType,
}

/// The job keeps running; the path of the savepoint is printed once it is complete.
#[derive(Debug, Args)]
pub(crate) struct Savepoint {
    /// Application id, or the name of a session
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
    /// Job id [default: the only unfinished job]
    #[arg(value_name = "JOB")]
    pub(crate) job: Option<String>,
    #[command(flatten)]
    pub(crate) target: Target,
    /// How the savepoint is written
    #[arg(long = "type", value_enum, ignore_case = true, default_value_t = SavepointType::Canonical, value_name = "TYPE")]
    pub(crate) kind: SavepointType,
    /// Dispose of this savepoint instead, by way of this application
    #[arg(long, value_name = "PATH", conflicts_with_all = ["job", "directory", "kind"])]
    pub(crate) dispose: Option<String>,
}

/// Where a savepoint goes.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// Directory for the savepoint, on `fs.defaultFS` unless it has a scheme [execution.checkpointing.savepoint-dir]
    #[arg(short = 'p', long = "savepointPath", alias = "savepoint-path", value_name = "DIR")]
    pub(crate) directory: Option<String>,
    /// Allow a `file:` path for DIR, which all nodes have mounted
    #[arg(long)]
    pub(crate) allow_local_state: bool,
}

/// How a savepoint is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SavepointType {
    /// The common format of all state backends
    Canonical,
    /// The state backend's native format, which is faster
    Native,
}
