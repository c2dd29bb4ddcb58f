//! `run --key`: the same key never runs its job twice, whichever step a client dies at and whichever response is lost.
//!
//! [`machine::KeyProtocol`] decides; this module carries out its steps. The record is stored in HDFS ([`KeyRecord`]): the
//! application id is written before the application is submitted, a later client submits *that* id again, and the
//! ResourceManager reports success for an id it already has (`ClientRMService.submitApplication`).
//!
//! The record also holds the Flink job's id: it belongs to one application, since checkpoints are stored below it. A client
//! that submits the application again uses the same id, and another application under the key gets a different one.

pub mod machine;

use std::fmt;
use std::pin::pin;

use proto::ids::ApplicationId;
use proto::launch;
use sha2::{Digest as _, Sha256};

use self::machine::{End, Happened, JobId, KeyProtocol, Located, Step};
use super::application::{Made, Submitted, hand_over, stage};
use super::error::{PreflightError, SubmitError};
use super::plan::Plan;
use super::preflight::{self, Ready};
use super::spec::{JobJar, ResolvedJob};
use super::tokens;
use crate::cluster::{Gateway, tags};
use crate::hdfs::application_dir::ApplicationDir;
use crate::hdfs::digest::Digests;
use crate::hdfs::key_record::{Found, KeyRecord, Published, Record};
use crate::hdfs::stage::{Progress, StageError, Staging};
use crate::hex;
use crate::yarn::{ApplicationReport, ApplicationState, ApplicationSubmission, FinalStatus, MAX_TAGS};

/// A longer key is a mistake, such as a whole configuration passed as the key.
const MAX_LENGTH: usize = 1024;

/// The key of a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    text: String,
    digest: String,
}

/// The outcome of a submission with a key.
#[derive(Debug)]
pub enum Keyed {
    /// The ResourceManager has the application, from us or from an earlier client.
    Submitted(Box<Submitted>),
    /// It has ended, and YARN has forgotten it.
    Ended {
        /// The application.
        submitted: Box<Submitted>,
        /// How it ended.
        end: RecordedEnd,
    },
}

/// The end of an application, from the record of its key: what its master reported to YARN when it unregistered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEnd {
    /// YARN's result.
    pub final_status: FinalStatus,
    /// The master's diagnostics; beyond 16 KiB the middle is left out.
    pub diagnostics: String,
}

impl Key {
    /// Accepts any text of 1 to 1024 bytes.
    ///
    /// # Errors
    /// [`PreflightError::Key`].
    pub fn new(text: &str) -> Result<Self, PreflightError> {
        let refuse = |reason| Err(PreflightError::Key { reason });
        match text.len() {
            0 => return refuse("is empty"),
            1..=MAX_LENGTH => {}
            _ => return refuse("is longer than 1024 bytes"),
        }
        Ok(Self { text: text.to_owned(), digest: hex(&Sha256::digest(text.as_bytes())) })
    }

    /// The SHA-256 of the key in hexadecimal: the name of its directory.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    fn tag_prefix(&self) -> String {
        format!("{}{}:", tags::KEY, &self.digest[..24])
    }

    /// The tag of the application: which key, and which program.
    fn tag(&self, program: &str) -> String {
        format!("{}{program}", self.tag_prefix())
    }

    /// The digest of the program, from the tags of an application.
    fn program_of(&self, tags: &[String]) -> Option<String> {
        let prefix = self.tag_prefix();
        tags.iter().find_map(|tag| tag.strip_prefix(&prefix)).map(str::to_owned)
    }
}

/// The digest of what a key stands for: jar, class, arguments, savepoint. Sizes, queue and settings may differ between
/// two calls: a retry with more memory is still a retry.
async fn program(job: &ResolvedJob, digests: &Digests) -> Result<String, StageError> {
    let jar = match &job.jar {
        None => String::new(),
        Some(JobJar::Local(path)) => digests.of(path).await?.to_string(),
        Some(JobJar::Remote(uri)) => uri.clone(),
    };
    let mut hash = Sha256::new();
    let class = job.main_class.as_deref().unwrap_or_default();
    let savepoint = job.savepoint.as_deref().unwrap_or_default();
    for part in [jar.as_str(), class, savepoint].into_iter().chain(job.args.iter().map(String::as_str)) {
        // Each part with its length, so that different lists cannot produce the same digest.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    Ok(hex(&hash.finalize()[..16]))
}

/// A job to submit under a key.
pub struct Submission<'a> {
    /// The cluster.
    pub gateway: &'a Gateway,
    /// What is to run.
    pub job: &'a ResolvedJob,
    /// Its plan.
    pub plan: &'a Plan,
    /// The key.
    pub key: &'a Key,
    /// Names this client's attempt; must be random.
    pub name: &'a str,
    /// The time of day, ms since the epoch.
    pub now_ms: u64,
    /// Digests of local files.
    pub digests: &'a Digests,
    /// Is notified about uploads.
    pub progress: &'a (dyn Progress + Sync),
}

