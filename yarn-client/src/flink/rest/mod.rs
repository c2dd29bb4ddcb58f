//! Client of Flink's REST API.

mod checkpoints;
mod connect;
mod error;
mod jars;
mod savepoints;
mod thread_dump;
mod types;

#[cfg(test)]
mod tests;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited};
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, COOKIE, HOST};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use checkpoints::{Checkpoint, CheckpointConfig, Checkpoints, Written};
pub use connect::{Connect, Connecting, Connection, Plain};
pub use error::RestError;
pub use jars::{JarRun, RunJar};
pub use savepoints::{Format, Operation, StopWithSavepoint};
pub use thread_dump::ThreadDump;
pub use types::{
    ApplicationOverview, ConfigEntry, ExceptionEntry, ExecutionResult, JobDetails, JobExceptions,
    JobOverview, JobPlan, Overview, PlanInput, PlanNode, TaskCounts, TaskManager, Vertex, VertexTaskManager,
};

use super::JobStatus;
use super::failure::Failure;

/// Connection settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Limit for connecting.
    pub connect_timeout: Duration,
    /// Limit for the whole request.
    pub timeout: Duration,
    /// Maximum size of a response in bytes.
    pub max_body: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { connect_timeout: Duration::from_secs(5), timeout: Duration::from_secs(30), max_body: 8 << 20 }
    }
}

/// Client of one JobManager's REST server. Cheap to clone; each request uses a new connection.
#[derive(Clone, Debug)]
pub struct Client {
    connect: Arc<dyn Connect>,
    /// Prefix of every path; empty, or `/proxy/application_…`.
    prefix: Arc<str>,
    options: Options,
}

/// Body of a request.
type Body = UnsyncBoxBody<Bytes, std::io::Error>;

impl Client {
    /// A client; nothing is connected yet.
    pub fn new(host: impl Into<String>, port: u16, options: Options) -> Self {
        Self::over(Arc::new(Plain { host: host.into(), port }), options)
    }

    /// A client over connections that the caller provides.
    pub fn over(connect: Arc<dyn Connect>, options: Options) -> Self {
        Self { connect, prefix: Arc::from(""), options }
    }

    /// The same client with a prefix for every path, as behind YARN's web proxy.
    #[must_use]
    pub fn below(&self, prefix: &str) -> Self {
        Self { prefix: Arc::from(prefix.trim_end_matches('/')), ..self.clone() }
    }

