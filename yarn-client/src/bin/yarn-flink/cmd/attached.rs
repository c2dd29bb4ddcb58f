//! What `run` and `session start` do once the ResourceManager has their application: wait, prompt on Ctrl-C, report the end.

use std::pin::pin;
use std::time::{Duration, Instant};

use proto::ids::ApplicationId;
use tokio::sync::oneshot;
use yarn_client::cluster::{ApplicationError, Gateway, ResourceManagerError};
use yarn_client::explain::{self, Evidence, Outcome, Verdict};
use yarn_client::running::{WaitLevel, attach, kill, session};
use yarn_client::submit::{RecordedEnd, Submitted};
use yarn_client::yarn::{ApplicationReport, ApplicationState, KillOutcome};

use super::{Context, Failure, report, standing};
use crate::args::{Wait, Waiting};
use crate::exit::ExitStatus;
use crate::progress::Standing;
use crate::render::{Fields, time};
use crate::signal::{Interrupt, Interrupts};
use crate::view::{ApplicationView, JobRunView, SubmittedView, further_evidence};

/// What has been submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// Its end ends the application.
    Job,
    /// Its owner ends it.
    Session,
}

/// Enough for a ResourceManager that has just responded.
const IN_PASSING: Duration = Duration::from_secs(2);
/// Limit for finding out why a wait took too long.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// How long to wait.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// `--timeout`: for the level.
    timeout: Option<Duration>,
    /// `--max-wait`: for the application to run at all.
    max_wait: Option<Duration>,
    /// `--wait running`: for its job to run.
    work: bool,
}

/// How far the command is to wait.
pub(super) fn level(waiting: &Waiting) -> WaitLevel {
    match (waiting.detached, waiting.wait) {
        (true, _) | (false, Some(Wait::Submitted)) => WaitLevel::Submitted,
        (false, Some(Wait::Accepted)) => WaitLevel::Accepted,
        (false, Some(Wait::Running)) => WaitLevel::Running,
        (false, Some(Wait::Finished) | None) => WaitLevel::Finished,
    }
}

/// Reports what has been submitted, and waits as far as requested. `ended`: the end of an application that YARN has forgotten.
pub(super) async fn follow(
    context: &Context,
    gateway: &Gateway,
    (subject, submitted): (Subject, &Submitted),
    ended: Option<RecordedEnd>,
    waiting: &Waiting,
    interrupts: &mut Interrupts,
) -> Result<ExitStatus, Failure> {
    let printer = &context.printer;
    let level = level(waiting);
    let view = SubmittedView::new(submitted, &gateway.user.name);
    printer.tell(&view.text());
    if let Some(end) = submitted.tokens_end_ms {
        printer.note(&format!(
            "its tokens for HDFS end on {}, and whatever runs longer then fails; with a keytab (`--keytab`, `--principal`) they \
             are replaced in time",
            time(Some(end))
        ));
    }
    if level == WaitLevel::Submitted && (waiting.max_wait.is_none() || ended.is_some()) {
        // The queue is usually the default one, whose name is of interest to readers of JSON.
        let report = gateway.application(submitted.application_id);
        let asked = printer.either(|| Some(report), || None);
        if let Some(report) = asked {
            match tokio::time::timeout(IN_PASSING, report).await {
                Ok(Ok(report)) => printer.sum_up(&JobRunView::from(view.queued(&report))),
                _ => printer.sum_up(&JobRunView::from(view)),
            }
        }
        return Ok(ExitStatus::Success);
    }
    match ended {
        Some(end) => {
            let outcome = Outcome::reported(submitted.application_id, end.final_status, &end.diagnostics);
            let view = ApplicationView::recorded(submitted, &end, &outcome, &gateway.user.name);
            finish(context, view, Some(&outcome), (subject, submitted), level)
        }
        None => {
            let level = if waiting.max_wait.is_some() { level.max(WaitLevel::Running) } else { level };
            let work = !waiting.detached && waiting.wait == Some(Wait::Running);
            let limits = Limits { timeout: waiting.timeout, max_wait: waiting.max_wait, work };
            watch(context, gateway, (subject, submitted), level, limits, interrupts).await
        }
    }
}

