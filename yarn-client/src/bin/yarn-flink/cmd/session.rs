//! `yarn-flink session start|list|stop` and `yarn-flink scale`

use yarn_client::cluster::{ApplicationError, MasterError};
use yarn_client::running::session;
use yarn_client::submit::{JobSubmission, Plan, SessionSize, SubmitError, session_job};

use super::{Context, Failure, attached, run};
use crate::args::{Scale, Session, SessionStart, SessionStop};
use crate::exit::ExitStatus;
use crate::render::Fields;
use crate::signal::Interrupts;
use crate::view::{ScaleView, SessionView, SessionsView, StoppedView};

pub(super) async fn verb(context: &Context, command: Session) -> Result<ExitStatus, Failure> {
    match command {
        Session::Start(args) => Box::pin(start(context, *args)).await,
        Session::List => list(context).await,
        Session::Stop(args) => stop(context, args).await,
    }
}

async fn start(context: &Context, args: SessionStart) -> Result<ExitStatus, Failure> {
    let mut interrupts = Interrupts::install();
    let site = run::site(context, args.cluster.app_master.as_deref());
    let submission = JobSubmission {
        session: Some(SessionSize {
            task_managers: args.task_managers,
            min: args.min,
            max: args.max,
            idle_timeout: args.idle_timeout,
        }),
        ..run::cluster(&args.cluster)
    };
    let prepared = async {
        let (gateway, resolved) = run::prepare(context, &site, &submission).await?;
        let plan = Plan::new(&resolved, &gateway.configuration, &gateway.user.name)?.with_login(&gateway)?;
        session_job::check_name(&gateway, &plan.name).await?;
        Ok::<_, Failure>((gateway, resolved, plan))
    };
    let (gateway, resolved, plan) = tokio::select! {
        prepared = prepared => prepared?,
        _ = interrupts.next() => return Err(SubmitError::Interrupted.into()),
    };
    for warning in &plan.warnings {
        context.printer.warning(&warning.to_string());
    }
    let bring = run::bring(context, &gateway, &resolved, &plan, None, &mut interrupts);
    let run::Bring { submitted, .. } = super::tidying(&gateway, bring).await?;
    let subject = (attached::Subject::Session, &submitted);
    attached::follow(context, &gateway, subject, None, &args.waiting, &mut interrupts).await
}

async fn list(context: &Context) -> Result<ExitStatus, Failure> {
    let gateway = context.gateway()?;
    let reports = session::list(&gateway).await?;
    let listed = session::glance(&gateway, reports, &context.staging_bases()).await;
    let view = SessionsView { sessions: listed.iter().map(SessionView::new).collect() };
    context.printer.show(&view, || view.text(super::now_ms()));
    Ok(ExitStatus::Success)
}

async fn stop(context: &Context, args: SessionStop) -> Result<ExitStatus, Failure> {
    let gateway = context.gateway()?;
    let id = session::find(&gateway, &args.session).await?.id;
    let mut on_cancelled = |job: &str| context.printer.note(&format!("cancelling job {job}"));
    let stopped = session::stop(&gateway, id, &context.staging_bases(), &mut on_cancelled).await;
    let session::Stopped { report, cancelled_jobs } = stopped.inspect_err(|error| {
        if matches!(
            error,
            ApplicationError::Master(MasterError::Starting { .. } | MasterError::Control { .. })
        ) {
            context
                .printer
                .note(&format!("to end it without its application master: `yarn-flink kill {id}`"));
        }
    })?;
    let view = StoppedView {
        application_id: id.to_string(),
        state: report.state.to_string(),
        final_status: report.final_status.to_string(),
        cancelled_jobs,
    };
    let mut fields = Fields::default();
    fields
        .add("application_id", &view.application_id)
        .add("state", &view.state)
        .add("final_status", &view.final_status);
    context.printer.show(&view, || fields.render());
    Ok(ExitStatus::Success)
}

pub(super) async fn scale(context: &Context, args: Scale) -> Result<ExitStatus, Failure> {
    let (_, live) = super::live(context, &args.id).await?;
    let reply = live.scale(args.task_managers).await?;
    let view = ScaleView {
        application_id: live.id().to_string(),
        previous_task_managers: reply.previous,
        task_managers: reply.task_managers,
    };
    let text = || format!("task_managers: {} (previously {})\n", view.task_managers, reply.previous);
    context.printer.show(&view, text);
    if reply.task_managers > args.task_managers {
        let text = format!(
            "its jobs need {} TaskManagers; once they have ended, it keeps {}",
            reply.task_managers, args.task_managers
        );
        context.printer.note(&text);
    }
    Ok(ExitStatus::Success)
}
