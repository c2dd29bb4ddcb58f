//! What our own application master writes into its final report: `Job <id> <STATE>: <cause>`, further lines of the
//! cause, then `hint:`, `note:`, `checkpoint: <uri>` when the job may go on from there, and, where it knows one,
//! `cause: <code>`, which wins over every conclusion drawn here.

use super::{Cause, CauseCode, container};
use crate::cause::{exit_status, java};
use crate::flink::failure;

/// The code the application master names itself. Its own lines come last, so the last one counts: what stands before
/// may be a program's text.
pub(super) fn named_code(diagnostics: &str) -> Option<CauseCode> {
    diagnostics
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("cause: "))
        .and_then(|code| code.trim().parse().ok())
}

/// The newest checkpoint of a job that has neither finished nor been cancelled.
pub(super) fn checkpoint(diagnostics: &str) -> Option<&str> {
    let told = diagnostics.lines().rev().find_map(|line| line.strip_prefix("checkpoint: "))?.trim();
    // A program's own text may have such a line, too.
    (told.contains('/') && !told.contains(char::is_whitespace)).then_some(told)
}

/// The step the application master proposes.
pub(super) fn told_hint(diagnostics: &str) -> Option<&str> {
    diagnostics.lines().find_map(|line| line.trim().strip_prefix("hint: "))
}

/// What a TaskManager is said to have ended by that Flink has had no heartbeat from.
const SILENT_TASK_MANAGER: &str = "Flink has lost it: no heartbeat for ";

/// How the application master begins to say that a session has reached its own size.
const SESSION_BOUND: &str = "its jobs need ";

/// Beginnings of what a running application waits for and will not get from the cluster as it is, each with its cause and
/// what to do where the application master does not say it.
const SHORTAGES: [(&str, CauseCode, &str); 5] = [
    (
        SESSION_BOUND,
        CauseCode::NoSlots,
        "wait until other jobs of the session end, or run this one elsewhere: a session with a larger --max, or a cluster of its own",
    ),
    (
        "the job needs ",
        CauseCode::ClusterTooSmall,
        "lower the parallelism, or make TaskManagers smaller or give them more slots (-ys); with more nodes it goes on by itself",
    ),
    (
        "the limits of slotmanager.* allow ",
        CauseCode::SlotsLimited,
        "raise slotmanager.number-of-slots.max or slotmanager.max-total-resource.*, or lower the parallelism, and submit again",
    ),
    (
        "a TaskManager needs a container of ",
        CauseCode::AskLargerThanMaximum,
        "lower taskmanager.memory.process.size (-tm), or raise yarn.scheduler.maximum-allocation-mb; with a larger node it \
         goes on by itself",
    ),
    (
        "the ResourceManager refuses to give TaskManager containers",
        CauseCode::AskRefused,
        "correct what the ResourceManager objects to and submit again; if it changes its mind, the job goes on by itself",
    ),
];

/// How the application master begins to say that its JobManager does not answer.
const NO_ANSWER: &str = "Flink's REST server gives no answer";

/// Whether the JobManager is not there yet, or not for a moment.
pub(super) fn is_starting(words: &str) -> bool {
    words.starts_with(NO_ANSWER)
}

/// Whether it is the session's own size that its jobs wait for.
pub(super) fn is_session_bound(words: &str) -> bool {
    words.starts_with(SESSION_BOUND)
}

/// The cause of a running application's waiting, where its master's words name one that waiting alone may not end.
pub(super) fn shortage(words: &str) -> Option<Cause> {
    let told = words.lines().next()?.trim().trim_end_matches('.');
    let (_, code, hint) = SHORTAGES.iter().find(|(beginning, ..)| told.starts_with(beginning))?;
    Some(Cause::new(*code, told).hint(told_hint(words).unwrap_or(hint)))
}

