//! `ContainerManagementProtocol`: starting and stopping containers on nodes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prost::Message;
use proto::hadoop::yarn as wire;
use proto::ids::{ContainerId, NodeId};
use tokio::time::{Instant, sleep};

use crate::conf::{Configuration, Endpoint};
use crate::rpc::{Client, Options, Patience};
use crate::security::{Auth, Token};

use super::{ContainerFailure, ContainerStatus, LaunchContext, YarnError};

/// How long to wait for a node that has just started, or whose response was lost.
const RETRY_DELAY: Duration = Duration::from_secs(1);
/// How long a node may be unreachable (`yarn.client.nodemanager-connect.max-wait-ms` is 180 s as well).
const PATIENCE: Patience = Patience { overall: Duration::from_secs(180), refused: Duration::from_secs(180) };

/// Clients of all NodeManagers that an application master talks to, with one connection for each node.
#[derive(Debug)]
pub struct NodeManagerClient {
    options: Options,
    nodes: Mutex<HashMap<NodeId, Node>>,
}

/// The client of one node, and the token its connection was opened with.
#[derive(Debug)]
struct Node {
    token: Token,
    client: Arc<Client>,
}

impl NodeManagerClient {
    /// Creates the client; nothing is connected yet.
    ///
    /// # Errors
    /// [`YarnError::Configuration`].
    pub fn new(conf: &Configuration) -> Result<Self, YarnError> {
        Ok(Self::with_options(Options::from_configuration(conf)?.with_patience(PATIENCE)))
    }

    /// Like [`Self::new`], with other options.
    pub fn with_options(options: Options) -> Self {
        Self { options, nodes: Mutex::default() }
    }

    /// Starts a container. Success means that the NodeManager has accepted it; that it runs, or has failed, is reported by
    /// [`AllocateResponse::completed`](super::AllocateResponse::completed). If a response was lost, the node is asked whether
    /// it has the container before anything is repeated; a container that it already has counts as started.
    ///
    /// # Errors
    /// [`YarnError::Container`] when the node refuses, [`YarnError::Submission`] for an unusable context.
    pub async fn start(
        &self,
        node: &NodeId,
        nm_token: &Token,
        container_token: &Token,
        context: &LaunchContext,
    ) -> Result<(), YarnError> {
        let request = wire::StartContainersRequestProto {
            start_container_request: vec![wire::StartContainerRequestProto {
                container_launch_context: Some(context.to_proto()?),
                container_token: Some(container_token.to_wire()),
            }],
        };
        let id = container_of(container_token)?;
        let started = Instant::now();
        let client = self.client(node, nm_token);
        loop {
            let error = match client.call(&request).await {
                Ok(response) => match failure(id, &response.failed_requests) {
                    None if response.succeeded_requests.is_empty() => {
                        return Err(YarnError::Incomplete { method: "startContainers", field: "result" });
                    }
                    None => return Ok(()),
                    // An earlier request of ours arrived although its response was lost.
                    Some(refused) if refused.is_relaunch() => return Ok(()),
                    Some(refused) => YarnError::Container(refused),
                },
                Err(lost) if lost.is_outcome_unknown() => {
                    if self.status(node, nm_token, id).await?.is_some() {
                        return Ok(());
                    }
                    YarnError::from(lost)
                }
                Err(other) => YarnError::from(other),
            };
            let again =
                error.is_not_yet_ready() || matches!(&error, YarnError::Rpc(e) if e.is_outcome_unknown());
            if !again || started.elapsed() + RETRY_DELAY > self.options.patience.overall {
                return Err(error);
            }
            sleep(RETRY_DELAY).await;
        }
    }

    /// Stops a container; one that the node does not know, or no longer does, counts as stopped.
    ///
    /// # Errors
    /// [`YarnError::Container`] when the node refuses.
    pub async fn stop(&self, node: &NodeId, nm_token: &Token, id: ContainerId) -> Result<(), YarnError> {
        let request = wire::StopContainersRequestProto { container_id: vec![id.into()] };
        let response = self.client(node, nm_token).call(&request).await?;
        match failure(id, &response.failed_requests) {
            Some(refused) if !refused.is_unknown_container() => Err(refused.into()),
            _ => Ok(()),
        }
    }

    /// The status of a container; `None` if the node does not know it.
    ///
    /// # Errors
    /// [`YarnError::Container`] when the node refuses.
    pub async fn status(
        &self,
        node: &NodeId,
        nm_token: &Token,
        id: ContainerId,
    ) -> Result<Option<ContainerStatus>, YarnError> {
        let request = wire::GetContainerStatusesRequestProto { container_id: vec![id.into()] };
        let response = self.client(node, nm_token).call(&request).await?;
        match failure(id, &response.failed_requests) {
            Some(refused) if refused.is_unknown_container() => Ok(None),
            Some(refused) => Err(refused.into()),
            None => Ok(response.status.first().map(ContainerStatus::from_wire)),
        }
    }

    /// Closes the connection to a node that is no longer needed.
    pub fn forget(&self, node: &NodeId) {
        self.lock().remove(node);
    }

    /// The client of a node; a new one for a different token: a NodeManager checks the token of the connection, not of
    /// the call.
    fn client(&self, node: &NodeId, token: &Token) -> Arc<Client> {
        let mut nodes = self.lock();
        if let Some(known) = nodes.get(node).filter(|known| known.token == *token) {
            return Arc::clone(&known.client);
        }
        let endpoint = Endpoint { id: None, host: node.host.clone(), port: node.port };
        let client = Arc::new(Client::new(vec![endpoint], Auth::Token(token.clone()), self.options.clone()));
        nodes.insert(node.clone(), Node { token: token.clone(), client: Arc::clone(&client) });
        client
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<NodeId, Node>> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The node's error for a container.
fn failure(id: ContainerId, failed: &[wire::ContainerExceptionMapProto]) -> Option<ContainerFailure> {
    let entry = failed.first()?;
    let exception = entry.exception.clone().unwrap_or_default();
    Some(ContainerFailure::new(entry.container_id.as_ref().map_or(id, ContainerId::from), &exception))
}

/// The container that a container token grants. Otherwise the identifier remains opaque.
fn container_of(token: &Token) -> Result<ContainerId, YarnError> {
    let missing = YarnError::Incomplete { method: "allocate", field: "container id in the container token" };
    let identifier = wire::ContainerTokenIdentifierProto::decode(token.identifier.clone()).ok();
    identifier.and_then(|identifier| identifier.container_id).map(|id| ContainerId::from(&id)).ok_or(missing)
}

#[cfg(test)]
mod tests;
