//! Sessions: clusters for many jobs, found by id or by name.

use std::time::Duration;

use proto::control::StatusReply;
use proto::ids::ApplicationId;

use super::attach::{self, WaitLevel};
use super::kill;
use crate::cluster::tags::{SESSION, is_session};
use crate::cluster::{ApplicationError, Gateway, Live, SessionError};
use crate::yarn::{ApplicationFilter, ApplicationReport, ApplicationState};

/// Of sessions nobody has named. Flink's own client calls them so, and there may be many.
pub(crate) const DEFAULT_NAME: &str = "Flink session cluster";
/// A session whose end YARN has not told by then hangs.
const END: Duration = Duration::from_secs(60);
/// What an application master that is asked in passing may take.
const GLANCE: Duration = Duration::from_millis(1500);

/// Running sessions of this user, newest first.
///
/// # Errors
/// [`ApplicationError::ResourceManager`].
pub async fn list(gateway: &Gateway) -> Result<Vec<ApplicationReport>, ApplicationError> {
    let filter = ApplicationFilter {
        users: vec![gateway.user.name.clone()],
        tags: vec![SESSION.to_owned()],
        ..ApplicationFilter::default()
    };
    gateway.applications(filter).await
}

/// The application that is meant: by its id, or by a name that exactly one running session of this user has. Whatever begins as an
/// id does is one.
///
/// # Errors
/// [`ApplicationError::Id`], [`SessionError::NoSession`], [`SessionError::ManySessions`],
/// [`ApplicationError::ResourceManager`].
pub async fn application(gateway: &Gateway, wanted: &str) -> Result<ApplicationId, ApplicationError> {
    match wanted.parse() {
        Ok(id) => Ok(id),
        Err(error) if reads_as_id(wanted) => Err(error.into()),
        Err(_) => Ok(named(gateway, wanted).await?.id),
    }
}

/// Sessions have no such names.
pub(crate) fn reads_as_id(wanted: &str) -> bool {
    wanted.starts_with("application_")
}

/// The session that is meant: by its id, or by a name that exactly one running session of this user has.
///
/// # Errors
/// [`SessionError::NoSession`], [`SessionError::ManySessions`], [`SessionError::NotASession`],
/// [`ApplicationError::ResourceManager`].
pub async fn find(gateway: &Gateway, wanted: &str) -> Result<ApplicationReport, ApplicationError> {
    if !reads_as_id(wanted) {
        return named(gateway, wanted).await;
    }
    let id = application(gateway, wanted).await?;
    let report = gateway.application(id).await?;
    if is_session(&report) { Ok(report) } else { Err(SessionError::NotASession { application: id }.into()) }
}

async fn named(gateway: &Gateway, wanted: &str) -> Result<ApplicationReport, ApplicationError> {
    let mut named = list(gateway).await?;
    named.retain(|report| report.name == wanted);
    match named.len() {
        0 => Err(SessionError::NoSession { name: wanted.to_owned(), user: gateway.user.name.clone() }.into()),
        1 => Ok(named.remove(0)),
        _ => Err(SessionError::ManySessions {
            name: wanted.to_owned(),
            applications: named.iter().map(|report| report.id).collect(),
        }
        .into()),
    }
}

/// A session that has ended in good order.
#[derive(Debug, Clone)]
pub struct Stopped {
    /// What YARN says of its end.
    pub report: ApplicationReport,
    /// The jobs that were cancelled with it.
    pub cancelled_jobs: Vec<String>,
}

/// Has a session cancel its jobs and end, and waits until YARN tells its end. `on_cancelled` hears of each job before that.
/// `bases`: see [`Live::open`].
///
/// # Errors
/// As [`Live::open`] and [`attach::wait`].
pub async fn stop(
    gateway: &Gateway,
    id: ApplicationId,
    bases: &[String],
    on_cancelled: &mut (dyn FnMut(&str) + Send),
) -> Result<Stopped, ApplicationError> {
    let cancelled_jobs = Live::open(gateway, id, bases).await?.shut_down().await?;
    cancelled_jobs.iter().for_each(|job| on_cancelled(job));
    let rm = &gateway.resource_manager;
    let report = attach::wait(rm, id, WaitLevel::Finished, Some(END), None, &mut |_| {}).await?;
    Ok(Stopped { report, cancelled_jobs })
}

/// The same, or the end by force of one that does not run.
///
/// # Errors
/// As [`stop`] and [`kill::kill`].
pub async fn end(
    gateway: &Gateway,
    id: ApplicationId,
    bases: &[String],
    on_cancelled: &mut (dyn FnMut(&str) + Send),
) -> Result<(), ApplicationError> {
    if gateway.application(id).await?.state == ApplicationState::Running {
        stop(gateway, id, bases, on_cancelled).await.map(drop)
    } else {
        kill::kill(gateway, id, bases).await.map(drop)
    }
}

/// A session and, when it could be asked in passing, its master's view of it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// As the ResourceManager describes it.
    pub report: ApplicationReport,
    /// As its master does.
    pub status: Option<StatusReply>,
}

/// Asks the masters of sessions where they stand, all at once and not for long. `bases`: see [`Live::open`].
pub async fn glance(gateway: &Gateway, reports: Vec<ApplicationReport>, bases: &[String]) -> Vec<Listed> {
    let file_systems = gateway.file_systems().ok();
    let glances = reports.into_iter().map(async |report| {
        let asked = async {
            let live = Live::of(file_systems.as_ref()?, report.clone(), bases).await.ok()?;
            live.status().await.ok()
        };
        let status = tokio::time::timeout(GLANCE, asked).await.ok().flatten();
        Listed { report, status }
    });
    futures::future::join_all(glances).await
}
