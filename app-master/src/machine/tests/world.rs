//! A ResourceManager, NodeManagers and a Flink that live in virtual time, so that minutes cost microseconds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proto::ids::{ApplicationAttemptId, ApplicationId, ContainerId, NodeId};
use yarn_client::flink::JobStatus;
use yarn_client::security::{Secret, Token};
use yarn_client::yarn::{AllocatedContainer, ContainerState, ContainerStatus, FinalStatus, Resource};

use super::super::*;

pub(super) const JOB: &str = "00000000000000000000000000000001";

pub(super) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) fn settings() -> Settings {
    Settings {
        job_id: JOB.to_owned(),
        job_had_begun: false,
        parallelism: 1,
        slots: 1,
        task_manager_mib: 1024,
        application_layer: false,
        heartbeat: ms(5000),
        heartbeat_pending: ms(200),
        registration_timeout: Duration::from_secs(300),
        idle_timeout: Duration::from_secs(30),
    }
}

/// How the program's job behaves.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) slots: u32,
    pub(super) end: JobStatus,
    /// Time all its tasks must run.
    pub(super) runs: Duration,
    /// After a FINISHED job `main` throws: the JobManager exits with 2.
    pub(super) main_throws: bool,
    /// `main` executes a second job, which Flink passes over.
    pub(super) second: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    Allocated,
    Starting { registers: Duration },
    Registered,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) now: Duration,
    pub(super) machine: AppMaster,
    due: BTreeMap<(Duration, u64), Event>,
    sequence: u64,
    pub(super) job: Job,
    /// Containers the cluster can give at once.
    pub(super) capacity: u32,
    /// Every container's JVM dies with this code before it registers.
    pub(super) broken: Option<i32>,
    /// Largest container, MiB.
    pub(super) maximum_mib: u64,
    asked: u32,
    pub(super) held: BTreeMap<ContainerId, Held>,
    completed: Vec<ContainerStatus>,
    next_container: i64,
    pub(super) allocated_ever: u32,
    pub(super) rm_knows_us: bool,
    pub(super) drop_heartbeats: u32,
    pub(super) job_manager_since: Option<Duration>,
    pub(super) job_managers_started: u32,
    pub(super) running_since: Option<Duration>,
    pub(super) job_status: Option<JobStatus>,
    pub(super) staging: bool,
    pub(super) unregistered: Option<(FinalStatus, String)>,
    pub(super) exit: Option<u8>,
    pub(super) log: Vec<(Duration, Action)>,
}

impl World {
    pub(super) fn new(settings: Settings, job: Job) -> Self {
        Self {
            now: Duration::ZERO,
            machine: AppMaster::new(settings, Duration::ZERO),
            due: BTreeMap::new(),
            sequence: 0,
            job,
            capacity: 100,
            broken: None,
            maximum_mib: 8192,
            asked: 0,
            held: BTreeMap::new(),
            completed: Vec::new(),
            next_container: 2,
            allocated_ever: 0,
            rm_knows_us: false,
            drop_heartbeats: 0,
            job_manager_since: None,
            job_managers_started: 0,
            running_since: None,
            job_status: None,
            staging: true,
            unregistered: None,
            exit: None,
            log: Vec::new(),
        }
    }

    pub(super) fn after(&mut self, delay: Duration, event: Event) {
        self.sequence += 1;
        self.due.insert((self.now + delay, self.sequence), event);
    }

    /// Runs until the process has exited or `limit` is reached.
    pub(super) fn run(&mut self, limit: Duration) {
        while self.exit.is_none() && self.step(limit) {}
    }

