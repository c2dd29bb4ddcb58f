//! A world in virtual time around the [machine](crate::machine): a ResourceManager with its nodes, a file system, a
//! Flink, and whole runs of applications with everything that can go wrong. Minutes cost microseconds, and a
//! seed always gives the same run.

mod attempts;
mod check;
mod fault;
mod inject;
mod job;
mod life;
mod perform;
mod program;
pub mod report;
mod scenario;
mod session;
mod yarn;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use proto::ids::ContainerId;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use yarn_client::yarn::FinalStatus;

pub use fault::{Fault, Kind};
pub use program::ProgramModel;
pub use scenario::{JOB, JobModel, Scenario, settings};
pub use session::{Ask, SessionJob, SessionModel};

use crate::machine::{Action, Answer, AppMaster, CheckpointsView, Event, Exit, JobView, Journal, Occurrence};
use crate::trace::Recorder;
use job::{Durable, JobManager};
use yarn::{Application, ResourceManager};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// More steps than are possible without time passing.
const STEPS_AT_ONCE: u32 = 10_000;
/// From a grant until the application master's process runs.
const MASTER_START: Duration = ms(300);
/// The interval of a NodeManager's heartbeat, which also reports ended containers.
const NODE_HEARTBEAT: Duration = ms(1000);

/// A future event in the world.
#[derive(Debug)]
enum Due {
    /// An event for an attempt's machine; the answer to a heartbeat carries its number.
    Tell(u32, Event, Option<i32>),
    /// An attempt's JobManager, given by its number, answers.
    Answer(u32, u32, Answer),
    /// The JobManager of an attempt ends, if it is still this one.
    JobManagerEnds(u32, u32, Exit),
    /// A file operation completes.
    Files(u32, FileOperation),
    /// The ResourceManager learns that an application master's process is gone.
    MasterGone(u32),
    /// SIGKILL for an attempt's application master.
    KillMaster(u32),
    /// The ResourceManager is back from a restart.
    Back,
    /// A node is connected again.
    Healed(u32),
    /// The scheduler takes a container back.
    Preempted(ContainerId),
    Fault(Fault),
    /// A client submits the n-th job of a session.
    Submit(usize),
    /// The owner of a session requests something.
    Ask(Ask),
    /// A program continues.
    Main,
}

/// Calls that wait for the ResourceManager to come back.
#[derive(Debug)]
enum Call {
    Register,
    Heartbeat(crate::machine::Heartbeat, i32),
    Finish(FinalStatus, String),
}

#[derive(Debug)]
enum FileOperation {
    Begin,
    Journal(Journal),
    Fence,
    FindCheckpoint { known: Option<String>, own_directory: bool },
    Remove { checkpoint: bool, high_availability: bool },
}

/// An attempt's process.
#[derive(Debug)]
struct Master {
    node: u32,
    machine: AppMaster,
    alive: bool,
    response_id: i32,
    job_manager: Option<JobManager>,
    /// Counts the JobManagers of this attempt.
    generation: u32,
    /// The containers it was given, and whether it has let go of them.
    containers: BTreeMap<ContainerId, bool>,
    /// The containers reported to watchers, and whether their ends were reported.
    told: BTreeMap<ContainerId, bool>,
    /// Its end is decided.
    ends: bool,
    /// It knows where the job's checkpoints go.
    knows_directory: bool,
}

/// The staging directory.
#[derive(Debug, Default)]
struct Files {
    away_until: Duration,
    removed: bool,
    marks: BTreeSet<u32>,
    journals: BTreeMap<u32, Journal>,
}