impl fmt::Debug for Submission<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission").field("key", self.key).field("name", &self.name).finish_non_exhaustive()
    }
}

impl Submission<'_> {
    /// Submits the job, or finds the application that has been submitted with the key.
    ///
    /// If anything fails, record and staging directory are kept: another client with the key may be using them, and the
    /// next one continues from them. `interrupt`: see [`submit`](crate::submit::submit).
    ///
    /// # Errors
    /// [`SubmitError`].
    pub async fn submit(self, interrupt: impl Future<Output = ()> + Send) -> Result<Keyed, SubmitError> {
        let mut interrupt = pin!(interrupt);
        let mut plan = self.plan.clone();
        plan.staging.writer = format!("-{}", self.name);
        let open = async {
            let program = program(self.job, self.digests).await?;
            let file_systems = self.gateway.file_systems().map_err(preflight::file_system)?;
            let staging = Staging::open(file_systems, plan.staging.clone()).await?;
            Ok::<_, SubmitError>((program, staging))
        };
        let (program, staging) = tokio::select! {
            biased;
            () = &mut interrupt => return Err(SubmitError::Interrupted),
            opened = open => opened?,
        };
        if plan.tags.len() >= MAX_TAGS {
            return Err(PreflightError::Key { reason: "needs a tag, but `yarn.tags` already has ten" }.into());
        }
        plan.tags.insert(self.key.tag(&program));

        let fs = std::sync::Arc::clone(staging.fs());
        let record = KeyRecord::new(fs, staging.base(), self.key.digest(), self.name);
        let marks = launch::Key {
            directory: record.uri(),
            submission: self.name.to_owned(),
            program: program.clone(),
        };
        let own = JobId { id: plan.job_id.clone(), fixed: self.job.fixed_job_id };
        let gateway = self.gateway;
        let mut client = Client { asked: self, plan, record, found: None, ready: None, sent: None };
        let mut protocol = KeyProtocol::new(program, own);
        loop {
            tracing::debug!(step = ?protocol.step(), "key");
            let happened = match protocol.step().clone() {
                Step::Done(end) => return client.end(end, protocol.job(), &staging),
                Step::Submit(application) => {
                    client.plan.set_job_id(&protocol.job().id, protocol.job().fixed);
                    let staged = tokio::select! {
                        biased;
                        () = &mut interrupt => {
                            client.discard_temporaries().await;
                            return Err(SubmitError::Interrupted);
                        }
                        staged = client.stage(application, &marks) => staged?,
                    };
                    // From here on the response is waited for.
                    tracing::debug!(%application, "key: files staged");
                    hand_over(gateway, &staged.1, interrupt.as_mut()).await?;
                    client.sent = Some(staged);
                    Happened::Taken
                }
                step => tokio::select! {
                    biased;
                    () = &mut interrupt => return Err(SubmitError::Interrupted),
                    happened = client.perform(step, protocol.job()) => happened?,
                },
            };
            protocol.handle(happened);
        }
    }
}

/// What the steps work with, and what they have found out.
struct Client<'a> {
    asked: Submission<'a>,
    plan: Plan,
    record: KeyRecord,
    found: Option<Found>,
    ready: Option<Ready>,
    sent: Option<(String, ApplicationSubmission)>,
}

