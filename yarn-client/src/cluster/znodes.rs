//! Nodes in ZooKeeper, which is only used to remove them. Without the feature `zookeeper` it cannot be used.

use std::time::Duration;

#[cfg(feature = "zookeeper")]
use zookeeper_client::{Client, Error as ZooKeeperError};

/// Pause between two attempts to remove a node that is still being written to.
#[cfg(feature = "zookeeper")]
const PAUSE: Duration = Duration::from_millis(200);

/// Why a node is still there.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Removes a node and everything below it. Processes of a killed application may live on for a moment and write meanwhile.
#[cfg(feature = "zookeeper")]
pub(super) async fn remove(quorum: &str, node: &str, patience: Duration) -> Result<(), Failure> {
    let connector = Client::connector().with_session_timeout(patience).with_fail_eagerly();
    let client = connector.connect(quorum).await?;
    loop {
        match remove_once(&client, node).await {
            Err(ZooKeeperError::NotEmpty) => tokio::time::sleep(PAUSE).await,
            done => return Ok(done?),
        }
    }
}

#[cfg(not(feature = "zookeeper"))]
pub(super) async fn remove(_quorum: &str, _node: &str, _patience: Duration) -> Result<(), Failure> {
    Err("this program was built without a client of ZooKeeper".into())
}

#[cfg(feature = "zookeeper")]
async fn remove_once(client: &Client, node: &str) -> Result<(), ZooKeeperError> {
    // Parents before their children, so that the last one can go first.
    let mut nodes = vec![node.to_owned()];
    let mut next = 0;
    while let Some(parent) = nodes.get(next).cloned() {
        next += 1;
        match client.list_children(&parent).await {
            Ok(children) => nodes.extend(children.iter().map(|child| format!("{parent}/{child}"))),
            Err(ZooKeeperError::NoNode) => {}
            Err(error) => return Err(error),
        }
    }
    for node in nodes.iter().rev() {
        match client.delete(node, None).await {
            Ok(()) | Err(ZooKeeperError::NoNode) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