/// A run in progress.
#[derive(Debug)]
pub struct World {
    /// Virtual time since the submission.
    pub now: Duration,
    scenario: Scenario,
    rng: StdRng,
    due: BTreeMap<(Duration, u64), Due>,
    sequence: u64,
    resource_manager: ResourceManager,
    parked: Vec<(u32, Call)>,
    files: Files,
    masters: BTreeMap<u32, Master>,
    durable: Durable,
    /// The jobs of a session.
    jobs: session::Jobs,
    program: program::Program,
    lose_answers: u32,
    lose_requests: u32,
    lose_registrations: u32,
    slow: (Duration, Duration),
    rest_away_until: Duration,
    rest_forgets_until: Duration,
    /// How the next JobManager that is asked why a job has failed ends.
    ends_with_question: Option<Exit>,
    job_managers_started: u32,
    /// The file system has been unavailable or unreachable at some time.
    files_were_away: bool,
    faults_injected: u32,
    removal_failed: bool,
    given_up: bool,
    /// What Flink reports as the cause of a failed job.
    cause: String,
    violations: Vec<String>,
    trace: Option<Vec<String>>,
    /// The trace, if requested.
    heard: Option<Vec<Occurrence>>,
    /// The last actions of the newest attempt with their times, if requested.
    log: Option<VecDeque<(Duration, Action)>>,
    /// The record of the first attempt, if requested.
    recorder: Recorder<Vec<u8>>,
}

impl World {
    /// Starts a run; `seed` determines everything random.
    pub fn new(scenario: Scenario, seed: u64) -> Self {
        let mut resource_manager = ResourceManager::new(scenario.nodes, scenario.containers_per_node);
        resource_manager.small_nodes = scenario.small_nodes;
        let mut world = Self {
            now: Duration::ZERO,
            rng: StdRng::seed_from_u64(seed),
            due: BTreeMap::new(),
            sequence: 0,
            resource_manager,
            parked: Vec::new(),
            files: Files::default(),
            masters: BTreeMap::new(),
            durable: Durable::default(),
            jobs: session::Jobs::default(),
            program: program::Program::default(),
            lose_answers: 0,
            lose_requests: 0,
            lose_registrations: 0,
            slow: (Duration::ZERO, Duration::ZERO),
            rest_away_until: Duration::ZERO,
            rest_forgets_until: Duration::ZERO,
            ends_with_question: None,
            job_managers_started: 0,
            files_were_away: false,
            faults_injected: 0,
            removal_failed: false,
            given_up: false,
            cause: "java.lang.RuntimeException: boom".to_owned(),
            violations: Vec::new(),
            trace: None,
            heard: None,
            log: None,
            recorder: Recorder::new(None),
            scenario,
        };
        for (at, fault) in std::mem::take(&mut world.scenario.faults) {
            world.at(at, Due::Fault(fault));
        }
        world.plan_session();
        world
    }

    /// Starts a random run.
    pub fn random(seed: u64) -> Self {
        let scenario = Scenario::random(&mut StdRng::seed_from_u64(seed));
        Self::new(scenario, seed)
    }

    /// Keeps a readable trace of everything that happens.
    pub fn keep_trace(&mut self) {
        self.trace = Some(vec![format!("{:?}", self.scenario)]);
    }

    /// Records the first attempt as the driver does.
    pub fn record(&mut self) {
        self.recorder = Recorder::new(Some(Vec::new()));
    }

    /// The content that [`Self::record`] has recorded.
    pub fn recorded(self) -> String {
        self.recorder.into_inner().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// The trace.
    pub fn trace(&self) -> &[String] {
        self.trace.as_deref().unwrap_or_default()
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            let text = line();
            trace.push(format!("{:>9.3} s  {text}", self.now.as_secs_f64()));
        }
    }

    fn at(&mut self, time: Duration, due: Due) {
        self.sequence += 1;
        self.due.insert((time, self.sequence), due);
    }

    fn after(&mut self, delay: Duration, due: Due) {
        self.at(self.now + delay, due);
    }

    fn tell(&mut self, attempt: u32, delay: Duration, event: Event) {
        self.after(delay, Due::Tell(attempt, event, None));
    }

    /// Runs to the end and returns the events of its application masters, in order.
    pub fn occurrences(mut self, limit: Duration) -> Vec<Occurrence> {
        self.heard = Some(Vec::new());
        self.run(limit);
        self.heard.unwrap_or_default()
    }

    /// Whether the ResourceManager has closed the application and no process of it is left.
    pub fn over(&self) -> bool {
        self.resource_manager.over()
            && self.masters.values().all(|master| !master.alive && master.job_manager.is_none())
    }

