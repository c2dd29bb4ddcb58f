//! What NodeManagers write about the end of a container.
//!
//! Texts: `ContainersMonitorImpl`, `FSDownload`, `ResourceLocalizationService`, `ContainerLaunch`,
//! `DefaultContainerExecutor`, `LocalDirsHandlerService`.

use std::collections::HashSet;

use super::{Cause, CauseCode, exit_status, java};
use crate::flink::failure::is_chatter;

/// `… is running 373915648B beyond the 'PHYSICAL' memory limit. Current usage: 484.6 MB of 128 MB physical memory used;
/// 490.5 MB of 268.8 MB virtual memory used. Killing container.`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemoryKill {
    /// Whether virtual memory was exceeded instead of physical memory.
    pub(crate) is_virtual: bool,
    /// As YARN prints it: `484.6 MB`.
    pub(crate) used: String,
    /// As YARN prints it: `128 MB`.
    pub(crate) limit: String,
}

/// Finds a memory kill in any text that quotes it. Hadoop 2 and 3.2 write `physical` where later versions write `'PHYSICAL'`.
pub(crate) fn memory_kill(text: &str) -> Option<MemoryKill> {
    let (_, from) = text.split_once(" is running ")?;
    let (limit_kind, usage) = from.split_once("Current usage: ")?;
    let kind = limit_kind.to_ascii_lowercase();
    if !kind.contains("beyond") || !kind.contains("memory limit") {
        return None;
    }
    let is_virtual = kind.contains("virtual");
    let word = if is_virtual { " virtual memory used" } else { " physical memory used" };
    let (amounts, _) = usage.split_once(word)?;
    let amounts = amounts.rsplit("; ").next().unwrap_or(amounts);
    let (used, limit) = amounts.split_once(" of ")?;
    Some(MemoryKill { is_virtual, used: used.trim().to_owned(), limit: limit.trim().to_owned() })
}

/// `This token is expired. current time is 1764000000000 found 1763999000000`, from `ContainerManagerImpl`: the first
/// is the node's time, the second the ResourceManager's at the allocation plus the time allowed for the start. Only
/// different clocks can exceed that time, since an allocation that is not used in time is taken back.
pub(crate) fn clock_skew(text: &str, whose: &str) -> Option<Cause> {
    let (_, times) = text.split_once("This token is expired. current time is ")?;
    let mut times = times.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let (node, allowed): (u64, u64) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
    let seconds = node.checked_sub(allowed)?.div_ceil(1000);
    let text =
        format!("clock skew: the node of {whose} is at least {seconds} s ahead of the ResourceManager");
    let hint = "synchronize the clocks of the cluster's hosts (chrony, ntpd)";
    Some(Cause::new(CauseCode::ClockSkew, text).hint(hint))
}

/// Why a container could not be prepared: code and sentence, which names the file if YARN does.
pub(crate) fn localization(text: &str) -> Option<(CauseCode, String, &'static str)> {
    const AGAIN: &str = "submit again, and do not change the file until the application has ended";
    const RM: &str = "Failing this attempt.Diagnostics: ";
    let text = text.split_once(RM).map_or(text, |(_, of_node)| of_node);
    let lines = || text.lines().map(undated);
    // The sentence before `java.io.IOException: …`, which repeats it.
    for line in lines() {
        if let Some(path) = between(line, "Resource ", " changed on src filesystem") {
            let text = format!("{path} was changed after the application was submitted");
            return Some((CauseCode::ResourceChanged, text, AGAIN));
        }
        if let Some(path) = between(line, "Resource ", " is not publicly accessible") {
            let text = format!("{path} was submitted as a public file, but is not readable by everyone");
            return Some((
                CauseCode::ResourceNotPublic,
                text,
                "make it readable, and every directory above it accessible, for others; or submit again, \
                 which determines the visibility anew",
            ));
        }
        // An `FSError` comes from the node's own file system.
        if line.contains("No space available in any of the local directories")
            || line.starts_with("org.apache.hadoop.fs.FSError: java.io.IOException: No space left on device")
            || line.contains("Could not find any valid local directory for")
        {
            let text = "the node has no local directory with room for the application's files".to_owned();
            return Some((
                CauseCode::LocalDirectories,
                text,
                "have the cluster's administrators check `yarn.nodemanager.local-dirs` of that node, \
                 which are full or unusable",
            ));
        }
    }
    // Other messages only count if a file was being fetched.
    let fetching =
        ["FSDownload", "ContainerLocalizer", "ResourceLocalizationService", "Failed to download resource"];
    if !fetching.iter().any(|word| text.contains(word)) {
        return None;
    }
    for line in lines() {
        let missing = between(line, "File ", " does not exist")
            .or_else(|| line.split_once("File does not exist: ").map(|(_, path)| path.trim()));
        if let Some(path) = missing {
            return Some((
                CauseCode::ResourceMissing,
                format!("{path}, a file of the application, does not exist"),
                "submit again; if it goes missing again, find out what removes files from the staging directory",
            ));
        }
        // `NetUtils.wrapException`
        let unreachable = [
            "failed on connection exception",
            "failed on socket timeout exception",
            "End of File Exception between local host",
            "java.net.UnknownHostException",
        ];
        if unreachable.iter().any(|words| line.contains(words)) {
            return Some((
                CauseCode::FileSystemUnreachable,
                format!("the node could not fetch the application's files: {}", shorten(line)),
                "check that the NameNode is running, and that its address in `fs.defaultFS` resolves to \
                 the same host on the nodes",
            ));
        }
        if let Some((code @ (CauseCode::TokenExpired | CauseCode::PermissionDenied), hint)) =
            java::exception(line)
        {
            return Some((
                code,
                format!("the node could not fetch the application's files: {}", shorten(line)),
                hint,
            ));
        }
    }
    let first = lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    Some((
        CauseCode::LocalizationFailed,
        format!("the node could not fetch the application's files: {}", shorten(first)),
        "see the NodeManager's log for details, and submit again",
    ))
}

