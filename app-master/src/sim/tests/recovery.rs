//! What is lost comes back, without doing the job's work twice.

use super::*;

fn checkpointing(work: Duration) -> Scenario {
    let mut scenario = scenario(2);
    (scenario.job.work, scenario.job.checkpoint_interval) = (work, Some(ms(2000)));
    scenario
}

fn restores(world: &World) -> Vec<Option<String>> {
    world
        .log()
        .filter_map(|(_, action)| match action {
            Action::StartJobManager { restore, .. } => Some(restore.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn job_manager_killed_before_the_job_is_started_again() {
    let mut world = world(1);
    world.run_until("a while", |w| w.now > ms(1000));
    world.kill_job_manager(Exit::Signal(9));
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!(world.job_managers_started(), 2);
}

#[test]
fn job_manager_that_is_always_killed_ends_the_application() {
    let mut world = world(1);
    for started in 1..=3 {
        world.run_until("started", |w| w.job_managers_started() == started);
        world.run_for(ms(500));
        world.kill_job_manager(Exit::Signal(9));
    }
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    assert!(diagnostics.contains("killed by signal 9 before the job had started"), "{diagnostics}");
    assert!(diagnostics.contains("started 3 times"), "{diagnostics}");
}

#[test]
fn job_without_checkpoints_is_not_begun_a_second_time() {
    let mut scenario = scenario(1);
    scenario.job.work = HALF_AN_HOUR;
    let mut world = world_of(scenario);
    world.run_until("job runs", |w| w.job_runs() && w.now > ms(8000));
    world.kill_job_manager(Exit::Signal(9));
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    assert!(diagnostics.contains("killed by signal 9 while the job was RUNNING"), "{diagnostics}");
    assert!(diagnostics.contains("the job makes no checkpoints; it was not started again"), "{diagnostics}");
    assert!(diagnostics.contains("--restart-from-scratch"), "{diagnostics}");
    assert_eq!(world.job_managers_started(), 1);
}

#[test]
fn unless_its_owner_wants_that() {
    let mut scenario = scenario(1);
    (scenario.job.work, scenario.settings.restart_from_scratch) = (ms(20_000), true);
    let mut world = world_of(scenario);
    world.run_until("job runs", |w| w.job_runs() && w.now > ms(8000));
    world.kill_job_manager(Exit::Signal(9));
    world.run_until("job runs again", |w| w.job_runs() && w.now > ms(14_000));
    world.inject(&Fault::KillMaster);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!(restores(&world), [None, None, None]);
}

#[test]
fn job_manager_comes_back_in_place_and_the_job_goes_on_from_the_newest_checkpoint() {
    let mut world = world_of(checkpointing(ms(30_000)));
    world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
    world.kill_job_manager(Exit::Signal(9));
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!(restores(&world), [None, Some("chk-4".to_owned())]);
    assert_eq!((world.attempts(), world.granted()), (1, 2), "TaskManagers stay");
    assert!(world.durable.checkpoints.is_empty(), "removed with the job that finished");
}

#[test]
fn deaths_of_the_job_manager_are_bounded_and_the_pauses_grow() {
    let mut world = world_of(checkpointing(HALF_AN_HOUR));
    let mut starts = Vec::new();
    for died in 0..6 {
        world.run_until("job runs", World::job_runs);
        world.run_for(ms(3000));
        let at = world.now;
        world.kill_job_manager(Exit::Code(239));
        if died < 5 {
            world.run_until("started", |w| w.job_managers_started() == died + 2);
            starts.push(world.now - at);
        }
    }
    assert!(starts.windows(2).all(|pair| pair[1] > pair[0] + pair[0] / 2), "{starts:?}");
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    assert!(diagnostics.contains("exited with code 239") && diagnostics.contains("6 times"), "{diagnostics}");
    assert!(!world.durable.checkpoints.is_empty(), "a failed job's checkpoints stay");
}

#[test]
fn a_program_that_fails_is_not_started_again() {
    let mut world = world_of(checkpointing(HALF_AN_HOUR));
    world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
    world.kill_job_manager(Exit::Code(2));
    assert_eq!(world.ends_with_report().0, FinalStatus::Failed);
    assert_eq!(world.job_managers_started(), 1);
}

#[test]
fn the_next_attempt_goes_on_from_the_newest_checkpoint() {
    let mut world = world_of(checkpointing(ms(30_000)));
    world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
    world.inject(&Fault::KillMaster);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!(restores(&world), [None, Some("chk-4".to_owned())]);
    assert_eq!((world.attempts(), world.granted()), (2, 4));
}

#[test]
fn the_next_attempt_of_a_job_without_checkpoints_says_what_is_missing() {
    let mut scenario = scenario(1);
    scenario.job.work = HALF_AN_HOUR;
    let mut world = world_of(scenario);
    world.run_until("job runs", |w| w.job_runs() && w.now > ms(8000));
    world.inject(&Fault::KillMaster);
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    assert!(
        diagnostics.contains("earlier attempt") && diagnostics.contains("no checkpoints"),
        "{diagnostics}"
    );
    assert_eq!(world.job_managers_started(), 1);
    assert!(world.files.removed);
}

#[test]
fn a_job_that_was_done_is_reported_by_the_next_attempt_and_not_run_again() {
    for action in 0..3 {
        let mut world = world(1);
        world.run_until("the end is near", |w| {
            w.count(|a| match action {
                0 => matches!(a, Action::WriteJournal(journal) if journal.outcome.is_some()),
                1 => matches!(a, Action::DeleteCluster),
                _ => matches!(a, Action::Unregister { .. }),
            }) == 1
        });
        // The journal's writing takes a moment.
        world.run_for(ms(20));
        world.inject(&Fault::KillMaster);
        let (status, diagnostics) = world.ends_with_report();
        assert_eq!((status, diagnostics), (FinalStatus::Succeeded, format!("Job {JOB} FINISHED")));
        assert_eq!(world.job_managers_started(), 1);
    }
}

#[test]
fn an_attempt_behind_a_broken_network_gives_way_before_the_next_one_begins() {
    for files in [false, true] {
        let mut scenario = checkpointing(ms(120_000));
        scenario.nodes = 3;
        let mut world = world_of(scenario);
        world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
        let node = world.masters[&1].node;
        world.inject(&Fault::Partition { node, during: ms(300_000), files });
        assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
        assert_eq!(world.attempts(), 2, "files cut off: {files}");
        assert_eq!(world.count(|action| matches!(action, Action::StopJobManager(StopSignal::Kill))), 1);
    }
}

#[test]
fn a_silent_resource_manager_alone_is_no_reason_to_stop() {
    let mut world = world_of(checkpointing(ms(300_000)));
    world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
    world.inject(&Fault::RestartResourceManager(ms(250_000)));
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!((world.attempts(), world.job_managers_started()), (1, 1), "{}", world.trace().join("\n"));
}

#[test]
fn with_high_availability_task_managers_outlive_the_attempt() {
    let mut scenario = checkpointing(ms(30_000));
    scenario.settings.recovers = true;
    let mut world = world_of(scenario);
    world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
    world.inject(&Fault::KillMaster);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!((world.attempts(), world.granted()), (2, 2));
}

#[test]
fn a_file_system_that_is_away_is_waited_for() {
    let mut world = world_of(checkpointing(ms(60_000)));
    world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
    world.inject(&Fault::FilesAway(ms(100_000)));
    world.kill_job_manager(Exit::Signal(9));
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!(restores(&world), [None, Some("chk-4".to_owned())]);
}
