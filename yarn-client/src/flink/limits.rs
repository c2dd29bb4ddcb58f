//! The maximum, minimum and redundant number of TaskManagers of a cluster: `slotmanager.*`.
//!
//! Flink's own YARN client obeys these in its resource manager (`SlotManagerConfiguration`,
//! `FineGrainedSlotManager`). A standalone cluster ignores them (`ResourceManagerOptions`: "does not take effect for
//! standalone clusters"); so the launcher of TaskManagers has to enforce them.

use super::options::Opt;
use super::{ConfigError, FlinkConfig, TaskManagerMemory};

/// Minimum number of slots.
pub const MIN_SLOTS: Opt = Opt::new("slotmanager.number-of-slots.min");
/// Maximum number of slots.
pub const MAX_SLOTS: Opt = Opt::new("slotmanager.number-of-slots.max");
/// Minimum sum of the TaskManagers' CPU cores; takes precedence over [`MIN_SLOTS`].
pub const MIN_TOTAL_CPU: Opt = Opt::new("slotmanager.min-total-resource.cpu");
/// Maximum sum of the TaskManagers' CPU cores; takes precedence over [`MAX_SLOTS`].
pub const MAX_TOTAL_CPU: Opt = Opt::new("slotmanager.max-total-resource.cpu");
/// Minimum sum of the TaskManagers' memory for tasks; takes precedence over [`MIN_SLOTS`].
pub const MIN_TOTAL_MEMORY: Opt = Opt::new("slotmanager.min-total-resource.memory");
/// Maximum sum of the TaskManagers' memory for tasks; takes precedence over [`MAX_SLOTS`].
pub const MAX_TOTAL_MEMORY: Opt = Opt::new("slotmanager.max-total-resource.memory");
/// TaskManagers beyond what the jobs need, so that a lost one can be replaced at once.
pub const REDUNDANT: Opt = Opt::with("slotmanager.redundant-taskmanager-num", "0");

/// All of them.
pub const ALL: [Opt; 7] =
    [MAX_SLOTS, MIN_SLOTS, MAX_TOTAL_CPU, MAX_TOTAL_MEMORY, MIN_TOTAL_CPU, MIN_TOTAL_MEMORY, REDUNDANT];

/// The limits, in TaskManagers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TaskManagerLimits {
    /// The minimum, whatever the jobs need.
    pub min: u32,
    /// The maximum; [`u32::MAX`] if there is no limit.
    pub max: u32,
    /// The number beyond what the jobs need, within the maximum.
    pub redundant: u32,
}

impl TaskManagerLimits {
    /// No limits and no redundant TaskManagers.
    pub const NONE: Self = Self { min: 0, max: u32::MAX, redundant: 0 };

    /// Target number of TaskManagers for jobs that need `demand`. Without demand there are no redundant ones.
    pub fn wanted(&self, demand: u32) -> u32 {
        let reserve = if demand > 0 { self.redundant } else { 0 };
        demand.saturating_add(reserve).max(self.min).min(self.max)
    }
}

impl Default for TaskManagerLimits {
    fn default() -> Self {
        Self::NONE
    }
}

/// Limits that cannot be satisfied.
#[derive(Debug, thiserror::Error)]
pub enum LimitsError {
    /// A value cannot be read.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A value is below zero.
    #[error("`{key}`: {value} is negative")]
    Negative {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
    },
    /// Not one TaskManager fits.
    #[error("`{key}`: {value} does not allow a single TaskManager, which has {one}")]
    NotOne {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// How much of it one TaskManager has.
        one: String,
    },
    /// The minimum is larger than the maximum.
    #[error("`slotmanager.*` requires at least {min} TaskManagers and allows at most {max}")]
    Contradiction {
        /// The minimum.
        min: u32,
        /// The maximum.
        max: u32,
    },
}

