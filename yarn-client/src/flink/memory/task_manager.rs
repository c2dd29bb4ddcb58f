//! A TaskManager's process (`TaskExecutorFlinkMemoryUtils`, `TaskExecutorProcessUtils`).

use super::MemoryError;
use super::process::{
    Jvm, ProcessOptions, Range, RangeOptions, Start, inconsistent, size, sum, with_legacy_heap,
};
use crate::flink::options as o;
use crate::flink::{FlinkConfig, MemorySize};

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
    /// `taskmanager.cpu.cores`, else `yarn.containers.vcores` if positive, else the number of slots.
    pub cpu_cores: f64,
    /// `external-resources` with their amounts: name, amount.
    pub external_resources: Vec<(String, u64)>,
}

static OPTIONS: ProcessOptions = ProcessOptions {
    fine_grained: &[o::TM_TASK_HEAP, o::TM_MANAGED],
    flink: o::TM_FLINK,
    process: o::TM_PROCESS,
    metaspace: o::TM_METASPACE,
    overhead: RangeOptions {
        name: "JVM Overhead",
        min: o::TM_OVERHEAD_MIN,
        max: o::TM_OVERHEAD_MAX,
        fraction: o::TM_OVERHEAD_FRACTION,
    },
};

static NETWORK: RangeOptions = RangeOptions {
    name: "Network Memory",
    min: o::TM_NETWORK_MIN,
    max: o::TM_NETWORK_MAX,
    fraction: o::TM_NETWORK_FRACTION,
};

/// The parts inside Flink's memory.
struct FlinkMemory {
    framework_heap: MemorySize,
    framework_off_heap: MemorySize,
    task_heap: MemorySize,
    task_off_heap: MemorySize,
    network: MemorySize,
    managed: MemorySize,
}

impl TaskManagerMemory {
    /// Derives the sizes.
    ///
    /// # Errors
    /// Nothing is configured, or parts do not add up.
    pub fn derive(config: &FlinkConfig) -> Result<Self, MemoryError> {
        let config = &with_legacy_heap(config, &o::TM_PROCESS, &o::TM_LEGACY_HEAP, &o::TM_LEGACY_HEAP_MB)?;
        let (memory, jvm) = match OPTIONS.start(config)? {
            Start::FineGrained => {
                let memory = FlinkMemory::from_parts(config)?;
                let flink = memory.total()?;
                (memory, OPTIONS.jvm_around(config, flink)?)
            }
            Start::Flink(flink) => {
                (FlinkMemory::from_total(config, flink)?, OPTIONS.jvm_around(config, flink)?)
            }
            Start::Process(process) => {
                let (jvm, flink) = OPTIONS.jvm_of_process(config, process)?;
                (FlinkMemory::from_total(config, flink)?, jvm)
            }
        };
        let FlinkMemory { framework_heap, framework_off_heap, task_heap, task_off_heap, network, managed } =
            memory;
        let Jvm { metaspace, overhead } = jvm;
        let slots = slots(config)?;
        Ok(Self {
            framework_heap,
            framework_off_heap,
            task_heap,
            task_off_heap,
            network,
            managed,
            metaspace,
            overhead,
            slots,
            cpu_cores: cpu_cores(config, slots)?,
            external_resources: external_resources(config)?,
        })
    }

    /// JVM heap: framework and task.
    pub fn heap(&self) -> MemorySize {
        total(&[self.framework_heap, self.task_heap])
    }

    /// JVM direct memory: framework, task, network.
    pub fn direct(&self) -> MemorySize {
        total(&[self.framework_off_heap, self.task_off_heap, self.network])
    }

    /// `taskmanager.memory.flink.size`.
    pub fn flink(&self) -> MemorySize {
        total(&[self.heap(), self.direct(), self.managed])
    }

    /// `taskmanager.memory.process.size`.
    pub fn process(&self) -> MemorySize {
        total(&[self.flink(), self.metaspace, self.overhead])
    }

    /// What to request from YARN, MiB: the process size rounded down.
    pub fn process_mib(&self) -> u64 {
        self.process().mib()
    }

    /// What to request from YARN: `cpu_cores` rounded up, at least 1.
    pub fn vcores(&self) -> u32 {
        // The cast saturates; `cpu_cores` is positive and finite.
        (self.cpu_cores.ceil() as u32).max(1)
    }

    /// `-Xmx…`, `-Xms…`, `-XX:…`.
    pub fn jvm_args(&self) -> Vec<String> {
        let heap = self.heap().bytes();
        vec![
            format!("-Xmx{heap}"),
            format!("-Xms{heap}"),
            format!("-XX:MaxDirectMemorySize={}", self.direct().bytes()),
            format!("-XX:MaxMetaspaceSize={}", self.metaspace.bytes()),
        ]
    }

