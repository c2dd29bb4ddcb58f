//! Savepoints: each is an operation that is triggered, and then polled until it is complete (`SavepointHandlers`,
//! `SavepointDisposalHandlers`).

use serde::{Deserialize, Serialize};

use super::{Client, RestError, segment};
use crate::flink::failure::Failure;

/// How a savepoint is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Format {
    /// The same for all state backends.
    #[default]
    Canonical,
    /// The state backend's own: faster.
    Native,
}

/// How a job is stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StopWithSavepoint {
    /// Directory for the savepoint; absent: the configured one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_directory: Option<String>,
    /// Advance time to its end first: windows fire, and the job cannot resume from the savepoint as before.
    pub drain: bool,
    /// How it is written.
    pub format_type: Format,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Trigger<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    target_directory: Option<&'a str>,
    cancel_job: bool,
    #[serde(rename = "formatType")]
    format_type: Format,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Disposal<'a> {
    savepoint_path: &'a str,
}

#[derive(Deserialize)]
struct Begun {
    #[serde(rename = "request-id")]
    id: String,
}

/// The state of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// It is in progress.
    InProgress,
    /// It is complete; a savepoint has a path, a disposal none.
    Completed {
        /// Path of the savepoint.
        location: Option<String>,
    },
    /// It has failed.
    Failed(Failure),
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Outer {
            status: Id,
            operation: Option<Inner>,
        }
        #[derive(Deserialize)]
        struct Id {
            id: String,
        }
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "kebab-case")]
        struct Inner {
            location: Option<String>,
            failure_cause: Option<Cause>,
        }
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "kebab-case")]
        struct Cause {
            class: String,
            stack_trace: String,
        }
        let Outer { status, operation } = Outer::deserialize(deserializer)?;
        if status.id != "COMPLETED" {
            return Ok(Self::InProgress);
        }
        let Inner { location, failure_cause } = operation.unwrap_or_default();
        Ok(match failure_cause {
            Some(cause) if cause.stack_trace.is_empty() => Self::Failed(Failure::from_trace(&cause.class)),
            Some(cause) => Self::Failed(Failure::from_trace(&cause.stack_trace)),
            None => Self::Completed { location },
        })
    }
}

impl Client {
    /// `POST /jobs/:id/savepoints`. Returns the operation's id.
    ///
    /// # Errors
    /// See [`RestError`]; the same for all methods.
    pub async fn begin_savepoint(
        &self,
        job: &str,
        target_directory: Option<&str>,
        format_type: Format,
    ) -> Result<String, RestError> {
        let trigger = Trigger { target_directory, cancel_job: false, format_type };
        let begun: Begun = self.post(&format!("/jobs/{}/savepoints", segment(job)), &trigger).await?;
        Ok(begun.id)
    }

    /// `POST /jobs/:id/stop`. Returns the operation's id.
    pub async fn begin_stop(&self, job: &str, stop: &StopWithSavepoint) -> Result<String, RestError> {
        let begun: Begun = self.post(&format!("/jobs/{}/stop", segment(job)), stop).await?;
        Ok(begun.id)
    }

    /// `GET /jobs/:id/savepoints/:operation`.
    pub async fn savepoint(&self, job: &str, operation: &str) -> Result<Operation, RestError> {
        self.get(&format!("/jobs/{}/savepoints/{}", segment(job), segment(operation))).await
    }

    /// `POST /savepoint-disposal`. Returns the operation's id.
    pub async fn begin_disposal(&self, savepoint_path: &str) -> Result<String, RestError> {
        let begun: Begun = self.post("/savepoint-disposal", &Disposal { savepoint_path }).await?;
        Ok(begun.id)
    }

    /// `GET /savepoint-disposal/:operation`.
    pub async fn disposal(&self, operation: &str) -> Result<Operation, RestError> {
        self.get(&format!("/savepoint-disposal/{}", segment(operation))).await
    }
}
