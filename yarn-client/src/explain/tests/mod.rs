//! Decisions on texts copied from real runs.

mod ended;
mod running;

use proto::control::StatusReply;
use proto::ids::{ApplicationAttemptId, ContainerId, NodeId};

use super::*;
use crate::cause::texts;
use crate::yarn::{
    ApplicationReport, AttemptReport, AttemptState, ContainerReport, ContainerState, FinalStatus, NodeReport,
    NodeState, QueueInfo, Resource,
};

const NOW: i64 = 1_700_000_060_000;

fn report(state: ApplicationState, diagnostics: &str) -> ApplicationReport {
    let id = "application_1700000000000_0001".parse().unwrap();
    ApplicationReport {
        attempt: Some(ApplicationAttemptId { application: id, attempt: 1 }),
        queue: "etl".to_owned(),
        state,
        final_status: if state.is_final() { FinalStatus::Failed } else { FinalStatus::Undefined },
        diagnostics: diagnostics.to_owned(),
        ..crate::cluster::tests::report(id)
    }
}

/// The status of a master that is waiting for something.
fn waits_for(words: &str) -> StatusReply {
    StatusReply { waiting: words.to_owned(), ..StatusReply::default() }
}

/// The same, if it knows why.
fn waits_because(code: CauseCode, words: &str, hint: &str) -> StatusReply {
    StatusReply { waiting_code: code.to_string(), waiting_hint: hint.to_owned(), ..waits_for(words) }
}

fn node(number: u16, state: NodeState, used: u64, capability: u64, labels: &[&str]) -> NodeReport {
    NodeReport {
        id: NodeId { host: format!("n{number}"), port: 1 },
        state,
        http_address: String::new(),
        rack: "/default-rack".to_owned(),
        used: Resource::new(used, 1),
        capability: Resource::new(capability, 8),
        containers: 0,
        health_report: String::new(),
        health_reported_ms: 0,
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
    }
}

/// One running node with 1024 of 2048 MiB free.
fn waiting(diagnostics: &str) -> Evidence {
    Evidence {
        nodes: Some(vec![node(1, NodeState::Running, 1024, 2048, &[])]),
        ..Evidence::of(report(ApplicationState::Accepted, diagnostics))
    }
}

fn backlog(containers: i64, mib: i64) -> Option<QueueInfo> {
    Some(QueueInfo {
        pending_containers: Some(containers),
        pending_mib: Some(mib),
        ..crate::cluster::tests::queue()
    })
}

fn cause(evidence: &Evidence) -> Cause {
    let explanation = decide(evidence, NOW);
    let cause = explanation.cause.unwrap();
    assert_eq!(explanation.text, cause.text);
    assert!(!cause.text.contains('\n') && !cause.text.ends_with('.'), "{}", cause.text);
    cause
}

/// The cause for a failed application with these diagnostics.
fn failed(diagnostics: &str) -> Cause {
    let cause = cause(&Evidence::of(report(ApplicationState::Failed, diagnostics)));
    assert!(cause.hint.is_some(), "{cause:?}");
    assert!(!cause.evidence.is_empty(), "{cause:?}");
    cause
}

#[test]
fn no_node_lives() {
    let mut evidence = waiting(texts::CLUSTER_EMPTY);
    evidence.nodes = Some(Vec::new());
    assert_eq!(cause(&evidence).text, "no NodeManager has registered");
    let mut sick = node(2, NodeState::Unhealthy, 0, 2048, &[]);
    sick.health_report = "1/1 local-dirs have errors".to_owned();
    evidence.nodes = Some(vec![node(1, NodeState::Lost, 0, 2048, &[]), sick]);
    let found = cause(&evidence);
    assert_eq!(found.code, CauseCode::NoLiveNodes);
    assert_eq!(found.text, "no NodeManager is running: of 2 nodes 1 UNHEALTHY, 1 LOST");
    assert!(found.evidence.contains(&"n2:1 UNHEALTHY: 1/1 local-dirs have errors".to_owned()), "{found:?}");
    // The list of nodes is not permitted: the scheduler's text counts.
    evidence.nodes = None;
    assert_eq!(cause(&evidence).code, CauseCode::NoLiveNodes);
    // Nodes have been added, and the text is older: nothing is concluded from it.
    assert_eq!(cause(&waiting(texts::CLUSTER_EMPTY)).code, CauseCode::WaitingForContainer);
}

