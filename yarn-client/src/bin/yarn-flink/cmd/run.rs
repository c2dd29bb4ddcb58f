//! `yarn-flink run JAR [ARG...]`

use std::path::Path;

use futures::FutureExt as _;
use yarn_client::cluster::Gateway;
use yarn_client::hdfs::digest::Digests;
use yarn_client::submit::{
    FlinkHome, JobSubmission, Key, Keyed, Plan, PreflightError, RecordedEnd, ResolvedJob, Site, SubmitError,
    Submitted, app_master_path, key, preflight, submit,
};

use super::{Context, Failure, attached, session_job};
use crate::args::{Cluster, Run};
use crate::exit::ExitStatus;
use crate::progress::Uploads;
use crate::signal::Interrupts;

pub(super) async fn run(context: &Context, args: Run) -> Result<ExitStatus, Failure> {
    if let Some(session) = &args.session {
        return session_job::run(context, &args, session).await;
    }
    let printer = &context.printer;
    let mut interrupts = Interrupts::install();
    let site = site(context, args.cluster.app_master.as_deref());
    let key = args.key.as_deref().map(Key::new).transpose()?;
    let job = submission(&args);
    let (gateway, job) = tokio::select! {
        prepared = prepare(context, &site, &job) => prepared?,
        _ = interrupts.next() => return Err(SubmitError::Interrupted.into()),
    };
    let plan = Plan::new(&job, &gateway.configuration, &gateway.user.name)?.with_login(&gateway)?;
    for warning in &plan.warnings {
        printer.warning(&warning.to_string());
    }
    let bring = bring(context, &gateway, &job, &plan, key.as_ref(), &mut interrupts);
    let Bring { submitted, ended } = super::tidying(&gateway, bring).await?;
    let subject = (attached::Subject::Job, &submitted);
    attached::follow(context, &gateway, subject, ended, &args.waiting, &mut interrupts).await
}

/// The outcome of the submission.
pub(super) struct Bring {
    pub(super) submitted: Submitted,
    /// The end of an application that YARN has forgotten.
    pub(super) ended: Option<RecordedEnd>,
}

/// Submits the job to the ResourceManager, or finds it there by its key.
pub(super) async fn bring(
    context: &Context,
    gateway: &Gateway,
    job: &ResolvedJob,
    plan: &Plan,
    key: Option<&Key>,
    interrupts: &mut Interrupts,
) -> Result<Bring, Failure> {
    let uploads = Uploads::new(&context.printer);
    let digests = Digests::new(&context.environment);
    let Some(key) = key else {
        let ready = tokio::select! {
            ready = preflight::check(gateway, job, plan) => ready?,
            _ = interrupts.next() => return Err(SubmitError::Interrupted.into()),
        };
        super::wait_out(context, gateway)?;
        let interrupted = interrupts.next().map(drop);
        let submitted = submit(gateway, plan, ready, &digests, &uploads, interrupted).await;
        uploads.finish();
        return Ok(Bring { submitted: submitted?, ended: None });
    };
    super::wait_out(context, gateway)?;
    let name = format!("{:032x}", rand::random::<u128>());
    let (digests, progress) = (&digests, &uploads);
    let asked =
        key::Submission { gateway, job, plan, key, name: &name, now_ms: super::now_ms(), digests, progress };
    let keyed = asked.submit(interrupts.next().map(drop)).await;
    uploads.finish();
    let (submitted, ended) = match keyed? {
        Keyed::Submitted(submitted) => (*submitted, None),
        Keyed::Ended { submitted, end } => (*submitted, Some(end)),
    };
    if submitted.followed {
        context.printer.note(&format!("{} was already submitted with this key", submitted.application_id));
    }
    Ok(Bring { submitted, ended })
}

/// The arguments in the form that the library expects.
fn submission(args: &Run) -> JobSubmission {
    JobSubmission {
        jar: args.jar.clone(),
        main_class: args.class.clone(),
        args: args.args.clone(),
        class_paths: args.classpath.clone(),
        parallelism: args.parallelism,
        savepoint: args.from_savepoint.clone(),
        allow_non_restored_state: args.allow_non_restored_state,
        multi_job: args.multi_job,
        restart_from_scratch: args.restart_from_scratch,
        target: args.target.clone().or_else(|| args.master.clone()),
        ..cluster(&args.cluster)
    }
}

/// The part of the submission that describes the cluster.
pub(super) fn cluster(args: &Cluster) -> JobSubmission {
    JobSubmission {
        placement: args.placement.clone(),
        dynamic: args.dynamic.clone(),
        queue: args.queue.clone(),
        name: args.name.clone(),
        application_type: args.application_type.clone(),
        node_label: args.node_label.clone(),
        job_manager_memory: args.job_manager_memory.clone(),
        task_manager_memory: args.task_manager_memory.clone(),
        slots: args.slots,
        ship: args.ship.clone(),
        zookeeper_namespace: args.zookeeper_namespace.clone(),
        open_rest: args.open_rest,
        ..JobSubmission::default()
    }
}

/// Where things are on this host.
pub(super) fn site(context: &Context, app_master: Option<&Path>) -> Site {
    let executable = std::env::current_exe().ok();
    Site {
        environment: context.environment.clone(),
        flink_home: context.global.flink_home.clone(),
        app_master: app_master_path(app_master, executable.as_deref()),
        entropy: rand::random(),
    }
}

/// Reads configuration, distribution and jar.
pub(super) async fn prepare(
    context: &Context,
    site: &Site,
    job: &JobSubmission,
) -> Result<(Gateway, ResolvedJob), Failure> {
    let home = match FlinkHome::open(site, None) {
        // No distribution here: there may be one on the cluster.
        Err(PreflightError::NoFlinkHome) => {
            let dirs = preflight::provided_dirs(context.settings()?);
            if dirs.is_empty() {
                return Err(PreflightError::NoFlinkHome.into());
            }
            let version = preflight::provided_version(&context.gateway()?, &dirs).await?;
            FlinkHome::open(site, Some(version))?
        }
        other => other?,
    };
    let settings = job.settings(&home.config)?;
    Ok((context.gateway_with(&settings)?, job.resolve(home, site)?))
}
