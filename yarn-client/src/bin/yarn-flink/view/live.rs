//! What is printed of sessions and of their jobs.

use proto::ids::ApplicationId;
use serde::Serialize;
use yarn_client::flink::rest::JobOverview;
use yarn_client::yarn::ApplicationReport;

use crate::render::{Align, Table, span, time};

/// One session of `session list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SessionView {
    pub(crate) application_id: String,
    pub(crate) name: String,
    /// YARN's state.
    pub(crate) state: String,
    pub(crate) queue: String,
    pub(crate) started_ms: Option<u64>,
    pub(crate) containers: Option<u32>,
    pub(crate) memory_mib: Option<u64>,
    pub(crate) tracking_url: Option<String>,
}

impl SessionView {
    pub(crate) fn new(report: &ApplicationReport) -> Self {
        let viewable = u32::try_from(report.usage.containers).ok();
        Self {
            application_id: report.id.to_string(),
            name: report.name.clone(),
            state: report.state.to_string(),
            queue: report.queue.clone(),
            started_ms: super::instant(report.started_ms),
            containers: viewable,
            memory_mib: viewable.map(|_| report.usage.used.memory_mib),
            tracking_url: super::known(&report.tracking_url),
        }
    }
}

/// All of `session list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SessionsView {
    pub(crate) sessions: Vec<SessionView>,
}

impl SessionsView {
    pub(crate) fn text(&self, now_ms: u64) -> String {
        let mut table = Table::new(&[
            ("APPLICATION", Align::Left),
            ("NAME", Align::Left),
            ("STATE", Align::Left),
            ("QUEUE", Align::Left),
            ("CONTAINERS", Align::Right),
            ("MIB", Align::Right),
            ("STARTED", Align::Left),
            ("ELAPSED", Align::Right),
        ]);
        for session in &self.sessions {
            table.row(vec![
                session.application_id.clone(),
                session.name.clone(),
                session.state.clone(),
                session.queue.clone(),
                super::optional(session.containers),
                super::optional(session.memory_mib),
                time(session.started_ms),
                session.started_ms.map_or_else(String::new, |at| span(now_ms.saturating_sub(at))),
            ]);
        }
        table.render()
    }
}

/// What `session stop` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct StoppedView {
    pub(crate) application_id: String,
    pub(crate) state: String,
    pub(crate) final_status: String,
    pub(crate) cancelled_jobs: Vec<String>,
}

/// What `scale` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ScaleView {
    pub(crate) application_id: String,
    pub(crate) previous_task_managers: u32,
    pub(crate) task_managers: u32,
}

/// What `run --session` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct JobRunView {
    pub(crate) application_id: String,
    pub(crate) job_id: String,
    /// `null` with `-d`.
    pub(crate) job_state: Option<String>,
    /// Root exception of a failed job.
    pub(crate) cause: Option<String>,
    /// With `--stop-session-after`: unfinished jobs that are cancelled with the session.
    pub(crate) cancelled_jobs: Vec<String>,
}

/// What `cancel` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct JobEndView {
    pub(crate) application_id: String,
    pub(crate) job_id: String,
    pub(crate) job_state: String,
}

/// What `stop` and `savepoint` print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SavepointView {
    pub(crate) application_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) job_id: Option<String>,
    pub(crate) savepoint: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disposed: Option<bool>,
}

/// One job of `jobs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct JobView {
    pub(crate) job_id: String,
    pub(crate) name: String,
    pub(crate) job_state: String,
    pub(crate) started_ms: Option<u64>,
    pub(crate) finished_ms: Option<u64>,
    pub(crate) tasks_total: u32,
    pub(crate) tasks_running: u32,
}

impl JobView {
    pub(crate) fn new(job: &JobOverview) -> Self {
        Self {
            job_id: job.id.clone(),
            name: job.name.clone(),
            job_state: job.state.to_string(),
            started_ms: super::instant(job.start_ms),
            finished_ms: super::instant(job.end_ms),
            tasks_total: job.tasks.total,
            tasks_running: job.tasks.running,
        }
    }
}

/// All of `jobs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct JobsView {
    pub(crate) application_id: String,
    pub(crate) jobs: Vec<JobView>,
}

impl JobsView {
    pub(crate) fn new(application: ApplicationId, jobs: &[JobOverview]) -> Self {
        Self { application_id: application.to_string(), jobs: jobs.iter().map(JobView::new).collect() }
    }

    pub(crate) fn text(&self, now_ms: u64) -> String {
        let mut table = Table::new(&[
            ("JOB", Align::Left),
            ("NAME", Align::Left),
            ("STATE", Align::Left),
            ("TASKS", Align::Right),
            ("STARTED", Align::Left),
            ("ELAPSED", Align::Right),
        ]);
        for job in &self.jobs {
            let end = job.finished_ms.unwrap_or(now_ms);
            table.row(vec![
                job.job_id.clone(),
                job.name.clone(),
                job.job_state.clone(),
                format!("{}/{}", job.tasks_running, job.tasks_total),
                time(job.started_ms),
                job.started_ms.map_or_else(String::new, |at| span(end.saturating_sub(at))),
            ]);
        }
        table.render()
    }
}
