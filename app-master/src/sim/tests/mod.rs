//! Individual scenarios, and many random ones.

mod answers;
mod containers;
mod random;
mod recovery;

use std::collections::VecDeque;
use std::time::Duration;

use yarn_client::cause::{CauseCode, Ending, for_people};
use yarn_client::flink::JobStatus;
use yarn_client::yarn::FinalStatus;

use super::*;
use crate::machine::{Heartbeat, Settings, Workload};

const HALF_AN_HOUR: Duration = Duration::from_secs(1800);

fn world_of(scenario: Scenario) -> World {
    let mut world = World::new(scenario, 1);
    world.log = Some(VecDeque::new());
    world.keep_trace();
    world
}

fn scenario(slots: u32) -> Scenario {
    Scenario::calm(Settings { parallelism: slots, ..settings() }, JobModel::short(slots))
}

fn world(slots: u32) -> World {
    world_of(scenario(slots))
}

impl World {
    /// Runs until the condition holds.
    fn run_until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let limit = self.now + HALF_AN_HOUR;
        while !condition(self) {
            assert!(!self.over() && self.step(limit), "never reached: {what}\n{}", self.trace().join("\n"));
        }
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while !self.over() && self.step(end) {}
        self.now = self.now.max(end);
    }

    /// Runs to the end and returns what the ResourceManager was told.
    fn ends_with_report(&mut self) -> (FinalStatus, String) {
        self.run(self.now + HALF_AN_HOUR);
        assert!(self.violations().is_empty(), "{:?}\n{}", self.violations(), self.trace().join("\n"));
        let report = self.report().map(|(status, text)| (status, text.to_owned()));
        report.unwrap_or_else(|| panic!("no report: {}\n{}", self.ending(), self.trace().join("\n")))
    }

    fn log(&self) -> impl Iterator<Item = &(Duration, Action)> {
        self.log.as_ref().expect("kept").iter()
    }

    fn count(&self, wanted: impl Fn(&Action) -> bool) -> usize {
        self.log().filter(|(_, action)| wanted(action)).count()
    }

    fn job_runs(&self) -> bool {
        let managers = self.masters.values().filter_map(|master| master.job_manager.as_ref());
        managers.filter_map(|jm| jm.job.as_ref()).any(|job| job.running_since.is_some())
    }

    fn granted(&self) -> u32 {
        self.resource_manager.granted
    }

    /// Loses one more TaskManager than an application survives within ten minutes.
    fn loses_too_many_task_managers(&mut self) {
        for _ in 0..11 {
            self.run_until("job runs", Self::job_runs);
            self.run_for(ms(3000));
            self.inject(&Fault::KillTaskManager(0, -104));
            self.run_for(ms(1000));
        }
    }

    /// What `explain` sees of the latest attempt.
    fn waiting(&self) -> String {
        self.masters.values().next_back().expect("an attempt").machine.status().waiting
    }

    fn kill_job_manager(&mut self, exit: Exit) {
        self.inject(&Fault::KillJobManager(exit));
    }
}

/// The code in a final report.
fn code(diagnostics: &str) -> Option<CauseCode> {
    Some(Ending::parse(diagnostics)?.cause?.code)
}

#[test]
fn finished_job_ends_the_application_and_leaves_nothing() {
    let mut world = world(4);
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!((status, for_people(&diagnostics)), (FinalStatus::Succeeded, format!("Job {JOB} FINISHED")));
    assert!(world.files.removed);
    assert_eq!(world.granted(), 4);
    // Flink is up after 3 s and the job runs for 1 s: the rest is our time and the start of the container.
    assert!(world.now < ms(6500), "{:?}", world.now);
}

#[test]
fn task_managers_are_started_while_the_job_manager_starts() {
    let mut world = world(2);
    world.run_until("two containers started", |w| w.count(|a| matches!(a, Action::StartContainer(_))) == 2);
    assert!(world.now < ms(1300), "{:?}", world.now);
}

