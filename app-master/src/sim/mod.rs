//! A world in virtual time around the [machine](crate::machine): a ResourceManager with its nodes, a file system, a
//! Flink, and whole lives of applications with everything that can go wrong in them. Minutes cost microseconds, and a
//! seed always gives the same life.

mod attempts;
mod check;
mod fault;
mod job;
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

use crate::machine::{Action, AppMaster, CheckpointsView, Event, Exit, JobView, Journal, Occurrence};
use crate::trace::Recorder;
use job::{Durable, JobManager};
use yarn::{Application, ResourceManager, Stage};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// More than can happen without time going on.
const STEPS_AT_ONCE: u32 = 10_000;
/// From a grant until the application master's process runs.
const MASTER_START: Duration = ms(300);
/// A NodeManager's heartbeat, with which an end travels.
const NODE_HEARTBEAT: Duration = ms(1000);

/// Something that will happen.
#[derive(Debug)]
enum Due {
    /// An event for an attempt's machine; with a heartbeat's answer goes its number.
    Tell(u32, Event, Option<i32>),
    /// The JobManager of an attempt ends, if it is still that one.
    JobManagerEnds(u32, u32, Exit),
    /// A file operation comes to its end.
    Files(u32, FileOperation),
    /// The ResourceManager hears that an application master's process is gone.
    MasterGone(u32),
    /// SIGKILL.
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
    /// The owner of a session asks for something.
    Ask(Ask),
    /// A program goes on.
    Main,
}

/// Calls that wait for the ResourceManager to be there again.
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
    /// Containers it was told of, and whether it has let go of them.
    containers: BTreeMap<ContainerId, bool>,
    /// Containers that watchers were told of, and whether they were told of their end.
    told: BTreeMap<ContainerId, bool>,
    /// Its end is decided.
    ends: bool,
    /// It was told where the job's checkpoints go.
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

/// A life in progress.
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
    /// Of a session.
    jobs: session::Jobs,
    program: program::Program,
    lose_answers: u32,
    lose_requests: u32,
    lose_registrations: u32,
    slow: (Duration, Duration),
    rest_away_until: Duration,
    rest_forgets_until: Duration,
    job_managers_started: u32,
    /// The file system has been away, or out of reach for somebody.
    files_were_away: bool,
    faults_injected: u32,
    removal_failed: bool,
    given_up: bool,
    /// What Flink says of a failed job.
    cause: String,
    violations: Vec<String>,
    trace: Option<Vec<String>>,
    /// What is told, when asked for.
    heard: Option<Vec<Occurrence>>,
    /// The last actions of the newest attempt, with their times, when asked for.
    log: Option<VecDeque<(Duration, Action)>>,
    /// The first attempt's life, when asked for.
    recorder: Recorder<Vec<u8>>,
}

impl World {
    /// The beginning of a life; `seed` decides what chance decides.
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

    /// A random life.
    pub fn random(seed: u64) -> Self {
        let scenario = Scenario::random(&mut StdRng::seed_from_u64(seed));
        Self::new(scenario, seed)
    }

    /// Keeps a readable account of everything that happens.
    pub fn keep_trace(&mut self) {
        self.trace = Some(vec![format!("{:?}", self.scenario)]);
    }

    /// Writes the first attempt's life down as the driver does.
    pub fn record(&mut self) {
        self.recorder = Recorder::new(Some(Vec::new()));
    }

