//! Connects to an application whose master may still be starting.

use std::time::Duration;

use proto::ids::ApplicationId;
use tokio::time::Instant;

use crate::cluster::live::{is_passing, not_live};
use crate::cluster::{ApplicationError, Gateway, Live, MasterError, foreign};
use crate::explain;
use crate::yarn::ApplicationReport;

/// How long to wait for a master that is about to start, and the pause between attempts.
const STARTING: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(300);

impl Live {
    /// Connects to a running application. Waits some seconds for a master that is about to start.
    ///
    /// `bases`: values of `yarn.staging-directory`, in addition to the home directory of the application's user.
    ///
    /// # Errors
    /// [`MasterError::NotLive`], [`MasterError::Starting`], [`MasterError::NotOurs`], [`MasterError::Control`],
    /// [`ApplicationError::FileSystem`], [`ApplicationError::ResourceManager`].
    pub async fn open(
        gateway: &Gateway,
        id: ApplicationId,
        bases: &[String],
    ) -> Result<Self, ApplicationError> {
        Self::open_within(gateway, id, bases, STARTING).await
    }

    /// Like [`Self::open`], with another patience.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_within(
        gateway: &Gateway,
        id: ApplicationId,
        bases: &[String],
        patience: Duration,
    ) -> Result<Self, ApplicationError> {
        Self::open_telling(gateway, id, bases, patience, &mut |_, _| {}).await
    }

    /// Like [`Self::open_within`]; `on_wait` is called once when it waits, with the ResourceManager's report on the application.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_telling(
        gateway: &Gateway,
        id: ApplicationId,
        bases: &[String],
        patience: Duration,
        on_wait: &mut (dyn FnMut(&ApplicationReport, Duration) + Send),
    ) -> Result<Self, ApplicationError> {
        let file_systems = gateway.file_systems()?;
        let deadline = Instant::now() + patience;
        let mut waits = false;
        loop {
            let report = gateway.application(id).await?;
            if report.state.is_final() {
                return Err(not_live(&report));
            }
            let error = match Self::of(&file_systems, report.clone(), bases).await {
                Ok(live) => match live.status().await {
                    Ok(_) => return Ok(live),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if !is_passing(&error) {
                return Err(error);
            }
            if !waits
                && matches!(error, ApplicationError::Master(MasterError::Elsewhere { .. }))
                && let Some(foreign) =
                    Box::pin(foreign::foreign(gateway.resource_manager.web(), &report)).await
            {
                return Err(foreign);
            }
            if Instant::now() >= deadline {
                return Err(match error {
                    ApplicationError::Master(MasterError::NotLive { .. }) => {
                        Box::pin(starting(gateway, report)).await
                    }
                    other => other,
                });
            }
            if !std::mem::replace(&mut waits, true) {
                on_wait(&report, patience);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Why an application without a master is waiting.
async fn starting(gateway: &Gateway, report: ApplicationReport) -> ApplicationError {
    let attempt = report.attempt.and_then(|it| u32::try_from(it.attempt).ok()).unwrap_or(1);
    let (application, state) = (report.id, report.state.name().to_owned());
    let evidence = explain::gather(&gateway.resource_manager, report).await;
    let why = explain::decide(&evidence, crate::now_ms().cast_signed()).text;
    ApplicationError::Master(MasterError::Starting { application, attempt, state, why })
}
