//! TaskManagers: how many there are, where they run, and what their loss means.

use yarn_client::flink::TaskManagerLimits;

use super::*;

#[test]
fn program_with_more_parallelism_gets_more_task_managers() {
    let mut scenario = scenario(1);
    scenario.job.slots = 5;
    let mut world = world_of(scenario);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!(world.granted(), 5);
}

#[test]
fn program_with_less_parallelism_releases_surplus_task_managers() {
    let mut scenario = scenario(6);
    (scenario.job.slots, scenario.job.work) = (2, ms(120_000));
    let mut world = world_of(scenario);
    world.run_until("all there", |w| w.resource_manager.containers.len() == 6);
    world.run_until("surplus released", |w| w.resource_manager.containers.len() == 2);
    assert!(world.now < ms(60_000), "{:?}", world.now);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
}

#[test]
fn lost_task_manager_is_replaced() {
    let mut scenario = scenario(2);
    scenario.job.work = ms(30_000);
    let mut world = world_of(scenario);
    world.run_until("job runs", |w| w.job_runs() && w.now > ms(8000));
    world.inject(&Fault::KillTaskManager(0, 137));
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!(world.granted(), 3);
}

#[test]
fn containers_that_never_register_end_the_application_with_their_cause() {
    let mut scenario = scenario(1);
    scenario.nodes = 1;
    scenario.faults = vec![(Duration::ZERO, Fault::BreakNode(0, HALF_AN_HOUR))];
    let mut world = world_of(scenario);
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    assert!(diagnostics.contains("3 TaskManager containers in a row"), "{diagnostics}");
    assert!(diagnostics.contains("NoClassDefFoundError"), "{diagnostics}");
    assert_eq!(code(&diagnostics), Some(CauseCode::ClassMissing));
    assert_eq!(world.granted(), 3);
}