    /// Runs until the condition holds.
    pub(super) fn run_until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        while !condition(self) {
            assert!(self.exit.is_none() && self.step(ms(600_000)), "never reached: {what}");
        }
    }

    fn step(&mut self, limit: Duration) -> bool {
        while let Some(action) = self.machine.poll_action() {
            self.log.push((self.now, action.clone()));
            self.perform(action);
            if self.exit.is_some() {
                return false;
            }
        }
        let wake = self.machine.poll_timeout();
        let next = [wake, self.due.keys().next().map(|(at, _)| *at)].into_iter().flatten().min();
        let Some(next) = next.filter(|at| *at <= limit) else { return false };
        self.now = self.now.max(next);
        self.live();
        match self.due.first_entry() {
            Some(entry) if entry.key().0 <= self.now => {
                let event = entry.remove();
                if matches!(event, Event::JobManagerExited { .. }) {
                    self.job_manager_since = None;
                }
                self.machine.handle(event, self.now);
            }
            _ => self.machine.handle_timeout(self.now),
        }
        true
    }

    /// What happens by itself: JVMs register or die, the job starts and ends.
    fn live(&mut self) {
        let now = self.now;
        let rest_up = self.rest_up();
        let mut dead = Vec::new();
        for (id, held) in &mut self.held {
            if let Held::Starting { registers } = held
                && *registers <= now
            {
                if let Some(code) = self.broken {
                    dead.push((*id, code));
                } else if rest_up {
                    *held = Held::Registered;
                }
            }
        }
        for (id, code) in dead {
            self.complete(id, code, "java.lang.NoClassDefFoundError: org/apache/hadoop/conf/Configuration");
        }
        if !rest_up || self.job_status.is_some_and(JobStatus::is_terminal) {
            return;
        }
        self.job_status = Some(JobStatus::Running);
        let registered = self.held.values().filter(|held| **held == Held::Registered).count();
        if registered >= self.job.slots as usize {
            let since = *self.running_since.get_or_insert(now);
            if since + self.job.runs <= now {
                self.job_status = Some(self.job.end);
                if self.job.main_throws {
                    self.after(
                        ms(100),
                        job_manager_exit(Exit::Code(2), Some("java.lang.IllegalStateException: late")),
                    );
                }
            }
        } else {
            self.running_since = None;
        }
    }

    fn rest_up(&self) -> bool {
        self.job_manager_since.is_some_and(|since| since + ms(3000) <= self.now)
    }

    /// Ends a container from outside.
    pub(super) fn complete(&mut self, id: ContainerId, exit_status: i32, diagnostics: &str) {
        if self.held.remove(&id).is_some() {
            self.completed.push(ContainerStatus {
                id,
                state: ContainerState::Complete,
                exit_status,
                diagnostics: diagnostics.to_owned(),
            });
        }
    }

    pub(super) fn kill_job_manager(&mut self, exit: Exit) {
        self.job_manager_since = None;
        self.running_since = None;
        self.machine.handle(job_manager_exit(exit, None), self.now);
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Register => {
                self.rm_knows_us = true;
                self.asked = 0;
                let maximum = Resource::new(self.maximum_mib, 8);
                self.after(ms(20), Event::Registered { maximum });
            }
            Action::Heartbeat(heartbeat) => self.heartbeat(heartbeat),
            Action::StartContainer(container) => {
                let held = self.held.get_mut(&container.id).expect("only allocated containers are started");
                assert_eq!(*held, Held::Allocated, "a container is started once");
                *held = Held::Starting { registers: self.now + ms(2500) };
                self.after(ms(30), Event::ContainerStarted(container.id));
            }
            Action::StopContainer(id) => self.complete(id, -105, ""),
            Action::StartJobManager { .. } => {
                assert!(self.job_manager_since.is_none(), "two JobManagers at once");
                self.job_manager_since = Some(self.now);
                self.job_managers_started += 1;
                self.after(ms(5), Event::JobManagerStarted);
            }
            Action::StopJobManager(_) => self.after(ms(400), job_manager_exit(Exit::Signal(15), None)),
            Action::PollFlink { .. } => {
                let event = if self.rest_up() { Event::Flink(self.view()) } else { Event::FlinkUnreachable };
                self.after(ms(5), event);
            }
            Action::FetchResult { .. } => {
                self.after(
                    ms(10),
                    Event::JobResult { cause: Some("java.lang.RuntimeException: boom".to_owned()) },
                );
            }
            Action::WatchProgram => {
                if !self.job.main_throws {
                    self.after(ms(150), Event::ProgramEnded { job_passed_over: self.job.second });
                }
            }
            Action::DeleteCluster => {
                self.after(ms(20), Event::ClusterDeleted { accepted: true });
                self.after(ms(300), job_manager_exit(Exit::Code(0), None));
            }
            Action::InspectCluster => {
                let description = "2 nodes".to_owned();
                self.after(
                    ms(20),
                    Event::ClusterCapacity { task_managers: Some(self.capacity), description },
                );
            }
            Action::RemoveStaging => {
                self.staging = false;
                self.after(ms(20), Event::StagingRemoved { failure: None });
            }
            Action::Unregister { status, diagnostics } => {
                assert!(self.unregistered.is_none(), "unregistered twice");
                assert!(self.job_manager_since.is_none(), "unregistered while the JobManager lives");
                self.unregistered = Some((status, diagnostics));
                self.after(ms(50), Event::Unregistered);
            }
            Action::Exit(code) => self.exit = Some(code),
        }
    }

    fn heartbeat(&mut self, heartbeat: Heartbeat) {
        if self.drop_heartbeats > 0 {
            self.drop_heartbeats -= 1;
            self.after(
                ms(1000),
                Event::HeartbeatFailed(HeartbeatFailure::Lost("connection reset".to_owned())),
            );
            return;
        }
        if !self.rm_knows_us {
            self.after(ms(5), Event::HeartbeatFailed(HeartbeatFailure::Resync));
            return;
        }
        if let Some(ask) = heartbeat.ask {
            self.asked = ask;
        }
        for id in heartbeat.releases {
            self.complete(id, -100, "Container released by application");
        }
        let free = self.capacity.saturating_sub(u32::try_from(self.held.len()).expect("small"));
        let mut answer =
            HeartbeatAnswer { completed: std::mem::take(&mut self.completed), ..HeartbeatAnswer::default() };
        for _ in 0..self.asked.min(free) {
            let container = container(self.next_container);
            self.next_container += 1;
            self.allocated_ever += 1;
            self.held.insert(container.id, Held::Allocated);
            answer.allocated.push(container);
        }
        self.asked -= self.asked.min(free);
        self.after(ms(5), Event::Heartbeat(answer));
    }

    fn view(&self) -> FlinkView {
        let running = self.running_since.is_some() && self.job_status == Some(JobStatus::Running);
        let done = self.job_status == Some(JobStatus::Finished);
        let jobs = self.job_status.map(|status| JobView {
            id: JOB.to_owned(),
            status,
            slots_needed: Some(self.job.slots),
            streaming: Some(false),
            tasks_total: self.job.slots,
            tasks_active: if running { self.job.slots } else { 0 },
            tasks_finished: if done { self.job.slots } else { 0 },
        });
        let registered = self.held.iter().filter(|(_, held)| **held == Held::Registered);
        let mut busy = if running { self.job.slots } else { 0 };
        let task_managers = registered
            .map(|(id, _)| {
                let used = busy.min(1);
                busy -= used;
                TaskManagerView { id: id.to_string(), slots: 1, free_slots: 1 - used }
            })
            .collect();
        FlinkView { jobs: jobs.into_iter().collect(), application: None, task_managers }
    }

    /// Containers that were allocated and neither completed nor given back.
    pub(super) fn leaked(&self) -> BTreeSet<ContainerId> {
        self.held.keys().copied().collect()
    }
}

fn job_manager_exit(exit: Exit, cause: Option<&str>) -> Event {
    Event::JobManagerExited { exit, cause: cause.map(str::to_owned), port_taken: false }
}

fn container(sequence: i64) -> AllocatedContainer {
    let application = ApplicationId { cluster_timestamp: 1, id: 1 };
    let id = ContainerId { attempt: ApplicationAttemptId { application, attempt: 1 }, id: sequence };
    let token = Token {
        identifier: Default::default(),
        password: Secret::new(Vec::new()),
        kind: "ContainerToken".to_owned(),
        service: String::new(),
    };
    AllocatedContainer {
        id,
        node: NodeId { host: "node1".to_owned(), port: 45454 },
        node_http_address: String::new(),
        resource: Resource::new(1024, 1),
        priority: 1,
        allocation_request_id: 1,
        token,
    }
}