impl LimitsError {
    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Config(source) => return source.hint(),
            Self::Negative { .. } => "set it to 0 or more, or leave it out".to_owned(),
            Self::NotOne { .. } => "raise the limit, or make TaskManagers smaller".to_owned(),
            Self::Contradiction { .. } => "raise the maximum, or lower the minimum".to_owned(),
        })
    }
}

/// One way to limit the TaskManagers: how much all of them may have, and how much one has.
struct Limit {
    option: Opt,
    all: f64,
    one: f64,
}

impl Limit {
    fn at_most(&self) -> f64 {
        (self.all / self.one).floor()
    }

    fn at_least(&self) -> f64 {
        (self.all / self.one).ceil()
    }
}

impl TaskManagerLimits {
    /// Reads the limits for TaskManagers of this size.
    ///
    /// Flink treats a limit in slots as the corresponding share of CPU and memory, so it is ignored if both of these
    /// are given.
    ///
    /// # Errors
    /// Values that cannot be read, or that no number of TaskManagers satisfies.
    pub fn of(config: &FlinkConfig, one: &TaskManagerMemory) -> Result<Self, LimitsError> {
        let least = limits(config, one, &MIN_SLOTS, &MIN_TOTAL_CPU, &MIN_TOTAL_MEMORY)?;
        let most = limits(config, one, &MAX_SLOTS, &MAX_TOTAL_CPU, &MAX_TOTAL_MEMORY)?;
        let min = least.iter().map(|limit| whole(limit.at_least())).max().unwrap_or(0);
        let mut max = u32::MAX;
        for limit in most {
            let allows = whole(limit.at_most());
            if allows == 0 {
                let value = config.explicit(&limit.option).unwrap_or_default().to_owned();
                return Err(LimitsError::NotOne { key: limit.option.key, value, one: has(&limit, one) });
            }
            max = max.min(allows);
        }
        if min > max {
            return Err(LimitsError::Contradiction { min, max });
        }
        let redundant = number(config, &REDUNDANT)?.unwrap_or(0);
        Ok(Self { min, max, redundant: u32::try_from(redundant).unwrap_or(u32::MAX) })
    }
}

/// The limits that are given in slots, cores and memory.
fn limits(
    config: &FlinkConfig,
    one: &TaskManagerMemory,
    slots: &Opt,
    cpu: &Opt,
    memory: &Opt,
) -> Result<Vec<Limit>, LimitsError> {
    let mut found = Vec::new();
    if let Some(all) = config.double(cpu)? {
        if all < 0.0 || all.is_nan() {
            return Err(LimitsError::Negative { key: cpu.key, value: all.to_string() });
        }
        found.push(Limit { option: *cpu, all, one: one.cpu_cores });
    }
    if let Some(all) = config.memory_size(memory)? {
        found.push(Limit { option: *memory, all: bytes(all.bytes()), one: bytes(for_tasks(one)) });
    }
    if found.len() < 2
        && let Some(all) = number(config, slots)?
    {
        found.push(Limit { option: *slots, all: bytes(all), one: f64::from(one.slots.max(1)) });
    }
    Ok(found)
}

fn number(config: &FlinkConfig, option: &Opt) -> Result<Option<u64>, LimitsError> {
    let Some(value) = config.integer(option)? else { return Ok(None) };
    let negative = |_| LimitsError::Negative { key: option.key, value: value.to_string() };
    u64::try_from(value).map(Some).map_err(negative)
}

/// The part of a TaskManager's memory that Flink counts: all but the framework's and the JVM's own
/// (`WorkerResourceSpec.getTotalMemSize`).
fn for_tasks(one: &TaskManagerMemory) -> u64 {
    [one.task_heap, one.task_off_heap, one.network, one.managed]
        .iter()
        .fold(0, |sum, part| sum.saturating_add(part.bytes()))
}

