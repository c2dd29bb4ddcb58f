//! Everything the machine can ask for.

use proto::ids::ContainerId;
use serde::Serialize;
use yarn_client::yarn::{AllocatedContainer, FinalStatus};

use super::{Journal, Occurrence, form};

/// Something to be done outside. Each is done once; its answer comes back as an [`Event`](super::Event).
#[derive(Debug, Clone, Serialize)]
pub enum Action {
    /// `registerApplicationMaster`; also after the ResourceManager has restarted.
    Register,
    /// `allocate`.
    Heartbeat(Heartbeat),
    /// Launch a TaskManager in this container.
    StartContainer(#[serde(serialize_with = "form::one::serialize")] Box<AllocatedContainer>),
    /// Stop a launched container.
    StopContainer(#[serde(serialize_with = "form::text::serialize")] ContainerId),
    /// Leave this attempt's mark in the staging directory, so that later ones know, and earlier ones give way.
    Begin,
    /// Replace the journal in the staging directory.
    WriteJournal(Journal),
    /// See whether a later attempt has left its mark.
    CheckFence,
    /// Look for the job's newest completed checkpoint.
    FindCheckpoint {
        /// The newest one that was seen.
        known: Option<String>,
        /// The job's directory is its own: whatever lies there is of this job. Else others may have left theirs beside it,
        /// and only what this application's JobManagers have told counts.
        own_directory: bool,
    },
    /// Start the JobManager.
    StartJobManager {
        /// Choose ports anew: another process took one.
        new_ports: bool,
        /// Checkpoint the job goes on from, instead of the savepoint it was submitted with.
        restore: Option<String>,
    },
    /// SIGKILL for the JobManager. Never SIGTERM: a JobManager that shuts down in an orderly way suspends its jobs, and
    /// removes their checkpoints as if they had been cancelled (`CheckpointRetentionPolicy`).
    KillJobManager,
    /// SIGQUIT: the JVM writes down what its threads do, if it still can.
    DumpJobManager,
    /// Look at Flink.
    PollFlink {
        /// With the vertices of each running job, for the slots it needs.
        details: bool,
        /// With the checkpoints of each running job.
        checkpoints: bool,
        /// With the TaskManagers that hold results.
        holders: bool,
    },
    /// Read the result of a job that has ended.
    FetchResult {
        /// The job.
        job_id: String,
        /// With its checkpoints.
        checkpoints: bool,
    },
    /// Cancel jobs, and wait a while for their ends.
    CancelJobs(Vec<String>),
    /// Tell when the program's `main` has returned, with [`Event::ProgramEnded`](super::Event::ProgramEnded).
    WatchProgram,
    /// Ask Flink to shut down.
    DeleteCluster,
    /// Find out how many TaskManagers the cluster could hold at all.
    InspectCluster,
    /// Remove the application's staging directory, for good.
    RemoveStaging {
        /// A checkpoint of a job that has ended well: nobody asked to keep it and its like.
        checkpoint: Option<String>,
        /// Flink has ended the job for good: what its high availability has kept of it goes as well.
        high_availability: bool,
    },
    /// `finishApplicationMaster`.
    Unregister {
        /// For the report.
        #[serde(serialize_with = "form::text::serialize")]
        status: FinalStatus,
        /// First line: job id, state and cause.
        diagnostics: String,
    },
    /// Tell whoever watches.
    Tell(Box<Occurrence>),
    /// End the process.
    Exit(u8),
}

/// Body of an `allocate` call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Heartbeat {
    /// TaskManager containers still wanted, absolute; `None` leaves the ResourceManager's number as it is.
    pub ask: Option<u32>,
    /// Containers given back.
    #[serde(serialize_with = "form::texts::serialize")]
    pub releases: Vec<ContainerId>,
    /// Hosts on which nothing more is wanted.
    pub exclude: Vec<String>,
    /// Hosts that are welcome again.
    pub welcome: Vec<String>,
    /// 0 to 1.
    pub progress: f32,
}
