//! `ApplicationClientProtocol`: submit, watch, list and kill applications; look at the cluster.

use std::time::Duration;

use proto::ids::{ApplicationAttemptId, ApplicationId};

use crate::conf::Configuration;
use crate::rpc::{Client, Options};
use crate::security::{Auth, Token, User};

use super::{
    ApplicationReport, ApplicationState, ApplicationSubmission, AttemptReport, ContainerReport, NodeReport,
    NodeState, QueueInfo, Resource, YarnError,
};

/// A client of the ResourceManager, or of the active one of several.
#[derive(Debug)]
pub struct ResourceManager {
    client: Client,
}

/// An id to submit under, and the largest container the cluster grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApplication {
    /// The id.
    pub id: ApplicationId,
    /// No container can be larger.
    pub maximum: Resource,
}

/// Which applications to list. Empty fields do not restrict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApplicationFilter {
    /// In one of these states.
    pub states: Vec<ApplicationState>,
    /// Of one of these types, compared exactly.
    pub types: Vec<String>,
    /// With at least one of these tags; case does not matter.
    pub tags: Vec<String>,
    /// In one of these queues.
    pub queues: Vec<String>,
    /// Of one of these users.
    pub users: Vec<String>,
    /// Of this name (Hadoop 3; older ResourceManagers ignore it).
    pub name: Option<String>,
    /// No more than this many.
    pub limit: Option<u32>,
}

/// How a kill ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KillOutcome {
    /// The application was alive and is now dead.
    Killed,
    /// It was over before; nothing was done.
    AlreadyFinished(ApplicationState),
}

impl ResourceManager {
    /// A client of the ResourceManagers of the configuration, for a person at a prompt. Nothing is connected yet.
    ///
    /// # Errors
    /// [`YarnError::Configuration`] where an address or a setting is missing or unusable.
    pub fn new(conf: &Configuration, user: &User) -> Result<Self, YarnError> {
        let options = Options::from_configuration(conf)?;
        Self::with_options(conf, Auth::Simple(user.clone()), options)
    }

    /// The same with a choice of identity and patience.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_options(conf: &Configuration, auth: Auth, options: Options) -> Result<Self, YarnError> {
        let _ = (conf, auth, options);
        todo!()
    }

    /// A fresh application id. It costs the ResourceManager nothing; an id not used needs no return.
    ///
    /// # Errors
    /// [`YarnError::Rpc`].
    pub async fn new_application(&self) -> Result<NewApplication, YarnError> {
        let _ = &self.client;
        todo!()
    }

    /// Submits. The ResourceManager answers before queue and tokens are checked: watch [`Self::report`] until the
    /// state is past `SUBMITTED`. Submitting an id that is known already succeeds and changes nothing.
    ///
    /// # Errors
    /// [`YarnError::Submission`] for what is known to be refused, else [`YarnError::Rpc`].
    pub async fn submit(&self, submission: &ApplicationSubmission) -> Result<(), YarnError> {
        let _ = submission;
        todo!()
    }

    /// Where the application stands.
    ///
    /// # Errors
    /// [`YarnError::is_not_found`] for an unknown id.
    pub async fn report(&self, id: ApplicationId) -> Result<ApplicationReport, YarnError> {
        let _ = id;
        todo!()
    }

    /// Applications the ResourceManager remembers, in its order.
    ///
    /// # Errors
    /// [`YarnError::Rpc`].
    pub async fn applications(
        &self,
        filter: &ApplicationFilter,
    ) -> Result<Vec<ApplicationReport>, YarnError> {
        let _ = filter;
        todo!()
    }

    /// Kills and waits until the ResourceManager says it is done, at most `limit`. `reason` goes into the
    /// application's diagnostics.
    ///
    /// # Errors
    /// [`YarnError::is_not_found`], [`YarnError::is_access_denied`]; [`YarnError::KillPending`] after `limit`.
    pub async fn kill_within(
        &self,
        id: ApplicationId,
        reason: Option<&str>,
        limit: Duration,
    ) -> Result<KillOutcome, YarnError> {
        let _ = (id, reason, limit);
        todo!()
    }

    /// Kills and waits up to a minute; see [`Self::kill_within`].
    ///
    /// # Errors
    /// As [`Self::kill_within`].
    pub async fn kill(&self, id: ApplicationId) -> Result<KillOutcome, YarnError> {
        self.kill_within(id, None, Duration::from_secs(60)).await
    }

    /// Nodes in one of `states`; all nodes, lost ones included, where `states` is empty.
    ///
    /// # Errors
    /// [`YarnError::Rpc`].
    pub async fn nodes(&self, states: &[NodeState]) -> Result<Vec<NodeReport>, YarnError> {
        let _ = states;
        todo!()
    }

    /// The queue and those below it; `None` for a queue that does not exist.
    ///
    /// # Errors
    /// [`YarnError::Rpc`].
    pub async fn queue(&self, name: &str) -> Result<Option<QueueInfo>, YarnError> {
        let _ = name;
        todo!()
    }

    /// The attempts of an application.
    ///
    /// # Errors
    /// [`YarnError::is_not_found`] for an unknown id.
    pub async fn attempts(&self, id: ApplicationId) -> Result<Vec<AttemptReport>, YarnError> {
        let _ = id;
        todo!()
    }

    /// The containers of an attempt that the ResourceManager remembers: the live ones.
    ///
    /// # Errors
    /// [`YarnError::is_not_found`] for an unknown attempt.
    pub async fn containers(&self, attempt: ApplicationAttemptId) -> Result<Vec<ContainerReport>, YarnError> {
        let _ = attempt;
        todo!()
    }

    /// A token with which others may call this service as us, renewable by `renewer`. Where security is on, the
    /// ResourceManager gives one only to a caller that proved itself with Kerberos.
    ///
    /// # Errors
    /// [`YarnError::Rpc`].
    pub async fn delegation_token(&self, renewer: &str) -> Result<Token, YarnError> {
        let _ = renewer;
        todo!()
    }

    /// Renews a token; returns its new end, ms since the epoch. Only the renewer it names may.
    ///
    /// # Errors
    /// [`YarnError::is_invalid_token`], [`YarnError::is_access_denied`].
    pub async fn renew_token(&self, token: &Token) -> Result<u64, YarnError> {
        let _ = token;
        todo!()
    }

    /// Makes a token worthless. Owner and renewer may.
    ///
    /// # Errors
    /// As [`Self::renew_token`].
    pub async fn cancel_token(&self, token: &Token) -> Result<(), YarnError> {
        let _ = token;
        todo!()
    }
}
