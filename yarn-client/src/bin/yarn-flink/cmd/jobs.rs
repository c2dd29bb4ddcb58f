//! `yarn-flink jobs|cancel|stop|savepoint`

use std::time::Duration;

use yarn_client::deploy::state_paths::StateRoot;
use yarn_client::deploy::{ApplicationError, Gateway, Live, jobs};
use yarn_client::flink::rest::{Format, StopWithSavepoint, Written};

use super::{Context, Failure};
use crate::args::{Cancel, Jobs, Savepoint, SavepointType, Stop, Target};
use crate::exit::ExitStatus;
use crate::render::Fields;
use crate::view::{JobEndView, JobsView, SavepointView};

/// A JobManager that is starting is waited for.
const FLINK_STARTS: Duration = Duration::from_secs(15);

async fn live(context: &Context, wanted: &str) -> Result<(Gateway, Live), Failure> {
    let (gateway, live) = super::live(context, wanted).await?;
    live.flink_answers(FLINK_STARTS).await?;
    Ok((gateway, live))
}

pub(super) async fn list(context: &Context, args: Jobs) -> Result<ExitStatus, Failure> {
    let (_, live) = live(context, &args.id).await?;
    let mut jobs = jobs::list(&live).await?;
    jobs.retain(|job| args.all || !job.state.is_terminal());
    let view = JobsView::new(live.id(), &jobs);
    if context.printer.is_json() {
        context.printer.json(&view);
    } else {
        context.printer.data(&view.text(super::now_ms()));
    }
    Ok(ExitStatus::Success)
}

pub(super) async fn cancel(context: &Context, args: Cancel) -> Result<ExitStatus, Failure> {
    let (gateway, live) = live(context, &args.id).await?;
    let job = jobs::find(&live, args.job.as_deref()).await?;
    let state = if job.state.is_terminal() {
        context.printer.note(&format!("job {} had ended already", job.id));
        job.state
    } else {
        jobs::cancel(&gateway, &live, &job.id).await?.state
    };
    let view =
        JobEndView { application_id: live.id().to_string(), job_id: job.id, job_state: state.to_string() };
    if context.printer.is_json() {
        context.printer.json(&view);
    } else {
        let mut fields = Fields::default();
        fields.add("job_id", &view.job_id).add("job_state", &view.job_state);
        context.printer.data(fields.render());
    }
    Ok(ExitStatus::Success)
}

pub(super) async fn stop(context: &Context, args: Stop) -> Result<ExitStatus, Failure> {
    let (gateway, live) = live(context, &args.id).await?;
    let directory = directory(context, &gateway, &args.target)?;
    let job = jobs::find(&live, args.job.as_deref()).await?.id;
    context.printer.note(&format!("stopping job {job} with a savepoint"));
    let how =
        StopWithSavepoint { target_directory: directory, drain: args.drain, format_type: format(args.kind) };
    let path = jobs::stop(&gateway, &live, &job, &how, &mut progress(context)).await?;
    print(context, live.id().to_string(), Some(job), path, None)
}

pub(super) async fn savepoint(context: &Context, args: Savepoint) -> Result<ExitStatus, Failure> {
    let (gateway, live) = live(context, &args.id).await?;
    if let Some(path) = args.dispose {
        jobs::dispose(&gateway, &live, &path).await?;
        return print(context, live.id().to_string(), None, path, Some(true));
    }
    let directory = directory(context, &gateway, &args.target)?;
    let job = jobs::find(&live, args.job.as_deref()).await?.id;
    context.printer.note(&format!("making a savepoint of job {job}"));
    let (kind, mut progress) = (format(args.kind), progress(context));
    let path = jobs::savepoint(&gateway, &live, &job, directory.as_deref(), kind, &mut progress).await?;
    print(context, live.id().to_string(), Some(job), path, None)
}

/// Where the savepoint goes, as a full URI.
fn directory(context: &Context, gateway: &Gateway, target: &Target) -> Result<Option<String>, Failure> {
    let Some(given) = &target.directory else { return Ok(None) };
    let root = StateRoot::new(&gateway.configuration, target.allow_local_state);
    let path = root.qualify("-p", given).map_err(ApplicationError::from)?;
    if path != *given {
        context.printer.note(&format!("-p: {given} is taken as {path}"));
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
    disposed: Option<bool>,
) -> Result<ExitStatus, Failure> {
    let view = SavepointView { application_id, job_id, savepoint, disposed };
    if context.printer.is_json() {
        context.printer.json(&view);
    } else {
        let key = if disposed.is_some() { "disposed" } else { "savepoint" };
        let mut fields = Fields::default();
        fields.add(key, &view.savepoint);
        context.printer.data(fields.render());
    }
    Ok(ExitStatus::Success)
}

fn format(kind: SavepointType) -> Format {
    match kind {
        SavepointType::Canonical => Format::Canonical,
        SavepointType::Native => Format::Native,
    }
}
