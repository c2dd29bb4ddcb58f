mod world;

use std::time::Duration;

use proptest::prelude::*;
use yarn_client::flink::JobStatus;
use yarn_client::yarn::FinalStatus;

use super::{Action, Event, Exit, Heartbeat, Settings};
use world::{JOB, Job, World, ms, settings};

const MINUTES: Duration = Duration::from_secs(1800);

fn job(slots: u32) -> Job {
    Job { slots, end: JobStatus::Finished, runs: ms(1000), main_throws: false, second: false }
}

fn world(slots: u32) -> World {
    World::new(Settings { parallelism: slots, ..settings() }, job(slots))
}

/// Runs to the end and returns what the ResourceManager was told.
fn report(world: &mut World) -> (FinalStatus, String) {
    world.run(MINUTES);
    assert!(
        world.exit.is_some(),
        "did not end; last actions: {:?}",
        world.log.iter().rev().take(5).collect::<Vec<_>>()
    );
    world.unregistered.clone().expect("a report")
}

#[test]
fn finished_job_ends_the_application_and_leaves_nothing() {
    let mut world = world(4);
    let (status, diagnostics) = report(&mut world);
    assert_eq!((status, diagnostics.as_str()), (FinalStatus::Succeeded, &*format!("Job {JOB} FINISHED")));
    assert_eq!(world.exit, Some(0));
    assert!(!world.staging);
    assert_eq!(world.allocated_ever, 4);
    assert!(world.leaked().is_empty(), "{:?}", world.leaked());
    // Flink is up after 3 s, the job runs 1 s: the rest is ours.
    assert!(world.now < ms(6000), "{:?}", world.now);
}

#[test]
fn task_managers_are_started_while_the_job_manager_starts() {
    let mut world = world(2);
    world.run_until("two containers started", |w| {
        w.log.iter().filter(|(_, a)| matches!(a, Action::StartContainer(_))).count() == 2
    });
    assert!(world.now < ms(1000), "{:?}", world.now);
}

#[test]
fn failed_job_is_reported_with_its_cause() {
    let mut world = world(1);
    world.job.end = JobStatus::Failed;
    let (status, diagnostics) = report(&mut world);
    assert_eq!(status, FinalStatus::Failed);
    assert_eq!(diagnostics, format!("Job {JOB} FAILED: java.lang.RuntimeException: boom"));
    let fetched = world.log.iter().position(|(_, a)| matches!(a, Action::FetchResult { .. }));
    let deleted = world.log.iter().position(|(_, a)| matches!(a, Action::DeleteCluster));
    assert!(fetched < deleted, "the cause is read before Flink goes");
}

#[test]
fn cancelled_job_is_reported_as_killed() {
    let mut world = world(1);
    world.job.end = JobStatus::Canceled;
    assert_eq!(report(&mut world), (FinalStatus::Killed, format!("Job {JOB} CANCELED")));
}

#[test]
fn main_that_throws_after_its_job_is_a_failure() {
    let mut world = world(1);
    world.job.main_throws = true;
    let (status, diagnostics) = report(&mut world);
    assert_eq!(status, FinalStatus::Failed);
    assert!(
        diagnostics.contains("after its job had finished: java.lang.IllegalStateException: late"),
        "{diagnostics}"
    );
}

#[test]
fn end_of_a_job_that_was_seen_in_the_log_only() {
    let mut world = world(1);
    world.job.runs = MINUTES;
    world.run_until("job runs", |w| w.running_since.is_some() && w.now > ms(8000));
    let (exit, cause) = (Exit::Code(2), Some("java.lang.IllegalStateException: late".to_owned()));
    world.after(ms(1), Event::JobManagerExited { exit, cause, port_taken: false, job_finished: true });
    let (status, diagnostics) = report(&mut world);
    assert_eq!(status, FinalStatus::Failed);
    assert!(
        diagnostics.contains("after its job had finished: java.lang.IllegalStateException: late"),
        "{diagnostics}"
    );
}

