//! What can go wrong.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

use crate::machine::Exit;

/// One thing that goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The n-th live TaskManager container ends with this status.
    KillTaskManager(usize, i32),
    /// The JobManager's process ends.
    KillJobManager(Exit),
    /// SIGKILL for the application master; its JobManager dies with it.
    KillMaster,
    /// The n-th TaskManager container's process does nothing for a while.
    HangTaskManager(usize, Duration),
    /// The JobManager's process ends the next time it is asked why a job has failed; the unanswered request fails late.
    KillAskedJobManager(Exit),
    /// The JobManager's process does nothing for a while.
    HangJobManager(Duration),
    /// `yarn application -kill`.
    KillApplication,
    /// SIGTERM for the application master alone.
    TerminateMaster,
    /// The owner checks whether the application can still proceed, and kills it if not.
    OwnerLooks,
    /// The answers to the next registrations are lost; each is repeated.
    LoseRegistrations(u32),
    /// The answers to the next heartbeats are lost.
    LoseAnswers(u32),
    /// The next heartbeats do not reach the ResourceManager.
    LoseRequests(u32),
    /// The ResourceManager is away, and comes back with its store.
    RestartResourceManager(Duration),
    /// More containers than were requested come with the next answer.
    Surplus(u32),
    /// The completions of the last containers are reported again.
    RepeatCompletions,
    /// The scheduler announces that it will take the n-th container back, and does so 2 s later.
    Preempt(usize),
    /// The cluster has room for this many TaskManager containers in all, for a while.
    Capacity(u32, Duration),
    /// A node loses power and never comes back.
    LoseNode(u32),
    /// A node is cut off from the ResourceManager, with `files` also from the file system.
    Partition {
        /// The node.
        node: u32,
        /// How long it lasts.
        during: Duration,
        /// The file system cannot be reached either.
        files: bool,
    },
    /// Containers on this node end before they register, for as long as it lasts.
    BreakNode(u32, Duration),
    /// The NodeManager refuses to launch anything for a while.
    RefuseLaunches(u32, Duration),
    /// Containers need this much longer to start, for a while.
    SlowStarts(Duration, Duration),
    /// The file system does not answer for a while.
    FilesAway(Duration),
    /// Flink's REST server does not answer for a while.
    RestAway(Duration),
    /// Flink's REST server answers with less than it knows for a while.
    RestForgets(Duration),
}

impl Fault {
    /// A random fault of any kind.
    pub fn random(rng: &mut StdRng, nodes: u32) -> Self {
        let node = rng.random_range(0..nodes);
        let short = Duration::from_millis(rng.random_range(100..20_000));
        let long = Duration::from_millis(rng.random_range(1000..150_000));
        // Some hang forever.
        let hung = if rng.random_bool(0.5) { long } else { Duration::from_secs(4 * 3600) };
        let exit = [
            Exit::Signal(9),
            Exit::Signal(15),
            Exit::Code(239),
            Exit::Code(143),
            Exit::Code(2),
            Exit::Code(3),
        ][rng.random_range(0..6)];
        match rng.random_range(0..28) {
            0..=2 => {
                let status = [137, 143, 1, -100, -101, -102, -104, -105][rng.random_range(0..8)];
                Self::KillTaskManager(rng.random_range(0..6), status)
            }
            3 | 4 => Self::KillJobManager(exit),
            5 | 6 => Self::KillMaster,
            7 if rng.random_bool(0.3) => Self::KillApplication,
            7 => Self::TerminateMaster,
            8 => Self::LoseAnswers(rng.random_range(1..4)),
            9 => Self::LoseRequests(rng.random_range(1..4)),
            10 => Self::RestartResourceManager(long),
            11 => Self::Surplus(rng.random_range(1..4)),
            12 => Self::RepeatCompletions,
            13 => Self::Preempt(rng.random_range(0..6)),
            14 => Self::Capacity(rng.random_range(0..8), short),
            15 => Self::LoseNode(node),
            16 | 17 => Self::Partition { node, during: long, files: rng.random_bool(0.4) },
            18 => Self::BreakNode(node, long),
            19 => Self::RefuseLaunches(node, short),
            20 => Self::SlowStarts(short, long),
            21 => Self::FilesAway(short),
            22 | 23 => Self::HangTaskManager(rng.random_range(0..6), hung),
            24 => Self::HangJobManager(hung),
            25 => Self::LoseRegistrations(rng.random_range(1..3)),
            26 => Self::KillAskedJobManager(exit),
            _ if rng.random_bool(0.5) => Self::RestAway(short),
            // A new leader inside the JobManager knows its TaskManagers within seconds.
            _ => Self::RestForgets(short.min(Duration::from_secs(8))),
        }
    }
}

/// A kind of fault by its name, as given to `simulate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// TaskManagers are killed.
    TaskManager,
    /// JobManagers are killed.
    JobManager,
    /// Application masters are killed.
    Master,
    /// Nodes are lost.
    Node,
    /// Nodes are cut off.
    Partition,
    /// The ResourceManager restarts.
    ResourceManager,
    /// Containers are preempted.
    Preemption,
    /// The file system is away.
    Files,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 8] = [
        Self::TaskManager,
        Self::JobManager,
        Self::Master,
        Self::Node,
        Self::Partition,
        Self::ResourceManager,
        Self::Preemption,
        Self::Files,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::TaskManager => "taskmanager",
            Self::JobManager => "jobmanager",
            Self::Master => "appmaster",
            Self::Node => "node",
            Self::Partition => "partition",
            Self::ResourceManager => "resourcemanager",
            Self::Preemption => "preemption",
            Self::Files => "hdfs",
        }
    }

    /// A fault of this kind.
    pub fn draw(self, rng: &mut StdRng, nodes: u32, containers: u32) -> Fault {
        let node = rng.random_range(0..nodes);
        let any = rng.random_range(0..containers.max(1)) as usize;
        let during = Duration::from_secs(rng.random_range(5..120));
        match self {
            Self::TaskManager => Fault::KillTaskManager(any, 137),
            Self::JobManager => Fault::KillJobManager(Exit::Signal(9)),
            Self::Master => Fault::KillMaster,
            Self::Node => Fault::LoseNode(node),
            Self::Partition => Fault::Partition { node, during, files: rng.random_bool(0.5) },
            Self::ResourceManager => Fault::RestartResourceManager(during),
            Self::Preemption => Fault::Preempt(any),
            Self::Files => Fault::FilesAway(during),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|kind| kind.name()).collect();
            format!("`{text}` is not a fault (expected one of: {})", names.join(", "))
        })
    }
}
