//! Everything specific to Flink: versions, configuration, memory, command lines, REST.
//!
//! Start with [`Distribution::open`] (what is on disk) and [`FlinkConfig::load`] (what the user wants). From the two
//! follow the sizes ([`memory`]), the settings that the life cycle depends on ([`settings`]) and the command lines
//! ([`command`]). A running cluster is read through [`rest::Client`]; from its responses [`demand`] computes a number
//! of slots, and [`results`] the TaskManagers that must be kept.

pub mod command;
pub mod config;
pub mod demand;
pub mod dist;
pub mod duration;
pub mod failure;
pub mod jar;
pub mod job;
pub mod keys;
pub mod limits;
pub mod memory;
pub mod options;
pub mod ports;
pub mod rest;
pub mod results;
pub mod settings;
pub mod size;
pub mod tls;
pub mod version;

pub use config::{ConfigError, FlinkConfig, Warning};
pub use dist::Distribution;
pub use job::{JobStatus, is_job_id};
pub use limits::TaskManagerLimits;
pub use memory::{JobManagerMemory, TaskManagerMemory};
pub use size::MemorySize;
pub use version::Version;

/// Look-up of an environment variable; in production a method of the process environment, in tests a closure.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;