    /// Runs until the application is over, an invariant is broken, or `limit` is reached.
    pub fn run(&mut self, limit: Duration) {
        let mut stuck = (self.now, 0);
        while !self.over() && self.violations.is_empty() && self.step(limit) {
            stuck = if stuck.0 == self.now { (self.now, stuck.1 + 1) } else { (self.now, 0) };
            if stuck.1 > STEPS_AT_ONCE {
                self.violations.push(format!("time does not advance at {:?}", self.now));
            }
        }
        if self.over() {
            self.check_end();
        }
    }

    /// Lets the next event happen; `false` if nothing will happen before `limit`.
    fn step(&mut self, limit: Duration) -> bool {
        self.perform_all();
        self.check();
        let Some(next) = self.next_time().filter(|at| *at <= limit) else { return false };
        self.now = self.now.max(next);
        self.live();
        if let Some(entry) = self.due.first_entry()
            && entry.key().0 <= self.now
        {
            let due = entry.remove();
            self.happen(due);
            return true;
        }
        let now = self.now;
        for (attempt, master) in self.masters.iter_mut().filter(|(_, master)| master.alive) {
            if master.machine.poll_timeout().is_some_and(|at| at <= now) {
                if *attempt == 1 {
                    self.recorder.timeout(now);
                }
                master.machine.handle_timeout(now);
            }
        }
        true
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Tell(attempt, event, response) => self.deliver(attempt, event, response),
            Due::Answer(attempt, start, answer) => self.deliver_answer(attempt, start, answer),
            Due::JobManagerEnds(attempt, generation, exit) => {
                self.job_manager_ends(attempt, generation, exit)
            }
            Due::Files(attempt, operation) => self.finish_file_operation(attempt, operation),
            Due::MasterGone(attempt) => {
                if self.resource_manager.away {
                    self.at(self.resource_manager.away_until + ms(500), Due::MasterGone(attempt));
                } else if attempt == self.resource_manager.attempt
                    && self.resource_manager.application == Application::Running
                {
                    self.attempt_failed();
                }
            }
            Due::KillMaster(attempt) => self.bury(attempt),
            Due::Back if self.resource_manager.away_until <= self.now => {
                self.note(|| "the ResourceManager is back".to_owned());
                self.resource_manager.away = false;
                self.resource_manager.restart();
                self.resource_manager.heard = self.now;
                // Nodes come back one by one.
                for node in 0..self.resource_manager.nodes.len() {
                    let back_at = self.now + ms(self.rng.random_range(0..40_000));
                    let node = &mut self.resource_manager.nodes[node];
                    (node.heard, node.back_at) = (back_at, back_at);
                }
                self.replay_calls();
            }
            Due::Back | Due::Main => {}
            Due::Healed(node) => self.healed(node),
            Due::Preempted(id) => {
                self.resource_manager.end_container(id, -102, "Container preempted by scheduler", self.now);
            }
            Due::Fault(fault) => self.inject(&fault),
            Due::Submit(nth) => self.submit(nth),
            Due::Ask(ask) => self.ask(ask),
        }
    }

    fn deliver(&mut self, attempt: u32, event: Event, response: Option<i32>) {
        let now = self.now;
        if check::brings_something(&event) {
            self.note(|| format!("attempt {attempt} < {event}"));
        }
        let Some(master) = self.masters.get_mut(&attempt).filter(|master| master.alive) else { return };
        if let Some(number) = response {
            master.response_id = number;
        }
        if let Event::Registered { previous, .. } = &event {
            master.response_id = 0;
            for container in previous {
                master.containers.entry(container.id).or_insert(false);
            }
        }
        if let Event::Heartbeat(answer) = &event {
            for container in &answer.allocated {
                master.containers.entry(container.id).or_insert(false);
            }
            for status in &answer.completed {
                master.containers.insert(status.id, true);
            }
        }
        if let (Event::Flink { answer: Answer::View(view), .. }, Some(_)) = (&event, &master.job_manager) {
            let path =
                |job: &JobView| matches!(job.checkpoints, Some(CheckpointsView::On { path: Some(_), .. }));
            master.knows_directory |= view.jobs.iter().any(path);
        }
        if attempt == 1 {
            self.recorder.event(now, &event);
        }
        master.machine.handle(event, now);
    }
}

#[cfg(test)]
mod tests;
