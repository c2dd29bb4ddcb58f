//! The catalogue of causes: one stable code for each reason why an application can be waiting or have ended.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The phase of an application's life in which a cause can occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Phase {
    /// It has been submitted and is not running yet.
    Waiting,
    /// It is running, and something keeps its job from running.
    Running,
    /// It was rejected before it had an attempt.
    Refused,
    /// It has ended, or one of its containers has.
    Ended,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Refused => "refused",
            Self::Ended => "ended",
        })
    }
}

/// A code that is not in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a cause code")]
pub struct UnknownCode(String);

/// One line for each cause: variant, code, phase, meaning. `docs/causes.md` contains the same table.
macro_rules! catalogue {
    ($($variant:ident = $code:literal, $phase:ident, $meaning:literal;)*) => {
        /// Why an application is waiting or has ended. The codes are stable; new ones may be added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum CauseCode {
            $(#[doc = $meaning] $variant,)*
        }

        impl CauseCode {
            /// Every code, in the order of the table in `docs/causes.md`.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code for programs: snake_case, never changed.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The phase in which it can occur.
            pub const fn phase(self) -> Phase {
                match self { $(Self::$variant => Phase::$phase,)* }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

catalogue! {
    BeingSubmitted = "being_submitted", Waiting, "The ResourceManager is storing the application, renewing its tokens or placing it in a queue.";
    NoLiveNodes = "no_live_nodes", Waiting, "No NodeManager of the cluster is RUNNING.";
    LabelWithoutNodes = "label_without_nodes", Waiting, "No RUNNING node has the requested node label.";
    LabelNotInQueue = "label_not_in_queue", Waiting, "The queue has no capacity on nodes with this label.";
    AskLargerThanAnyNode = "ask_larger_than_any_node", Waiting, "The requested container is larger than the largest node it may run on.";
    QueueAmLimit = "queue_am_limit", Waiting, "The application masters of the queue have reached their memory limit.";
    UserAmLimit = "user_am_limit", Waiting, "The user's application masters have reached their memory limit in the queue.";
    UserLimit = "user_limit", Waiting, "The user has reached the user limit of the queue.";
    QueueFull = "queue_full", Waiting, "The queue is at its maximum capacity.";
    ClusterFull = "cluster_full", Waiting, "No node has room for the container at present.";
    WaitingForContainer = "waiting_for_container", Waiting, "The scheduler has not allocated a container yet, and gives no reason.";
    Localizing = "localizing", Waiting, "The node is localizing the application's files for the application master's container.";
    AmStarting = "am_starting", Waiting, "The application master's container was launched, but the \
        application master has not registered yet.";
    RmRestarted = "rm_restarted", Waiting, "The ResourceManager restarted and is waiting for the \
        application master to re-register, for up to `yarn.am.liveness-monitor.expiry-interval-ms`.";

    NoSlots = "no_slots", Running, "The job is waiting for slots: TaskManagers are missing.";
    JobManagerStarting = "job_manager_starting", Running, "The JobManager is starting or restarting, or temporarily not responding.";
    AmUnreachable = "am_unreachable", Running, "The application master is not responding, and YARN has not given up on it.";
    PlacementWithoutNodes = "placement_without_nodes", Running, "No RUNNING node has one of the names that TaskManagers are restricted to.";
    ClusterTooSmall = "cluster_too_small", Running, "The whole cluster cannot hold the TaskManagers the job needs.";
    SlotsLimited = "slots_limited", Running, "The job needs more TaskManagers than `slotmanager.*` allows.";
    AskLargerThanMaximum = "ask_larger_than_maximum", Running, "A TaskManager needs a larger container than the cluster allows.";
    AskRefused = "ask_refused", Running, "The ResourceManager refused the request for TaskManager containers.";
    TokensEnded = "tokens_ended", Running, "The delegation tokens of the application have ended: it can no longer use HDFS.";
    TokensNotRenewed = "tokens_not_renewed", Running, "The application master cannot renew the delegation tokens, which are still valid.";

    QueueStopped = "queue_stopped", Refused, "The queue is stopped.";
    QueueNotFound = "queue_not_found", Refused, "There is no such queue.";
    QueueNotLeaf = "queue_not_leaf", Refused, "The queue is not a leaf queue.";
    QueueAccessDenied = "queue_access_denied", Refused, "The user is not permitted to submit to the queue.";
    QueueApplicationLimit = "queue_application_limit", Refused, "The queue, or the user in it, has reached the limit of applications.";
    LabelAccessDenied = "label_access_denied", Refused, "The queue may not use the node label.";
    TokenRenewalFailed = "token_renewal_failed", Refused, "The ResourceManager could not renew a delegation token of the submission.";
    ApplicationRejected = "application_rejected", Refused, "YARN rejected the application for a reason that is not in this table.";

    JobFailed = "job_failed", Ended, "The job failed; the text is its root exception.";
    JobCanceled = "job_canceled", Ended, "The job was cancelled.";
    ApplicationKilled = "application_killed", Ended, "The application was killed; the text says by whom, if YARN knows.";
    LifetimeExceeded = "lifetime_exceeded", Ended, "The application exceeded its lifetime.";
    QueueRemoved = "queue_removed", Ended, "The application's queue was removed from the scheduler.";
    MemoryLimit = "memory_limit", Ended, "A container exceeded its physical memory limit and was killed \
        by its NodeManager (exit status -104).";
    VirtualMemoryLimit = "virtual_memory_limit", Ended, "A container exceeded its virtual memory limit \
        and was killed by its NodeManager (exit status -103).";
    OutOfMemory = "out_of_memory", Ended, "A JVM ran out of one of its memory areas.";
    KilledBySignal = "killed_by_signal", Ended, "A process was killed by a signal, but not because of a YARN limit (exit code 137 or 143).";
    Preempted = "preempted", Ended, "The scheduler took the container back for another queue (exit status -102).";
    NodeLost = "node_lost", Ended, "The container's node was lost, became unhealthy or was taken out of service (exit status -100).";
    DisksFailed = "disks_failed", Ended, "Too many of the node's disks are bad or full (exit status -101).";
    LocalDirectories = "local_directories", Ended, "The node's local directories are full or unusable.";
    ContainerAborted = "container_aborted", Ended, "YARN aborted the container (exit status -100): it was released, or never started.";
    KilledByApplicationMaster = "killed_by_application_master", Ended, "The application master stopped the container (exit status -105).";
    KilledByResourceManager = "killed_by_resource_manager", Ended, "The ResourceManager stopped the container (exit status -106).";
    KilledAfterCompletion = "killed_after_completion", Ended, "The container was stopped because the application was over (exit status -107).";
    KilledByContainerScheduler = "killed_by_container_scheduler", Ended, "The node stopped the container to make room for a guaranteed one (exit status -108).";
    ExcessLogs = "excess_logs", Ended, "The container wrote more logs than the node allows (exit status -109).";
    ResourceMissing = "resource_missing", Ended, "A file of the application no longer exists.";
    ResourceChanged = "resource_changed", Ended, "A file of the application was changed after the submission.";
    ResourceNotPublic = "resource_not_public", Ended, "A file was declared public but is not readable by everyone.";
    LocalizationFailed = "localization_failed", Ended, "A file of the application could not be localized on the node.";
    FileSystemUnreachable = "file_system_unreachable", Ended, "The file system that holds the application's files could not be reached.";
    ContainerNotStarted = "container_not_started", Ended, "The node could not prepare the container (exit status -1000).";
    AttemptFailedByUser = "attempt_failed_by_user", Ended, "A user had YARN fail the attempt (`yarn applicationattempt -fail`).";
    LaunchFailed = "launch_failed", Ended, "The ResourceManager could not start the application master's container.";
    ClockSkew = "clock_skew", Ended, "Clock skew: a node is so far ahead of the ResourceManager that it \
        refuses to start containers.";
    AmTimedOut = "am_timed_out", Ended, "The application master sent no heartbeat for `yarn.am.liveness-monitor.expiry-interval-ms`.";
    AttemptLost = "attempt_lost", Ended, "The application master of an earlier attempt was lost, and the job could not be resumed.";
    JobManagerKilled = "job_manager_killed", Ended, "The JobManager was killed by a signal.";
    JobManagerFailed = "job_manager_failed", Ended, "The JobManager could not start, or exited by itself.";
    ProgramNotLoaded = "program_not_loaded", Ended, "The JobManager could not load the program from the \
        jar: no such class, no `main` method, missing dependencies or a damaged jar.";
    JobManagerUnresponsive = "job_manager_unresponsive", Ended, "The JobManager did not respond and was killed.";
    TaskManagerUnresponsive = "task_manager_unresponsive", Ended, "Flink received no heartbeat from a \
        TaskManager whose container was still running; it was stopped and replaced.";
    TaskManagersFailToStart = "task_managers_fail_to_start", Ended, "TaskManager containers repeatedly end before they register.";
    TaskManagersLost = "task_managers_lost", Ended, "TaskManagers are lost repeatedly.";
    StagingGone = "staging_gone", Ended, "The application's staging directory was removed while it was needed.";
    JavaMissing = "java_missing", Ended, "Java was not found on the node.";
    BinaryIncompatible = "binary_incompatible", Ended, "A native program does not run on the node: another architecture, or an older C library.";
    JavaTooOld = "java_too_old", Ended, "A class was compiled for a newer Java than the node's.";
    ClassMissing = "class_missing", Ended, "A class is missing from the class path.";
    ClassConflict = "class_conflict", Ended, "Two versions of a library, or of a class, are on the class path.";
    PortInUse = "port_in_use", Ended, "A port, or every port of a range, is in use.";
    PermissionDenied = "permission_denied", Ended, "A user lacks a file system permission.";
    TokenExpired = "token_expired", Ended, "A delegation token has expired or was cancelled.";
    ApplicationMasterFailed = "application_master_failed", Ended, "The application master failed for a reason that is not in this table; the text quotes its last words.";
    ApplicationFailed = "application_failed", Ended, "The application ended without success for a reason that is not in this table.";
}

impl fmt::Display for CauseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for CauseCode {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let found = Self::ALL.iter().copied().find(|code| code.name() == text);
        found.ok_or_else(|| UnknownCode(text.to_owned()))
    }
}

impl Serialize for CauseCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for CauseCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_snake_case_unique_and_read_back() {
        let mut seen = BTreeSet::new();
        for code in CauseCode::ALL {
            let name = code.name();
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
            assert!(seen.insert(name), "{name} twice");
            assert_eq!(name.parse(), Ok(*code));
            assert!(code.meaning().ends_with('.'), "{name}");
        }
        assert_eq!("nonsense".parse::<CauseCode>(), Err(UnknownCode("nonsense".to_owned())));
    }

    /// The table of the documentation is this catalogue, line for line.
    #[test]
    fn the_documented_table_is_this_catalogue() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/causes.md");
        let text = std::fs::read_to_string(path).unwrap();
        let documented: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
        let ours: Vec<String> = CauseCode::ALL
            .iter()
            .map(|code| format!("| `{code}` | {} | {} |", code.phase(), code.meaning()))
            .collect();
        assert_eq!(documented, ours, "docs/causes.md should hold:\n{}", ours.join("\n"));
    }
}
