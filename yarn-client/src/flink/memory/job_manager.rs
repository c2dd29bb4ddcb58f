//! The JobManager's process (`JobManagerFlinkMemoryUtils`).

use super::MemoryError;
use super::process::{Jvm, ProcessOptions, RangeOptions, Start, inconsistent, size, sum, with_legacy_heap};
use crate::flink::options as o;
use crate::flink::{FlinkConfig, MemorySize};

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

static OPTIONS: ProcessOptions = ProcessOptions {
    fine_grained: &[o::JM_HEAP],
    flink: o::JM_FLINK,
    process: o::JM_PROCESS,
    metaspace: o::JM_METASPACE,
    overhead: RangeOptions {
        name: "JVM Overhead",
        min: o::JM_OVERHEAD_MIN,
        max: o::JM_OVERHEAD_MAX,
        fraction: o::JM_OVERHEAD_FRACTION,
    },
};

/// Flink's recommended minimum heap (`JobManagerOptions.MIN_JVM_HEAP_SIZE`).
const RECOMMENDED_HEAP: MemorySize = MemorySize::from_mib(128);

impl JobManagerMemory {
    /// Derives the sizes.
    ///
    /// # Errors
    /// Nothing is configured, or parts do not add up.
    pub fn derive(config: &FlinkConfig) -> Result<Self, MemoryError> {
        let config = &with_legacy_heap(config, &o::JM_PROCESS, &o::JM_LEGACY_HEAP, &o::JM_LEGACY_HEAP_MB)?;
        let limit_direct = config.boolean(&o::JM_DIRECT_LIMIT)?.unwrap_or(false);
        let ((heap, off_heap), jvm) = match OPTIONS.start(config)? {
            Start::FineGrained => {
                let parts = from_heap(config)?;
                let flink = sum(&[parts.0, parts.1], &[o::JM_HEAP.key, o::JM_OFF_HEAP.key])?;
                (parts, OPTIONS.jvm_around(config, flink)?)
            }
            Start::Flink(flink) => (from_flink(config, flink)?, OPTIONS.jvm_around(config, flink)?),
            Start::Process(process) => {
                let (jvm, flink) = OPTIONS.jvm_of_process(config, process)?;
                (from_flink(config, flink)?, jvm)
            }
        };
        let Jvm { metaspace, overhead } = jvm;
        let memory = Self { heap, off_heap, metaspace, overhead, limit_direct };
        sum(&[heap, off_heap, metaspace, overhead], &[o::JM_PROCESS.key])?;
        Ok(memory)
    }

    /// A warning if the heap is smaller than Flink recommends (128 MiB).
    pub fn warning(&self) -> Option<String> {
        (self.heap < RECOMMENDED_HEAP).then(|| {
            format!(
                "the JobManager's heap ({}) is less than the recommended {}; raise {}",
                self.heap.human(),
                RECOMMENDED_HEAP.human(),
                o::JM_PROCESS.key
            )
        })
    }

    /// `jobmanager.memory.flink.size`.
    pub fn flink(&self) -> MemorySize {
        MemorySize::from_bytes(self.heap.bytes().saturating_add(self.off_heap.bytes()))
    }

    /// `jobmanager.memory.process.size`.
    pub fn process(&self) -> MemorySize {
        let jvm = self.metaspace.bytes().saturating_add(self.overhead.bytes());
        MemorySize::from_bytes(self.flink().bytes().saturating_add(jvm))
    }

    /// What to request from YARN, MiB: the process size rounded down, as in flink-yarn.
    pub fn process_mib(&self) -> u64 {
        self.process().mib()
    }

    /// `-Xmx…`, `-Xms…`, `-XX:…`.
    pub fn jvm_args(&self) -> Vec<String> {
        let heap = self.heap.bytes();
        let mut args = vec![format!("-Xmx{heap}"), format!("-Xms{heap}")];
        if self.limit_direct {
            args.push(format!("-XX:MaxDirectMemorySize={}", self.off_heap.bytes()));
        }
        args.push(format!("-XX:MaxMetaspaceSize={}", self.metaspace.bytes()));
        args
    }

    /// `key=value` pairs for `-D`.
    pub fn dynamic_properties(&self) -> Vec<String> {
        [
            (o::JM_HEAP, self.heap),
            (o::JM_OFF_HEAP, self.off_heap),
            (o::JM_METASPACE, self.metaspace),
            (o::JM_OVERHEAD_MIN, self.overhead),
            (o::JM_OVERHEAD_MAX, self.overhead),
        ]
        .iter()
        .map(|(option, size)| format!("{}={size}", option.key))
        .collect()
    }
}

fn from_heap(config: &FlinkConfig) -> Result<(MemorySize, MemorySize), MemoryError> {
    let heap = size(config, &o::JM_HEAP)?;
    let off_heap = size(config, &o::JM_OFF_HEAP)?;
    let Some(flink) = config.memory_size(&o::JM_FLINK)? else { return Ok((heap, off_heap)) };
    let keys = [o::JM_HEAP.key, o::JM_OFF_HEAP.key, o::JM_FLINK.key];
    let advice = "make the configuration consistent or configure only one of JVM Heap and Total Flink Memory";
    if config.explicit(&o::JM_OFF_HEAP).is_some() {
        if sum(&[heap, off_heap], &keys)? != flink {
            let text = format!(
                "Sum of the configured JVM Heap Memory ({}: {}) and the configured Off-heap Memory ({}: {}) is not the \
                 configured Total Flink Memory ({}: {}): {advice}",
                o::JM_HEAP.key,
                heap.human(),
                o::JM_OFF_HEAP.key,
                off_heap.human(),
                o::JM_FLINK.key,
                flink.human()
            );
            return Err(inconsistent(text, &keys));
        }
        return Ok((heap, off_heap));
    }
    match flink.checked_sub(heap) {
        Some(rest) => Ok((heap, rest)),
        None => {
            let text = format!(
                "The configured JVM Heap Memory ({}: {}) exceeds the configured Total Flink Memory ({}: {}): {advice}",
                o::JM_HEAP.key,
                heap.human(),
                o::JM_FLINK.key,
                flink.human()
            );
            Err(inconsistent(text, &keys))
        }
    }
}

fn from_flink(config: &FlinkConfig, flink: MemorySize) -> Result<(MemorySize, MemorySize), MemoryError> {
    let off_heap = size(config, &o::JM_OFF_HEAP)?;
    match flink.checked_sub(off_heap) {
        Some(heap) if heap > MemorySize::ZERO => Ok((heap, off_heap)),
        _ => {
            let text = format!(
                "The configured or derived Total Flink Memory ({}: {}) is not more than the configured Off-heap Memory \
                 ({}: {})",
                o::JM_FLINK.key,
                flink.human(),
                o::JM_OFF_HEAP.key,
                off_heap.human()
            );
            Err(inconsistent(text, &[o::JM_PROCESS.key, o::JM_FLINK.key, o::JM_OFF_HEAP.key]))
        }
    }
}
