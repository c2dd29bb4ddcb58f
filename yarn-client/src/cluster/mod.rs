//! A cluster and the applications on it: how to reach them, and what they leave behind.
//!
//! Start with [`Gateway::open`]. [`Live`] connects to a running application.

pub mod checkpoints;
pub(crate) mod error;
pub mod events;
pub(crate) mod foreign;
mod gateway;
pub mod high_availability;
pub(crate) mod journal;
pub(crate) mod live;
pub(crate) mod place;
pub mod state_paths;
pub mod tags;
mod znodes;

pub use error::{ApplicationError, ErrorKind, JobError, MasterError, ResourceManagerError, SessionError};
pub use gateway::{Gateway, host_settings};
pub use live::Live;
pub use place::staging_bases;

#[cfg(test)]
pub(crate) mod tests;
