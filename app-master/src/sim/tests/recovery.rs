//! What is lost comes back, without doing the job's work twice.

use super::*;
use crate::machine::Found;

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
fn repeatedly_killed_job_manager_ends_the_application() {
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
fn job_without_checkpoints_is_not_restarted() {
    let mut scenario = scenario(1);
    scenario.job.work = HALF_AN_HOUR;
    let mut world = world_of(scenario);
    world.run_until("job runs", |w| w.job_runs() && w.now > ms(8000));
    world.kill_job_manager(Exit::Signal(9));
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    assert!(diagnostics.contains("killed by signal 9 while the job was RUNNING"), "{diagnostics}");
    assert!(diagnostics.contains("the job has no checkpointing; it was not restarted"), "{diagnostics}");
    assert!(diagnostics.contains("--restart-from-scratch"), "{diagnostics}");
    assert_eq!(world.job_managers_started(), 1);
}

#[test]
fn job_without_checkpoints_restarts_from_scratch_if_allowed() {
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
fn job_manager_is_restarted_in_place_and_the_job_resumes_from_the_latest_checkpoint() {
    let mut world = world_of(checkpointing(ms(30_000)));
    world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
    world.kill_job_manager(Exit::Signal(9));
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!(restores(&world), [None, Some("chk-4".to_owned())]);
    assert_eq!((world.attempts(), world.granted()), (1, 2), "TaskManagers stay");
    assert!(world.durable.checkpoints.is_empty(), "removed with the job that finished");
}

#[test]
fn job_manager_restarts_are_bounded_with_growing_pauses() {
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

/// Flink exits with 2 on any error that is fatal to it, the JVM with 3 for lack of memory.
#[test]
fn fatal_error_of_the_job_manager_is_recovered_from() {
    for code in [2, 3] {
        let mut world = world_of(checkpointing(ms(30_000)));
        world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
        world.kill_job_manager(Exit::Code(code));
        assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
        assert_eq!(restores(&world), [None, Some("chk-4".to_owned())]);
    }
}

#[test]
fn broken_program_is_not_restarted() {
    let mut world = world_of(checkpointing(HALF_AN_HOUR));
    world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
    world.masters.get_mut(&1).expect("an attempt").job_manager = None;
    world.faults_injected += 1;
    let cause =
        Some("FlinkRuntimeException: Cannot have more than one execute() or executeAsync() call".to_owned());
    let exit = Exit::Code(2);
    world.tell(
        1,
        ms(1),
        Event::JobManagerExited {
            exit,
            cause,
            not_loaded: false,
            port_taken: false,
            job_finished: false,
            system_exit: None,
        },
    );
    assert_eq!(world.ends_with_report().0, FinalStatus::Failed);
    assert_eq!(world.job_managers_started(), 1);
}

#[test]
fn next_attempt_resumes_from_the_latest_checkpoint() {
    let mut world = world_of(checkpointing(ms(30_000)));
    world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
    world.inject(&Fault::KillMaster);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!(restores(&world), [None, Some("chk-4".to_owned())]);
    assert_eq!((world.attempts(), world.granted()), (2, 4));
}

#[test]
fn next_attempt_of_a_job_without_checkpoints_says_what_is_missing() {
    let mut scenario = scenario(1);
    scenario.job.work = HALF_AN_HOUR;
    let mut world = world_of(scenario);
    world.run_until("job runs", |w| w.job_runs() && w.now > ms(8000));
    world.inject(&Fault::KillMaster);
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    assert!(
        diagnostics.contains("earlier attempt") && diagnostics.contains("has no checkpointing"),
        "{diagnostics}"
    );
    assert_eq!(world.job_managers_started(), 1);
    assert!(world.files.removed, "{}", world.trace().join("\n"));
}

#[test]
fn finished_job_is_reported_by_the_next_attempt_and_not_run_again() {
    for action in 0..3 {
        let mut world = world(1);
        world.run_until("the end is near", |w| {
            w.count(|a| match action {
                0 => matches!(a, Action::WriteJournal(journal) if journal.outcome.is_some()),
                1 => matches!(a, Action::DeleteCluster),
                _ => matches!(a, Action::Unregister { .. }),
            }) == 1
        });
        // Writing the journal takes a moment.
        world.run_for(ms(20));
        world.inject(&Fault::KillMaster);
        let (status, diagnostics) = world.ends_with_report();
        assert_eq!(
            (status, for_people(&diagnostics)),
            (FinalStatus::Succeeded, format!("Job {JOB} FINISHED"))
        );
        assert_eq!(world.job_managers_started(), 1);
    }
}

#[test]
fn partitioned_attempt_stops_before_the_next_one_starts() {
    for files in [false, true] {
        let mut scenario = checkpointing(ms(120_000));
        scenario.nodes = 3;
        let mut world = world_of(scenario);
        world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
        let node = world.masters[&1].node;
        world.inject(&Fault::Partition { node, during: ms(300_000), files });
        assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
        assert_eq!(world.attempts(), 2, "files cut off: {files}");
        assert_eq!(world.count(|action| matches!(action, Action::KillJobManager)), 1);
    }
}

#[test]
fn unresponsive_resource_manager_alone_does_not_stop_the_job() {
    let mut world = world_of(checkpointing(ms(300_000)));
    world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
    world.inject(&Fault::RestartResourceManager(ms(250_000)));
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!((world.attempts(), world.job_managers_started()), (1, 1), "{}", world.trace().join("\n"));
}

#[test]
fn task_managers_survive_the_attempt_with_high_availability() {
    let mut scenario = checkpointing(ms(30_000));
    scenario.settings.recovers = true;
    let mut world = world_of(scenario);
    world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
    world.inject(&Fault::KillMaster);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!((world.attempts(), world.granted()), (2, 2));
}

#[test]
fn unavailable_file_system_is_waited_for() {
    let mut world = world_of(checkpointing(ms(60_000)));
    world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
    world.inject(&Fault::FilesAway(ms(100_000)));
    world.kill_job_manager(Exit::Signal(9));
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!(restores(&world), [None, Some("chk-4".to_owned())]);
}

#[test]
fn job_never_resumes_from_the_checkpoint_of_another_application() {
    let mut scenario = checkpointing(ms(60_000));
    (scenario.foreign, scenario.settings.own_directory) = (42, false);
    let mut world = world_of(scenario);
    world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
    world.kill_job_manager(Exit::Signal(9));
    world.run_until("some more checkpoints", |w| w.durable.checkpoints.len() == 7);
    // Reported, and recorded.
    world.run_for(ms(1500));
    world.inject(&Fault::KillMaster);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!(restores(&world)[1..], [Some("chk-4".to_owned()), Some("chk-7".to_owned())]);
}

#[test]
fn unknown_earlier_checkpoints_end_the_job_with_an_explanation() {
    let mut scenario = checkpointing(ms(60_000));
    (scenario.foreign, scenario.settings.own_directory) = (42, false);
    scenario.settings.checkpoints_configured = true;
    let mut world = world_of(scenario);
    world.run_until("job runs", World::job_runs);
    world.inject(&Fault::KillMaster);
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    assert!(diagnostics.contains("no checkpoint of its job is known"), "{diagnostics}");
}

#[test]
fn retained_checkpoints_are_kept() {
    for (kept, left) in [(true, true), (false, false)] {
        let mut scenario = checkpointing(ms(20_000));
        (scenario.job.kept, scenario.job.end) = (kept, JobStatus::Canceled);
        let mut world = world_of(scenario);
        let (status, diagnostics) = world.ends_with_report();
        assert_eq!(status, FinalStatus::Killed);
        assert_eq!(!world.durable.checkpoints.is_empty(), left);
        assert_eq!(diagnostics.contains("\ncheckpoint: chk-"), left, "{diagnostics}");
        assert!(!for_people(&diagnostics).contains("hint:"), "{diagnostics}");
    }
}

/// An unintended end kills Flink, because it would delete the checkpoints in a graceful shutdown.
#[test]
fn failed_application_says_where_the_latest_checkpoint_is() {
    let mut scenario = checkpointing(HALF_AN_HOUR);
    scenario.job.kept = false;
    let mut world = world_of(scenario);
    world.loses_too_many_task_managers();
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    let path = format!("chk-{}", world.durable.checkpoints.len());
    assert!(for_people(&diagnostics).ends_with(&format!("\ncheckpoint: {path}")), "{diagnostics}");
    let hint = diagnostics.lines().find(|line| line.starts_with("hint: ")).unwrap_or_default();
    assert!(hint.ends_with(&format!("submit again with `-s {path}`")), "{diagnostics}");
    assert_eq!(world.count(|action| matches!(action, Action::DeleteCluster)), 0);
    assert_eq!(world.count(|action| matches!(action, Action::KillJobManager)), 1);
}

#[test]
fn hung_task_manager_is_replaced_within_a_minute() {
    let mut world = world_of(checkpointing(ms(120_000)));
    world.run_until("job runs", |w| w.job_runs() && w.now > ms(10_000));
    let hung = world.now;
    world.inject(&Fault::HangTaskManager(0, HALF_AN_HOUR * 10));
    world.run_for(ms(1000));
    world.run_until("job runs again", World::job_runs);
    assert!(world.now < hung + ms(60_000), "{:?}", world.now - hung);
    assert_eq!(world.granted(), 3);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
}

#[test]
fn hung_job_manager_is_killed_and_restarted() {
    let mut world = world_of(checkpointing(ms(60_000)));
    world.run_until("some checkpoints", |w| w.durable.checkpoints.len() == 4);
    let hung = world.now;
    world.inject(&Fault::HangJobManager(HALF_AN_HOUR * 10));
    world.run_until("started again", |w| w.job_managers_started() == 2);
    assert!(world.now < hung + ms(90_000), "{:?}", world.now - hung);
    assert_eq!(world.count(|action| matches!(action, Action::DumpJobManager)), 1);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!(restores(&world), [None, Some("chk-4".to_owned())]);

    let mut scenario = scenario(1);
    scenario.job.work = HALF_AN_HOUR;
    let mut world = world_of(scenario);
    world.run_until("job runs", |w| w.job_runs() && w.now > ms(8000));
    world.inject(&Fault::HangJobManager(HALF_AN_HOUR * 10));
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    assert!(diagnostics.contains("did not respond for 6"), "{diagnostics}");
}

#[test]
fn containers_forgotten_by_a_restarted_resource_manager_are_replaced() {
    let mut world = world_of(checkpointing(ms(300_000)));
    world.inject(&Fault::RefuseLaunches(0, ms(30_000)));
    world.run_until("asked", |w| w.count(|a| matches!(a, Action::StartContainer(_))) == 2);
    // Before a node has accepted them.
    world.inject(&Fault::RestartResourceManager(ms(2000)));
    world.run_until("job runs", |w| w.job_runs() && w.now > ms(150_000));
    let status = world.masters[&1].machine.status();
    let stopping =
        status.containers.iter().filter(|it| it.state() == proto::control::ContainerState::Stopping);
    assert_eq!(stopping.count(), 0, "{status:?}");
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
}

/// The end is decided, but cannot be reported to the ResourceManager.
#[test]
fn application_exits_even_if_its_end_cannot_be_reported() {
    for refused in [true, false] {
        let mut world = world(1);
        world.run_until("the end is near", |w| w.count(|a| matches!(a, Action::DeleteCluster)) == 1);
        let event = if refused {
            Event::RegistrationFailed { cause: "does not exist in cache".to_owned() }
        } else {
            Event::HeartbeatFailed(crate::machine::HeartbeatFailure::Shutdown)
        };
        world.faults_injected += 1;
        world.tell(1, ms(1), event);
        world.run_for(ms(20_000));
        assert_eq!(world.count(|action| matches!(action, Action::Exit(1))), 1, "refused: {refused}");
    }
}

/// A ResourceManager that never answers an attempt may have started the next one.
#[test]
fn unregistered_attempt_looks_for_a_later_one() {
    let settings = settings();
    let within = settings.fence_after * 2;
    let mut machine = AppMaster::new(settings, Duration::ZERO);
    while let Some(now) = machine.poll_timeout().filter(|at| *at <= within) {
        machine.handle_timeout(now);
        while let Some(action) = machine.poll_action() {
            if matches!(action, Action::CheckFence) {
                return;
            }
        }
    }
    panic!("no look within {within:?}");
}

/// The previous attempt notices with one of its heartbeats that it is superseded.
#[test]
fn next_attempt_waits_a_heartbeat_interval_for_the_previous_one() {
    let mut settings = settings();
    settings.heartbeat = ms(12_000);
    settings.history.begun = true;
    settings.restart_from_scratch = true;
    let mut machine = AppMaster::new(settings, Duration::ZERO);
    machine.handle(Event::Begun(Ok(())), ms(10));
    while let Some(now) = machine.poll_timeout().filter(|at| *at < ms(60_000)) {
        machine.handle_timeout(now);
        while let Some(action) = machine.poll_action() {
            match action {
                Action::FindCheckpoint { .. } => {
                    machine.handle(Event::CheckpointFound(Ok(Found::Nothing)), now)
                }
                Action::StartJobManager { .. } => {
                    assert!(now >= ms(14_000), "begins after {now:?}");
                    return;
                }
                _ => {}
            }
        }
    }
    panic!("no JobManager is started");
}
