//! The command line as typed: clap structures only, no behaviour.

mod dynamic;
mod jobs;
mod session;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub(crate) use dynamic::{command, given};
pub(crate) use jobs::{Cancel, Jobs, Savepoint, SavepointType, Stop, Target};
pub(crate) use session::{Scale, Session, SessionStart, SessionStop};

/// Runs Apache Flink jobs on Hadoop YARN.
///
/// No JVM runs on this host: the application master is a small native program that looks after the
/// job on the cluster, from submission to the end of its containers and files.
#[derive(Debug, Parser)]
#[command(name = "yarn-flink", version, propagate_version = true, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 done, 1 the job failed, 2 usage or configuration, 3 the cluster refused or \
could not be reached, 4 cancelled or killed, 5 no such application or job, 124 timed out, 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options every command takes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Format of what is written to standard output
    #[arg(short = 'o', long, global = true, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub(crate) output: Output,
    /// Errors only on standard error
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Say more; repeat for the protocol level. Also shows the Java stack traces of remote errors
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Directory with core-site.xml, hdfs-site.xml and yarn-site.xml [default: $HADOOP_CONF_DIR,
    /// $YARN_CONF_DIR, $HADOOP_HOME/etc/hadoop]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) conf_dir: Option<PathBuf>,
    /// The Flink distribution to run: the directory that holds lib/ [default: $FLINK_HOME]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) flink_home: Option<PathBuf>,
}

/// Format of standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people: tables and `key: value` lines
    Text,
    /// For programs: one JSON object
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run one job, on a Flink cluster of its own that ends with it, or in a session
    Run(Box<Run>),
    /// List YARN applications, by default those that have not ended
    List(List),
    /// Show one YARN application
    Status(Status),
    /// Say why an application waits, or why it ended
    Explain(Explain),
    /// Print the logs of an application's containers, running or ended
    Logs(Logs),
    /// Tell what happens in a running application, and what has happened
    Events(Events),
    /// Clusters for many jobs: start, list, stop
    #[command(subcommand)]
    Session(Session),
    /// Change the number of TaskManagers of a session, or of a job with scheduler-mode: reactive
    Scale(Scale),
    /// List the Flink jobs of a running application
    Jobs(Jobs),
    /// Cancel a Flink job
    Cancel(Cancel),
    /// Stop a Flink job with a savepoint
    Stop(Stop),
    /// Make a savepoint of a running Flink job, or remove one
    Savepoint(Savepoint),
    /// Kill YARN applications and remove what they left in HDFS
    Kill(Kill),
    /// Remove what applications that have ended left in HDFS, and cached files that are not used any more
    Gc(Gc),
    /// Play through what failures would do to an application, without a cluster
    Simulate(Simulate),
    /// Print the completion script of a shell
    Completions(Completions),
}

impl Command {
    /// Whether it does something on the cluster, of which its exit code tells.
    pub(crate) fn changes_something(&self) -> bool {
        match self {
            Self::Run(_)
            | Self::Session(Session::Start(_) | Session::Stop(_))
            | Self::Scale(_)
            | Self::Cancel(_)
            | Self::Stop(_)
            | Self::Savepoint(_)
            | Self::Kill(_)
            | Self::Gc(_) => true,
            Self::Session(Session::List)
            | Self::List(_)
            | Self::Status(_)
            | Self::Explain(_)
            | Self::Logs(_)
            | Self::Events(_)
            | Self::Jobs(_)
            | Self::Simulate(_)
            | Self::Completions(_) => false,
        }
    }
}