    /// What [`Self::record`] has written down.
    pub fn recorded(self) -> String {
        self.recorder.into_inner().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// The account.
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

    /// Plays the life and returns what its application masters tell whoever watches, in order.
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
                self.violations.push(format!("time stands still at {:?}", self.now));
            }
        }
        if self.over() {
            self.check_end();
        }
    }

    /// Lets the next thing happen; `false` when nothing will before `limit`.
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

    fn next_time(&self) -> Option<Duration> {
        let queue = self.due.keys().next().map(|(at, _)| *at);
        let masters = self.masters.values().filter(|master| master.alive);
        let machines = masters.filter_map(|master| {
            let job = master.job_manager.as_ref().and_then(|jm| jm.next(&self.scenario.job, self.now));
            [master.machine.poll_timeout(), job].into_iter().flatten().min()
        });
        let registrations = self.resource_manager.containers.values().filter_map(|c| match c.stage {
            Stage::Starting(at) if at > self.now => Some(at),
            _ => None,
        });
        let timeout = self.scenario.settings.heartbeat_timeout;
        let hung = self.resource_manager.containers.values().flat_map(|c| [c.hung.0 + timeout, c.hung.1]);
        [queue, self.resource_manager_next()]
            .into_iter()
            .flatten()
            .chain(machines)
            .chain(self.next_job_end())
            .chain(registrations)
            .chain(hung.filter(|at| *at > self.now))
            .min()
            .map(|at| at.max(self.now))
    }

    /// When the ResourceManager does something by itself.
    fn resource_manager_next(&self) -> Option<Duration> {
        let manager = &self.resource_manager;
        if manager.away || manager.over() {
            return None;
        }
        let attempt = match manager.application {
            Application::Waiting(at) => Some(at),
            _ => Some(manager.heard + self.scenario.expiry),
        };
        let silent = |node: &&yarn::Node| !node.reachable(self.now) && !node.lost && node.back_at <= self.now;
        let nodes = manager.nodes.iter().filter(silent).map(|node| node.heard + self.scenario.expiry);
        attempt.into_iter().chain(nodes).min()
    }

    /// What happens by itself: attempts begin and expire, JVMs register or die, the job goes on.
    fn live(&mut self) {
        let now = self.now;
        if !self.resource_manager.away && !self.resource_manager.over() {
            for node in self.resource_manager.give_up_nodes(self.scenario.expiry, now) {
                self.note(|| format!("the ResourceManager gives up node{node}"));
            }
            match self.resource_manager.application {
                Application::Waiting(at) if at <= now => self.begin_attempt(),
                Application::Running if self.resource_manager.heard + self.scenario.expiry <= now => {
                    self.note(|| "the ResourceManager gives up the attempt".to_owned());
                    self.attempt_failed();
                }
                _ => {}
            }
        }
        self.live_containers();
        if self.scenario.has_many_jobs() {
            self.live_jobs();
            return self.live_program();
        }
        let model = self.scenario.job.clone();
        let mut thrown = Vec::new();
        let each = self.scenario.settings.slots;
        let there: Vec<_> =
            self.masters.keys().map(|attempt| (*attempt, self.task_managers(*attempt))).collect();
        for (attempt, there) in there {
            let Some(master) = self.masters.get_mut(&attempt) else { continue };
            let Some(job_manager) = &mut master.job_manager else { continue };
            if job_manager.live(&model, &there, each, &mut self.durable, now) {
                thrown.push((attempt, master.generation));
            }
        }
        for (attempt, generation) in thrown {
            self.after(ms(100), Due::JobManagerEnds(attempt, generation, Exit::Code(2)));
        }
    }

    /// JVMs that have started register at their JobManager, or die on a broken node.
    fn live_containers(&mut self) {
        let now = self.now;
        let mut dead = Vec::new();
        let up: BTreeMap<u32, u32> = self
            .masters
            .iter()
            .filter(|(_, master)| master.job_manager.as_ref().is_some_and(|jm| jm.up(now)))
            .map(|(attempt, master)| (*attempt, master.node))
            .collect();
        let manager = &mut self.resource_manager;
        for (id, container) in &mut manager.containers {
            let Stage::Starting(at) = container.stage else { continue };
            if at > now || container.ended.is_some() || container.hangs(now) {
                continue;
            }
            if manager.nodes[container.node as usize].broken_until > now {
                dead.push(*id);
                continue;
            }
            // With high availability it finds any JobManager.
            let home = up
                .get(&container.attempt)
                .or_else(|| self.scenario.settings.recovers.then(|| up.values().next()).flatten());
            let connected = |node: u32| manager.nodes[node as usize].reachable(now);
            if home.is_some_and(|home| {
                *home == container.node || (connected(*home) && connected(container.node))
            }) {
                container.stage = Stage::Registered;
            }
        }
        for id in dead {
            let text = "java.lang.NoClassDefFoundError: org/apache/hadoop/conf/Configuration";
            self.resource_manager.end_container(id, 1, text, now);
        }
    }

    /// Containers whose TaskManager does what an attempt's JobManager tells it.
    fn task_managers(&self, attempt: u32) -> Vec<ContainerId> {
        let mut listed = self.listed(attempt);
        listed.retain(|id| !self.resource_manager.containers[id].hangs(self.now));
        listed
    }

    /// Containers that an attempt's JobManager takes for TaskManagers.
    fn listed(&self, attempt: u32) -> Vec<ContainerId> {
        let timeout = self.scenario.settings.heartbeat_timeout;
        let Some(master) = self.masters.get(&attempt) else { return Vec::new() };
        let manager = &self.resource_manager;
        let connected = |node: u32| manager.nodes[node as usize].reachable(self.now);
        manager
            .containers
            .iter()
            .filter(|(_, container)| {
                container.stage == Stage::Registered
                    && container.ended.is_none()
                    && !container.is_dropped(timeout, self.now)
                    && (container.attempt == attempt || self.scenario.settings.recovers)
                    && (container.node == master.node
                        || (connected(container.node) && connected(master.node)))
            })
            .map(|(id, _)| *id)
            .collect()
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Tell(attempt, event, response) => self.deliver(attempt, event, response),
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
            self.note(|| format!("attempt {attempt} < {}", check::short(&event)));
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
        if let (Event::Flink(view), Some(_)) = (&event, &master.job_manager) {
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
