//! `ApplicationClientProtocol`: submit, watch, list and kill applications; inspect the cluster.

use std::net::ToSocketAddrs as _;
use std::time::Duration;

use proto::hadoop::common::{
    CancelDelegationTokenRequestProto, GetDelegationTokenRequestProto, RenewDelegationTokenRequestProto,
};
use proto::hadoop::yarn as wire;
use proto::ids::{ApplicationAttemptId, ApplicationId};
use tokio::time::Instant;

use crate::conf::{Configuration, Endpoint, RmService, TimeUnit, keys};
use crate::rpc::{Client, OnOutage, Options, Patience};
use crate::security::{Auth, RM_DELEGATION_TOKEN, Token, User};

use super::{
    ApplicationReport, ApplicationState, ApplicationSubmission, AttemptReport, ContainerReport, NodeReport,
    NodeState, QueueInfo, Resource, YarnError, web,
};

/// `yarn.client.application-client-protocol.poll-interval-ms`.
const KILL_POLL: Duration = Duration::from_millis(200);

/// A client of the ResourceManager, or of the active one of several.
#[derive(Debug)]
pub struct ResourceManager {
    client: Client,
    web: web::Client,
}

/// An id to submit under, and the largest container that the cluster grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApplication {
    /// The id.
    pub id: ApplicationId,
    /// The maximum size of a container.
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
    /// With this name (Hadoop 3; older ResourceManagers ignore it).
    pub name: Option<String>,
    /// At most this many.
    pub limit: Option<u32>,
}

/// How a kill ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KillOutcome {
    /// The application was running and has been killed.
    Killed,
    /// The application had already ended; nothing was done.
    AlreadyFinished(ApplicationState),
}

/// Whether a token is for one of these servers. Its service names all ResourceManagers by address, or by name
/// (`hadoop.security.token.service.use_ip`).
fn is_for(token: &Token, endpoints: &[Endpoint]) -> bool {
    let is_named = |name: &str| token.service.split(',').any(|service| service == name);
    let addresses = |server: &Endpoint| (&*server.host, server.port).to_socket_addrs().into_iter().flatten();
    token.kind == RM_DELEGATION_TOKEN
        && endpoints.iter().any(|server| {
            is_named(&server.to_string().to_ascii_lowercase())
                || addresses(server).any(|address| is_named(&address.to_string()))
        })
}

impl ResourceManager {
    /// A client of the configured ResourceManagers, with the patience of a person at a prompt. Nothing is connected yet.
    ///
    /// # Errors
    /// [`YarnError::Configuration`] if an address or a setting is missing or unusable.
    pub fn new(conf: &Configuration, user: &User) -> Result<Self, YarnError> {
        let options = Options::from_configuration(conf)?;
        let endpoints = conf.resource_managers(RmService::Client)?;
        let auth = user.auth(conf, keys::RM_PRINCIPAL, |token| is_for(token, &endpoints));
        Self::with_options(conf, auth, options)
    }

