//! What YARN's web services report and its RPC does not: a container's state on its node (the NodeManager's RPC only
//! answers clients with a token of the application), and the size of what an application requests. They answer anyone,
//! unless the cluster protects its web pages; [`Client`] says how it gets in.

mod client;
mod error;
pub(crate) mod trust;

use std::time::Duration;

use proto::ids::{ApplicationId, ContainerId};
use serde::Deserialize;
use serde_json::Value;

pub use client::Client;
pub(super) use client::authority;
pub use error::WebError;
pub(super) use error::{late, transport};

#[derive(Deserialize)]
struct ContainerAnswer {
    container: Container,
}

#[derive(Deserialize)]
struct Container {
    state: String,
}

#[derive(Deserialize)]
struct ApplicationAnswer {
    app: Application,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Application {
    #[serde(default)]
    resource_requests: Vec<ResourceRequest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResourceRequest {
    resource_name: String,
    num_containers: i64,
    capability: Capability,
}

#[derive(Deserialize)]
struct Capability {
    memory: u64,
}

/// The container's state in the NodeManager's own terms (`ContainerState` of the NodeManager): `LOCALIZING`,
/// `SCHEDULED`, `RUNNING`, `DONE` and others. `address` is that of a container report: `http://host:port`.
///
/// # Errors
/// [`WebError`].
pub async fn container_state(
    client: &Client,
    address: &str,
    container: ContainerId,
    timeout: Duration,
) -> Result<String, WebError> {
    let path = format!("/ws/v1/node/containers/{container}");
    let answer: ContainerAnswer = client.get_json(address, &path, timeout).await?;
    Ok(answer.container.state)
}

/// Memory (MiB) of each container that the application has requested and not been granted, from the ResourceManager's
/// web service at `address`, `http://host:port`. Empty if it requests none, or the caller may not see it.
///
/// # Errors
/// [`WebError`].
pub async fn asked_mib(
    client: &Client,
    address: &str,
    application: ApplicationId,
    timeout: Duration,
) -> Result<Vec<u64>, WebError> {
    let path = format!("/ws/v1/cluster/apps/{application}");
    let answer: ApplicationAnswer = client.get_json(address, &path, timeout).await?;
    // Requests for nodes and racks repeat the one for `*`.
    let open = answer
        .app
        .resource_requests
        .into_iter()
        .filter(|it| it.resource_name == "*" && it.num_containers > 0);
    Ok(open.map(|request| request.capability.memory).collect())
}

/// The scheduler and its queues.
#[derive(Debug, Clone, PartialEq)]
pub struct Scheduler(Value);

/// The scheduler, from the ResourceManager's web service at `address`. A ResourceManager on standby refuses.
///
/// # Errors
/// [`WebError`].
pub async fn scheduler(client: &Client, address: &str, timeout: Duration) -> Result<Scheduler, WebError> {
    let mut answer: Value = client.get_json(address, "/ws/v1/cluster/scheduler", timeout).await?;
    Scheduler::of(&mut answer).ok_or_else(|| transport(address, "the response does not describe a scheduler"))
}

impl Scheduler {
    /// Out of the answer.
    pub(crate) fn of(answer: &mut Value) -> Option<Self> {
        Some(Self(answer.pointer_mut("/scheduler/schedulerInfo")?.take()))
    }

    /// Whether an application may end up in a queue that does not exist, or that has queues below it. Of all schedulers
    /// only the Capacity Scheduler definitely says no: if the nearest queue above does not create queues
    /// (`auto-create-child-queue.enabled`, `auto-queue-creation-v2.enabled`).
    pub fn may_take(&self, queue: &str) -> bool {
        if self.0.get("type").and_then(Value::as_str) != Some("capacityScheduler") {
            return true;
        }
        let path = queue.strip_prefix("root.").unwrap_or(queue);
        if path == "root" || find(&self.0, &mut String::new(), path).is_some() {
            return false;
        }
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('.') {
            if let Some(found) = find(&self.0, &mut String::new(), parent) {
                return makes_queues(found);
            }
            above = parent;
        }
        makes_queues(&self.0)
    }
}

/// The queue of this name: its path below `root`, or its last name alone. `path`: of `queue` itself.
fn find<'a>(queue: &'a Value, path: &mut String, wanted: &str) -> Option<&'a Value> {
    // Some releases write a single one without brackets in JSON.
    let children = match queue.pointer("/queues/queue") {
        Some(Value::Array(children)) => children.as_slice(),
        Some(child) => std::slice::from_ref(child),
        None => &[],
    };
    for child in children {
        let Some(name) = child.get("queueName").and_then(Value::as_str) else { continue };
        // One text for all of them: written out for each, the paths of a deep tree take far more room than the tree.
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(name);
        let found = find(child, path, wanted)
            .or_else(|| (path == wanted || path.rsplit('.').next() == Some(wanted)).then_some(child));
        if found.is_some() {
            return found;
        }
        path.truncate(length);
    }
    None
}

