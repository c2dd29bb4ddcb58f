//! The verbs as library calls: submit, watch, list, explain, kill.
//!
//! Begin with [`Gateway::open`] for a cluster and with [`JobSubmission`] for what to run on it. [`submit::submit`]
//! takes a job from there to the ResourceManager, [`attach::wait`] watches it, [`Outcome`] says how it ended, and
//! [`explain`](mod@explain) why, or why it waits.
//! Everything that can be wrong is checked ([`PreflightError`]) before anything on the cluster is touched.

pub mod attach;
pub mod checkpoints;
mod container_env;
mod error;
pub mod events;
pub mod explain;
mod files;
mod gateway;
pub mod gc;
pub mod high_availability;
pub mod jobs;
mod journal;
pub mod key;
mod keys;
pub mod kill;
pub mod live;
mod outcome;
mod place;
mod placed;
mod placement;
pub mod plan;
pub mod preflight;
mod proxied;
pub mod session;
mod spec;
pub mod state_paths;
pub mod submit;

pub use attach::WaitLevel;
pub use error::{ApplicationError, ErrorKind, PreflightError, SubmitError, detail};
pub use explain::{Cause, CauseCode, Evidence, Explanation};
pub use gateway::{Gateway, host_settings};
pub use key::{Key, Keyed};
pub use kill::Killed;
pub use live::Live;
pub use outcome::{Outcome, Verdict};
pub use plan::Plan;
pub use proxied::Proxied;
pub use spec::{FlinkHome, JobJar, JobSubmission, ResolvedJob, SessionSize, Site, app_master_path};
pub use submit::Submitted;

#[cfg(test)]
mod tests;
