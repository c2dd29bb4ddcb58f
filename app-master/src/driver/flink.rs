//! Looks at Flink through its REST interface and translates what it reports.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proto::ids::ContainerId;
use tokio::time::Instant;
use yarn_client::flink::JobStatus;
use yarn_client::flink::demand;
use yarn_client::flink::rest::{
    ApplicationOverview, Client, Connect, ExecutionResult, JobOverview, Options, RestError, TaskCounts,
    TaskManager,
};
use yarn_client::flink::results::{Wanted, wanted};
use yarn_client::with_cause;

use crate::machine::{
    Answer, ApplicationView, CheckpointsView, FlinkView, JobView, ResultsAnswer, ResultsQuestion, Silence,
    TaskManagerView,
};
use crate::warnings::Warnings;

/// A JobManager that answers at all does so in milliseconds, unless its node is overloaded.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long to ask for a failed job's cause.
const RESULT_PATIENCE: Duration = Duration::from_secs(10);
/// How long cancelled jobs have to end; a task may not stop.
const CANCEL_PATIENCE: Duration = Duration::from_secs(10);
const RESULT_PAUSE: Duration = Duration::from_millis(100);
/// Longer than Flink repeats an old answer about checkpoints (`yarn_client::flink::settings` sets 400 ms).
const CHECKPOINTS_PAUSE: Duration = Duration::from_millis(500);
/// The largest reply about one job, and the largest item of a list. A job's details have about two kilobytes for each vertex, and
/// the text of an exception is as long as the program has made it. Lists of any length are read item by item.
const LARGEST: usize = 64 << 20;
/// A look may fail because of one part of the JobManager, so its server is then asked for something that needs no other
/// part.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a look should bring besides the lists.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) details: Vec<String>,
    pub(super) at_most: usize,
    pub(super) checkpoints: Option<String>,
    pub(super) results: Vec<ResultsQuestion>,
}

impl Look {
    /// Nothing but the lists. Questions stay unanswered.
    fn lists(self) -> Self {
        Self { at_most: 0, checkpoints: None, results: Vec::new(), ..self }
    }
}

/// The JobManager's REST server on this node.
#[derive(Debug, Clone)]
pub(super) struct Flink {
    pub(super) rest: Client,
    application_layer: bool,
    /// The only job that matters, if its id is known.
    job: Option<String>,
    warnings: Warnings,
}

impl Flink {
    /// A client; nothing is connected yet.
    pub(super) fn over(way: Arc<dyn Connect>, application_layer: bool, job: Option<String>) -> Self {
        // A JobManager that is busy delays a TLS handshake as it delays its answer, so the limit for both applies. The
        // connection itself is made by the kernel.
        let options = Options { connect_timeout: TIMEOUT * 2, timeout: TIMEOUT, max_body: LARGEST };
        let warnings = Warnings::of("looking at Flink");
        Self { rest: Client::over(way, options), application_layer, job, warnings }
    }

