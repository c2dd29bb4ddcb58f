//! `ApplicationMasterProtocol`: an application master's requests to the ResourceManager.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI32, Ordering};

use proto::hadoop::yarn as wire;
use proto::ids::{ContainerId, NodeId};

use crate::conf::{Configuration, RmService};
use crate::rpc::{Client, Options};
use crate::security::{Auth, Token};

use super::{AllocatedContainer, ContainerStatus, FinalStatus, NodeReport, Resource, YarnError};

/// Kind of the token with which an application master authenticates.
pub const AM_RM_TOKEN: &str = "YARN_AM_RM_TOKEN";

/// An application master's client of the ResourceManager. One call at a time.
#[derive(Debug)]
pub struct ApplicationMasterClient {
    client: Client,
    /// The number of the last response, 0 after a registration: the next heartbeat must carry it. A heartbeat with any
    /// other number is rejected, except the one before, which requests a lost response again.
    response_id: AtomicI32,
}

/// The ResourceManager's response to a registration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registered {
    /// The maximum size of a container.
    pub maximum: Resource,
    /// The queue the application is in.
    pub queue: String,
    /// Containers of earlier attempts that are still running (only with
    /// [`keep_containers`](super::ApplicationSubmission::keep_containers)).
    pub previous_containers: Vec<AllocatedContainer>,
    /// Tokens for the nodes of those containers.
    pub nm_tokens: Vec<(NodeId, Token)>,
    /// Whether the scheduler considers cores at all; if not, it only counts memory.
    pub schedules_vcores: bool,
}

/// A request for containers of one size. The numbers are absolute: an ask replaces the earlier one of the same priority
/// and number, and a count of 0 withdraws it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ask {
    /// Number of the ask; returned in [`AllocatedContainer::allocation_request_id`]. Each number stands for one size.
    pub allocation_request_id: i64,
    /// A lower number is served first, unlike the priority of applications.
    pub priority: i32,
    /// The number of containers still needed.
    pub count: u32,
    /// Size of each.
    pub resource: Resource,
    /// Node label; `None` uses the application's.
    pub node_label: Option<String>,
    /// The only acceptable places; empty: anywhere.
    pub places: Vec<Place>,
}

/// A place for containers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// One host.
    Host {
        /// The name its NodeManager uses for itself.
        name: String,
        /// The rack it is in, such as `/default-rack`.
        rack: String,
    },
    /// Any host of a rack.
    Rack(String),
}

/// One heartbeat.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AllocateRequest {
    /// Progress, 0 to 1.
    pub progress: f32,
    /// Asks that have changed.
    pub asks: Vec<Ask>,
    /// Containers to release.
    pub releases: Vec<ContainerId>,
    /// Hosts on which no more containers are wanted.
    pub blacklist_additions: Vec<String>,
    /// Hosts to use again.
    pub blacklist_removals: Vec<String>,
    /// A new tracking address.
    pub tracking_url: Option<String>,
}

/// The ResourceManager's response to a heartbeat.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AllocateResponse {
    /// Number of the response; the client sends it with the next request.
    pub response_id: i32,
    /// New containers.
    pub allocated: Vec<AllocatedContainer>,
    /// Containers that have ended, each reported once.
    pub completed: Vec<ContainerStatus>,
    /// Tokens for nodes that are used for the first time. They are sent once: keep them.
    pub nm_tokens: Vec<(NodeId, Token)>,
    /// A new token for this client; pass it to [`ApplicationMasterClient::set_token`].
    pub am_rm_token: Option<Token>,
    /// What the queue could still grant.
    pub available: Resource,
    /// Nodes in use.
    pub cluster_nodes: u32,
    /// Nodes whose state has changed.
    pub updated_nodes: Vec<NodeReport>,
    /// Containers that the scheduler is about to take back.
    pub preempted: Vec<ContainerId>,
    /// Containers of earlier attempts, found after the registration (Hadoop 3).
    pub previous_containers: Vec<AllocatedContainer>,
    /// A command from the ResourceManager; replaced by exceptions, so no release of Hadoop 2.10 or 3 sends one.
    pub command: Option<ApplicationMasterCommand>,
}

/// A command in an [`AllocateResponse`] (`AMCommand`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplicationMasterCommand {
    /// Register again.
    Resync,
    /// Stop.
    Shutdown,
}

