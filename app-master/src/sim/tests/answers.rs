//! Late answers: from a JobManager that is gone, while the next one may already exist.

use super::*;
use crate::machine::{Answer, FlinkView, SessionSettings, Silence, Size};

fn failing_job() -> SessionJob {
    SessionJob { slots: 1, work: ms(5000), end: JobStatus::Failed, second_stage: None }
}

/// Runs a scenario in which the JobManager dies while it is asked why the job has failed.
fn dies_when_asked(mut scenario: Scenario) -> (String, usize) {
    scenario.faults = vec![(Duration::ZERO, Fault::KillAskedJobManager(Exit::Signal(9)))];
    let mut world = world_of(scenario);
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Failed);
    let cause = "the JobManager was killed by signal 9 before it could be asked why the job had failed";
    assert!(diagnostics.contains(&format!("FAILED: {cause}\n")), "{diagnostics}");
    (diagnostics, world.count(|action| matches!(action, Action::StartJobManager { .. })))
}

#[test]
fn failed_job_is_not_run_again_when_its_cause_cannot_be_read() {
    let mut scenario = scenario(1);
    (scenario.job.end, scenario.job.checkpoint_interval) = (JobStatus::Failed, Some(ms(300)));
    let (diagnostics, starts) = dies_when_asked(scenario);
    assert!(diagnostics.starts_with(&format!("Job {JOB} FAILED: ")), "{diagnostics}");
    assert_eq!(starts, 1);
}

#[test]
fn failed_program_is_not_run_again_when_its_cause_cannot_be_read() {
    let mut scenario = scenario(1);
    (scenario.settings.workload, scenario.settings.restart_from_scratch) = (Workload::Program, true);
    scenario.program = Some(ProgramModel { rounds: vec![vec![failing_job()]], ..ProgramModel::default() });
    let (diagnostics, starts) = dies_when_asked(scenario);
    assert!(diagnostics.contains("note: 1 job: ") && diagnostics.starts_with("Job "), "{diagnostics}");
    assert_eq!(starts, 1);
}

#[test]
fn session_ends_with_its_last_job_when_the_cause_cannot_be_read() {
    let mut scenario = scenario(1);
    let size = Size { min: 1, max: 1 };
    scenario.settings.workload = Workload::Session(SessionSettings { size, idle_timeout: None });
    let (jobs, asks) = (vec![(ms(6000), failing_job())], vec![(ms(8000), Ask::StopAfter(0))]);
    scenario.session = Some(SessionModel { jobs, asks });
    let (diagnostics, starts) = dies_when_asked(scenario);
    assert!(diagnostics.starts_with(&format!("Job {:032x} FAILED: ", 0)), "{diagnostics}");
    assert_eq!(starts, 1);
}

#[test]
fn answers_of_a_job_manager_that_has_gone_are_not_those_of_the_next_one() {
    let mut scenario = scenario(1);
    scenario.settings.workload = Workload::Program;
    scenario.settings.restart_from_scratch = true;
    let job = SessionJob { end: JobStatus::Finished, ..failing_job() };
    scenario.program = Some(ProgramModel { rounds: vec![vec![job], vec![job]], ..ProgramModel::default() });
    let mut world = world_of(scenario);
    world.run_until("a job runs", |w| w.now > ms(8000) && !w.jobs.list.is_empty());
    world.kill_job_manager(Exit::Signal(9));
    let ended = JobView {
        id: "ab".repeat(16),
        status: JobStatus::Finished,
        slots_needed: Some(1),
        streaming: None,
        tasks_total: 1,
        tasks_active: 0,
        tasks_finished: 1,
        checkpoints: None,
    };
    let view = FlinkView { jobs: vec![ended], ..FlinkView::default() };
    let (silence, cause) = (Silence::Complete, "connection reset".to_owned());
    for answer in [
        Answer::View(view),
        Answer::ProgramEnded { job_passed_over: false },
        Answer::JobResult { cause: None, checkpoints: None },
        Answer::Unreachable { silence, cause },
    ] {
        // While the next one is starting, and while it runs its program.
        for delay in [ms(100), ms(7000)] {
            world.tell(1, delay, Event::Flink { start: 1, answer: answer.clone() });
        }
    }
    let (status, diagnostics) = world.ends_with_report();
    assert_eq!(status, FinalStatus::Succeeded);
    assert!(diagnostics.contains("2 jobs: "), "{diagnostics}");
    assert_eq!(world.count(|action| matches!(action, Action::StartJobManager { .. })), 2);
}