/// Options follow Flink's own where Flink has them. Two-letter options of Flink (`-jm`, `-tm`, `-ys`, `-yD` and
/// so on) are understood too, see `legacy.rs`. Everything after JAR belongs to the program.
#[derive(Debug, Args)]
#[command(
    override_usage = "yarn-flink run [OPTIONS] JAR [ARG]...",
    after_help = "Also understood, as in Flink: -jm SIZE, -tm SIZE, -ys N and, up to Flink 1.20, -yjm, -ytm, -ynm, \
-yqu, -yat, -ynl, -yt, -yz, -yd, -yD KEY=VALUE, -m yarn-cluster. A size without a unit is in MiB here, in bytes in a -D."
)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) waiting: Waiting,
    /// Submit at most once: a second call with the same key follows the first one's application, whatever became of
    /// the first call. A key stands for one jar, class, savepoint and list of arguments
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,

    /// Run the job in this session, instead of on a cluster of its own: its application id, or the name of exactly one
    /// running session of this user
    #[arg(
        long,
        value_name = "ID|NAME",
        aliases = ["applicationId", "yarnapplicationId"],
        conflicts_with_all = ["wait", "max_wait", "key", "classpath", "placement", "restart_from_scratch", "multi_job", "queue", "name",
            "job_manager_memory", "task_manager_memory", "slots", "application_type", "node_label", "ship",
            "zookeeper_namespace", "app_master", "open_rest"]
    )]
    pub(crate) session: Option<String>,
    /// End the session with this job, whatever the job's end; other jobs that still run then are cancelled
    #[arg(long, requires = "session")]
    pub(crate) stop_session_after: bool,

    /// Class with the program's main method [default: named by the jar's manifest]
    #[arg(short = 'c', long = "class", value_name = "CLASS")]
    pub(crate) class: Option<String>,
    /// Add a URL to each user class loader; must be reachable from every node (repeatable)
    #[arg(short = 'C', long = "classpath", value_name = "URL")]
    pub(crate) classpath: Vec<String>,
    /// Parallelism of the program; beats the configured default
    #[arg(short, long, value_name = "N")]
    pub(crate) parallelism: Option<u32>,
    /// Start from this savepoint or retained checkpoint
    #[arg(short = 's', long = "from-savepoint", visible_alias = "fromSavepoint", value_name = "PATH")]
    pub(crate) from_savepoint: Option<String>,
    /// Skip state of the savepoint that the program no longer has
    #[arg(short = 'n', long = "allow-non-restored-state", visible_alias = "allowNonRestoredState")]
    pub(crate) allow_non_restored_state: bool,
    /// The program executes several jobs, one after the other or side by side; the application ends with the last
    #[arg(long)]
    pub(crate) multi_job: bool,
    /// Begin the job anew when a failure leaves no checkpoint to go on from, instead of ending it
    #[arg(long)]
    pub(crate) restart_from_scratch: bool,

    #[command(flatten)]
    pub(crate) cluster: Cluster,

    /// Deployment target; only yarn-application exists here
    #[arg(short, long, hide = true, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Only `-m yarn-cluster` is understood
    #[arg(short = 'm', long = "jobmanager", hide = true, value_name = "TARGET")]
    pub(crate) master: Option<String>,

    /// Jar with the program: a local path, or one in a file system of the cluster (hdfs://...)
    #[arg(required = true, value_name = "JAR")]
    pub(crate) jar: String,
    /// Arguments of the program, passed as they are
    #[arg(value_name = "ARG", allow_hyphen_values = true, trailing_var_arg = true)]
    pub(crate) args: Vec<String>,
}

/// What to wait for, and how long.
#[derive(Debug, Clone, Args)]
pub(crate) struct Waiting {
    /// Return once the application has been submitted; the same as --wait submitted
    #[arg(short, long, overrides_with = "detached", conflicts_with = "wait")]
    pub(crate) detached: bool,
    /// What to wait for before returning [default: finished]
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) wait: Option<Wait>,
    /// Give up waiting after this time (500ms, 30s, 5min, 2h; without a unit: seconds). The application goes on
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Kill the application if it does not run after this time (same units), and exit with 124. With -d or
    /// --wait accepted the command then stays until it runs
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) max_wait: Option<Duration>,
}

/// A Flink cluster on YARN: what `run` and `session start` have in common.
#[derive(Debug, Clone, Args)]
pub(crate) struct Cluster {
    /// Where TaskManagers may run: spread (evenly over the nodes), host=NAME, rack=/NAME, label=NAME (repeatable)
    #[arg(long, value_name = "PLACE")]
    pub(crate) placement: Vec<String>,
    /// Set a Flink configuration key (repeatable; beats the configuration file)
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub(crate) dynamic: Vec<String>,

