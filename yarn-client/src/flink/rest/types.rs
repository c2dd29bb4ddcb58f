//! Responses of the REST server; fields that are not used here are ignored.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

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
    /// Jobs that have not ended, including waiting ones.
    pub jobs_running: u32,
    /// Jobs that ended on their own.
    pub jobs_finished: u32,
    /// Jobs that were cancelled.
    pub jobs_cancelled: u32,
    /// Jobs that failed.
    pub jobs_failed: u32,
    /// Version of the JobManager.
    #[serde(default)]
    pub flink_version: String,
}

/// Numbers of tasks by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TaskCounts {
    /// All tasks, if the server reports the number; else the sum.
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
    /// Reconnecting after a failover.
    pub reconciling: u32,
}

/// One job of `/jobs/overview`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct JobOverview {
    /// 32 hexadecimal digits.
    #[serde(rename = "jid")]
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// State.
    pub state: JobStatus,
    /// Start, ms since the epoch.
    #[serde(rename = "start-time", default)]
    pub start_ms: i64,
    /// End, ms since the epoch; -1 while it is running.
    #[serde(rename = "end-time", default = "not_ended")]
    pub end_ms: i64,
    /// Tasks by state.
    #[serde(default)]
    pub tasks: TaskCounts,
    /// `Adaptive`, `AdaptiveBatch`, `Default`; 2.3 only.
    #[serde(rename = "schedulerType", default)]
    pub scheduler: Option<String>,
}

/// `/jobs/:id`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct JobDetails {
    /// 32 hexadecimal digits.
    #[serde(rename = "jid")]
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// State; may be stale.
    pub state: JobStatus,
    /// `STREAMING` or `BATCH`, if the server reports it.
    #[serde(rename = "job-type", default)]
    pub job_type: Option<String>,
    /// Vertices of the job graph.
    #[serde(default)]
    pub vertices: Vec<Vertex>,
    /// How they are connected.
    #[serde(default)]
    pub plan: JobPlan,
    /// Operators that are in no vertex yet: the batch scheduler of 2.x builds the graph as it goes.
    #[serde(rename = "pending-operators", default)]
    pub pending_operators: u32,
}

/// The edges of a job graph.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct JobPlan {
    /// One for each vertex.
    #[serde(default)]
    pub nodes: Vec<PlanNode>,
}

/// A vertex with what it reads.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PlanNode {
    /// Id of the vertex.
    pub id: String,
    /// What it reads.
    #[serde(default)]
    pub inputs: Vec<PlanInput>,
}

/// An edge.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PlanInput {
    /// The vertex that produces the data.
    pub id: String,
    /// `pipelined_bounded`, `blocking`, `hybrid_full` and so on (`ResultPartitionType`).
    #[serde(default)]
    pub exchange: String,
}

/// One of `/jobs/:id/vertices/:id/taskmanagers`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct VertexTaskManager {
    /// Resource id, which is the container's id here.
    #[serde(rename = "taskmanager-id", default)]
    pub id: String,
    /// The vertex's tasks there, by state.
    #[serde(rename = "status-counts", default)]
    pub tasks: TaskCounts,
}

/// One vertex of a job.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Vertex {
    /// Id.
    pub id: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// Vertices in the same group share slots.
    #[serde(rename = "slotSharingGroupId", default)]
    pub slot_sharing_group: Option<String>,
    /// -1 while the batch scheduler has not decided.
    pub parallelism: i32,
    /// Tasks by state.
    #[serde(default)]
    pub tasks: TaskCounts,
}

/// `/jobs/:id/execution-result`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExecutionResult {
    /// The job has not ended.
    InProgress,
    /// The job has ended.
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
    /// Java stack trace, summarized.
    pub failure: Failure,
    /// ms since the epoch.
    pub timestamp_ms: i64,
    /// The task that failed, if it was one.
    pub task: Option<String>,
    /// host:port.
    pub endpoint: Option<String>,
    /// The TaskManager's resource id, which is the container's id here.
    pub task_manager: Option<String>,
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

fn not_ended() -> i64 {
    -1
}

#[derive(Deserialize)]
pub(super) struct Jobs {
    pub(super) jobs: Vec<JobOverview>,
}

#[derive(Deserialize)]
pub(super) struct VertexTaskManagers {
    #[serde(default)]
    pub(super) taskmanagers: Vec<VertexTaskManager>,
}

