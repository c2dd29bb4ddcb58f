//! Short causes out of long Java stack traces.

/// A failure as a person reads it, and the whole text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The innermost cause, one line: `class: message`.
    pub root: String,
    /// Root and the chain above it, at most a few lines.
    pub summary: String,
    /// The whole trace.
    pub detail: String,
}

impl Failure {
    /// From a Java stack trace.
    pub fn from_trace(trace: &str) -> Self {
        let _ = trace;
        todo!()
    }
}

/// The cause in a JobManager's log after "Fatal error occurred in the cluster entrypoint", if there is one.
pub fn fatal_error_in_log(log: &str) -> Option<Failure> {
    let _ = log;
    todo!()
}
