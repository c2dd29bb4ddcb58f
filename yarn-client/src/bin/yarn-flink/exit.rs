//! Exit codes.

use std::process::ExitCode;

/// The end of a command, as a number that scripts can rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// Everything requested was done.
    Success,
    /// The application or its job ended in failure.
    JobFailed,
    /// The command line, a file named on it, or a configuration is wrong; nothing was changed.
    Usage,
    /// The cluster refused the request or could not be reached.
    Cluster,
    /// The job was cancelled or its application killed.
    Killed,
    /// There is no such application or job.
    NotFound,
    /// The time given with `--timeout` has passed; the number that `timeout(1)` uses.
    TimedOut,
    /// Ctrl-C or SIGTERM; the number that shells use for SIGINT.
    Interrupted,
}

impl ExitStatus {
    /// The process exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::JobFailed => 1,
            Self::Usage => 2,
            Self::Cluster => 3,
            Self::Killed => 4,
            Self::NotFound => 5,
            Self::TimedOut => 124,
            Self::Interrupted => 130,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}
