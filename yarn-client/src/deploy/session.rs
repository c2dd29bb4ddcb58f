//! Sessions: clusters for many jobs, found by id or by name.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use proto::control::StatusReply;
use proto::ids::ApplicationId;
use tokio::io::AsyncReadExt as _;
use tokio::time::Instant;

use super::error::{ApplicationError, PreflightError};
use super::gateway::Gateway;
use super::keys;
use super::live::Live;
use super::spec::JobJar;
use super::state_paths::{ALLOW_LOCAL_STATE, StateRoot};
use crate::conf::Configuration;
use crate::flink::failure::Failure;
use crate::flink::keys::{check_job, is_of_clusters};
use crate::flink::rest::{RestError, RunJar};
use crate::flink::{FlinkConfig, Warning};
use crate::hdfs::FileRead;
use crate::yarn::{ApplicationFilter, ApplicationReport};

/// The tag every session carries, beside its owner's: YARN's list tells sessions from jobs by it.
pub const TAG: &str = "flink-session";
/// `main` may take its time before it submits its job, and a jar of hundreds of megabytes its own.
const RUN_LIMIT: Duration = Duration::from_secs(3600);
/// A submission whose answer was lost is looked for so long.
const LOOKED_FOR: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(300);
/// Of sessions nobody has named. Flink's own client calls them so, and there may be many.
pub(super) const DEFAULT_NAME: &str = "Flink session cluster";
/// What an application master that is asked in passing may take.
const GLANCE: Duration = Duration::from_millis(1500);
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

/// The application that is meant: by its id, or by a name that exactly one running session of this user has. Whatever begins as an
/// id does is one.
///
/// # Errors
/// [`ApplicationError::Id`], [`ApplicationError::NoSession`], [`ApplicationError::ManySessions`],
/// [`ApplicationError::ResourceManager`].
pub async fn application(gateway: &Gateway, wanted: &str) -> Result<ApplicationId, ApplicationError> {
    match wanted.parse() {
        Ok(id) => Ok(id),
        Err(error) if reads_as_id(wanted) => Err(error.into()),
        Err(_) => Ok(named(gateway, wanted).await?.id),
    }
}

/// Sessions have no such names.
fn reads_as_id(wanted: &str) -> bool {
    wanted.starts_with("application_")
}

/// The session that is meant: by its id, or by a name that exactly one running session of this user has.
///
/// # Errors
/// [`ApplicationError::NoSession`], [`ApplicationError::ManySessions`], [`ApplicationError::NotASession`],
/// [`ApplicationError::NotFound`], [`ApplicationError::ResourceManager`].
pub async fn find(gateway: &Gateway, wanted: &str) -> Result<ApplicationReport, ApplicationError> {
    if !reads_as_id(wanted) {
        return named(gateway, wanted).await;
    }
    let id = application(gateway, wanted).await?;
    let report = gateway.application(id).await?;
    if is_session(&report) { Ok(report) } else { Err(ApplicationError::NotASession { application: id }) }
}

async fn named(gateway: &Gateway, wanted: &str) -> Result<ApplicationReport, ApplicationError> {
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

/// A session and, when it could be asked in passing, its master's view of it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// As the ResourceManager describes it.
    pub report: ApplicationReport,
    /// As its master does.
    pub status: Option<StatusReply>,
}

/// Asks the masters of sessions where they stand, all at once and not for long. `bases`: see [`Live::open`].
pub async fn glance(gateway: &Gateway, reports: Vec<ApplicationReport>, bases: &[String]) -> Vec<Listed> {
    let file_systems = gateway.file_systems().ok();
    let glances = reports.into_iter().map(async |report| {
        let asked = async {
            let live = Live::of(file_systems.as_ref()?, report.clone(), bases).await.ok()?;
            live.status().await.ok()
        };
        let status = tokio::time::timeout(GLANCE, asked).await.ok().flatten();
        Listed { report, status }
    });
    futures::future::join_all(glances).await
}

/// Whether a name is still to be had: two sessions of one name could not be told apart. Nor could one that is called like
/// an application id. The default name is everybody's: such a session is meant by its id.
///
/// # Errors
/// [`PreflightError::SessionName`], [`PreflightError::SessionNameIsId`], [`PreflightError::ResourceManager`].
pub async fn check_name(gateway: &Gateway, name: &str) -> Result<(), PreflightError> {
    if name == DEFAULT_NAME {
        return Ok(());
    }
    if reads_as_id(name) {
        return Err(PreflightError::SessionNameIsId { name: name.to_owned() });
    }
    let sessions = list(gateway).await.map_err(super::preflight::file_system)?;
    match sessions.into_iter().find(|report| report.name == name) {
        Some(report) => Err(PreflightError::SessionName { name: name.to_owned(), application: report.id }),
        None => Ok(()),
    }
}

