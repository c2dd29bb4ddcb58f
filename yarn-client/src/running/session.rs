//! Sessions: clusters for many jobs, found by id or by name.

use std::time::Duration;

use proto::control::StatusReply;
use proto::ids::ApplicationId;

use super::attach::{self, WaitLevel};
use super::kill;
use crate::cluster::tags::{SESSION, is_session};
use crate::cluster::{ApplicationError, Gateway, Live, SessionError};
use crate::yarn::{ApplicationFilter, ApplicationReport, ApplicationState};

/// The name of sessions that were not given one. Flink's own client uses it, too, and there may be many.
pub(crate) const DEFAULT_NAME: &str = "Flink session cluster";
/// A session whose end YARN has not reported by then hangs.
const END: Duration = Duration::from_secs(60);
/// Limit for a request to an application master in passing.
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

/// Finds an application by its id, or by a name that exactly one running session of this user has. Anything that starts
/// like an id is treated as one.
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

/// Whether a text looks like an id; sessions have no such names.
pub(crate) fn reads_as_id(wanted: &str) -> bool {
    wanted.starts_with("application_")
}

/// Finds a session by its id, or by a name that exactly one running session of this user has.
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

/// A session that has ended normally.
#[derive(Debug, Clone)]
pub struct Stopped {
    /// YARN's report on its end.
    pub report: ApplicationReport,
    /// The jobs that were cancelled with it.
    pub cancelled_jobs: Vec<String>,
}

/// Makes a session cancel its jobs and end, and waits until YARN reports its end. `on_cancelled` is called with each
/// job before that. `bases`: see [`Live::open`].
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

/// Like [`stop`], but kills a session that is not running.
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

/// A session and, if it could be asked in passing, its master's view of it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The ResourceManager's report.
    pub report: ApplicationReport,
    /// Its master's status.
    pub status: Option<StatusReply>,
}

/// Asks the masters of sessions for their status, concurrently and with a short limit. `bases`: see [`Live::open`].
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