/// Waits, and turns the end into output and exit code.
async fn watch(
    context: &Context,
    gateway: &Gateway,
    (subject, submitted): (Subject, &Submitted),
    level: WaitLevel,
    limits: Limits,
    interrupts: &mut Interrupts,
) -> Result<ExitStatus, Failure> {
    let printer = &context.printer;
    let id = submitted.application_id;
    let bases = submitted.bases();
    let mut last: Option<ApplicationReport> = None;
    let ended = {
        let mut on_change = |report: &ApplicationReport| {
            printer.note(&change(report));
            last = Some(report.clone());
        };
        let resource_manager = &gateway.resource_manager;
        let again = submitted.submission.as_ref();
        let waiting = async {
            if let Some(max_wait) = limits.max_wait {
                // `--timeout` ends the command, not the application.
                let running = attach::run_within(gateway, id, max_wait, &bases, again, &mut on_change);
                running.await?;
            }
            let begun = Instant::now();
            let report =
                attach::wait(resource_manager, id, level, limits.timeout, again, &mut on_change).await?;
            if !limits.work || report.state.is_final() {
                return Ok(report);
            }
            let left = limits.timeout.map(|timeout| timeout.saturating_sub(begun.elapsed()));
            Box::pin(attach::work(gateway, id, &bases, left)).await
        };
        let mut standing = Standing::new(printer);
        standing.show();
        let waiting = async {
            tokio::select! {
                biased;
                ended = waiting => ended,
                never = Box::pin(standing::tell(printer, gateway, id, &bases)) => match never {},
            }
        };
        let mut waiting = pin!(waiting);
        let mut may_ask = printer.can_ask();
        loop {
            let interrupt = tokio::select! {
                biased;
                ended = &mut waiting => break Some(ended),
                interrupt = interrupts.next() => interrupt,
            };
            if !may_ask || interrupt == Interrupt::Terminated {
                break None;
            }
            may_ask = false;
            standing.hide();
            // Watching continues during the prompt; the end of the job answers it, too.
            let answer = tokio::select! {
                ended = &mut waiting => break Some(ended),
                _ = interrupts.next() => Answer::Detach,
                answer = ask(context, subject, id) => answer,
            };
            match answer {
                Answer::Detach => break None,
                Answer::End => {
                    let ending = async {
                        match subject {
                            Subject::Session => stop_it(context, gateway, submitted).await,
                            Subject::Job => kill_it(context, gateway, submitted).await,
                        }
                    };
                    tokio::select! {
                        ended = Box::pin(ending) => return ended,
                        // Waiting for an unavailable ResourceManager can be interrupted.
                        _ = interrupts.next() => {
                            printer.note(&format!("it is not known whether {id} has ended; check with `yarn-flink status {id}`"));
                            return Ok(ExitStatus::Interrupted);
                        }
                    }
                }
                Answer::Wait => standing.show(),
            }
        }
    };
    match ended {
        Some(Ok(report)) => {
            let mut evidence = Box::pin(explain::gather(&gateway.resource_manager, report)).await;
            if evidence.report.state.is_final() || limits.work {
                explain::consult(gateway, &mut evidence, &bases).await;
            }
            Box::pin(kill::clean_up_unbegun(gateway, &evidence.report, &bases)).await;
            finish_with(context, &evidence, (subject, submitted), level)
        }
        Some(Err(error)) => {
            let timed_out =
                matches!(error, ApplicationError::ResourceManager(ResourceManagerError::TimedOut { .. }));
            let evidence = match last {
                Some(last) if timed_out => {
                    // The time is up, so do not wait for an unavailable ResourceManager.
                    let asked = tokio::time::timeout(LAST_LOOK, explain::evidence(gateway, id)).await;
                    let mut evidence = asked.ok().and_then(Result::ok).unwrap_or_else(|| Evidence::of(last));
                    explain::consult(gateway, &mut evidence, &bases).await;
                    Some(evidence)
                }
                last => last.map(Evidence::of),
            };
            print_last(context, evidence.as_ref(), submitted, &gateway.user.name);
            if let Some(cause) = evidence
                .filter(|_| timed_out)
                .and_then(|it| explain::decide(&it, super::now_ms().cast_signed()).cause)
            {
                printer.note(&format!("waiting: {} [{}]", cause.text, cause.code));
            }
            Ok(report(printer, &Failure::from(error)))
        }
        None => {
            print_last(context, last.map(Evidence::of).as_ref(), submitted, &gateway.user.name);
            printer.note(&match subject {
                Subject::Job => format!("detached; the job keeps running. To end it: `yarn-flink kill {id}`"),
                Subject::Session => {
                    format!("detached; the session keeps running. To end it: `yarn-flink session stop {id}`")
                }
            });
            Ok(ExitStatus::Interrupted)
        }
    }
}

/// A line about a change of state, for users who watch.
fn change(report: &ApplicationReport) -> String {
    let mut text = format!("{} {}", report.id, report.state);
    if report.state == ApplicationState::Running && report.tracking_url != "N/A" {
        text.push_str(&format!("  {}", report.tracking_url));
    }
    text
}

/// Prints the last known state if the wait ended before the application did.
fn print_last(context: &Context, last: Option<&Evidence>, submitted: &Submitted, user: &str) {
    match last {
        Some(evidence) => {
            let view = ApplicationView::explained(evidence, super::now_ms());
            context.printer.sum_up(&view.with_job(&submitted.job_id));
        }
        None => context.printer.sum_up(&JobRunView::from(SubmittedView::new(submitted, user))),
    }
}

