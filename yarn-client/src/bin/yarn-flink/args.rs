//! The command line as typed: clap structures only, no behaviour.

mod dynamic;
mod jobs;
mod session;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use yarn_client::security::LoginSettings;

pub(crate) use dynamic::{command, given};
pub(crate) use jobs::{Cancel, Jobs, Savepoint, SavepointType, Stop, Target};
pub(crate) use session::{Scale, Session, SessionStart, SessionStop};

/// Runs Apache Flink jobs on Hadoop YARN.
///
/// No JVM is needed on this host. On the cluster a small native application master runs the job, from
/// submission to the cleanup of its containers and files.
#[derive(Debug, Parser)]
#[command(name = "yarn-flink", version, propagate_version = true, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 success, 1 the job failed, 2 usage or configuration error, 3 refused by the cluster or \
cluster unreachable, 4 cancelled or killed, 5 no such application or job, 124 timed out, 130 interrupted."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// Format of standard output
    #[arg(short = 'o', long, global = true, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    pub(crate) output: Output,
    /// Print only errors to standard error
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Print more details, such as Java stack traces of remote errors; `-vv` logs every remote call
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Directory with `core-site.xml`, `hdfs-site.xml` and `yarn-site.xml` [default: $HADOOP_CONF_DIR,
    /// $YARN_CONF_DIR, $HADOOP_HOME/etc/hadoop]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) conf_dir: Option<PathBuf>,
    /// The Flink distribution to run: the directory that contains `lib/` [default: $FLINK_HOME]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) flink_home: Option<PathBuf>,
    /// Keytab to log in with where the cluster requires Kerberos [default: `security.kerberos.login.keytab`, $KRB5KEYTAB,
    /// then the ticket cache]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) keytab: Option<PathBuf>,
    /// Kerberos principal in the keytab [default: `security.kerberos.login.principal`, $KRB5PRINCIPAL]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) principal: Option<String>,
    /// Act for another user, which the cluster must allow (`hadoop.proxyuser.*`) [default: $HADOOP_PROXY_USER]
    #[arg(long, global = true, value_name = "USER")]
    pub(crate) proxy_user: Option<String>,
}

impl Global {
    /// What was said about the login.
    pub(crate) fn login(&self) -> LoginSettings {
        LoginSettings {
            keytab: self.keytab.clone(),
            principal: self.principal.clone(),
            proxy_user: self.proxy_user.clone(),
            ..LoginSettings::default()
        }
    }
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
    /// Run a job, on its own Flink cluster or in a session
    Run(Box<Run>),
    /// List YARN applications, by default only unfinished ones
    List(List),
    /// Show the status of an application
    Status(Status),
    /// Explain why an application is waiting, or why it ended
    Explain(Explain),
    /// Print the logs of an application, running or finished
    Logs(Logs),
    /// Print the events of an application, past and present
    Events(Events),
    /// Manage sessions: Flink clusters that run many jobs
    #[command(subcommand)]
    Session(Session),
    /// Change the number of TaskManagers of a session, or of a job with `scheduler-mode: reactive`
    Scale(Scale),
    /// List the Flink jobs of a running application
    Jobs(Jobs),
    /// Cancel a Flink job
    Cancel(Cancel),
    /// Stop a Flink job with a savepoint
    Stop(Stop),
    /// Take a savepoint of a running Flink job, or dispose of one
    Savepoint(Savepoint),
    /// Kill YARN applications and remove their files from HDFS
    Kill(Kill),
    /// Remove files of finished applications and unused cached files from HDFS
    Gc(Gc),
    /// Simulate how an application would survive failures, without a cluster
    Simulate(Simulate),
    /// Print a shell completion script
    Completions(Completions),
}

