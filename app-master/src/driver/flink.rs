//! Looks at Flink through its REST interface and translates what it says.

use std::time::Duration;

use yarn_client::flink::JobStatus;
use yarn_client::flink::demand;
use yarn_client::flink::rest::{
    ApplicationOverview, Client, ExecutionResult, JobOverview, Options, RestError,
};

use crate::machine::{ApplicationView, CheckpointsView, Event, FlinkView, JobView, TaskManagerView};

/// A JobManager that answers at all does so in milliseconds, unless its node is overloaded.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The JobManager's REST server on this node.
#[derive(Debug, Clone)]
pub(super) struct Flink {
    rest: Client,
    application_layer: bool,
}

impl Flink {
    /// A client; nothing is connected yet.
    pub(super) fn new(host: &str, port: u16, application_layer: bool) -> Self {
        let options =
            Options { connect_timeout: Duration::from_secs(2), timeout: TIMEOUT, ..Options::default() };
        Self { rest: Client::new(host, port, options), application_layer }
    }

    /// One look; `details` adds the slots each unfinished job needs, `checkpoints` what it could go on from.
    pub(super) async fn look(&self, details: bool, checkpoints: bool) -> Event {
        match self.view(details, checkpoints).await {
            Ok(view) => Event::Flink(view),
            Err(error) => {
                if !error.is_transient() {
                    tracing::warn!("looking at Flink: {error}");
                }
                Event::FlinkUnreachable
            }
        }
    }

    async fn view(&self, details: bool, checkpoints: bool) -> Result<FlinkView, RestError> {
        let application = if self.application_layer { self.application().await? } else { None };
        let mut jobs = Vec::new();
        for overview in self.rest.jobs_overview().await? {
            jobs.push(self.job(overview, details, checkpoints).await);
        }
        let task_managers = self.rest.task_managers().await?;
        let task_managers = task_managers
            .into_iter()
            .map(|tm| TaskManagerView { id: tm.id, slots: tm.slots, free_slots: tm.free_slots })
            .collect();
        Ok(FlinkView { jobs, application, task_managers })
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
        // An initialising job has no vertices yet, and Flink would go on showing none for `web.refresh-interval`: it
        // keeps the answer to `/jobs/:id` for 3 s.
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

    /// 404: the job can make none.
    async fn checkpoints(&self, job: &str) -> Option<CheckpointsView> {
        match self.rest.makes_checkpoints(job).await {
            Ok(true) => {}
            Ok(false) => return Some(CheckpointsView::Off),
            Err(error) if error.is_not_found() => return Some(CheckpointsView::Off),
            Err(_) => return None,
        }
        match self.rest.checkpoints(job).await {
            Ok(checkpoints) => {
                let newest = checkpoints.latest_completed;
                let completed = newest.is_some();
                Some(CheckpointsView::On { completed, path: newest.and_then(|newest| newest.external_path) })
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

    /// The root cause of a failed job.
    pub(super) async fn result(&self, job: &str) -> Event {
        let cause = match self.rest.execution_result(job).await {
            Ok(ExecutionResult::Completed { failure, .. }) => failure.map(|failure| failure.summary),
            Ok(ExecutionResult::InProgress) => None,
            Err(error) => {
                tracing::warn!("reading the job's result: {error}");
                None
            }
        };
        Event::JobResult { cause }
    }

    /// Asks the cluster to shut down.
    pub(super) async fn delete_cluster(&self) -> Event {
        let accepted = match self.rest.delete_cluster().await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!("shutting Flink down: {error}");
                false
            }
        };
        Event::ClusterDeleted { accepted }
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
