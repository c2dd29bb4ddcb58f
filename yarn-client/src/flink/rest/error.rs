//! Why a request failed.

use std::io;
use std::time::Duration;

/// A failed request.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestError {
    /// The connection was refused: the server has not started yet, or has already stopped.
    #[error("cannot connect to Flink's REST server at {address}")]
    Connect {
        /// host:port.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No response in time.
    #[error("Flink's REST server at {address} did not answer {path} within {}", crate::seconds(*after))]
    TimedOut {
        /// host:port.
        address: String,
        /// Path requested.
        path: String,
        /// How long we waited.
        after: Duration,
    },
    /// The connection broke, or the response is not HTTP.
    #[error("the connection to Flink's REST server at {address} failed at {path}")]
    Transport {
        /// host:port.
        address: String,
        /// Path requested.
        path: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// 503: the JobManager is not the leader yet.
    #[error("Flink's REST server at {address} is not ready yet")]
    NotReady {
        /// host:port.
        address: String,
    },
    /// 404.
    #[error("Flink at {address} has no {path}: {message}")]
    NotFound {
        /// host:port.
        address: String,
        /// Path requested.
        path: String,
        /// First lines of the response.
        message: String,
    },
    /// Any other unsuccessful status.
    #[error("Flink at {address} answered {path} with {status}: {message}")]
    Status {
        /// host:port.
        address: String,
        /// Path requested.
        path: String,
        /// HTTP status.
        status: u16,
        /// First lines of the response.
        message: String,
        /// The complete response.
        detail: String,
    },
    /// The response is larger than allowed.
    #[error("the response of Flink at {address} to {path} is larger than {limit} bytes")]
    TooLarge {
        /// host:port.
        address: String,
        /// Path requested.
        path: String,
        /// The limit, bytes.
        limit: usize,
    },
    /// The response is not what was expected.
    #[error("cannot parse the response of Flink at {address} to {path}")]
    Body {
        /// host:port.
        address: String,
        /// Path requested.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl RestError {
    /// Whether a retry may help: not started yet, not the leader yet, broken connection, timeout.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. } | Self::TimedOut { .. } | Self::Transport { .. } | Self::NotReady { .. }
        )
    }

    /// Whether the connection was refused.
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Connect { source, .. } if source.kind() == io::ErrorKind::ConnectionRefused)
    }

    /// Flink's complete response, including Java stack traces.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Status { detail, .. } => Some(detail),
            _ => None,
        }
    }

    /// Whether the requested object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}