fn finish_with(
    context: &Context,
    evidence: &Evidence,
    subject: (Subject, &Submitted),
    level: WaitLevel,
) -> Result<ExitStatus, Failure> {
    let view = ApplicationView::explained(evidence, super::now_ms());
    finish(context, view, Outcome::of_evidence(evidence).as_ref(), subject, level)
}

/// Prints the state of the application. `outcome`: that of one that has ended.
fn finish(
    context: &Context,
    view: ApplicationView,
    outcome: Option<&Outcome>,
    (subject, submitted): (Subject, &Submitted),
    level: WaitLevel,
) -> Result<ExitStatus, Failure> {
    let printer = &context.printer;
    let view = view.with_job(&submitted.job_id);
    let mut fields = Fields::default();
    fields.add("state", &view.state);
    if outcome.is_some() {
        fields.add("final_status", &view.final_status);
    }
    if let Some(state) = &view.job_state {
        fields.add("job_state", state);
    }
    if let Some(checkpoint) = &view.checkpoint {
        fields.add("checkpoint", checkpoint);
    }
    if level == WaitLevel::Running
        && let Some(url) = &view.tracking_url
    {
        fields.add("tracking_url", url);
    }
    printer.show(&view, || fields.render());
    let Some(outcome) = outcome else { return Ok(ExitStatus::Success) };
    let exit = match outcome.verdict {
        Verdict::Succeeded => ExitStatus::Success,
        Verdict::Failed => ExitStatus::JobFailed,
        Verdict::Killed => ExitStatus::Killed,
        Verdict::Refused => ExitStatus::Cluster,
    };
    if let Some(cause) = &outcome.cause {
        let what = match (outcome.verdict, subject) {
            (Verdict::Refused, _) => "YARN refused the application",
            (Verdict::Killed, Subject::Job) => "the job did not finish",
            (Verdict::Killed, Subject::Session) => "the session was killed",
            (Verdict::Succeeded | Verdict::Failed, Subject::Job) => "the job failed",
            (Verdict::Succeeded | Verdict::Failed, Subject::Session) => "the session failed",
        };
        let mut text = format!("{what}: {}", cause.text);
        for line in further_evidence(cause) {
            text.push_str(&format!("\n  {line}"));
        }
        printer.error_text(&text, cause.hint.as_deref(), exit);
    }
    Ok(exit)
}

/// What to do after Ctrl-C.
enum Answer {
    Detach,
    End,
    Wait,
}

/// Prompts on the terminal. Standard input is read on a thread of its own, which is abandoned if the question is
/// answered in another way.
async fn ask(context: &Context, subject: Subject, id: ApplicationId) -> Answer {
    context.printer.ask(&match subject {
        Subject::Job => format!(
            "\n{id} keeps running without this client (to end it: `yarn-flink kill {id}`).\n[d]etach, \
             [k]ill it now, or keep [w]aiting? [d] "
        ),
        Subject::Session => format!(
            "\nThe session {id} keeps running without this client (to end it: `yarn-flink session stop \
             {id}`).\n[d]etach, [s]top it and its jobs now, or keep [w]aiting? [d] "
        ),
    });
    let (answered, answer) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().read_line(&mut line);
        // If the receiver is gone, the answer is no longer needed.
        let _ = answered.send(read.map(|_| line));
    });
    match answer.await {
        Ok(Ok(line)) => match line.trim().chars().next().map(|c| c.to_ascii_lowercase()) {
            // Either letter, as there is no other meaning for them.
            Some('k' | 's') => Answer::End,
            Some('w') => Answer::Wait,
            _ => Answer::Detach,
        },
        _ => Answer::Detach,
    }
}

async fn kill_it(context: &Context, gateway: &Gateway, submitted: &Submitted) -> Result<ExitStatus, Failure> {
    let id = submitted.application_id;
    let killed = kill::kill(gateway, id, &submitted.bases()).await?;
    match killed.outcome {
        KillOutcome::Killed => context.printer.note(&format!("{id} killed")),
        KillOutcome::AlreadyFinished(_) => {}
    }
    let mut evidence = explain::evidence(gateway, id).await?;
    evidence.checkpoint = killed.checkpoint;
    finish_with(context, &evidence, (Subject::Job, submitted), WaitLevel::Finished)
}

async fn stop_it(context: &Context, gateway: &Gateway, submitted: &Submitted) -> Result<ExitStatus, Failure> {
    let id = submitted.application_id;
    let mut on_cancelled = |job: &str| context.printer.note(&format!("cancelling job {job}"));
    session::end(gateway, id, &submitted.bases(), &mut on_cancelled).await?;
    let evidence = explain::evidence(gateway, id).await?;
    finish_with(context, &evidence, (Subject::Session, submitted), WaitLevel::Finished)
}
