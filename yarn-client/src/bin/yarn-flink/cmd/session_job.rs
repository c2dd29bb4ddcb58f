//! `yarn-flink run --session ID|NAME JAR [ARG...]`

use yarn_client::cluster::{ApplicationError, Gateway, Live};
use yarn_client::explain::Cause;
use yarn_client::flink::JobStatus;
use yarn_client::running::jobs;
use yarn_client::submit::{PreflightError, SessionJob};

use super::{Context, Failure, standing};
use crate::args::Run;
use crate::exit::ExitStatus;
use crate::progress::Standing;
use crate::signal::Interrupts;
use crate::view::{JobRunView, SubmittedView};

pub(super) async fn run(context: &Context, args: &Run, wanted: &str) -> Result<ExitStatus, Failure> {
    let printer = &context.printer;
    let mut interrupts = Interrupts::install();
    let gateway = context.gateway()?;
    // Flink's own client accepts one or the other for a session.
    for (given, known) in [(&args.target, "yarn-session"), (&args.master, "yarn-cluster")] {
        if let Some(target) = given.as_ref().filter(|target| *target != known) {
            return Err(PreflightError::Target { target: target.clone() }.into());
        }
    }
    let job = job(args);
    let (run, warnings) = job.resolve(&gateway.configuration, rand::random())?;
    for warning in &warnings {
        printer.warning(&warning.to_string());
    }
    if let Some(path) = run.savepoint_path.as_ref().filter(|path| job.savepoint.as_ref() != Some(path)) {
        printer.note(&format!("the savepoint is taken as {path}"));
    }
    let bases = context.staging_bases();
    let uploaded = tokio::select! {
        uploaded = job.upload(&gateway, wanted, &bases) => uploaded?,
        _ = interrupts.next() => {
            printer.note("interrupted; nothing was submitted");
            return Ok(ExitStatus::Interrupted);
        }
    };
    tokio::select! {
        ran = uploaded.run(&run) => ran?,
        _ = interrupts.next() => {
            printer.note(&format!("interrupted; if job {} was already submitted, it keeps running", run.job_id));
            // A second interrupt exits immediately.
            tokio::select! {
                () = uploaded.remove() => {}
                _ = interrupts.next() => {}
            }
            return Ok(ExitStatus::Interrupted);
        }
    }
    let live = uploaded.live;
    let mut view = JobRunView {
        submitted: SubmittedView::in_session(&live.report, &run.job_id),
        job_state: None,
        cause: None,
        cancelled_jobs: Vec::new(),
    };
    printer.tell(&view.submitted.text());
    super::wait_out(context, &gateway)?;
    if args.stop_session_after {
        match live.stop_after_job(&run.job_id).await {
            Ok(jobs) => view.cancelled_jobs = jobs,
            // The job is running, so readers of JSON get its id as well.
            Err(error) => {
                printer.sum_up(&view);
                return Err(error.into());
            }
        }
        for job in &view.cancelled_jobs {
            printer.note(&format!("job {job} will be cancelled with the session if it is still running"));
        }
    }
    if args.waiting.detached {
        printer.sum_up(&view);
        return Ok(ExitStatus::Success);
    }
    let mut on_change = |state: JobStatus| printer.note(&format!("job {} {state}", run.job_id));
    let waiting = Box::pin(wait(&gateway, &live, args, &run.job_id, &mut on_change));
    let limit = async {
        match args.waiting.timeout {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let mut standing = Standing::new(printer);
    standing.show();
    let ended = tokio::select! {
        ended = waiting => ended?,
        never = Box::pin(standing::tell(printer, &gateway, live.id(), &bases)) => match never {},
        () = limit => {
            printer.error_text(
                &format!("job {} did not end in time", run.job_id),
                Some(&format!("it keeps running; check it with `yarn-flink jobs {}`", live.id())),
                ExitStatus::TimedOut,
            );
            return Ok(ExitStatus::TimedOut);
        }
        _ = interrupts.next() => {
            printer.note(&format!("detached; the job keeps running. To end it: `yarn-flink cancel {} {}`", live.id(), run.job_id));
            return Ok(ExitStatus::Interrupted);
        }
    };
    drop(standing);
    view.job_state = Some(ended.state.to_string());
    view.cause = ended.failure.as_ref().map(|failure| Cause::of_exceptions(&failure.root));
    printer.show(&view, || format!("job_state: {}\n", ended.state));
    if let Some(failure) = &ended.failure {
        printer.error_text(&format!("the job failed: {}", failure.summary), None, ExitStatus::JobFailed);
    }
    Ok(match ended.state {
        JobStatus::Finished => ExitStatus::Success,
        JobStatus::Canceled => ExitStatus::Killed,
        _ => ExitStatus::JobFailed,
    })
}

/// Waits for the job, and for the session if that ends with it.
async fn wait(
    gateway: &Gateway,
    live: &Live,
    args: &Run,
    job_id: &str,
    on_change: &mut (dyn FnMut(JobStatus) + Send),
) -> Result<jobs::Ended, ApplicationError> {
    match args.stop_session_after {
        true => jobs::wait_with_session(gateway, live.id()).await,
        false => jobs::wait(gateway, live, job_id, on_change).await,
    }
}

/// The arguments in the form that the library expects.
fn job(args: &Run) -> SessionJob {
    SessionJob {
        jar: args.jar.clone(),
        main_class: args.class.clone(),
        args: args.args.clone(),
        parallelism: args.parallelism,
        savepoint: args.from_savepoint.clone(),
        allow_non_restored_state: args.allow_non_restored_state,
        dynamic: args.cluster.dynamic.clone(),
    }
}