impl Command {
    /// Whether it changes the cluster, which its exit code must then reflect.
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

/// Options are named as in Flink. Flink's two-letter options (`-jm`, `-tm`, `-ys`, `-yD` etc.) are accepted too.
/// Everything after JAR is passed to the program.
#[derive(Debug, Args)]
#[command(
    override_usage = "yarn-flink run [OPTIONS] JAR [ARG]...",
    after_help = "Also accepted, as in Flink: -jm SIZE, -tm SIZE, -ys N and, up to Flink 1.20, -yjm, -ytm, -ynm, \
-yqu, -yat, -ynl, -yt, -yz, -yd, -yD KEY=VALUE, -m yarn-cluster. Sizes without a unit are in MiB here, in bytes in -D."
)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) waiting: Waiting,
    /// Submit at most once: a second call with the same key follows the application of the first, whatever happened
    /// to the first client. A key belongs to one jar, class, savepoint and list of arguments
    #[arg(long, value_name = "KEY")]
    pub(crate) key: Option<String>,

    /// Run the job in this session instead of on its own cluster: its application id, or a name that exactly one of
    /// your running sessions has
    #[arg(
        long,
        value_name = "ID|NAME",
        aliases = ["applicationId", "yarnapplicationId"],
        conflicts_with_all = ["wait", "max_wait", "key", "classpath", "placement", "restart_from_scratch", "multi_job", "queue", "name",
            "job_manager_memory", "task_manager_memory", "slots", "application_type", "node_label", "ship",
            "zookeeper_namespace", "app_master", "open_rest"]
    )]
    pub(crate) session: Option<String>,
    /// Stop the session when this job ends, whatever its result; any other unfinished jobs are cancelled
    #[arg(long, requires = "session")]
    pub(crate) stop_session_after: bool,

    /// Class with the program's `main` method [default: from the jar's manifest]
    #[arg(short = 'c', long = "class", value_name = "CLASS")]
    pub(crate) class: Option<String>,
    /// Add a URL to the user class loader; it must be accessible from every node (repeatable)
    #[arg(short = 'C', long = "classpath", value_name = "URL")]
    pub(crate) classpath: Vec<String>,
    /// Parallelism of the program, overriding the configured default
    #[arg(short, long, value_name = "N")]
    pub(crate) parallelism: Option<u32>,
    /// Restore from this savepoint or retained checkpoint
    #[arg(short = 's', long = "from-savepoint", visible_alias = "fromSavepoint", value_name = "PATH")]
    pub(crate) from_savepoint: Option<String>,
    /// Skip savepoint state that no longer belongs to any operator of the program
    #[arg(short = 'n', long = "allow-non-restored-state", visible_alias = "allowNonRestoredState")]
    pub(crate) allow_non_restored_state: bool,
    /// The program runs several jobs, in sequence or in parallel; the application ends with the last of them
    #[arg(long)]
    pub(crate) multi_job: bool,
    /// Restart the job from scratch, instead of failing it, when there is no checkpoint to recover from
    #[arg(long)]
    pub(crate) restart_from_scratch: bool,

    #[command(flatten)]
    pub(crate) cluster: Cluster,

    /// Deployment target; only `yarn-application` is supported
    #[arg(short, long, hide = true, value_name = "TARGET")]
    pub(crate) target: Option<String>,
    /// Only `-m yarn-cluster` is supported
    #[arg(short = 'm', long = "jobmanager", hide = true, value_name = "TARGET")]
    pub(crate) master: Option<String>,

    /// Jar of the program: a local path, or one on the cluster (`hdfs://...`)
    #[arg(required = true, value_name = "JAR")]
    pub(crate) jar: String,
    /// Arguments of the program
    #[arg(value_name = "ARG", allow_hyphen_values = true, trailing_var_arg = true)]
    pub(crate) args: Vec<String>,
}

/// What to wait for, and how long.
#[derive(Debug, Clone, Args)]
pub(crate) struct Waiting {
    /// Return once the application has been submitted; the same as `--wait submitted`
    #[arg(short, long, overrides_with = "detached", conflicts_with = "wait")]
    pub(crate) detached: bool,
    /// What to wait for before returning [default: finished]
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub(crate) wait: Option<Wait>,
    /// Stop waiting after this time (`500ms`, `30s`, `5min`, `2h`; without a unit: seconds). The application keeps
    /// running
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Kill the application if it is not running after this time (same units), and exit with 124. With `-d` or
    /// `--wait accepted` the command waits until it is running
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) max_wait: Option<Duration>,
}