/// The message of the loader or the shell about a native program that cannot run on this node.
pub(crate) fn incompatible_binary<'a>(words: &[&'a str]) -> Option<&'a str> {
    words.iter().copied().find(|line| {
        line.ends_with(": cannot execute binary file: Exec format error")
            || (line.contains(": version `GLIBC") && line.contains("' not found (required by "))
            || line.contains(": error while loading shared libraries: ")
    })
}

/// The end of the container's standard error, without the text that YARN puts around it. YARN quotes it twice.
pub(crate) fn last_words(text: &str) -> Vec<&str> {
    const END: [&str; 2] =
        ["For more detailed output, check the application tracking page", "Container exited with a"];
    let (mut words, mut known) = (Vec::new(), HashSet::new());
    let mut quoting = false;
    for line in text.lines() {
        let bare = undated(line).trim_end();
        if bare.starts_with("Last ") && bare.ends_with(':') && bare.contains(" bytes of ") {
            quoting = true;
        } else if END.iter().any(|end| bare.starts_with(end)) {
            quoting = false;
        } else if quoting && !bare.trim().is_empty() && known.insert(bare) {
            words.push(bare);
        }
    }
    words
}

/// A NodeManager's message about the end of a container, on one line: without the surrounding text (`ContainerImpl`,
/// `DefaultContainerExecutor`), which is the same for every container, and without the dump of the process tree that
/// follows a container killed for its memory.
pub(super) fn node_words(diagnostics: &str) -> String {
    const FRAME: [&str; 8] = [
        "Exception from container-launch",
        "Container id: ",
        "Exit code: ",
        "Exception message: ",
        "Shell output: ",
        "Shell error output: ",
        "Container exited with a non-zero exit code",
        "Last 4096 bytes of ",
    ];
    const DUMP: &str = "Dump of the process-tree";
    const LINES: usize = 4;
    const LENGTH: usize = 300;
    let (mut kept, mut known) = (Vec::new(), HashSet::new());
    for line in diagnostics.lines() {
        let text = undated(line).trim();
        if text.starts_with(DUMP) {
            break;
        }
        if text.is_empty() || is_chatter(text) || FRAME.iter().any(|frame| text.starts_with(frame)) {
            continue;
        }
        let end = text.char_indices().nth(LENGTH).map_or(text.len(), |(at, _)| at);
        if known.insert(&text[..end]) {
            kept.push(&text[..end]);
        }
    }
    // The last lines of a long error output are more informative than the first ones.
    kept.drain(..kept.len().saturating_sub(LINES));
    kept.join("; ")
}

/// The line without a timestamp such as `[2026-11-22 20:05:40.095]`.
fn undated(line: &str) -> &str {
    match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((date, rest)) if date.starts_with(|c: char| c.is_ascii_digit()) => rest,
        _ => line,
    }
}

fn between<'a>(line: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (head, _) = line.split_once(after)?;
    // The last occurrence: the sentence may start with other text that contains `before`.
    head.rsplit_once(before).map(|(_, between)| between.trim()).filter(|between| !between.is_empty())
}

fn shorten(line: &str) -> String {
    line.split("; For more details see").next().unwrap_or(line).trim().chars().take(300).collect()
}

/// The role of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The application master's container, with the JobManager in it.
    JobManager,
    TaskManager,
    /// A container of an application that is not Flink's.
    Other,
}

/// A container killed for its memory, in one sentence.
pub(crate) fn memory(who: &str, kill: &MemoryKill, role: Role) -> Cause {
    let (code, kind) = if kill.is_virtual {
        (CauseCode::VirtualMemoryLimit, "virtual ")
    } else {
        (CauseCode::MemoryLimit, "")
    };
    let text = format!(
        "{who} used {} of {kind}memory, more than its container's limit of {}, and was killed by its node",
        kill.used, kill.limit
    );
    Cause::new(code, text).hint(memory_hint(role, kill.is_virtual))
}

