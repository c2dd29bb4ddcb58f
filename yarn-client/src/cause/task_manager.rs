//! What the end of a TaskManager's container means for the application.

use super::container::{self, Role};
use super::{Cause, CauseCode, java};

/// How a TaskManager's container ended.
#[derive(Debug, Clone, Copy)]
pub struct TaskManagerEnd<'a> {
    /// A description of it; see [`container_end`](super::container_end).
    pub words: &'a str,
    /// The cause according to its exit status.
    pub code: Option<CauseCode>,
}

impl TaskManagerEnd<'_> {
    /// The cause of an application that ends because TaskManagers end repeatedly, of which this is the last. `told` is
    /// the text if nothing specific is known, and `general` its code.
    pub fn ends_application(self, told: String, general: CauseCode) -> Cause {
        if let Some(kill) = container::memory_kill(self.words) {
            return container::memory("a TaskManager", &kill, Role::TaskManager).because(told);
        }
        if java::is_java_missing(&self.words.replace("; ", "\n")) {
            let hint = "set `JAVA_HOME` for the NodeManagers, or \
                `containerized.taskmanager.env.JAVA_HOME` for this application";
            let text = format!("Java was not found for the TaskManagers: {told}");
            return Cause::new(CauseCode::JavaMissing, text).hint(hint);
        }
        if let Some((code, sentence, hint)) = container::localization(self.words) {
            return Cause::new(code, sentence).hint(hint).because(told);
        }
        if let Some(cause) = container::clock_skew(self.words, "TaskManagers' containers") {
            return cause.because(told);
        }
        match self.code {
            Some(code @ CauseCode::TaskManagerUnresponsive) => return Cause::of_code(code, told),
            Some(code @ (CauseCode::MemoryLimit | CauseCode::VirtualMemoryLimit)) => {
                let is_virtual = code == CauseCode::VirtualMemoryLimit;
                return Cause::new(code, told).hint(container::memory_hint(Role::TaskManager, is_virtual));
            }
            _ => {}
        }
        // Lines of standard error, joined by `node_words`.
        let lines: Vec<&str> =
            self.words.split_once(": ").map_or(self.words, |(_, said)| said).split("; ").collect();
        match java::root_in(&lines).and_then(java::exception) {
            Some((code, hint)) => Cause::new(code, told).hint(hint),
            None => Cause::new(general, told),
        }
    }
}

/// Whether Flink's message about a job's failure describes a TaskManager that is gone (`JobMaster`,
/// `NettyConnectionHandler`, `HeartbeatManagerImpl`).
#[must_use]
pub fn lost_task_manager_in(words: &str) -> bool {
    [
        "is no longer reachable",
        "remote task manager",
        // Flink's JobMaster and ResourceManager differ in the case of the first letter.
        "eartbeat of TaskManager",
        "TaskExecutor is shutting down",
    ]
    .iter()
    .any(|lost| words.contains(lost))
}

/// The cause of a job's failure that Flink can only describe as the loss of a TaskManager: the end of its container,
/// which `name` identifies together with its node. Flink's own messages, `exceptions`, are evidence.
pub fn lost_under_job(name: &str, end: TaskManagerEnd<'_>, exceptions: &str) -> Cause {
    let text = format!("the job failed because it lost a TaskManager: container {name} {}", end.words);
    let cause = match container::memory_kill(end.words) {
        Some(kill) => container::memory("a TaskManager", &kill, Role::TaskManager).because(text),
        None => Cause::of_code(end.code.unwrap_or(CauseCode::JobFailed), text),
    };
    exceptions.lines().fold(cause, Cause::because)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMORY: &str = "exceeded its memory limit and was killed by its node: Container \
                          [pid=1,containerID=container_1] is running 1B beyond the 'PHYSICAL' memory limit. Current usage: 1.2 GB \
                          of 832 MB physical memory used; 3 GB of 2 GB virtual memory used. Killing container.";

    fn ends(words: &str, code: Option<CauseCode>) -> Cause {
        TaskManagerEnd { words, code }
            .ends_application(format!("the last {words}"), CauseCode::TaskManagersFailToStart)
    }

    #[test]
    fn task_managers_that_end_again_and_again() {
        let cause = ends(MEMORY, Some(CauseCode::MemoryLimit));
        assert_eq!(cause.code, CauseCode::MemoryLimit);
        assert!(
            cause.text.contains("used 1.2 GB of memory, more than its container's limit of 832 MB"),
            "{}",
            cause.text
        );
        assert!(cause.hint.unwrap().contains("`taskmanager.memory.process.size` (`-tm`)"));
        for (words, code, expected) in [
            (
                "exited with code 127, as its program was not found: bash: line 1: /x/bin/java: No such file or directory",
                None,
                CauseCode::JavaMissing,
            ),
            ("exited with code 1: a line", None, CauseCode::TaskManagersFailToStart),
            (
                "exited with code 1: Exception in thread \"main\" java.lang.NoClassDefFoundError: a/B; at c.D.e(D.java:1)",
                None,
                CauseCode::ClassMissing,
            ),
            ("used too much", Some(CauseCode::VirtualMemoryLimit), CauseCode::VirtualMemoryLimit),
            (
                "was stopped although it ran",
                Some(CauseCode::TaskManagerUnresponsive),
                CauseCode::TaskManagerUnresponsive,
            ),
        ] {
            let cause = ends(words, code);
            assert_eq!(cause.code, expected, "{words}");
            assert_eq!(cause.hint.is_some(), expected != CauseCode::TaskManagersFailToStart, "{words}");
        }
    }

    #[test]
    fn a_lost_task_manager_behind_a_failed_job() {
        let told = "org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager with id container_1_0001_01_000002 is no \
                    longer reachable.";
        assert!(lost_task_manager_in(told) && !lost_task_manager_in("java.lang.RuntimeException: boom"));
        let lost = |words, code| lost_under_job("container_1 on n:1", TaskManagerEnd { words, code }, told);
        assert_eq!(lost(MEMORY, Some(CauseCode::MemoryLimit)).code, CauseCode::MemoryLimit);
        let cause = lost("was preempted by the scheduler", Some(CauseCode::Preempted));
        assert_eq!((cause.code, cause.evidence.as_slice()), (CauseCode::Preempted, &[told.to_owned()][..]));
        assert!(cause.text.ends_with("container_1 on n:1 was preempted by the scheduler"), "{}", cause.text);
        assert!(cause.hint.is_some());
        let silent = lost("Flink has lost it", Some(CauseCode::TaskManagerUnresponsive));
        assert!(silent.hint.is_some());
        assert_eq!(lost("exited with code 1", None).code, CauseCode::JobFailed);
    }
}
