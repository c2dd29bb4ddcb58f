//! Texts for people that are searched for causes: diagnostics of YARN, which hold what programs have said, and traces of Java.

use prost::Message as _;
use proto::hadoop::yarn as wire;
use yarn_client::cause::{
    Cause, CauseCode, Ending, TaskManagerEnd, container_end, for_people, is_mistake, lost_task_manager_in,
    lost_under_job,
};
use yarn_client::explain::{self, Outcome};
use yarn_client::flink::failure::{self, Failure};
use yarn_client::fuzz;
use yarn_client::yarn::FinalStatus;

/// The diagnostics of an application in one of its states, by their length, and of a container.
pub fn diagnostics(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // One state a time, or it takes eight times as long.
    let state = 4 + i32::try_from(data.len() % 4).unwrap_or(0);
    let kind = if data.len() % 8 < 4 { "Apache Flink" } else { "SPARK" };
    let report = wire::ApplicationReportProto {
        yarn_application_state: Some(state),
        final_application_status: Some(2),
        application_type: Some(kind.to_owned()),
        current_application_attempt_id: Some(wire::ApplicationAttemptIdProto {
            attempt_id: Some(1),
            ..wire::ApplicationAttemptIdProto::default()
        }),
        diagnostics: Some(text.clone().into_owned()),
        ..wire::ApplicationReportProto::default()
    };
    if let Some(evidence) = fuzz::yarn_message(0, &report.encode_to_vec()) {
        drop(explain::decide(&evidence, 0));
        drop(Outcome::of_evidence(&evidence));
    }
    let id = proto::ids::ApplicationId { cluster_timestamp: 1, id: 1 };
    drop(Outcome::reported(id, FinalStatus::Failed, &text));
    if let Some(ending) = Ending::parse(&text) {
        let written = ending.write();
        let again = Ending::parse(&written);
        assert!(again.is_some_and(|again| again.write() == written), "a written end is read differently");
    }
    drop(for_people(&text));
    for exit in [1, 127, 137, -103, -1000] {
        let words = container_end(exit, &text);
        let end = TaskManagerEnd { words: &words, code: CauseCode::of_container_end(exit, &text) };
        drop(end.ends_application("the last one".to_owned(), CauseCode::TaskManagersFailToStart));
        drop(lost_under_job("container_1", end, &text));
    }
    drop((Cause::of_exceptions(&text), is_mistake(&text), lost_task_manager_in(&text)));
}

/// A trace, and a JobManager's log.
pub fn java_trace(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let failure = Failure::from_trace(&text);
    assert!(failure.summary.lines().count() <= failure::SUMMARY_LINES, "a long summary");
    drop((failure::fatal_error_in_log(&text), failure::not_loaded_in_log(&text)));
    drop(failure::job_failure_in_log(&text, "00000000000000000000000000000000"));
    let _ = (failure::system_exit_in_log(&text), failure::is_chatter(&text));
}
