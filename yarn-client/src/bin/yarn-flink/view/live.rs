//! Sessions and their jobs as printed.

use proto::control::{Container, ContainerState, Job, StatusReply};
use proto::ids::ApplicationId;
use serde::Serialize;
use yarn_client::cluster::tags::is_session;
use yarn_client::explain::{Cause, Evidence};
use yarn_client::flink::JobStatus;
use yarn_client::flink::rest::JobOverview;
use yarn_client::running::jobs::{JobSnapshot, Snapshot};
use yarn_client::running::session::Listed;

use super::{ApplicationView, SubmittedView};
use crate::render::{Align, Fields, Table, span, time};

/// What `status` prints: the application, and what its own master reports while it can be reached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct StatusView {
    #[serde(flatten)]
    pub(crate) application: ApplicationView,
    #[serde(flatten)]
    pub(crate) live: LiveView,
}

/// A running application as its master and Flink see it; `null` if neither of them reports a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LiveView {
    pub(crate) session: bool,
    pub(crate) task_managers: Option<usize>,
    pub(crate) task_managers_wanted: Option<u32>,
    pub(crate) slots_total: Option<u32>,
    pub(crate) slots_free: Option<u32>,
    /// Why there are fewer TaskManagers than wanted.
    pub(crate) waiting: Option<String>,
    /// When the tokens for HDFS end.
    pub(crate) tokens_end_ms: Option<u64>,
    /// Whether they are replaced before that.
    pub(crate) tokens_renewed: Option<bool>,
    /// The job with which the session ends.
    pub(crate) stop_after_job: Option<String>,
    pub(crate) jobs: Option<Vec<JobView>>,
}

impl LiveView {
    pub(crate) fn new(snapshot: &Snapshot) -> Self {
        let status = &snapshot.status;
        let session = status.session.as_ref();
        Self {
            session: session.is_some(),
            task_managers: Some(registered(status).count()),
            task_managers_wanted: Some(status.task_managers_wanted),
            slots_total: Some(registered(status).map(|it| it.slots).sum()),
            slots_free: Some(registered(status).map(|it| it.free_slots).sum()),
            waiting: Some(status.waiting.clone()).filter(|waiting| !waiting.is_empty()),
            tokens_end_ms: status.tokens.as_ref().map(|tokens| tokens.end_ms),
            tokens_renewed: status.tokens.as_ref().map(|tokens| tokens.renewed),
            stop_after_job: session.map(|it| it.stop_after_job.clone()).filter(|job| !job.is_empty()),
            jobs: Some(snapshot.jobs.iter().map(JobView::detailed).collect()),
        }
    }

    /// For an application whose master cannot be asked: what Flink reports through YARN's proxy, if that leads there.
    pub(crate) fn without_master(evidence: &Evidence) -> Self {
        let flink = evidence.flink.as_ref();
        Self {
            session: is_session(&evidence.report),
            task_managers: flink.and_then(|it| usize::try_from(it.overview.taskmanagers).ok()),
            slots_total: flink.map(|it| it.overview.slots_total),
            slots_free: flink.map(|it| it.overview.slots_available),
            jobs: flink.map(|it| it.jobs.iter().map(JobView::new).collect()),
            ..Self::default()
        }
    }
}

impl StatusView {
    /// `key: value` lines, and a paragraph per job.
    pub(crate) fn text(&self, now_ms: u64) -> String {
        let mut text = self.application.text(now_ms);
        let live = &self.live;
        let mut fields = Fields::default();
        if let Some(count) = live.task_managers {
            let wanted = live.task_managers_wanted.map_or_else(String::new, |it| format!(" of {it} wanted"));
            fields.add("task_managers", format_args!("{count}{wanted}"));
        }
        if let (Some(free), Some(total)) = (live.slots_free, live.slots_total) {
            fields.add("slots", format_args!("{free} free of {total}"));
        }
        fields
            .add("waiting", super::optional(live.waiting.as_ref()))
            .add("stop_after_job", super::optional(live.stop_after_job.as_ref()));
        if let Some(end) = live.tokens_end_ms {
            let renewed =
                if live.tokens_renewed == Some(true) { ", renewed until then" } else { ", not renewed" };
            fields.add("tokens_end", format_args!("{}{renewed}", time(Some(end))));
        }
        for job in live.jobs.iter().flatten() {
            let mut line =
                format!("{} {} {}/{} tasks", job.job_id, job.job_state, job.tasks_running, job.tasks_total);
            if let Some(checkpoints) = &job.checkpoints {
                line.push_str(&format!(
                    "\n  checkpoints: {} completed, {} failed",
                    checkpoints.completed, checkpoints.failed
                ));
                if let Some(path) = &checkpoints.newest {
                    line.push_str(&format!(", newest {path}"));
                }
            }
            if let Some(exception) = &job.last_exception {
                line.push_str(&format!("\n  last exception: {exception}"));
            }
            fields.add("job", line);
        }
        text.push_str(fields.render());
        text
    }
}

