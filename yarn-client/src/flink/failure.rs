//! Extracts short causes from long Java stack traces.

/// A failure in readable form, and the complete text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The innermost cause, one line: `class: message`.
    pub root: String,
    /// The root and the chain that leads to it, outermost last; at most [`SUMMARY_LINES`] lines.
    pub summary: String,
    /// The complete trace.
    pub detail: String,
}

/// Maximum number of lines of a summary.
pub const SUMMARY_LINES: usize = 4;
/// Maximum number of characters in a line of a summary; messages can contain whole plans.
const LINE_LIMIT: usize = 400;

/// Wrappers that say nothing that the cause below them does not say.
const NOISE: [&str; 3] = [
    "org.apache.flink.util.SerializedThrowable: ",
    "java.util.concurrent.CompletionException: ",
    "java.util.concurrent.ExecutionException: ",
];

/// Whether a line of a JVM's standard error is one that every JVM of Flink's writes when nothing is wrong: the greeting
/// of the logging library or of Java's options in the environment, or Java's warnings about `FlinkSecurityManager`.
#[must_use]
pub fn is_chatter(line: &str) -> bool {
    line.starts_with("SLF4J")
        || line.trim_start_matches("NOTE: ").starts_with("Picked up ")
        || line.strip_prefix("WARNING: ").is_some_and(|warning| {
            ["SecurityManager", "A terminally deprecated method"].iter().any(|words| warning.contains(words))
        })
}

impl Failure {
    /// Parses a Java stack trace. Any text is accepted; without a trace in it, its first line is the cause.
    pub fn from_trace(trace: &str) -> Self {
        let mut chain: Vec<String> = Vec::new();
        let mut expect_head = true;
        for line in trace.lines() {
            // More deeply nested causes belong to suppressed exceptions and are indented.
            let cause = line.strip_prefix("Caused by: ");
            let is_head = expect_head && !line.trim().is_empty();
            if cause.is_none() && !is_head {
                continue;
            }
            expect_head = false;
            let text = shorten(cause.unwrap_or(line));
            if chain.last() != Some(&text) {
                chain.push(text);
            }
        }
        chain.reverse();
        let root = chain.first().cloned().unwrap_or_default();
        let mut lines: Vec<&str> = Vec::new();
        for text in &chain {
            // A wrapper without a message of its own repeats the text of its cause, or says `null`.
            let says_nothing = !lines.is_empty() && text.ends_with("Exception: null");
            if !says_nothing && !lines.iter().any(|line| text.ends_with(line)) && lines.len() < SUMMARY_LINES
            {
                lines.push(text);
            }
        }
        Self { root, summary: lines.join("\n"), detail: trace.to_owned() }
    }
}

fn shorten(line: &str) -> String {
    let mut text = line.trim();
    while let Some(rest) = NOISE.iter().find_map(|prefix| text.strip_prefix(prefix)) {
        text = rest;
    }
    if text.chars().count() <= LINE_LIMIT {
        return text.to_owned();
    }
    let cut: String = text.chars().take(LINE_LIMIT).collect();
    format!("{cut}…")
}

const FATAL: &str = "Fatal error occurred in the cluster entrypoint";
/// The other last message of an entry point that could not start.
const START_UP: &str = "Could not start cluster entrypoint";

/// The last message of an entry point that finds no program in what it is given (`StandaloneApplicationClusterEntryPoint`).
const NO_PROGRAM: &str = "Could not create application program";

/// Why the program could not be loaded, from a JobManager's log: no such class, no `main`, an invalid jar.
pub fn not_loaded_in_log(log: &str) -> Option<Failure> {
    cause_behind(log, &[NO_PROGRAM])
}

/// The cause in a JobManager's log after "Fatal error occurred in the cluster entrypoint" (or "Could not start …"), if
/// there is one. The last occurrence counts.
pub fn fatal_error_in_log(log: &str) -> Option<Failure> {
    cause_behind(log, &[FATAL, START_UP])
}

/// Why this job has failed, from a JobManager's log (`Dispatcher.jobReachedTerminalState`).
pub fn job_failure_in_log(log: &str, job_id: &str) -> Option<Failure> {
    cause_behind(log, &[&format!("Job {job_id} reached terminal state FAILED")])
}

/// The code with which the program has ended its JVM, from a JobManager's log (`FlinkSecurityManager.checkExit`).
pub fn system_exit_in_log(log: &str) -> Option<i32> {
    log.lines().rev().find_map(|line| {
        let (_, told) = line.split_once("Exiting JVM with status ")?;
        told.split_once(" is monitored")?.0.trim().parse().ok()
    })
}