/// What one job of a session is told.
#[derive(Debug, Clone, Default)]
pub struct JobSettings {
    /// Flink's configuration of the job.
    pub flink: BTreeMap<String, String>,
    /// Full URI of the savepoint to begin with.
    pub savepoint: Option<String>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

/// Settings of one job of a session.
///
/// # Errors
/// [`PreflightError::Flink`] for what is no `key=value`, [`PreflightError::ClusterKey`] for what only a new cluster could heed,
/// [`PreflightError::SessionJars`], [`PreflightError::StatePath`].
pub fn job_settings(
    hadoop: &Configuration,
    dynamic: &[String],
    savepoint: Option<&str>,
) -> Result<JobSettings, PreflightError> {
    let mut config = FlinkConfig::new();
    for given in dynamic {
        config.apply_dynamic(given)?;
    }
    if config.contains(keys::JARS.key) {
        return Err(PreflightError::SessionJars { key: keys::JARS.key });
    }
    let state = StateRoot::of_cluster(hadoop, &config)?;
    config.remove(ALLOW_LOCAL_STATE.key);
    let mut warnings = state.apply(&mut config)?;
    warnings.extend(check_job(&mut config, dynamic)?);
    let savepoint = savepoint.map(|given| state.qualify("the savepoint", given)).transpose()?;
    let savepoint = savepoint.map(Cow::into_owned);
    let settings = config.flat().clone();
    match settings.keys().find(|key| is_of_clusters(key)) {
        Some(key) => Err(PreflightError::ClusterKey { key: key.clone() }),
        None => Ok(JobSettings { flink: settings, savepoint, warnings }),
    }
}

/// Whether Flink knows a job, after the answer to its submission was lost.
async fn is_known(live: &Live, job: &str) -> bool {
    let deadline = Instant::now() + LOOKED_FOR;
    loop {
        if live.flink.job_status(job).await.is_ok() {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Uploads a jar to a session, for [`run_jar`]. Returns the name that Flink gives it.
///
/// # Errors
/// [`ApplicationError::Local`], [`ApplicationError::FileSystem`] for the jar, [`ApplicationError::Flink`].
pub async fn upload_jar(gateway: &Gateway, live: &Live, jar: &JobJar) -> Result<String, ApplicationError> {
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
    uploaded.map_err(|error| live.flink_error(error))
}

/// Runs an uploaded jar under the job id in `run`, and removes it from the session again.
///
/// # Errors
/// [`ApplicationError::Program`] for a program that fails before its job is submitted, [`ApplicationError::Unsure`] when nobody
/// says whether it was, [`ApplicationError::Flink`].
pub async fn run_jar(live: &Live, uploaded: &str, run: &RunJar) -> Result<(), ApplicationError> {
    let ran = live.flink.with_timeout(RUN_LIMIT).run_jar(uploaded, run).await;
    remove_jar(live, uploaded).await;
    match ran {
        Ok(_) => Ok(()),
        Err(error) if error.is_transient() => {
            if is_known(live, &run.job_id).await {
                return Ok(());
            }
            let (application, job) = (live.id(), run.job_id.clone());
            Err(ApplicationError::Unsure { application, job, source: Box::new(error) })
        }
        Err(RestError::Status { detail, status: 400..=599, .. }) => {
            let failure = Failure::from_trace(&detail);
            // In a session a program cannot wait for its job, and one that wants its results fails behind it.
            let begun = live.flink.job_status(&run.job_id).await;
            let left = begun.is_ok_and(|state| !state.is_terminal()).then(|| run.job_id.clone());
            let (application, usage) = (live.id(), is_usage(&detail));
            Err(ApplicationError::Program { application, usage, failure: Box::new(failure), left })
        }
        Err(error) => Err(live.flink_error(error)),
    }
}

/// Removes an uploaded jar. One that is left goes with the session.
pub async fn remove_jar(live: &Live, uploaded: &str) {
    if let Err(error) = live.flink.delete_jar(uploaded).await {
        tracing::debug!(jar = uploaded, "removing the jar from the session: {error}");
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::ErrorKind;

    #[test]
    fn a_job_sets_what_is_the_jobs() {
        let mut hadoop = Configuration::default();
        hadoop.set("fs.defaultFS", "hdfs://nn");
        let dynamic = |given: &[&str]| {
            let given: Vec<_> = given.iter().map(|&it| it.to_owned()).collect();
            job_settings(&hadoop, &given, Some("/sp"))
        };
        let settings =
            dynamic(&["pipeline.name=n", "execution.checkpointing.interval=1s", "pipeline.name=m"]).unwrap();
        assert_eq!(settings.flink.len(), 2);
        assert_eq!(settings.flink["pipeline.name"], "m");
        assert_eq!(settings.savepoint.as_deref(), Some("hdfs://nn/sp"));
        let local = "execution.checkpointing.savepoint-dir=file:///mnt/sp";
        assert!(matches!(dynamic(&[local]), Err(PreflightError::StatePath(_))));
        let settings = dynamic(&[local, "yarn-flink.allow-local-state=true"]).unwrap();
        assert_eq!(settings.flink.len(), 1, "only we know what ours is");
        for key in [
            "yarn.application.queue",
            "taskmanager.numberOfTaskSlots",
            "jobmanager.memory.process.size",
            "high-availability",
            "high-availability.type",
            "flink.hadoop.dfs.replication",
        ] {
            let error = dynamic(&["a=1", &format!("{key}=2")]).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.hint().is_some());
        }
        let jars = dynamic(&["pipeline.jars=/a.jar"]).unwrap_err();
        assert!(matches!(jars, PreflightError::SessionJars { .. }) && jars.hint().is_some(), "{jars}");
        // A value may be a secret.
        assert!(!dynamic(&["security.x=hidden"]).unwrap_err().to_string().contains("hidden"));
    }

    #[test]
    fn a_wrong_class_is_told_from_a_program_that_fails() {
        assert!(is_usage(
            "org.apache.flink.client.program.ProgramInvocationException: The program's entry point class 'a.B' was not found in the jar file."
        ));
        assert!(!is_usage(
            "org.apache.flink.client.program.ProgramInvocationException: The main method caused an error: boom"
        ));
    }
}
