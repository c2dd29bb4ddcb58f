//! What the class of an exception says about the cause of a failure.
//!
//! Only the class and, where that is decisive, fixed phrases in messages of the JDK, Hadoop or Flink count. A message
//! of the program itself never does.

use super::{CauseCode, exit_status};

const SHIP: &str = "add the class to the program's jar or ship its library (`--ship`); for a Hadoop class \
    have `yarn.application.classpath` include Hadoop's jars";
const VERSIONS: &str = "remove the library from the program's jar (scope `provided`), relocate it when \
    building the jar, or set `classloader.resolve-order`";
const PERMISSION: &str = "grant the permission to the user who runs the application, or use another path";
const TOKEN: &str = "submit again with a fresh ticket (`kinit`), or with a keytab (`security.kerberos.login.keytab`), by which \
    tokens are replaced in time: a delegation token lives at most as long as the cluster allows, 7 days by default";

/// Code and next step for a root exception, `class: message`; `None` if the class says nothing specific.
pub(crate) fn exception(root: &str) -> Option<(CauseCode, &'static str)> {
    let root = root.trim();
    let (class, message) = root.split_once(": ").unwrap_or_else(|| (root.trim_end_matches(':'), ""));
    // Thrown by a server: `org.apache.hadoop.ipc.RemoteException(<class there>)`.
    let class = class
        .strip_prefix("org.apache.hadoop.ipc.RemoteException(")
        .map_or(class, |inner| inner.trim_end_matches(')'));
    Some(match class {
        // A class that was found but could not be initialized is a different matter.
        "java.lang.NoClassDefFoundError" if message.starts_with("Could not initialize class") => return None,
        "java.lang.ClassNotFoundException" | "java.lang.NoClassDefFoundError" => {
            (CauseCode::ClassMissing, SHIP)
        }
        "java.lang.NoSuchMethodError"
        | "java.lang.NoSuchFieldError"
        | "java.lang.AbstractMethodError"
        | "java.lang.IllegalAccessError"
        | "java.lang.IncompatibleClassChangeError"
        | "java.lang.VerifyError"
        | "java.lang.LinkageError" => (CauseCode::ClassConflict, VERSIONS),
        "java.io.InvalidClassException" if message.contains("serialVersionUID") => {
            (CauseCode::ClassConflict, VERSIONS)
        }
        "java.lang.ClassCastException" if is_cast_to_itself(message) => (CauseCode::ClassConflict, VERSIONS),
        "java.lang.UnsupportedClassVersionError" => (
            CauseCode::JavaTooOld,
            "compile the program for the nodes' Java version (`javac --release`), or set \
             `containerized.master.env.JAVA_HOME` and `containerized.taskmanager.env.JAVA_HOME` to a \
             newer Java",
        ),
        "java.lang.OutOfMemoryError" => (CauseCode::OutOfMemory, out_of_memory(message)),
        "org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException" => (
            CauseCode::NoSlots,
            "lower the parallelism, use more slots per TaskManager (`-ys`), or wait until the cluster has room",
        ),
        // From `JobMaster`, if the end of its container has not said more.
        "java.util.concurrent.TimeoutException"
            if message.contains("eartbeat of TaskManager with id ") && message.contains(" timed out") =>
        {
            (CauseCode::TaskManagerUnresponsive, exit_status::SILENT_TASK_MANAGER)
        }
        "java.net.BindException" => {
            (CauseCode::PortInUse, "choose another port or a range, or leave out the option")
        }
        "org.apache.hadoop.security.AccessControlException" | "java.nio.file.AccessDeniedException" => {
            (CauseCode::PermissionDenied, PERMISSION)
        }
        "org.apache.hadoop.security.token.SecretManager$InvalidToken" => (CauseCode::TokenExpired, TOKEN),
        _ => return None,
    })
}

/// `class a.B cannot be cast to class a.B (a.B is in unnamed module of loader …)`: the same class, loaded twice.
fn is_cast_to_itself(message: &str) -> bool {
    let Some((from, to)) = message.split_once(" cannot be cast to ") else { return false };
    let name = |text: &str| {
        text.trim_start_matches("class ").split([' ', '(']).next().unwrap_or_default().to_owned()
    };
    let (from, to) = (name(from.trim()), name(to.trim()));
    !from.is_empty() && from == to
}

fn out_of_memory(message: &str) -> &'static str {
    if message.contains("Metaspace") {
        "raise `taskmanager.memory.jvm-metaspace.size`, or `jobmanager.memory.jvm-metaspace.size` if it \
         was the JobManager"
    } else if message.to_ascii_lowercase().contains("direct buffer memory") {
        "raise `taskmanager.memory.task.off-heap.size`, or `jobmanager.memory.off-heap.size` if it was \
         the JobManager"
    } else if message.contains("native thread") {
        "raise the user's process limit on the node (`ulimit -u`), or start fewer threads in the program"
    } else {
        "raise `taskmanager.memory.process.size` (`-tm`) or `taskmanager.memory.task.heap.size`, or \
         `jobmanager.memory.process.size` (`-jm`) if it was the JobManager"
    }
}