/// Options of a Flink cluster on YARN, shared by `run` and `session start`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Cluster {
    /// Where TaskManagers may run: `spread` (evenly over the nodes), `host=NAME`, `rack=/NAME`, `label=NAME`
    /// (repeatable)
    #[arg(long, value_name = "PLACE")]
    pub(crate) placement: Vec<String>,
    /// Set a Flink configuration key, overriding the configuration file (repeatable)
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub(crate) dynamic: Vec<String>,

    /// YARN queue [yarn.application.queue]
    #[arg(long, alias = "yarnqueue", value_name = "QUEUE")]
    pub(crate) queue: Option<String>,
    /// Name of the application [yarn.application.name]
    #[arg(long, alias = "yarnname", value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Memory of the JobManager container (`-jm`) [jobmanager.memory.process.size]
    #[arg(long, visible_alias = "jobManagerMemory", alias = "yarnjobManagerMemory", value_name = "SIZE")]
    pub(crate) job_manager_memory: Option<String>,
    /// Memory of a TaskManager container (`-tm`) [taskmanager.memory.process.size]
    #[arg(long, visible_alias = "taskManagerMemory", alias = "yarntaskManagerMemory", value_name = "SIZE")]
    pub(crate) task_manager_memory: Option<String>,
    /// Slots per TaskManager (`-ys`) [taskmanager.numberOfTaskSlots]
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
    /// Make Flink's REST server listen on the node's address, without authentication, as Flink's own client needs it
    #[arg(long)]
    pub(crate) open_rest: bool,
    /// The application master binary [default: `flink-app-master` next to this program]
    #[arg(long, env = "YARN_FLINK_APP_MASTER", value_name = "PATH")]
    pub(crate) app_master: Option<PathBuf>,
}

/// Points in an application's life to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wait {
    /// The ResourceManager has received the application
    Submitted,
    /// The scheduler has accepted it into its queue
    Accepted,
    /// The job is RUNNING, or the session accepts jobs
    Running,
    /// The application has ended; the exit code is the job's result
    Finished,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Include finished applications that the ResourceManager still remembers
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Show only this queue
    #[arg(long, value_name = "QUEUE")]
    pub(crate) queue: Option<String>,
    /// Show only this user's applications
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,
    /// Show only this application type (repeatable)
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) types: Vec<String>,
    /// Show only applications with this tag (repeatable: any of them)
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Application id, such as `application_1700000000000_0001`, or the name of one of your running sessions
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Application id, such as `application_1700000000000_0001`, or the name of one of your running sessions
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
}

/// Reads the logs of running containers from their nodes and those of finished applications from YARN's log
/// aggregation, whoever owns the application. The format is that of `yarn logs`.
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// Application id, such as `application_1700000000000_0001`, or the name of one of your running sessions
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
    /// Print only files with these names, such as `taskmanager.log` [default: all]
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<String>,
    /// Print only the logs of this container
    #[arg(long, value_name = "CONTAINER")]
    pub(crate) container: Option<String>,
    /// Print only the logs of application master containers, which include the JobManager's
    #[arg(long, conflicts_with = "container")]
    pub(crate) am: bool,
    /// Print only the last N lines of each file
    #[arg(long, value_name = "N")]
    pub(crate) tail: Option<usize>,
    /// Keep printing new lines until the application ends
    #[arg(short, long, conflicts_with_all = ["out", "list"])]
    pub(crate) follow: bool,
    /// Write the files to this directory, as NODE/CONTAINER/FILE, instead of printing them
    #[arg(long, value_name = "DIR", conflicts_with = "list")]
    pub(crate) out: Option<PathBuf>,
    /// List the files instead of printing them
    #[arg(long)]
    pub(crate) list: bool,
    /// Set a Hadoop configuration key, such as `yarn.nodemanager.remote-app-log-dir`, or a Flink key (repeatable)
    #[arg(short = 'D', value_name = "KEY=VALUE")]
    pub(crate) dynamic: Vec<String>,
}

