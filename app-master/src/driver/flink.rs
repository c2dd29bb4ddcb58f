//! Looks at Flink through its REST interface and translates what it reports.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use yarn_client::flink::JobStatus;
use yarn_client::flink::demand;
use yarn_client::flink::rest::{
    ApplicationOverview, Client, Connect, ExecutionResult, JobOverview, Options, RestError,
};
use yarn_client::flink::results::{Wanted, wanted};
use yarn_client::with_cause;

use crate::machine::{
    Answer, ApplicationView, CheckpointsView, FlinkView, JobView, Silence, TaskManagerView,
};

/// A JobManager that answers at all does so in milliseconds, unless its node is overloaded.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long to ask for a failed job's cause.
const RESULT_PATIENCE: Duration = Duration::from_secs(10);
/// How long cancelled jobs have to end; a task may not stop.
const CANCEL_PATIENCE: Duration = Duration::from_secs(10);
const RESULT_PAUSE: Duration = Duration::from_millis(100);
/// Longer than Flink repeats an old answer about checkpoints (`yarn_client::flink::settings` sets 400 ms).
const CHECKPOINTS_PAUSE: Duration = Duration::from_millis(500);
/// A look may fail because of one part of the JobManager, so its server is then asked for something that needs no other
/// part.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// The JobManager's REST server on this node.
#[derive(Debug, Clone)]
pub(super) struct Flink {
    pub(super) rest: Client,
    application_layer: bool,
}

impl Flink {
    /// A client; nothing is connected yet.
    pub(super) fn over(way: Arc<dyn Connect>, application_layer: bool) -> Self {
        // A JobManager that is busy delays a TLS handshake as it delays its answer, so the limit for both applies. The
        // connection itself is made by the kernel.
        let options = Options { connect_timeout: TIMEOUT * 2, timeout: TIMEOUT, ..Options::default() };
        Self { rest: Client::over(way, options), application_layer }
    }

    /// Takes one look; `details` adds the slots each unfinished job needs, `checkpoints` what it could resume from,
    /// `holders` the TaskManagers that must stay though nothing runs on them.
    pub(super) async fn look(&self, details: bool, checkpoints: bool, holders: bool) -> Answer {
        match self.view(details, checkpoints, holders).await {
            Ok(view) => Answer::View(view),
            Err(error) => {
                Answer::Unreachable { silence: self.silence(&error).await, cause: with_cause(&error) }
            }
        }
    }

    async fn silence(&self, error: &RestError) -> Silence {
        match error {
            RestError::NotReady { .. } => Silence::NotReady,
            RestError::Connect { .. } => Silence::Complete,
            error if error.is_transient() => match self.rest.with_timeout(PROBE_TIMEOUT).probe().await {
                Err(error) if error.is_transient() && !matches!(error, RestError::NotReady { .. }) => {
                    Silence::Complete
                }
                _ => Silence::Error,
            },
            _ => Silence::Error,
        }
    }

    async fn view(&self, details: bool, checkpoints: bool, holders: bool) -> Result<FlinkView, RestError> {
        let application = if self.application_layer { self.application().await? } else { None };
        let mut jobs = Vec::new();
        for overview in self.rest.jobs_overview().await? {
            jobs.push(self.job(overview, details, checkpoints).await);
        }
        let wanted = if holders { self.holders(&jobs).await } else { Some(BTreeSet::new()) };
        // Last: TaskManagers that are idle now must have been asked for their results before.
        let task_managers: Vec<_> = self
            .rest
            .task_managers()
            .await?
            .into_iter()
            .map(|tm| TaskManagerView { id: tm.id, slots: tm.slots, free_slots: tm.free_slots })
            .collect();
        let everybody = || task_managers.iter().map(|tm| tm.id.clone()).collect();
        let holders = holders.then(|| wanted.unwrap_or_else(everybody));
        Ok(FlinkView { jobs, application, task_managers, holders })
    }