    /// Takes one look, as [`Action::PollFlink`](crate::machine::Action::PollFlink) says.
    pub(super) async fn look(&self, look: Look) -> Answer {
        match self.view(look).await {
            Ok(view) => Answer::View(view),
            Err(error) => {
                if is_unreadable(&error) {
                    self.warnings.failed(&with_cause(&error));
                }
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

    async fn view(&self, look: Look) -> Result<FlinkView, RestError> {
        let application = if self.application_layer { self.application().await? } else { None };
        // Why it has failed has taken a request, and its end decides whatever its jobs say.
        let look = if application.as_ref().is_some_and(|it| it.end.is_some()) { look.lists() } else { look };
        let (overviews, jobs_missing) = self.overviews().await?;
        let mut jobs: Vec<_> = overviews.iter().map(job_view).collect();
        let places: HashMap<_, _> =
            overviews.iter().enumerate().map(|(nth, job)| (job.id.as_str(), nth)).collect();
        // An initialising job has no vertices yet, and Flink would continue to show none for `web.refresh-interval`: it
        // caches the answer to `/jobs/:id` for 3 s.
        let ready = |nth: &usize| {
            let state = overviews[*nth].state;
            state != JobStatus::Initializing && !state.is_terminal()
        };
        let asked = look.details.iter().filter_map(|id| places.get(id.as_str()).copied());
        for nth in asked.filter(ready).take(look.at_most) {
            let overview = &overviews[nth];
            // A job may end between the two requests; the next look shows it.
            if let Ok(details) = self.rest.job(&overview.id).await {
                // Vertices are unknown until the job graph is there.
                jobs[nth].slots_needed =
                    (!details.vertices.is_empty()).then(|| demand::slots_needed(overview, &details));
                jobs[nth].streaming = details.job_type.map(|kind| kind == "STREAMING");
            }
        }
        // Flink logs an error for a job that is not set up yet.
        let set_up =
            |nth: &usize| overviews[*nth].state == JobStatus::Running && overviews[*nth].tasks.total > 0;
        let of = look.checkpoints.as_deref().and_then(|id| places.get(id).copied()).filter(set_up);
        if let Some(nth) = of {
            jobs[nth].checkpoints = self.checkpoints(&overviews[nth].id).await;
        }
        let mut results = Vec::new();
        for question in &look.results {
            results.push(self.results(question).await);
        }
        // Last: TaskManagers that are idle now must have been asked for their results before.
        let task_managers = self.task_managers().await?;
        match jobs_missing.as_ref().or_else(|| task_managers.as_ref().err()) {
            Some(error) => self.warnings.failed(&with_cause(error)),
            None => self.warnings.worked(),
        }
        Ok(FlinkView { jobs, application, task_managers: task_managers.ok(), results })
    }

    /// The jobs. A list that cannot be read must not hide the end of the only job that matters, which Flink also tells alone: the
    /// result is that, and the error.
    async fn overviews(&self) -> Result<(Vec<JobOverview>, Option<RestError>), RestError> {
        let mut jobs = Vec::new();
        let read = self.rest.each_job(|job| jobs.push(JobOverview { name: String::new(), ..job })).await;
        match (read, &self.job) {
            (Ok(()), _) => Ok((jobs, None)),
            (Err(error), Some(id)) if is_unreadable(&error) => {
                let state = self.rest.job_status(id).await?;
                let job = JobOverview {
                    id: id.clone(),
                    name: String::new(),
                    state,
                    start_ms: 0,
                    end_ms: -1,
                    tasks: TaskCounts::default(),
                    scheduler: None,
                };
                Ok((vec![job], Some(error)))
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The TaskManagers that are containers of ours: no others count. The inner error is that of a list which cannot be read;
    /// what the look says about jobs counts without it.
    async fn task_managers(&self) -> Result<Result<Vec<TaskManagerView>, RestError>, RestError> {
        let mut task_managers = Vec::new();
        let keep = |tm: TaskManager| {
            if tm.id.parse::<ContainerId>().is_ok() {
                let TaskManager { id, slots, free_slots, .. } = tm;
                task_managers.push(TaskManagerView { id, slots, free_slots });
            }
        };
        match self.rest.each_task_manager(keep).await {
            Ok(()) => Ok(Ok(task_managers)),
            Err(error) if is_unreadable(&error) => Ok(Err(error)),
            Err(error) => Err(error),
        }
    }

    async fn results(&self, question: &ResultsQuestion) -> ResultsAnswer {
        let answer = match question {
            ResultsQuestion::Kept => self.rest.data_sets().await.map(ResultsAnswer::Kept),
            ResultsQuestion::OfJob(job) => self.rest.job(job).await.map(|details| match wanted(&details) {
                Wanted::Of(vertices) => ResultsAnswer::Vertices(vertices),
                Wanted::Unknown => ResultsAnswer::Unknown,
            }),
            ResultsQuestion::OfVertex { job, vertex } => {
                self.rest.vertex_task_managers(job, vertex).await.map(|all| {
                    let finished = all.into_iter().filter(|it| it.tasks.finished > 0);
                    ResultsAnswer::TaskManagers(finished.map(|it| it.id).collect())
                })
            }
        };
        answer.unwrap_or(ResultsAnswer::Unknown)
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
            match self.rest.application_exceptions(&application.id).await {
                Ok(exceptions) => exceptions.entries.into_iter().next().map(|entry| entry.failure.summary),
                // It has failed all the same.
                Err(error) if is_unreadable(&error) => {
                    tracing::warn!("reading why the application has failed: {}", with_cause(&error));
                    None
                }
                Err(error) => return Err(error),
            }
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

/// A job without what only further requests can tell.
fn job_view(overview: &JobOverview) -> JobView {
    let tasks = overview.tasks;
    JobView {
        id: overview.id.clone(),
        status: overview.state,
        slots_needed: None,
        streaming: None,
        tasks_total: tasks.total,
        tasks_active: tasks.deploying + tasks.initializing + tasks.running,
        tasks_finished: tasks.finished,
        checkpoints: None,
    }
}

/// Whether a reply arrived that cannot be used. It would be the same the next time.
fn is_unreadable(error: &RestError) -> bool {
    matches!(error, RestError::TooLarge { .. } | RestError::Body { .. })
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
mod tests;