/// Prints what the application master reports: containers requested, allocated, launched and lost, job states,
/// checkpoints, and the end. With `-o json` each line is one object.
#[derive(Debug, Args)]
pub(crate) struct Events {
    /// Application id, such as `application_1700000000000_0001`, or the name of one of your running sessions
    #[arg(value_name = "ID|NAME")]
    pub(crate) id: String,
    /// Keep printing events until the application ends, across restarts of its master
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Start after this event, the last one that has been seen (`id` in JSON)
    #[arg(long, value_name = "ATTEMPT.NUMBER", value_parser = event_id)]
    pub(crate) after: Option<(u32, u64)>,
}

#[derive(Debug, Args)]
pub(crate) struct Kill {
    /// Application ids, or names of your running sessions
    #[arg(value_name = "ID|NAME", required = true)]
    pub(crate) ids: Vec<String>,
}

/// Removes the staging directories of applications that YARN reports as finished, expired records of `run --key`, and
/// cached files that have not been used for a while. Nothing that a running application may need is removed.
#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Print what would be removed, without removing it
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Scan the home directories of all users, as far as permitted
    #[arg(long)]
    pub(crate) all_users: bool,
    /// Also remove directories of applications unknown to this ResourceManager; they may belong to another cluster on
    /// the same file system
    #[arg(long)]
    pub(crate) unknown: bool,
    /// How long to keep the records of keys after their application has ended
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "7d")]
    pub(crate) keep_keys: Duration,
    /// How long to keep cached files after their last use; at least 25 h, and always while a running application may
    /// use them
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "7d")]
    pub(crate) keep_cache: Duration,
}

/// Runs one application many times in virtual time, with the decision logic of the real application master and
/// injected faults, and summarizes how the runs end and what the faults cost.
#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// Number of TaskManagers of the job, with one slot each
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) task_managers: u32,
    /// Number of nodes of the cluster
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub(crate) nodes: u32,
    /// How long the job takes without faults
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10min")]
    pub(crate) work: Duration,
    /// Interval between checkpoints; 0 disables them
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub(crate) checkpoint_interval: Duration,
    /// Use Flink's high availability
    #[arg(long)]
    pub(crate) high_availability: bool,
    /// As with `run`
    #[arg(long)]
    pub(crate) restart_from_scratch: bool,
    /// Attempts allowed within 10 min [yarn.application-attempts]
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) max_attempts: u32,
    /// Faults to inject: `all`, `none`, or a list of `taskmanager`, `jobmanager`, `appmaster`, `node`, `partition`,
    /// `resourcemanager`, `preemption`, `hdfs`
    #[arg(long, value_name = "LIST", default_value = "all")]
    pub(crate) faults: String,
    /// Average time between faults
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "2min")]
    pub(crate) every: Duration,
    /// Number of runs
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub(crate) lives: u64,
    /// Seed of the first run; a run is reproduced by its seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print this one run step by step
    #[arg(long)]
    pub(crate) trace: bool,
    /// The application master binary
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
    parsed.ok_or_else(|| format!("`{text}` is not of the form ATTEMPT.NUMBER, such as `1.42`"))
}

/// `500ms`, `30s`, `5min` (or `m`), `2h`, `1d`; a bare number is in seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| format!("`{text}` does not start with a number"))?;
    let millis = match unit.trim() {
        "ms" => Some(number),
        "" | "s" | "sec" => number.checked_mul(1_000),
        "m" | "min" => number.checked_mul(60_000),
        "h" => number.checked_mul(3_600_000),
        "d" => number.checked_mul(86_400_000),
        other => return Err(format!("`{other}` is not a unit of time (expected one of: ms, s, min, h, d)")),
    };
    millis.map(Duration::from_millis).ok_or_else(|| format!("`{text}` is too long"))
}

#[cfg(test)]
mod tests;
