//! How an application ended, read from what the ResourceManager reports.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::yarn::{ApplicationReport, ApplicationState, FinalStatus};

/// Lines of diagnostics kept as evidence of a cause.
const EVIDENCE_LINES: usize = 20;

/// Terminal state of a Flink job, in Flink's words (`org.apache.flink.api.common.JobStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// Ended by itself.
    Finished,
    /// Ended by an error.
    Failed,
    /// Ended on request.
    Canceled,
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Canceled => "CANCELED",
        })
    }
}

impl FromStr for JobState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "FINISHED" => Ok(Self::Finished),
            "FAILED" => Ok(Self::Failed),
            "CANCELED" => Ok(Self::Canceled),
            _ => Err(()),
        }
    }
}

impl Serialize for JobState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The end of an application in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The job finished.
    Succeeded,
    /// The job, or what ran it, failed.
    Failed,
    /// Cancelled or killed on request.
    Killed,
    /// YARN ended the application before it had run at all.
    Refused,
}

/// Why an application did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// Stable, for programs: `job_failed`, `job_canceled`, `application_killed`, `application_rejected`,
    /// `application_master_failed`, `application_failed`.
    pub code: &'static str,
    /// One line for people.
    pub text: String,
    /// What the text was concluded from: the first lines of the diagnostics.
    pub evidence: Vec<String>,
    /// What to do next.
    pub hint: Option<String>,
}

/// The end of an application: verdict, job, cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The end in one word.
    pub verdict: Verdict,
    /// The Flink job, when the application master named it: 32 hexadecimal digits.
    pub job_id: Option<String>,
    /// The job's own terminal state, when it is known.
    pub job_state: Option<JobState>,
    /// `None` exactly when the verdict is [`Verdict::Succeeded`].
    pub cause: Option<Cause>,
}

impl Outcome {
    /// Reads the end of an application; `None` while it has not ended.
    ///
    /// Our application master unregisters with diagnostics of which one line is `Job <id> <state>`, followed by
    /// `: <root cause>` when it failed. Without that line (killed, crashed, not ours) the states decide.
    pub fn of(report: &ApplicationReport) -> Option<Self> {
        let diagnostics = report.diagnostics.trim();
        let line = diagnostics.lines().find_map(JobLine::parse);
        let (job_id, job_state) = match &line {
            Some(line) => (Some(line.job_id.to_owned()), Some(line.state)),
            None => (None, None),
        };
        let end = |verdict, code, text: String, hint: Option<String>| {
            let evidence = diagnostics.lines().take(EVIDENCE_LINES).map(str::to_owned).collect();
            let cause = Cause { code, text, evidence, hint };
            Some(Self { verdict, job_id: job_id.clone(), job_state, cause: Some(cause) })
        };
        // Our application master knows better than we what to do about a cause it knows.
        let logs = || {
            let told = diagnostics.lines().find_map(|line| line.trim().strip_prefix("hint: "));
            let logs = || format!("yarn logs -applicationId {} -appOwner {}", report.id, report.user);
            Some(told.map_or_else(logs, str::to_owned))
        };
        match (report.state, report.final_status) {
            (ApplicationState::Killed, _) => {
                let text = first_line(diagnostics).unwrap_or("the application was killed");
                end(Verdict::Killed, "application_killed", text.to_owned(), None)
            }
            (ApplicationState::Failed, _) if report.attempt.is_none_or(|attempt| attempt.attempt < 1) => {
                let text = first_line(diagnostics).unwrap_or("YARN rejected the application");
                let hint = format!("queue '{}', user '{}'", report.queue, report.user);
                end(Verdict::Refused, "application_rejected", text.to_owned(), Some(hint))
            }
            (ApplicationState::Failed, _) => {
                let text = telling_line(diagnostics).unwrap_or("the application master failed");
                end(Verdict::Failed, "application_master_failed", text.to_owned(), logs())
            }
            (ApplicationState::Finished, status) => match (&line, status) {
                (Some(JobLine { state: JobState::Finished, .. }), FinalStatus::Succeeded)
                | (None, FinalStatus::Succeeded) => Some(Self {
                    verdict: Verdict::Succeeded,
                    job_id,
                    job_state: job_state.or(Some(JobState::Finished)),
                    cause: None,
                }),
                (Some(JobLine { state: JobState::Canceled, .. }), _) | (None, FinalStatus::Killed) => {
                    let text = first_line(diagnostics).unwrap_or("the job was canceled");
                    end(Verdict::Killed, "job_canceled", text.to_owned(), None)
                }
                (Some(JobLine { state: JobState::Failed, cause, .. }), _) => {
                    let text = cause.unwrap_or("the job failed").to_owned();
                    end(Verdict::Failed, "job_failed", text, logs())
                }
                // A job that finished and an application that did not: what follows the job's line says why.
                _ => {
                    let text = diagnostics
                        .lines()
                        .find(|line| JobLine::parse(line).is_none() && !line.trim().is_empty())
                        .unwrap_or("the application ended without saying why");
                    end(Verdict::Failed, "application_failed", text.to_owned(), logs())
                }
            },
            _ => None,
        }
    }
}

