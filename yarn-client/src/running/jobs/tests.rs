use super::*;
use crate::cluster::ErrorKind;
use crate::cluster::{tags, tests};
use crate::yarn::FinalStatus;

const FIRST: &str = "0000000000000000000000000000000a";
const SECOND: &str = "0000000000000000000000000000000b";

fn report() -> ApplicationReport {
    tests::report("application_1700000000000_0007".parse().unwrap())
}

fn job(id: &str, state: &str) -> JobOverview {
    serde_json::from_value(serde_json::json!({
        "jid": id, "name": "n", "start-time": 1, "end-time": -1, "duration": 1, "state": state,
        "last-modification": 1, "tasks": {"total": 1, "running": 1}
    }))
    .unwrap()
}

fn chosen(jobs: &[(&str, &str)], wanted: Option<&str>) -> Result<String, ApplicationError> {
    let jobs = jobs.iter().map(|(id, state)| job(id, state)).collect();
    choose(report().id, jobs, wanted).map(|job| job.id)
}

#[test]
fn the_only_unfinished_job_needs_no_name() {
    assert_eq!(chosen(&[(FIRST, "FINISHED"), (SECOND, "RESTARTING")], None).unwrap(), SECOND);
    let error = chosen(&[(FIRST, "RUNNING"), (SECOND, "CREATED")], None).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().ends_with(&format!("is running 2 jobs: {FIRST}, {SECOND}")), "{error}");
    let none = chosen(&[(FIRST, "FAILED")], None).unwrap_err();
    assert!(none.to_string().ends_with("has no running job"), "{none}");
}

#[test]
fn a_job_that_has_not_begun_is_no_job_that_is_not_there() {
    let tagged = |tags: &[&str]| ApplicationReport {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        ..report()
    };
    let own = format!("flink-job:{FIRST}");
    for (tags, jobs, wanted, to_come) in [
        (&[own.as_str()][..], &[][..], None, true),
        (&[&own], &[], Some(FIRST), true),
        (&[&own], &[], Some(SECOND), false),
        (&[&own], &[(FIRST, "RUNNING")], Some(FIRST), false),
        // A program with several jobs chooses their ids itself.
        (&[], &[], Some(SECOND), true),
        (&[], &[(FIRST, "FINISHED")], None, false),
        (&[tags::SESSION], &[], None, false),
    ] {
        let jobs: Vec<_> = jobs.iter().map(|(id, state)| job(id, state)).collect();
        assert_eq!(is_to_come(&tagged(tags), &jobs, wanted), to_come, "{tags:?} {jobs:?} {wanted:?}");
    }
}

#[test]
fn a_named_job_is_that_or_none() {
    // Also one that has ended, in upper or lower case.
    assert_eq!(chosen(&[(FIRST, "FINISHED")], Some(&FIRST.to_uppercase())).unwrap(), FIRST);
    let error = chosen(&[(FIRST, "RUNNING")], Some("0b")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.hint().unwrap().contains(FIRST), "{error}");
}

fn ended(tags: &[&str], state: ApplicationState, status: FinalStatus, diagnostics: &str) -> Option<Ended> {
    let report = ApplicationReport {
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        state,
        final_status: status,
        diagnostics: diagnostics.to_owned(),
        ..report()
    };
    Ended::of_job(FIRST, &report)
}

#[test]
fn an_application_tells_the_end_of_its_job() {
    let (finished, killed) = (ApplicationState::Finished, ApplicationState::Killed);
    let state = |ended: Option<Ended>| ended.map(|ended| ended.state);
    let line = format!("Job {FIRST} CANCELED");
    assert_eq!(state(ended(&[], finished, FinalStatus::Killed, &line)), Some(JobStatus::Canceled));
    let line = format!("Job {FIRST} FAILED: java.lang.RuntimeException: boom");
    let failed = ended(&[], finished, FinalStatus::Failed, &line).unwrap();
    assert_eq!(failed.state, JobStatus::Failed);
    assert_eq!(failed.failure.unwrap().root, "java.lang.RuntimeException: boom");
    assert_eq!(state(ended(&[], killed, FinalStatus::Killed, "")), Some(JobStatus::Canceled));
}

#[test]
fn a_session_tells_what_it_says_and_no_more() {
    let (finished, killed) = (ApplicationState::Finished, ApplicationState::Killed);
    let end = |status, text: &str| ended(&[tags::SESSION], finished, status, text).map(|ended| ended.state);
    // The end of another job is not that of this one.
    assert_eq!(end(FinalStatus::Succeeded, &format!("Job {SECOND} FINISHED")), None);
    assert_eq!(end(FinalStatus::Succeeded, &format!("Job {FIRST} FINISHED")), Some(JobStatus::Finished));
    let cancelled = format!("shut down by a client; cancelled: {SECOND}, {FIRST}");
    assert_eq!(end(FinalStatus::Succeeded, &cancelled), Some(JobStatus::Canceled));
    assert_eq!(end(FinalStatus::Succeeded, "no job has run for 3 s"), None);
    let by_force = ended(&[tags::SESSION], killed, FinalStatus::Killed, "").unwrap();
    assert_eq!(by_force, Ended { state: JobStatus::Canceled, failure: None });
}
