use std::process::{Child, Command};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use yarn_client::flink::rest::Options;

use super::*;

const JOB: &str = "0123456789abcdef0123456789abcdef";
const MAIN: &str = "org.apache.flink.client.program.PackagedProgram.callMainMethod";

/// A look at the threads.
#[derive(Clone, Copy)]
enum Look {
    Main,
    NoMain,
    Error,
}
use Look::{Error, Main, NoMain};

/// A JobManager without a JVM: its process, its log and its REST server.
struct Fake {
    process: Child,
    directory: tempfile::TempDir,
    rest: Client,
    looks: watch::Receiver<usize>,
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Fake {
    /// Starts one with this log; looks show each of `looks` once, and the last of them forever.
    async fn start(lines: &[&str], looks: &'static [Look]) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let text: String = lines.iter().map(|line| line.replace("JOB", JOB) + "\n").collect();
        std::fs::write(directory.path().join(LOG), text).expect("a log");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (count, seen) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::with_capacity(4096);
                let _ = stream.read_buf(&mut request).await;
                assert!(request.starts_with(b"GET /jobmanager/thread-dump "), "{request:?}");
                let thread = |frame| {
                    let stack = format!("t\n\tat {frame}(B.java:1)\n");
                    serde_json::json!({"threadInfos": [{"threadName": "t", "stringifiedThreadInfo": stack}]})
                };
                let look = looks.get(*count.borrow()).or_else(|| looks.last());
                let (status, body) = match look {
                    Some(Main) => ("200 OK", thread(MAIN).to_string()),
                    Some(NoMain) => ("200 OK", thread("a.B.c").to_string()),
                    Some(Error) | None => ("500 Internal Server Error", String::new()),
                };
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all((head + &body).as_bytes()).await;
                count.send_modify(|count| *count += 1);
            }
        });
        let process = Command::new("sleep").arg("600").spawn().expect("a process");
        let rest = Client::new("127.0.0.1", port, Options::default());
        Self { process, directory, rest, looks: seen }
    }

    fn watched(&self) -> Watched<'_> {
        let process = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        Watched { log_dir: self.directory.path(), rest: &self.rest, process }
    }

    /// The end, and the number of looks it took.
    async fn end(&self) -> (Option<bool>, usize) {
        let end = self.watched().end(JOB).await;
        (end, *self.looks.borrow())
    }
}

#[tokio::test]
async fn end_of_the_program_is_read_from_the_log() {
    let lines = ["Job JOB reached terminal state FINISHED.", "Application completed SUCCESSFULLY"];
    assert_eq!(Fake::start(&lines, &[Main]).await.end().await, (Some(false), 0));
}

/// Twice in a row; an unreadable thread dump is not an end.
#[tokio::test]
async fn end_of_the_program_is_read_from_threads_if_the_log_is_silent() {
    let looks = &[Main, NoMain, Main, NoMain, Error, NoMain, NoMain, Main];
    assert_eq!(Fake::start(&["only warnings here"], looks).await.end().await, (Some(false), 7));
}

#[tokio::test]
async fn main_that_has_thrown_is_a_failure() {
    let fake = Fake::start(&["x WARN  y - Application failed unexpectedly: "], &[NoMain]).await;
    let mut looks = fake.looks.clone();
    tokio::select! {
        (end, looks) = fake.end() => panic!("{end:?} after {looks} looks"),
        looked = looks.wait_for(|looks| *looks >= 5) => drop(looked.expect("looks")),
    }
}

/// The next JobManager has the same log and the same port.
#[tokio::test]
async fn the_watch_ends_with_its_job_manager() {
    for (lines, looks) in [(["Application completed SUCCESSFULLY"], 0), (["nothing"], 0)] {
        let mut fake = Fake::start(&lines, &[NoMain]).await;
        fake.process.kill().and_then(|()| fake.process.wait()).expect("its end");
        assert_eq!(fake.end().await, (None, looks));
    }
}

#[tokio::test]
async fn recovered_job_that_was_skipped_is_found() {
    let filler = "a line of the log\n".repeat(40_000);
    let end = async |lines: &[&str]| Fake::start(lines, &[Main]).await.end().await.0;
    let asynchronous = ["Job JOB was recovered successfully.", &filler, "Application completed SUCCESSFULLY"];
    assert_eq!(end(&asynchronous).await, Some(true));
    let one_after_the_other = [
        "Job JOB reached terminal state FINISHED.",
        "Job JOB was recovered successfully.",
        "Application completed SUCCESSFULLY",
    ];
    assert_eq!(end(&one_after_the_other).await, Some(true));
    let one = ["Job JOB reached terminal state FINISHED.", "Application completed SUCCESSFULLY"];
    assert_eq!(end(&one).await, Some(false));
}

#[test]
fn tail_of_a_missing_file_is_empty() {
    assert_eq!(tail(Path::new("/nonexistent/log")), "");
}

#[test]
fn exit_and_what_preceded_it_are_read_from_the_log() {
    let warning = "2026-11-28 01:00:00,000 WARN  org.apache.flink.core.security.FlinkSecurityManager [] - Exiting JVM with \
                   status 3 is monitored: The system will exit due to this call.\n\
                   org.apache.flink.core.security.UserSystemExitException: Flink user code attempted to exit JVM.\n";
    let failed = format!(
        "2026-11-28 01:00:00,000 INFO  Dispatcher [] - Job {JOB} reached terminal state FAILED.\n\
         org.apache.flink.runtime.JobException: Recovery is suppressed\nCaused by: java.lang.Error: its root\n"
    );
    assert_eq!(failure::system_exit_in_log(&failed), None);
    assert_eq!(failure::system_exit_in_log(warning), Some(3));
    let alone = system_exit(3, warning, JOB);
    assert_eq!(alone, SystemExit { code: 3, job: None, cause: None });
    let after = system_exit(3, &(failed + warning), JOB);
    assert_eq!(after.job, Some(JobStatus::Failed));
    assert!(after.cause.is_some_and(|cause| cause.starts_with("java.lang.Error: its root")));
    let cancelled = format!("Job {JOB} reached terminal state CANCELED.\n{warning}");
    assert_eq!(system_exit(0, &cancelled, JOB).job, Some(JobStatus::Canceled));
}
