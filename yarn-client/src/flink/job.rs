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
    /// Has failed, tasks are being stopped.
    Failing,
    /// Ended by an error.
    Failed,
    /// Tasks are being stopped.
    Cancelling,
    /// Ended by a user.
    Canceled,
    /// Ended by itself.
    Finished,
    /// Between two attempts.
    Restarting,
    /// Stopped on this JobManager only; may be recovered by another.
    Suspended,
    /// Finding its tasks again.
    Reconciling,
}

impl JobStatus {
    /// Flink's name.
    pub fn name(self) -> &'static str {
        todo!()
    }

    /// Whether this JobManager will do nothing more for the job.
    pub fn is_terminal(self) -> bool {
        todo!()
    }

    /// Whether no JobManager will: FINISHED, FAILED or CANCELED.
    pub fn is_globally_terminal(self) -> bool {
        todo!()
    }
}

impl fmt::Display for JobStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
