//! Flink's memory model, exact to the byte (`JobManagerProcessUtils`, `TaskExecutorProcessUtils`).

use super::{ConfigError, FlinkConfig, MemorySize};

/// Sizes of the JobManager's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobManagerMemory {
    /// JVM heap (`jobmanager.memory.heap.size`).
    pub heap: MemorySize,
    /// Direct and native memory (`jobmanager.memory.off-heap.size`).
    pub off_heap: MemorySize,
    /// `jobmanager.memory.jvm-metaspace.size`.
    pub metaspace: MemorySize,
    /// `jobmanager.memory.jvm-overhead`.
    pub overhead: MemorySize,
    /// Whether the JVM limits direct memory to `off_heap` (`jobmanager.memory.enable-jvm-direct-memory-limit`).
    pub limit_direct: bool,
}

/// Sizes of a TaskManager's process.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskManagerMemory {
    /// `taskmanager.memory.framework.heap.size`.
    pub framework_heap: MemorySize,
    /// `taskmanager.memory.framework.off-heap.size`.
    pub framework_off_heap: MemorySize,
    /// `taskmanager.memory.task.heap.size`.
    pub task_heap: MemorySize,
    /// `taskmanager.memory.task.off-heap.size`.
    pub task_off_heap: MemorySize,
    /// `taskmanager.memory.network`.
    pub network: MemorySize,
    /// `taskmanager.memory.managed.size`.
    pub managed: MemorySize,
    /// `taskmanager.memory.jvm-metaspace.size`.
    pub metaspace: MemorySize,
    /// `taskmanager.memory.jvm-overhead`.
    pub overhead: MemorySize,
    /// `taskmanager.numberOfTaskSlots`.
    pub slots: u32,
    /// `taskmanager.cpu.cores`, else `yarn.containers.vcores` when positive, else the number of slots.
    pub cpu_cores: f64,
    /// `external-resources` with their amounts: name, amount.
    pub external_resources: Vec<(String, u64)>,
}

/// A memory configuration that does not add up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// A value of the wrong kind.
    #[error(transparent)]
    Value(#[from] ConfigError),
    /// None of the sizes is set from which the others follow.
    #[error("none of the memory sizes is configured: set one of {}", keys.join(", "))]
    NotConfigured {
        /// Keys of which one is needed.
        keys: Vec<String>,
    },
    /// The parts do not fit, or contradict each other.
    #[error("{text}")]
    Inconsistent {
        /// Which keys and sizes, and why they do not fit.
        text: String,
        /// Keys to look at.
        keys: Vec<String>,
    },
}

impl MemoryError {
    /// What to change.
    pub fn hint(&self) -> Option<String> {
        todo!()
    }
}

impl JobManagerMemory {
    /// Derives the sizes.
    ///
    /// # Errors
    /// Nothing configured, or parts that do not add up.
    pub fn derive(config: &FlinkConfig) -> Result<Self, MemoryError> {
        let _ = config;
        todo!()
    }

    /// `jobmanager.memory.flink.size`.
    pub fn flink(&self) -> MemorySize {
        todo!()
    }

    /// `jobmanager.memory.process.size`.
    pub fn process(&self) -> MemorySize {
        todo!()
    }

    /// What to ask from YARN, MiB: the process size rounded down, as flink-yarn does.
    pub fn process_mib(&self) -> u64 {
        self.process().mib()
    }

    /// `-Xmx…`, `-Xms…`, `-XX:…`.
    pub fn jvm_args(&self) -> Vec<String> {
        todo!()
    }

    /// `key=value` pairs for `-D`.
    pub fn dynamic_properties(&self) -> Vec<String> {
        todo!()
    }
}

impl TaskManagerMemory {
    /// Derives the sizes.
    ///
    /// # Errors
    /// Nothing configured, or parts that do not add up.
    pub fn derive(config: &FlinkConfig) -> Result<Self, MemoryError> {
        let _ = config;
        todo!()
    }

    /// JVM heap: framework and task.
    pub fn heap(&self) -> MemorySize {
        todo!()
    }

    /// JVM direct memory: framework, task, network.
    pub fn direct(&self) -> MemorySize {
        todo!()
    }

    /// `taskmanager.memory.flink.size`.
    pub fn flink(&self) -> MemorySize {
        todo!()
    }

    /// `taskmanager.memory.process.size`.
    pub fn process(&self) -> MemorySize {
        todo!()
    }

    /// What to ask from YARN, MiB: the process size rounded down.
    pub fn process_mib(&self) -> u64 {
        self.process().mib()
    }

    /// What to ask from YARN: `cpu_cores` rounded up, at least 1.
    pub fn vcores(&self) -> u32 {
        todo!()
    }

    /// `-Xmx…`, `-Xms…`, `-XX:…`.
    pub fn jvm_args(&self) -> Vec<String> {
        todo!()
    }

    /// `key=value` pairs for `-D`; `TaskManagerRunner` needs every one of them.
    pub fn dynamic_properties(&self) -> Vec<String> {
        todo!()
    }
}
