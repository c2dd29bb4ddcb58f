//! `yarn-flink kill ID...`

use yarn_client::cluster::{ApplicationError, ResourceManagerError};
use yarn_client::running::{Killed, kill, session};
use yarn_client::yarn::KillOutcome;

use super::{Context, Failure, report};
use crate::args::Kill;
use crate::exit::ExitStatus;
use crate::view::{KillView, KillsView};

/// Tries every id; the exit code is that of the first failure.
pub(super) async fn run(context: &Context, args: Kill) -> Result<ExitStatus, Failure> {
    let gateway = context.gateway()?;
    // A typo in the last id should not be found after the first application has been killed.
    let mut ids = Vec::new();
    for wanted in &args.ids {
        ids.push(session::application(&gateway, wanted).await?);
    }
    let bases = context.staging_bases();
    let mut status = ExitStatus::Success;
    let mut views = Vec::new();
    for id in ids {
        let view = match super::tidying(&gateway, kill::kill(&gateway, id, &bases)).await {
            Ok(killed) => done(context, &killed),
            Err(error) => {
                let not_found =
                    matches!(error, ApplicationError::ResourceManager(ResourceManagerError::NotFound { .. }));
                let text = error.to_string();
                let failed = report(&context.printer, &Failure::from(error));
                if status == ExitStatus::Success {
                    status = failed;
                }
                KillView {
                    application_id: id.to_string(),
                    outcome: if not_found { "not_found" } else { "error" },
                    state: None,
                    checkpoint: None,
                    removed: None,
                    error: Some(text),
                }
            }
        };
        views.push(view);
    }
    context.printer.sum_up(&KillsView { applications: views });
    Ok(status)
}

fn done(context: &Context, killed: &Killed) -> KillView {
    let id = killed.report.id;
    let (outcome, state, text) = match killed.outcome {
        KillOutcome::Killed => ("killed", "KILLED".to_owned(), format!("{id} killed")),
        KillOutcome::AlreadyFinished(state) => {
            ("already_finished", state.to_string(), format!("{id} has already ended: {state}"))
        }
    };
    context.printer.tell(&text);
    if let Some(checkpoint) = &killed.checkpoint {
        context.printer.note(&format!("checkpoint: {checkpoint}; to resume from it: `run -s`"));
    }
    if let Some(path) = &killed.removed {
        context.printer.note(&format!("removed {path}"));
    }
    if let Some(reason) = &killed.not_removed {
        context.printer.warning(&format!("files of {id} may have been left behind: {reason}"));
    }
    KillView {
        application_id: id.to_string(),
        outcome,
        state: Some(state),
        checkpoint: killed.checkpoint.clone(),
        removed: killed.removed.clone(),
        error: None,
    }
}
