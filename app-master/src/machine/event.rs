//! Everything the machine can be told.

use std::collections::BTreeSet;

use proto::ids::ContainerId;
use serde::{Deserialize, Serialize};
use yarn_client::cause::Cause;
use yarn_client::flink::JobStatus;
use yarn_client::yarn::{AllocatedContainer, ContainerStatus, Resource};

use super::{Request, form};

/// Something that has happened outside the machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Event {
    /// The ResourceManager accepted the registration.
    Registered {
        /// The largest container it will ever give.
        #[serde(with = "form::one")]
        maximum: Resource,
        /// Containers of an earlier attempt that are still running.
        #[serde(with = "form::many")]
        previous: Vec<AllocatedContainer>,
    },
    /// The ResourceManager refused the registration for good.
    RegistrationFailed {
        /// What it said.
        cause: String,
    },
    /// The answer to [`Action::Heartbeat`](super::Action::Heartbeat).
    Heartbeat(HeartbeatAnswer),
    /// The heartbeat was not answered.
    HeartbeatFailed(HeartbeatFailure),
    /// A NodeManager accepted a container.
    ContainerStarted(#[serde(with = "form::text")] ContainerId),
    /// A NodeManager refused a container, or could not be reached.
    ContainerStartFailed {
        /// The container.
        #[serde(with = "form::text")]
        id: ContainerId,
        /// What the NodeManager said.
        cause: String,
    },
    /// The answer to [`Action::Begin`](super::Action::Begin).
    Begun(Result<(), BeginFailure>),
    /// The answer to [`Action::WriteJournal`](super::Action::WriteJournal).
    JournalWritten {
        /// Why it was not stored.
        failure: Option<String>,
    },
    /// The answer to [`Action::CheckFence`](super::Action::CheckFence).
    FenceChecked(Fence),
    /// The answer to [`Action::FindCheckpoint`](super::Action::FindCheckpoint), or why there is none yet.
    CheckpointFound(Result<Found, String>),
    /// The JobManager's process is running.
    JobManagerStarted,
    /// The JobManager's process could not be started.
    JobManagerStartFailed {
        /// Why.
        cause: Cause,
    },
    /// The JobManager's process ended.
    JobManagerExited {
        /// How it ended.
        exit: Exit,
        /// What its log says about the cause.
        cause: Option<String>,
        /// The JobManager ended because it found no program in what it was given.
        #[serde(default)]
        not_loaded: bool,
        /// It could not bind one of its ports.
        port_taken: bool,
        /// Its log says that our job has finished, perhaps too recently for REST to have shown it.
        job_finished: bool,
        /// Its log says that the program has ended it.
        #[serde(default)]
        system_exit: Option<SystemExit>,
    },
    /// Flink has answered, or has failed to.
    Flink {
        /// Which JobManager was asked, by the number of its start ([`Action::StartJobManager`](super::Action::StartJobManager)).
        start: u32,
        /// The outcome.
        answer: Answer,
    },
    /// A client has started or ended a request that changes something in Flink, such as the upload of a jar.
    Used {
        /// Number of such requests under way.
        under_way: u32,
    },
    /// A client's request.
    Asked(Request),
    /// The answer to [`Action::InspectCluster`](super::Action::InspectCluster).
    ClusterCapacity {
        /// Number of TaskManagers the empty cluster could hold beside this application master; `None` if unknown.
        task_managers: Option<u32>,
        /// A description of the cluster, such as "2 nodes with 4096 MiB each".
        description: String,
    },
    /// The staging directory is gone, or could not be removed.
    StagingRemoved {
        /// Why it could not be removed.
        failure: Option<String>,
    },
    /// The ResourceManager has stored the end of the application.
    Unregistered,
    /// The ResourceManager could not be told; the machine will try again.
    UnregisterFailed,
    /// The ResourceManager considers this attempt over: there is a later one, or the application was killed.
    AttemptOver,
    /// SIGTERM: the NodeManager is ending the container.
    Terminate,
}

/// What a JobManager answers, or what its silence means.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Answer {
    /// To [`Action::PollFlink`](super::Action::PollFlink).
    View(FlinkView),
    /// The REST server did not answer, or not with what was requested.
    Unreachable {
        /// What the silence says about the JobManager.
        silence: Silence,
        /// The reason, as text.
        cause: String,
    },
    /// To [`Action::FetchResult`](super::Action::FetchResult).
    JobResult {
        /// Root cause of a failed job.
        cause: Option<String>,
        /// The job's checkpoints; `None` if Flink does not say.
        checkpoints: Option<CheckpointsView>,
    },
    /// To [`Action::CancelJobs`](super::Action::CancelJobs): they have ended, or could not be cancelled.
    JobsCancelled,
    /// To [`Action::WatchProgram`](super::Action::WatchProgram): the program's `main` has returned after its job had finished, or
    /// there is no way to tell when it does.
    ProgramEnded {
        /// Flink has skipped a further job of the program.
        job_passed_over: bool,
    },
    /// To [`Action::DeleteCluster`](super::Action::DeleteCluster).
    ClusterDeleted {
        /// Whether it was accepted; if not, the JobManager is stopped by a signal.
        accepted: bool,
    },
}