#[test]
fn failed_job_is_reported_with_its_cause() {
    let mut scenario = scenario(1);
    scenario.job.end = JobStatus::Failed;
    let mut world = world_of(scenario);
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    assert_eq!(for_people(&diagnostics), format!("Job {JOB} FAILED: java.lang.RuntimeException: boom"));
    let position = |wanted: fn(&Action) -> bool| world.log().position(|(_, action)| wanted(action));
    let fetched = position(|action| matches!(action, Action::FetchResult { .. }));
    let deleted = position(|action| matches!(action, Action::DeleteCluster));
    assert!(fetched.is_some() && fetched < deleted, "the cause is read before Flink goes");
}

#[test]
fn cancelled_job_is_reported_as_killed() {
    let mut scenario = scenario(1);
    scenario.job.end = JobStatus::Canceled;
    let (status, diagnostics) = world_of(scenario).ends_with_report();
    assert_eq!((status, for_people(&diagnostics)), (FinalStatus::Killed, format!("Job {JOB} CANCELED")));
}

#[test]
fn end_is_recorded_before_it_is_reported_and_the_directory_removed_last() {
    let mut world = world(1);
    world.ends_with_report();
    let position =
        |wanted: fn(&Action) -> bool| world.log().position(|(_, action)| wanted(action)).expect("done");
    let written = position(|a| matches!(a, Action::WriteJournal(journal) if journal.outcome.is_some()));
    let unregistered = position(|a| matches!(a, Action::Unregister { .. }));
    let removed = position(|a| matches!(a, Action::RemoveStaging { .. }));
    assert!(written < unregistered && unregistered < removed);
}

#[test]
fn main_that_throws_after_its_job_is_a_failure() {
    let mut scenario = scenario(1);
    scenario.job.main_throws = true;
    let (status, diagnostics) = world_of(scenario).ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    assert!(
        diagnostics.contains("after its job had finished: java.lang.IllegalStateException: late"),
        "{diagnostics}"
    );
}

#[test]
fn end_of_a_job_that_was_seen_in_the_log_only() {
    let mut scenario = scenario(1);
    scenario.job.work = HALF_AN_HOUR;
    let mut world = world_of(scenario);
    world.run_until("job runs", |w| w.job_runs() && w.now > ms(8000));
    let (exit, cause) = (Exit::Code(2), Some("java.lang.IllegalStateException: late".to_owned()));
    world.masters.get_mut(&1).expect("an attempt").job_manager = None;
    world.faults_injected += 1;
    world.tell(
        1,
        ms(1),
        Event::JobManagerExited {
            exit,
            cause,
            not_loaded: false,
            port_taken: false,
            job_finished: true,
            system_exit: None,
        },
    );
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    assert!(
        diagnostics.contains("after its job had finished: java.lang.IllegalStateException: late"),
        "{diagnostics}"
    );
}

#[test]
fn job_that_flink_skips_is_a_failure() {
    let mut scenario = scenario(1);
    scenario.job.second = true;
    let (status, diagnostics) = world_of(scenario).ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    let mut lines = diagnostics.lines();
    assert_eq!(
        lines.next(),
        Some(&*format!(
            "Job {JOB} FAILED: the program executed more than one job: the first one finished, and Flink did not run the \
             others"
        ))
    );
    assert!(
        lines.next().is_some_and(|line| line.starts_with("hint: run it with `--multi-job`")),
        "{diagnostics}"
    );
}

#[test]
fn nodes_that_come_back_one_by_one_after_a_failover_end_no_job() {
    let mut scenario = scenario(8);
    (scenario.nodes, scenario.containers_per_node, scenario.job.slots) = (4, 2, 8);
    scenario.faults = vec![
        (Duration::ZERO, Fault::Capacity(0, ms(8000))),
        (ms(2000), Fault::RestartResourceManager(ms(3000))),
    ];
    let mut world = world_of(scenario);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
}

