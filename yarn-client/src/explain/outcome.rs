//! How an application ended, read from what the ResourceManager reports.

use crate::cause::{Ending, Subject};
use crate::cluster::tags::is_session;
use crate::explain::{self, Cause, Evidence};
use crate::flink::JobStatus;
use crate::yarn::{ApplicationReport, ApplicationState, FinalStatus};

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

/// The end of an application: verdict, job, cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The end in one word.
    pub verdict: Verdict,
    /// The Flink job, when the application master named it: 32 hexadecimal digits.
    pub job_id: Option<String>,
    /// The job's own terminal state, when it is known.
    pub job_state: Option<JobStatus>,
    /// The newest checkpoint of a job that has neither finished nor been cancelled, where anybody knows it.
    pub checkpoint: Option<String>,
    /// `None` exactly when the verdict is [`Verdict::Succeeded`].
    pub cause: Option<Cause>,
}

impl Outcome {
    /// Reads the end of an application; `None` while it has not ended.
    ///
    /// Our application master unregisters with an [`Ending`]. Without one (killed, crashed, not ours) the states decide.
    pub fn of(report: &ApplicationReport) -> Option<Self> {
        if !report.state.is_final() {
            return None;
        }
        Self::of_evidence(&Evidence::of(report.clone()))
    }

    /// The same with all that is known besides the report: the cause may be more specific.
    pub fn of_evidence(evidence: &Evidence) -> Option<Self> {
        let report = &evidence.report;
        let ending = Ending::parse(&report.diagnostics);
        let state = ending.as_ref().map(|ending| ending.state);
        let job_id = match ending.as_ref().map(|ending| &ending.subject) {
            Some(Subject::Job(id)) => Some(id.clone()),
            _ => None,
        };
        let verdict = match (report.state, report.final_status) {
            (ApplicationState::Killed, _) => Verdict::Killed,
            (ApplicationState::Failed, _) if report.attempt.is_none_or(|attempt| attempt.attempt < 1) => {
                Verdict::Refused
            }
            (ApplicationState::Failed, _) => Verdict::Failed,
            (ApplicationState::Finished, status) => match (state, status) {
                (Some(JobStatus::Finished) | None, FinalStatus::Succeeded) => Verdict::Succeeded,
                (Some(JobStatus::Canceled), _) | (None, FinalStatus::Killed) => Verdict::Killed,
                _ => Verdict::Failed,
            },
            _ => return None,
        };
        let succeeded = verdict == Verdict::Succeeded;
        let told = ending.as_ref().and_then(|ending| ending.checkpoint.as_deref());
        let checkpoint = told.or(evidence.checkpoint.as_deref());
        Some(Self {
            verdict,
            job_state: match state.filter(|_| job_id.is_some()) {
                // A session ends without a job of its own.
                None if succeeded && !is_session(report) => Some(JobStatus::Finished),
                known => known,
            },
            job_id,
            checkpoint: checkpoint.map(str::to_owned),
            cause: (!succeeded).then(|| match checkpoint {
                Some(checkpoint) => explain::ended(evidence).going_on_from(checkpoint),
                None => explain::ended(evidence),
            }),
        })
    }
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
            ..crate::cluster::tests::report(application)
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
                job_state: Some(JobStatus::Finished),
                checkpoint: None,
                cause: None
            }
        );

        let text = format!("Job {JOB} FAILED: java.lang.RuntimeException: boom: at 3\n\tat A.b(A.java:1)\n");
        let failed = of(ApplicationState::Finished, FinalStatus::Failed, &text);
        assert_eq!((failed.verdict, failed.job_state), (Verdict::Failed, Some(JobStatus::Failed)));
        let cause = failed.cause.unwrap();
        assert_eq!(
            (cause.code.name(), cause.text.as_str()),
            ("job_failed", "java.lang.RuntimeException: boom: at 3")
        );
        assert_eq!(cause.evidence.len(), 1, "stack frames are no evidence");
        assert!(cause.hint.unwrap().starts_with("`yarn-flink logs application_1_0001`"));

        let canceled = of(ApplicationState::Finished, FinalStatus::Killed, &format!("Job {JOB} CANCELED"));
        assert_eq!((canceled.verdict, canceled.job_state), (Verdict::Killed, Some(JobStatus::Canceled)));
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
            assert_eq!(outcome.cause.map(|cause| cause.code.name()), code, "{state} {status}");
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
        assert_eq!((outcome.verdict, outcome.job_state), (Verdict::Failed, Some(JobStatus::Finished)));
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
}
