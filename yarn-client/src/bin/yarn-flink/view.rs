//! Applications as printed: JSON objects with stable keys, and their text forms.

mod event;
mod live;
mod logs;

pub(crate) use event::event_line;
pub(crate) use live::{
    JobEndView, JobRunView, JobsView, LiveView, SavepointView, ScaleView, SessionView, SessionsView,
    StatusView, StoppedView, registered,
};
pub(crate) use logs::{LogCopiesView, LogLineView, LogsView};
use serde::Serialize;
use yarn_client::cause::for_people;
use yarn_client::cluster::tags::is_flink;
use yarn_client::explain::{self, Cause, Evidence, Explanation, Outcome};
use yarn_client::submit::{RecordedEnd, Submitted};
use yarn_client::yarn::{ApplicationReport, ApplicationState};

use crate::render::{Fields, line, span, time};

/// An application as `status`, `list` and `run` print it. Fields that are not known are `null`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ApplicationView {
    pub(crate) application_id: String,
    pub(crate) name: String,
    pub(crate) application_type: String,
    pub(crate) user: String,
    pub(crate) queue: String,
    pub(crate) priority: i32,
    pub(crate) tags: Vec<String>,
    /// YARN's state.
    pub(crate) state: String,
    /// YARN's result, `UNDEFINED` until the end.
    pub(crate) final_status: String,
    /// 0 to 1; `null` if there is no end to measure against.
    pub(crate) progress: Option<f32>,
    pub(crate) started_ms: Option<u64>,
    pub(crate) launched_ms: Option<u64>,
    pub(crate) finished_ms: Option<u64>,
    pub(crate) tracking_url: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) attempt: Option<i32>,
    pub(crate) containers: Option<u32>,
    pub(crate) memory_mib: Option<u64>,
    pub(crate) vcores: Option<u32>,
    pub(crate) diagnostics: String,
    pub(crate) job_id: Option<String>,
    /// Flink's name of the state; for a running job only if its master is asked.
    pub(crate) job_state: Option<String>,
    /// The latest checkpoint of a job that has ended unsuccessfully.
    pub(crate) checkpoint: Option<String>,
    pub(crate) cause: Option<Cause>,
}

impl ApplicationView {
    /// From the report alone, including the cause.
    pub(crate) fn new(report: &ApplicationReport) -> Self {
        Self::explained(&Evidence::of(report.clone()), 0)
    }

    /// With the cause according to all the evidence.
    pub(crate) fn explained(evidence: &Evidence, now_ms: u64) -> Self {
        let report = &evidence.report;
        let outcome = Outcome::of_evidence(evidence);
        let (job_id, job_state) = evidence.job(outcome.as_ref());
        let usage = &report.usage;
        // A caller without the right to view an application gets -1 and N/A.
        let viewable = u32::try_from(usage.containers).ok();
        Self {
            application_id: report.id.to_string(),
            name: report.name.clone(),
            application_type: report.application_type.clone(),
            user: report.user.clone(),
            queue: report.queue.clone(),
            priority: report.priority,
            tags: report.tags.clone(),
            state: report.state.to_string(),
            final_status: report.final_status.to_string(),
            progress: progress(report),
            started_ms: instant(report.started_ms),
            launched_ms: instant(report.launched_ms),
            finished_ms: instant(report.finished_ms),
            tracking_url: known(&report.tracking_url),
            host: known(&report.host),
            attempt: report.attempt.map(|attempt| attempt.attempt),
            containers: viewable,
            memory_mib: viewable.map(|_| usage.used.memory_mib),
            vcores: viewable.map(|_| usage.used.vcores),
            diagnostics: for_people(report.diagnostics.trim()),
            job_id,
            job_state,
            checkpoint: outcome.and_then(|outcome| outcome.checkpoint),
            cause: explain::decide(evidence, now_ms.cast_signed()).cause,
        }
    }

