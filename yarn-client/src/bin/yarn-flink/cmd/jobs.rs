//! `yarn-flink jobs|cancel|stop|savepoint`

use std::time::Duration;

use yarn_client::cluster::state_paths::StateRoot;
use yarn_client::cluster::{ApplicationError, Gateway, Live, MasterError};
use yarn_client::flink::rest::{Format, JobOverview, StopWithSavepoint, Written};
use yarn_client::running::{Proxied, jobs};

use super::{Context, Failure};
use crate::args::{Cancel, Jobs, Savepoint, SavepointType, Stop, Target};
use crate::exit::ExitStatus;
use crate::render::Fields;
use crate::view::{JobEndView, JobsView, SavepointView};

/// How long to wait for a JobManager that is starting.
const FLINK_STARTS: Duration = Duration::from_secs(60);
/// How long to wait for a program that has not submitted its job yet.
const JOB_BEGINS: Duration = Duration::from_secs(30);

async fn live(context: &Context, wanted: &str) -> Result<(Gateway, Live), Failure> {
    let (gateway, live) = super::live(context, wanted).await?;
    let mut on_wait = || note_wait(context, "the JobManager to start", FLINK_STARTS);
    jobs::ready(&gateway, &live, FLINK_STARTS, &mut on_wait).await?;
    Ok((gateway, live))
}

/// Finds the given job.
async fn job(
    context: &Context,
    gateway: &Gateway,
    live: &Live,
    wanted: Option<&str>,
) -> Result<JobOverview, Failure> {
    let mut on_wait = || note_wait(context, "the program to submit its job", JOB_BEGINS);
    Ok(jobs::find(gateway, live, wanted, JOB_BEGINS, &mut on_wait).await?)
}

fn note_wait(context: &Context, what: &str, limit: Duration) {
    context.printer.note(&format!("waiting up to {} s for {what}", limit.as_secs()));
}

/// The application, if another client has started it: its Flink is reached through YARN's proxy.
async fn proxied(context: &Context, failure: Failure) -> Result<(Gateway, Proxied), Failure> {
    let Failure::Application(error) = &failure else { return Err(failure) };
    let ApplicationError::Master(MasterError::Foreign { application }) = **error else { return Err(failure) };
    let gateway = context.gateway()?;
    let proxied = Proxied::open(&gateway, application).await?;
    context.printer.note(&format!(
        "{application} was not started by yarn-flink; using Flink's REST API through YARN's web proxy"
    ));
    Ok((gateway, proxied))
}

pub(super) async fn list(context: &Context, args: Jobs) -> Result<ExitStatus, Failure> {
    let (id, mut jobs) = match live(context, &args.id).await {
        Ok((_, live)) => (live.id(), jobs::list(&live).await?),
        Err(failure) => {
            let (_, proxied) = Box::pin(proxied(context, failure)).await?;
            (proxied.report.id, proxied.jobs().await?)
        }
    };
    jobs.retain(|job| args.all || !job.state.is_terminal());
    let view = JobsView::new(id, &jobs);
    context.printer.show(&view, || view.text(super::now_ms()));
    Ok(ExitStatus::Success)
}

/// A connection to an application's Flink.
enum Reached {
    Master(Live),
    Proxy(Proxied),
}

pub(super) async fn cancel(context: &Context, args: Cancel) -> Result<ExitStatus, Failure> {
    let wanted = args.job.as_deref();
    let reached = match live(context, &args.id).await {
        Ok((gateway, live)) => (gateway, Reached::Master(live)),
        Err(failure) => {
            let (gateway, proxied) = Box::pin(proxied(context, failure)).await?;
            (gateway, Reached::Proxy(proxied))
        }
    };
    let (id, job) = match &reached {
        (gateway, Reached::Master(live)) => (live.id(), job(context, gateway, live, wanted).await?),
        (_, Reached::Proxy(proxied)) => (proxied.report.id, proxied.find(wanted).await?),
    };
    let state = match &reached {
        _ if job.state.is_terminal() => {
            context.printer.note(&format!("job {} has already ended", job.id));
            job.state
        }
        (gateway, Reached::Master(live)) => jobs::cancel(gateway, live, &job.id).await?.state,
        (gateway, Reached::Proxy(proxied)) => proxied.cancel(gateway, &job.id).await?.state,
    };
    let view = JobEndView { application_id: id.to_string(), job_id: job.id, job_state: state.to_string() };
    let mut fields = Fields::default();
    fields.add("job_id", &view.job_id).add("job_state", &view.job_state);
    context.printer.show(&view, || fields.render());
    Ok(ExitStatus::Success)
}

pub(super) async fn stop(context: &Context, args: Stop) -> Result<ExitStatus, Failure> {
    let (gateway, live) = live(context, &args.id).await?;
    let directory = directory(context, &gateway, &args.target)?;
    let job = job(context, &gateway, &live, args.job.as_deref()).await?.id;
    context.printer.note(&format!("stopping job {job} with a savepoint"));
    let how =
        StopWithSavepoint { target_directory: directory, drain: args.drain, format_type: format(args.kind) };
    let path = jobs::stop(&gateway, &live, &job, &how, &mut progress(context)).await?;
    print(context, live.id().to_string(), Some(job), path, false)
}

pub(super) async fn savepoint(context: &Context, args: Savepoint) -> Result<ExitStatus, Failure> {
    let (gateway, live) = live(context, &args.id).await?;
    if let Some(path) = args.dispose {
        jobs::dispose(&gateway, &live, &path).await?;
        return print(context, live.id().to_string(), None, path, true);
    }
    let directory = directory(context, &gateway, &args.target)?;
    let job = job(context, &gateway, &live, args.job.as_deref()).await?.id;
    context.printer.note(&format!("taking a savepoint of job {job}"));
    let (kind, mut progress) = (format(args.kind), progress(context));
    let path = jobs::savepoint(&gateway, &live, &job, directory.as_deref(), kind, &mut progress).await?;
    print(context, live.id().to_string(), Some(job), path, false)
}

/// The directory of the savepoint, as a full URI.
fn directory(context: &Context, gateway: &Gateway, target: &Target) -> Result<Option<String>, Failure> {
    let Some(given) = &target.directory else { return Ok(None) };
    let root = StateRoot::new(&gateway.configuration, target.allow_local_state);
    let path = root.qualify("-p", given).map_err(ApplicationError::from)?;
    if path != *given {
        context.printer.note(&format!("`-p {given}` resolves to {path}"));
    }
    Ok(Some(path.into_owned()))
}

fn progress(context: &Context) -> impl FnMut(Written) + Send {
    |written| {
        context
            .printer
            .note(&format!("{} of {} subtasks have written their state", written.subtasks, written.of))
    }
}

fn print(
    context: &Context,
    application_id: String,
    job_id: Option<String>,
    savepoint: String,
    disposed: bool,
) -> Result<ExitStatus, Failure> {
    let view = SavepointView { application_id, job_id, savepoint, disposed };
    let mut fields = Fields::default();
    fields.add(if disposed { "disposed" } else { "savepoint" }, &view.savepoint);
    context.printer.show(&view, || fields.render());
    Ok(ExitStatus::Success)
}

fn format(kind: SavepointType) -> Format {
    match kind {
        SavepointType::Canonical => Format::Canonical,
        SavepointType::Native => Format::Native,
    }
}