    /// `key=value` pairs for `-D`; `TaskManagerRunner` needs every one of them.
    pub fn dynamic_properties(&self) -> Vec<String> {
        let mut properties = vec![format!("{}={:?}", o::TM_CPU_CORES.key, self.cpu_cores)];
        let sizes = [
            (o::TM_FRAMEWORK_HEAP, self.framework_heap),
            (o::TM_FRAMEWORK_OFF_HEAP, self.framework_off_heap),
            (o::TM_TASK_HEAP, self.task_heap),
            (o::TM_TASK_OFF_HEAP, self.task_off_heap),
            (o::TM_NETWORK_MIN, self.network),
            (o::TM_NETWORK_MAX, self.network),
            (o::TM_MANAGED, self.managed),
            (o::TM_METASPACE, self.metaspace),
            (o::TM_OVERHEAD_MIN, self.overhead),
            (o::TM_OVERHEAD_MAX, self.overhead),
        ];
        properties.extend(sizes.iter().map(|(option, size)| format!("{}={size}", option.key)));
        properties.push(format!("{}={}", o::TM_SLOTS.key, self.slots));
        let names: Vec<_> = self.external_resources.iter().map(|(name, _)| name.as_str()).collect();
        // "none" is what Flink itself uses for an empty list here (`ExternalResourceOptions.NONE`).
        let names = if names.is_empty() { "none".to_owned() } else { names.join(";") };
        properties.push(format!("{}={names}", o::EXTERNAL_RESOURCES.key));
        properties.extend(
            self.external_resources
                .iter()
                .map(|(name, amount)| format!("external-resource.{name}.amount={amount}")),
        );
        properties
    }
}

fn total(parts: &[MemorySize]) -> MemorySize {
    MemorySize::from_bytes(parts.iter().fold(0, |sum, part| sum.saturating_add(part.bytes())))
}

impl FlinkMemory {
    fn total(&self) -> Result<MemorySize, MemoryError> {
        sum(
            &[
                self.framework_heap,
                self.framework_off_heap,
                self.task_heap,
                self.task_off_heap,
                self.network,
                self.managed,
            ],
            &[o::TM_FLINK.key],
        )
    }

    /// Everything is fixed except the network memory.
    fn from_parts(config: &FlinkConfig) -> Result<Self, MemoryError> {
        let mut memory = Self::fixed(config)?;
        memory.task_heap = size(config, &o::TM_TASK_HEAP)?;
        memory.managed = size(config, &o::TM_MANAGED)?;
        let without_network = memory.total()?;
        memory.network = match config.memory_size(&o::TM_FLINK)? {
            Some(flink) => memory.rest_for_network(config, flink, without_network)?,
            None => match legacy_network(config)? {
                Some(network) => network,
                None => Range::read(config, &NETWORK)?.beside(without_network)?,
            },
        };
        memory.total()?;
        Ok(memory)
    }

    /// Flink's total is fixed; the task heap is the rest, or the network memory if the heap is fixed, too.
    fn from_total(config: &FlinkConfig, flink: MemorySize) -> Result<Self, MemoryError> {
        let mut memory = Self::fixed(config)?;
        memory.managed = match config.memory_size(&o::TM_MANAGED)? {
            Some(managed) => managed,
            None => Range::unlimited(config, "Managed Memory", &o::TM_MANAGED_FRACTION)?.of(flink)?,
        };
        if let Some(task_heap) = config.memory_size(&o::TM_TASK_HEAP)? {
            memory.task_heap = task_heap;
            let without_network = memory.total()?;
            memory.network = memory.rest_for_network(config, flink, without_network)?;
            return Ok(memory);
        }
        memory.network = match legacy_network(config)? {
            Some(network) => network,
            None => Range::read(config, &NETWORK)?.of(flink)?,
        };
        let without_task_heap = memory.total()?;
        memory.task_heap =
            flink.checked_sub(without_task_heap).ok_or_else(|| memory.exceeds(flink, without_task_heap))?;
        Ok(memory)
    }

    fn fixed(config: &FlinkConfig) -> Result<Self, MemoryError> {
        Ok(Self {
            framework_heap: size(config, &o::TM_FRAMEWORK_HEAP)?,
            framework_off_heap: size(config, &o::TM_FRAMEWORK_OFF_HEAP)?,
            task_heap: MemorySize::ZERO,
            task_off_heap: size(config, &o::TM_TASK_OFF_HEAP)?,
            network: MemorySize::ZERO,
            managed: MemorySize::ZERO,
        })
    }

    fn rest_for_network(
        &self,
        config: &FlinkConfig,
        flink: MemorySize,
        without_network: MemorySize,
    ) -> Result<MemorySize, MemoryError> {
        let network =
            flink.checked_sub(without_network).ok_or_else(|| self.exceeds(flink, without_network))?;
        match legacy_network(config)? {
            None => Range::read(config, &NETWORK)?.check("Network Memory", network)?,
            Some(wanted) if wanted == network => {}
            Some(wanted) => {
                let text = format!(
                    "Derived Network Memory size ({}) does not match configured Network Memory size ({}: {})",
                    network.human(),
                    o::TM_LEGACY_NETWORK_BUFFERS.key,
                    wanted.human()
                );
                return Err(inconsistent(text, &[o::TM_LEGACY_NETWORK_BUFFERS.key, o::TM_FLINK.key]));
            }
        }
        Ok(network)
    }