    /// For an application that YARN has forgotten: from its submission and the record of its key.
    pub(crate) fn recorded(submitted: &Submitted, end: &RecordedEnd, outcome: &Outcome, user: &str) -> Self {
        Self {
            application_id: submitted.application_id.to_string(),
            name: submitted.name.clone(),
            application_type: submitted.application_type.clone(),
            user: user.to_owned(),
            queue: submitted.queue.clone().unwrap_or_default(),
            priority: 0,
            tags: submitted.tags.clone(),
            state: ApplicationState::Finished.to_string(),
            final_status: end.final_status.to_string(),
            progress: Some(1.0),
            started_ms: None,
            launched_ms: None,
            finished_ms: None,
            tracking_url: None,
            host: None,
            attempt: None,
            containers: None,
            memory_mib: None,
            vcores: None,
            diagnostics: for_people(end.diagnostics.trim()),
            job_id: outcome.job_id.clone(),
            job_state: outcome.job_state.map(|state| state.to_string()),
            checkpoint: outcome.checkpoint.clone(),
            cause: outcome.cause.clone(),
        }
    }

    /// The same with the job id that the submission chose, known before the application's end reports it.
    pub(crate) fn with_job(mut self, job_id: &str) -> Self {
        self.job_id = self.job_id.or_else(|| known(job_id));
        self
    }

    /// `key: value` lines.
    pub(crate) fn text(&self, now_ms: u64) -> String {
        let mut fields = Fields::default();
        fields
            .add("application_id", &self.application_id)
            .add("name", &self.name)
            .add("type", &self.application_type)
            .add("user", &self.user)
            .add("queue", &self.queue)
            .add("priority", self.priority)
            .add("tags", self.tags.join(", "))
            .add("state", &self.state)
            .add("final_status", &self.final_status)
            .add("progress", optional(self.progress.map(percent)))
            .add("started", time(self.started_ms))
            .add("finished", time(self.finished_ms));
        if let Some(started) = self.started_ms {
            let end = self.finished_ms.unwrap_or(now_ms);
            fields.add("elapsed", span(end.saturating_sub(started)));
        }
        fields.add("tracking_url", optional(self.tracking_url.as_ref()));
        if self.finished_ms.is_none() {
            fields
                .add("host", optional(self.host.as_ref()))
                .add("containers", optional(self.containers))
                .add("memory_mib", optional(self.memory_mib))
                .add("vcores", optional(self.vcores));
        }
        fields
            .add("attempt", optional(self.attempt))
            .add("job_id", optional(self.job_id.as_ref()))
            .add("job_state", optional(self.job_state.as_ref()))
            .add("checkpoint", optional(self.checkpoint.as_ref()));
        if let Some(cause) = &self.cause {
            fields.add("cause", format_args!("{}: {}", cause.code, cause.text));
            fields.add("hint", cause.hint.as_deref().unwrap_or_default());
        }
        fields.add("diagnostics", &self.diagnostics);
        fields.render().to_owned()
    }
}

/// What `explain` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ExplanationView {
    pub(crate) application_id: String,
    /// YARN's state.
    pub(crate) state: String,
    /// YARN's result, `UNDEFINED` until the end.
    pub(crate) final_status: String,
    pub(crate) job_id: Option<String>,
    /// Flink's name of the state; for a running job only if its master is asked.
    pub(crate) job_state: Option<String>,
    /// The latest checkpoint of a job that has ended unsuccessfully.
    pub(crate) checkpoint: Option<String>,
    /// One sentence, even if nothing is wrong.
    pub(crate) text: String,
    /// `null` if nothing is wrong.
    pub(crate) cause: Option<Cause>,
    /// What could not be determined.
    pub(crate) unknown: Vec<String>,
}

impl ExplanationView {
    pub(crate) fn new(evidence: &Evidence, explanation: Explanation) -> Self {
        let outcome = Outcome::of_evidence(evidence);
        let (job_id, job_state) = evidence.job(outcome.as_ref());
        Self {
            application_id: evidence.report.id.to_string(),
            state: evidence.report.state.to_string(),
            final_status: evidence.report.final_status.to_string(),
            job_id,
            job_state,
            checkpoint: outcome.and_then(|outcome| outcome.checkpoint),
            text: explanation.text,
            cause: explanation.cause,
            unknown: explanation.unknown,
        }
    }

