//! The connection to a running application: its master's control plane, and Flink's REST server behind it.
//!
//! Both are at the address in the ResourceManager's report, over mutual TLS with the certificate that the master has
//! left in the staging directory. A user who may not read that cannot connect.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proto::control::{
    ScaleReply, ScaleRequest, ShutdownRequest, StatusReply, StatusRequest, StopAfterJobRequest,
};
use proto::ids::ApplicationId;
use tokio::time::Instant;

use super::error::{ApplicationError, JobError, MasterError};
use super::gateway::Gateway;
use super::place;
use crate::control::{self, Control, ControlError, Identity};
use crate::flink::rest::{Client, Connect, Connecting, Connection, Options, RestError};
use crate::hdfs::{FileSystems, HdfsError};
use crate::yarn::{ApplicationReport, ApplicationState};

/// Larger than three certificates.
const CERTIFICATE_LIMIT: u64 = 64 * 1024;
const PAUSE: Duration = Duration::from_millis(300);
/// A master checks Flink once or twice a second: it may not know a job yet that has just been submitted.
const LISTED: Duration = Duration::from_secs(5);

/// A connection to a running application.
#[derive(Debug, Clone)]
pub struct Live {
    /// The ResourceManager's report on it.
    pub report: ApplicationReport,
    /// Flink's REST API.
    pub flink: Client,
    identity: Identity,
    address: String,
    /// Possible bases of its staging directory.
    bases: Arc<[String]>,
}

/// Connections to Flink's REST server through the application master.
struct Through {
    identity: Identity,
    address: String,
}

impl fmt::Debug for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Through").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Connect for Through {
    fn address(&self) -> String {
        self.address.clone()
    }

    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            match self.identity.connect(&self.address, "http/1.1").await {
                Ok(stream) => Ok(Box::new(stream) as Box<dyn Connection>),
                Err(ControlError::Connect { source, .. }) => Err(source),
                Err(error) => Err(io::Error::other(error)),
            }
        })
    }
}

impl Live {
    /// Opens a connection to a running application, without waiting, and without checking whether it responds.
    ///
    /// `bases`: values of `yarn.staging-directory`, in addition to the home directory of the application's user.
    ///
    /// # Errors
    /// [`MasterError::NotLive`], [`MasterError::NotOurs`], [`MasterError::Elsewhere`],
    /// [`MasterError::Control`], [`ApplicationError::FileSystem`].
    pub async fn of(
        file_systems: &FileSystems,
        report: ApplicationReport,
        bases: &[String],
    ) -> Result<Self, ApplicationError> {
        let (identity, address) = identity(file_systems, &report, bases).await?;
        let through = Through { identity: identity.clone(), address: address.clone() };
        let flink = Client::over(Arc::new(through), Options::default());
        Ok(Self { report, flink, identity, address, bases: bases.into() })
    }

