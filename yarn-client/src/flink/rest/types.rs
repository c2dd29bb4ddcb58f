//! What the REST server answers; fields that are not used here are left out and ignored.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::JobStatus;
use super::super::failure::Failure;

/// `/overview`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Overview {
    /// Registered TaskManagers.
    pub taskmanagers: u32,
    /// Slots of all registered TaskManagers.
    pub slots_total: u32,
    /// Slots not reserved by any job; 0 can also mean reserved by jobs that are still incomplete.
    pub slots_available: u32,
    /// Jobs that have not ended; waiting ones count too.
    pub jobs_running: u32,
    /// Ended by themselves.
    pub jobs_finished: u32,
    /// Cancelled.
    pub jobs_cancelled: u32,
    /// Failed.
    pub jobs_failed: u32,
    /// Version of the JobManager.
    #[serde(default)]
    pub flink_version: String,
}

/// Numbers of tasks by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// All, where the server says so; else the sum.
    pub total: u32,
    /// Not yet scheduled.
    pub created: u32,
    /// Waiting for a slot.
    pub scheduled: u32,
    /// Being deployed.
    pub deploying: u32,
    /// Restoring state.
    pub initializing: u32,
    /// Running.
    pub running: u32,
    /// Done.
    pub finished: u32,
    /// Being cancelled.
    pub canceling: u32,
    /// Cancelled.
    pub canceled: u32,
    /// Failed.
    pub failed: u32,
    /// Finding their way back after a failover.
    pub reconciling: u32,
}

/// One job of `/jobs/overview`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobOverview {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Name.
    pub name: String,
    /// State.
    pub state: JobStatus,
    /// Start, ms since the epoch.
    pub start_ms: i64,
    /// End, ms since the epoch; -1 while it runs.
    pub end_ms: i64,
    /// Tasks by state.
    pub tasks: TaskCounts,
    /// `Adaptive`, `AdaptiveBatch`, `Default`; 2.3 only.
    pub scheduler: Option<String>,
}

/// `/jobs/:id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobDetails {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Name.
    pub name: String,
    /// State; may be stale.
    pub state: JobStatus,
    /// `STREAMING` or `BATCH` where the server tells (1.16+).
    pub job_type: Option<String>,
    /// Vertices of the job graph.
    pub vertices: Vec<Vertex>,
}

/// One vertex of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vertex {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Vertices of one group share slots.
    pub slot_sharing_group: Option<String>,
    /// -1 while the batch scheduler has not decided.
    pub parallelism: i32,
    /// Tasks by state.
    pub tasks: TaskCounts,
}

/// `/jobs/:id/execution-result`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecutionResult {
    /// The job has not ended.
    InProgress,
    /// It has.
    Completed {
        /// `SUCCEEDED`, `FAILED`, `CANCELED` or `UNKNOWN`.
        status: String,
        /// Why it failed.
        failure: Option<Failure>,
    },
}

/// `/jobs/:id/exceptions`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobExceptions {
    /// Newest first.
    pub entries: Vec<ExceptionEntry>,
}

/// One failure of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExceptionEntry {
    /// Java class.
    pub name: String,
    /// Java stack trace, summarised.
    pub failure: Failure,
    /// ms since the epoch.
    pub timestamp_ms: i64,
    /// Task, when it was one.
    pub task: Option<String>,
    /// host:port.
    pub endpoint: Option<String>,
    /// The TaskManager's resource id, which is the container's id here.
    pub task_manager: Option<String>,
}

/// `/jobs/:id/checkpoints`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoints {
    /// Completed since the start.
    pub completed: u64,
    /// Failed since the start.
    pub failed: u64,
    /// Running now.
    pub in_progress: u64,
    /// Newest completed checkpoint.
    pub latest_completed: Option<Checkpoint>,
    /// Newest savepoint.
    pub latest_savepoint: Option<Checkpoint>,
    /// What the job was restored from.
    pub latest_restored: Option<Checkpoint>,
}

/// A checkpoint or savepoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Number.
    pub id: u64,
    /// Where it is; `<checkpoint-not-externally-addressable>` and nothing are `None`.
    pub external_path: Option<String>,
    /// Whether it is a savepoint.
    pub is_savepoint: bool,
}

/// One of `/taskmanagers`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TaskManager {
    /// Resource id, which is the container's id here.
    pub id: String,
    /// Actor address.
    #[serde(default)]
    pub path: String,
    /// Slots.
    #[serde(rename = "slotsNumber", default)]
    pub slots: u32,
    /// Free slots.
    #[serde(rename = "freeSlots", default)]
    pub free_slots: u32,
    /// Last heartbeat, ms since the epoch.
    #[serde(rename = "timeSinceLastHeartbeat", default)]
    pub last_heartbeat_ms: i64,
}

/// One of `/applications/overview` (2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationOverview {
    /// 32 hexadecimal digits.
    pub id: String,
    /// Name.
    pub name: String,
    /// `CREATED`, `RUNNING`, `FAILING`, `FAILED`, `CANCELING`, `CANCELED`, `FINISHED`.
    pub status: String,
    /// Its jobs by state.
    pub jobs: BTreeMap<String, u32>,
}

/// One line of `/jobmanager/config`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ConfigEntry {
    /// Key.
    pub key: String,
    /// Value; secrets are hidden by Flink.
    pub value: String,
}
