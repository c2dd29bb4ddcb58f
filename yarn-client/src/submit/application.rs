//! Submits a job to the ResourceManager: files first, then the submission itself. A client that stops half-way leaves
//! nothing behind but complete cache entries.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use proto::ids::ApplicationId;

use super::error::{PreflightError, SubmitError};
use super::own_keys::OwnKeys;
use super::plan::Plan;
use super::preflight::Ready;
use super::tokens;
use crate::cluster::high_availability::HighAvailability;
use crate::cluster::{Gateway, place, tags};
use crate::hdfs::IssuedToken;
use crate::hdfs::application_dir::ApplicationDir;
use crate::hdfs::digest::Digests;
use crate::hdfs::stage::{Progress, StageError, Staging};
use crate::security::{Credentials, Secret};
use crate::yarn::{ApplicationSubmission, LaunchContext, LogAggregationContext, MAX_TAGS};

/// A job that the ResourceManager has accepted.
#[derive(Debug, Clone)]
pub struct Submitted {
    /// The application.
    pub application_id: ApplicationId,
    /// The Flink job: 32 hexadecimal digits.
    pub job_id: String,
    /// Full URI of the application's staging directory.
    pub staging_dir: String,
    /// Its name.
    pub name: String,
    /// The queue it was submitted to; `None` left the choice to the ResourceManager.
    pub queue: Option<String>,
    /// Its type (`yarn.application.type`).
    pub application_type: String,
    /// Its tags, lower case.
    pub tags: Vec<String>,
    /// What was submitted, unless an earlier client with the same key did it;
    /// [`attach::wait`](crate::running::attach::wait) needs it in case a ResourceManager has lost it.
    pub submission: Option<ApplicationSubmission>,
    /// Whether an earlier client with the same key submitted it.
    pub followed: bool,
    /// When the containers' tokens end, ms since the epoch: from then on they cannot use HDFS. `None` if they have none, have a
    /// keytab, with which tokens are replaced in time, or run a batch job.
    pub tokens_end_ms: Option<u64>,
}

impl Submitted {
    /// The base directory of the staged files, for functions that look for it below values of `yarn.staging-directory`.
    pub fn bases(&self) -> Vec<String> {
        ApplicationDir::base_of(&self.staging_dir, &self.application_id)
            .map(str::to_owned)
            .into_iter()
            .collect()
    }
}

/// A ResourceManager that is up responds to a submission within milliseconds.
const ANSWER: Duration = Duration::from_secs(2);

/// Stages everything and submits. `interrupt` stops the work before the submission; once the application is being
/// submitted the response is waited for, unless it takes long.
///
/// # Errors
/// [`SubmitError`]; the application's staging directory has then been removed again, unless the application may exist.
pub async fn submit(
    gateway: &Gateway,
    plan: &Plan,
    ready: Ready,
    digests: &Digests,
    progress: &(dyn Progress + Sync),
    interrupt: impl Future<Output = ()> + Send,
) -> Result<Submitted, SubmitError> {
    let id = ready.application.id;
    let mut made = Made::default();
    let mut interrupt = pin!(interrupt);
    let staged = {
        let work = stage(plan, gateway, &ready.staging, (id, None), (digests, progress), &mut made);
        tokio::select! {
            biased;
            () = &mut interrupt => Err(SubmitError::Interrupted),
            staged = work => staged,
        }
    };
    let submitted = match staged {
        Ok((staging_dir, submission)) => {
            hand_over(gateway, &submission, interrupt).await.map(|()| Submitted {
                application_id: id,
                job_id: plan.job_id.clone(),
                staging_dir,
                name: submission.name.clone(),
                queue: submission.queue.clone(),
                application_type: submission.application_type.clone(),
                tags: submission.tags.clone(),
                tokens_end_ms: tokens::end_ms(plan, &submission),
                submission: Some(submission),
                followed: false,
            })
        }
        Err(error) => Err(error),
    };
    // An application that may exist needs its files.
    if !matches!(submitted, Ok(_) | Err(SubmitError::Unsure { .. })) {
        discard(ready, made).await;
    }
    submitted
}

