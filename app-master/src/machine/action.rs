//! Everything the machine can request.

use proto::ids::ContainerId;
use serde::Serialize;
use yarn_client::yarn::{AllocatedContainer, FinalStatus};

use super::{Journal, Occurrence, form};

/// Something to be done outside the machine. Each is done once; its answer comes back as an [`Event`](super::Event).
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
    /// Leave this attempt's mark in the staging directory, which tells later attempts about it and makes earlier ones
    /// give way.
    Begin,
    /// Replace the journal in the staging directory.
    WriteJournal(Journal),
    /// See whether a later attempt has left its mark.
    CheckFence,
    /// Look for the job's newest completed checkpoint.
    FindCheckpoint {
        /// The newest one that has been seen.
        known: Option<String>,
        /// The directory belongs to this job alone, so anything in it is the job's. Otherwise others may have left
        /// checkpoints beside it, and only those reported by this application's JobManagers count.
        own_directory: bool,
    },
    /// Start the JobManager.
    StartJobManager {
        /// How many JobManagers this attempt has started, including this one. Answers carry this number.
        start: u32,
        /// Choose new ports: another process has taken one.
        new_ports: bool,
        /// Checkpoint from which the job resumes, instead of the savepoint it was submitted with.
        restore: Option<String>,
    },
    /// SIGKILL for the JobManager. Never SIGTERM: a JobManager that shuts down gracefully suspends its jobs, and
    /// removes their checkpoints as if they had been cancelled (`CheckpointRetentionPolicy`).
    KillJobManager,
    /// SIGQUIT: the JVM dumps its threads, if it still can.
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
    /// Cancel jobs, and wait a while for them to end.
    CancelJobs(Vec<String>),
    /// Report when the program's `main` has returned, with [`Answer::ProgramEnded`](super::Answer::ProgramEnded).
    WatchProgram,
    /// Ask Flink to shut down.
    DeleteCluster,
    /// Find out how many TaskManagers the cluster could hold at all.
    InspectCluster,
    /// Remove the application's staging directory, for good.
    RemoveStaging {
        /// A checkpoint of a job that has ended well and was not asked to retain its checkpoints: it and its siblings
        /// go as well.
        checkpoint: Option<String>,
        /// Flink has ended the job for good: what its high availability has stored about the job goes as well.
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
    /// Report this to those who follow the application.
    Tell(Box<Occurrence>),
    /// End the process.
    Exit(u8),
}

/// Body of an `allocate` call.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Heartbeat {
    /// Number of TaskManager containers still wanted, absolute; `None` leaves the ResourceManager's number unchanged.
    pub ask: Option<u32>,
    /// Containers to give back.
    #[serde(serialize_with = "form::texts::serialize")]
    pub releases: Vec<ContainerId>,
    /// Hosts on which no more containers are wanted.
    pub exclude: Vec<String>,
    /// Hosts that may be used again.
    pub welcome: Vec<String>,
    /// 0 to 1.
    pub progress: f32,
}