#[test]
fn limits_of_queue_and_user() {
    let found = cause(&waiting(texts::QUEUE_AM_LIMIT));
    assert_eq!(found.code, CauseCode::QueueAmLimit);
    assert_eq!(
        found.text,
        "the application masters of queue `etl` use 128 of their limit of 128 MiB, and this one needs 128 MiB"
    );
    let found = cause(&waiting(texts::USER_AM_LIMIT));
    assert_eq!(found.code, CauseCode::UserAmLimit);
    assert!(found.text.contains("user `alice`"), "{}", found.text);
    let text = texts::QUEUE_FULL.replace("for AM. ", "for AM. User capacity has reached its maximum limit. ");
    assert_eq!(cause(&waiting(&text)).code, CauseCode::UserLimit);
}

#[test]
fn labels() {
    let mut evidence = waiting(texts::LABEL_WITHOUT_NODES);
    assert_eq!(cause(&evidence).text, "no running node has the requested label `gpu`");
    evidence.nodes = None;
    assert_eq!(cause(&evidence).code, CauseCode::LabelWithoutNodes);
    // The nodes with the label are gone.
    evidence.nodes =
        Some(vec![node(1, NodeState::Running, 0, 2048, &[]), node(2, NodeState::Lost, 0, 2048, &["gpu"])]);
    assert_eq!(cause(&evidence).code, CauseCode::LabelWithoutNodes);
    let labelled = Some(vec![node(1, NodeState::Running, 0, 2048, &["gpu"])]);
    let mut evidence = Evidence { nodes: labelled, ..waiting(texts::LABEL_NOT_IN_QUEUE) };
    assert_eq!(cause(&evidence).code, CauseCode::LabelNotInQueue);
    // Without a scheduler that reports it, the submission's label counts.
    evidence = waiting("");
    evidence.report.node_label = Some("gpu".to_owned());
    assert_eq!(cause(&evidence).code, CauseCode::LabelWithoutNodes);
    evidence.report.node_label = Some("<Not set>".to_owned());
    assert_eq!(cause(&evidence).code, CauseCode::WaitingForContainer);
}

#[test]
fn containers_that_fit_nowhere() {
    let evidence = Evidence { queue: backlog(1, 4096), ..waiting(texts::LARGER_THAN_ANY_NODE) };
    let found = cause(&evidence);
    assert_eq!(found.code, CauseCode::AskLargerThanAnyNode);
    assert_eq!(found.text, "it requests a container of 4096 MiB, but the largest node has 2048 MiB");
    // A backlog of several containers does not show the size of this one; the web service does.
    let mut evidence = Evidence { queue: backlog(2, 8192), ..waiting(texts::LARGER_THAN_ANY_NODE) };
    assert_eq!(cause(&evidence).code, CauseCode::WaitingForContainer);
    evidence.asked_mib = Some(4096);
    assert_eq!(cause(&evidence).code, CauseCode::AskLargerThanAnyNode);
    // A caller who may not see its progress: the backlog may be another application's.
    let hidden = Evidence { queue: backlog(1, 4096), ..waiting("N/A") };
    assert_eq!(cause(&hidden).code, CauseCode::WaitingForContainer);
    assert!(cause(&hidden).evidence.is_empty());
    // The scheduler's own figure, before the limit: raising the limit would not help.
    let text = texts::QUEUE_AM_LIMIT
        .replace("AM Resource Request = <memory:128,", "AM Resource Request = <memory:4096,");
    assert_eq!(cause(&waiting(&text)).code, CauseCode::AskLargerThanAnyNode);
}

