//! Applications that are running.

use super::*;
use crate::flink::JobStatus;
use crate::flink::rest::{JobOverview, Overview, TaskCounts};

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
            (None, "it is running, and no problem was found")
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
    // A response through it shows that it is alive.
    assert_eq!(decide(&Evidence { silent, ..flink(1, 0) }, NOW).cause, None);
}

#[test]
fn what_its_master_says_a_running_application_waits_for() {
    const SHORT: &str = "the job needs 9 slots, that is 9 TaskManagers of 800 MiB with 1 slot(s) each, but the whole cluster can \
                         hold 4 beside this application master (2 nodes)";
    let without_flink = Evidence::of(report(ApplicationState::Running, ""));
    // Flink may have free slots, but not enough.
    for mut evidence in [without_flink.clone(), flink(0, 3), flink(1, 0)] {
        evidence.told(&waits_because(CauseCode::ClusterTooSmall, SHORT, "lower the parallelism"));
        evidence.nodes = Some(vec![node(1, NodeState::Running, 1024, 2048, &[])]);
        let found = cause(&evidence);
        assert_eq!((found.code, found.text.as_str()), (CauseCode::ClusterTooSmall, SHORT));
        assert_eq!(found.hint.as_deref(), Some("lower the parallelism"));
        assert!(found.evidence[0].contains("1024 MiB free"), "{found:?}");
    }
    let given = "the ResourceManager has not yet allocated 2 of the TaskManagers' containers";
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
    // Uses 3/4 of a queue that may have half of the cluster: 3072 of 4096 MiB.
    let queue = |pending| QueueInfo {
        capacity: 0.25,
        current_capacity: 1.5,
        maximum_capacity: 0.5,
        allocated_mib: Some(3072),
        ..backlog(2, pending).unwrap()
    };
    let given = "the ResourceManager has not yet allocated 2 of the TaskManagers' containers";
    let full = cause_of(given, Some(queue(4096)));
    assert_eq!(full.code, CauseCode::QueueFull);
    assert!(
        full.text.contains("`etl` uses 3072 of its maximum of 4096 MiB") && full.text.contains("2048 MiB"),
        "{full:?}"
    );
    assert!(full.evidence.iter().any(|line| line.contains("3 of its 4 tasks")), "{full:?}");
    assert_eq!(cause_of(given, Some(queue(1024))).code, CauseCode::NoSlots, "there is room");
    assert_eq!(cause_of(given, None).code, CauseCode::NoSlots);
    let mut nowhere = Evidence { queue: Some(queue(4096)), ..flink(0, 3) };
    nowhere.nodes = Some(vec![node(1, NodeState::Running, 1024, 2048, &[])]);
    assert_eq!(cause(&nowhere).code, CauseCode::NoSlots, "the cluster is full");
    // Requested nodes that do not exist.
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
    assert!(found.text.contains("may only run on n2, nope") && found.hint.unwrap().contains("--placement"));
    assert_eq!(placed(&["nope", "n1"]).code, CauseCode::NoSlots);
    assert_eq!(placed(&[]).code, CauseCode::NoSlots);
    // A session that may not grow is limited by itself, whatever its queue has.
    let bound = "its jobs need 4 slots, that is 4 TaskManagers, but the session may have 3";
    for queue in [Some(queue(4096)), None] {
        let found = told(&waits_because(CauseCode::NoSlots, bound, "a larger --max"), queue);
        assert_eq!((found.code, found.text.as_str()), (CauseCode::NoSlots, bound));
        assert!(found.hint.unwrap().contains("--max"));
    }
    // A starting JobManager does not lack its TaskManagers.
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