/// Beginnings of sentences of the application master, each with its cause.
const SENTENCES: [(&str, CauseCode); 18] = [
    ("there is no Java on node ", CauseCode::JavaMissing),
    ("no free port for ", CauseCode::PortInUse),
    ("a TaskManager needs a container of ", CauseCode::AskLargerThanMaximum),
    ("the ResourceManager refused to give TaskManager containers", CauseCode::AskRefused),
    ("the application master of an earlier attempt was lost", CauseCode::AttemptLost),
    ("the JobManager was killed by signal ", CauseCode::JobManagerKilled),
    // Of the shell around it: 128 and the signal's number.
    ("the JobManager exited with code 137 ", CauseCode::JobManagerKilled),
    ("the JobManager exited with code 143 ", CauseCode::JobManagerKilled),
    ("the JobManager did not answer for ", CauseCode::JobManagerUnresponsive),
    (failure::NOT_LOADED, CauseCode::ProgramNotLoaded),
    ("the JobManager could not start ", CauseCode::JobManagerFailed),
    ("the JobManager exited with code ", CauseCode::JobManagerFailed),
    ("the JobManager ended on a fatal error ", CauseCode::JobManagerFailed),
    ("the JobManager ran out of memory ", CauseCode::JobManagerFailed),
    ("the JobManager was lost after ", CauseCode::JobManagerFailed),
    ("the JobManager ended by itself ", CauseCode::JobManagerFailed),
    ("the file system with the application's files has not answered", CauseCode::FileSystemUnreachable),
    ("the application's staging directory is gone", CauseCode::StagingGone),
];

/// The cause behind `told`, what follows `Job <id> FAILED: ` on its line; `rest` are the lines after it.
pub(super) fn failed(told: &str, rest: &str) -> Cause {
    if let Some(cause) = task_managers(told, rest) {
        return cause;
    }
    if told.starts_with("the job needs ") && told.contains(" slots, that is ") {
        return Cause::new(CauseCode::ClusterTooSmall, told);
    }
    if let Some(end) = lost_container(told, rest) {
        if let Some(kill) = container::memory_kill(end) {
            return memory("a TaskManager", &kill, Role::TaskManager);
        }
        let text = format!("the job failed because it lost a TaskManager: container {end}");
        let silent = || end.contains(SILENT_TASK_MANAGER).then_some(CauseCode::TaskManagerUnresponsive);
        return match named_code(rest).or_else(silent) {
            Some(code) => {
                Cause { hint: exit_status::hint(code, 0).map(str::to_owned), ..Cause::new(code, text) }
            }
            None => Cause::new(CauseCode::JobFailed, text),
        };
    }
    let sentence = SENTENCES.iter().find(|(beginning, _)| told.starts_with(beginning)).map(|(_, code)| *code);
    match sentence {
        // A JobManager that could not start says why behind its stage.
        Some(code @ CauseCode::JobManagerFailed) => {
            let root = told.split_once(": ").map(|(_, root)| root);
            match root.and_then(java::exception) {
                Some((specific, hint)) => Cause::new(specific, told).hint(hint),
                None => Cause::new(code, told),
            }
        }
        Some(code) => Cause::new(code, told),
        None => match java::exception(told) {
            Some((code, hint)) => Cause::new(code, told).hint(hint),
            None => Cause::new(CauseCode::JobFailed, told),
        },
    }
}

/// Whether Flink's words for a job's failure are those for a TaskManager that is not there any more
/// (`JobMaster`, `NettyConnectionHandler`, `HeartbeatManagerImpl`).
pub fn names_lost_task_manager(cause: &str) -> bool {
    [
        "is no longer reachable",
        "remote task manager",
        // Flink's JobMaster and ResourceManager say it with letters of different size.
        "eartbeat of TaskManager",
        "TaskExecutor is shutting down",
    ]
    .iter()
    .any(|words| cause.contains(words))
}

/// The end of the container behind a job's failure that Flink can only call the loss of a TaskManager. The application
/// master's own lines come last.
fn lost_container<'a>(told: &str, rest: &'a str) -> Option<&'a str> {
    names_lost_task_manager(told).then_some(())?;
    rest.lines().rev().find_map(|line| line.strip_prefix("note: container "))
}