#[test]
fn job_that_flink_passes_over_is_a_failure() {
    let mut world = world(1);
    world.job.second = true;
    let (status, diagnostics) = report(&mut world);
    assert_eq!(status, FinalStatus::Failed);
    let mut lines = diagnostics.lines();
    assert_eq!(
        lines.next(),
        Some(&*format!(
            "Job {JOB} FAILED: the program executed more than one job: the first one finished, Flink did not run the \
             others"
        ))
    );
    assert!(
        lines.next().is_some_and(|line| line.starts_with("hint: an application runs one job")),
        "{diagnostics}"
    );
}

#[test]
fn program_with_more_parallelism_gets_what_it_needs() {
    let mut world = world(1);
    world.job.slots = 5;
    assert_eq!(report(&mut world).0, FinalStatus::Succeeded);
    assert_eq!(world.allocated_ever, 5);
}

#[test]
fn program_with_less_parallelism_gives_the_surplus_back() {
    let mut world = world(6);
    world.job.slots = 2;
    world.job.runs = ms(120_000);
    world.run_until("surplus released", |w| w.leaked().len() == 2);
    assert!(world.now < ms(60_000), "{:?}", world.now);
    assert_eq!(report(&mut world).0, FinalStatus::Succeeded);
}

#[test]
fn lost_task_manager_is_replaced() {
    let mut world = world(2);
    world.job.runs = ms(30_000);
    world.run_until("job runs", |w| w.running_since.is_some());
    world.run_until("some time", |w| w.now > ms(8000));
    let victim = *world.leaked().first().expect("a container");
    world.complete(victim, 137, "");
    assert_eq!(report(&mut world).0, FinalStatus::Succeeded);
    assert_eq!(world.allocated_ever, 3);
}

#[test]
fn containers_that_never_register_end_the_application_with_their_cause() {
    let mut world = world(1);
    world.broken = Some(1);
    let (status, diagnostics) = report(&mut world);
    assert_eq!(status, FinalStatus::Failed);
    assert!(diagnostics.contains("3 TaskManager containers in a row"), "{diagnostics}");
    assert!(diagnostics.contains("NoClassDefFoundError"), "{diagnostics}");
    assert_eq!(world.allocated_ever, 3);
}

#[test]
fn what_a_node_manager_says_is_shown_without_its_frame() {
    let launch = "[2026-11-22 20:05:40.095]Exception from container-launch.\nContainer id: container_1_0001_01_000002\n\
                  Exit code: 127\n\n[2026-11-22 20:05:40.123]Container exited with a non-zero exit code 127. Error file: \
                  prelaunch.err.\nLast 4096 bytes of prelaunch.err :\nLast 4096 bytes of taskmanager.stderr :\n\
                  /bin/bash: line 1: /nonexistent/bin/java: No such file or directory\n\n\n\
                  [2026-11-22 20:05:40.124]Container exited with a non-zero exit code 127. Error file: prelaunch.err.\n\
                  Last 4096 bytes of taskmanager.stderr :\n\
                  /bin/bash: line 1: /nonexistent/bin/java: No such file or directory\n";
    assert_eq!(
        super::text::container_end(launch),
        "/bin/bash: line 1: /nonexistent/bin/java: No such file or directory"
    );
    let memory = "[2026-11-22 20:05:40.095]Container [pid=7,containerID=c] is running 500000000B beyond the 'PHYSICAL' \
                  memory limit. Killing container.\nDump of the process-tree for c :\n\t|- PID PPID\n";
    assert_eq!(
        super::text::container_end(memory),
        "Container [pid=7,containerID=c] is running 500000000B beyond the 'PHYSICAL' memory limit. Killing container."
    );
    assert_eq!(super::text::container_end("\n"), "");
}

#[test]
fn job_larger_than_the_cluster_is_ended_with_that_cause() {
    let mut world = world(1);
    world.job.slots = 40;
    world.capacity = 4;
    let (status, diagnostics) = report(&mut world);
    assert_eq!(status, FinalStatus::Failed);
    assert!(diagnostics.contains("needs 40 slots"), "{diagnostics}");
    assert!(diagnostics.contains("can hold 4"), "{diagnostics}");
    assert!(world.now < ms(60_000), "{:?}", world.now);
}

