//! Containers that have ended while their application is running. Their nodes keep the logs until the application ends, but
//! the ResourceManager no longer lists them, and only the application master knows where they were.

use std::ops::ControlFlow;
use std::time::Duration;

use proto::control::{WatchReply, event::What, watch_reply};
use proto::ids::{ApplicationId, ContainerId};

use super::Logs;
use super::local::Running;
use crate::cluster::{Gateway, events};
use crate::yarn::NodeState;

/// Limit for requests to the master and the ResourceManager.
const LIMIT: Duration = Duration::from_secs(5);

impl Logs {
    /// Whether there are logs of a container, according to the ResourceManager and the aggregated files.
    pub fn knows(&self, container: ContainerId) -> bool {
        let id = container.to_string();
        self.running.iter().any(|running| running.id == id)
    }

    /// Adds a container that has ended in a running application, if its master knows it.
    pub async fn look_for_ended(&mut self, gateway: &Gateway, container: ContainerId) {
        let found = find(gateway, self.application, container);
        match tokio::time::timeout(LIMIT, found).await {
            Ok(Some(running)) => self.running.push(running),
            Ok(None) => tracing::debug!(%container, "not known to its application master"),
            Err(_) => tracing::debug!(%container, "its application master does not answer"),
        }
    }
}

async fn find(gateway: &Gateway, application: ApplicationId, container: ContainerId) -> Option<Running> {
    let id = container.to_string();
    let mut place = None;
    let mut hear = |reply: WatchReply| {
        if let Some(watch_reply::Reply::Event(event)) = reply.reply
            && let Some(told) = event.what.and_then(|what| place_of(what, &id))
        {
            place = Some(told);
        }
        ControlFlow::Continue(())
    };
    let watched = Box::pin(events::watch(gateway, application, &[], None, false, &mut hear)).await;
    if let Err(error) = watched {
        tracing::debug!("asking the application master of {application}: {error}");
    }
    let place = place?;
    let nodes = gateway.resource_manager.nodes(&[NodeState::Running]).await.ok()?;
    // host:port of the NodeManager, or only the host.
    let node = nodes.into_iter().find(|node| node.id.to_string() == place || node.id.host == place)?;
    Some(Running {
        id,
        node: node.id.to_string(),
        address: format!("{}://{}", gateway.configuration.web_scheme(), node.http_address),
        web: gateway.resource_manager.web().clone(),
    })
}

/// The host of this container, according to an event.
fn place_of(what: What, id: &str) -> Option<String> {
    match what {
        What::Allocated(it) if it.container == id => Some(it.node),
        What::ContainerLost(it) if it.container == id => Some(it.node),
        // The container of an earlier attempt's master.
        What::AttemptStarted(it) if it.container == id => Some(it.host),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proto::control::{Allocated, AttemptStarted};

    use super::*;

    #[test]
    fn position_is_identified_by_the_surrounding_content() {
        let (id, node) = ("container_1_0001_01_000002".to_owned(), "n1:8041".to_owned());
        let allocated = What::Allocated(Allocated { container: id.clone(), node: node.clone() });
        assert_eq!(place_of(allocated.clone(), &id), Some(node));
        assert_eq!(place_of(allocated, "container_1_0001_01_000003"), None);
        let started = What::AttemptStarted(AttemptStarted { container: id.clone(), host: "n2".to_owned() });
        assert_eq!(place_of(started, &id).as_deref(), Some("n2"));
    }
}