/// What the application master says of TaskManagers that end again and again, each with its general cause; behind both
/// follows `; the last, <id> on <node>, <why>`.
const TASK_MANAGERS: [(&str, CauseCode); 2] = [
    (" TaskManager containers in a row ended before they had registered", CauseCode::TaskManagersFailToStart),
    (" TaskManagers were lost within ", CauseCode::TaskManagersLost),
];

fn task_managers(told: &str, rest: &str) -> Option<Cause> {
    let (why, general) =
        TASK_MANAGERS.iter().find_map(|(words, code)| Some((told.split_once(words)?.1, *code)))?;
    let all = format!("{why}\n{rest}");
    if let Some(kill) = container::memory_kill(&all) {
        return Some(memory("a TaskManager", &kill, Role::TaskManager));
    }
    if java::is_java_missing(&all.replace("; ", "\n")) {
        let hint = "set JAVA_HOME for the NodeManagers, or containerized.taskmanager.env.JAVA_HOME for this application";
        return Some(
            Cause::new(CauseCode::JavaMissing, format!("there is no Java for the TaskManagers: {told}"))
                .hint(hint),
        );
    }
    if let Some((code, sentence, hint)) = container::localization(why) {
        return Some(Cause::new(code, sentence).hint(hint));
    }
    if let Some(cause) = container::clock_skew(&all, "TaskManagers' containers") {
        return Some(cause);
    }
    if why.contains(SILENT_TASK_MANAGER) {
        let code = CauseCode::TaskManagerUnresponsive;
        let hint = exit_status::hint(code, 0).map(str::to_owned);
        return Some(Cause { hint, ..Cause::new(code, told) });
    }
    if why.contains(" was killed for exceeding its physical memory") {
        return Some(Cause::new(CauseCode::MemoryLimit, told).hint(memory_hint(Role::TaskManager, false)));
    }
    if why.contains(" was killed for exceeding its virtual memory") {
        return Some(
            Cause::new(CauseCode::VirtualMemoryLimit, told).hint(memory_hint(Role::TaskManager, true)),
        );
    }
    // Lines of standard error, joined by the application master.
    let lines: Vec<&str> = why.split_once(": ").map_or(why, |(_, said)| said).split("; ").collect();
    if let Some((code, hint)) = java::root_in(&lines).and_then(java::exception) {
        return Some(Cause::new(code, told).hint(hint));
    }
    Some(Cause::new(general, told))
}

/// Whose container it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The application master's, with the JobManager in it.
    JobManager,
    TaskManager,
    /// Of an application that is not Flink's.
    Other,
}

/// A container killed for its memory, in one sentence.
pub(super) fn memory(who: &str, kill: &container::MemoryKill, role: Role) -> Cause {
    let (code, kind) = if kill.is_virtual {
        (CauseCode::VirtualMemoryLimit, "virtual ")
    } else {
        (CauseCode::MemoryLimit, "")
    };
    let text = format!(
        "{who} used {} of the {} of {kind}memory its container may use, and its node killed it",
        kill.used, kill.limit
    );
    Cause::new(code, text).hint(memory_hint(role, kill.is_virtual))
}