#[test]
fn container_larger_than_the_maximum_is_ended_at_once() {
    let mut world = world(1);
    world.maximum_mib = 512;
    let (status, diagnostics) = report(&mut world);
    assert_eq!(status, FinalStatus::Failed);
    assert!(
        diagnostics.contains("1024 MiB, but the largest one the cluster gives is 512 MiB"),
        "{diagnostics}"
    );
}

#[test]
fn job_manager_killed_before_the_job_is_started_again() {
    let mut world = world(1);
    world.run_until("a while", |w| w.now > ms(1000));
    world.kill_job_manager(Exit::Signal(9));
    assert_eq!(report(&mut world).0, FinalStatus::Succeeded);
    assert_eq!(world.job_managers_started, 2);
}

#[test]
fn job_manager_that_is_always_killed_ends_the_application() {
    let mut world = world(1);
    for _ in 0..3 {
        let before = world.job_managers_started;
        world.run_until("started", |w| w.job_managers_started > before || before > 0);
        let at = world.now + ms(500);
        world.run_until("a while", |w| w.now > at);
        world.kill_job_manager(Exit::Signal(9));
    }
    let (status, diagnostics) = report(&mut world);
    assert_eq!(status, FinalStatus::Failed);
    assert!(diagnostics.contains("killed by signal 9 before the job had started"), "{diagnostics}");
    assert!(diagnostics.contains("started 3 times"), "{diagnostics}");
}

#[test]
fn job_manager_killed_after_the_job_began_is_not_started_again() {
    let mut world = world(1);
    world.job.runs = MINUTES;
    world.run_until("job runs", |w| w.running_since.is_some() && w.now > ms(8000));
    world.kill_job_manager(Exit::Signal(9));
    let (status, diagnostics) = report(&mut world);
    assert_eq!(status, FinalStatus::Failed);
    assert!(diagnostics.contains("killed by signal 9 while the job was RUNNING"), "{diagnostics}");
    assert_eq!(world.job_managers_started, 1);
}

#[test]
fn second_attempt_of_a_begun_job_cleans_up_and_says_so() {
    let mut world = World::new(Settings { job_had_begun: true, ..settings() }, job(1));
    let (status, diagnostics) = report(&mut world);
    assert_eq!(status, FinalStatus::Failed);
    assert!(diagnostics.contains("earlier attempt"), "{diagnostics}");
    assert_eq!(world.job_managers_started, 0);
    assert!(!world.staging);
}

#[test]
fn sigterm_stops_the_job_manager_and_says_nothing_to_the_resource_manager() {
    let mut world = world(1);
    world.job.runs = MINUTES;
    world.run_until("job runs", |w| w.running_since.is_some());
    world.machine.handle(Event::Terminate, world.now);
    let actions: Vec<_> = std::iter::from_fn(|| world.machine.poll_action()).collect();
    assert!(actions.iter().any(|action| matches!(action, Action::StopJobManager(_))), "at once: {actions:?}");
    world.after(
        ms(100),
        Event::JobManagerExited {
            exit: Exit::Signal(15),
            cause: None,
            port_taken: false,
            job_finished: false,
        },
    );
    world.run(MINUTES);
    assert_eq!((world.exit, world.unregistered.clone(), world.staging), (Some(143), None, true));
}

#[test]
fn resource_manager_restart_repeats_the_asks() {
    let mut world = world(3);
    world.capacity = 0;
    world.run_until("asked", |w| w.now > ms(500));
    world.rm_knows_us = false;
    world.run_until("registered again", |w| w.rm_knows_us);
    world.capacity = 10;
    assert_eq!(report(&mut world).0, FinalStatus::Succeeded);
    assert_eq!(world.allocated_ever, 3);
}

