//! What a container's exit status means: YARN's own (`ContainerExitStatus`) and those of shells and kernels.

use super::{CauseCode, container};
use crate::yarn::exit_status as status;

/// The cause behind an exit status, and a phrase that follows "the container …"; `None` for a status that is the
/// program's own and says nothing.
pub(crate) fn decode(exit: i32) -> Option<(CauseCode, &'static str)> {
    Some(match exit {
        status::INVALID => (CauseCode::ContainerNotStarted, "could not be prepared by its node"),
        status::ABORTED => (CauseCode::ContainerAborted, "was given up by YARN: released, or never started"),
        status::DISKS_FAILED => {
            (CauseCode::DisksFailed, "ended because too many disks of its node are bad or full")
        }
        status::PREEMPTED => (CauseCode::Preempted, "was taken back by the scheduler for another queue"),
        status::EXCEEDED_VIRTUAL_MEMORY => (
            CauseCode::VirtualMemoryLimit,
            "used more virtual memory than allowed and was killed by its node",
        ),
        status::EXCEEDED_MEMORY => {
            (CauseCode::MemoryLimit, "used more memory than it had asked for and was killed by its node")
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
        143 => (CauseCode::KilledBySignal, "was ended by signal 15 (SIGTERM)"),
        _ => return None,
    })
}

/// A container's end in words that follow its name: what its exit status means, and behind a colon what its node says.
#[must_use]
pub fn container_end(exit: i32, diagnostics: &str) -> String {
    let meaning = match (exit, decode(exit)) {
        (_, Some((_, phrase))) => phrase.to_owned(),
        // `FatalExitExceptionHandler`
        (239, _) => "exited with code 239, Flink's for an error that no thread of its survives (its taskmanager.log says which)"
            .to_owned(),
        // The shell's: what it was told to run is not there.
        (127, _) => "exited with code 127, as its program was not found".to_owned(),
        (code, _) => format!("exited with code {code}"),
    };
    let said = container::node_words(diagnostics);
    if said.is_empty() { meaning } else { format!("{meaning}: {said}") }
}

impl CauseCode {
    /// Why a container ended, from its exit status and its NodeManager's or ResourceManager's words; nothing for a
    /// status that is the program's own.
    #[must_use]
    pub fn of_container_end(exit: i32, diagnostics: &str) -> Option<Self> {
        match exit {
            // `SchedulerUtils.LOST_CONTAINER`, with the status of a released one.
            status::ABORTED if diagnostics.contains("on a *lost* node") => Some(Self::NodeLost),
            _ => decode(exit).map(|(code, _)| code),
        }
    }
}

/// The next step where a TaskManager was there and said nothing.
pub(crate) const SILENT_TASK_MANAGER: &str = "its JVM hung (endless garbage collection, a stopped process), its node was lost, or the \
                                              network between it and the JobManager was cut: the end of its taskmanager.log and its \
                                              node say more";

/// What to do about it.
pub(crate) fn hint(code: CauseCode, exit: i32) -> Option<&'static str> {
    Some(match code {
        CauseCode::KilledBySignal if exit == 137 => {
            "the node's kernel log tells whether the kernel killed it for lack of memory (`dmesg | grep -i oom`); if not, \
             somebody did: submit again"
        }
        CauseCode::KilledBySignal => "somebody, or a shutdown of the node, ended it: submit again",
        CauseCode::Preempted => "submit again, or use a queue whose guaranteed capacity is large enough",
        CauseCode::NodeLost => "submit again; `yarn node -list -all` shows which nodes are gone",
        CauseCode::DisksFailed | CauseCode::LocalDirectories => {
            "tell the cluster's administrators: yarn.nodemanager.local-dirs or log-dirs of that node; submit again \
             meanwhile"
        }
        CauseCode::VirtualMemoryLimit => {
            "have yarn.nodemanager.vmem-check-enabled switched off, or yarn.nodemanager.vmem-pmem-ratio raised: a JVM \
             reserves far more than it uses"
        }
        CauseCode::ExcessLogs => {
            "log less (conf/log4j.properties), or let the log roll over: env.log.max, yarn.nodemanager.container-log-monitor.*"
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
