//! The meaning of a container's exit status: YARN's own (`ContainerExitStatus`) and those of shells and kernels.

use super::{CauseCode, container};
use crate::yarn::exit_status as status;

/// The cause behind an exit status, and a phrase that follows "the container …"; `None` for a status of the program's
/// own, which says nothing.
pub(crate) fn decode(exit: i32) -> Option<(CauseCode, &'static str)> {
    Some(match exit {
        status::INVALID => (CauseCode::ContainerNotStarted, "could not be prepared by its node"),
        status::ABORTED => {
            (CauseCode::ContainerAborted, "was aborted by YARN: it was released, or never started")
        }
        status::DISKS_FAILED => {
            (CauseCode::DisksFailed, "ended because too many disks of its node had failed or were full")
        }
        status::PREEMPTED => (CauseCode::Preempted, "was preempted by the scheduler for another queue"),
        status::EXCEEDED_VIRTUAL_MEMORY => {
            (CauseCode::VirtualMemoryLimit, "exceeded its virtual memory limit and was killed by its node")
        }
        status::EXCEEDED_MEMORY => {
            (CauseCode::MemoryLimit, "exceeded its memory limit and was killed by its node")
        }
        status::KILLED_BY_MASTER => {
            (CauseCode::KilledByApplicationMaster, "was stopped by the application master")
        }
        status::KILLED_BY_RESOURCE_MANAGER => {
            (CauseCode::KilledByResourceManager, "was stopped by the ResourceManager")
        }
        status::KILLED_AFTER_COMPLETION => {
            (CauseCode::KilledAfterCompletion, "was stopped because the application was over")
        }
        status::KILLED_BY_CONTAINER_SCHEDULER => (
            CauseCode::KilledByContainerScheduler,
            "was stopped by its node to make room for a guaranteed one",
        ),
        status::EXCESS_LOGS => (CauseCode::ExcessLogs, "wrote more logs than its node allows and was killed"),
        137 => (CauseCode::KilledBySignal, "was killed by signal 9 (SIGKILL)"),
        143 => (CauseCode::KilledBySignal, "was terminated by signal 15 (SIGTERM)"),
        _ => return None,
    })
}

/// A phrase about a container's end that follows its name: the meaning of its exit status and, after a colon, its node's message.
#[must_use]
pub fn container_end(exit: i32, diagnostics: &str) -> String {
    let meaning = match (exit, decode(exit)) {
        (_, Some((_, phrase))) => phrase.to_owned(),
        // `FatalExitExceptionHandler`
        (239, _) => "exited with code 239, which Flink uses for a fatal error in one of its threads (see its `taskmanager.log`)"
            .to_owned(),
        // The shell's status: the command does not exist.
        (127, _) => "exited with code 127, as its program was not found".to_owned(),
        (code, _) => format!("exited with code {code}"),
    };
    let said = container::node_words(diagnostics);
    if said.is_empty() { meaning } else { format!("{meaning}: {said}") }
}

impl CauseCode {
    /// Why a container ended, from its exit status and its NodeManager's or ResourceManager's message; `None` for a
    /// status of the program's own.
    #[must_use]
    pub fn of_container_end(exit: i32, diagnostics: &str) -> Option<Self> {
        match exit {
            // `SchedulerUtils.LOST_CONTAINER`, with the status of a released one.
            status::ABORTED if diagnostics.contains("on a *lost* node") => Some(Self::NodeLost),
            _ => decode(exit).map(|(code, _)| code),
        }
    }
}

/// The next step if a TaskManager was running and left no message.
pub(crate) const SILENT_TASK_MANAGER: &str = "see the end of its `taskmanager.log`, and its node: its JVM \
    hung (garbage collection, a stopped process), its node was lost, or the network between it and the \
    JobManager was cut";

/// What to do about it.
pub(crate) fn hint(code: CauseCode, exit: i32) -> Option<&'static str> {
    Some(match code {
        CauseCode::KilledBySignal if exit == 137 => {
            "check the node's kernel log for whether the OOM killer killed it (`dmesg | grep -i oom`); if \
             not, someone did: submit again"
        }
        CauseCode::KilledBySignal => "submit again; it was ended by someone, or by a shutdown of the node",
        CauseCode::Preempted => "submit again, or use a queue whose guaranteed capacity is large enough",
        CauseCode::NodeLost => "submit again; `yarn node -list -all` shows which nodes are gone",
        CauseCode::DisksFailed | CauseCode::LocalDirectories => {
            "have the cluster's administrators check `yarn.nodemanager.local-dirs` and `log-dirs` of that \
             node, and submit again"
        }
        CauseCode::VirtualMemoryLimit => {
            "have `yarn.nodemanager.vmem-check-enabled` disabled or `yarn.nodemanager.vmem-pmem-ratio` \
             raised, as a JVM reserves far more virtual memory than it uses"
        }
        CauseCode::ExcessLogs => {
            "log less (`conf/log4j.properties`), or limit rolled log files (`env.log.max`, \
             `yarn.nodemanager.container-log-monitor.*`)"
        }
        CauseCode::ContainerAborted => "submit again",
        CauseCode::TaskManagerUnresponsive => SILENT_TASK_MANAGER,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yarns_own_statuses_are_all_known() {
        for exit in (-109..=-100).chain([-1000]) {
            let (code, text) = decode(exit).unwrap();
            assert!(!text.is_empty() && code.phase() == super::super::Phase::Ended, "{exit}");
        }
        assert_eq!(decode(137).unwrap().0, CauseCode::KilledBySignal);
        assert_eq!(decode(143).unwrap().0, CauseCode::KilledBySignal);
    }

    #[test]
    fn a_lost_node_is_told_from_a_released_container() {
        let of = CauseCode::of_container_end;
        assert_eq!(of(-100, "Container released on a *lost* node"), Some(CauseCode::NodeLost));
        assert_eq!(of(-100, "Container released by application"), Some(CauseCode::ContainerAborted));
        assert_eq!((of(-102, ""), of(1, "")), (Some(CauseCode::Preempted), None));
    }

    #[test]
    fn a_programs_own_status_says_nothing() {
        for exit in [0, 1, 2, 127, 255, -99, -110] {
            assert_eq!(decode(exit), None, "{exit}");
        }
    }
}