    /// The sentence with its code, the evidence, the next step.
    pub(crate) fn text(&self) -> String {
        let Some(cause) = &self.cause else { return format!("{}: {}\n", self.state, self.text) };
        let mut text = format!("{} [{}]\n", line(&cause.text), cause.code);
        for line in further_evidence(cause) {
            text.push_str(&format!("  {line}\n"));
        }
        if let Some(checkpoint) = &self.checkpoint {
            text.push_str(&format!("checkpoint: {checkpoint}\n"));
        }
        if let Some(hint) = &cause.hint {
            text.push_str(&format!("hint: {hint}\n"));
        }
        text
    }
}

/// The evidence that adds to the cause's own sentence, for a terminal.
pub(crate) fn further_evidence(cause: &Cause) -> impl Iterator<Item = String> {
    cause.evidence.iter().filter(|line| !line.contains(&cause.text)).map(|text| line(text))
}

/// What is printed right after a submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SubmittedView {
    pub(crate) application_id: String,
    /// `null` for a session, and for a program with several jobs.
    pub(crate) job_id: Option<String>,
    /// YARN's state of the application; `SUBMITTED` for a new one.
    pub(crate) state: String,
    pub(crate) name: String,
    pub(crate) user: String,
    /// `null` while the ResourceManager has not reported it.
    pub(crate) queue: Option<String>,
}

impl SubmittedView {
    pub(crate) fn new(submitted: &Submitted, user: &str) -> Self {
        Self {
            application_id: submitted.application_id.to_string(),
            job_id: known(&submitted.job_id),
            state: ApplicationState::Submitted.to_string(),
            name: submitted.name.clone(),
            user: user.to_owned(),
            queue: submitted.queue.clone(),
        }
    }

    /// For a job of a session.
    pub(crate) fn in_session(report: &ApplicationReport, job_id: &str) -> Self {
        Self {
            application_id: report.id.to_string(),
            job_id: known(job_id),
            state: report.state.to_string(),
            name: report.name.clone(),
            user: report.user.clone(),
            queue: known(&report.queue),
        }
    }

    /// With the queue that the ResourceManager has chosen.
    pub(crate) fn queued(mut self, report: &ApplicationReport) -> Self {
        self.queue = known(&report.queue).or(self.queue);
        self
    }

    pub(crate) fn text(&self) -> String {
        let mut fields = Fields::default();
        fields.add("application_id", &self.application_id).add("job_id", optional(self.job_id.as_ref()));
        fields.render().to_owned()
    }
}

/// The output of `list`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct ListView {
    pub(crate) applications: Vec<ApplicationView>,
}

/// One application in the output of `kill`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct KillView {
    pub(crate) application_id: String,
    /// `killed`, `already_finished`, `not_found` or `error`.
    pub(crate) outcome: &'static str,
    /// State after the command.
    pub(crate) state: Option<String>,
    /// The latest checkpoint of its job, if it is known.
    pub(crate) checkpoint: Option<String>,
    /// Staging directory that was removed.
    pub(crate) removed: Option<String>,
    pub(crate) error: Option<String>,
}

/// The output of `kill`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct KillsView {
    pub(crate) applications: Vec<KillView>,
}

/// The progress. If its job has no end (a stream, or a session's jobs), an application must still report something to
/// YARN: ours reports half, and Flink's own reports all of it from the beginning.
fn progress(report: &ApplicationReport) -> Option<f32> {
    let runs = report.state == ApplicationState::Running;
    let says_nothing = |progress: f32| progress == 0.5 || progress >= 1.0;
    let flink = is_flink(&report.application_type);
    Some(report.progress).filter(|progress| !(runs && flink && says_nothing(*progress)))
}

/// `42%`
pub(crate) fn percent(share: f32) -> String {
    format!("{:.0}%", share * 100.0)
}

/// YARN uses 0 for "not yet".
fn instant(millis: i64) -> Option<u64> {
    u64::try_from(millis).ok().filter(|millis| *millis > 0)
}

/// YARN uses `N/A` for "none".
fn known(text: &str) -> Option<String> {
    Some(text).filter(|text| !matches!(*text, "" | "N/A")).map(str::to_owned)
}

fn optional(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests;
