//! Client of Flink's REST API.

mod types;

use std::time::Duration;

pub use types::*;

use super::JobStatus;

/// Connection settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// For connecting.
    pub connect_timeout: Duration,
    /// For the whole request.
    pub timeout: Duration,
    /// Largest accepted answer in bytes.
    pub max_body: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(5), timeout: Duration::from_secs(30), max_body: 8 << 20 }
    }
}

/// Client of one JobManager's REST server. Cheap to clone; a connection is made per request.
#[derive(Clone, Debug)]
pub struct Client {
    host: String,
    port: u16,
    options: Options,
}

/// A request that got no useful answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestError {
    /// Nobody listens (yet, or any more).
    #[error("cannot connect to Flink's REST server at {address}")]
    Connect {
        /// host:port.
        address: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No answer in time.
    #[error("Flink's REST server at {address} did not answer {path} within {} s", after.as_secs_f32())]
    TimedOut {
        /// host:port.
        address: String,
        /// Path asked for.
        path: String,
        /// How long it was waited.
        after: Duration,
    },
    /// The connection broke, or what came is no HTTP.
    #[error("the connection to Flink's REST server at {address} failed at {path}")]
    Transport {
        /// host:port.
        address: String,
        /// Path asked for.
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
    #[error("Flink at {address} knows nothing of {path}: {message}")]
    NotFound {
        /// host:port.
        address: String,
        /// Path asked for.
        path: String,
        /// First lines of the answer.
        message: String,
    },
    /// Any other status that is no success.
    #[error("Flink at {address} answered {path} with {status}: {message}")]
    Status {
        /// host:port.
        address: String,
        /// Path asked for.
        path: String,
        /// HTTP status.
        status: u16,
        /// First lines of the answer.
        message: String,
        /// The whole answer.
        detail: String,
    },
    /// The answer is larger than allowed.
    #[error("the answer of Flink at {address} to {path} is larger than {limit} bytes")]
    TooLarge {
        /// host:port.
        address: String,
        /// Path asked for.
        path: String,
        /// The limit, bytes.
        limit: usize,
    },
    /// The answer is not what was expected.
    #[error("the answer of Flink at {address} to {path} is not understood")]
    Body {
        /// host:port.
        address: String,
        /// Path asked for.
        path: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl RestError {
    /// Whether asking again may help: nobody there yet, not the leader yet, broken connection, time-out.
    pub fn is_transient(&self) -> bool {
        todo!()
    }

    /// Whether nobody listens.
    pub fn is_refused(&self) -> bool {
        todo!()
    }

    /// Whether the thing asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        todo!()
    }
}

impl Client {
    /// A client; nothing is connected yet.
    pub fn new(host: impl Into<String>, port: u16, options: Options) -> Self {
        Self { host: host.into(), port, options }
    }

    /// `GET /overview`.
    ///
    /// # Errors
    /// See [`RestError`]; the same for all methods.
    pub async fn overview(&self) -> Result<Overview, RestError> {
        let _ = (&self.host, self.port, self.options);
        todo!()
    }

    /// `GET /jobs/overview`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn jobs_overview(&self) -> Result<Vec<JobOverview>, RestError> {
        todo!()
    }

    /// `GET /jobs/:id/status`: never stale.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn job_status(&self, job: &str) -> Result<JobStatus, RestError> {
        let _ = job;
        todo!()
    }

    /// `GET /jobs/:id/execution-result`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn execution_result(&self, job: &str) -> Result<ExecutionResult, RestError> {
        let _ = job;
        todo!()
    }

    /// `GET /jobs/:id`: may be stale by `web.refresh-interval` (3 s).
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn job(&self, job: &str) -> Result<JobDetails, RestError> {
        let _ = job;
        todo!()
    }

    /// `GET /jobs/:id/exceptions`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn exceptions(&self, job: &str) -> Result<JobExceptions, RestError> {
        let _ = job;
        todo!()
    }

    /// `GET /jobs/:id/checkpoints`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn checkpoints(&self, job: &str) -> Result<Checkpoints, RestError> {
        let _ = job;
        todo!()
    }

    /// `GET /taskmanagers`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn task_managers(&self) -> Result<Vec<TaskManager>, RestError> {
        todo!()
    }

    /// `GET /applications/overview` (2.3).
    ///
    /// # Errors
    /// See [`RestError`]; 404 before 2.3.
    pub async fn applications_overview(&self) -> Result<Vec<ApplicationOverview>, RestError> {
        todo!()
    }

    /// `GET /applications/:id/exceptions` (2.3).
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn application_exceptions(&self, application: &str) -> Result<JobExceptions, RestError> {
        let _ = application;
        todo!()
    }

    /// `GET /jobmanager/config`: the effective configuration, with the real ports.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn job_manager_config(&self) -> Result<Vec<ConfigEntry>, RestError> {
        todo!()
    }

    /// `PATCH /jobs/:id?mode=cancel`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn cancel(&self, job: &str) -> Result<(), RestError> {
        let _ = job;
        todo!()
    }

    /// `DELETE /cluster`: ends the cluster; a running job becomes SUSPENDED and loses its checkpoints, so cancel first.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn delete_cluster(&self) -> Result<(), RestError> {
        todo!()
    }
}
