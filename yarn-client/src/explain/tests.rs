//! Decisions on texts that were copied from real runs.

use proto::control::StatusReply;
use proto::ids::{ApplicationAttemptId, ContainerId, NodeId};

use super::*;
use crate::cause::texts;
use crate::flink::JobStatus;
use crate::flink::rest::{JobOverview, Overview, TaskCounts};
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

/// What its master says that it waits for.
fn waits_for(words: &str) -> StatusReply {
    StatusReply { waiting: words.to_owned(), ..StatusReply::default() }
}

/// The same where it knows why.
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

/// Of a failed application with these diagnostics.
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
    assert_eq!(cause(&evidence).text, "no NodeManager is running: none has registered");
    let mut sick = node(2, NodeState::Unhealthy, 0, 2048, &[]);
    sick.health_report = "1/1 local-dirs have errors".to_owned();
    evidence.nodes = Some(vec![node(1, NodeState::Lost, 0, 2048, &[]), sick]);
    let found = cause(&evidence);
    assert_eq!(found.code, CauseCode::NoLiveNodes);
    assert_eq!(found.text, "no NodeManager is running: of 2 nodes 1 UNHEALTHY, 1 LOST");
    assert!(found.evidence.contains(&"n2:1 UNHEALTHY: 1/1 local-dirs have errors".to_owned()), "{found:?}");
    // Nodes that may not be asked for: the scheduler's word counts.
    evidence.nodes = None;
    assert_eq!(cause(&evidence).code, CauseCode::NoLiveNodes);
    // Nodes have come, the text is of before: nothing is concluded from it.
    assert_eq!(cause(&waiting(texts::CLUSTER_EMPTY)).code, CauseCode::WaitingForContainer);
}

#[test]
fn limits_of_queue_and_user() {
    let found = cause(&waiting(texts::QUEUE_AM_LIMIT));
    assert_eq!(found.code, CauseCode::QueueAmLimit);
    assert_eq!(
        found.text,
        "the application masters of queue 'etl' use 128 of the 128 MiB they may use together, and this one needs 128 MiB"
    );
    let found = cause(&waiting(texts::USER_AM_LIMIT));
    assert_eq!(found.code, CauseCode::UserAmLimit);
    assert!(found.text.contains("user 'alice'"), "{}", found.text);
    let text = texts::QUEUE_FULL.replace("for AM. ", "for AM. User capacity has reached its maximum limit. ");
    assert_eq!(cause(&waiting(&text)).code, CauseCode::UserLimit);
}

#[test]
fn labels() {
    let mut evidence = waiting(texts::LABEL_WITHOUT_NODES);
    assert_eq!(cause(&evidence).text, "no running node has the label 'gpu' that was asked for");
    evidence.nodes = None;
    assert_eq!(cause(&evidence).code, CauseCode::LabelWithoutNodes);
    // The nodes with the label are gone.
    evidence.nodes =
        Some(vec![node(1, NodeState::Running, 0, 2048, &[]), node(2, NodeState::Lost, 0, 2048, &["gpu"])]);
    assert_eq!(cause(&evidence).code, CauseCode::LabelWithoutNodes);
    let labelled = Some(vec![node(1, NodeState::Running, 0, 2048, &["gpu"])]);
    let mut evidence = Evidence { nodes: labelled, ..waiting(texts::LABEL_NOT_IN_QUEUE) };
    assert_eq!(cause(&evidence).code, CauseCode::LabelNotInQueue);
    // Without a scheduler that tells, the submission's label counts.
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
    assert_eq!(found.text, "it asks for a container of 4096 MiB, and the largest node has 2048 MiB");
    // A backlog of several containers does not tell the size of this one; the web service does.
    let mut evidence = Evidence { queue: backlog(2, 8192), ..waiting(texts::LARGER_THAN_ANY_NODE) };
    assert_eq!(cause(&evidence).code, CauseCode::WaitingForContainer);
    evidence.asked_mib = Some(4096);
    assert_eq!(cause(&evidence).code, CauseCode::AskLargerThanAnyNode);
    // Somebody who may not see how far it is: the backlog may be another's.
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
        "no node has room for 1500 MiB: the largest free piece of 1 running nodes is 1024 MiB"
    );
    // There is room: it will come, or something unknown is in the way.
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
        "queue 'etl' uses 64 of the 102 MiB it may use at most, and this application needs 64 MiB"
    );
}