/// Submits, and waits for the response; if that takes long, only until `interrupt`.
///
/// # Errors
/// [`SubmitError::Refused`]: there is no such application. [`SubmitError::Unsure`]: there may be.
pub(super) async fn hand_over(
    gateway: &Gateway,
    submission: &ApplicationSubmission,
    interrupt: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Result<(), SubmitError> {
    let application = submission.id;
    let patience = async {
        tokio::time::sleep(ANSWER).await;
        interrupt.await;
    };
    tokio::select! {
        biased;
        answer = gateway.resource_manager.submit(submission) => answer.map_err(|source| {
            let lost = source.is_outcome_unknown();
            let source = Box::new(source);
            match lost {
                true => SubmitError::Unsure { application, source: Some(source) },
                false => SubmitError::Refused { application, source },
            }
        }),
        () = patience => Err(SubmitError::Unsure { application, source: None }),
    }
}

/// Uploads the files of the plan and describes the application with them. Only content that is missing from the cache
/// is written: the launch specification is part of the submission.
pub(super) async fn stage(
    plan: &Plan,
    gateway: &Gateway,
    staging: &Staging,
    (id, key): (ApplicationId, Option<&proto::launch::Key>),
    (digests, progress): (&Digests, &(dyn Progress + Sync)),
    made: &mut Made,
) -> Result<(String, ApplicationSubmission), SubmitError> {
    let mut config = plan.config_for(id);
    // Set before the directory exists: a creation that is interrupted may still have happened on the NameNode.
    made.directory = Some(ApplicationDir::open(
        std::sync::Arc::clone(staging.fs()),
        ApplicationDir::path_of(staging.base(), &id),
    ));
    let directory = staging.application_dir(&id).await?;
    made.directory = Some(directory.clone());
    if let Some(record) = HighAvailability::of(&config, id) {
        let stored = record.store(staging.fs().as_ref(), directory.path()).await;
        stored.map_err(StageError::from)?;
    }
    let resources = staging.stage(&plan.files, &directory, digests, progress).await?;
    let placed = plan.place(resources);

    let own_keys = OwnKeys::make(plan, id, &mut config)?;
    let mut spec = plan.launch_spec(config, &placed, directory.uri(), key.cloned())?;
    own_keys.add_to(&mut spec);
    let master_env = plan.master_env_with(&spec.classpath);
    let secret = Secret::new(Bytes::from(spec.encode_to_vec()));
    let mut named = plan.named_file_systems();
    named.push(directory.uri());
    let (tokens, issued) =
        tokens::obtain(gateway, staging.file_systems(), &named).await.map_err(StageError::from)?;
    made.tokens = issued;
    let secrets = vec![(proto::launch::SECRET.to_owned(), secret)];
    let credentials = Credentials { tokens, secrets };

    let context = LaunchContext {
        command: plan.command.clone(),
        env: master_env,
        local_resources: placed.resources,
        credentials: Some(credentials),
        view_acls: plan.acls.0.clone().unwrap_or_default(),
        modify_acls: plan.acls.1.clone().unwrap_or_default(),
    };
    let mut submission = submission(plan, id, context);
    // What others gave us they may still need: the ResourceManager would cancel it, too (YARN-2964).
    submission.cancel_tokens_when_complete = gateway.user.tokens().next().is_none();
    let place = place::tag(staging.fs().as_ref(), staging.base(), staging.file_systems());
    let job = Some(&plan.job_id).filter(|id| !id.is_empty()).map(|id| tags::job_tag(id));
    let room = MAX_TAGS.saturating_sub(submission.tags.len());
    submission.tags.extend(place.into_iter().chain(job).take(room));
    Ok((directory.uri(), submission))
}

/// What a submission has created so far.
#[derive(Debug, Default)]
pub(super) struct Made {
    directory: Option<ApplicationDir>,
    tokens: Vec<IssuedToken>,
}

/// What the ResourceManager is asked to run.
fn submission(plan: &Plan, id: ApplicationId, context: LaunchContext) -> ApplicationSubmission {
    let (rolled_include, rolled_exclude) = plan.rolled_logs.clone();
    let rolled = rolled_include.is_some() || rolled_exclude.is_some();
    ApplicationSubmission {
        application_type: plan.application_type.clone(),
        queue: plan.queue.clone(),
        priority: plan.priority,
        tags: plan.tags.iter().cloned().collect(),
        max_attempts: plan.max_attempts,
        keep_containers: plan.recovers,
        attempt_failures_validity: plan
            .attempt_validity_ms
            .and_then(|millis| u64::try_from(millis).ok())
            .map(Duration::from_millis),
        node_label: plan.node_label.clone(),
        log_aggregation: rolled.then(|| LogAggregationContext {
            rolled_include,
            rolled_exclude,
            ..LogAggregationContext::default()
        }),
        ..ApplicationSubmission::new(id, plan.name.clone(), plan.master.clone(), context)
    }
}

/// Removes what a failed submission has created.
async fn discard(ready: Ready, Made { directory, tokens }: Made) {
    tokens::cancel(ready.staging.file_systems(), &tokens).await;
    if let Some(directory) = directory
        && let Err(error) = ready.staging.discard(&directory).await
    {
        tracing::warn!(directory = directory.path(), %error, "cannot remove the staging directory");
    }
}

impl From<crate::flink::ConfigError> for SubmitError {
    fn from(error: crate::flink::ConfigError) -> Self {
        PreflightError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::submit::plan::tests::plan;

    #[test]
    fn the_submission_says_what_the_options_say() {
        let plan = plan(&[
            ("yarn.application.name", "nightly"),
            ("yarn.application.type", "Batch"),
            ("yarn.application.queue", "etl"),
            ("yarn.application.priority", "5"),
            ("yarn.application.node-label", "fast"),
            ("yarn.application-attempts", "1"),
            ("yarn.application-attempt-failures-validity-interval", "600000"),
            ("yarn.tags", "b, a"),
            ("yarn.rolled-logs.include-pattern", "jobmanager.*"),
            ("yarn.rolled-logs.exclude-pattern", ".*err"),
        ]);
        let id = ApplicationId { cluster_timestamp: 1, id: 2 };
        let submission = submission(&plan, id, LaunchContext::default());
        assert_eq!((submission.id, submission.name.as_str()), (id, "nightly"));
        assert_eq!(submission.application_type, "Batch");
        assert_eq!((submission.queue.as_deref(), submission.priority), (Some("etl"), Some(5)));
        assert_eq!(submission.node_label.as_deref(), Some("fast"));
        assert_eq!(submission.max_attempts, 1);
        assert_eq!(submission.attempt_failures_validity, Some(Duration::from_secs(600)));
        assert_eq!(submission.tags, ["a", "b"]);
        let logs = submission.log_aggregation.expect("patterns were given");
        assert_eq!(logs.rolled_include.as_deref(), Some("jobmanager.*"));
        assert_eq!(logs.rolled_exclude.as_deref(), Some(".*err"));
        assert_eq!((logs.include, logs.exclude), (None, None));
    }

    #[test]
    fn without_options_the_cluster_decides() {
        let id = ApplicationId { cluster_timestamp: 1, id: 2 };
        let submission = submission(&plan(&[]), id, LaunchContext::default());
        assert_eq!((submission.queue, submission.priority, submission.node_label), (None, None, None));
        let logs = submission.log_aggregation.expect("what is rolled away is collected while the job runs");
        assert!(logs.rolled_include.is_some_and(|pattern| pattern.contains("[0-9]+")));
        assert_eq!(logs.rolled_exclude, None);
    }
}