    /// TaskManagers with results that are yet to be read; `None` if it may be any of them.
    async fn holders(&self, jobs: &[JobView]) -> Option<BTreeSet<String>> {
        // Results that are kept beyond their job may be anywhere.
        if self.rest.data_sets().await.ok()? > 0 {
            return None;
        }
        let mut holders = BTreeSet::new();
        for job in jobs.iter().filter(|job| !job.status.is_terminal()) {
            let Wanted::Of(vertices) = wanted(&self.rest.job(&job.id).await.ok()?) else { return None };
            for vertex in vertices {
                let at = self.rest.vertex_task_managers(&job.id, &vertex).await.ok()?;
                holders.extend(at.into_iter().filter(|it| it.tasks.finished > 0).map(|it| it.id));
            }
        }
        Some(holders)
    }

    async fn job(&self, overview: JobOverview, details: bool, checkpoints: bool) -> JobView {
        let tasks = overview.tasks;
        let mut view = JobView {
            id: overview.id.clone(),
            status: overview.state,
            slots_needed: None,
            streaming: None,
            tasks_total: tasks.total,
            tasks_active: tasks.deploying + tasks.initializing + tasks.running,
            tasks_finished: tasks.finished,
            checkpoints: None,
        };
        // An initialising job has no vertices yet, and Flink would continue to show none for `web.refresh-interval`: it
        // caches the answer to `/jobs/:id` for 3 s.
        if details && overview.state != JobStatus::Initializing && !overview.state.is_terminal() {
            // A job may end between the two requests; the next look shows it.
            if let Ok(details) = self.rest.job(&overview.id).await {
                // Vertices are unknown until the job graph is there.
                view.slots_needed =
                    (!details.vertices.is_empty()).then(|| demand::slots_needed(&overview, &details));
                view.streaming = details.job_type.map(|kind| kind == "STREAMING");
            }
        }
        // Flink logs an error for a job that is not set up yet.
        if checkpoints && overview.state == JobStatus::Running && tasks.total > 0 {
            view.checkpoints = self.checkpoints(&overview.id).await;
        }
        view
    }

    /// A job's checkpoints. A 404 means that the job cannot take any.
    async fn checkpoints(&self, job: &str) -> Option<CheckpointsView> {
        let config = match self.rest.checkpoint_config(job).await {
            Ok(config) if config.is_periodic() => config,
            Ok(_) => return Some(CheckpointsView::Off),
            Err(error) if error.is_not_found() => return Some(CheckpointsView::Off),
            Err(_) => return None,
        };
        match self.rest.checkpoints(job).await {
            Ok(checkpoints) => {
                let newest = checkpoints.latest_completed;
                let completed = newest.is_some();
                let path = newest.and_then(|newest| newest.external_path);
                Some(CheckpointsView::On { completed, path, kept: config.is_kept() })
            }
            Err(_) => None,
        }
    }

    async fn application(&self) -> Result<Option<ApplicationView>, RestError> {
        let applications = self.rest.applications_overview().await?;
        let Some(application) = applications.first() else { return Ok(None) };
        let end = end_of(application);
        let cause = if end == Some(JobStatus::Failed) {
            let exceptions = self.rest.application_exceptions(&application.id).await?;
            exceptions.entries.into_iter().next().map(|entry| entry.failure.summary)
        } else {
            None
        };
        Ok(Some(ApplicationView { end, cause }))
    }

    /// The root cause of a failed job. While Flink archives the job, the list of jobs says FAILED and the result is still
    /// "in progress" (`Dispatcher.requestJobStatus` asks the job's runner as long as there is one, and the runner of a job
    /// that failed in its initialisation says INITIALIZING), so it is requested again for a while.
    pub(super) async fn result(&self, job: &str, checkpoints: bool) -> Answer {
        let cause = self.failure(job, RESULT_PATIENCE).await;
        let checkpoints = if checkpoints { self.last_checkpoints(job).await } else { None };
        Answer::JobResult { cause, checkpoints }
    }

