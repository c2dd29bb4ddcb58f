//! What an application itself reports while it runs, or has left behind: asked in passing, to complete an explanation.

use std::time::Duration;

use super::evidence::Evidence;
use super::outcome::Outcome;
use super::waiting;
use crate::cluster::{ApplicationError, Gateway, Live, MasterError, journal, place};
use crate::with_cause;
use crate::yarn::ApplicationState;

/// Maximum delay of the explanation.
const PATIENCE: Duration = Duration::from_millis(2500);
/// A running application master responds within milliseconds.
const ANSWER: Duration = Duration::from_millis(1500);

/// Adds what the application's own master says it is waiting for or, if it has ended without a report, the newest checkpoint that
/// its journal names. `bases`: values of `yarn.staging-directory`, in addition to the home directory of the application's user.
///
/// Never fails: what cannot be read, or not by this user, is left out.
pub async fn consult(gateway: &Gateway, evidence: &mut Evidence, bases: &[String]) {
    if !waiting::is_ours(&evidence.report) {
        return;
    }
    match tokio::time::timeout(PATIENCE, Box::pin(ask(gateway, evidence, bases))).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the application master did not respond"),
        Err(_) => tracing::debug!("the application master did not respond in time"),
    }
}

async fn ask(gateway: &Gateway, evidence: &mut Evidence, bases: &[String]) -> Result<(), ApplicationError> {
    let report = &evidence.report;
    match report.state {
        ApplicationState::Running if report.rpc_port > 0 => {
            let live = Live::of(gateway.file_systems()?.as_ref(), report.clone(), bases).await?;
            match tokio::time::timeout(ANSWER, live.status()).await {
                Ok(Ok(status)) => evidence.told(&status),
                // A master that is about to end has responded.
                Ok(Err(ApplicationError::Master(MasterError::Control { source, .. })))
                    if !source.is_answer() =>
                {
                    evidence.silent = Some(with_cause(&*source))
                }
                Ok(Err(error)) => return Err(error),
                Err(_) => evidence.silent = Some(format!("no answer within {} ms", ANSWER.as_millis())),
            }
        }
        // A master that has unregistered has reported everything.
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
