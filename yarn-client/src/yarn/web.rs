//! What YARN's web services report and its RPC does not: a container's state on its node (the NodeManager's RPC only
//! answers clients with a token of the application), and the size of what an application requests. They answer anyone,
//! unless the cluster protects its web pages.

mod trust;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONNECTION, HOST};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use proto::ids::{ApplicationId, ContainerId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

pub use trust::{Trust, TrustError};

/// An application's requests are a few hundred bytes each.
const MAX_BODY: usize = 4 << 20;

/// A failed request to a web service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// Neither `http://host:port` nor `https://host:port`.
    #[error("`{address}` is not an HTTP address")]
    Address {
        /// As the ResourceManager gave it.
        address: String,
    },
    /// No response in time.
    #[error("YARN's web service at {address} did not answer within {}", crate::seconds(*after))]
    TimedOut {
        /// host:port.
        address: String,
        /// How long we waited.
        after: Duration,
    },
    /// The connection could not be made, or was lost.
    #[error("cannot ask YARN's web service at {address}: {source}")]
    Transport {
        /// host:port.
        address: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Its certificate is not trusted, or the truststore cannot be read.
    #[error("the certificate of YARN's web service at {address} is not trusted, by {trust}")]
    Untrusted {
        /// host:port.
        address: String,
        /// Where the trusted certificates come from.
        trust: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The container is unknown, or the caller has no permission.
    #[error("YARN's web service at {address} answered {status}")]
    Status {
        /// host:port.
        address: String,
        /// HTTP status.
        status: StatusCode,
    },
}

impl WebError {
    /// Whether the server is unreachable, so that further requests would fail as well.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::TimedOut { .. } | Self::Transport { .. } | Self::Untrusted { .. })
    }

    /// What to do next, if there is something to do.
    pub fn hint(&self) -> Option<&'static str> {
        matches!(self, Self::Untrusted { .. }).then_some(
            "set `ssl.client.truststore.location` in `ssl-client.xml`, next to `core-site.xml`, to a \
             truststore (JKS or PEM) with the certificate or its authority's",
        )
    }
}

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
    address: &str,
    container: ContainerId,
    timeout: Duration,
) -> Result<String, WebError> {
    let answer: ContainerAnswer =
        get_json(address, &format!("/ws/v1/node/containers/{container}"), &Trust::default(), timeout).await?;
    Ok(answer.container.state)
}

