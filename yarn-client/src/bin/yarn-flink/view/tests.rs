use proto::ids::ApplicationAttemptId;
use serde_json::{Value, json};
use yarn_client::yarn::{ApplicationState, FinalStatus, LogAggregation, Resource, ResourceUsage};

use super::live::{CheckpointsView, JobView};
use super::*;

pub(crate) fn report() -> ApplicationReport {
    let id = "application_1700000000000_0007".parse().unwrap();
    ApplicationReport {
        id,
        attempt: Some(ApplicationAttemptId { application: id, attempt: 1 }),
        user: "alice".into(),
        queue: "etl".into(),
        name: "WordCount".into(),
        application_type: "Apache Flink".into(),
        host: "node1".into(),
        rpc_port: 8081,
        state: ApplicationState::Running,
        final_status: FinalStatus::Undefined,
        progress: 0.5,
        tracking_url: "http://rm:8088/proxy/application_1700000000000_0007/".into(),
        original_tracking_url: "http://node1:8081".into(),
        diagnostics: String::new(),
        started_ms: 1_700_000_001_000,
        launched_ms: 1_700_000_002_000,
        finished_ms: 0,
        usage: ResourceUsage { containers: 3, used: Resource::new(5056, 3), ..ResourceUsage::default() },
        tags: vec!["nightly".into()],
        priority: 2,
        unmanaged: false,
        am_rm_token: None,
        log_aggregation: LogAggregation::NotStarted,
        node_label: None,
        am_node_label: None,
    }
}

#[test]
fn json_of_a_running_application_is_complete() {
    let value = serde_json::to_value(ApplicationView::new(&report())).unwrap();
    assert_eq!(
        value,
        json!({
            "application_id": "application_1700000000000_0007",
            "name": "WordCount",
            "application_type": "Apache Flink",
            "user": "alice",
            "queue": "etl",
            "priority": 2,
            "tags": ["nightly"],
            "state": "RUNNING",
            "final_status": "UNDEFINED",
            "progress": null,
            "started_ms": 1_700_000_001_000_u64,
            "launched_ms": 1_700_000_002_000_u64,
            "finished_ms": null,
            "tracking_url": "http://rm:8088/proxy/application_1700000000000_0007/",
            "host": "node1",
            "attempt": 1,
            "containers": 3,
            "memory_mib": 5056,
            "vcores": 3,
            "diagnostics": "",
            "job_id": null,
            "job_state": null,
            "checkpoint": null,
            "cause": null,
        })
    );
}

#[test]
fn json_of_a_failed_job_has_its_cause() {
    let failed = ApplicationReport {
        state: ApplicationState::Finished,
        final_status: FinalStatus::Failed,
        finished_ms: 1_700_000_010_000,
        diagnostics: "Job 0123456789abcdef0123456789abcdef FAILED: java.lang.RuntimeException: boom\n".into(),
        ..report()
    };
    let value = serde_json::to_value(ApplicationView::new(&failed)).unwrap();
    assert_eq!(value["job_id"], "0123456789abcdef0123456789abcdef");
    assert_eq!(value["job_state"], "FAILED");
    assert_eq!(
        value["cause"],
        json!({
            "code": "job_failed",
            "text": "java.lang.RuntimeException: boom",
            "evidence": ["Job 0123456789abcdef0123456789abcdef FAILED: java.lang.RuntimeException: boom"],
            "hint": "see the logs of its containers: `yarn-flink logs application_1700000000000_0007`",
        })
    );
}

#[test]
fn fields_hidden_from_the_caller_are_null() {
    let hidden = ApplicationReport {
        host: "N/A".into(),
        tracking_url: "N/A".into(),
        usage: ResourceUsage { containers: -1, ..ResourceUsage::default() },
        ..report()
    };
    let value = serde_json::to_value(ApplicationView::new(&hidden)).unwrap();
    for key in ["host", "tracking_url", "containers", "memory_mib", "vcores"] {
        assert_eq!(value[key], Value::Null, "{key}");
    }
}

#[test]
fn missing_job_id_is_taken_from_the_submission() {
    assert_eq!(ApplicationView::new(&report()).with_job("ab").job_id.as_deref(), Some("ab"));
}