pub(crate) fn memory_hint(role: Role, is_virtual: bool) -> String {
    if is_virtual {
        return exit_status::hint(CauseCode::VirtualMemoryLimit, 0).unwrap_or_default().to_owned();
    }
    match role {
        Role::JobManager => {
            "raise `jobmanager.memory.process.size` (`-jm`), or `jobmanager.memory.jvm-overhead.fraction` \
             if native memory grows"
        }
        Role::TaskManager => {
            "raise `taskmanager.memory.process.size` (`-tm`), or \
             `taskmanager.memory.jvm-overhead.fraction` if native memory grows (RocksDB, Python)"
        }
        Role::Other => "ask for a larger container",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::texts;
    use super::*;

    #[test]
    fn memory_kills_are_found_with_use_and_limit() {
        let kill = memory_kill(texts::MEMORY).unwrap();
        assert_eq!(kill, MemoryKill { is_virtual: false, used: "484.6 MB".into(), limit: "128 MB".into() });
        let kill = memory_kill(texts::VIRTUAL_MEMORY).unwrap();
        assert_eq!(kill, MemoryKill { is_virtual: true, used: "2.8 GB".into(), limit: "268.8 MB".into() });
        assert_eq!(memory_kill("the job is running. Current usage: 3 of 4"), None);
        assert_eq!(memory_kill(texts::KILLED_9), None);
    }

    #[test]
    fn files_that_cannot_be_fetched() {
        for (text, code, names) in [
            (texts::MISSING_FILE, CauseCode::ResourceMissing, "file:/srv/none.txt"),
            (texts::CHANGED_FILE, CauseCode::ResourceChanged, "file:/srv/r.txt"),
            (texts::NOT_PUBLIC, CauseCode::ResourceNotPublic, "file:/srv/r.txt"),
            (texts::NO_NAME_NODE, CauseCode::FileSystemUnreachable, "localhost:1"),
            (texts::NO_SPACE, CauseCode::LocalDirectories, "room"),
            (texts::BAD_ARCHIVE, CauseCode::LocalizationFailed, "bad.zip"),
        ] {
            let (found, sentence, hint) = localization(text).unwrap();
            assert_eq!(found, code, "{text}");
            assert!(sentence.contains(names) && !hint.is_empty(), "{sentence}");
            assert!(!sentence.contains("[20"), "{sentence}");
        }
        for text in [texts::KILLED_9, texts::JAVA_MISSING, texts::MEMORY] {
            assert_eq!(localization(text), None);
        }
    }

    #[test]
    fn a_clock_that_is_ahead() {
        let told = "Unauthorized request to start container. \nThis token is expired. current time is 1764000605000 \
                    found 1764000000400\nNote: System times on machines may be out of sync.";
        let cause = clock_skew(told, "it").expect("a cause");
        assert_eq!(cause.code, CauseCode::ClockSkew);
        assert!(cause.text.contains("is at least 605 s ahead"), "{}", cause.text);
        assert_eq!(clock_skew("This token is expired. current time is never", "it"), None);
    }

    #[test]
    fn programs_for_other_nodes() {
        for line in [
            "/bin/bash: line 1: ./flink-app-master: cannot execute binary file: Exec format error",
            "./flink-app-master: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.38' not found (required by \
             ./flink-app-master)",
            "./x: error while loading shared libraries: liby.so.1: cannot open shared object file: No such file or directory",
        ] {
            assert_eq!(incompatible_binary(&["a line", line]), Some(line));
        }
        assert_eq!(incompatible_binary(&["cannot execute", "version 3 not found"]), None);
    }

    #[test]
    fn last_words_are_those_of_standard_error_once() {
        assert_eq!(last_words(texts::EXIT_7), ["first line", "java.lang.X"]);
        assert_eq!(
            last_words(texts::JAVA_MISSING),
            ["/bin/bash: line 1: /nonexistent/bin/java: No such file or directory"]
        );
        assert!(last_words(texts::KILLED_9).is_empty());
    }

    #[test]
    fn what_a_node_manager_says_is_shown_without_its_frame() {
        let launch = "[2026-11-22 20:05:40.095]Exception from container-launch.\nContainer id: container_1_0001_01_000002\n\
                      Exit code: 127\n\n[2026-11-22 20:05:40.123]Container exited with a non-zero exit code 127. Error file: \
                      prelaunch.err.\nLast 4096 bytes of prelaunch.err :\nLast 4096 bytes of taskmanager.stderr :\n\
                      /bin/bash: line 1: /nonexistent/bin/java: No such file or directory\n\n\n\
                      [2026-11-22 20:05:40.124]Container exited with a non-zero exit code 127. Error file: prelaunch.err.\n\
                      Last 4096 bytes of taskmanager.stderr :\n\
                      /bin/bash: line 1: /nonexistent/bin/java: No such file or directory\n";
        assert_eq!(node_words(launch), "/bin/bash: line 1: /nonexistent/bin/java: No such file or directory");
        let memory = "[2026-11-22 20:05:40.095]Container [pid=7,containerID=c] is running 500000000B beyond the 'PHYSICAL' \
                      memory limit. Killing container.\nDump of the process-tree for c :\n\t|- PID PPID\n";
        assert_eq!(
            node_words(memory),
            "Container [pid=7,containerID=c] is running 500000000B beyond the 'PHYSICAL' memory limit. Killing container."
        );
        assert_eq!(node_words("\n"), "");
    }
}
