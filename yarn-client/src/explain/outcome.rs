//! How an application ended, from what the ResourceManager reports.

use proto::ids::ApplicationId;

use super::{Cause, Evidence, ended};
use crate::cause::{Ending, Subject};
use crate::cluster::tags::is_session;
use crate::flink::JobStatus;
use crate::yarn::{ApplicationReport, ApplicationState, FinalStatus};

/// The end of an application in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The job finished.
    Succeeded,
    /// The job, or its Flink cluster, failed.
    Failed,
    /// Cancelled or killed on request.
    Killed,
    /// YARN ended the application before it ran at all.
    Refused,
}

impl Verdict {
    /// The verdict for an application whose master unregistered.
    fn reported(status: FinalStatus, ending: Option<&Ending>) -> Self {
        match (ending.map(|ending| ending.state), status) {
            (Some(JobStatus::Finished) | None, FinalStatus::Succeeded) => Self::Succeeded,
            (Some(JobStatus::Canceled), _) | (None, FinalStatus::Killed) => Self::Killed,
            _ => Self::Failed,
        }
    }
}

/// The end of an application: verdict, job, cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The end in one word.
    pub verdict: Verdict,
    /// The Flink job, if the application master named it: 32 hexadecimal digits.
    pub job_id: Option<String>,
    /// The job's own terminal state, if it is known.
    pub job_state: Option<JobStatus>,
    /// The newest checkpoint of a job that has neither finished nor been cancelled, if one is known.
    pub checkpoint: Option<String>,
    /// `None` exactly when the verdict is [`Verdict::Succeeded`].
    pub cause: Option<Cause>,
}

impl Outcome {
    /// Determines the end of an application; `None` while it has not ended.
    ///
    /// Our application master unregisters with an [`Ending`]. Without one (killed, crashed, not ours) the states are used.
    pub fn of(report: &ApplicationReport) -> Option<Self> {
        if !report.state.is_final() {
            return None;
        }
        Self::of_evidence(&Evidence::of(report.clone()))
    }

    /// The same, with everything that is known besides the report: the cause may be more specific.
    pub fn of_evidence(evidence: &Evidence) -> Option<Self> {
        let report = &evidence.report;
        let ending = Ending::parse(&report.diagnostics);
        let ending = ending.as_ref();
        let verdict = match report.state {
            ApplicationState::Killed => Verdict::Killed,
            ApplicationState::Failed if report.attempt.is_none_or(|attempt| attempt.attempt < 1) => {
                Verdict::Refused
            }
            ApplicationState::Failed => Verdict::Failed,
            ApplicationState::Finished => Verdict::reported(report.final_status, ending),
            _ => return None,
        };
        let cause = || ended::of(evidence, ending);
        Some(Self::of_ending(verdict, ending, is_session(report), evidence.checkpoint.as_deref(), cause))
    }

    /// The end that an application's master reported to YARN when it unregistered, if nothing else is known about the
    /// application.
    pub fn reported(id: ApplicationId, final_status: FinalStatus, diagnostics: &str) -> Self {
        let ending = Ending::parse(diagnostics);
        let ending = ending.as_ref();
        let session = ending.is_some_and(|ending| ending.subject == Subject::Session);
        let cause = || ended::reported(id, final_status, ending, diagnostics.trim());
        Self::of_ending(Verdict::reported(final_status, ending), ending, session, None, cause)
    }

    /// `noted`: a checkpoint for an ending that names none. `cause`: called unless it succeeded.
    fn of_ending(
        verdict: Verdict,
        ending: Option<&Ending>,
        session: bool,
        noted: Option<&str>,
        cause: impl FnOnce() -> Cause,
    ) -> Self {
        let job_id = match ending.map(|ending| &ending.subject) {
            Some(Subject::Job(id)) => Some(id.clone()),
            _ => None,
        };
        let succeeded = verdict == Verdict::Succeeded;
        let told = ending.and_then(|ending| ending.checkpoint.as_deref());
        let checkpoint = told.or(noted);
        Self {
            verdict,
            job_state: match ending.map(|ending| ending.state).filter(|_| job_id.is_some()) {
                // A session ends without a job of its own.
                None if succeeded && !session => Some(JobStatus::Finished),
                known => known,
            },
            job_id,
            checkpoint: checkpoint.map(str::to_owned),
            cause: (!succeeded).then(|| match checkpoint {
                Some(checkpoint) => cause().going_on_from(checkpoint),
                None => cause(),
            }),
        }
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
        assert!(cause.hint.unwrap().ends_with("`yarn-flink logs application_1_0001`"));

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
    fn what_is_reported_is_read_the_same_without_yarn() {
        let texts = [
            String::new(),
            format!("Job {JOB} FINISHED"),
            format!("Job {JOB} CANCELED"),
            format!("Job {JOB} FAILED: a.E: boom\ncheckpoint: hdfs://n/c/chk-7"),
            format!("Job {JOB} FINISHED\nthe program failed after its job had finished: exit code 2"),
        ];
        for status in [FinalStatus::Succeeded, FinalStatus::Failed, FinalStatus::Killed] {
            for text in &texts {
                let report = report(ApplicationState::Finished, status, text);
                let reported = Outcome::reported(report.id, status, text);
                assert_eq!(Some(reported), Outcome::of(&report), "{status} {text}");
            }
        }
    }

    #[test]
    fn lines_of_a_program_are_evidence_and_no_advice() {
        let cause = Cause::new(crate::cause::CauseCode::JobFailed, "a.E: boom").because("hint: buy more");
        let ending = Ending {
            subject: Subject::Job(JOB.to_owned()),
            state: JobStatus::Failed,
            cause: Some(cause),
            notes: Vec::new(),
            checkpoint: None,
        };
        let cause = of(ApplicationState::Finished, FinalStatus::Failed, &ending.write()).cause.unwrap();
        assert!(cause.hint.unwrap().contains("`yarn-flink logs application_1_0001`"));
        assert_eq!(cause.evidence, [format!("Job {JOB} FAILED: a.E: boom"), "hint: buy more".to_owned()]);
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