impl ApplicationMasterClient {
    /// A client of the configured ResourceManagers, with the patience of a daemon. `token` is the one of kind
    /// [`AM_RM_TOKEN`] from the container's credentials.
    ///
    /// # Errors
    /// [`YarnError::Configuration`].
    pub fn new(conf: &Configuration, token: Token) -> Result<Self, YarnError> {
        let options = Options::from_configuration(conf)?.with_patience(crate::rpc::Patience::DAEMON);
        Self::with_options(conf, token, options)
    }

    /// Like [`Self::new`], with other options.
    ///
    /// # Errors
    /// [`YarnError::Configuration`].
    pub fn with_options(conf: &Configuration, token: Token, options: Options) -> Result<Self, YarnError> {
        let endpoints = conf.resource_managers(RmService::Scheduler)?;
        Ok(Self::of(Client::new(endpoints, Auth::Token(token), options)))
    }

    fn of(client: Client) -> Self {
        Self { client, response_id: AtomicI32::new(0) }
    }

    /// Registers; must be the first call. `rpc_port` is the port of a server for clients, if there is one;
    /// `tracking_url` may be empty.
    ///
    /// # Errors
    /// [`YarnError::is_already_registered`] if an earlier call reached the ResourceManager and its response was lost:
    /// then continue with [`Self::allocate`]. [`YarnError::is_registration_refused`]: trying again does not help.
    pub async fn register(
        &self,
        host: &str,
        rpc_port: Option<u16>,
        tracking_url: &str,
    ) -> Result<Registered, YarnError> {
        let request = wire::RegisterApplicationMasterRequestProto {
            host: Some(host.to_owned()),
            rpc_port: Some(rpc_port.map_or(-1, i32::from)),
            tracking_url: Some(tracking_url.to_owned()),
            placement_constraints: Vec::new(),
        };
        let answer = self.client.call(&request).await.map_err(YarnError::from);
        // The registration whose response was lost has reset the ResourceManager's count to 0 as well.
        if answer.as_ref().err().is_none_or(YarnError::is_already_registered) {
            self.response_id.store(0, Ordering::Relaxed);
        }
        let response = answer?;
        let missing = YarnError::Incomplete { method: "registerApplicationMaster", field: "maximum" };
        Ok(Registered {
            maximum: response.maximum_capability.as_ref().map(Resource::from_wire).ok_or(missing)?,
            queue: response.queue().to_owned(),
            schedules_vcores: response
                .scheduler_resource_types()
                .any(|r| r == wire::SchedulerResourceTypes::Cpu),
            previous_containers: containers(&response.containers_from_previous_attempts),
            nm_tokens: tokens(response.nm_tokens_from_previous_attempts),
        })
    }

    /// Sends a heartbeat with the number of the last response. If the response is lost, the heartbeat is repeated with
    /// the same number, for which the ResourceManager returns the same response.
    ///
    /// # Errors
    /// [`YarnError::is_resync`], [`YarnError::is_shutdown`]; [`YarnError::is_invalid_ask`] rejects the whole request.
    pub async fn allocate(&self, request: &AllocateRequest) -> Result<AllocateResponse, YarnError> {
        let response_id = self.response_id.load(Ordering::Relaxed);
        let answer = self.client.call(&request.to_proto(response_id)).await.map_err(YarnError::from);
        let next = match &answer {
            Ok(response) => Some(response.response_id()),
            // However the two have got out of step: it has not processed the request, and says which number it expects;
            // `AMRMClientRelayer` continues with that, too.
            Err(error) => error.expected_response_id(),
        };
        if let Some(next) = next {
            self.response_id.store(next, Ordering::Relaxed);
        }
        Ok(AllocateResponse::from_wire(answer?))
    }

    /// Unregisters. `false`: not stored yet, call again in a moment; exit only after `true`.
    ///
    /// # Errors
    /// [`YarnError::is_resync`]: register again, then repeat. [`YarnError::is_shutdown`]: there is nothing left to
    /// report.
    pub async fn finish(
        &self,
        status: FinalStatus,
        diagnostics: &str,
        tracking_url: &str,
    ) -> Result<bool, YarnError> {
        let request = wire::FinishApplicationMasterRequestProto {
            diagnostics: Some(diagnostics.to_owned()),
            tracking_url: Some(tracking_url.to_owned()),
            final_application_status: status.to_wire().map(i32::from),
        };
        Ok(self.client.call(&request).await?.is_unregistered())
    }

