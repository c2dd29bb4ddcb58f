//! `yarn-flink run --session ID|NAME JAR [ARG...]`

use std::time::Duration;

use yarn_client::deploy::{
    ApplicationError, Gateway, JobJar, Live, PreflightError, WaitLevel, attach, explain, jobs, session,
};
use yarn_client::flink::JobStatus;
use yarn_client::flink::rest::RunJar;

use super::{Context, Failure, standing};
use crate::args::Run;
use crate::exit::ExitStatus;
use crate::progress::Standing;
use crate::signal::Interrupts;
use crate::view::{JobRunView, SubmittedView};

/// Somebody who starts a session and sends a job to it at once waits for its JobManager.
const FLINK_STARTS: Duration = Duration::from_secs(120);

pub(super) async fn run(context: &Context, args: &Run, wanted: &str) -> Result<ExitStatus, Failure> {
    let printer = &context.printer;
    let mut interrupts = Interrupts::install();
    let gateway = context.gateway()?;
    // Of a session Flink says one or the other.
    for (given, known) in [(&args.target, "yarn-session"), (&args.master, "yarn-cluster")] {
        if let Some(target) = given.as_ref().filter(|target| *target != known) {
            return Err(PreflightError::Target { target: target.clone() }.into());
        }
    }
    let jar = JobJar::parse(&args.jar);
    let run = jar_run(context, &gateway, args)?;
    let uploaded = async {
        let id = session::find(&gateway, wanted).await?.id;
        let live = Live::open_within(&gateway, id, &context.staging_bases(), FLINK_STARTS).await?;
        live.flink_answers(FLINK_STARTS).await?;
        let uploaded = session::upload_jar(&gateway, &live, &jar).await?;
        Ok::<_, ApplicationError>((live, uploaded))
    };
    let (live, uploaded) = tokio::select! {
        uploaded = uploaded => uploaded?,
        _ = interrupts.next() => {
            printer.note("interrupted; nothing was submitted");
            return Ok(ExitStatus::Interrupted);
        }
    };
    tokio::select! {
        ran = session::run_jar(&live, &uploaded, &run) => ran?,
        _ = interrupts.next() => {
            printer.note(&format!("interrupted; if job {} has been submitted already, it goes on", run.job_id));
            // Whoever is in a hurry interrupts once more.
            tokio::select! {
                () = session::remove_jar(&live, &uploaded) => {}
                _ = interrupts.next() => {}
            }
            return Ok(ExitStatus::Interrupted);
        }
    }
    let mut view = JobRunView {
        submitted: SubmittedView::in_session(&live.report, &run.job_id),
        job_state: None,
        cause: None,
        cancelled_jobs: Vec::new(),
    };
    if !printer.is_json() {
        printer.data(&view.submitted.text());
    }
    super::wait_out(context, &gateway)?;
    if args.stop_session_after {
        match live.stop_after_job(&run.job_id).await {
            Ok(jobs) => view.cancelled_jobs = jobs,
            // The job runs: whoever reads JSON gets its id too.
            Err(error) => {
                if printer.is_json() {
                    printer.json(&view);
                }
                return Err(error.into());
            }
        }
        for job in &view.cancelled_jobs {
            printer.note(&format!("job {job}, if it still runs then, will be cancelled with the session"));
        }
    }
    if args.waiting.detached {
        if printer.is_json() {
            printer.json(&view);
        }
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
    let bases = context.staging_bases();
    let mut standing = Standing::new(printer);
    standing.show();
    let ended = tokio::select! {
        ended = waiting => ended?,
        never = Box::pin(standing::tell(printer, &gateway, live.id(), &bases)) => match never {},
        () = limit => {
            printer.error_text(
                &format!("job {} has not ended in time", run.job_id),
                Some(&format!("it goes on; `yarn-flink jobs {}` shows it", live.id())),
                ExitStatus::TimedOut,
            );
            return Ok(ExitStatus::TimedOut);
        }
        _ = interrupts.next() => {
            printer.note(&format!("detached; the job goes on. `yarn-flink cancel {} {}` ends it", live.id(), run.job_id));
            return Ok(ExitStatus::Interrupted);
        }
    };
    drop(standing);
    view.job_state = Some(ended.state.to_string());
    view.cause = ended.failure.as_ref().map(|failure| explain::job_failed(&failure.root));
    if printer.is_json() {
        printer.json(&view);
    } else {
        printer.data(&format!("job_state: {}\n", ended.state));
    }
    if let Some(failure) = &ended.failure {
        printer.error_text(&format!("the job failed: {}", failure.summary), None, ExitStatus::JobFailed);
    }
    Ok(match ended.state {
        JobStatus::Finished => ExitStatus::Success,
        JobStatus::Canceled => ExitStatus::Killed,
        _ => ExitStatus::JobFailed,
    })
}

/// For the job, and for the session when that ends with it: its application master says then how the job ended.
async fn wait(
    gateway: &Gateway,
    live: &Live,
    args: &Run,
    job_id: &str,
    on_change: &mut (dyn FnMut(JobStatus) + Send),
) -> Result<jobs::Ended, ApplicationError> {
    if !args.stop_session_after {
        return jobs::wait(gateway, live, job_id, on_change).await;
    }
    let rm = &gateway.resource_manager;
    let report = attach::wait(rm, live.id(), WaitLevel::Finished, None, None, &mut |_| {}).await?;
    Ok(jobs::Ended::of_application(&report))
}

/// What Flink is told to run.
fn jar_run(context: &Context, gateway: &Gateway, args: &Run) -> Result<RunJar, Failure> {
    let savepoint = args.from_savepoint.as_deref();
    let settings = session::job_settings(&gateway.configuration, &args.cluster.dynamic, savepoint)?;
    for warning in &settings.warnings {
        context.printer.warning(&warning.to_string());
    }
    if settings.savepoint.as_deref() != savepoint
        && let Some(path) = &settings.savepoint
    {
        context.printer.note(&format!("the savepoint is taken as {path}"));
    }
    Ok(RunJar {
        job_id: format!("{:032x}", rand::random::<u128>()),
        entry_class: args.class.clone(),
        program_args_list: args.args.clone(),
        parallelism: args.parallelism,
        savepoint_path: settings.savepoint,
        allow_non_restored_state: args.allow_non_restored_state.then_some(true),
        flink_configuration: settings.flink,
    })
}
