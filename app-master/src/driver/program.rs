//! Whether the program has ended. Flink before 2.3 reports that only in the JobManager's log, which the user's log
//! configuration may hide; its thread dump always shows whether `main` is still running.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use rustix::process::{Pid, test_kill_process};
use tokio::time::{Instant, sleep};
use yarn_client::flink::rest::Client;
use yarn_client::flink::{JobStatus, failure};

use crate::machine::SystemExit;

/// The JobManager's log in the container's log directory.
pub(super) const LOG: &str = "jobmanager.log";
/// How much of a log's end, or beginning, is searched.
const SEARCHED: u64 = 256 * 1024;
/// Pauses between two looks at the log: the first, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// Pauses between two looks at the threads, which stop the JVM for some milliseconds: the first, and the longest.
const DUMP_PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// In between, a pause is the time waited so far, divided by this.
const DUMP_SHARE: u32 = 20;
/// How long a JobManager that has announced its exit may take; the announcement may also be left from an earlier one.
const GOES: Duration = Duration::from_secs(30);

/// What Flink logs when `main` has returned, and all jobs it had started have ended.
const ENDS: [&str; 3] = ["Application completed SUCCESSFULLY", "Application CANCELED", "Application FAILED"];
/// What it logs, as a warning and as an error, when `main` has thrown: the exit code tells the rest.
const FAILS: [&str; 2] =
    ["Application failed unexpectedly", "Fatal error occurred in the cluster entrypoint"];

/// The JobManager that a program runs in.
#[derive(Debug)]
pub(super) struct Watched<'a> {
    /// The directory of its log.
    pub(super) log_dir: &'a Path,
    /// Its REST server.
    pub(super) rest: &'a Client,
    /// Its process: the next one uses the same log and the same port, and does not run `main` at first.
    pub(super) process: Option<Pid>,
}

impl Watched<'_> {
    /// Waits until the program's `main` has returned, as it may have work to do after its job. `None`: the JobManager is
    /// gone.
    ///
    /// `Some` says whether Flink passed over a job. All jobs of an application with a fixed job id have that id, and
    /// `EmbeddedExecutor` takes a second one (of a second `StreamExecutionEnvironment`: within one, `execute()` throws) for
    /// the first one after a recovery: it runs nothing and returns the first one's result.
    pub(super) async fn end(&self, job_id: &str) -> Option<bool> {
        self.returned().await?;
        let path = self.log_dir.join(LOG);
        let passed_over = format!("Job {job_id} was recovered successfully");
        // Near the beginning if the program did not wait for its first job (`executeAsync`).
        Some(tail(&path).contains(&passed_over) || head(&path).contains(&passed_over))
    }

    /// Waits until `main` has returned.
    pub(super) async fn returned(&self) -> Option<()> {
        tokio::select! {
            told = self.told() => told,
            returned = self.left_threads() => returned,
        }
    }

    /// Waits until the log says that `main` has returned.
    async fn told(&self) -> Option<()> {
        let path = self.log_dir.join(LOG);
        let mut pause = PAUSE.0;
        while self.runs() {
            let log = tail(&path);
            if ENDS.iter().any(|line| log.contains(line)) {
                return Some(());
            }
            sleep(pause).await;
            pause = (pause * 5 / 4).min(PAUSE.1);
        }
        None
    }

    /// Waits until no thread is in `main`, twice in a row: a thread may be between two calls while another takes over.
    /// As long as it is unknown, `main` is assumed to be running; the end of the JobManager ends the wait as well.
    async fn left_threads(&self) -> Option<()> {
        let begun = Instant::now();
        let mut without = 0;
        loop {
            sleep((begun.elapsed() / DUMP_SHARE).clamp(DUMP_PAUSE.0, DUMP_PAUSE.1)).await;
            let dump = self.rest.thread_dump().await;
            if !self.runs() {
                return None;
            }
            match dump {
                Ok(dump) if !dump.may_run_main() => without += 1,
                Ok(_) => without = 0,
                Err(error) => {
                    tracing::debug!("reading the JobManager's thread dump: {error}");
                    without = 0;
                }
            }
            if without >= 2 && !self.goes(begun) {
                return Some(());
            }
        }
    }

    /// Whether `main` has thrown, and Flink is about to exit because of that: the end is not a success.
    fn goes(&self, begun: Instant) -> bool {
        let log = tail(&self.log_dir.join(LOG));
        begun.elapsed() < GOES && FAILS.iter().any(|line| log.contains(line))
    }

    fn runs(&self) -> bool {
        self.process.is_some_and(|pid| test_kill_process(pid).is_ok())
    }
}

/// Whether a log says that the job has finished.
pub(super) fn job_finished(log: &str, job_id: &str) -> bool {
    !job_id.is_empty() && log.contains(&format!("Job {job_id} reached terminal state FINISHED"))
}

/// What a log says about an exit by the program's own `System.exit`, which Flink's REST server may have been too slow to
/// show.
pub(super) fn system_exit(code: i32, log: &str, job_id: &str) -> SystemExit {
    let ended = |status: &str| log.contains(&format!("Job {job_id} reached terminal state {status}"));
    let job = match () {
        () if job_id.is_empty() => None,
        () if ended("FAILED") => Some(JobStatus::Failed),
        () if ended("CANCELED") => Some(JobStatus::Canceled),
        () => None,
    };
    let cause = failure::job_failure_in_log(log, job_id).map(|failure| failure.summary);
    SystemExit { code, job, cause }
}

/// The last part of a file as text; empty if it cannot be read.
pub(super) fn tail(path: &Path) -> String {
    read(path, |length| length.saturating_sub(SEARCHED)).unwrap_or_default()
}

/// Whether [`tail`] reads everything that was ever logged: nothing has been rolled away.
pub(super) fn is_whole(path: &Path) -> bool {
    let mut rolled = path.as_os_str().to_owned();
    rolled.push(".1");
    std::fs::metadata(path).is_ok_and(|file| file.len() <= SEARCHED) && !Path::new(&rolled).exists()
}

fn head(path: &Path) -> String {
    read(path, |_| 0).unwrap_or_default()
}

fn read(path: &Path, from: impl Fn(u64) -> u64) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(from(length)))?;
    let mut bytes = Vec::new();
    file.take(SEARCHED).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