#[test]
fn application_is_printed_as_text() {
    let text = ApplicationView::new(&report()).text(1_700_000_043_000);
    for line in
        ["application_id: application_1700000000000_0007", "state: RUNNING", "containers: 3", "elapsed: 42 s"]
    {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    assert!(!text.contains("job_id"), "{text}");
}

#[test]
fn a_submission_prints_its_two_ids() {
    let view = SubmittedView {
        application_id: "application_1_0001".into(),
        job_id: Some("ab".into()),
        state: "SUBMITTED".to_owned(),
        name: "n".into(),
        user: "u".into(),
        queue: None,
    };
    assert_eq!(view.text(), "application_id: application_1_0001\njob_id: ab\n");
    assert_eq!(
        serde_json::to_value(&view).unwrap(),
        json!({"application_id": "application_1_0001", "job_id": "ab", "state": "SUBMITTED", "name": "n",
               "user": "u", "queue": null})
    );
}

fn explained(evidence: &Evidence) -> ExplanationView {
    ExplanationView::new(evidence, explain::decide(evidence, 1_700_000_010_000))
}

#[test]
fn explanation_prints_sentence_evidence_and_hint() {
    let failed = ApplicationReport {
        state: ApplicationState::Finished,
        final_status: FinalStatus::Failed,
        diagnostics:
            "Job 0123456789abcdef0123456789abcdef FAILED: java.lang.OutOfMemoryError: Java heap space\n\
                      a.Wrapper: of\tit\x1b[31m\n\tat a.B.c(B.java:1)\nnote: a note\ncause: out_of_memory"
                .into(),
        ..report()
    };
    let view = explained(&Evidence::of(failed));
    let text = view.text();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("java.lang.OutOfMemoryError: Java heap space [out_of_memory]"));
    assert_eq!(lines.next(), Some("  a.Wrapper: of    it [31m"));
    assert_eq!(lines.next(), Some("  note: a note"));
    assert!(
        lines.next().unwrap().starts_with("hint: raise `taskmanager.memory.process.size` (`-tm`)"),
        "{text}"
    );
    assert_eq!(lines.next(), None);
    let value = serde_json::to_value(&view).unwrap();
    for key in ["application_id", "state", "final_status", "job_id", "job_state", "text", "cause", "unknown"]
    {
        assert!(value.get(key).is_some(), "{key}");
    }
    assert_eq!((&value["cause"]["code"], &value["job_state"]), (&json!("out_of_memory"), &json!("FAILED")));
}

#[test]
fn checkpoint_to_resume_from_is_shown() {
    let failed = ApplicationReport {
        state: ApplicationState::Finished,
        final_status: FinalStatus::Failed,
        diagnostics: "Job 0123456789abcdef0123456789abcdef FAILED: a.B: c\nhint: submit again with -s hdfs://n/c/chk-7\n\
                      checkpoint: hdfs://n/c/chk-7"
            .into(),
        ..report()
    };
    let expected =
        "a.B: c [job_failed]\ncheckpoint: hdfs://n/c/chk-7\nhint: submit again with -s hdfs://n/c/chk-7\n";
    let view = explained(&Evidence::of(failed.clone()));
    assert_eq!(view.text(), expected);
    assert_eq!(serde_json::to_value(&view).unwrap()["checkpoint"], "hdfs://n/c/chk-7");
    let view = ApplicationView::new(&failed);
    assert!(view.text(0).contains("\ncheckpoint: hdfs://n/c/chk-7\n"), "{}", view.text(0));
    assert_eq!(serde_json::to_value(&view).unwrap()["checkpoint"], "hdfs://n/c/chk-7");
}

#[test]
fn explanation_without_a_problem_is_printed() {
    let view = explained(&Evidence::of(report()));
    assert_eq!(view.text(), "RUNNING: it is running, and no problem was found\n");
    assert_eq!(serde_json::to_value(&view).unwrap()["cause"], Value::Null);
}

#[test]
fn a_waiting_application_shows_its_cause() {
    let waiting = ApplicationReport {
        state: ApplicationState::Accepted,
        diagnostics: "AM container is launched, waiting for AM container to Register with RM".into(),
        ..report()
    };
    let text = ApplicationView::new(&waiting).text(1_700_000_043_000);
    assert!(
        text.lines().any(|line| line.starts_with("cause: am_starting: the application master")),
        "{text}"
    );
}

#[test]
fn unresponsive_session_is_listed() {
    use proto::control::{Container, ContainerState, Job, StatusReply};
    use yarn_client::running::session::Listed;

    let container = |state: ContainerState| Container {
        state: state.into(),
        slots: 2,
        free_slots: 1,
        ..Container::default()
    };
    let job = |state: &str| Job { state: state.to_owned(), ..Job::default() };
    let status = StatusReply {
        containers: vec![container(ContainerState::Registered), container(ContainerState::Started)],
        jobs: vec![job("RUNNING"), job("FINISHED"), job("RESTARTING")],
        ..StatusReply::default()
    };
    let silent = Listed { report: report(), status: None };
    let heard = Listed { report: report(), status: Some(status) };
    let view = SessionsView { sessions: vec![SessionView::new(&silent), SessionView::new(&heard)] };
    let value = serde_json::to_value(&view).unwrap();
    for key in ["task_managers", "slots_total", "slots_free", "unfinished_jobs"] {
        assert_eq!(value["sessions"][0][key], Value::Null, "{key}");
    }
    let told = &value["sessions"][1];
    assert_eq!(
        (&told["task_managers"], &told["slots_total"], &told["slots_free"], &told["unfinished_jobs"]),
        (&json!(1), &json!(2), &json!(1), &json!(2))
    );
    let text = view.text(1_700_000_043_000);
    let row = text.lines().last().unwrap();
    assert!(row.contains("1/2") && row.contains("42 s"), "{text}");
}