/// `Job <32 hex digits> <state>[: <root cause>]`.
struct JobLine<'a> {
    job_id: &'a str,
    state: JobState,
    cause: Option<&'a str>,
}

impl<'a> JobLine<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (job_id, rest) = line.trim().strip_prefix("Job ")?.split_once(' ')?;
        if !is_job_id(job_id) {
            return None;
        }
        let (state, cause) = match rest.split_once(':') {
            Some((state, cause)) => (state, Some(cause.trim()).filter(|cause| !cause.is_empty())),
            None => (rest, None),
        };
        Some(Self { job_id, state: state.trim().parse().ok()?, cause })
    }
}

/// Whether this is a Flink job id in its text form.
pub(crate) fn is_job_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn first_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).find(|line| !line.is_empty())
}

/// YARN begins with "Application … failed 2 times due to AM Container for … exited with exitCode: 1", and puts
/// the tail of the container's standard error last; our application master writes `error: …` there.
fn telling_line(diagnostics: &str) -> Option<&str> {
    let said = diagnostics.lines().rev().find_map(|line| line.trim().strip_prefix("error: "));
    said.or_else(|| first_line(diagnostics))
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: &str = "0123456789abcdef0123456789abcdef";

    fn report(state: ApplicationState, status: FinalStatus, diagnostics: &str) -> ApplicationReport {
        let application = "application_1_0001".parse().unwrap();
        ApplicationReport {
            attempt: Some(proto::ids::ApplicationAttemptId { application, attempt: 1 }),
            state,
            final_status: status,
            diagnostics: diagnostics.to_owned(),
            ..crate::deploy::tests::report(application)
        }
    }

    fn of(state: ApplicationState, status: FinalStatus, diagnostics: &str) -> Outcome {
        Outcome::of(&report(state, status, diagnostics)).unwrap()
    }

    #[test]
    fn the_three_ends_of_a_job() {
        let done = of(ApplicationState::Finished, FinalStatus::Succeeded, &format!("Job {JOB} FINISHED"));
        assert_eq!(
            done,
            Outcome {
                verdict: Verdict::Succeeded,
                job_id: Some(JOB.into()),
                job_state: Some(JobState::Finished),
                cause: None
            }
        );

        let text = format!("Job {JOB} FAILED: java.lang.RuntimeException: boom: at 3\n\tat A.b(A.java:1)\n");
        let failed = of(ApplicationState::Finished, FinalStatus::Failed, &text);
        assert_eq!((failed.verdict, failed.job_state), (Verdict::Failed, Some(JobState::Failed)));
        let cause = failed.cause.unwrap();
        assert_eq!(
            (cause.code, cause.text.as_str()),
            ("job_failed", "java.lang.RuntimeException: boom: at 3")
        );
        assert_eq!(cause.evidence.len(), 2);
        assert!(cause.hint.unwrap().starts_with("yarn logs -applicationId application_1_0001 -appOwner "));

        let canceled = of(ApplicationState::Finished, FinalStatus::Killed, &format!("Job {JOB} CANCELED"));
        assert_eq!((canceled.verdict, canceled.job_state), (Verdict::Killed, Some(JobState::Canceled)));
    }

    #[test]
    fn a_hint_of_the_application_master_is_passed_on() {
        let text = format!("Job {JOB} FAILED: x.Exit: of the JVM\nx.Other: more\nhint: let main() return");
        let failed = of(ApplicationState::Finished, FinalStatus::Failed, &text);
        assert_eq!(failed.cause.unwrap().hint.as_deref(), Some("let main() return"));
    }

    #[test]
    fn without_the_jobs_line_the_states_decide() {
        for (state, status, verdict, code) in [
            (ApplicationState::Finished, FinalStatus::Succeeded, Verdict::Succeeded, None),
            (ApplicationState::Finished, FinalStatus::Failed, Verdict::Failed, Some("application_failed")),
            (ApplicationState::Finished, FinalStatus::Killed, Verdict::Killed, Some("job_canceled")),
            (ApplicationState::Finished, FinalStatus::Undefined, Verdict::Failed, Some("application_failed")),
            (ApplicationState::Killed, FinalStatus::Killed, Verdict::Killed, Some("application_killed")),
            (
                ApplicationState::Failed,
                FinalStatus::Failed,
                Verdict::Failed,
                Some("application_master_failed"),
            ),
        ] {
            let outcome = of(state, status, "");
            assert_eq!(outcome.verdict, verdict, "{state} {status}");
            assert_eq!(outcome.cause.map(|cause| cause.code), code, "{state} {status}");
        }
        assert!(
            Outcome::of(&report(ApplicationState::Running, FinalStatus::Undefined, "waiting for resources"))
                .is_none()
        );
    }

    #[test]
    fn an_application_that_never_had_an_attempt_was_refused() {
        let mut refused = report(
            ApplicationState::Failed,
            FinalStatus::Failed,
            "Application application_1_0001 submitted by user root to unknown queue: nope",
        );
        for attempt in [None, refused.attempt.map(|a| proto::ids::ApplicationAttemptId { attempt: -1, ..a })]
        {
            refused.attempt = attempt;
            let outcome = Outcome::of(&refused).unwrap();
            assert_eq!(outcome.verdict, Verdict::Refused);
            assert!(outcome.cause.unwrap().text.contains("unknown queue"));
        }
    }

    #[test]
    fn a_failed_program_after_a_finished_job_is_a_failure() {
        let text = format!("Job {JOB} FINISHED\nthe program failed after its job had finished: exit code 2");
        let outcome = of(ApplicationState::Finished, FinalStatus::Failed, &text);
        assert_eq!((outcome.verdict, outcome.job_state), (Verdict::Failed, Some(JobState::Finished)));
        assert!(outcome.cause.unwrap().text.contains("after its job"));
    }

    #[test]
    fn a_crashed_application_master_is_quoted() {
        let text = "Application application_1_0001 failed 1 times due to AM Container for appattempt_1_0001_000001 \
                    exited with  exitCode: 1\nFailing this attempt.Diagnostics: Exception from container-launch.\n\
                    Last 4096 bytes of appmaster.stderr :\nerror: java was not found on this node\n\n\nFor more \
                    detailed output, check the application tracking page";
        let outcome = of(ApplicationState::Failed, FinalStatus::Failed, text);
        assert_eq!(outcome.cause.unwrap().text, "java was not found on this node");
    }

    #[test]
    fn other_texts_are_not_job_lines() {
        for text in
            ["Job x FINISHED", "Job", "Job 0123456789abcdef0123456789abcdef RUNNING", "", "Jobs are fine"]
        {
            assert!(JobLine::parse(text).is_none(), "{text}");
        }
    }
}