#[derive(Deserialize)]
pub(super) struct DataSets {
    #[serde(rename = "dataSets", default)]
    pub(super) data_sets: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
pub(super) struct Status {
    pub(super) status: JobStatus,
}

#[derive(Deserialize)]
pub(super) struct TaskManagers {
    pub(super) taskmanagers: Vec<TaskManager>,
}

#[derive(Deserialize)]
pub(super) struct Applications {
    pub(super) applications: Vec<ApplicationOverview>,
}

#[derive(Deserialize)]
pub(super) struct Errors {
    pub(super) errors: Vec<String>,
}

impl<'de> Deserialize<'de> for TaskCounts {
    /// `/jobs/overview` has lower-case names and a total, `/jobs/:id` upper-case ones and no total.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = BTreeMap::<String, i64>::deserialize(deserializer)?;
        let mut counts = Self::default();
        let mut total = None;
        let mut sum = 0u32;
        for (name, count) in map {
            let count = u32::try_from(count).unwrap_or(0);
            let slot = match name.to_ascii_lowercase().as_str() {
                "total" => {
                    total = Some(count);
                    continue;
                }
                "created" => &mut counts.created,
                "scheduled" => &mut counts.scheduled,
                "deploying" => &mut counts.deploying,
                "initializing" => &mut counts.initializing,
                "running" => &mut counts.running,
                "finished" => &mut counts.finished,
                "canceling" => &mut counts.canceling,
                "canceled" => &mut counts.canceled,
                "failed" => &mut counts.failed,
                "reconciling" => &mut counts.reconciling,
                _ => continue,
            };
            *slot = count;
            sum = sum.saturating_add(count);
        }
        counts.total = total.unwrap_or(sum);
        Ok(counts)
    }
}

impl<'de> Deserialize<'de> for ExecutionResult {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Outer {
            status: Id,
            #[serde(rename = "job-execution-result")]
            result: Option<Inner>,
        }
        #[derive(Deserialize)]
        struct Id {
            id: String,
        }
        #[derive(Deserialize)]
        struct Inner {
            #[serde(rename = "application-status")]
            status: String,
            #[serde(rename = "failure-cause", default)]
            cause: Option<Cause>,
        }
        #[derive(Deserialize)]
        struct Cause {
            #[serde(default)]
            class: String,
            #[serde(rename = "stack-trace", default)]
            trace: String,
        }
        let outer = Outer::deserialize(deserializer)?;
        if outer.status.id != "COMPLETED" {
            return Ok(Self::InProgress);
        }
        let result = outer.result.ok_or_else(|| serde::de::Error::missing_field("job-execution-result"))?;
        let failure =
            result.cause.map(|c| Failure::from_trace(if c.trace.is_empty() { &c.class } else { &c.trace }));
        Ok(Self::Completed { status: result.status, failure })
    }
}

impl<'de> Deserialize<'de> for JobExceptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Outer {
            #[serde(rename = "exceptionHistory", default)]
            history: History,
        }
        #[derive(Default, Deserialize)]
        struct History {
            #[serde(default)]
            entries: Vec<Entry>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Entry {
            #[serde(default)]
            exception_name: String,
            #[serde(default)]
            stacktrace: String,
            #[serde(default)]
            timestamp: i64,
            task_name: Option<String>,
            endpoint: Option<String>,
            task_manager_id: Option<String>,
        }
        let entry = |e: Entry| ExceptionEntry {
            failure: Failure::from_trace(if e.stacktrace.is_empty() {
                &e.exception_name
            } else {
                &e.stacktrace
            }),
            name: e.exception_name,
            timestamp_ms: e.timestamp,
            task: e.task_name,
            endpoint: e.endpoint,
            task_manager: e.task_manager_id,
        };
        let outer = Outer::deserialize(deserializer)?;
        Ok(Self { entries: outer.history.entries.into_iter().map(entry).collect() })
    }
}

impl<'de> Deserialize<'de> for ApplicationOverview {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Raw {
            id: String,
            #[serde(default)]
            name: String,
            status: String,
            #[serde(default)]
            jobs: BTreeMap<String, i64>,
        }
        let Raw { id, name, status, jobs } = Raw::deserialize(deserializer)?;
        let jobs = jobs.into_iter().map(|(state, n)| (state, u32::try_from(n).unwrap_or(0))).collect();
        Ok(Self { id, name, status, jobs })
    }
}