    /// YARN queue [yarn.application.queue]
    #[arg(long, alias = "yarnqueue", value_name = "QUEUE")]
    pub(crate) queue: Option<String>,
    /// Name of the application [yarn.application.name]
    #[arg(long, alias = "yarnname", value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Memory of the JobManager's container (-jm) [jobmanager.memory.process.size]
    #[arg(long, visible_alias = "jobManagerMemory", alias = "yarnjobManagerMemory", value_name = "SIZE")]
    pub(crate) job_manager_memory: Option<String>,
    /// Memory of a TaskManager's container (-tm) [taskmanager.memory.process.size]
    #[arg(long, visible_alias = "taskManagerMemory", alias = "yarntaskManagerMemory", value_name = "SIZE")]
    pub(crate) task_manager_memory: Option<String>,
    /// Slots of a TaskManager (-ys) [taskmanager.numberOfTaskSlots]
    #[arg(long, alias = "yarnslots", value_name = "N")]
    pub(crate) slots: Option<u32>,
    /// Type of the application [yarn.application.type]
    #[arg(long, alias = "applicationType", alias = "yarnapplicationType", value_name = "TYPE")]
    pub(crate) application_type: Option<String>,
    /// Node label of all containers [yarn.application.node-label]
    #[arg(long, alias = "nodeLabel", alias = "yarnnodeLabel", value_name = "LABEL")]
    pub(crate) node_label: Option<String>,
    /// Ship a file or directory to every container (repeatable) [yarn.ship-files]
    #[arg(long, alias = "yarnship", value_name = "PATH")]
    pub(crate) ship: Vec<String>,
    /// Sub-path of the application in ZooKeeper [high-availability.cluster-id]
    #[arg(
        long,
        hide = true,
        alias = "zookeeperNamespace",
        alias = "yarnzookeeperNamespace",
        value_name = "NAMESPACE"
    )]
    pub(crate) zookeeper_namespace: Option<String>,
    /// Flink's REST server listens on the node's address, for whoever reaches it: needed by Flink's own client
    #[arg(long)]
    pub(crate) open_rest: bool,
    /// The application master's binary [default: flink-app-master beside this program]
    #[arg(long, env = "YARN_FLINK_APP_MASTER", value_name = "PATH")]
    pub(crate) app_master: Option<PathBuf>,
}

/// Points in an application's life to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wait {
    /// The ResourceManager has taken the application
    Submitted,
    /// The scheduler has taken it into its queue
    Accepted,
    /// The job is RUNNING; a session takes jobs
    Running,
    /// The application has ended; the exit code is the job's result
    Finished,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Also those that have ended, as long as the ResourceManager remembers them
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Only this queue
    #[arg(long, value_name = "QUEUE")]
    pub(crate) queue: Option<String>,
    /// Only this user's
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Only this application type (repeatable)
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<String>,
    /// Only with this tag (repeatable: any of them)
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Application id, such as application_1700000000000_0001, or the name of a running session of this user
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Application id, such as application_1700000000000_0001, or the name of a running session of this user
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
}

/// Of running containers from their nodes, of an ended application from where YARN has collected them; its owner is found
/// by itself. Printed as by `yarn logs`.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Application id, such as application_1700000000000_0001, or the name of a running session of this user
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
    /// Only files of these names, such as taskmanager.log [default: all]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// Only this container
    #[arg(long, value_name = "CONTAINER")]
    pub(crate) container: Option<String>,
    /// Only the application masters' containers, where the JobManager's logs are
    #[arg(long, conflicts_with = "container")]
    pub(crate) am: bool,
    /// Only the last N lines of each file
    #[arg(long, value_name = "N")]
    pub(crate) tail: Option<usize>,
    /// Go on with what is written, until the application has ended
    #[arg(short, long, conflicts_with_all = ["out", "list"])]
    pub(crate) follow: bool,
    /// Write each file below this directory, as NODE/CONTAINER/FILE, instead of printing it
    #[arg(long, value_name = "DIR", conflicts_with = "list")]
    pub(crate) out: Option<PathBuf>,
    /// List the files instead
    #[arg(long)]
    pub(crate) list: bool,
    /// Set a Hadoop configuration key, such as yarn.nodemanager.remote-app-log-dir, or one of Flink's (repeatable)
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub(crate) dynamic: Vec<String>,
}