#[test]
fn sigterm_stops_the_job_manager_and_says_nothing_to_the_resource_manager() {
    let mut scenario = scenario(1);
    (scenario.job.work, scenario.max_attempts) = (HALF_AN_HOUR, 1);
    let mut world = world_of(scenario);
    world.run_until("job runs", World::job_runs);
    let at = world.now;
    world.inject(&Fault::TerminateMaster);
    world.perform_all();
    let stopped =
        |(when, action): &(Duration, Action)| *when == at && matches!(action, Action::KillJobManager);
    assert!(world.log().any(stopped), "at once");
    world.run(HALF_AN_HOUR);
    assert!(world.over() && world.report().is_none(), "{}", world.ending());
    assert_eq!(world.count(|action| matches!(action, Action::Exit(143))), 1);
    assert!(!world.files.removed);
}

#[test]
fn pending_requests_are_repeated_after_a_resource_manager_restart() {
    let mut scenario = scenario(3);
    scenario.faults = vec![
        (Duration::ZERO, Fault::Capacity(0, ms(8000))),
        (ms(2000), Fault::RestartResourceManager(ms(3000))),
    ];
    let mut world = world_of(scenario);
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    assert_eq!(world.granted(), 3);
    assert_eq!(world.count(|action| matches!(action, Action::Register)), 2);
}

#[test]
fn unanswered_heartbeat_is_repeated_verbatim() {
    let mut world = world(2);
    world.lose_answers = 2;
    assert_eq!(world.ends_with_report().0, FinalStatus::Succeeded);
    let asks: Vec<_> = world
        .log()
        .filter_map(|(_, action)| match action {
            Action::Heartbeat(Heartbeat { ask, .. }) => Some(*ask),
            _ => None,
        })
        .take(3)
        .collect();
    assert_eq!(asks, [Some(2), Some(2), Some(2)]);
    assert_eq!(world.granted(), 2);
}

#[test]
fn heartbeats_are_slow_when_nothing_is_pending() {
    let mut scenario = scenario(1);
    scenario.job.work = ms(60_000);
    let mut world = world_of(scenario);
    world.run_until("job runs", |w| w.job_runs() && w.now > ms(10_000));
    world.log = Some(VecDeque::new());
    world.run_for(ms(30_000));
    let beats = world.count(|action| matches!(action, Action::Heartbeat(_)));
    assert!((5..=8).contains(&beats), "{beats}");
    let repeated = world.count(|action| matches!(action, Action::Heartbeat(Heartbeat { ask: Some(_), .. })));
    assert_eq!(repeated, 0, "an unchanged ask is not repeated");
}

#[test]
fn heartbeats_are_quick_after_a_request_and_slow_down_while_it_is_pending() {
    let mut scenario = scenario(2);
    scenario.faults = vec![(Duration::ZERO, Fault::Capacity(0, HALF_AN_HOUR))];
    let mut world = world_of(scenario);
    world.run_until("asked in vain", |w| w.now > ms(4_000));
    let beats: Vec<_> =
        world.log().filter(|(_, a)| matches!(a, Action::Heartbeat(_))).map(|(at, _)| *at).collect();
    let pauses: Vec<_> = beats.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // The world's interval is 200 ms; an answer takes 5.
    assert_eq!(pauses[..4], [ms(55), ms(105), ms(205), ms(205)]);
    assert!(pauses[3..].iter().all(|pause| *pause == ms(205)), "{pauses:?}");
}

