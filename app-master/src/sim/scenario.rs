//! What is simulated: a cluster, a job, and what goes wrong and when.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use yarn_client::flink::{JobStatus, TaskManagerLimits};

use super::fault::Fault;
use super::program::ProgramModel;
use super::session::SessionModel;
use crate::machine::{History, Settings, Workload};

/// The job's id in every simulation.
pub const JOB: &str = "00000000000000000000000000000001";

/// A job as Flink would run it.
#[derive(Debug, Clone)]
pub struct JobModel {
    /// Number of slots it needs.
    pub slots: u32,
    /// How it ends if nothing goes wrong.
    pub end: JobStatus,
    /// How long all its tasks must run.
    pub work: Duration,
    /// Pauses between its checkpoints; `None`: it takes none.
    pub checkpoint_interval: Option<Duration>,
    /// After a FINISHED job `main` throws: the JobManager exits with 2.
    pub main_throws: bool,
    /// `main` executes a second job, which Flink skips.
    pub second: bool,
    /// For a batch job: how long a single task reads what all the tasks of the first stage have left on their
    /// TaskManagers.
    pub second_stage: Option<Duration>,
    /// It retains its checkpoints when it is cancelled.
    pub kept: bool,
}

/// One run of an application.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Settings of the first attempt; later ones also get a history.
    pub settings: Settings,
    /// The job; ignored for a session.
    pub job: JobModel,
    /// A session instead of the job.
    pub session: Option<SessionModel>,
    /// A program with several jobs instead of the job.
    pub program: Option<ProgramModel>,
    /// Number of nodes in the cluster.
    pub nodes: u32,
    /// TaskManager containers a node can hold.
    pub containers_per_node: u32,
    /// Size of the largest container, in MiB.
    pub maximum_mib: u64,
    /// Number of attempts the ResourceManager grants.
    pub max_attempts: u32,
    /// How long failed attempts count.
    pub attempt_validity: Duration,
    /// How long the ResourceManager waits for a silent application master or node.
    pub expiry: Duration,
    /// How many nodes, from the first one on, are too small for a TaskManager.
    pub small_nodes: u32,
    /// Checkpoint numbers up to this one are taken: another application has left its checkpoints in the same place.
    pub foreign: usize,
    /// How old Flink's information about checkpoints may be: it repeats an answer for a while.
    pub checkpoints_age: Duration,
    /// Time by which all faults have happened, and the job would have ended without them.
    pub horizon: Duration,
    /// What goes wrong, and when.
    pub faults: Vec<(Duration, Fault)>,
}

/// Settings that the driver derives from an empty configuration, with times that suit a simulation.
pub fn settings() -> Settings {
    Settings {
        workload: Workload::Job(JOB.to_owned()),
        reactive: false,
        history: History::default(),
        recovers: false,
        checkpoints_configured: false,
        checkpoint_directory: false,
        restart_from_scratch: false,
        own_directory: true,
        heartbeat_timeout: Duration::from_secs(15),
        spread: false,
        hosts: 0,
        parallelism: 1,
        slots: 1,
        task_manager_mib: 1024,
        limits: TaskManagerLimits::NONE,
        application_layer: false,
        heartbeat: Duration::from_secs(5),
        heartbeat_pending: Duration::from_millis(200),
        registration_timeout: Duration::from_secs(300),
        idle_timeout: Duration::from_secs(30),
        fence_after: Duration::from_secs(20),
        lease: Duration::from_secs(48),
    }
}

/// How often the owner of an application checks whether it can still proceed.
pub(super) const LOOK: Duration = Duration::from_secs(300);

impl JobModel {
    /// A job of one second without checkpoints.
    pub fn short(slots: u32) -> Self {
        Self {
            slots,
            end: JobStatus::Finished,
            work: Duration::from_secs(1),
            checkpoint_interval: None,
            main_throws: false,
            second: false,
            second_stage: None,
            kept: false,
        }
    }
}