/// What its application master tells: containers asked for, given, started and lost, the states of the job, its
/// checkpoints, the end. With `-o json` one object a line.
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Application id, such as application_1700000000000_0001, or the name of a running session of this user
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
    /// Go on until the application has ended, over restarts of its master
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Begin behind this event, the last one that has been seen: `id` in JSON
    #[arg(long, value_name = "ATTEMPT.NUMBER", value_parser = event_id)]
    pub(crate) after: Option<(u32, u64)>,
}

#[derive(Debug, Args)]
pub(crate) struct Kill {
    /// Application ids, or names of running sessions of this user
    #[arg(value_name = "ID|NAME", required = true)]
    pub(crate) ids: Vec<String>,
}

/// Removes staging directories of applications that YARN reports ended, old records of `run --key`, and cached files that
/// have not been used for a while. Nothing that a running application may need is touched.
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Only say what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Look into the home directories of all users, as far as permitted
    #[arg(long)]
    pub(crate) all_users: bool,
    /// Also directories of applications this ResourceManager has never known; they may belong to another cluster on the
    /// same file system
    #[arg(long)]
    pub(crate) unknown: bool,
    /// How long records of keys are kept after their application has ended
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "7d")]
    pub(crate) keep_keys: Duration,
    /// How long cached files are kept after their last use; never less than a day and an hour, and always while an
    /// application runs that may use them
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "7d")]
    pub(crate) keep_cache: Duration,
}

/// Plays many lives of one application in virtual time, with the very decisions of the real application master, and sums
/// up how they end and what the faults cost.
#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// TaskManagers of the job, one slot each
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) task_managers: u32,
    /// Nodes of the cluster
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) nodes: u32,
    /// How long the job works when nothing goes wrong
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10min")]
    pub(crate) work: Duration,
    /// Pauses between checkpoints; 0: the job makes none
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub(crate) checkpoint_interval: Duration,
    /// With Flink's own high availability
    #[arg(long)]
    pub(crate) high_availability: bool,
    /// As of `run`
    #[arg(long)]
    pub(crate) restart_from_scratch: bool,
    /// Attempts that may fail within 10 minutes [yarn.application-attempts]
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) max_attempts: u32,
    /// What goes wrong: all, none, or a list of taskmanager, jobmanager, appmaster, node, partition, resourcemanager,
    /// preemption, hdfs
    #[arg(long, value_name = "LIST", default_value = "all")]
    pub(crate) faults: String,
    /// Time between two faults, on average
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2min")]
    pub(crate) every: Duration,
    /// Lives to play
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(crate) lives: u64,
    /// The first life's seed: the same seed gives the same life
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Tell that one life step by step
    #[arg(long)]
    pub(crate) trace: bool,
    /// The application master's program
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) app_master: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

fn event_id(text: &str) -> Result<(u32, u64), String> {
    let parsed = text
        .split_once('.')
        .and_then(|(attempt, number)| Some((attempt.parse::<u32>().ok()?, number.parse::<u64>().ok()?)));
    parsed.ok_or_else(|| format!("'{text}' is not ATTEMPT.NUMBER, such as 1.42"))
}

/// `500ms`, `30s`, `5min` (or `m`), `2h`, `1d`; a bare number is in seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("'{text}' does not begin with a number"))?;
    let millis = match unit.trim() {
        "ms" => Some(number),
        "" | "s" | "sec" => number.checked_mul(1_000),
        "m" | "min" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        other => return Err(format!("'{other}' is not a unit of time (ms, s, min, h, d)")),
    };
    millis.map(Duration::from_millis).ok_or_else(|| format!("'{text}' is too long"))
}

#[cfg(test)]
mod tests;
