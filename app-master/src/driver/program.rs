//! What the JobManager's log says about the program. Flink before 2.3 says it nowhere else.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

/// The JobManager's log in the container's log directory.
pub(super) const LOG: &str = "jobmanager.log";
/// How much of a log's end, or beginning, is searched.
const SEARCHED: u64 = 256 * 1024;
/// Flink logs the end of a job at once; a log that does not show it by then never will.
const SILENCE: Duration = Duration::from_millis(1500);
/// `main` may take its time after its job, but not for ever: the line that ends the wait may read otherwise one day.
const LONGEST: Duration = Duration::from_secs(600);
/// Pauses between two looks at the log: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// What `ApplicationDispatcherBootstrap` logs when `main` has returned.
const ENDS: [&str; 3] = ["Application completed SUCCESSFULLY", "Application CANCELED", "Application FAILED"];

/// Waits until the program's `main` has returned: it may have work to do after its job. Where the user's log
/// configuration hides what Flink says about that, 1.5 s have to be enough.
///
/// Returns whether Flink passed over a job. All jobs of an application with a fixed job id have that id, and
/// `EmbeddedExecutor` takes a second one (of a second `StreamExecutionEnvironment`: within one, `execute()` throws)
/// for the first one after a recovery: it runs nothing and returns the first one's result.
pub(super) async fn end(log_dir: &Path, job_id: &str) -> bool {
    let path = log_dir.join(LOG);
    let begun = Instant::now();
    let job_end = format!("Job {job_id} reached terminal state");
    let passed_over = format!("Job {job_id} was recovered successfully");
    let mut talks = false;
    let mut pause = PAUSE.0;
    loop {
        let log = tail(&path);
        talks |= log.contains(&job_end);
        let patience = if talks { LONGEST } else { SILENCE };
        if ENDS.iter().any(|line| log.contains(line)) || begun.elapsed() > patience {
            // At the beginning when the program did not wait for its first job (`executeAsync`).
            return log.contains(&passed_over) || head(&path).contains(&passed_over);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 5 / 4).min(PAUSE.1);
    }
}

/// Waits until the program's `main` has returned, and Flink has seen the ends of all jobs it had executed.
pub(super) async fn end_of_several(log_dir: &Path) {
    let path = log_dir.join(LOG);
    let mut pause = PAUSE.0;
    loop {
        let log = tail(&path);
        if ENDS.iter().any(|line| log.contains(line)) {
            return;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 5 / 4).min(PAUSE.1);
    }
}

/// Whether a log says that the job has finished.
pub(super) fn job_finished(log: &str, job_id: &str) -> bool {
    !job_id.is_empty() && log.contains(&format!("Job {job_id} reached terminal state FINISHED"))
}

/// The last part of a file as text; empty when it cannot be read.
pub(super) fn tail(path: &Path) -> String {
    read(path, |length| length.saturating_sub(SEARCHED)).unwrap_or_default()
}

/// Whether [`tail`] reads all that was ever logged: nothing has been rolled away.
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
mod tests {
    use super::*;

    const JOB: &str = "0123456789abcdef0123456789abcdef";

    fn write(lines: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().expect("a directory");
        let text: String = lines.iter().map(|line| line.replace("JOB", JOB) + "\n").collect();
        std::fs::write(directory.path().join(LOG), text).expect("a log");
        directory
    }

    #[tokio::test(start_paused = true)]
    async fn waits_for_main_as_long_as_the_log_talks() {
        let directory = write(&["x - Job JOB reached terminal state FINISHED."]);
        let path = directory.path().join(LOG);
        let begun = Instant::now();
        let program = async {
            tokio::time::sleep(Duration::from_secs(60)).await;
            std::fs::write(&path, "x - Application completed SUCCESSFULLY\n").expect("a log");
        };
        let (passed_over, ()) = tokio::join!(end(directory.path(), JOB), program);
        assert!(!passed_over && begun.elapsed() >= Duration::from_secs(60), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_log_is_not_waited_for() {
        let directory = write(&["only warnings here"]);
        let begun = Instant::now();
        assert!(!end(directory.path(), JOB).await);
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn a_job_that_was_passed_over_is_found() {
        let filler = "a line of the log\n".repeat(40_000);
        let asynchronous =
            ["Job JOB was recovered successfully.", &filler, "Application completed SUCCESSFULLY"];
        assert!(end(write(&asynchronous).path(), JOB).await);
        let one_after_the_other = [
            "Job JOB reached terminal state FINISHED.",
            "Job JOB was recovered successfully.",
            "Application completed SUCCESSFULLY",
        ];
        assert!(end(write(&one_after_the_other).path(), JOB).await);
        let one = ["Job JOB reached terminal state FINISHED.", "Application completed SUCCESSFULLY"];
        assert!(!end(write(&one).path(), JOB).await);
    }

    #[test]
    fn tail_of_a_missing_file_is_empty() {
        assert_eq!(tail(Path::new("/nonexistent/log")), "");
    }
}