impl Scenario {
    /// A calm cluster with room for everything.
    pub fn calm(settings: Settings, job: JobModel) -> Self {
        Self {
            settings,
            job,
            session: None,
            program: None,
            nodes: 4,
            containers_per_node: 25,
            maximum_mib: 8192,
            max_attempts: 2,
            attempt_validity: Duration::from_secs(600),
            expiry: Duration::from_secs(60),
            small_nodes: 0,
            foreign: 0,
            checkpoints_age: Duration::from_millis(400),
            horizon: Duration::from_secs(600),
            faults: Vec::new(),
        }
    }

    pub(super) fn has_many_jobs(&self) -> bool {
        self.session.is_some() || self.program.is_some()
    }

    /// A random run.
    pub fn random(rng: &mut StdRng) -> Self {
        let slots = rng.random_range(1..=6);
        let checkpoint_interval =
            rng.random_bool(0.6).then(|| Duration::from_millis(rng.random_range(500..10_000)));
        let recovers = checkpoint_interval.is_some() && rng.random_bool(0.2);
        let foreign = if rng.random_bool(0.2) { rng.random_range(1..60) } else { 0 };
        let job = JobModel {
            slots,
            end: match rng.random_range(0..10) {
                0 => JobStatus::Failed,
                1 => JobStatus::Canceled,
                _ => JobStatus::Finished,
            },
            work: Duration::from_millis(rng.random_range(0..90_000)),
            checkpoint_interval,
            main_throws: rng.random_bool(0.03),
            second: !recovers && rng.random_bool(0.03),
            second_stage: (checkpoint_interval.is_none() && rng.random_bool(0.4))
                .then(|| Duration::from_millis(rng.random_range(0..200_000))),
            kept: rng.random_bool(0.3),
        };
        let settings = Settings {
            recovers,
            own_directory: foreign == 0,
            heartbeat: Duration::from_secs(rng.random_range(1..=12)),
            checkpoints_configured: checkpoint_interval.is_some() && rng.random_bool(0.5),
            checkpoint_directory: rng.random_bool(0.5),
            restart_from_scratch: rng.random_bool(0.15),
            spread: rng.random_bool(0.2),
            parallelism: rng.random_range(1..=6),
            slots: rng.random_range(1..=2),
            limits: if rng.random_bool(0.15) {
                let (min, redundant) = (rng.random_range(0..=3), rng.random_range(0..=2));
                TaskManagerLimits { min, redundant, ..TaskManagerLimits::NONE }
            } else {
                TaskManagerLimits::NONE
            },
            ..settings()
        };
        // Half of them use the values of the fixture's clusters, half Hadoop's defaults.
        let expiry = Duration::from_secs(if rng.random_bool(0.5) { 60 } else { 600 });
        let settings = Settings {
            fence_after: (expiry / 3).min(Duration::from_secs(30)),
            lease: expiry.mul_f32(0.8),
            ..settings
        };
        let nodes = rng.random_range(1..=5);
        let mut scenario = Self {
            nodes,
            small_nodes: if rng.random_bool(0.2) { rng.random_range(0..nodes) } else { 0 },
            containers_per_node: rng.random_range(2..=8),
            max_attempts: rng.random_range(1..=4),
            expiry,
            foreign,
            // The client's setting, or Flink's own default if the owner has chosen that.
            checkpoints_age: Duration::from_millis(if rng.random_bool(0.8) { 400 } else { 3000 }),
            ..Self::calm(settings, job)
        };
        if rng.random_bool(0.3) {
            let (model, session) = SessionModel::random(rng);
            scenario.settings.workload = Workload::Session(session);
            scenario.settings.recovers = rng.random_bool(0.3);
            scenario.session = Some(model);
        } else if rng.random_bool(0.2) {
            scenario.program = Some(ProgramModel::random(rng));
            (scenario.job.checkpoint_interval, scenario.job.second_stage) = (None, None);
            scenario.settings = Settings {
                workload: Workload::Program,
                recovers: false,
                checkpoints_configured: false,
                restart_from_scratch: rng.random_bool(0.5),
                ..scenario.settings
            };
        }
        for _ in 0..rng.random_range(0..=8) {
            let at = Duration::from_millis(rng.random_range(0..120_000));
            scenario.faults.push((at, Fault::random(rng, scenario.nodes)));
        }
        scenario.faults.push((LOOK, Fault::OwnerLooks));
        scenario.faults.sort_by_key(|(at, _)| *at);
        scenario
    }
}