/// The root exception in a process's standard error: the last `Caused by:`, else the first line that is one, also after
/// `Exception in thread "main" `.
pub(crate) fn root_in<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let caused = lines.iter().rev().find_map(|line| line.strip_prefix("Caused by: "));
    caused.or_else(|| {
        lines.iter().find_map(|line| {
            let line = line
                .strip_prefix("Exception in thread ")
                .and_then(|rest| rest.split_once("\" "))
                .map_or(*line, |x| x.1);
            exception(line).map(|_| line)
        })
    })
}

/// Whether a shell reports that it did not find the java it was to run.
pub(crate) fn is_java_missing(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_end();
        line.contains("/bin/java: No such file or directory")
            || line.ends_with("java: command not found")
            || line.ends_with("java: not found")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_of_exceptions_are_causes() {
        for (root, code) in [
            ("java.lang.NoClassDefFoundError: org/apache/hadoop/conf/Configuration", CauseCode::ClassMissing),
            ("java.lang.ClassNotFoundException: a.B", CauseCode::ClassMissing),
            ("java.lang.NoSuchMethodError: 'void a.B.c(int)'", CauseCode::ClassConflict),
            (
                "java.lang.ClassCastException: class a.B cannot be cast to class a.B (a.B is in unnamed module of loader \
                 'app'; a.B is in unnamed module of loader org.apache.flink.util.ChildFirstClassLoader @1)",
                CauseCode::ClassConflict,
            ),
            (
                "java.io.InvalidClassException: a.B; local class incompatible: stream classdesc serialVersionUID = 1, local \
                 class serialVersionUID = 2",
                CauseCode::ClassConflict,
            ),
            (
                "java.lang.UnsupportedClassVersionError: a/B has been compiled by a more recent version of the Java Runtime",
                CauseCode::JavaTooOld,
            ),
            ("java.lang.OutOfMemoryError: Java heap space", CauseCode::OutOfMemory),
            ("java.net.BindException: Address already in use", CauseCode::PortInUse),
            (
                "java.util.concurrent.TimeoutException: The heartbeat of TaskManager with id container_1_0001_01_000002 timed out.",
                CauseCode::TaskManagerUnresponsive,
            ),
            (
                "org.apache.hadoop.ipc.RemoteException(org.apache.hadoop.security.AccessControlException): Permission denied: \
                 user=alice, access=WRITE, inode=\"/\":root:supergroup:drwxr-xr-x",
                CauseCode::PermissionDenied,
            ),
            (
                "org.apache.hadoop.ipc.RemoteException(org.apache.hadoop.security.token.SecretManager$InvalidToken): token \
                 (HDFS_DELEGATION_TOKEN token 1 for alice) can't be found in cache",
                CauseCode::TokenExpired,
            ),
        ] {
            assert_eq!(exception(root).unwrap().0, code, "{root}");
        }
        assert!(exception("java.lang.OutOfMemoryError: Metaspace").unwrap().1.contains("jvm-metaspace"));
    }

    #[test]
    fn other_exceptions_and_the_programs_own_words_say_nothing() {
        for root in [
            "java.lang.RuntimeException: java.lang.NoSuchMethodError: in my message",
            "java.lang.NoClassDefFoundError: Could not initialize class a.B",
            "java.lang.ClassCastException: class a.B cannot be cast to class a.C (…)",
            "java.io.InvalidClassException: a.B; no valid constructor",
            "Permission denied: user=alice",
            "a.b.AccessControlException: mine",
            "",
        ] {
            assert_eq!(exception(root), None, "{root}");
        }
    }

    #[test]
    fn the_root_in_standard_error() {
        let lines = [
            "Error: Could not find or load main class NoSuchClass",
            "Caused by: java.lang.ClassNotFoundException: NoSuchClass",
        ];
        assert_eq!(root_in(&lines), Some("java.lang.ClassNotFoundException: NoSuchClass"));
        let lines =
            ["x", "Exception in thread \"main\" java.lang.NoClassDefFoundError: a/B", "\tat c.D.e(D.java:1)"];
        assert_eq!(root_in(&lines), Some("java.lang.NoClassDefFoundError: a/B"));
        assert_eq!(root_in(&["first line", "java.lang.X"]), None);
    }

    #[test]
    fn a_missing_java_is_what_the_shell_says() {
        for text in [
            "/bin/bash: line 1: /nonexistent/bin/java: No such file or directory",
            "bash: java: command not found",
        ] {
            assert!(is_java_missing(text), "{text}");
        }
        assert!(!is_java_missing("cannot open /etc/java: No such file or directory"));
        assert!(!is_java_missing("/srv/conf/java: No such file or directory"));
    }
}