    /// The same client, with another limit for a whole request.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        Self { options: Options { timeout, ..self.options }, ..self.clone() }
    }

    /// `GET /overview`.
    ///
    /// # Errors
    /// See [`RestError`]; the same for all methods.
    pub async fn overview(&self) -> Result<Overview, RestError> {
        self.get("/overview").await
    }

    /// `GET /jobs/overview`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn jobs_overview(&self) -> Result<Vec<JobOverview>, RestError> {
        Ok(self.get::<types::Jobs>("/jobs/overview").await?.jobs)
    }

    /// `GET /jobs/:id/status`: never stale.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn job_status(&self, job: &str) -> Result<JobStatus, RestError> {
        Ok(self.get::<types::Status>(&format!("/jobs/{}/status", segment(job))).await?.status)
    }

    /// `GET /jobs/:id/execution-result`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn execution_result(&self, job: &str) -> Result<ExecutionResult, RestError> {
        self.get(&format!("/jobs/{}/execution-result", segment(job))).await
    }

    /// `GET /jobs/:id`: may be stale by `web.refresh-interval` (3 s).
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn job(&self, job: &str) -> Result<JobDetails, RestError> {
        self.get(&format!("/jobs/{}", segment(job))).await
    }

    /// `GET /jobs/:id/exceptions`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn exceptions(&self, job: &str) -> Result<JobExceptions, RestError> {
        self.get(&format!("/jobs/{}/exceptions", segment(job))).await
    }

    /// `GET /jobs/:id/checkpoints`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn checkpoints(&self, job: &str) -> Result<Checkpoints, RestError> {
        self.get(&format!("/jobs/{}/checkpoints", segment(job))).await
    }

    /// `GET /jobs/:id/checkpoints/config`: whether the job makes checkpoints, and what happens to them at its end. The
    /// statistics do not show it: streaming jobs have them in any case.
    ///
    /// # Errors
    /// See [`RestError`]; 404 for a job that cannot make any.
    pub async fn checkpoint_config(&self, job: &str) -> Result<CheckpointConfig, RestError> {
        self.get(&format!("/jobs/{}/checkpoints/config", segment(job))).await
    }

    /// `GET /jobs/:id/vertices/:id/taskmanagers`: where a vertex's tasks are running, or have run.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn vertex_task_managers(
        &self,
        job: &str,
        vertex: &str,
    ) -> Result<Vec<VertexTaskManager>, RestError> {
        let path = format!("/jobs/{}/vertices/{}/taskmanagers", segment(job), segment(vertex));
        Ok(self.get::<types::VertexTaskManagers>(&path).await?.taskmanagers)
    }

    /// `GET /datasets`: how many results are kept after their jobs have ended (`DataStream.cache()`).
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn data_sets(&self) -> Result<usize, RestError> {
        Ok(self.get::<types::DataSets>("/datasets").await?.data_sets.len())
    }

    /// Whether the server responds at all: `GET /config` needs no other part of the JobManager.
    ///
    /// # Errors
    /// See [`RestError`]; a response with an error is a response.
    pub async fn probe(&self) -> Result<(), RestError> {
        self.send(Method::GET, "/config").await.map(|_| ())
    }

    /// `GET /taskmanagers`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn task_managers(&self) -> Result<Vec<TaskManager>, RestError> {
        Ok(self.get::<types::TaskManagers>("/taskmanagers").await?.taskmanagers)
    }

    /// `GET /applications/overview` (2.3).
    ///
    /// # Errors
    /// See [`RestError`]; 404 before 2.3.
    pub async fn applications_overview(&self) -> Result<Vec<ApplicationOverview>, RestError> {
        Ok(self.get::<types::Applications>("/applications/overview").await?.applications)
    }

    /// `GET /applications/:id/exceptions` (2.3).
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn application_exceptions(&self, application: &str) -> Result<JobExceptions, RestError> {
        self.get(&format!("/applications/{}/exceptions", segment(application))).await
    }

    /// `GET /jobmanager/config`: the effective configuration, with the real ports.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn job_manager_config(&self) -> Result<Vec<ConfigEntry>, RestError> {
        self.get("/jobmanager/config").await
    }

    /// `GET /jobmanager/log`: the JobManager's log; needs `-Dlog.file`.
    ///
    /// # Errors
    /// See [`RestError`]; a log larger than [`Options::max_body`] is [`RestError::TooLarge`].
    pub async fn job_manager_log(&self) -> Result<String, RestError> {
        let body = self.send(Method::GET, "/jobmanager/log").await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// `PATCH /jobs/:id?mode=cancel`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn cancel(&self, job: &str) -> Result<(), RestError> {
        self.send(Method::PATCH, &format!("/jobs/{}?mode=cancel", segment(job))).await.map(|_| ())
    }

    /// `GET /jobs/:id/yarn-cancel`: the same, for proxies that only forward GET.
    ///
    /// # Errors
    /// See [`RestError`]; 404 with `web.cancel.enable: false`.
    pub async fn cancel_by_get(&self, job: &str) -> Result<(), RestError> {
        self.send(Method::GET, &format!("/jobs/{}/yarn-cancel", segment(job))).await.map(|_| ())
    }

    /// Whether a path exists.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn has(&self, path: &str) -> Result<bool, RestError> {
        match self.send(Method::GET, path).await {
            Err(error) if error.is_not_found() => Ok(false),
            answer => answer.map(|_| true),
        }
    }

    /// `DELETE /cluster`: ends the cluster; a running job becomes SUSPENDED and loses its checkpoints, so cancel first.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn delete_cluster(&self) -> Result<(), RestError> {
        self.send(Method::DELETE, "/cluster").await.map(|_| ())
    }

    fn address(&self) -> String {
        self.connect.address()
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, RestError> {
        let body = self.send(Method::GET, path).await?;
        self.read(path, &body)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        question: &(impl Serialize + Sync),
    ) -> Result<T, RestError> {
        let question = serde_json::to_vec(question).map_err(|source| self.not_understood(path, source))?;
        let body = Full::new(Bytes::from(question)).map_err(|never| match never {}).boxed_unsync();
        let answer = self.send_body(Method::POST, path, Some("application/json"), body).await?;
        self.read(path, &answer)
    }

    fn read<T: DeserializeOwned>(&self, path: &str, answer: &[u8]) -> Result<T, RestError> {
        serde_json::from_slice(answer).map_err(|source| self.not_understood(path, source))
    }

    fn not_understood(&self, path: &str, source: serde_json::Error) -> RestError {
        RestError::Body { address: self.address(), path: path.to_owned(), source }
    }

    async fn send(&self, method: Method, path: &str) -> Result<Bytes, RestError> {
        let empty = Empty::new().map_err(|never| match never {}).boxed_unsync();
        self.send_body(method, path, None, empty).await
    }

    async fn send_body(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Body,
    ) -> Result<Bytes, RestError> {
        let exchange = self.exchange(method, path, content_type, body);
        tokio::time::timeout(self.options.timeout, exchange).await.unwrap_or_else(|_| {
            Err(RestError::TimedOut {
                address: self.address(),
                path: path.to_owned(),
                after: self.options.timeout,
            })
        })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        content_type: Option<&str>,
        body: Body,
    ) -> Result<Bytes, RestError> {
        let address = self.address();
        let transport = |source: Box<dyn std::error::Error + Send + Sync>| RestError::Transport {
            address: address.clone(),
            path: path.to_owned(),
            source,
        };
        let connect_error = |source| RestError::Connect { address: address.clone(), source };
        let stream = tokio::time::timeout(self.options.connect_timeout, self.connect.connect())
            .await
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map_err(connect_error)?;
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .handshake::<_, Body>(TokioIo::new(stream))
            .await
            .map_err(|error| transport(error.into()))?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.prefix))
            .header(HOST, address.as_str())
            .header(ACCEPT, "application/json")
            .header(CONNECTION, "close");
        if let Some(kind) = content_type {
            request = request.header(CONTENT_TYPE, kind);
        }
        if let Some(cookie) = self.connect.cookie() {
            request = request.header(COOKIE, cookie);
        }
        let request = request.body(body).map_err(|error| transport(error.into()))?;
        // The connection is driven here and ends with this call: nothing is left behind if the caller gives up.
        let answer = async {
            let response = sender.send_request(request).await.map_err(|error| transport(error.into()))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), self.options.max_body).collect().await.map_err(
                |error| {
                    if error.is::<LengthLimitError>() {
                        let limit = self.options.max_body;
                        RestError::TooLarge { address: address.clone(), path: path.to_owned(), limit }
                    } else {
                        transport(error)
                    }
                },
            )?;
            Ok((status, body.to_bytes()))
        };
        tokio::pin!(answer);
        let mut connection = pin!(connection);
        let (status, body) = tokio::select! {
            biased;
            result = &mut answer => result?,
            // When the connection ends, the response gets what has arrived, or the error.
            _ = &mut connection => answer.await?,
        };
        if status.is_success() {
            return Ok(body);
        }
        Err(self.refusal(status, path, &body))
    }

    fn refusal(&self, status: StatusCode, path: &str, body: &[u8]) -> RestError {
        let (address, path) = (self.address(), path.to_owned());
        let detail = error_text(body);
        let message = first_lines(&detail);
        match status {
            StatusCode::SERVICE_UNAVAILABLE => RestError::NotReady { address },
            StatusCode::NOT_FOUND => RestError::NotFound { address, path, message },
            _ => RestError::Status { address, path, status: status.as_u16(), message, detail },
        }
    }
}

/// An id as a path segment: ids are hexadecimal, and anything else must not change the path.
fn segment(id: &str) -> String {
    id.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

/// `{"errors": [...]}` as text; each may be a whole stack trace.
fn error_text(body: &[u8]) -> String {
    match serde_json::from_slice::<types::Errors>(body) {
        Ok(errors) if !errors.errors.is_empty() => errors.errors.join("\n"),
        _ => String::from_utf8_lossy(body).into_owned(),
    }
}

fn first_lines(text: &str) -> String {
    let cut: String = Failure::from_trace(text).root.chars().take(300).collect();
    if cut.is_empty() { "no message".to_owned() } else { cut }
}
