//! States of a Flink job (`org.apache.flink.api.common.JobStatus`).

use std::fmt;

/// State of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JobStatus {
    /// Being set up.
    Initializing,
    /// Waiting for resources or its start.
    Created,
    /// Running, or waiting for slots with the default scheduler.
    Running,
    /// Has failed; tasks are being stopped.
    Failing,
    /// Ended by an error.
    Failed,
    /// Tasks are being stopped.
    Cancelling,
    /// Ended by a user.
    Canceled,
    /// Ended on its own.
    Finished,
    /// Between two attempts.
    Restarting,
    /// Stopped on this JobManager only; may be recovered by another.
    Suspended,
    /// Reconnecting to its tasks.
    Reconciling,
}

/// Whether this is the id of a job in its text form: 32 hexadecimal digits.
pub fn is_job_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

impl JobStatus {
    /// All states.
    pub const ALL: [Self; 11] = [
        Self::Initializing,
        Self::Created,
        Self::Running,
        Self::Failing,
        Self::Failed,
        Self::Cancelling,
        Self::Canceled,
        Self::Finished,
        Self::Restarting,
        Self::Suspended,
        Self::Reconciling,
    ];

    /// Flink's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Initializing => "INITIALIZING",
            Self::Created => "CREATED",
            Self::Running => "RUNNING",
            Self::Failing => "FAILING",
            Self::Failed => "FAILED",
            Self::Cancelling => "CANCELLING",
            Self::Canceled => "CANCELED",
            Self::Finished => "FINISHED",
            Self::Restarting => "RESTARTING",
            Self::Suspended => "SUSPENDED",
            Self::Reconciling => "RECONCILING",
        }
    }

    /// Whether this JobManager is done with the job.
    pub fn is_terminal(self) -> bool {
        self.is_globally_terminal() || self == Self::Suspended
    }

    /// Whether every JobManager is: FINISHED, FAILED or CANCELED.
    pub fn is_globally_terminal(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Canceled)
    }
}

/// A text that is not a job state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a Flink job state")]
pub struct JobStatusError {
    /// What was given.
    pub text: String,
}

impl std::str::FromStr for JobStatus {
    type Err = JobStatusError;

    fn from_str(text: &str) -> Result<Self, JobStatusError> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == text)
            .ok_or_else(|| JobStatusError { text: text.chars().take(64).collect() })
    }
}

impl<'de> serde::Deserialize<'de> for JobStatus {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_names_round_trip() {
        for status in JobStatus::ALL {
            assert_eq!(status.name().parse(), Ok(status));
        }
        assert!("running".parse::<JobStatus>().is_err());
    }

    #[test]
    fn only_suspended_is_terminal_on_one_job_manager_alone() {
        let local: Vec<_> =
            JobStatus::ALL.into_iter().filter(|s| s.is_terminal() && !s.is_globally_terminal()).collect();
        assert_eq!(local, [JobStatus::Suspended]);
        assert_eq!(JobStatus::ALL.into_iter().filter(|s| s.is_terminal()).count(), 4);
    }
}
