//! What Flink must be told so that a job's end can be read, and lost containers be replaced.

use super::{ConfigError, FlinkConfig, Version, Warning};

/// What the cluster is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One application, whose end ends the cluster.
    Application,
    /// Many jobs.
    Session,
}

/// One setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Key.
    pub key: &'static str,
    /// Value.
    pub value: String,
    /// Why it is needed, in one sentence.
    pub reason: &'static str,
    /// Whether it replaces the user's own value.
    pub forced: bool,
}

/// The settings for a configuration: forced ones always, others only where the user has set nothing.
///
/// # Errors
/// A user's value that had to be read and is malformed.
pub fn required_settings(
    config: &FlinkConfig,
    version: &Version,
    mode: Mode,
) -> Result<Vec<Setting>, ConfigError> {
    let _ = (config, version, mode);
    todo!()
}

/// Puts [`required_settings`] into the configuration; a warning for each user's value that had to give way.
///
/// # Errors
/// As [`required_settings`].
pub fn apply_required(
    config: &mut FlinkConfig,
    version: &Version,
    mode: Mode,
) -> Result<Vec<Warning>, ConfigError> {
    let _ = (config, version, mode);
    todo!()
}
