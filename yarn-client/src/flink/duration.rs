//! Durations in Flink's text form (`org.apache.flink.util.TimeUtils`).

use std::time::Duration;

/// Text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration: {reason}")]
pub struct DurationError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Parses `200 ms`, `3s`, `5 min`, `1 h`, `30 d`, `PT10S`; a bare number is milliseconds.
///
/// # Errors
/// No number, an unknown unit, or a number that does not fit.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let _ = text;
    todo!()
}

/// The shortest text Flink reads back as the same duration, in whole ms (`200 ms`, `30 d`).
pub fn format(duration: Duration) -> String {
    let _ = duration;
    todo!()
}
