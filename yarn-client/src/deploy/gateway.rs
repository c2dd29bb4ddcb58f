//! A cluster as seen from this host.

use std::path::Path;
use std::sync::Arc;

use proto::ids::ApplicationId;

use super::error::ApplicationError;
use super::explain::{self, Evidence};
use crate::conf::{Configuration, Environment};
use crate::hdfs::FileSystems;
use crate::rpc::OnOutage;
use crate::security::User;
use crate::yarn::{ApplicationFilter, ApplicationReport, ApplicationState, ResourceManager};

/// A cluster, and who we are to it. Nothing is connected before it is used.
#[derive(Debug)]
pub struct Gateway {
    /// Hadoop's configuration.
    pub configuration: Configuration,
    /// Who submits, asks and kills.
    pub user: User,
    /// The ResourceManager.
    pub resource_manager: ResourceManager,
}

impl Gateway {
    /// Reads Hadoop's configuration: from `conf_dir`, else from where the environment says.
    ///
    /// # Errors
    /// [`ApplicationError::Hadoop`] where there is none, or it does not name a ResourceManager.
    pub fn open(environment: &Environment, conf_dir: Option<&Path>) -> Result<Self, ApplicationError> {
        Self::with(Configuration::load(environment, conf_dir)?, environment)
    }

    /// A cluster by a configuration that has been read before.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn with(configuration: Configuration, environment: &Environment) -> Result<Self, ApplicationError> {
        let user = User::resolve(environment, &configuration)?;
        let resource_manager =
            ResourceManager::new(&configuration, &user).map_err(ApplicationError::ResourceManager)?;
        Ok(Self { configuration, user, resource_manager })
    }

    /// From now on a ResourceManager that does not answer is waited for; see [`ResourceManager::wait_out`].
    ///
    /// # Errors
    /// [`ApplicationError::ResourceManager`] where a setting is unusable.
    pub fn wait_out(&self, on_outage: OnOutage) -> Result<(), ApplicationError> {
        let done = self.resource_manager.wait_out(&self.configuration, on_outage);
        done.map_err(ApplicationError::ResourceManager)
    }

    /// The cluster's file systems.
    ///
    /// # Errors
    /// [`ApplicationError::FileSystem`] when `fs.defaultFS` is missing or of a kind we do not speak.
    pub fn file_systems(&self) -> Result<Arc<FileSystems>, ApplicationError> {
        Ok(Arc::new(FileSystems::connect(&self.configuration, &self.user)?))
    }

    /// Applications the ResourceManager remembers, newest first. With an empty list of states in `filter`, those
    /// that have not ended.
    ///
    /// # Errors
    /// [`ApplicationError::ResourceManager`].
    pub async fn applications(
        &self,
        mut filter: ApplicationFilter,
    ) -> Result<Vec<ApplicationReport>, ApplicationError> {
        if filter.states.is_empty() {
            filter.states = ApplicationState::ALL.iter().copied().filter(|state| !state.is_final()).collect();
        }
        let mut reports =
            self.resource_manager.applications(&filter).await.map_err(ApplicationError::ResourceManager)?;
        reports.sort_by_key(|report| std::cmp::Reverse(report.id));
        Ok(reports)
    }

    /// One application.
    ///
    /// # Errors
    /// [`ApplicationError::NotFound`], [`ApplicationError::ResourceManager`].
    pub async fn application(&self, id: ApplicationId) -> Result<ApplicationReport, ApplicationError> {
        self.resource_manager.report(id).await.map_err(|error| ApplicationError::of(id, error))
    }

    /// One application, with what explains where it stands; see [`explain`](mod@super::explain).
    ///
    /// # Errors
    /// As [`Self::application`]. What else cannot be asked is in [`Evidence::unknown`].
    pub async fn evidence(&self, id: ApplicationId) -> Result<Evidence, ApplicationError> {
        let report = self.application(id).await?;
        // Several conversations at once are too large for the callers' stacks.
        Ok(Box::pin(explain::gather(&self.resource_manager, report)).await)
    }
}
