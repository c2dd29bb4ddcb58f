//! Events of a running application, reported by its master, across ends and restarts of attempts.

use std::ops::ControlFlow;
use std::time::Duration;

use proto::control::{EventId, WatchReply, WatchRequest, watch_reply};
use proto::ids::ApplicationId;

use super::error::{ApplicationError, MasterError};
use super::gateway::Gateway;
use super::{foreign, live};
use crate::control::{Control, ControlError};
use crate::yarn::ApplicationReport;

/// Pause between two checks for an application master that is not there yet, or no longer there.
const PAUSE: Duration = Duration::from_millis(300);
/// Watching ends if a running master cannot be reached for this long.
const PATIENCE: Duration = Duration::from_secs(120);

/// Receives what is reported, until it breaks off.
type OnReply<'a> = dyn FnMut(WatchReply) -> ControlFlow<()> + Send + 'a;

/// Reports events, starting after `after` or with the first event that is known; with `follow` until the application
/// has ended, across restarts of its master. Returns the last report.
///
/// The certificate is looked for in the staging directory, below `bases` (values of `yarn.staging-directory`) and below
/// the home directory of the application's user.
///
/// # Errors
/// [`MasterError::NotLive`] without `follow`, [`MasterError::Control`], [`ApplicationError::FileSystem`],
/// [`ApplicationError::ResourceManager`].
pub async fn watch(
    gateway: &Gateway,
    id: ApplicationId,
    bases: &[String],
    mut after: Option<EventId>,
    follow: bool,
    on_reply: &mut OnReply<'_>,
) -> Result<ApplicationReport, ApplicationError> {
    let file_systems = gateway.file_systems()?;
    let mut heard = tokio::time::Instant::now();
    loop {
        let report = gateway.application(id).await?;
        if report.state.is_final() {
            return if follow { Ok(report) } else { Err(live::not_live(&report)) };
        }
        let told = match live::control(&file_systems, &report, bases).await {
            Ok(mut control) => {
                let request = WatchRequest { after, follow };
                hear(&mut control, &report, request, &mut |reply| {
                    if let Some(watch_reply::Reply::Event(event)) = &reply.reply {
                        after = event.id;
                    }
                    heard = tokio::time::Instant::now();
                    on_reply(reply)
                })
                .await
            }
            Err(error) => Err(error),
        };
        match told {
            Ok(ControlFlow::Break(())) => return Ok(report),
            Ok(ControlFlow::Continue(())) if !follow => return Ok(report),
            // Its master has ended, or another one takes over.
            Ok(ControlFlow::Continue(())) => {}
            Err(error) => {
                if matches!(error, ApplicationError::Master(MasterError::Elsewhere { .. }))
                    && let Some(foreign) =
                        Box::pin(foreign::foreign(gateway.resource_manager.web(), &report)).await
                {
                    return Err(foreign);
                }
                if !follow || !live::is_passing(&error) || heard.elapsed() >= PATIENCE {
                    return Err(error);
                }
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn hear(
    control: &mut Control,
    report: &ApplicationReport,
    request: WatchRequest,
    on_reply: &mut OnReply<'_>,
) -> Result<ControlFlow<()>, ApplicationError> {
    let refused = |status| {
        let address = format!("{}:{}", report.host, report.rpc_port);
        let source = ControlError::Status { address, status: Box::new(status) };
        ApplicationError::Master(MasterError::Control { application: report.id, source: Box::new(source) })
    };
    let mut replies = control.watch(request).await.map_err(refused)?.into_inner();
    while let Some(reply) = replies.message().await.map_err(refused)? {
        if on_reply(reply).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
