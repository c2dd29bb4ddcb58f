//! Submits work: a job with a cluster of its own, a session, or a job for a running session.
//!
//! Start with [`JobSubmission`]. [`JobSubmission::resolve`] settles what can be settled on this host, [`Plan::new`] computes what
//! will be requested from YARN, [`preflight::check`] asks the cluster whether it is available, and [`submit`] hands it to the
//! ResourceManager. Everything that can be wrong is checked ([`PreflightError`]) before anything on the cluster is changed.

mod application;
mod container_env;
mod error;
mod files;
pub mod key;
mod keys;
mod login;
mod own_keys;
mod placed;
mod placement;
pub mod plan;
pub mod preflight;
pub mod session_job;
mod spec;
mod tokens;

pub use application::{Submitted, submit};
pub use error::{PreflightError, SubmitError};
pub use key::{Key, Keyed, RecordedEnd};
pub use plan::Plan;
pub use session_job::SessionJob;
pub use spec::{FlinkHome, JobJar, JobSubmission, ResolvedJob, SessionSize, Site, app_master_path};
