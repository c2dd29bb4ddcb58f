//! What happens in a running application, told by its master, over the ends and restarts of attempts.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use proto::control::{EventId, WatchReply, WatchRequest, watch_reply};
use proto::ids::ApplicationId;

use super::error::ApplicationError;
use super::gateway::Gateway;
use super::kill::home_of;
use crate::control::{self, Control, ControlError, Identity};
use crate::hdfs::application_dir::ApplicationDir;
use crate::hdfs::{FileSystem, FileSystems, HdfsError};
use crate::yarn::{ApplicationReport, ApplicationState};

/// More than three certificates.
const CERTIFICATE_LIMIT: u64 = 64 * 1024;
/// Between two looks for an application master that is not there yet, or not any more.
const PAUSE: Duration = Duration::from_millis(300);
/// A master that runs and cannot be reached for this long is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// Hears what is told, until it breaks off.
type OnReply<'a> = dyn FnMut(WatchReply) -> ControlFlow<()> + Send + 'a;

/// Tells what happens, beginning behind `after` or with the first event that is known; with `follow` until the
/// application has ended, over restarts of its master. Returns the last report.
///
/// The certificate is looked for in the staging directory, below `bases` (values of `yarn.staging-directory`) and the home
/// directory of the application's user.
///
/// # Errors
/// [`ApplicationError::NotFound`], [`ApplicationError::NotLive`] without `follow`, [`ApplicationError::Control`],
/// [`ApplicationError::FileSystem`], [`ApplicationError::ResourceManager`].
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
            return if follow { Ok(report) } else { Err(not_live(&report)) };
        }
        let told = match connect(&file_systems, &report, bases).await {
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
            // Its master has ended, or another one follows.
            Ok(ControlFlow::Continue(())) => {}
            Err(error) if follow && is_passing(&error) && heard.elapsed() < PATIENCE => {}
            Err(error) => return Err(error),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// A client of the application's control plane.
///
/// # Errors
/// [`ApplicationError::NotLive`], [`ApplicationError::Control`], [`ApplicationError::FileSystem`].
async fn connect(
    file_systems: &FileSystems,
    report: &ApplicationReport,
    bases: &[String],
) -> Result<Control, ApplicationError> {
    let port = u16::try_from(report.rpc_port).ok().filter(|port| *port > 0);
    let (Some(port), Some(attempt), ApplicationState::Running) = (port, report.attempt, report.state) else {
        return Err(not_live(report));
    };
    let pem = certificate(file_systems, report, bases, u32::try_from(attempt.attempt).unwrap_or(1)).await?;
    let refused = |source| ApplicationError::Control { application: report.id, source: Box::new(source) };
    let identity = Identity::parse(report.id, &pem).map_err(refused)?;
    identity.control(&format!("{}:{port}", report.host)).await.map_err(refused)
}

async fn certificate(
    file_systems: &FileSystems,
    report: &ApplicationReport,
    bases: &[String],
    attempt: u32,
) -> Result<bytes::Bytes, ApplicationError> {
    let home = Arc::clone(file_systems.default_fs());
    let own = home_of(home.home(), &report.user);
    let mut places: Vec<(Arc<dyn FileSystem>, String)> = vec![(home, own)];
    for base in bases {
        places.push(file_systems.locate(base)?);
    }
    let mut missing = None;
    for (fs, base) in places {
        let directory = ApplicationDir::path_of(&base, &report.id);
        let path = format!("{directory}/{}", control::certificate_file(attempt));
        match fs.read(&path, CERTIFICATE_LIMIT).await {
            Ok(pem) => return Ok(pem),
            Err(error) if error.is_not_found() => missing = missing.or(Some(error)),
            Err(source @ HdfsError::PermissionDenied { .. }) => {
                let owner = report.user.clone();
                let source = Box::new(source);
                return Err(ApplicationError::NotOurs { application: report.id, owner, source });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(missing.map_or_else(|| not_live(report), ApplicationError::FileSystem))
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
        ApplicationError::Control { application: report.id, source: Box::new(source) }
    };
    let mut replies = control.watch(request).await.map_err(refused)?.into_inner();
    while let Some(reply) = replies.message().await.map_err(refused)? {
        if on_reply(reply).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}

fn not_live(report: &ApplicationReport) -> ApplicationError {
    ApplicationError::NotLive { application: report.id, state: report.state.name().to_owned() }
}

/// Of a master that starts, restarts or ends.
fn is_passing(error: &ApplicationError) -> bool {
    match error {
        ApplicationError::NotLive { .. } => true,
        ApplicationError::FileSystem(error) => error.is_not_found(),
        ApplicationError::Control { source, .. } => {
            matches!(**source, ControlError::Connect { .. } | ControlError::Status { .. })
        }
        _ => false,
    }
}