#[test]
fn no_room_now() {
    let activated = texts::LARGER_THAN_ANY_NODE;
    let found = cause(&Evidence { queue: backlog(1, 1500), ..waiting(activated) });
    assert_eq!(found.code, CauseCode::ClusterFull);
    assert_eq!(
        found.text,
        "no node has room for 1500 MiB: the most that is free on one of 1 running nodes is 1024 MiB"
    );
    // There is room: a container will be allocated, or something unknown is in the way.
    assert_eq!(
        cause(&Evidence { queue: backlog(1, 1000), ..waiting(activated) }).code,
        CauseCode::WaitingForContainer
    );
    let full = Some(vec![node(1, NodeState::Running, 2048, 2048, &[])]);
    assert_eq!(cause(&Evidence { nodes: full, ..waiting(activated) }).code, CauseCode::ClusterFull);
    let found = cause(&Evidence { queue: backlog(1, 64), ..waiting(texts::QUEUE_FULL) });
    assert_eq!(found.code, CauseCode::QueueFull);
    assert_eq!(
        found.text,
        "queue `etl` uses 64 of its maximum of 102 MiB, and this application needs 64 MiB"
    );
}

#[test]
fn the_application_master_is_on_its_way() {
    assert_eq!(cause(&waiting(texts::LAUNCHED)).code, CauseCode::AmStarting);
    // It has its container: that no node is alive now is not what it was waiting for.
    let evidence = Evidence { nodes: Some(Vec::new()), ..waiting(texts::RECOVERED) };
    let found = cause(&evidence);
    assert_eq!(found.code, CauseCode::RmRestarted);
    assert!(found.evidence[0].contains("yarn.am.liveness-monitor.expiry-interval-ms"), "{found:?}");
    for state in [ApplicationState::New, ApplicationState::NewSaving, ApplicationState::Submitted] {
        assert_eq!(cause(&Evidence::of(report(state, ""))).code, CauseCode::BeingSubmitted);
    }
}

fn attempt(id: ApplicationAttemptId, state: AttemptState, diagnostics: &str) -> AttemptReport {
    AttemptReport {
        id,
        host: "N/A".to_owned(),
        rpc_port: -1,
        state,
        am_container: None,
        tracking_url: String::new(),
        original_tracking_url: String::new(),
        diagnostics: diagnostics.to_owned(),
        started_ms: 0,
        finished_ms: 0,
    }
}

#[test]
fn the_application_masters_files_are_copied() {
    let mut evidence = waiting(texts::LAUNCHED);
    let id: ContainerId = "container_1700000000000_0001_01_000001".parse().unwrap();
    let launched = attempt(evidence.report.attempt.unwrap(), AttemptState::Launched, "");
    evidence.attempts = vec![AttemptReport { am_container: Some(id), ..launched }];
    evidence.containers = vec![ContainerReport {
        id,
        node: NodeId { host: "n1".to_owned(), port: 1 },
        node_http_address: String::new(),
        resource: Resource::new(128, 1),
        state: ContainerState::Running,
        exit_status: 0,
        diagnostics: String::new(),
        log_url: "http://n1/logs".to_owned(),
        created_ms: NOW - 12_500,
        finished_ms: 0,
    }];
    let found = cause(&evidence);
    assert_eq!((found.code, found.hint), (CauseCode::AmStarting, None));
    evidence.am_container_state = Some("LOCALIZING".to_owned());
    let found = cause(&evidence);
    assert_eq!(found.code, CauseCode::Localizing);
    assert_eq!(found.text, "node n1 has been localizing the application's files for 12 s");
    evidence.am_container_state = Some("RUNNING".to_owned());
    evidence.containers[0].created_ms = NOW - 100_000;
    assert!(cause(&evidence).hint.unwrap().contains("http://n1/logs"));
}

#[test]
fn earlier_attempts_are_evidence() {
    let mut evidence = waiting(texts::LAUNCHED);
    let current = evidence.report.attempt.unwrap();
    evidence.report.attempt = Some(ApplicationAttemptId { attempt: 2, ..current });
    evidence.attempts = vec![attempt(current, AttemptState::Failed, texts::KILLED_9)];
    let found = cause(&evidence);
    assert_eq!(found.code, CauseCode::AmStarting);
    assert!(
        found.evidence[0].starts_with("attempt 1 failed before: ")
            && found.evidence[0].contains("killed_by_signal")
    );
}