    /// Opens a connection to a later attempt of the same application.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(crate) async fn again(
        &self,
        gateway: &Gateway,
        report: ApplicationReport,
    ) -> Result<Self, ApplicationError> {
        Self::of(gateway.file_systems()?.as_ref(), report, &self.bases).await
    }

    /// Waits until Flink's REST server responds: a JobManager takes some seconds to start.
    ///
    /// # Errors
    /// [`JobError::Rest`] if it does not respond within `limit`, or with an error that is permanent.
    pub async fn flink_answers(&self, limit: Duration) -> Result<(), ApplicationError> {
        let deadline = Instant::now() + limit;
        loop {
            match self.flink.overview().await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_transient() && Instant::now() < deadline => {}
                Err(error) => return Err(self.flink_error(error)),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The application.
    pub fn id(&self) -> ApplicationId {
        self.report.id
    }

    /// The status that its master reports.
    ///
    /// # Errors
    /// [`MasterError::Control`]; the same for all methods.
    pub async fn status(&self) -> Result<StatusReply, ApplicationError> {
        let mut control = self.control().await?;
        let reply = control.status(StatusRequest {}).await;
        Ok(reply.map_err(|status| self.refused(status))?.into_inner())
    }

    /// Requests this many TaskManagers.
    ///
    /// # Errors
    /// Also [`MasterError::Refused`] for a job whose number of TaskManagers follows from its parallelism.
    pub async fn scale(&self, task_managers: u32) -> Result<ScaleReply, ApplicationError> {
        let mut control = self.control().await?;
        let reply = control.scale(ScaleRequest { task_managers }).await;
        Ok(reply.map_err(|status| self.refused(status))?.into_inner())
    }

    /// Makes the session end with this job. Returns the other unfinished jobs, which will be cancelled.
    ///
    /// # Errors
    /// Also [`MasterError::Refused`].
    pub async fn stop_after_job(&self, job_id: &str) -> Result<Vec<String>, ApplicationError> {
        let mut control = self.control().await?;
        let deadline = Instant::now() + LISTED;
        loop {
            let request = StopAfterJobRequest { job_id: job_id.to_owned() };
            match control.stop_after_job(request).await {
                Ok(reply) => return Ok(reply.into_inner().other_jobs),
                Err(status) if status.code() == tonic::Code::NotFound && Instant::now() < deadline => {}
                Err(status) => return Err(self.refused(status)),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Ends the application. Returns the jobs that are cancelled with it.
    ///
    /// # Errors
    /// [`MasterError::Control`].
    pub async fn shut_down(&self) -> Result<Vec<String>, ApplicationError> {
        let mut control = self.control().await?;
        let reply = control.shutdown(ShutdownRequest {}).await;
        Ok(reply.map_err(|status| self.refused(status))?.into_inner().jobs)
    }

    /// Turns an error of Flink into one of this application.
    pub fn flink_error(&self, source: RestError) -> ApplicationError {
        ApplicationError::Job(JobError::Rest { application: self.report.id, source: Box::new(source) })
    }

    async fn control(&self) -> Result<Control, ApplicationError> {
        self.identity.control(&self.address).await.map_err(|source| self.failed(source))
    }

    fn failed(&self, source: ControlError) -> ApplicationError {
        ApplicationError::Master(MasterError::Control {
            application: self.report.id,
            source: Box::new(source),
        })
    }

    fn refused(&self, status: tonic::Status) -> ApplicationError {
        match status.code() {
            tonic::Code::FailedPrecondition | tonic::Code::NotFound => {
                ApplicationError::Master(MasterError::Refused {
                    application: self.report.id,
                    text: status.message().to_owned(),
                })
            }
            _ => {
                self.failed(ControlError::Status { address: self.address.clone(), status: Box::new(status) })
            }
        }
    }
}

/// A client of the application's control plane.
///
/// # Errors
/// [`MasterError::NotLive`], [`MasterError::Control`], [`ApplicationError::FileSystem`].
pub(super) async fn control(
    file_systems: &FileSystems,
    report: &ApplicationReport,
    bases: &[String],
) -> Result<Control, ApplicationError> {
    let (identity, address) = identity(file_systems, report, bases).await?;
    identity.control(&address).await.map_err(|source| {
        ApplicationError::Master(MasterError::Control { application: report.id, source: Box::new(source) })
    })
}

/// Our identity for its master, and the master's address.
async fn identity(
    file_systems: &FileSystems,
    report: &ApplicationReport,
    bases: &[String],
) -> Result<(Identity, String), ApplicationError> {
    let port = u16::try_from(report.rpc_port).ok().filter(|port| *port > 0);
    let (Some(port), Some(attempt), ApplicationState::Running) = (port, report.attempt, report.state) else {
        return Err(not_live(report));
    };
    let pem = certificate(file_systems, report, bases, u32::try_from(attempt.attempt).unwrap_or(1)).await?;
    let identity = Identity::parse(report.id, &pem).map_err(|source| {
        ApplicationError::Master(MasterError::Control { application: report.id, source: Box::new(source) })
    })?;
    Ok((identity, format!("{}:{port}", report.host)))
}

async fn certificate(
    file_systems: &FileSystems,
    report: &ApplicationReport,
    bases: &[String],
    attempt: u32,
) -> Result<Bytes, ApplicationError> {
    let mut looked = Vec::new();
    let (mut denied, mut unknown) = (None, None);
    for place in place::directories(file_systems, report, bases) {
        let (fs, directory) = match place {
            Ok(place) => place,
            // A file system that this host's configuration does not contain.
            Err(error) => {
                unknown = unknown.or(Some(error));
                continue;
            }
        };
        let path = format!("{directory}/{}", control::certificate_file(attempt));
        match fs.read(&path, CERTIFICATE_LIMIT).await {
            Ok(pem) => return Ok(pem),
            Err(error) if error.is_not_found() => looked.push(fs.uri(&directory)),
            // It may still be in another place.
            Err(source @ HdfsError::PermissionDenied { .. }) => denied = denied.or(Some(source)),
            Err(error) => return Err(error.into()),
        }
    }
    if let Some(source) = denied {
        let (owner, source) = (report.user.clone(), Box::new(source));
        return Err(MasterError::NotOurs { application: report.id, owner, source }.into());
    }
    if let Some(error) = unknown {
        return Err(error.into());
    }
    Err(MasterError::Elsewhere { application: report.id, looked }.into())
}

pub(crate) fn not_live(report: &ApplicationReport) -> ApplicationError {
    if report.is_hidden() {
        let (application, owner) = (report.id, report.user.clone());
        return ApplicationError::Master(MasterError::Hidden { application, owner });
    }
    ApplicationError::Master(MasterError::NotLive {
        application: report.id,
        state: report.state.name().to_owned(),
    })
}

/// Whether the error comes from a master that is starting, restarting or ending.
pub(crate) fn is_passing(error: &ApplicationError) -> bool {
    match error {
        ApplicationError::Master(MasterError::NotLive { .. } | MasterError::Elsewhere { .. }) => true,
        ApplicationError::Master(MasterError::Control { source, .. }) => {
            matches!(**source, ControlError::Connect { .. } | ControlError::Status { .. })
        }
        _ => false,
    }
}
