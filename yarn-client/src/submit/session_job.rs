//! A job for a running session: its settings, and how it gets there.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures::Stream;
use tokio::io::AsyncReadExt as _;
use tokio::time::Instant;

use super::error::PreflightError;
use super::keys;
use super::spec::JobJar;
use crate::cluster::state_paths::{ALLOW_LOCAL_STATE, StateRoot};
use crate::cluster::{ApplicationError, Gateway, Live, SessionError};
use crate::conf::Configuration;
use crate::flink::failure::Failure;
use crate::flink::keys::{check_job, is_of_clusters};
use crate::flink::rest::{RestError, RunJar};
use crate::flink::{FlinkConfig, Warning};
use crate::hdfs::FileRead;
use crate::running::session;

/// `main` may take its time before it submits its job, and so may the upload of a jar of hundreds of megabytes.
const RUN_LIMIT: Duration = Duration::from_secs(3600);
/// How long to look for a submission whose response was lost.
const LOOKED_FOR: Duration = Duration::from_secs(10);
/// A job sent to a session right after its start waits for the JobManager.
const FLINK_STARTS: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(300);
/// Bytes read from a jar at a time.
const CHUNK: usize = 64 * 1024;
/// The same for a jar in HDFS, where each part costs a connection to a DataNode.
const REMOTE_CHUNK: usize = 4 << 20;

/// Checks that a session name is free: two sessions with the same name could not be told apart, nor could a name that
/// looks like an application id. The default name may be used by several: such a session is addressed by its id.
///
/// # Errors
/// [`PreflightError::SessionName`], [`PreflightError::SessionNameIsId`], [`PreflightError::ResourceManager`].
pub async fn check_name(gateway: &Gateway, name: &str) -> Result<(), PreflightError> {
    if name == session::DEFAULT_NAME {
        return Ok(());
    }
    if session::reads_as_id(name) {
        return Err(PreflightError::SessionNameIsId { name: name.to_owned() });
    }
    let sessions = session::list(gateway).await.map_err(super::preflight::file_system)?;
    match sessions.into_iter().find(|report| report.name == name) {
        Some(report) => Err(PreflightError::SessionName { name: name.to_owned(), application: report.id }),
        None => Ok(()),
    }
}

/// The resolved settings of one job of a session.
#[derive(Debug)]
struct JobSettings {
    /// Flink's configuration of the job.
    flink: BTreeMap<String, String>,
    /// Full URI of the savepoint to start from.
    savepoint: Option<String>,
    warnings: Vec<Warning>,
}

/// Resolves the settings of one job of a session.
fn job_settings(
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

/// A job for a session. Every field but [`jar`](Self::jar) may be left at its default.
#[derive(Debug, Clone, Default)]
pub struct SessionJob {
    /// The jar with the program: a local path, or a URI of the cluster's file systems (`hdfs://…`).
    pub jar: String,
    /// Class with the `main` method; `None` for the one of the jar's manifest.
    pub main_class: Option<String>,
    /// The program's arguments.
    pub args: Vec<String>,
    /// Default parallelism.
    pub parallelism: Option<u32>,
    /// Savepoint or retained checkpoint to start from.
    pub savepoint: Option<String>,
    /// Whether state that the program no longer has may be skipped.
    pub allow_non_restored_state: bool,
    /// Flink settings of the job as `key=value`, in order.
    pub dynamic: Vec<String>,
}

impl SessionJob {
    /// The request to Flink, and what the user should know. `entropy`: random bytes that become the job's id.
    ///
    /// # Errors
    /// [`PreflightError::Flink`] for anything but `key=value`, [`PreflightError::ClusterKey`] for settings that only a
    /// new cluster could apply, [`PreflightError::SessionJars`], [`PreflightError::StatePath`].
    pub fn resolve(
        &self,
        hadoop: &Configuration,
        entropy: [u8; 16],
    ) -> Result<(RunJar, Vec<Warning>), PreflightError> {
        let settings = job_settings(hadoop, &self.dynamic, self.savepoint.as_deref())?;
        let run = RunJar {
            job_id: crate::hex(&entropy),
            entry_class: self.main_class.clone(),
            program_args_list: self.args.clone(),
            parallelism: self.parallelism,
            savepoint_path: settings.savepoint,
            allow_non_restored_state: self.allow_non_restored_state.then_some(true),
            flink_configuration: settings.flink,
        };
        Ok((run, settings.warnings))
    }

    /// Uploads the jar to a session, given by its id or name, whose JobManager may still be starting. `bases`: see [`Live::open`].
    ///
    /// # Errors
    /// As [`session::find`] and [`Live::open`]; [`ApplicationError::Local`], [`ApplicationError::FileSystem`] for the jar,
    /// [`ApplicationError::Job`].
    pub async fn upload(
        &self,
        gateway: &Gateway,
        wanted: &str,
        bases: &[String],
    ) -> Result<Uploaded, ApplicationError> {
        let id = session::find(gateway, wanted).await?.id;
        let live = Live::open_within(gateway, id, bases, FLINK_STARTS).await?;
        live.flink_answers(FLINK_STARTS).await?;
        let name = upload_jar(gateway, &live, &JobJar::parse(&self.jar)).await?;
        Ok(Uploaded { live, name })
    }
}

/// A jar that has been uploaded to a session and not been run yet.
#[derive(Debug)]
pub struct Uploaded {
    /// The connection to the session.
    pub live: Live,
    /// The name that Flink has given it.
    name: String,
}

impl Uploaded {
    /// Runs the jar under the job id in `run`, and removes it from the session again.
    ///
    /// # Errors
    /// [`SessionError::Program`] for a program that fails before its job is submitted, [`SessionError::Unsure`] when it
    /// is not known whether it was, [`ApplicationError::Job`].
    pub async fn run(&self, run: &RunJar) -> Result<(), ApplicationError> {
        let live = &self.live;
        let ran = live.flink.with_timeout(RUN_LIMIT).run_jar(&self.name, run).await;
        self.remove().await;
        match ran {
            Ok(_) => Ok(()),
            Err(error) if error.is_transient() => {
                if is_known(live, &run.job_id).await {
                    return Ok(());
                }
                let (application, job) = (live.id(), run.job_id.clone());
                Err(SessionError::Unsure { application, job, source: Box::new(error) }.into())
            }
            Err(RestError::Status { detail, status: 400..=599, .. }) => {
                let failure = Failure::from_trace(&detail);
                // In a session a program cannot wait for its job, and one that asks for its results fails after submitting it.
                let begun = live.flink.job_status(&run.job_id).await;
                let left = begun.is_ok_and(|state| !state.is_terminal()).then(|| run.job_id.clone());
                let (application, usage) = (live.id(), is_usage(&detail));
                Err(SessionError::Program { application, usage, failure: Box::new(failure), left }.into())
            }
            Err(error) => Err(live.flink_error(error)),
        }
    }

    /// Removes the jar. A jar that remains is removed with the session.
    pub async fn remove(&self) {
        if let Err(error) = self.live.flink.delete_jar(&self.name).await {
            tracing::debug!(jar = self.name, "removing the jar from the session: {error}");
        }
    }
}

/// Whether Flink knows a job, after the response to its submission was lost.
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

/// Uploads a jar and returns the name that Flink gives it.
async fn upload_jar(gateway: &Gateway, live: &Live, jar: &JobJar) -> Result<String, ApplicationError> {
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

/// Whether the text is Flink's message for something that is not a program (`PackagedProgram`).
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
    use crate::cluster::ErrorKind;

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
