//! The progress of an application that a command is waiting for, in one line of a terminal.

use std::convert::Infallible;
use std::time::Duration;

use proto::control::{Job, StatusReply};
use proto::ids::ApplicationId;
use yarn_client::cluster::{Gateway, Live};
use yarn_client::explain::{self, Cause, Evidence};
use yarn_client::flink::JobStatus;
use yarn_client::yarn::{ApplicationReport, ApplicationState};

use crate::printer::Printer;

/// Pause between two updates.
const PAUSE: Duration = Duration::from_secs(1);
/// What has not been answered by then is left as it was.
const PATIENCE: Duration = Duration::from_secs(3);

/// Keeps the line up to date. It is only informative: what fails is left out.
pub(super) async fn tell(
    printer: &Printer,
    gateway: &Gateway,
    id: ApplicationId,
    bases: &[String],
) -> Infallible {
    let mut live = None;
    loop {
        if printer.has_line()
            && let Ok(Some(text)) = tokio::time::timeout(PATIENCE, look(gateway, id, bases, &mut live)).await
        {
            printer.say(&text);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn look(
    gateway: &Gateway,
    id: ApplicationId,
    bases: &[String],
    live: &mut Option<Live>,
) -> Option<String> {
    let report = gateway.application(id).await.ok()?;
    let mut status = None;
    let evidence = if report.state == ApplicationState::Running {
        // A connection to another attempt is of no use.
        if live.as_ref().is_none_or(|live| live.report.attempt != report.attempt) {
            let file_systems = gateway.file_systems().ok()?;
            *live = Live::of(&file_systems, report.clone(), bases).await.ok();
        }
        let mut evidence = Evidence::of(report);
        if let Some(live) = live {
            status = live.status().await.ok();
        }
        if let Some(status) = &status {
            evidence.told(status);
        }
        evidence
    } else {
        explain::gather(&gateway.resource_manager, report).await
    };
    let cause = explain::decide(&evidence, super::now_ms().cast_signed()).cause;
    Some(words(&evidence.report, status.as_ref(), cause.as_ref()))
}

/// `RUNNING, job RUNNING, 2 of 4 tasks run and 1 is done, 1 of 2 TaskManagers: …`
fn words(report: &ApplicationReport, status: Option<&StatusReply>, cause: Option<&Cause>) -> String {
    let mut parts = vec![report.state.to_string()];
    if let Some(status) = status {
        let unfinished = |job: &&Job| !job.state.parse::<JobStatus>().is_ok_and(JobStatus::is_terminal);
        match (status.jobs.as_slice(), &status.session) {
            ([job], None) => {
                let (active, done, total) = (job.tasks_active, job.tasks_finished, job.tasks_total);
                parts.push(format!("job {}", job.state));
                if total > 0 {
                    parts.push(format!("tasks: {active} running, {done} done of {total}"));
                }
            }
            ([], None) => parts.push("the job has not started".to_owned()),
            (jobs, _) => parts.push(format!("unfinished jobs: {}", jobs.iter().filter(unfinished).count())),
        }
        let here = crate::view::registered(status).count();
        parts.push(format!("TaskManagers: {here} of {}", status.task_managers_wanted));
    }
    let text = parts.join(", ");
    match cause {
        Some(cause) => format!("{text}: {} [{}]", cause.text, cause.code),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use proto::control::{Container, ContainerState, Session};

    use super::*;

    fn job(state: &str, tasks: [u32; 3]) -> Job {
        let [tasks_active, tasks_finished, tasks_total] = tasks;
        Job { state: state.to_owned(), tasks_active, tasks_finished, tasks_total, ..Job::default() }
    }

    #[test]
    fn progress_line_shows_state_and_cause_of_waiting() {
        let running = crate::view::tests::report();
        let waiting = ApplicationReport {
            state: ApplicationState::Accepted,
            diagnostics: "AM container is launched, waiting for AM container to Register with RM".to_owned(),
            ..running.clone()
        };
        let cause = explain::decide(&Evidence::of(waiting.clone()), 0).cause;
        let text = words(&waiting, None, cause.as_ref());
        assert!(
            text.starts_with("ACCEPTED: the application master") && text.ends_with("[am_starting]"),
            "{text}"
        );

        let container = Container { state: ContainerState::Registered.into(), ..Container::default() };
        let status = StatusReply {
            jobs: vec![job("RUNNING", [2, 1, 4])],
            containers: vec![container],
            task_managers_wanted: 2,
            ..StatusReply::default()
        };
        assert_eq!(
            words(&running, Some(&status), None),
            "RUNNING, job RUNNING, tasks: 2 running, 1 done of 4, TaskManagers: 1 of 2"
        );
        let none = StatusReply::default();
        assert_eq!(
            words(&running, Some(&none), None),
            "RUNNING, the job has not started, TaskManagers: 0 of 0"
        );
        let jobs = vec![job("RUNNING", [1, 0, 1]), job("FINISHED", [0, 1, 1])];
        let session = StatusReply { session: Some(Session::default()), jobs, ..none };
        assert_eq!(
            words(&running, Some(&session), None),
            "RUNNING, unfinished jobs: 1, TaskManagers: 0 of 0"
        );
    }
}