    /// The checkpoints of a job that has ended. For a while Flink may repeat an answer from before the first one.
    async fn last_checkpoints(&self, job: &str) -> Option<CheckpointsView> {
        let seen = self.checkpoints(job).await;
        if !matches!(seen, Some(CheckpointsView::On { completed: false, .. })) {
            return seen;
        }
        tokio::time::sleep(CHECKPOINTS_PAUSE).await;
        self.checkpoints(job).await.or(seen)
    }

    async fn failure(&self, job: &str, patience: Duration) -> Option<String> {
        let deadline = Instant::now() + patience;
        loop {
            let missing = match self.rest.execution_result(job).await {
                Ok(ExecutionResult::Completed { failure, .. }) => {
                    return failure.map(|failure| failure.summary);
                }
                Ok(ExecutionResult::InProgress) => "Flink says that it is in progress".to_owned(),
                Err(error) => error.to_string(),
            };
            if Instant::now() + RESULT_PAUSE > deadline {
                tracing::warn!("reading the job's result: {missing}");
                return None;
            }
            tokio::time::sleep(RESULT_PAUSE).await;
        }
    }

    /// Cancels jobs, and waits until they have ended.
    pub(super) async fn cancel(&self, jobs: &[String]) -> Answer {
        let deadline = Instant::now() + CANCEL_PATIENCE;
        for job in jobs {
            if let Err(error) = self.rest.cancel(job).await {
                tracing::warn!("cancelling job {job}: {error}");
            }
        }
        for job in jobs {
            while Instant::now() < deadline
                && matches!(self.rest.job_status(job).await, Ok(status) if !status.is_terminal())
            {
                tokio::time::sleep(RESULT_PAUSE).await;
            }
        }
        Answer::JobsCancelled
    }

    /// Asks the cluster to shut down.
    pub(super) async fn delete_cluster(&self) -> Answer {
        let accepted = match self.rest.delete_cluster().await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!("shutting Flink down: {error}");
                false
            }
        };
        Answer::ClusterDeleted { accepted }
    }
}

fn end_of(application: &ApplicationOverview) -> Option<JobStatus> {
    match application.status.as_str() {
        "FINISHED" => Some(JobStatus::Finished),
        "FAILED" => Some(JobStatus::Failed),
        "CANCELED" => Some(JobStatus::Canceled),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use yarn_client::flink::rest::Plain;

    use super::*;

    /// A Flink that gives each of `answers` once, and the last of them forever.
    async fn flink(answers: Vec<String>) -> Flink {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        tokio::spawn(async move {
            for answer in answers.iter().chain(std::iter::repeat(answers.last().expect("an answer"))) {
                let Ok((mut stream, _)) = listener.accept().await else { return };
                let _ = stream.read_buf(&mut Vec::with_capacity(4096)).await;
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
                let _ = stream.write_all((head + answer).as_bytes()).await;
            }
        });
        let way = Plain { host: "127.0.0.1".to_owned(), port };
        Flink::over(Arc::new(way), false)
    }

    fn in_progress() -> String {
        r#"{"status":{"id":"IN_PROGRESS"}}"#.to_owned()
    }

    #[tokio::test]
    async fn missing_result_is_requested_again() {
        let failed = r#"{"status":{"id":"COMPLETED"},"job-execution-result":{"id":"j","application-status":"FAILED",
            "failure-cause":{"class":"java.io.IOException","stack-trace":"java.io.IOException: no such savepoint"}}}"#;
        let flink = flink(vec![in_progress(), in_progress(), failed.to_owned()]).await;
        let cause = flink.failure("j", RESULT_PATIENCE).await;
        assert_eq!(cause.as_deref(), Some("java.io.IOException: no such savepoint"));
    }

    #[tokio::test]
    async fn missing_result_does_not_block_the_end() {
        let flink = flink(vec![in_progress()]).await;
        assert_eq!(flink.failure("j", RESULT_PAUSE * 3).await, None);
    }
}
