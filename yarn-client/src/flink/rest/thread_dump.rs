//! Stacks of the JobManager's threads (`JobManagerThreadDumpHandler`, since 1.12).

use serde::Deserialize;

use super::{Client, Options, RestError};

/// Frames of a thread in the program's `main`: from `ApplicationDispatcherBootstrap` (until 2.2) to
/// `PackagedProgramApplication` (2.3), whatever starts it does so through these.
const MAIN: [&str; 2] = [
    "org.apache.flink.client.program.PackagedProgram.",
    "org.apache.flink.client.deployment.application.ApplicationDispatcherBootstrap.runApplicationEntryPoint(",
];
/// The placeholder for frames beyond `cluster.thread-dump.stacktrace-max-depth`.
const CUT: &str = "\n\t...\n";
/// Enough for thousands of threads, each with hundreds of frames.
const MAX_BODY: usize = 64 << 20;

/// All threads of a JobManager at one moment.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ThreadDump {
    #[serde(rename = "threadInfos")]
    threads: Vec<Thread>,
}

#[derive(Debug, Clone, Deserialize)]
struct Thread {
    #[serde(rename = "stringifiedThreadInfo")]
    stack: String,
}

impl ThreadDump {
    /// Whether the program's `main` has not returned. A truncated stack may be that of `main`: the first frames of a
    /// thread are the last ones of a stack.
    pub fn may_run_main(&self) -> bool {
        let in_main = |stack: &str| MAIN.iter().any(|frame| stack.contains(frame)) || stack.contains(CUT);
        self.threads.iter().any(|thread| in_main(&thread.stack))
    }
}

impl Client {
    /// `GET /jobmanager/thread-dump`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn thread_dump(&self) -> Result<ThreadDump, RestError> {
        let options = Options { max_body: self.options.max_body.max(MAX_BODY), ..self.options };
        Self { options, ..self.clone() }.get("/jobmanager/thread-dump").await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dump(stacks: &[&[&str]]) -> ThreadDump {
        let thread = |frames: &&[&str]| {
            let stack = format!("\"name\" Id=1 WAITING\n\t{}\n\n", frames.join("\n\t"));
            serde_json::json!({"threadName": "name", "stringifiedThreadInfo": stack})
        };
        let threads: Vec<_> = stacks.iter().map(thread).collect();
        serde_json::from_value(serde_json::json!({ "threadInfos": threads })).unwrap()
    }

    /// As of Flink 1.20.
    const RUNS: [&str; 5] = [
        "at java.base@17.0.15/java.lang.Thread.sleep(Native Method)",
        "at app//example.Sleepy.main(Sleepy.java:7)",
        "at java.base@17.0.15/java.lang.reflect.Method.invoke(Method.java:569)",
        "at app//org.apache.flink.client.program.PackagedProgram.callMainMethod(PackagedProgram.java:356)",
        "at app//org.apache.flink.client.ClientUtils.executeProgram(ClientUtils.java:113)",
    ];
    const ENTRY: &str = "at app//org.apache.flink.client.deployment.application.ApplicationDispatcherBootstrap.\
                         runApplicationEntryPoint(ApplicationDispatcherBootstrap.java:301)";
    const OTHER: &str = "at app//org.apache.flink.client.deployment.application.ApplicationDispatcherBootstrap.stop(A.java:1)";

    #[test]
    fn main_is_seen_in_any_thread() {
        assert!(dump(&[&["at a.B.c(B.java:1)"], &RUNS]).may_run_main());
        assert!(dump(&[&[ENTRY]]).may_run_main());
        assert!(!dump(&[&["at a.B.c(B.java:1)"], &[OTHER]]).may_run_main());
        assert!(!dump(&[]).may_run_main());
    }

    #[test]
    fn a_stack_that_is_cut_tells_nothing() {
        assert!(dump(&[&["at a.B.c(B.java:1)", "..."]]).may_run_main());
    }
}