/// Memory (MiB) of each container that the application has requested and not been granted, from the ResourceManager's
/// web service at `address`, `http://host:port`. Empty if it requests none, or the caller may not see it.
///
/// # Errors
/// [`WebError`].
pub async fn asked_mib(
    address: &str,
    application: ApplicationId,
    timeout: Duration,
) -> Result<Vec<u64>, WebError> {
    let answer: ApplicationAnswer =
        get_json(address, &format!("/ws/v1/cluster/apps/{application}"), &Trust::default(), timeout).await?;
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
pub async fn scheduler(address: &str, trust: &Trust, timeout: Duration) -> Result<Scheduler, WebError> {
    let mut answer: Value = get_json(address, "/ws/v1/cluster/scheduler", trust, timeout).await?;
    match answer.pointer_mut("/scheduler/schedulerInfo") {
        Some(info) => Ok(Scheduler(info.take())),
        None => Err(transport(address, "the response does not describe a scheduler")),
    }
}

impl Scheduler {
    /// Whether an application may end up in a queue that does not exist, or that has queues below it. Of all schedulers
    /// only the Capacity Scheduler definitely says no: if the nearest queue above does not create queues
    /// (`auto-create-child-queue.enabled`, `auto-queue-creation-v2.enabled`).
    pub fn may_take(&self, queue: &str) -> bool {
        if self.0.get("type").and_then(Value::as_str) != Some("capacityScheduler") {
            return true;
        }
        let mut queues = Vec::new();
        below(&self.0, "root", &mut queues);
        let path = queue.strip_prefix("root.").unwrap_or(queue);
        if queues.iter().any(|it| it.is(path) || path == "root") {
            return false;
        }
        let mut above = path;
        while let Some((parent, _)) = above.rsplit_once('.') {
            if let Some(found) = queues.iter().find(|it| it.is(parent)) {
                return found.makes_queues;
            }
            above = parent;
        }
        makes_queues(&self.0)
    }
}

/// A queue of the Capacity Scheduler.
struct Queue {
    path: String,
    makes_queues: bool,
}

impl Queue {
    /// Whether `name` is its path below `root`, or just its last component.
    fn is(&self, name: &str) -> bool {
        let path = self.path.strip_prefix("root.").unwrap_or(&self.path);
        path == name || path.rsplit('.').next() == Some(name)
    }
}

fn below(queue: &Value, path: &str, into: &mut Vec<Queue>) {
    // Some releases write a single one without brackets in JSON.
    let children = match queue.pointer("/queues/queue") {
        Some(Value::Array(children)) => children.as_slice(),
        Some(child) => std::slice::from_ref(child),
        None => &[],
    };
    for child in children {
        let Some(name) = child.get("queueName").and_then(Value::as_str) else { continue };
        let path = format!("{path}.{name}");
        below(child, &path, into);
        into.push(Queue { path, makes_queues: makes_queues(child) });
    }
}

fn makes_queues(queue: &Value) -> bool {
    let legacy = queue.get("autoCreateChildQueueEnabled").and_then(Value::as_bool).unwrap_or(false);
    let eligible = queue.get("autoCreationEligibility").and_then(Value::as_str);
    legacy || eligible.is_some_and(|eligible| eligible != "off")
}

/// The authority of `http://host:port` or `https://host:port`.
pub(super) fn authority(address: &str) -> Result<&str, WebError> {
    let authority = address.strip_prefix("http://").or_else(|| address.strip_prefix("https://"));
    authority
        .map(|rest| rest.trim_end_matches('/'))
        .filter(|rest| rest.contains(':') && !rest.contains('/'))
        .ok_or_else(|| WebError::Address { address: address.to_owned() })
}

/// Requests JSON; `timeout` applies to the whole request.
pub(super) async fn get_json<T: DeserializeOwned>(
    address: &str,
    path: &str,
    trust: &Trust,
    timeout: Duration,
) -> Result<T, WebError> {
    let authority = authority(address)?;
    let body = async |response: Response<Incoming>| {
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
        body.map_err(|error| transport(authority, error))
    };
    let exchange = ask(address, path, "application/json", trust, timeout, body);
    let body = tokio::time::timeout(timeout, exchange).await;
    let body = body.map_err(|_| late(authority, timeout))??.to_bytes();
    serde_json::from_slice(&body).map_err(|error| transport(authority, error))
}

/// A connection, with TLS or without.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn connect(address: &str, trust: &Trust) -> Result<Box<dyn Stream>, WebError> {
    let authority = authority(address)?;
    let stream = TcpStream::connect(authority).await.map_err(|error| transport(authority, error))?;
    if !address.starts_with("https://") {
        return Ok(Box::new(stream));
    }
    let untrusted = |source: Box<dyn std::error::Error + Send + Sync>| WebError::Untrusted {
        address: authority.to_owned(),
        trust: trust.source(),
        source,
    };
    let config = trust.client().map_err(|error| untrusted(error.into()))?;
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host).trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).map_err(|error| untrusted(error.into()))?;
    match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
        Ok(stream) => Ok(Box::new(stream)),
        // An error of TLS itself.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(untrusted(error.into())),
        Err(error) => Err(transport(authority, error)),
    }
}

/// Sends one request on a connection of its own; `read` gets a successful response. `timeout` applies to each step up to that.
pub(super) async fn ask<T, F: Future<Output = Result<T, WebError>>>(
    address: &str,
    path: &str,
    accept: &str,
    trust: &Trust,
    timeout: Duration,
    read: impl FnOnce(Response<Incoming>) -> F,
) -> Result<T, WebError> {
    let authority = authority(address)?;
    let connect = tokio::time::timeout(timeout, connect(address, trust)).await;
    let stream = connect.map_err(|_| late(authority, timeout))??;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(|error| transport(authority, error))?;
    let request = Request::get(path)
        .header(HOST, authority)
        .header(ACCEPT, accept)
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|error| transport(authority, error))?;
    let answer = async {
        let response = tokio::time::timeout(timeout, sender.send_request(request)).await;
        let response = response.map_err(|_| late(authority, timeout))?;
        let response = response.map_err(|error| transport(authority, error))?;
        let status = response.status();
        if !status.is_success() {
            return Err(WebError::Status { address: authority.to_owned(), status });
        }
        read(response).await
    };
    // The connection is driven here and ends with this call.
    let (mut answer, mut connection) = (std::pin::pin!(answer), std::pin::pin!(connection));
    tokio::select! {
        biased;
        result = &mut answer => result,
        _ = &mut connection => answer.await,
    }
}

pub(super) fn transport(
    authority: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> WebError {
    WebError::Transport { address: authority.to_owned(), source: source.into() }
}

pub(super) fn late(authority: &str, after: Duration) -> WebError {
    WebError::TimedOut { address: authority.to_owned(), after }
}

#[cfg(test)]
mod tests {
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
        let state = container_state(&address, CONTAINER.parse().unwrap(), Duration::from_secs(10)).await;
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
        assert_eq!(asked_mib(&address, id, Duration::from_secs(10)).await.unwrap(), [4096]);
        let (address, _server) = serve("200 OK", r#"{"app":{"id":"application_1700000000000_0001"}}"#).await;
        assert!(asked_mib(&address, id, Duration::from_secs(10)).await.unwrap().is_empty());
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
            let error =
                container_state(address, CONTAINER.parse().unwrap(), Duration::ZERO).await.unwrap_err();
            assert!(matches!(error, WebError::Address { .. }), "{error}");
        }
    }
}
