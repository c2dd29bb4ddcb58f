//! What an application itself says, while it runs or by what it has left: asked in passing, to complete an explanation.

use std::time::Duration;

use super::evidence::Evidence;
use super::outcome::Outcome;
use super::waiting;
use crate::cluster::{ApplicationError, Gateway, Live, MasterError, journal, place};
use crate::with_cause;
use crate::yarn::ApplicationState;

/// The explanation is not later than this for it.
const PATIENCE: Duration = Duration::from_millis(2500);
/// An application master that lives answers in milliseconds.
const ANSWER: Duration = Duration::from_millis(1500);

/// Adds what the application's own master says it waits for, or, of one that has ended without a word, the newest checkpoint
/// that its journal names. `bases`: values of `yarn.staging-directory`, beside the home directory of the application's user.
///
/// Never fails: what cannot be asked, for others may not, is left out.
pub async fn consult(gateway: &Gateway, evidence: &mut Evidence, bases: &[String]) {
    if !waiting::is_ours(&evidence.report) {
        return;
    }
    match tokio::time::timeout(PATIENCE, Box::pin(ask(gateway, evidence, bases))).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the application itself says nothing"),
        Err(_) => tracing::debug!("the application itself says nothing in time"),
    }
}

async fn ask(gateway: &Gateway, evidence: &mut Evidence, bases: &[String]) -> Result<(), ApplicationError> {
    let report = &evidence.report;
    match report.state {
        ApplicationState::Running if report.rpc_port > 0 => {
            let live = Live::of(gateway.file_systems()?.as_ref(), report.clone(), bases).await?;
            match tokio::time::timeout(ANSWER, live.status()).await {
                Ok(Ok(status)) => evidence.told(&status),
                // One that is about to end has answered.
                Ok(Err(ApplicationError::Master(MasterError::Control { source, .. })))
                    if !source.is_answer() =>
                {
                    evidence.silent = Some(with_cause(&*source))
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => evidence.silent = Some(format!("no answer within {} ms", ANSWER.as_millis())),
            }
        }
        // One that has unregistered has said what there is to say.
        ApplicationState::Failed | ApplicationState::Killed
            if Outcome::of_evidence(evidence).is_some_and(|outcome| outcome.checkpoint.is_none()) =>
        {
            let file_systems = gateway.file_systems()?;
            for place in place::directories(&file_systems, &evidence.report, bases) {
                let (fs, directory) = place?;
                match journal::newest_checkpoint(&file_systems, fs.as_ref(), &directory).await {
                    Ok(Some(checkpoint)) => {
                        evidence.checkpoint = Some(checkpoint);
                        break;
                    }
                    Ok(None) => {}
                    Err(error) if error.is_not_found() => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        _ => {}
    }
    Ok(())
}
