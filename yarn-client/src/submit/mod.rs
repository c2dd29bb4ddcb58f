//! Submits what is to run: a job with a cluster of its own, a session, or a job for a session that runs.
//!
//! Begin with [`JobSubmission`]. [`JobSubmission::resolve`] answers what can be answered on this host, [`Plan::new`] says what
//! will be asked of YARN, [`preflight::check`] asks the cluster whether it can be had, and [`submit`] takes it to the
//! ResourceManager. Everything that can be wrong is checked ([`PreflightError`]) before anything on the cluster is touched.

mod application;
mod container_env;
mod error;
mod files;
pub mod key;
mod keys;
mod placed;
mod placement;
pub mod plan;
pub mod preflight;
pub mod session_job;
mod spec;

pub use application::{Submitted, submit};
pub use error::{PreflightError, SubmitError};
pub use key::{Key, Keyed};
pub use plan::Plan;
pub use session_job::SessionJob;
pub use spec::{FlinkHome, JobJar, JobSubmission, ResolvedJob, SessionSize, Site, app_master_path};
