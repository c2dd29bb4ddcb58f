//! Flink's memory model, exact to the byte (`JobManagerProcessUtils`, `TaskExecutorProcessUtils`).
//!
//! The derivation starts from one of three sizes: the fine-grained ones, else total Flink memory, else total process memory.
//! All others follow. `integration-tests/java/MemoryVectors.java` prints what Flink itself derives, for comparison.

mod job_manager;
mod process;
mod task_manager;

#[cfg(test)]
mod tests;

use super::ConfigError;

pub use job_manager::JobManagerMemory;
pub use task_manager::TaskManagerMemory;

/// A memory configuration that does not add up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MemoryError {
    /// A value has the wrong type.
    #[error(transparent)]
    Value(#[from] ConfigError),
    /// None of the sizes from which the others follow is set.
    #[error("no memory size is configured: set one of {}", keys.join(", "))]
    NotConfigured {
        /// The keys, one of which must be set.
        keys: Vec<String>,
    },
    /// The parts do not fit, or contradict each other.
    #[error("{text}")]
    Inconsistent {
        /// Which keys and sizes, and why they do not fit.
        text: String,
        /// Keys to check.
        keys: Vec<String>,
    },
}

impl MemoryError {
    /// What to change.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Value(error) => error.hint(),
            Self::NotConfigured { keys } => {
                keys.last().map(|key| format!("set `{key}`, the usual choice, such as `-D {key}=2g`"))
            }
            Self::Inconsistent { text, keys } => {
                let total = ["process.size", "flink.size"]
                    .iter()
                    .find_map(|total| keys.iter().find(|key| key.ends_with(total)))
                    .filter(|_| text.contains("exceed") || text.contains("is not more than"));
                let Some(total) = total else { return Some(format!("check `{}`", keys.join("`, `"))) };
                let parts: Vec<_> = keys.iter().filter(|key| *key != total).map(String::as_str).collect();
                let flag = match total.as_str() {
                    "jobmanager.memory.process.size" => " (`-jm`)",
                    "taskmanager.memory.process.size" => " (`-tm`)",
                    _ => "",
                };
                Some(format!(
                    "raise `{total}`{flag}, or lower one of its components: `{}`",
                    parts.join("`, `")
                ))
            }
        }
    }
}