#[test]
fn json_of_an_application_that_yarn_has_forgotten_is_complete() {
    let report = report();
    let submitted = Submitted {
        application_id: report.id,
        job_id: "ab".repeat(16),
        staging_dir: "hdfs://n/user/alice/.yarn-flink/apps/application_1700000000000_0007".to_owned(),
        name: report.name.clone(),
        queue: None,
        application_type: report.application_type.clone(),
        tags: report.tags.clone(),
        submission: None,
        followed: true,
        tokens_end_ms: None,
    };
    let job = "0123456789abcdef0123456789abcdef";
    let end = RecordedEnd {
        final_status: FinalStatus::Failed,
        diagnostics: format!("Job {job} FAILED: java.lang.RuntimeException: boom\n"),
    };
    let outcome = Outcome::reported(report.id, end.final_status, &end.diagnostics);
    let view = ApplicationView::recorded(&submitted, &end, &outcome, "alice");
    documented("application", &view);
    // As if YARN still knew it, without what only YARN can know.
    let known = ApplicationReport {
        queue: String::new(),
        host: "N/A".to_owned(),
        tracking_url: "N/A".to_owned(),
        attempt: None,
        state: ApplicationState::Finished,
        final_status: end.final_status,
        progress: 1.0,
        diagnostics: end.diagnostics,
        started_ms: 0,
        launched_ms: 0,
        usage: ResourceUsage { containers: -1, ..ResourceUsage::default() },
        priority: 0,
        ..report
    };
    assert_eq!(view, ApplicationView::new(&known));
    assert_eq!((view.job_id.as_deref(), view.state.as_str()), (Some(job), "FINISHED"));
}

/// Checks a view against `docs/json.md`.
fn documented(object: &str, view: &impl Serialize) {
    let value = serde_json::to_value(view).unwrap();
    schema().check(object, &value).unwrap_or_else(|error| panic!("docs/json.md: {error}\n{value:#}"));
}

fn schema() -> yarn_client::schema::Schema {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/json.md");
    yarn_client::schema::Schema::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Objects that tests on clusters hardly ever see; all others that these get are checked against the same page.
#[test]
fn rarely_printed_objects_are_documented() {
    use proto::control::{CheckpointCompleted, Event, EventId, Scaled, event::What};
    use yarn_client::control::EventView;

    let waiting = ApplicationReport { state: ApplicationState::Accepted, ..report() };
    documented("application", &ApplicationView::explained(&Evidence::of(waiting.clone()), 0));
    documented("explanation", &explained(&Evidence::of(waiting.clone())));
    let evidence = Evidence::of(waiting);
    let application = ApplicationView::explained(&evidence, 0);
    let live = LiveView::without_master(&evidence);
    documented("status", &StatusView { application, live });

    let job = JobView {
        job_id: "ab".to_owned(),
        name: "n".to_owned(),
        job_state: "RUNNING".to_owned(),
        started_ms: None,
        finished_ms: None,
        tasks_total: 2,
        tasks_running: 1,
        tasks_finished: 0,
        checkpoints: Some(CheckpointsView { completed: 1, failed: 0, in_progress: 0, newest: None }),
        last_exception: Some("a.B: c".to_owned()),
    };
    documented("jobs", &JobsView { application_id: "a".to_owned(), jobs: vec![job] });
    for what in [
        What::Scaled(Scaled { previous: 1, task_managers: 2, cause: "x".to_owned() }),
        What::CheckpointCompleted(CheckpointCompleted {
            job_id: "ab".to_owned(),
            path: "hdfs:/c".to_owned(),
        }),
    ] {
        let id = Some(EventId { attempt: 1, number: 2 });
        documented("event", &EventView::new(Event { id, time_ms: 3, what: Some(what) }));
    }
    let view = SubmittedView::in_session(&report(), "ab");
    documented("submission", &JobRunView::from(view));
    let kill = KillView {
        application_id: "a".to_owned(),
        outcome: "error",
        state: None,
        checkpoint: None,
        removed: None,
        error: Some("x".to_owned()),
    };
    documented("kills", &KillsView { applications: vec![kill] });
}

/// A new command, or a new subcommand of `session`, must have a row.
#[test]
fn every_command_is_in_the_documented_table() {
    use clap::CommandFactory as _;

    let schema = schema();
    let text_only = ["completions"];
    let mut rows = 0;
    for command in crate::args::Cli::command().get_subcommands() {
        let name = command.get_name();
        let below: Vec<_> =
            command.get_subcommands().map(|below| format!("{name} {}", below.get_name())).collect();
        let names = if below.is_empty() { vec![name.to_owned()] } else { below };
        for name in names.iter().filter(|name| !text_only.contains(&name.as_str())) {
            assert!(schema.knows(name), "docs/json.md does not say what `{name}` prints");
            rows += 1;
        }
    }
    assert!(rows > 10, "{rows}");
}
