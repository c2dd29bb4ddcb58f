//! `ContainerManagementProtocol`: starting and stopping containers on nodes.

use proto::ids::{ContainerId, NodeId};

use crate::conf::Configuration;
use crate::rpc::Options;
use crate::security::Token;

use super::{ContainerStatus, LaunchContext, YarnError};

/// Clients of all NodeManagers an application master talks to, one connection for each node.
#[derive(Debug)]
pub struct NodeManagerClient {}

impl NodeManagerClient {
    /// Nothing is connected yet.
    ///
    /// # Errors
    /// [`YarnError::Configuration`].
    pub fn new(conf: &Configuration) -> Result<Self, YarnError> {
        Ok(Self::with_options(Options::from_configuration(conf)?))
    }

    /// The same with other settings.
    pub fn with_options(options: Options) -> Self {
        let _ = options;
        todo!()
    }

    /// Starts a container. Success means the NodeManager has taken it on; that it runs, or has failed, is told by
    /// [`AllocateResponse::completed`](super::AllocateResponse::completed). If an answer was lost, the node is asked
    /// whether it has the container before anything is repeated.
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
        let _ = (node, nm_token, container_token, context);
        todo!()
    }

    /// Stops a container; one the node does not know (any more) counts as stopped.
    ///
    /// # Errors
    /// [`YarnError::Container`] when the node refuses.
    pub async fn stop(&self, node: &NodeId, nm_token: &Token, id: ContainerId) -> Result<(), YarnError> {
        let _ = (node, nm_token, id);
        todo!()
    }

    /// How a container is; `None` if the node does not know it.
    ///
    /// # Errors
    /// [`YarnError::Container`] when the node refuses.
    pub async fn status(
        &self,
        node: &NodeId,
        nm_token: &Token,
        id: ContainerId,
    ) -> Result<Option<ContainerStatus>, YarnError> {
        let _ = (node, nm_token, id);
        todo!()
    }
}
