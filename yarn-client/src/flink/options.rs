//! Every Flink configuration key that is read or set here, with its default, and which `yarn.*` keys take effect.

use super::config::{ConfigError, Warning};
use super::{FlinkConfig, Version};

/// A configuration option: key, deprecated keys, Flink's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opt {
    /// The current key.
    pub key: &'static str,
    /// Older keys that still count, looked up in this order.
    pub deprecated: &'static [&'static str],
    /// Flink's default as text, `None` when there is none.
    pub default: Option<&'static str>,
}

/// How a key of flink-yarn is treated here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Takes effect.
    Honoured,
    /// Has no meaning here; setting it is answered by this warning.
    Ignored(&'static str),
    /// Setting it is an error with this text, which says when it will work.
    Refused(&'static str),
}

/// How `key` is treated; `None` for keys that belong to Flink itself and are passed through.
pub fn support(key: &str) -> Option<Support> {
    let _ = key;
    todo!()
}

/// Checks a configuration against [`support`].
///
/// # Errors
/// The first refused key that is set.
pub fn check_supported(config: &FlinkConfig, version: &Version) -> Result<Vec<Warning>, ConfigError> {
    let _ = (config, version);
    todo!()
}