#[test]
fn heartbeats_are_slow_when_nothing_is_pending() {
    let mut world = world(1);
    world.job.runs = ms(60_000);
    world.run_until("job runs", |w| w.running_since.is_some() && w.now > ms(10_000));
    world.log.clear();
    let from = world.now;
    world.run_until("half a minute", |w| w.now > from + ms(30_000));
    let beats = world.log.iter().filter(|(_, a)| matches!(a, Action::Heartbeat(_))).count();
    assert!((5..=8).contains(&beats), "{beats}");
    let Some((_, Action::Heartbeat(Heartbeat { ask, .. }))) =
        world.log.iter().find(|(_, a)| matches!(a, Action::Heartbeat(_)))
    else {
        panic!("no heartbeat")
    };
    assert_eq!(*ask, None, "an unchanged ask is not repeated");
}

#[test]
fn heartbeats_are_quick_after_an_ask_and_slow_down_while_nothing_comes() {
    let mut world = world(2);
    world.capacity = 0;
    world.run_until("asked in vain", |w| w.now > ms(4_000));
    let beats: Vec<_> =
        world.log.iter().filter(|(_, a)| matches!(a, Action::Heartbeat(_))).map(|(at, _)| *at).collect();
    let pauses: Vec<_> = beats.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // The world's interval is 200 ms; an answer takes 5.
    assert_eq!(pauses[..4], [ms(55), ms(105), ms(205), ms(205)]);
    assert!(pauses[3..].iter().all(|pause| *pause == ms(205)), "{pauses:?}");
}

/// One thing that goes wrong, and when.
#[derive(Debug, Clone)]
enum Fault {
    KillContainer(usize, i32),
    DropHeartbeats(u32),
    RestartResourceManager,
    KillJobManager,
    Capacity(u32),
    Terminate,
}

fn faults() -> impl Strategy<Value = Vec<(u64, Fault)>> {
    let fault = prop_oneof![
        (0usize..8, prop_oneof![Just(137), Just(1), Just(-100), Just(-102), Just(-104)])
            .prop_map(|(n, code)| Fault::KillContainer(n, code)),
        (1u32..4).prop_map(Fault::DropHeartbeats),
        Just(Fault::RestartResourceManager),
        Just(Fault::KillJobManager),
        (0u32..12).prop_map(Fault::Capacity),
        Just(Fault::Terminate),
    ];
    proptest::collection::vec((0u64..20_000, fault), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever goes wrong: never two JobManagers, at most one report (both asserted by the world), and in the end
    /// the process exits with nothing left, or, when it was terminated, without a report.
    #[test]
    fn every_life_ends(slots in 1u32..6, own in 1u32..6, runs in 0u64..15_000, mut faults in faults()) {
        let mut world = world(slots);
        world.job.slots = own;
        world.job.runs = ms(runs);
        faults.sort_by_key(|(at, _)| *at);
        for (at, fault) in faults {
            world.run(ms(at));
            if world.exit.is_some() {
                break;
            }
            world.now = world.now.max(ms(at));
            match fault {
                Fault::KillContainer(n, code) => {
                    if let Some(id) = world.leaked().into_iter().nth(n) {
                        world.complete(id, code, "");
                    }
                }
                Fault::DropHeartbeats(n) => world.drop_heartbeats = n,
                Fault::RestartResourceManager => world.rm_knows_us = false,
                Fault::KillJobManager => {
                    if world.job_manager_since.is_some() && world.unregistered.is_none() {
                        world.kill_job_manager(Exit::Signal(9));
                    }
                }
                Fault::Capacity(n) => world.capacity = n,
                Fault::Terminate => world.machine.handle(Event::Terminate, world.now),
            }
        }
        world.capacity = 20;
        world.run(MINUTES);
        prop_assert!(world.exit.is_some(), "never ended: {:?}", world.log.iter().rev().take(8).collect::<Vec<_>>());
        prop_assert!(world.job_manager_since.is_none());
        match &world.unregistered {
            Some(_) => prop_assert!(!world.staging),
            None => prop_assert_eq!(world.exit, Some(143)),
        }
    }
}
