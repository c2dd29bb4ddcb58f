//! Sessions: clusters for many jobs, found by id or by name.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use proto::ids::ApplicationId;
use tokio::io::AsyncReadExt as _;

use super::error::{ApplicationError, PreflightError};
use super::gateway::Gateway;
use super::live::Live;
use super::spec::JobJar;
use crate::flink::failure::Failure;
use crate::flink::rest::{RestError, RunJar};
use crate::hdfs::FileRead;
use crate::yarn::{ApplicationFilter, ApplicationReport};

/// The tag every session carries, beside its owner's: YARN's list tells sessions from jobs by it.
pub const TAG: &str = "flink-session";
/// `main` may take its time before it submits its job, and a jar of hundreds of megabytes its own.
const RUN_LIMIT: Duration = Duration::from_secs(3600);
/// Bytes read from a jar at a time.
const CHUNK: usize = 64 * 1024;
/// The same of one in HDFS, where each part costs a connection to a DataNode.
const REMOTE_CHUNK: usize = 4 << 20;

/// Whether an application is a session.
pub fn is_session(report: &ApplicationReport) -> bool {
    report.tags.iter().any(|tag| tag == TAG)
}

/// Running sessions of this user, newest first.
///
/// # Errors
/// [`ApplicationError::ResourceManager`].
pub async fn list(gateway: &Gateway) -> Result<Vec<ApplicationReport>, ApplicationError> {
    let filter = ApplicationFilter {
        users: vec![gateway.user.name.clone()],
        tags: vec![TAG.to_owned()],
        ..ApplicationFilter::default()
    };
    gateway.applications(filter).await
}

/// The session that is meant: by its id, or by a name that exactly one running session of this user has.
///
/// # Errors
/// [`ApplicationError::NoSession`], [`ApplicationError::ManySessions`], [`ApplicationError::NotASession`],
/// [`ApplicationError::NotFound`], [`ApplicationError::ResourceManager`].
pub async fn find(gateway: &Gateway, wanted: &str) -> Result<ApplicationReport, ApplicationError> {
    if let Ok(id) = wanted.parse::<ApplicationId>() {
        let report = gateway.application(id).await?;
        if !is_session(&report) {
            return Err(ApplicationError::NotASession { application: id });
        }
        return Ok(report);
    }
    let mut named = list(gateway).await?;
    named.retain(|report| report.name == wanted);
    match named.len() {
        0 => Err(ApplicationError::NoSession { name: wanted.to_owned(), user: gateway.user.name.clone() }),
        1 => Ok(named.remove(0)),
        _ => Err(ApplicationError::ManySessions {
            name: wanted.to_owned(),
            applications: named.iter().map(|report| report.id).collect(),
        }),
    }
}

/// Whether a name is still to be had: two sessions of one name could not be told apart.
///
/// # Errors
/// [`PreflightError::SessionName`], [`PreflightError::ResourceManager`].
pub async fn check_name(gateway: &Gateway, name: &str) -> Result<(), PreflightError> {
    let sessions = list(gateway).await.map_err(super::preflight::file_system)?;
    match sessions.into_iter().find(|report| report.name == name) {
        Some(report) => Err(PreflightError::SessionName { name: name.to_owned(), application: report.id }),
        None => Ok(()),
    }
}

/// Uploads a jar to a session and runs it, under the job id in `run`. The jar is removed from the session again.
///
/// # Errors
/// [`ApplicationError::Local`], [`ApplicationError::FileSystem`] for the jar, [`ApplicationError::Program`] for a program that
/// fails before its job is submitted, [`ApplicationError::Flink`].
pub async fn run_job(
    gateway: &Gateway,
    live: &Live,
    jar: &JobJar,
    run: &RunJar,
) -> Result<String, ApplicationError> {
    let flink = live.flink.with_timeout(RUN_LIMIT);
    let uploaded = match jar {
        JobJar::Local(path) => flink.upload_jar(&jar.file_name(), read_local(path).await?).await,
        JobJar::Remote(uri) => {
            let file_systems = gateway.file_systems()?;
            let (fs, path) = file_systems.locate(uri)?;
            let file = fs.open(&path).await?;
            flink.upload_jar(&jar.file_name(), read_remote(file)).await
        }
    };
    let uploaded = uploaded.map_err(|error| live.flink_error(error))?;
    let ran = flink.run_jar(&uploaded, run).await;
    if let Err(error) = live.flink.delete_jar(&uploaded).await {
        // It goes with the session.
        tracing::debug!(jar = uploaded, "removing the jar from the session: {error}");
    }
    match ran {
        Ok(ran) => Ok(ran.job_id),
        Err(RestError::Status { detail, status: 400..=599, .. }) => {
            let failure = Failure::from_trace(&detail);
            Err(ApplicationError::Program { usage: is_usage(&detail), failure: Box::new(failure) })
        }
        Err(error) => Err(live.flink_error(error)),
    }
}

fn read_remote(file: Box<dyn FileRead>) -> impl Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    futures::stream::try_unfold((file, 0), |(file, offset)| async move {
        let part = file.read_at(offset, REMOTE_CHUNK).await.map_err(std::io::Error::other)?;
        let next = offset + part.len() as u64;
        Ok((!part.is_empty()).then_some((part, (file, next))))
    })
}

async fn read_local(
    path: &Path,
) -> Result<impl Stream<Item = std::io::Result<Bytes>> + Send + 'static, ApplicationError> {
    let local = |source| ApplicationError::Local { path: path.to_owned(), source };
    let file = tokio::fs::File::open(path).await.map_err(local)?;
    Ok(futures::stream::try_unfold(file, |mut file| async move {
        let mut part = bytes::BytesMut::with_capacity(CHUNK);
        let read = file.read_buf(&mut part).await?;
        Ok((read > 0).then(|| (part.freeze(), file)))
    }))
}

/// Flink's words for a program that is none (`PackagedProgram`).
fn is_usage(trace: &str) -> bool {
    [
        "could not be found in the jar file",
        "Neither a 'Main-Class'",
        "does not declare a main",
        "was not found in the jar",
    ]
    .iter()
    .any(|words| trace.contains(words))
}