    fn exceeds(&self, flink: MemorySize, sum: MemorySize) -> MemoryError {
        let mut parts = vec![
            ("Framework Heap Memory", o::TM_FRAMEWORK_HEAP.key, self.framework_heap),
            ("Framework Off-Heap Memory", o::TM_FRAMEWORK_OFF_HEAP.key, self.framework_off_heap),
            ("Task Heap Memory", o::TM_TASK_HEAP.key, self.task_heap),
            ("Task Off-Heap Memory", o::TM_TASK_OFF_HEAP.key, self.task_off_heap),
            ("Managed Memory", o::TM_MANAGED.key, self.managed),
            ("Network Memory", o::TM_NETWORK_MIN.key, self.network),
        ];
        parts.retain(|(_, _, size)| *size > MemorySize::ZERO);
        let listed: Vec<_> =
            parts.iter().map(|(name, key, size)| format!("{name} ({key}: {})", size.human())).collect();
        let text = format!(
            "Sum of configured {} is {} and exceeds the configured or derived Total Flink Memory ({})",
            listed.join(", "),
            sum.human(),
            flink.human()
        );
        let mut keys = vec![o::TM_PROCESS.key, o::TM_FLINK.key];
        keys.extend(parts.iter().map(|(_, key, _)| *key));
        inconsistent(text, &keys)
    }
}

/// Network memory as a number of buffers, as before 1.5; used only if no newer key is set.
fn legacy_network(config: &FlinkConfig) -> Result<Option<MemorySize>, MemoryError> {
    let newer = [o::TM_NETWORK_MIN, o::TM_NETWORK_MAX, o::TM_NETWORK_FRACTION];
    if newer.iter().any(|option| config.explicit(option).is_some()) {
        return Ok(None);
    }
    let key = o::TM_LEGACY_NETWORK_BUFFERS.key;
    let Some(buffers) = config.integer(&o::TM_LEGACY_NETWORK_BUFFERS)? else { return Ok(None) };
    let page = size(config, &o::TM_SEGMENT_SIZE)?;
    let bytes = u64::try_from(buffers).ok().and_then(|n| n.checked_mul(page.bytes()));
    match bytes.filter(|b| *b <= MemorySize::MAX.bytes()) {
        Some(bytes) => Ok(Some(MemorySize::from_bytes(bytes))),
        None => Err(inconsistent(
            format!("`{key}`: {buffers} buffers of {} are not a valid size", page.human()),
            &[key],
        )),
    }
}

fn slots(config: &FlinkConfig) -> Result<u32, MemoryError> {
    let slots = config.integer(&o::TM_SLOTS)?.unwrap_or(1);
    u32::try_from(slots).ok().filter(|n| *n > 0 && *n <= i32::MAX.unsigned_abs()).ok_or_else(|| {
        inconsistent(
            format!("`{}`: {slots} is not a positive number of slots", o::TM_SLOTS.key),
            &[o::TM_SLOTS.key],
        )
    })
}

fn cpu_cores(config: &FlinkConfig, slots: u32) -> Result<f64, MemoryError> {
    let cores = match config.double(&o::TM_CPU_CORES)? {
        Some(cores) => cores,
        None => match config.integer(&o::YARN_CONTAINERS_VCORES)? {
            // Far below 2^53.
            Some(vcores) if vcores > 0 => vcores.min(i64::from(i32::MAX)) as f64,
            _ => f64::from(slots),
        },
    };
    if cores.is_finite() && cores > 0.0 {
        return Ok(cores);
    }
    let key = o::TM_CPU_CORES.key;
    Err(inconsistent(format!("TaskManagers need a positive number of CPU cores; `{key}` is {cores}"), &[key]))
}

fn external_resources(config: &FlinkConfig) -> Result<Vec<(String, u64)>, MemoryError> {
    let names = config.list(&o::EXTERNAL_RESOURCES);
    let mut resources = Vec::new();
    for name in names.into_iter().filter(|name| name != "none") {
        let key = format!("external-resource.{name}.amount");
        // Flink skips resources without an amount (`ExternalResourceUtils.getExternalResourceAmountMap`).
        let Some(text) = config.get(&key) else { continue };
        match text.trim().parse::<u64>() {
            Ok(amount) if amount > 0 => resources.push((name, amount)),
            _ => {
                return Err(inconsistent(
                    format!("`{key}`: `{text}` is not a positive whole number"),
                    &[&key],
                ));
            }
        }
    }
    Ok(resources)
}