/// The trace after the last line that contains one of these phrases.
fn cause_behind(log: &str, words: &[&str]) -> Option<Failure> {
    let lines: Vec<&str> = log.lines().collect();
    let at = lines.iter().rposition(|line| words.iter().any(|words| line.contains(words)))?;
    let trace: Vec<&str> =
        lines.iter().skip(at + 1).take_while(|line| !starts_with_time(line)).copied().collect();
    if trace.iter().all(|line| line.trim().is_empty()) {
        return None;
    }
    Some(Failure::from_trace(&trace.join("\n")))
}

/// Whether a line starts a new log entry: `2026-11-22 18:00:00,123 …`.
fn starts_with_time(line: &str) -> bool {
    let shape = b"dddd-dd-dd dd:dd:dd";
    let bytes = line.as_bytes();
    bytes.len() >= shape.len()
        && shape.iter().zip(bytes).all(|(s, b)| if *s == b'd' { b.is_ascii_digit() } else { s == b })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn harmless_lines_are_recognized() {
        for line in [
            "SLF4J: Found binding in [jar:file:/a.jar]",
            "SLF4J(W): another",
            "Picked up JAVA_TOOL_OPTIONS: -Duser.timezone=UTC",
            "NOTE: Picked up JDK_JAVA_OPTIONS: -Xlog:gc",
            "WARNING: A terminally deprecated method in java.lang.System has been called",
            "WARNING: System::setSecurityManager will be removed in a future release",
        ] {
            assert!(is_chatter(line), "{line}");
        }
        for line in ["WARNING: my own", "java.lang.OutOfMemoryError: Metaspace", ""] {
            assert!(!is_chatter(line), "{line}");
        }
    }

    const TRACE: &str = "org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy
\tat org.apache.flink.runtime.executiongraph.X.handle(X.java:180)
\tSuppressed: java.io.IOException: closing
\t\tat a.B.c(B.java:1)
\tCaused by: java.lang.Error: of the suppressed one
\t... 4 more
Caused by: java.util.concurrent.ExecutionException: org.apache.flink.util.SerializedThrowable: java.lang.RuntimeException: boom
\tat a.B.c(B.java:1)
Caused by: org.apache.flink.util.SerializedThrowable: java.lang.RuntimeException: boom
\tat a.B.d(B.java:2)
Caused by: java.lang.IllegalStateException: record 17 is bad
second line of the message
\tat a.B.e(B.java:3)
";

    #[test]
    fn takes_the_innermost_cause() {
        let failure = Failure::from_trace(TRACE);
        assert_eq!(failure.root, "java.lang.IllegalStateException: record 17 is bad");
        assert_eq!(
            failure.summary,
            "java.lang.IllegalStateException: record 17 is bad\njava.lang.RuntimeException: boom\n\
             org.apache.flink.runtime.JobException: Recovery is suppressed by NoRestartBackoffTimeStrategy"
        );
        assert_eq!(failure.detail, TRACE);
    }

    #[test]
    fn any_text_is_tolerated() {
        assert_eq!(Failure::from_trace("just words\nmore").summary, "just words");
        assert_eq!(Failure::from_trace("\n\n").root, "");
        let long = Failure::from_trace(&"é".repeat(10_000));
        assert_eq!(long.root.chars().count(), LINE_LIMIT + 1);
        let deep: String = (0..50).map(|i| format!("Caused by: a.E{i}: m\n")).collect();
        assert_eq!(Failure::from_trace(&deep).summary.lines().count(), SUMMARY_LINES);
    }

    #[test]
    fn finds_the_fatal_error_of_a_log() {
        let log = "2026-11-22 18:00:00,001 ERROR a.B [] - Fatal error occurred in the cluster entrypoint.
java.util.concurrent.CompletionException: org.apache.flink.client.deployment.application.ApplicationExecutionException: The application contains no execute() calls.
\tat x.Y.z(Y.java:1)
Caused by: org.apache.flink.client.deployment.application.ApplicationExecutionException: The application contains no execute() calls.
\t... 2 more
2026-11-22 18:00:00,100 INFO  a.B [] - Caused by: nothing
";
        let failure = fatal_error_in_log(log).unwrap();
        assert_eq!(
            failure.root,
            "org.apache.flink.client.deployment.application.ApplicationExecutionException: The application contains no \
             execute() calls."
        );
        assert_eq!(failure.summary.lines().count(), 1);
        assert!(!failure.detail.contains("nothing"));
        assert_eq!(fatal_error_in_log("2026-11-22 18:00:00,001 INFO fine\n"), None);
        assert_eq!(fatal_error_in_log("x Fatal error occurred in the cluster entrypoint.\n"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in "(.|\n|\t|Caused by: ){0,60}") {
            let failure = Failure::from_trace(&text);
            prop_assert!(failure.summary.lines().count() <= SUMMARY_LINES);
            let _ = fatal_error_in_log(&format!("{FATAL}\n{text}"));
        }
    }
}