fn makes_queues(queue: &Value) -> bool {
    let legacy = queue.get("autoCreateChildQueueEnabled").and_then(Value::as_bool).unwrap_or(false);
    let eligible = queue.get("autoCreationEligibility").and_then(Value::as_str);
    legacy || eligible.is_some_and(|eligible| eligible != "off")
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    const CONTAINER: &str = "container_1700000000000_0001_01_000001";

    /// A server that sends one response: its address, and the request it receives.
    async fn serve(status: &str, body: &'static str) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let head =
            format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        let server = tokio::spawn(async move {
            let mut stream = BufReader::new(listener.accept().await.unwrap().0);
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") {
                stream.read_line(&mut request).await.unwrap();
            }
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(body.as_bytes()).await.unwrap();
            request
        });
        (address, server)
    }

    async fn asked(status: &str, body: &'static str) -> (Result<String, WebError>, String) {
        let (address, server) = serve(status, body).await;
        let container = CONTAINER.parse().unwrap();
        let state = container_state(&Client::default(), &address, container, Duration::from_secs(10)).await;
        (state, server.await.unwrap())
    }

    #[tokio::test]
    async fn size_of_a_pending_request_is_read() {
        // From a ResourceManager 3.4.1, shortened.
        let body = r#"{"app":{"id":"application_1700000000000_0001","state":"ACCEPTED","resourceRequests":[
            {"priority":0,"resourceName":"*","capability":{"memory":4096,"vCores":1},"numContainers":1},
            {"priority":0,"resourceName":"/default-rack","capability":{"memory":4096,"vCores":1},"numContainers":1},
            {"priority":1,"resourceName":"*","capability":{"memory":512,"vCores":1},"numContainers":0}]}}"#;
        let (address, _server) = serve("200 OK", body).await;
        let id = "application_1700000000000_0001".parse().unwrap();
        let (client, limit) = (Client::default(), Duration::from_secs(10));
        assert_eq!(asked_mib(&client, &address, id, limit).await.unwrap(), [4096]);
        let (address, _server) = serve("200 OK", r#"{"app":{"id":"application_1700000000000_0001"}}"#).await;
        assert!(asked_mib(&client, &address, id, limit).await.unwrap().is_empty());
    }

    #[test]
    fn auto_created_queues_are_distinguished() {
        // From a ResourceManager 3.4.1, shortened; 3.3 has no `autoCreationEligibility`.
        let queues = r#"{"queue":[{"queueName":"default","autoCreateChildQueueEnabled":false,"autoCreationEligibility":"off"},
            {"queueName":"teams","autoCreateChildQueueEnabled":false,"autoCreationEligibility":"flexible","queues":{"queue":
                {"queueName":"etl","autoCreateChildQueueEnabled":false,"autoCreationEligibility":"off"}}},
            {"queueName":"users","autoCreateChildQueueEnabled":true,"queues":{"queue":[]}}]}"#;
        let scheduler = |root: &str| {
            let info = format!(
                r#"{{"type":"capacityScheduler","queueName":"root","autoCreationEligibility":"{root}","queues":{queues}}}"#
            );
            Scheduler(serde_json::from_str(&info).unwrap())
        };
        let closed = scheduler("off");
        for queue in ["root.teams.new", "teams.new", "root.teams.new.deep", "root.users.ada", "users.ada"] {
            assert!(closed.may_take(queue), "{queue}");
        }
        for queue in [
            "nosuch",
            "root.nosuch",
            "root.default.x",
            "etl.x",
            "root.teams.etl.x",
            "root.nosuch.x",
            "teams",
            "root.teams",
            "root",
        ] {
            assert!(!closed.may_take(queue), "{queue}");
        }
        let open = scheduler("flexible");
        assert!(
            open.may_take("nosuch") && open.may_take("root.nosuch.x") && !open.may_take("root.default.x")
        );
        let fair = r#"{"type":"fairScheduler","rootQueue":{"queueName":"root"}}"#;
        assert!(Scheduler(serde_json::from_str(fair).unwrap()).may_take("root.pool"));
    }

    #[tokio::test]
    async fn container_state_is_the_one_the_node_reports() {
        // From a NodeManager 3.4.1.
        let body = r#"{"container":{"id":"container_1700000000000_0001_01_000001","state":"LOCALIZING","exitCode":-1000,"diagnostics":""}}"#;
        let (state, request) = asked("200 OK", body).await;
        assert_eq!(state.unwrap(), "LOCALIZING");
        assert!(
            request.starts_with(&format!("GET /ws/v1/node/containers/{CONTAINER} HTTP/1.1\r\n")),
            "{request}"
        );
    }

    #[tokio::test]
    async fn unresponsive_node_is_named() {
        let (refused, _) = asked("401 Unauthorized", "").await;
        assert!(
            matches!(refused, Err(WebError::Status { status: StatusCode::UNAUTHORIZED, .. })),
            "{refused:?}"
        );
        assert!(matches!(asked("200 OK", "<html>").await.0, Err(WebError::Transport { .. })));
        for address in ["ftp://n1:8044", "n1:8042", "http://n1", "http://n1:8042/page", ""] {
            let container = CONTAINER.parse().unwrap();
            let error = container_state(&Client::default(), address, container, Duration::ZERO).await;
            let error = error.unwrap_err();
            assert!(matches!(error, WebError::Address { .. }), "{error}");
        }
    }
}
