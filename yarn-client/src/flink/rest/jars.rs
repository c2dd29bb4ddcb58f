//! Programs in a session: a jar is uploaded, run, and removed (`JarUploadHandler`, `JarRunHandler`, `JarDeleteHandler`).

use bytes::Bytes;
use futures::{Stream, StreamExt as _, TryStreamExt as _};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::Method;
use hyper::body::Frame;
use serde::{Deserialize, Serialize};

use super::{Client, RestError, segment};
use crate::file_name;

/// Which part of the jar to run, and how. Flink chooses absent fields.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunJar {
    /// 32 hexadecimal digits: chosen by the caller, so that the job can be found whatever happens to the response.
    pub job_id: String,
    /// Class with the `main` method.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// Its arguments.
    pub program_args_list: Vec<String>,
    /// Default parallelism.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<u32>,
    /// Savepoint or retained checkpoint to start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_path: Option<String>,
    /// Whether state that the program no longer has may be skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_non_restored_state: Option<bool>,
    /// Settings of this job only.
    #[serde(skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub flink_configuration: std::collections::BTreeMap<String, String>,
}

/// The response.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JarRun {
    /// 32 hexadecimal digits.
    #[serde(rename = "jobid")]
    pub job_id: String,
}

#[derive(Deserialize)]
struct Uploaded {
    filename: String,
}

impl Client {
    /// `POST /jars/upload`: a multipart form with one part (RFC 7578), sent as `content` arrives. Returns the jar's id.
    ///
    /// # Errors
    /// See [`RestError`]; an error of `content` is in [`RestError::Transport`].
    pub async fn upload_jar<S>(&self, name: &str, content: S) -> Result<String, RestError>
    where
        S: Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    {
        const PATH: &str = "/jars/upload";
        const BOUNDARY: &str = "yarn-flink-7d1c05e8b6a94c3f";
        // The name becomes a part of paths and URLs there.
        let mut name = file_name::plain(name).into_owned();
        // Flink accepts no other names here; its own client does, but does not upload this way.
        if !name.ends_with(".jar") {
            name.push_str(".jar");
        }
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"jarfile\"; filename=\"{name}\"\r\n\
             Content-Type: application/java-archive\r\n\r\n"
        );
        let part = |text: String| futures::stream::once(std::future::ready(Ok(Bytes::from(text))));
        let form = part(head).chain(content).chain(part(format!("\r\n--{BOUNDARY}--\r\n")));
        let body = StreamBody::new(form.map_ok(Frame::data)).boxed_unsync();
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let answer = self.send_body(Method::POST, PATH, Some(&kind), body).await?;
        let uploaded: Uploaded = self.read(PATH, &answer)?;
        // The server's path; only its last part is the id.
        Ok(uploaded.filename.rsplit('/').next().unwrap_or_default().to_owned())
    }

    /// `POST /jars/:id/run`: runs `main` until it has submitted its job.
    ///
    /// # Errors
    /// See [`RestError`]; a program that fails is a [`RestError::Status`] with its stack trace.
    pub async fn run_jar(&self, jar: &str, run: &RunJar) -> Result<JarRun, RestError> {
        self.post(&format!("/jars/{}/run", segment(jar)), run).await
    }

    /// `DELETE /jars/:id`.
    ///
    /// # Errors
    /// See [`RestError`].
    pub async fn delete_jar(&self, jar: &str) -> Result<(), RestError> {
        self.send(Method::DELETE, &format!("/jars/{}", segment(jar))).await.map(drop)
    }
}
