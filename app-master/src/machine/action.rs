//! Everything the machine can ask for.

use proto::ids::ContainerId;
use yarn_client::yarn::{AllocatedContainer, FinalStatus};

/// Something to be done outside. Each is done once; its answer comes back as an [`Event`](super::Event).
#[derive(Debug, Clone)]
pub enum Action {
    /// `registerApplicationMaster`; also after the ResourceManager has restarted.
    Register,
    /// `allocate`.
    Heartbeat(Heartbeat),
    /// Launch a TaskManager in this container.
    StartContainer(Box<AllocatedContainer>),
    /// Stop a launched container.
    StopContainer(ContainerId),
    /// Start the JobManager.
    StartJobManager {
        /// Choose ports anew: another process took one.
        new_ports: bool,
    },
    /// Signal the JobManager.
    StopJobManager(StopSignal),
    /// Look at Flink.
    PollFlink {
        /// With the vertices of each running job, for the slots it needs.
        details: bool,
    },
    /// Read the result of a job that has ended.
    FetchResult {
        /// The job.
        job_id: String,
    },
    /// Tell when the program's `main` has returned, with [`Event::ProgramEnded`](super::Event::ProgramEnded).
    WatchProgram,
    /// Ask Flink to shut down.
    DeleteCluster,
    /// Find out how many TaskManagers the cluster could hold at all.
    InspectCluster,
    /// Remove the application's staging directory.
    RemoveStaging,
    /// `finishApplicationMaster`.
    Unregister {
        /// For the report.
        status: FinalStatus,
        /// First line: job id, state and cause.
        diagnostics: String,
    },
    /// End the process.
    Exit(u8),
}

/// Body of an `allocate` call.
#[derive(Debug, Clone, PartialEq)]
pub struct Heartbeat {
    /// TaskManager containers still wanted, absolute; `None` leaves the ResourceManager's number as it is.
    pub ask: Option<u32>,
    /// Containers given back.
    pub releases: Vec<ContainerId>,
    /// 0 to 1.
    pub progress: f32,
}

/// How firmly a process is told to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// SIGTERM.
    Terminate,
    /// SIGKILL.
    Kill,
}