    /// Like [`Self::new`], with a choice of identity and patience.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_options(conf: &Configuration, auth: Auth, options: Options) -> Result<Self, YarnError> {
        let endpoints = conf.resource_managers(RmService::Client)?;
        let web = web::Client::new(conf, &auth);
        Ok(Self { client: Client::new(endpoints, auth, options), web })
    }

    /// A client of the cluster's web services, for the same user.
    pub fn web(&self) -> &web::Client {
        &self.web
    }

    /// From now on waits for a ResourceManager that does not respond, as Hadoop's own clients do:
    /// `yarn.resourcemanager.connect.max-wait.ms`, fifteen minutes by default, -1 forever. `on_outage` is notified.
    ///
    /// # Errors
    /// [`YarnError::Configuration`] if that or `…retry-interval.ms` is unusable.
    pub fn wait_out(&self, conf: &Configuration, on_outage: OnOutage) -> Result<(), YarnError> {
        let millis = |key, default| conf.duration(key, default, TimeUnit::Millis);
        let limit = match conf.get(keys::RM_CONNECT_MAX_WAIT_MS) {
            Some(text) if text.trim() == "-1" => Duration::MAX,
            _ => millis(keys::RM_CONNECT_MAX_WAIT_MS, Patience::DAEMON.overall)?,
        };
        // Hadoop's default of half a minute between two attempts is meant for thousands of NodeManagers.
        let interval = match conf.get(keys::RM_CONNECT_RETRY_INTERVAL_MS) {
            Some(_) => Some(millis(keys::RM_CONNECT_RETRY_INTERVAL_MS, Duration::ZERO)?),
            None => None,
        };
        self.client.wait_out(Patience { overall: limit, refused: limit }, interval, on_outage);
        Ok(())
    }

    /// A fresh application id. It costs the ResourceManager nothing; an unused id need not be returned.
    ///
    /// # Errors
    /// [`YarnError::Rpc`].
    pub async fn new_application(&self) -> Result<NewApplication, YarnError> {
        let response = self.client.call(&wire::GetNewApplicationRequestProto {}).await?;
        let missing = |field| YarnError::Incomplete { method: "getNewApplication", field };
        Ok(NewApplication {
            id: response
                .application_id
                .as_ref()
                .map(ApplicationId::from)
                .ok_or_else(|| missing("application id"))?,
            maximum: response
                .maximum_capability
                .as_ref()
                .map(Resource::from_wire)
                .ok_or_else(|| missing("maximum"))?,
        })
    }

    /// Submits. The ResourceManager responds before queue and tokens are checked: watch [`Self::report`] until the
    /// state is past `SUBMITTED`. Submitting an id that is already known succeeds and changes nothing.
    ///
    /// # Errors
    /// [`YarnError::Submission`] for what is known to be rejected, else [`YarnError::Rpc`].
    pub async fn submit(&self, submission: &ApplicationSubmission) -> Result<(), YarnError> {
        let request = wire::SubmitApplicationRequestProto {
            application_submission_context: Some(submission.to_proto()?),
        };
        self.client.call(&request).await?;
        Ok(())
    }

    /// The report on an application.
    ///
    /// # Errors
    /// [`YarnError::is_not_found`] for an unknown id.
    pub async fn report(&self, id: ApplicationId) -> Result<ApplicationReport, YarnError> {
        let request = wire::GetApplicationReportRequestProto { application_id: Some(id.into()) };
        let report = self.client.call(&request).await?.application_report;
        let missing = YarnError::Incomplete { method: "getApplicationReport", field: "report" };
        report.map(ApplicationReport::from_wire).ok_or(missing)
    }

    /// Applications the ResourceManager remembers, in its order.
    ///
    /// # Errors
    /// [`YarnError::Rpc`].
    pub async fn applications(
        &self,
        filter: &ApplicationFilter,
    ) -> Result<Vec<ApplicationReport>, YarnError> {
        let request = wire::GetApplicationsRequestProto {
            application_types: filter.types.clone(),
            application_states: filter.states.iter().filter_map(|s| s.to_wire()).map(i32::from).collect(),
            users: filter.users.clone(),
            queues: filter.queues.clone(),
            limit: filter.limit.map(i64::from),
            // The ResourceManager compares exactly; tags are stored in lower case by every client.
            application_tags: filter.tags.iter().map(|tag| tag.to_lowercase()).collect(),
            name: filter.name.clone(),
            ..Default::default()
        };
        let response = self.client.call(&request).await?;
        Ok(response.applications.into_iter().map(ApplicationReport::from_wire).collect())
    }

    /// Kills an application and waits at most `limit` until the ResourceManager says that it is done. `reason` is added
    /// to the application's diagnostics.
    ///
    /// # Errors
    /// [`YarnError::is_not_found`], [`YarnError::is_access_denied`]; [`YarnError::KillPending`] after `limit`.
    pub async fn kill_within(
        &self,
        id: ApplicationId,
        reason: Option<&str>,
        limit: Duration,
    ) -> Result<KillOutcome, YarnError> {
        let before = self.report(id).await?.state;
        if before.is_final() {
            return Ok(KillOutcome::AlreadyFinished(before));
        }
        let request = wire::KillApplicationRequestProto {
            application_id: Some(id.into()),
            diagnostics: reason.map(str::to_owned),
        };
        let started = Instant::now();
        // The first call starts the kill; the response says whether it is done (`YarnClientImpl.killApplication`).
        while !self.client.call(&request).await?.is_kill_completed() {
            if started.elapsed() >= limit {
                return Err(YarnError::KillPending { id, waited: limit });
            }
            tokio::time::sleep(KILL_POLL).await;
        }
        // It may have ended on its own in the meantime, which a kill does not change.
        match self.report(id).await?.state {
            after @ (ApplicationState::Finished | ApplicationState::Failed) => {
                Ok(KillOutcome::AlreadyFinished(after))
            }
            _ => Ok(KillOutcome::Killed),
        }
    }

    /// Kills an application and waits for up to a minute; see [`Self::kill_within`].
    ///
    /// # Errors
    /// As [`Self::kill_within`].
    pub async fn kill(&self, id: ApplicationId) -> Result<KillOutcome, YarnError> {
        self.kill_within(id, None, Duration::from_secs(60)).await
    }

    /// Nodes in one of `states`; if `states` is empty, all nodes including lost ones.
    ///
    /// # Errors
    /// [`YarnError::Rpc`].
    pub async fn nodes(&self, states: &[NodeState]) -> Result<Vec<NodeReport>, YarnError> {
        let node_states = states.iter().filter_map(|s| s.to_wire()).map(i32::from).collect();
        let response = self.client.call(&wire::GetClusterNodesRequestProto { node_states }).await?;
        Ok(response.node_reports.into_iter().map(NodeReport::from_wire).collect())
    }

    /// The queue and those below it; `None` for a queue that does not exist.
    ///
    /// # Errors
    /// [`YarnError::Rpc`].
    pub async fn queue(&self, name: &str) -> Result<Option<QueueInfo>, YarnError> {
        let request = wire::GetQueueInfoRequestProto {
            queue_name: Some(name.to_owned()),
            include_applications: Some(false),
            include_child_queues: Some(true),
            recursive: Some(true),
            sub_cluster_id: None,
        };
        Ok(self.client.call(&request).await?.queue_info.map(QueueInfo::from_wire))
    }

    /// The attempts of an application.
    ///
    /// # Errors
    /// [`YarnError::is_not_found`] for an unknown id.
    pub async fn attempts(&self, id: ApplicationId) -> Result<Vec<AttemptReport>, YarnError> {
        let request = wire::GetApplicationAttemptsRequestProto { application_id: Some(id.into()) };
        let response = self.client.call(&request).await?;
        Ok(response.application_attempts.into_iter().map(AttemptReport::from_wire).collect())
    }

    /// The containers of an attempt that the ResourceManager remembers: the live ones.
    ///
    /// # Errors
    /// [`YarnError::is_not_found`] for an unknown attempt.
    pub async fn containers(&self, attempt: ApplicationAttemptId) -> Result<Vec<ContainerReport>, YarnError> {
        let request = wire::GetContainersRequestProto { application_attempt_id: Some(attempt.into()) };
        let response = self.client.call(&request).await?;
        Ok(response.containers.into_iter().map(ContainerReport::from_wire).collect())
    }

    /// A token with which others may call this service on our behalf, renewable by `renewer`. If security is on, the
    /// ResourceManager only issues one to a caller authenticated with Kerberos.
    ///
    /// # Errors
    /// [`YarnError::Rpc`].
    pub async fn delegation_token(&self, renewer: &str) -> Result<Token, YarnError> {
        let request = GetDelegationTokenRequestProto { renewer: renewer.to_owned() };
        let token = self.client.call(&request).await?.token;
        let mut token = token
            .map(Token::from_wire)
            .ok_or(YarnError::Incomplete { method: "getDelegationToken", field: "token" })?;
        if token.service.is_empty() {
            // It is issued for "this ResourceManager"; its bearer needs to know which one: all of a pair.
            let servers: Vec<String> = self.client.endpoints().iter().map(ToString::to_string).collect();
            token.service = servers.join(",");
        }
        Ok(token)
    }

    /// Renews a token; returns its new expiry time, ms since the epoch. Only the renewer that it names may do this.
    ///
    /// # Errors
    /// [`YarnError::is_invalid_token`], [`YarnError::is_access_denied`].
    pub async fn renew_token(&self, token: &Token) -> Result<u64, YarnError> {
        let request = RenewDelegationTokenRequestProto { token: token.to_wire() };
        Ok(self.client.call(&request).await?.new_expiry_time)
    }

    /// Cancels a token. Its owner and its renewer may do this.
    ///
    /// # Errors
    /// As [`Self::renew_token`].
    pub async fn cancel_token(&self, token: &Token) -> Result<(), YarnError> {
        self.client.call(&CancelDelegationTokenRequestProto { token: token.to_wire() }).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