    /// Sets a new token for later connections; the open one is kept.
    pub fn set_token(&self, token: Token) {
        self.client.set_auth(Auth::Token(token));
    }
}

impl AllocateRequest {
    fn to_proto(&self, response_id: i32) -> wire::AllocateRequestProto {
        let blacklist = wire::ResourceBlacklistRequestProto {
            blacklist_additions: self.blacklist_additions.clone(),
            blacklist_removals: self.blacklist_removals.clone(),
        };
        let blacklisted = !self.blacklist_additions.is_empty() || !self.blacklist_removals.is_empty();
        wire::AllocateRequestProto {
            ask: self.asks.iter().flat_map(Ask::to_wire).collect(),
            release: self.releases.iter().map(|id| (*id).into()).collect(),
            blacklist_request: blacklisted.then_some(blacklist),
            response_id: Some(response_id),
            progress: Some(self.progress),
            tracking_url: self.tracking_url.clone(),
            ..Default::default()
        }
    }
}

/// The resource name of an ask for any host (`ResourceRequest.ANY`).
const ANY: &str = "*";

impl Ask {
    /// One request for each level that the scheduler considers: the host, its rack, and any place. A level that was not
    /// requested itself does not relax to those above it, as in `AMRMClientImpl` for requests with strict locality.
    fn to_wire(&self) -> Vec<wire::ResourceRequestProto> {
        let mut levels: BTreeMap<&str, bool> = BTreeMap::new();
        for place in &self.places {
            match place {
                Place::Host { name, rack } => {
                    levels.insert(name, true);
                    levels.entry(rack).or_insert(false);
                }
                Place::Rack(name) => {
                    levels.insert(name, true);
                }
            }
        }
        levels.insert(ANY, self.places.is_empty());
        levels.into_iter().map(|(name, relax)| self.level(name, relax)).collect()
    }

    fn level(&self, name: &str, relax_locality: bool) -> wire::ResourceRequestProto {
        wire::ResourceRequestProto {
            priority: Some(wire::PriorityProto { priority: Some(self.priority) }),
            resource_name: Some(name.to_owned()),
            capability: Some(self.resource.to_wire()),
            num_containers: Some(i32::try_from(self.count).unwrap_or(i32::MAX)),
            relax_locality: Some(relax_locality),
            node_label_expression: self.node_label.clone(),
            execution_type_request: None,
            // Always set: the default is 0 in Hadoop 2 and -1 in Hadoop 3.
            allocation_request_id: Some(self.allocation_request_id),
        }
    }
}

impl AllocateResponse {
    pub(crate) fn from_wire(response: wire::AllocateResponseProto) -> Self {
        let command = response.a_m_command.and_then(|command| wire::AmCommandProto::try_from(command).ok());
        let preempted = response.preempt.iter().flat_map(|preempt| {
            let strict = preempt.strict_contract.iter().flat_map(|contract| &contract.container);
            let negotiable = preempt.contract.iter().flat_map(|contract| &contract.container);
            strict.chain(negotiable).filter_map(|container| container.id.as_ref()).map(ContainerId::from)
        });
        Self {
            response_id: response.response_id(),
            allocated: containers(&response.allocated_containers),
            completed: response.completed_container_statuses.iter().map(ContainerStatus::from_wire).collect(),
            available: response.limit.as_ref().map(Resource::from_wire).unwrap_or_default(),
            cluster_nodes: u32::try_from(response.num_cluster_nodes()).unwrap_or(0),
            preempted: preempted.collect(),
            previous_containers: containers(&response.containers_from_previous_attempts),
            command: command.map(|command| match command {
                wire::AmCommandProto::AmResync => ApplicationMasterCommand::Resync,
                wire::AmCommandProto::AmShutdown => ApplicationMasterCommand::Shutdown,
            }),
            updated_nodes: response.updated_nodes.into_iter().map(NodeReport::from_wire).collect(),
            nm_tokens: tokens(response.nm_tokens),
            am_rm_token: response.am_rm_token.map(Token::from_wire),
        }
    }
}

fn containers(list: &[wire::ContainerProto]) -> Vec<AllocatedContainer> {
    list.iter().map(AllocatedContainer::from_wire).collect()
}

fn tokens(list: Vec<wire::NmTokenProto>) -> Vec<(NodeId, Token)> {
    list.into_iter()
        .filter_map(|entry| Some((NodeId::from(&entry.node_id?), Token::from_wire(entry.token?))))
        .collect()
}

#[cfg(test)]
mod tests;