#[test]
fn session_is_scaled_within_its_bounds() {
    use crate::machine::{Refusal, Reply, Request, SessionSettings, Size};
    let asked = |min, max, task_managers| {
        let mut scenario = scenario(1);
        scenario.settings.workload =
            Workload::Session(SessionSettings { size: Size { min, max }, idle_timeout: None });
        scenario.session = Some(SessionModel::default());
        let mut world = world_of(scenario);
        world.run_until("it is looked at", |w| w.now > ms(6000));
        let now = world.now;
        let machine = &mut world.masters.get_mut(&1).expect("it lives").machine;
        machine.ask(Request::Scale { task_managers }, now)
    };
    assert_eq!(asked(0, 2, 2), Ok(Reply::Scaled { previous: 0, wanted: 2 }));
    assert_eq!(asked(0, 2, 3), Err(Refusal::BeyondMaximum(2)));
    assert_eq!(asked(1, 3, 0), Ok(Reply::Scaled { previous: 1, wanted: 0 }), "jobs bring their own");
    assert_eq!(asked(2, 2, 5), Ok(Reply::Scaled { previous: 2, wanted: 5 }));
    assert_eq!(asked(2, 2, 0), Err(Refusal::Nothing("a session of a fixed size")));
}

#[test]
fn session_in_use_is_not_idle() {
    let session = crate::machine::SessionSettings {
        size: crate::machine::Size { min: 0, max: 2 },
        idle_timeout: Some(ms(20_000)),
    };
    let mut scenario = scenario(1);
    scenario.settings.workload = Workload::Session(session);
    scenario.session = Some(SessionModel::default());
    let mut world = world_of(scenario);
    world.run_until("it is looked at", |w| w.now > ms(6000));
    // An upload that takes longer than the session may be idle.
    world.deliver(1, Event::Used { under_way: 1 }, None);
    world.run_for(ms(40_000));
    assert!(!world.over());
    world.deliver(1, Event::Used { under_way: 0 }, None);
    let used = world.now;
    // What the client has submitted in the meantime is unknown.
    world.inject(&Fault::RestAway(ms(30_000)));
    world.run_for(ms(29_000));
    assert!(!world.over());
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Succeeded);
    assert!(
        diagnostics.contains("no job has run for 20 s") && world.now > used + ms(30_000),
        "{diagnostics}"
    );
}

#[test]
fn a_program_may_exit_once_its_job_has_ended() {
    use crate::machine::SystemExit;
    let exits = |code, job_finished, job: Option<JobStatus>| {
        let mut scenario = scenario(1);
        scenario.job.work = ms(60_000);
        let mut world = world_of(scenario);
        world.run_until("job runs", |w| w.job_runs() && w.now > ms(8000));
        world.masters.get_mut(&1).expect("an attempt").job_manager = None;
        world.faults_injected += 1;
        let cause = (job == Some(JobStatus::Failed)).then(|| "java.lang.Error: its root".to_owned());
        let system_exit = Some(SystemExit { code, job, cause });
        let exit = Exit::Code(code);
        let event = Event::JobManagerExited {
            exit,
            cause: None,
            not_loaded: false,
            port_taken: false,
            job_finished,
            system_exit,
        };
        world.tell(1, ms(1), event);
        // The world does not know about the job's end.
        world.run(world.now + HALF_AN_HOUR);
        assert_eq!(world.count(|action| matches!(action, Action::StartJobManager { .. })), 1);
        let (status, diagnostics) = world.report().expect("a report");
        (status, diagnostics.to_owned())
    };
    assert_eq!(exits(0, true, None).0, FinalStatus::Succeeded);
    let (status, text) = exits(3, true, None);
    assert_eq!(status, FinalStatus::Failed);
    assert!(text.contains("System.exit(3)` after its job had finished"), "{text}");
    let (status, text) = exits(1, false, Some(JobStatus::Failed));
    assert_eq!(status, FinalStatus::Failed);
    assert!(text.contains("FAILED: java.lang.Error: its root"), "{text}");
    assert_eq!(exits(0, false, Some(JobStatus::Canceled)).0, FinalStatus::Killed);
    // 1 and 3 are exit codes after which a JobManager is worth restarting.
    for code in [0, 1, 3] {
        let (status, text) = exits(code, false, None);
        assert_eq!(status, FinalStatus::Failed);
        assert!(text.contains(&format!("System.exit({code})` while the job was RUNNING")), "{text}");
    }
}