#[test]
fn broken_node_is_avoided() {
    let mut scenario = scenario(8);
    scenario.nodes = 4;
    scenario.faults = vec![(Duration::ZERO, Fault::BreakNode(2, HALF_AN_HOUR))];
    let mut world = world_of(scenario);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    let excluded: Vec<_> = world
        .log()
        .filter_map(|(_, action)| match action {
            Action::Heartbeat(Heartbeat { exclude, .. }) => Some(exclude.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    assert_eq!(excluded, ["node2"]);
}

#[test]
fn task_managers_are_spread_where_there_is_room() {
    let mut scenario = scenario(8);
    (scenario.settings.spread, scenario.nodes) = (true, 4);
    // The world's scheduler fills one node after the other if it is allowed to.
    let mut world = world_of(scenario);
    world.resource_manager.packs = true;
    world.run_until("all there", |w| w.resource_manager.containers.len() == 8 && w.job_runs());
    let mut hosts = vec![0; 4];
    for container in world.resource_manager.containers.values() {
        hosts[container.node as usize] += 1;
    }
    assert_eq!(hosts, [2, 2, 2, 2]);
    assert!(world.now < ms(8000), "{:?}", world.now);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
}

#[test]
fn placement_is_given_up_when_it_cannot_be_satisfied() {
    let mut scenario = scenario(4);
    (scenario.settings.spread, scenario.nodes) = (true, 2);
    scenario.faults = vec![(ms(100), Fault::LoseNode(0)), (ms(100), Fault::LoseNode(1))];
    let mut world = world_of(scenario);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
}

#[test]
fn task_managers_that_die_repeatedly_end_the_application() {
    let mut scenario = scenario(1);
    scenario.job.work = HALF_AN_HOUR;
    let mut world = world_of(scenario);
    world.loses_too_many_task_managers();
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    assert!(diagnostics.contains("11 TaskManagers were lost within 10 minutes"), "{diagnostics}");
    assert_eq!(code(&diagnostics), Some(CauseCode::MemoryLimit), "{diagnostics}");
}

#[test]
fn job_that_fails_for_a_lost_task_manager_says_why_it_was_lost() {
    for (status, expected) in [(-104, CauseCode::MemoryLimit), (-102, CauseCode::Preempted)] {
        let mut scenario = scenario(1);
        (scenario.job.end, scenario.job.work) = (JobStatus::Failed, ms(20_000));
        let mut world = world_of(scenario);
        world.cause = "JobMasterException: TaskManager with id c is no longer reachable.".to_owned();
        world.run_until("the job is about to fail", |w| w.job_runs() && w.now > ms(23_300));
        world.inject(&Fault::KillTaskManager(0, status));
        // Flink has failed the job because of that before the ResourceManager reports it.
        let job = world.masters.get_mut(&1).and_then(|master| master.job_manager.as_mut()?.job.as_mut());
        job.expect("a job").status = JobStatus::Failed;
        let (status, diagnostics) = world.ends_with_report();
        assert_eq!(status, FinalStatus::Failed);
        assert!(diagnostics.contains("because it lost a TaskManager: container container_"), "{diagnostics}");
        assert_eq!(code(&diagnostics), Some(expected));
    }
}

#[test]
fn preempted_task_managers_do_not_count_as_failures() {
    let mut scenario = scenario(1);
    scenario.job.work = ms(60_000);
    let mut world = world_of(scenario);
    for _ in 0..15 {
        world.run_until("job runs", World::job_runs);
        world.run_for(ms(3000));
        world.inject(&Fault::Preempt(0));
        world.run_for(ms(4000));
    }
    // It is taken back to its start each time, but does not end.
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
}

#[test]
fn job_larger_than_the_cluster_waits_and_says_so() {
    let mut scenario = scenario(1);
    scenario.job.slots = 40;
    (scenario.nodes, scenario.containers_per_node) = (2, 2);
    let mut world = world_of(scenario);
    world.run_for(HALF_AN_HOUR);
    assert!(!world.over(), "{}", world.ending());
    let waiting = world.waiting();
    assert!(waiting.contains("needs 40 slots") && waiting.contains("can hold 4"), "{waiting}");
    // Nodes are added.
    world.resource_manager.containers_per_node = 20;
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
}

#[test]
fn a_container_larger_than_the_maximum_is_waited_for() {
    let mut scenario = scenario(1);
    scenario.maximum_mib = 512;
    let mut world = world_of(scenario);
    world.run_for(ms(60_000));
    let waiting = world.waiting();
    assert!(
        waiting.contains("1024 MiB, but the largest one the cluster allows at present is 512 MiB"),
        "{waiting}"
    );
    let asks = world.count(|action| matches!(action, Action::Heartbeat(Heartbeat { ask: Some(1), .. })));
    assert!((4..=8).contains(&asks), "{asks}");
    // A larger node comes back.
    world.scenario.maximum_mib = 4096;
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
}

#[test]
fn task_managers_are_kept_while_their_results_are_read() {
    let mut scenario = scenario(4);
    (scenario.job.slots, scenario.job.second_stage) = (4, Some(ms(180_000)));
    let mut world = world_of(scenario);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!(world.count(|action| matches!(action, Action::StopContainer(_))), 4, "all of them at the end");
    assert_eq!(world.granted(), 4);
}

#[test]
fn task_manager_limits_apply_to_jobs() {
    let limited = |min, max, redundant| {
        let mut scenario = scenario(4);
        scenario.job.work = ms(60_000);
        scenario.settings.limits = TaskManagerLimits { min, max, redundant };
        let mut world = world_of(scenario);
        world.run_for(ms(40_000));
        (world.masters[&1].machine.status().task_managers_wanted, world.waiting(), world)
    };
    let (wanted, waiting, _) = limited(0, 3, 0);
    assert_eq!(wanted, 3);
    assert!(
        waiting.contains("limits the job to 3 TaskManagers") && waiting.contains("needs 4 slots"),
        "{waiting}"
    );
    for (min, redundant, expected) in [(6, 0, 6), (0, 2, 6), (2, 1, 5)] {
        let (wanted, waiting, mut world) = limited(min, u32::MAX, redundant);
        assert_eq!((wanted, waiting.as_str()), (expected, ""));
        assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
        assert_eq!(world.granted(), expected);
    }
}

#[test]
fn failing_redundant_task_managers_do_not_end_the_job() {
    let mut scenario = scenario(2);
    scenario.job.work = ms(120_000);
    scenario.settings.limits = TaskManagerLimits { redundant: 2, ..TaskManagerLimits::NONE };
    scenario.containers_per_node = 1;
    scenario.nodes = 2;
    let mut world = world_of(scenario);
    world.run_until("it runs", World::job_runs);
    // There is room for more, but nothing starts.
    for node in 0..2 {
        world.inject(&Fault::RefuseLaunches(node, HALF_AN_HOUR));
    }
    world.resource_manager.containers_per_node = 4;
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
}
