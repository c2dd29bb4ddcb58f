//! Flink behind YARN's web proxy: the one way to an application that another program has started. The proxy passes on GET, which
//! is enough to look and, at an address that Flink has for this, to cancel.

use std::time::Duration;

use tokio::time::Instant;

use super::error::ApplicationError;
use super::explain;
use super::gateway::Gateway;
use super::jobs::{self, Ended};
use crate::flink::rest::{Client, JobOverview, Options, RestError};
use crate::yarn::{ApplicationReport, ApplicationState};

/// Asked on purpose, through two servers.
const OPTIONS: Options =
    Options { connect_timeout: Duration::from_secs(5), timeout: Duration::from_secs(15), max_body: 8 << 20 };
/// What every application master of ours has, also while its Flink does not answer.
const OURS: &str = "/am/status";
/// A job that has not ended by then hangs.
const CANCELLED: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(300);

/// A running application's Flink, where YARN's proxy leads to it.
#[derive(Debug, Clone)]
pub struct Proxied {
    /// As the ResourceManager described it.
    pub report: ApplicationReport,
    flink: Client,
}

/// Flink's REST API through YARN's proxy; `None` where there is no such way. An address with a path is no JobManager's.
pub(super) fn client(report: &ApplicationReport, options: Options) -> Option<Client> {
    let plain = |url: &url::Url| url.scheme() == "http";
    url::Url::parse(&report.original_tracking_url).ok().filter(|url| plain(url) && url.path() == "/")?;
    let proxy = url::Url::parse(&report.tracking_url).ok().filter(plain)?;
    let host = proxy.host_str()?.trim_matches(['[', ']']);
    Some(Client::new(host, proxy.port_or_known_default()?, options).below(proxy.path()))
}

/// Why there is no certificate of a running application's master, where that is because another program has started it.
pub(super) async fn foreign(report: &ApplicationReport) -> Option<ApplicationError> {
    if report.state != ApplicationState::Running {
        return None;
    }
    let application = report.id;
    if !explain::is_flink(&report.application_type) {
        let kind = report.application_type.clone();
        return Some(ApplicationError::NotFlink { application, kind });
    }
    let flink = client(report, OPTIONS)?;
    // One of ours whose Flink answers answers for itself, too.
    let (flink, ours) = tokio::join!(flink.overview(), flink.has(OURS));
    (flink.is_ok() && matches!(ours, Ok(false))).then_some(ApplicationError::Foreign { application })
}

impl Proxied {
    /// The way to an application that turned out to be another program's ([`ApplicationError::Foreign`]).
    ///
    /// # Errors
    /// [`ApplicationError::NotLive`], and those of [`Gateway::application`].
    pub async fn open(gateway: &Gateway, id: proto::ids::ApplicationId) -> Result<Self, ApplicationError> {
        let report = gateway.application(id).await?;
        match client(&report, OPTIONS).filter(|_| report.state == ApplicationState::Running) {
            Some(flink) => Ok(Self { report, flink }),
            None => Err(super::live::not_live(&report)),
        }
    }

    /// All jobs Flink lists, those that have ended too.
    ///
    /// # Errors
    /// [`ApplicationError::Flink`].
    pub async fn jobs(&self) -> Result<Vec<JobOverview>, ApplicationError> {
        self.flink.jobs_overview().await.map_err(|error| self.flink_error(error))
    }

    /// The job that is meant: as named, or the only one that has not ended.
    ///
    /// # Errors
    /// As [`jobs::find`].
    pub async fn find(&self, wanted: Option<&str>) -> Result<JobOverview, ApplicationError> {
        jobs::choose(self.report.id, self.jobs().await?, wanted)
    }

    /// Cancels a job and waits for its end.
    ///
    /// # Errors
    /// [`ApplicationError::Foreign`] where the cluster takes no orders through the proxy (`web.cancel.enable: false`),
    /// [`ApplicationError::Flink`], [`ApplicationError::TimedOut`].
    pub async fn cancel(&self, gateway: &Gateway, job: &str) -> Result<Ended, ApplicationError> {
        let (begun, application) = (Instant::now(), self.report.id);
        match self.flink.cancel_by_get(job).await {
            Err(RestError::NotFound { .. }) => return Err(ApplicationError::Foreign { application }),
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
                let state = format!("{}, and its job not ended", self.report.state);
                return Err(ApplicationError::TimedOut { application, state, waited: begun.elapsed() });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn flink_error(&self, source: RestError) -> ApplicationError {
        ApplicationError::Flink { application: self.report.id, source: Box::new(source) }
    }
}