/// A job's checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct CheckpointsView {
    pub(crate) completed: u64,
    pub(crate) failed: u64,
    pub(crate) in_progress: u64,
    /// Path of the newest completed checkpoint.
    pub(crate) newest: Option<String>,
}

/// One session in the output of `session list`.
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
    /// `null`, like the following, while its master does not respond.
    pub(crate) task_managers: Option<usize>,
    pub(crate) slots_total: Option<u32>,
    pub(crate) slots_free: Option<u32>,
    pub(crate) unfinished_jobs: Option<usize>,
}

impl SessionView {
    pub(crate) fn new(listed: &Listed) -> Self {
        let report = &listed.report;
        let status = listed.status.as_ref();
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
            task_managers: status.map(|it| registered(it).count()),
            slots_total: status.map(|it| registered(it).map(|it| it.slots).sum()),
            slots_free: status.map(|it| registered(it).map(|it| it.free_slots).sum()),
            unfinished_jobs: status.map(|it| it.jobs.iter().filter(|job| !ended(job)).count()),
        }
    }
}

/// TaskManagers that are registered.
pub(crate) fn registered(status: &StatusReply) -> impl Iterator<Item = &Container> {
    status.containers.iter().filter(|it| it.state() == ContainerState::Registered)
}

fn ended(job: &Job) -> bool {
    job.state.parse::<JobStatus>().is_ok_and(JobStatus::is_terminal)
}

/// The output of `session list`.
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
            ("TASKMANAGERS", Align::Right),
            ("FREE SLOTS", Align::Right),
            ("JOBS", Align::Right),
            ("STARTED", Align::Left),
            ("ELAPSED", Align::Right),
        ])
        .expendable(&["STARTED", "QUEUE", "STATE"]);
        for session in &self.sessions {
            table.row(vec![
                session.application_id.clone(),
                session.name.clone(),
                session.state.clone(),
                session.queue.clone(),
                super::optional(session.task_managers),
                session
                    .slots_free
                    .zip(session.slots_total)
                    .map_or_else(String::new, |(free, total)| format!("{free}/{total}")),
                super::optional(session.unfinished_jobs),
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

/// What `run --session` prints, and a submission without waiting: what was submitted, and how the job ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct JobRunView {
    #[serde(flatten)]
    pub(crate) submitted: SubmittedView,
    /// `null` with `-d`.
    pub(crate) job_state: Option<String>,
    /// The cause, for a failed job.
    pub(crate) cause: Option<Cause>,
    /// With `--stop-session-after`: unfinished jobs that are cancelled with the session.
    pub(crate) cancelled_jobs: Vec<String>,
}

impl From<SubmittedView> for JobRunView {
    fn from(submitted: SubmittedView) -> Self {
        Self { submitted, job_state: None, cause: None, cancelled_jobs: Vec::new() }
    }
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
    /// `null` with `--dispose`.
    pub(crate) job_id: Option<String>,
    pub(crate) savepoint: String,
    pub(crate) disposed: bool,
}

/// One job in the output of `jobs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct JobView {
    pub(crate) job_id: String,
    pub(crate) name: String,
    pub(crate) job_state: String,
    pub(crate) started_ms: Option<u64>,
    pub(crate) finished_ms: Option<u64>,
    pub(crate) tasks_total: u32,
    pub(crate) tasks_running: u32,
    pub(crate) tasks_finished: u32,
    /// This and the next are only requested by `status`.
    pub(crate) checkpoints: Option<CheckpointsView>,
    pub(crate) last_exception: Option<String>,
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
            tasks_finished: job.tasks.finished,
            checkpoints: None,
            last_exception: None,
        }
    }

    /// With the details that `status` shows.
    fn detailed(job: &JobSnapshot) -> Self {
        let checkpoints = job.checkpoints.as_ref().map(|it| CheckpointsView {
            completed: it.completed,
            failed: it.failed,
            in_progress: it.in_progress,
            newest: it.latest_completed.as_ref().and_then(|newest| newest.external_path.clone()),
        });
        let last_exception = job.last_exception.as_ref().map(|it| it.failure.root.clone());
        Self { checkpoints, last_exception, ..Self::new(&job.overview) }
    }
}

/// The output of `jobs`.
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
        ])
        .expendable(&["STARTED"]);
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