#[test]
fn the_application_master_is_on_its_way() {
    assert_eq!(cause(&waiting(texts::LAUNCHED)).code, CauseCode::AmStarting);
    // It has its container: that no node lives now is not what it waited for.
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
    assert_eq!(found.text, "node n1 copies the application's files, for 12 s so far");
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

#[test]
fn refusals() {
    for (text, code) in [
        (texts::QUEUE_STOPPED, CauseCode::QueueStopped),
        (texts::QUEUE_UNKNOWN, CauseCode::QueueNotFound),
        (texts::QUEUE_APPLICATIONS, CauseCode::QueueApplicationLimit),
        ("Something new", CauseCode::ApplicationRejected),
        ("", CauseCode::ApplicationRejected),
    ] {
        let mut evidence = Evidence::of(report(ApplicationState::Failed, text));
        evidence.report.attempt = None;
        let cause = cause(&evidence);
        assert_eq!(cause.code, code, "{text}");
        assert!(cause.hint.is_some() && !cause.text.contains("Exception"), "{cause:?}");
    }
}

#[test]
fn who_killed_it() {
    let killed = |text: &str| cause(&Evidence::of(report(ApplicationState::Killed, text)));
    let found = killed(texts::KILLED_BY_CLI);
    assert_eq!(
        (found.code, found.text.as_str()),
        (CauseCode::ApplicationKilled, "the application was killed by user root at 127.0.0.1")
    );
    assert_eq!(killed(texts::KILLED_BY_REST).text, "the application was killed by user alice");
    let found = killed(texts::LIFETIME);
    assert_eq!(found.code, CauseCode::LifetimeExceeded);
    assert_eq!(killed("").code, CauseCode::ApplicationKilled);
}

#[test]
fn attempts_that_failed() {
    for (text, code) in [
        (texts::KILLED_9, CauseCode::KilledBySignal),
        (texts::KILLED_15, CauseCode::KilledBySignal),
        (texts::JAVA_MISSING, CauseCode::JavaMissing),
        (texts::MEMORY, CauseCode::MemoryLimit),
        (texts::NO_CLASS, CauseCode::ClassMissing),
        (texts::MISSING_FILE, CauseCode::ResourceMissing),
        (texts::CHANGED_FILE, CauseCode::ResourceChanged),
        (texts::NOT_PUBLIC, CauseCode::ResourceNotPublic),
        (texts::NO_SPACE, CauseCode::LocalDirectories),
        (texts::VIRTUAL_MEMORY, CauseCode::VirtualMemoryLimit),
        (texts::BAD_ARCHIVE, CauseCode::LocalizationFailed),
        (texts::NO_NAME_NODE, CauseCode::FileSystemUnreachable),
        (texts::NODE_LOST, CauseCode::NodeLost),
        (texts::AM_TIMED_OUT, CauseCode::AmTimedOut),
        (texts::AM_NOT_BACK, CauseCode::AmTimedOut),
        ("Application x failed 1 times due to Attempt failed by user.", CauseCode::AttemptFailedByUser),
        // Nothing specific is known, so nothing specific is said.
        (texts::EXIT_0, CauseCode::ApplicationMasterFailed),
        (texts::EXIT_1, CauseCode::ApplicationMasterFailed),
        (texts::EXIT_3, CauseCode::ApplicationMasterFailed),
        (texts::EXIT_7, CauseCode::ApplicationMasterFailed),
        ("", CauseCode::ApplicationMasterFailed),
    ] {
        let found = if text.is_empty() {
            cause(&Evidence::of(report(ApplicationState::Failed, text)))
        } else {
            failed(text)
        };
        assert_eq!(found.code, code, "{text}");
    }
    assert_eq!(failed(texts::EXIT_3).text, "something is wrong");
    assert_eq!(
        failed(texts::EXIT_7).text,
        "the application master exited with code 7; its last words: java.lang.X"
    );
    // The class of an exception among the application master's own last words says as much as in its report.
    let text = texts::EXIT_3.replace("error: something is wrong", "error: java.net.BindException: x");
    assert_eq!(failed(&text).code, CauseCode::PortInUse);
    assert!(failed(texts::AM_NOT_BACK).text.starts_with("the ResourceManager restarted"));
}

#[test]
fn memory_of_the_application_master() {
    let found = failed(texts::MEMORY);
    assert_eq!(
        found.text,
        "the application master used 484.6 MB of the 128 MB of memory its container may use, and its node killed it"
    );
    assert!(found.hint.unwrap().contains("jobmanager.memory.process.size (-jm)"));
    assert!(!found.evidence.iter().any(|line| line.contains("PPID")), "{:?}", found.evidence);
    let mut other = Evidence::of(report(ApplicationState::Failed, texts::MEMORY));
    other.report.application_type = "SPARK".to_owned();
    assert!(!cause(&other).hint.unwrap().contains("jobmanager"));
}

#[test]
fn the_application_masters_own_code_wins() {
    const JOB: &str = "Job 0123456789abcdef0123456789abcdef FAILED: ";
    let finished = |text: String| cause(&Evidence::of(report(ApplicationState::Finished, &text)));
    let found =
        finished(format!("{JOB}java.lang.OutOfMemoryError: Java heap space\nhint: h\ncause: memory_limit"));
    assert_eq!((found.code, found.hint.as_deref()), (CauseCode::MemoryLimit, Some("h")));
    let found = finished(format!("{JOB}java.lang.OutOfMemoryError: Java heap space"));
    assert_eq!(found.code, CauseCode::OutOfMemory);
    assert!(found.hint.unwrap().contains("taskmanager.memory"));
    // Another application's line means nothing.
    let found = finished("it broke\ncause: memory_limit".to_owned());
    assert_eq!(found.code, CauseCode::ApplicationFailed);
}

fn flink(slots_available: u32, scheduled: u32) -> Evidence {
    let overview = Overview {
        taskmanagers: 1,
        slots_total: 1,
        slots_available,
        jobs_running: 1,
        jobs_finished: 0,
        jobs_cancelled: 0,
        jobs_failed: 0,
        flink_version: String::new(),
    };
    let job = JobOverview {
        id: "ab".to_owned(),
        name: String::new(),
        state: JobStatus::Running,
        start_ms: 0,
        end_ms: -1,
        tasks: TaskCounts { total: 4, scheduled, running: 4 - scheduled, ..TaskCounts::default() },
        scheduler: None,
    };
    Evidence {
        flink: Some(FlinkView { overview, jobs: vec![job] }),
        ..Evidence::of(report(ApplicationState::Running, ""))
    }
}

#[test]
fn a_job_without_slots() {
    let found = cause(&flink(0, 3));
    assert_eq!(found.code, CauseCode::NoSlots);
    assert!(
        found.text.contains("3 of its 4 tasks have none; 1 TaskManager with 1 slot is registered"),
        "{}",
        found.text
    );
    for fine in [flink(1, 3), flink(0, 0), Evidence::of(report(ApplicationState::Running, ""))] {
        let explanation = decide(&fine, NOW);
        assert_eq!(
            (explanation.cause, explanation.text.as_str()),
            (None, "it runs, and nothing is known to be wrong")
        );
    }
}

#[test]
fn a_master_that_does_not_answer_is_no_application_that_is_well() {
    let silent = Some("cannot reach the application master at node1:41000: connection refused".to_owned());
    let found =
        cause(&Evidence { silent: silent.clone(), ..Evidence::of(report(ApplicationState::Running, "")) });
    assert_eq!(found.code, CauseCode::AmUnreachable);
    assert_eq!(found.evidence, [silent.clone().unwrap()]);
    // What comes through it shows that it lives.
    assert_eq!(decide(&Evidence { silent, ..flink(1, 0) }, NOW).cause, None);
}

#[test]
fn what_its_master_says_a_running_application_waits_for() {
    const SHORT: &str = "the job needs 9 slots, that is 9 TaskManagers of 800 MiB with 1 slot(s) each, but the whole cluster can \
                         hold 4 beside this application master (2 nodes)";
    let without_flink = Evidence::of(report(ApplicationState::Running, ""));
    // Flink may have free slots, only not enough.
    for mut evidence in [without_flink.clone(), flink(0, 3), flink(1, 0)] {
        evidence.told(&waits_because(CauseCode::ClusterTooSmall, SHORT, "lower the parallelism"));
        evidence.nodes = Some(vec![node(1, NodeState::Running, 1024, 2048, &[])]);
        let found = cause(&evidence);
        assert_eq!((found.code, found.text.as_str()), (CauseCode::ClusterTooSmall, SHORT));
        assert_eq!(found.hint.as_deref(), Some("lower the parallelism"));
        assert!(found.evidence[0].contains("1024 MiB free"), "{found:?}");
    }
    let given = "the ResourceManager has not yet given 2 of the TaskManagers' containers";
    let told = |mut evidence: Evidence| {
        evidence.told(&waits_for(given));
        decide(&evidence, NOW).cause
    };
    let found = told(without_flink).unwrap();
    assert_eq!((found.code, found.text), (CauseCode::NoSlots, format!("TaskManagers are missing: {given}")));
    let found = told(flink(0, 3)).unwrap();
    assert!(
        found.text.contains("3 of its 4 tasks") && found.evidence.contains(&given.to_owned()),
        "{found:?}"
    );
    assert_eq!(told(flink(1, 3)), None, "no job waits");
}

#[test]
fn a_running_application_waits_for_what_lacks() {
    let told = |reply: &StatusReply, queue: Option<QueueInfo>| {
        let mut evidence = Evidence { queue, ..flink(0, 3) };
        evidence.told(reply);
        cause(&evidence)
    };
    let cause_of = |words: &str, queue| told(&waits_for(words), queue);
    // Used 3/4 of a queue that may have half of the cluster: 3072 of 4096 MiB.
    let queue = |pending| QueueInfo {
        capacity: 0.25,
        current_capacity: 1.5,
        maximum_capacity: 0.5,
        allocated_mib: Some(3072),
        ..backlog(2, pending).unwrap()
    };
    let given = "the ResourceManager has not yet given 2 of the TaskManagers' containers";
    let full = cause_of(given, Some(queue(4096)));
    assert_eq!(full.code, CauseCode::QueueFull);
    assert!(
        full.text.contains("'etl' uses 3072 of the 4096 MiB") && full.text.contains("2048 MiB"),
        "{full:?}"
    );
    assert!(full.evidence.iter().any(|line| line.contains("3 of its 4 tasks")), "{full:?}");
    assert_eq!(cause_of(given, Some(queue(1024))).code, CauseCode::NoSlots, "there is room");
    assert_eq!(cause_of(given, None).code, CauseCode::NoSlots);
    let mut nowhere = Evidence { queue: Some(queue(4096)), ..flink(0, 3) };
    nowhere.nodes = Some(vec![node(1, NodeState::Running, 1024, 2048, &[])]);
    assert_eq!(cause(&nowhere).code, CauseCode::NoSlots, "the cluster is full");
    // Nodes that are named, and not there.
    let placed = |hosts: &[&str]| {
        let mut evidence = flink(0, 3);
        evidence.nodes =
            Some(vec![node(1, NodeState::Running, 0, 2048, &[]), node(2, NodeState::Lost, 0, 2048, &[])]);
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        evidence.told(&StatusReply { hosts, ..waits_for(given) });
        cause(&evidence)
    };
    let found = placed(&["n2", "nope"]);
    assert_eq!(found.code, CauseCode::PlacementWithoutNodes);
    assert!(found.text.contains("n2, nope alone") && found.hint.unwrap().contains("--placement"));
    assert_eq!(placed(&["nope", "n1"]).code, CauseCode::NoSlots);
    assert_eq!(placed(&[]).code, CauseCode::NoSlots);
    // A session that may not grow waits for itself, whatever its queue has.
    let bound = "its jobs need 4 slots, that is 4 TaskManagers, but the session may have 3";
    for queue in [Some(queue(4096)), None] {
        let found = told(&waits_because(CauseCode::NoSlots, bound, "a larger --max"), queue);
        assert_eq!((found.code, found.text.as_str()), (CauseCode::NoSlots, bound));
        assert!(found.hint.unwrap().contains("--max"));
    }
    // Its TaskManagers are not what a JobManager lacks.
    let mut starting = Evidence::of(report(ApplicationState::Running, ""));
    starting.told(&waits_because(
        CauseCode::JobManagerStarting,
        "Flink gives no answer: Connection refused",
        "h",
    ));
    let found = cause(&starting);
    assert_eq!(found.code, CauseCode::JobManagerStarting);
    assert!(found.evidence[0].contains("Connection refused"), "{found:?}");
}

#[test]
fn an_end_tells_how_to_go_on_from_the_newest_checkpoint() {
    const JOB: &str = "Job 0123456789abcdef0123456789abcdef";
    let of = |state, text: &str, noted: Option<&str>| {
        let evidence = Evidence { checkpoint: noted.map(str::to_owned), ..Evidence::of(report(state, text)) };
        let outcome = Outcome::of_evidence(&evidence).unwrap();
        (outcome.checkpoint, outcome.cause.unwrap())
    };
    let line = "checkpoint: hdfs://n/c/chk-7";
    let reported = format!("{JOB} FAILED: x.Boom: b\nhint: submit again with -s hdfs://n/c/chk-7\n{line}");
    let (checkpoint, found) = of(ApplicationState::Finished, &reported, None);
    assert_eq!(checkpoint.as_deref(), Some("hdfs://n/c/chk-7"));
    assert_eq!(found.hint.as_deref(), Some("submit again with -s hdfs://n/c/chk-7"));
    assert!(!found.evidence.iter().any(|it| it == line), "{found:?}");
    // A hint for the cause itself comes first.
    let reported = format!("{JOB} FAILED: java.lang.OutOfMemoryError: Java heap space\n{line}");
    let hint = of(ApplicationState::Finished, &reported, None).1.hint.unwrap();
    assert!(hint.starts_with("raise taskmanager.") && hint.ends_with("-s hdfs://n/c/chk-7"), "{hint}");
    // No word of its own: what the journal says.
    for (state, text) in [(ApplicationState::Failed, texts::MEMORY), (ApplicationState::Killed, "")] {
        let (checkpoint, found) = of(state, text, Some("hdfs://n/c/chk-8"));
        assert_eq!(checkpoint.as_deref(), Some("hdfs://n/c/chk-8"));
        assert!(found.hint.unwrap().ends_with("submit again with -s hdfs://n/c/chk-8"));
        assert_eq!(of(state, text, None).0, None);
    }
}

#[test]
fn success_needs_no_cause() {
    let mut done = report(ApplicationState::Finished, "");
    done.final_status = FinalStatus::Succeeded;
    let explanation = decide(&Evidence::of(done), NOW);
    assert_eq!((explanation.cause, explanation.text.as_str()), (None, "it finished as it should"));
}
