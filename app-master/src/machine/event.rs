//! Everything the machine can be told.

use std::collections::BTreeSet;

use proto::ids::ContainerId;
use serde::{Deserialize, Serialize};
use yarn_client::cause::Cause;
use yarn_client::flink::JobStatus;
use yarn_client::yarn::{AllocatedContainer, ContainerStatus, Resource};

use super::{Request, form};

/// Something that happened outside.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Event {
    /// The ResourceManager accepted the registration.
    Registered {
        /// Largest container it will ever give.
        #[serde(with = "form::one")]
        maximum: Resource,
        /// Containers of an earlier attempt that still run.
        #[serde(with = "form::many")]
        previous: Vec<AllocatedContainer>,
    },
    /// The ResourceManager refused the registration for good.
    RegistrationFailed {
        /// What it said.
        cause: String,
    },
    /// Answer to [`Action::Heartbeat`](super::Action::Heartbeat).
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
    /// Answer to [`Action::Begin`](super::Action::Begin).
    Begun(Result<(), BeginFailure>),
    /// Answer to [`Action::WriteJournal`](super::Action::WriteJournal).
    JournalWritten {
        /// Why it is not stored.
        failure: Option<String>,
    },
    /// Answer to [`Action::CheckFence`](super::Action::CheckFence).
    FenceChecked(Fence),
    /// Answer to [`Action::FindCheckpoint`](super::Action::FindCheckpoint), or why there is none yet.
    CheckpointFound(Result<Found, String>),
    /// The JobManager's process runs.
    JobManagerStarted,
    /// The JobManager's process could not be started.
    JobManagerStartFailed {
        /// Why.
        cause: Cause,
    },
    /// The JobManager's process ended.
    JobManagerExited {
        /// How.
        exit: Exit,
        /// What its log says about the cause.
        cause: Option<String>,
        /// The cause is that it found no program in what it was given.
        #[serde(default)]
        not_loaded: bool,
        /// It could not bind one of its ports.
        port_taken: bool,
        /// Its log says that our job has finished, which may have been too short a while ago to be seen by REST.
        job_finished: bool,
        /// Its log says that the program has ended it.
        #[serde(default)]
        system_exit: Option<SystemExit>,
    },
    /// Flink's REST server answered.
    Flink(FlinkView),
    /// Flink's REST server did not answer, or not with what was asked.
    FlinkUnreachable {
        /// How it is with the JobManager, then.
        silence: Silence,
        /// In words.
        cause: String,
    },
    /// A client has begun or ended a request that changes something in Flink, such as the upload of a jar.
    Used {
        /// Requests of this kind that are under way.
        under_way: u32,
    },
    /// Answer to [`Action::FetchResult`](super::Action::FetchResult).
    JobResult {
        /// Root cause of a failed job.
        cause: Option<String>,
        /// What it leaves; `None` when Flink does not say.
        checkpoints: Option<CheckpointsView>,
    },
    /// Answer to [`Action::CancelJobs`](super::Action::CancelJobs): they have ended, or would not.
    JobsCancelled,
    /// A client asks for something.
    Asked(Request),
    /// The program's `main` has returned after its job had finished, or nothing can tell when it does.
    ProgramEnded {
        /// Flink has passed over a further job of the program.
        job_passed_over: bool,
    },
    /// Flink accepted (or refused: then it is stopped by signal) the request to shut its cluster down.
    ClusterDeleted {
        /// Whether it was accepted.
        accepted: bool,
    },
    /// Answer to [`Action::InspectCluster`](super::Action::InspectCluster).
    ClusterCapacity {
        /// TaskManagers the empty cluster could hold beside this application master; `None` when it cannot be known.
        task_managers: Option<u32>,
        /// The cluster in words, such as "2 nodes with 4096 MiB each".
        description: String,
    },
    /// The staging directory is gone, or could not be removed.
    StagingRemoved {
        /// Why not.
        failure: Option<String>,
    },
    /// The ResourceManager has stored the end of the application.
    Unregistered,
    /// The ResourceManager could not be told; the machine tries again.
    UnregisterFailed,
    /// For the ResourceManager this attempt is over already: there is a later one, or the application was killed.
    AttemptOver,
    /// SIGTERM: the NodeManager ends the container.
    Terminate,
}

/// What a look without an answer says of the JobManager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Silence {
    /// It says that it is not ready: it lives, and waits for something such as its leadership.
    NotReady,
    /// It answers, but not with what was asked.
    Error,
    /// Nobody answers: the process starts, or hangs.
    Complete,
}

/// What a search for a job's newest completed checkpoint has brought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// Where it is.
    Newest(String),
    /// There is none.
    Nothing,
    /// None was told of, and nobody can look whether there is one.
    Unknown,
}

/// Why an attempt could not leave its mark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BeginFailure {
    /// The staging directory is not there: the application is being killed.
    Gone,
    /// The file system does not answer, or refuses; it may be better in a moment.
    Unavailable(String),
}

/// Whether this attempt is still the application's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fence {
    /// No later attempt has begun.
    Newest,
    /// A later one has, or the whole application is over.
    Superseded,
    /// Nobody can tell.
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
    /// Containers the scheduler is about to take back.
    #[serde(with = "form::texts")]
    pub preempted: Vec<ContainerId>,
    /// Nodes in use.
    pub cluster_nodes: u32,
    /// Containers of an earlier attempt, found after the registration.
    #[serde(with = "form::many")]
    pub previous: Vec<AllocatedContainer>,
}

/// Why a heartbeat brought nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeartbeatFailure {
    /// The ResourceManager restarted: register again and repeat every open ask (`ApplicationMasterNotRegistered`).
    Resync,
    /// The attempt is over for the ResourceManager (`ApplicationAttemptNotFound`).
    Shutdown,
    /// It refused what was asked. The rest of the heartbeat was not read.
    Refused {
        /// What it said.
        cause: String,
        /// Asking again will not help, as with a label that the cluster does not have. A size that is refused now may be
        /// given later: the ResourceManager goes by the nodes it has at the moment.
        for_good: bool,
    },
    /// No answer; asks are absolute, so the next heartbeat repeats them.
    Lost(String),
}

/// The program has ended the JobManager's virtual machine with `System.exit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemExit {
    /// The code it gave.
    pub code: i32,
    /// How its job had ended before, where that was not well.
    #[serde(with = "form::optional")]
    pub job: Option<JobStatus>,
    /// Why the job had failed.
    pub cause: Option<String>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal(i32),
}

/// One look at Flink through its REST interface.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct FlinkView {
    /// Jobs in the order of the overview.
    pub jobs: Vec<JobView>,
    /// The application layer of Flink 2.3 and later; decides before the jobs do.
    pub application: Option<ApplicationView>,
    /// Registered TaskManagers.
    pub task_managers: Vec<TaskManagerView>,
    /// TaskManagers with results that tasks may still read, though no task runs on them; `None`: nobody asked.
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
    /// It never ends by itself.
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
    /// The job makes none.
    Off,
    /// It makes them.
    On {
        /// One has been completed.
        completed: bool,
        /// Where the newest completed one is; `None` when Flink keeps it in its own memory.
        path: Option<String>,
        /// Whether the job wants to keep them when it is cancelled, by its configuration or its program; `None` while that
        /// is not known.
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
    /// All slots.
    pub slots: u32,
    /// Slots no job holds.
    pub free_slots: u32,
}
