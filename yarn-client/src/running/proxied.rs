//! Flink behind YARN's web proxy: the only way to reach an application that another program has started. The proxy
//! forwards GET, which is enough to inspect jobs and, at a path that Flink has for this, to cancel them.

use std::time::Duration;

use tokio::time::Instant;

use super::jobs::{self, Ended};
use crate::cluster::foreign::{OPTIONS, client};
use crate::cluster::live::not_live;
use crate::cluster::{ApplicationError, Gateway, JobError, MasterError, ResourceManagerError};
use crate::flink::rest::{Client, JobOverview, RestError};
use crate::yarn::{ApplicationReport, ApplicationState};

/// A job that has not ended by then hangs.
const CANCELLED: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(300);

/// The Flink of a running application, if YARN's proxy leads to it.
#[derive(Debug, Clone)]
pub struct Proxied {
    /// The ResourceManager's report on it.
    pub report: ApplicationReport,
    flink: Client,
}

impl Proxied {
    /// Connects to an application that turned out to be another program's ([`MasterError::Foreign`]).
    ///
    /// # Errors
    /// [`MasterError::NotLive`], and those of [`Gateway::application`].
    pub async fn open(gateway: &Gateway, id: proto::ids::ApplicationId) -> Result<Self, ApplicationError> {
        let report = gateway.application(id).await?;
        match client(gateway.resource_manager.web(), &report, OPTIONS)
            .filter(|_| report.state == ApplicationState::Running)
        {
            Some(flink) => Ok(Self { report, flink }),
            None => Err(not_live(&report)),
        }
    }

    /// All jobs that Flink lists, including those that have ended.
    ///
    /// # Errors
    /// [`JobError::Rest`].
    pub async fn jobs(&self) -> Result<Vec<JobOverview>, ApplicationError> {
        self.flink.jobs_overview().await.map_err(|error| self.flink_error(error))
    }

    /// Finds a job: the named one, or the only one that has not ended.
    ///
    /// # Errors
    /// As [`jobs::find`].
    pub async fn find(&self, wanted: Option<&str>) -> Result<JobOverview, ApplicationError> {
        jobs::choose(self.report.id, self.jobs().await?, wanted)
    }

    /// Cancels a job and waits for its end.
    ///
    /// # Errors
    /// [`MasterError::Foreign`] if the cluster does not accept commands through the proxy (`web.cancel.enable: false`),
    /// [`JobError::Rest`], [`ResourceManagerError::TimedOut`].
    pub async fn cancel(&self, gateway: &Gateway, job: &str) -> Result<Ended, ApplicationError> {
        let (begun, application) = (Instant::now(), self.report.id);
        match self.flink.cancel_by_get(job).await {
            Err(RestError::NotFound { .. }) => return Err(MasterError::Foreign { application }.into()),
            asked => asked.map_err(|error| self.flink_error(error))?,
        }
        loop {
            match self.flink.job_status(job).await {
                Ok(state) if state.is_globally_terminal() => return Ok(Ended { state, failure: None }),
                Ok(_) => {}
                // The application may have ended with its job.
                Err(_) => {
                    let report = gateway.application(application).await?;
                    if report.state.is_final() {
                        return Ok(Ended::of_application(&report));
                    }
                }
            }
            if begun.elapsed() > CANCELLED {
                let state = format!("{}, with its job not yet ended", self.report.state);
                return Err(
                    ResourceManagerError::TimedOut { application, state, waited: begun.elapsed() }.into()
                );
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn flink_error(&self, source: RestError) -> ApplicationError {
        ApplicationError::Job(JobError::Rest { application: self.report.id, source: Box::new(source) })
    }
}