fn memory_hint(role: Role, is_virtual: bool) -> String {
    if is_virtual {
        return exit_status::hint(CauseCode::VirtualMemoryLimit, 0).unwrap_or_default().to_owned();
    }
    match role {
        Role::JobManager => {
            "raise jobmanager.memory.process.size (-jm); if native memory grows, jobmanager.memory.jvm-overhead.fraction"
        }
        Role::TaskManager => {
            "raise taskmanager.memory.process.size (-tm); if native memory grows (RocksDB, Python), \
             taskmanager.memory.jvm-overhead.fraction"
        }
        Role::Other => "ask for a larger container",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(told: &str) -> CauseCode {
        failed(told, "").code
    }

    #[test]
    fn sentences_of_the_application_master() {
        for (told, expected) in [
            ("there is no Java on node 127.0.0.2: /x/bin/java does not exist", CauseCode::JavaMissing),
            ("no free port for rest.bind-port in 80 on n1: Address in use", CauseCode::PortInUse),
            ("a TaskManager needs a container of 9216 MiB, but the largest", CauseCode::AskLargerThanMaximum),
            ("the ResourceManager refused to give TaskManager containers: x", CauseCode::AskRefused),
            ("the application master of an earlier attempt was lost after", CauseCode::AttemptLost),
            ("the job needs 9 slots, that is 9 TaskManagers of 800 MiB with", CauseCode::ClusterTooSmall),
            ("the JobManager was killed by signal 9 while the job was RUNNING", CauseCode::JobManagerKilled),
            (
                "the JobManager did not answer for 60 s and was killed while the job was RUNNING",
                CauseCode::JobManagerUnresponsive,
            ),
            (
                "5 TaskManagers were lost within 10 minutes; the last, c on n, Flink has lost it: no heartbeat for 50 s",
                CauseCode::TaskManagerUnresponsive,
            ),
            (
                "the JobManager could not start (exit code 1) before the job had started",
                CauseCode::JobManagerFailed,
            ),
            (
                "the JobManager could not start (exit code 1) before the job had started: java.lang.NoSuchMethodError: x",
                CauseCode::ClassConflict,
            ),
            (
                "the JobManager could not start (exit code 1) before the job ran again: x",
                CauseCode::JobManagerFailed,
            ),
            ("the JobManager exited with code 137 while the job was RUNNING", CauseCode::JobManagerKilled),
            ("the JobManager exited with code 3 while the job was RUNNING", CauseCode::JobManagerFailed),
            (
                "the JobManager ended by itself before the job had started: the program",
                CauseCode::JobManagerFailed,
            ),
            (
                "the file system with the application's files has not answered for 10",
                CauseCode::FileSystemUnreachable,
            ),
            ("the application's staging directory is gone: the application is", CauseCode::StagingGone),
            (
                "5 TaskManagers were lost within 10 minutes; the last, c on n, was lost",
                CauseCode::TaskManagersLost,
            ),
            ("java.lang.RuntimeException: boom: at 3", CauseCode::JobFailed),
            ("java.lang.ClassNotFoundException: a.B", CauseCode::ClassMissing),
            ("the program failed after its job had finished: x", CauseCode::JobFailed),
        ] {
            assert_eq!(code(told), expected, "{told}");
        }
    }

    #[test]
    fn task_managers_that_do_not_start() {
        let told = |why: &str| {
            format!(
                "3 TaskManager containers in a row ended before they had registered; the last, container_1 on n:1, {why}"
            )
        };
        let memory = told(
            "was killed for exceeding its physical memory: Container [pid=1,containerID=container_1] is running 1B beyond the \
             'PHYSICAL' memory limit. Current usage: 1.2 GB of 832 MB physical memory used; 3 GB of 2 GB virtual memory used. \
             Killing container.",
        );
        let cause = failed(&memory, "");
        assert_eq!(cause.code, CauseCode::MemoryLimit);
        assert!(cause.text.contains("1.2 GB of the 832 MB"), "{}", cause.text);
        assert!(cause.hint.unwrap().contains("taskmanager.memory.process.size (-tm)"));
        assert_eq!(
            code(&told(
                "exited with code 127, as its program was not found: bash: line 1: /x/bin/java: No such file or directory"
            )),
            CauseCode::JavaMissing
        );
        assert_eq!(code(&told("exited with code 1: a line")), CauseCode::TaskManagersFailToStart);
        assert_eq!(
            code(&told(
                "exited with code 1: Exception in thread \"main\" java.lang.NoClassDefFoundError: a/B; at c.D.e(D.java:1)"
            )),
            CauseCode::ClassMissing
        );
        assert_eq!(code(&told("was killed for exceeding its virtual memory")), CauseCode::VirtualMemoryLimit);
    }

    #[test]
    fn a_lost_task_manager_behind_a_failed_job() {
        let told = "org.apache.flink.runtime.jobmaster.JobMasterException: TaskManager with id container_1_0001_01_000002 is no \
                    longer reachable.";
        let note = "note: container container_1_0001_01_000002 on n:1 was killed for exceeding its physical memory: Container \
                    [pid=1,containerID=c] is running 1B beyond the 'PHYSICAL' memory limit. Current usage: 1.2 GB of 832 MB \
                    physical memory used; 3 GB of 2 GB virtual memory used. Killing container.";
        assert_eq!(failed(told, note).code, CauseCode::MemoryLimit);
        let note = &format!("{note}\ncause: memory_limit");
        assert_eq!(failed(told, note).code, CauseCode::MemoryLimit);
        let preempted = "note: container container_1_0001_01_000002 on n:1 was preempted by the scheduler\ncause: preempted";
        let cause = failed(told, preempted);
        assert_eq!(cause.code, CauseCode::Preempted);
        assert!(
            cause.text.ends_with("container_1_0001_01_000002 on n:1 was preempted by the scheduler"),
            "{}",
            cause.text
        );
        assert!(cause.hint.is_some());
        let silent =
            "note: container container_1_0001_01_000002 on n:1 Flink has lost it: no heartbeat for 50 s";
        let cause = failed(told, silent);
        assert_eq!(cause.code, CauseCode::TaskManagerUnresponsive);
        assert!(cause.hint.is_some());
        assert_eq!(failed(told, "").code, CauseCode::JobFailed);
        assert_eq!(failed("java.lang.RuntimeException: boom", note).code, CauseCode::JobFailed);
    }

    #[test]
    fn what_the_cluster_cannot_give_now() {
        for (words, code) in [
            (
                "the job needs 9 slots, that is 9 TaskManagers of 800 MiB with 1 slot(s) each, but the whole cluster can hold 4 \
                 beside this application master (2 nodes)\nhint: lower the parallelism",
                CauseCode::ClusterTooSmall,
            ),
            (
                "a TaskManager needs a container of 9216 MiB, but the largest one the cluster gives at present is 4096 MiB",
                CauseCode::AskLargerThanMaximum,
            ),
            (
                "the ResourceManager refuses to give TaskManager containers: no such label",
                CauseCode::AskRefused,
            ),
        ] {
            let cause = shortage(words).unwrap();
            assert_eq!((cause.code, cause.text.as_str()), (code, words.lines().next().unwrap()));
            assert!(cause.hint.is_some());
        }
        let told = shortage("the job needs 9 slots\nhint: lower the parallelism").unwrap();
        assert_eq!(told.hint.as_deref(), Some("lower the parallelism"));
        assert_eq!(shortage("the ResourceManager has not yet given 2 of the TaskManagers' containers"), None);
        assert_eq!(shortage(""), None);
    }

    #[test]
    fn a_checkpoint_is_a_place() {
        let text = "Job 1 FAILED: x\ncheckpoint: file:/c/old\nhint: z\ncheckpoint: hdfs://n/c/chk-7";
        assert_eq!(checkpoint(text), Some("hdfs://n/c/chk-7"));
        assert_eq!(checkpoint("checkpoint: 7 was declined"), None);
        assert_eq!(checkpoint("the checkpoint: hdfs://n/c/chk-7"), None);
    }

    #[test]
    fn the_application_masters_own_code_is_the_last_one() {
        let text = "Job 1 FAILED: x\ncause: job_canceled\nnote: y\ncause: node_lost\nhint: z";
        assert_eq!(named_code(text), Some(CauseCode::NodeLost));
        assert_eq!(told_hint(text), Some("z"));
        assert_eq!(named_code("cause: nonsense"), None);
        assert_eq!(named_code("the cause: node_lost"), None);
    }
}