fn has(limit: &Limit, one: &TaskManagerMemory) -> String {
    if limit.option == MAX_TOTAL_MEMORY {
        format!("{} MiB for its tasks", for_tasks(one) >> 20)
    } else if limit.option == MAX_TOTAL_CPU {
        format!("{} CPU cores", one.cpu_cores)
    } else {
        crate::counted(one.slots, "slot")
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "amounts of whole MiB, and numbers of slots, are far below 2^53"
)]
fn bytes(amount: u64) -> f64 {
    amount as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and is never negative"
)]
fn whole(number: f64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The limits for TaskManagers with 2 slots, 2 cores, and 1 GiB for tasks.
    fn limits_of(options: &[(&str, &str)]) -> Result<TaskManagerLimits, LimitsError> {
        let sizes = [
            ("taskmanager.numberOfTaskSlots", "2"),
            ("taskmanager.memory.task.heap.size", "512m"),
            ("taskmanager.memory.managed.size", "384m"),
            ("taskmanager.memory.network.min", "128m"),
            ("taskmanager.memory.network.max", "128m"),
        ];
        let given = sizes.iter().chain(options).map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let config = FlinkConfig::from_flat(given);
        let one = TaskManagerMemory::derive(&config).expect("sizes that add up");
        assert_eq!(for_tasks(&one), 1 << 30);
        TaskManagerLimits::of(&config, &one)
    }

    #[test]
    fn slots_cores_and_memory_limit_task_managers() {
        let found = |options: &[(&str, &str)]| {
            let limits = limits_of(options).expect("limits");
            (limits.min, limits.max, limits.redundant)
        };
        assert_eq!(found(&[]), (0, u32::MAX, 0));
        // A minimum is reached, a maximum is not exceeded.
        assert_eq!(found(&[(MIN_SLOTS.key, "3"), (MAX_SLOTS.key, "7"), (REDUNDANT.key, "1")]), (2, 3, 1));
        assert_eq!(found(&[(MAX_TOTAL_CPU.key, "5.5"), (MIN_TOTAL_CPU.key, "0.5")]), (1, 2, 0));
        assert_eq!(found(&[(MAX_TOTAL_MEMORY.key, "4500m"), (MIN_TOTAL_MEMORY.key, "2g")]), (2, 4, 0));
        // The tightest limit applies; slots only if one of the others is not given.
        assert_eq!(
            found(&[(MAX_TOTAL_CPU.key, "8"), (MAX_TOTAL_MEMORY.key, "3g"), (MAX_SLOTS.key, "2")]),
            (0, 3, 0)
        );
        assert_eq!(found(&[(MAX_TOTAL_CPU.key, "8"), (MAX_SLOTS.key, "4")]), (0, 2, 0));
        assert_eq!(found(&[(MAX_SLOTS.key, "2147483647")]), (0, 1_073_741_823, 0));
    }

    #[test]
    fn unsatisfiable_limits_are_refused() {
        let refusal = |options: &[(&str, &str)]| limits_of(options).expect_err("impossible").to_string();
        assert_eq!(
            refusal(&[(MAX_SLOTS.key, "1")]),
            "`slotmanager.number-of-slots.max`: 1 does not allow a single TaskManager, which has 2 slots"
        );
        assert_eq!(
            refusal(&[(MAX_TOTAL_MEMORY.key, "1000m")]),
            "`slotmanager.max-total-resource.memory`: 1000m does not allow a single TaskManager, which \
             has 1024 MiB for its tasks"
        );
        assert_eq!(
            refusal(&[(MIN_SLOTS.key, "9"), (MAX_SLOTS.key, "8")]),
            "`slotmanager.*` requires at least 5 TaskManagers and allows at most 4"
        );
        assert_eq!(
            refusal(&[(REDUNDANT.key, "-1")]),
            "`slotmanager.redundant-taskmanager-num`: -1 is negative"
        );
        assert!(refusal(&[(MAX_TOTAL_CPU.key, "many")]).contains(MAX_TOTAL_CPU.key));
    }
}