impl Client<'_> {
    async fn perform(&mut self, step: Step, job: &JobId) -> Result<Happened, SubmitError> {
        match step {
            Step::Read => {
                self.found = self.record.find().await.map_err(StageError::from)?;
                Ok(Happened::Found(self.found.as_ref().map(|found| self.located(found)).transpose()?))
            }
            Step::Ask(application) => match self.asked.gateway.resource_manager.report(application).await {
                Ok(report) => Ok(Happened::Known {
                    refused: never_ran(&report),
                    program: self.asked.key.program_of(&report.tags),
                }),
                Err(error) if error.is_not_found() => Ok(Happened::Unknown),
                Err(error) => Err(PreflightError::ResourceManager(error).into()),
            },
            Step::Prepare => {
                let ready = preflight::check(self.asked.gateway, self.asked.job, &self.plan).await?;
                let id = ready.application.id;
                self.ready = Some(ready);
                Ok(Happened::Prepared(id))
            }
            Step::Publish { generation, application } => {
                let record = Record {
                    key: self.asked.key.text.clone(),
                    application_id: application.to_string(),
                    job_id: job.id.clone(),
                    generated_job_id: !job.fixed,
                    created_ms: self.asked.now_ms,
                };
                let published = self.record.publish(generation, &record).await.map_err(StageError::from)?;
                Ok(Happened::Published(published == Published::Ours))
            }
            // Handled by the caller, as they need more than this struct has.
            Step::Submit(_) | Step::Done(_) => Ok(Happened::Taken),
        }
    }

    fn located(&self, found: &Found) -> Result<Located, SubmitError> {
        let damaged = |_| SubmitError::KeyRecord { directory: self.record.uri() };
        Ok(Located {
            generation: found.generation,
            application: found.record.application_id.parse().map_err(damaged)?,
            job: JobId { id: found.record.job_id.clone(), fixed: !found.record.generated_job_id },
            started: found.started.as_ref().map(|started| started.program.clone()),
            ended: found.ended.is_some(),
        })
    }

    async fn stage(
        &self,
        application: ApplicationId,
        marks: &launch::Key,
    ) -> Result<(String, ApplicationSubmission), SubmitError> {
        // The protocol always prepares before it submits.
        let Some(ready) = &self.ready else { return Err(SubmitError::Interrupted) };
        let Submission { gateway, digests, progress, .. } = self.asked;
        let (what, how) = ((application, Some(marks)), (digests, progress));
        stage(&self.plan, gateway, &ready.staging, what, how, &mut Made::default()).await
    }

    /// Removes what an interrupted upload has not published; the names are this client's own.
    async fn discard_temporaries(&self) {
        if let Some(ready) = &self.ready {
            ready.staging.cache().discard_temporaries().await;
        }
    }

    fn end(&mut self, end: End, job: &JobId, staging: &Staging) -> Result<Keyed, SubmitError> {
        let directory = self.record.uri();
        let key = self.asked.key.text.clone();
        let submitted =
            |application: ApplicationId, sent: Option<(String, ApplicationSubmission)>, by_us: bool| {
                let staging_dir = sent.as_ref().map_or_else(
                    || staging.fs().uri(&ApplicationDir::path_of(staging.base(), &application)),
                    |(directory, _)| directory.clone(),
                );
                Box::new(Submitted {
                    application_id: application,
                    job_id: job.id.clone(),
                    staging_dir,
                    name: self.plan.name.clone(),
                    queue: self.plan.queue.clone(),
                    application_type: self.plan.application_type.clone(),
                    tags: self.plan.tags.iter().cloned().collect(),
                    tokens_end_ms: sent.as_ref().and_then(|(_, sent)| tokens::end_ms(&self.plan, sent)),
                    submission: sent.map(|(_, submission)| submission),
                    followed: !by_us,
                })
            };
        match end {
            End::Follow { application, submitted: by_us } => {
                Ok(Keyed::Submitted(submitted(application, self.sent.take(), by_us)))
            }
            End::Ended(application) => {
                let ended = self.found.take().and_then(|found| found.ended);
                let Some(ended) = ended else { return Err(SubmitError::KeyRecord { directory }) };
                let end = RecordedEnd {
                    final_status: ended.final_status.parse().unwrap_or(FinalStatus::Undefined),
                    diagnostics: ended.diagnostics,
                };
                Ok(Keyed::Ended { submitted: submitted(application, None, false), end })
            }
            End::Forgotten(application) => Err(SubmitError::KeyForgotten { key, application, directory }),
            End::Differs(application) => Err(SubmitError::KeyDiffers { key, application }),
        }
    }
}

/// Whether it failed before its first attempt: YARN rejected it (no such queue, no right to use it), so it will never run.
fn never_ran(report: &ApplicationReport) -> bool {
    report.state == ApplicationState::Failed && report.attempt.is_none_or(|attempt| attempt.attempt < 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_any_text_that_is_not_too_long() {
        assert_eq!(
            Key::new("a").unwrap().digest(),
            "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
        );
        assert!(Key::new("").is_err() && Key::new(&"x".repeat(1025)).is_err());
    }

    #[test]
    fn a_tag_says_which_program_and_yarn_takes_it() {
        let key = Key::new("nightly 2026-11-23 ü").unwrap();
        let tag = key.tag(&"ab".repeat(16));
        assert!(tag.is_ascii() && tag.len() <= 100 && tag == tag.to_lowercase(), "{tag}");
        assert_eq!(key.program_of(&["x".to_owned(), tag.clone()]), Some("ab".repeat(16)));
        assert_eq!(Key::new("other").unwrap().program_of(&[tag]), None);
    }

    #[test]
    fn refused_is_what_never_had_an_attempt() {
        let id: ApplicationId = "application_1_0001".parse().unwrap();
        let mut report = crate::cluster::tests::report(id);
        assert!(!never_ran(&report));
        report.state = ApplicationState::Failed;
        assert!(never_ran(&report));
        report.attempt = Some(proto::ids::ApplicationAttemptId { application: id, attempt: 1 });
        assert!(!never_ran(&report));
    }
}