/// What a look without an answer says about the JobManager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Silence {
    /// It reports that it is not ready: it lives, and waits for something such as leadership.
    NotReady,
    /// It answers, but not with what was requested.
    Error,
    /// No answer at all: the process is starting, or hangs.
    Complete,
}

/// The result of a search for a job's newest completed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// Where it is.
    Newest(String),
    /// There is none.
    Nothing,
    /// None was reported, and there is no way to find out whether there is one.
    Unknown,
}

/// Why an attempt could not leave its mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BeginFailure {
    /// The staging directory does not exist: the application is being killed.
    Gone,
    /// The file system does not answer, or refuses; this may be temporary.
    Unavailable(String),
}

/// Whether this attempt is still the application's current one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fence {
    /// No later attempt has started.
    Newest,
    /// A later one has started, or the whole application is over.
    Superseded,
    /// It cannot be determined.
    Unknown(String),
}

/// What an answered heartbeat brought.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct HeartbeatAnswer {
    /// New containers, each to be started or released.
    #[serde(with = "form::many")]
    pub allocated: Vec<AllocatedContainer>,
    /// Containers that ended, started or not.
    #[serde(with = "form::many")]
    pub completed: Vec<ContainerStatus>,
    /// Containers that the scheduler is about to take back.
    #[serde(with = "form::texts")]
    pub preempted: Vec<ContainerId>,
    /// Number of nodes in use.
    pub cluster_nodes: u32,
    /// Containers of an earlier attempt, found after the registration.
    #[serde(with = "form::many")]
    pub previous: Vec<AllocatedContainer>,
}

/// Why a heartbeat brought nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeartbeatFailure {
    /// The ResourceManager has restarted: register again and repeat every open request
    /// (`ApplicationMasterNotRegistered`).
    Resync,
    /// The attempt is over for the ResourceManager (`ApplicationAttemptNotFound`).
    Shutdown,
    /// It refused the request. The rest of the heartbeat was not read.
    Refused {
        /// What it said.
        cause: String,
        /// Asking again will not help, as with a label that the cluster does not have. A size that is refused now may be
        /// granted later: the ResourceManager judges by the nodes it has at the moment.
        for_good: bool,
    },
    /// No answer; requests are absolute, so the next heartbeat repeats them.
    Lost(String),
}

/// The program has ended the JobManager's virtual machine with `System.exit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemExit {
    /// The exit code.
    pub code: i32,
    /// How its job had ended before, unless it had succeeded.
    #[serde(with = "form::optional")]
    pub job: Option<JobStatus>,
    /// Why the job had failed.
    pub cause: Option<String>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// One look at Flink through its REST interface.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FlinkView {
    /// The jobs in the order of the overview.
    pub jobs: Vec<JobView>,
    /// The application layer of Flink 2.3 and later; takes precedence over the jobs.
    pub application: Option<ApplicationView>,
    /// Registered TaskManagers.
    pub task_managers: Vec<TaskManagerView>,
    /// TaskManagers with results that tasks may still read, though no task runs on them; `None` if this was not
    /// requested.
    pub holders: Option<BTreeSet<String>>,
}

/// A job as the overview shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobView {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Its state.
    #[serde(with = "form::text")]
    pub status: JobStatus,
    /// Slots it needs now; `None` while its details are not known.
    pub slots_needed: Option<u32>,
    /// Whether it never ends by itself.
    pub streaming: Option<bool>,
    /// All tasks of the vertices deployed so far.
    pub tasks_total: u32,
    /// Tasks that are deployed, initialising or running.
    pub tasks_active: u32,
    /// Tasks that have finished.
    pub tasks_finished: u32,
    /// Its checkpoints; `None` while they are not known.
    pub checkpoints: Option<CheckpointsView>,
}

/// What a job's checkpoints are good for after a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckpointsView {
    /// The job takes none.
    Off,
    /// It takes them.
    On {
        /// One has completed.
        completed: bool,
        /// Where the newest completed one is; `None` when Flink keeps it in its own memory.
        path: Option<String>,
        /// Whether the job retains them when it is cancelled, by its configuration or its program; `None` if not known
        /// yet.
        kept: Option<bool>,
    },
}

/// An application of Flink 2.3 and later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApplicationView {
    /// Its end; `None` while it runs.
    #[serde(with = "form::optional")]
    pub end: Option<JobStatus>,
    /// The root exception of a failed one.
    pub cause: Option<String>,
}

/// A registered TaskManager.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskManagerView {
    /// The resource id the application master gave it: its container id.
    pub id: String,
    /// Number of slots.
    pub slots: u32,
    /// Number of slots that no job holds.
    pub free_slots: u32,
}
