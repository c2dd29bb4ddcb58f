//! What a NodeManager's web service says of a container. Its RPC answers only those who hold a token of the
//! application; the page answers anybody, unless the cluster guards its web pages.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::header::{ACCEPT, CONNECTION, HOST};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use proto::ids::ContainerId;
use serde::Deserialize;
use tokio::net::TcpStream;

/// The answer has a few hundred bytes.
const MAX_BODY: usize = 64 << 10;

/// Why a node's page tells nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeWebError {
    /// Not `http://host:port`; `https` is not spoken here.
    #[error("'{address}' is no http address")]
    Address {
        /// As the ResourceManager gave it.
        address: String,
    },
    /// No answer in time.
    #[error("the NodeManager's page at {address} did not answer within {} s", after.as_secs_f32())]
    TimedOut {
        /// host:port.
        address: String,
        /// How long it was waited.
        after: Duration,
    },
    /// No connection, or a broken one.
    #[error("cannot ask the NodeManager's page at {address}: {source}")]
    Transport {
        /// host:port.
        address: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Unknown container, or no permission.
    #[error("the NodeManager's page at {address} answered {status}")]
    Status {
        /// host:port.
        address: String,
        /// HTTP status.
        status: StatusCode,
    },
}

#[derive(Deserialize)]
struct Answer {
    container: Container,
}

#[derive(Deserialize)]
struct Container {
    state: String,
}

/// The container's state in the NodeManager's own words (`ContainerState` of the NodeManager): `LOCALIZING`,
/// `SCHEDULED`, `RUNNING`, `DONE` and others. `address` is that of a container report: `http://host:port`.
///
/// # Errors
/// [`NodeWebError`].
pub async fn container_state(
    address: &str,
    container: ContainerId,
    timeout: Duration,
) -> Result<String, NodeWebError> {
    let authority = address.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let Some(authority) = authority.filter(|rest| rest.contains(':') && !rest.contains('/')) else {
        return Err(NodeWebError::Address { address: address.to_owned() });
    };
    let path = format!("/ws/v1/node/containers/{container}");
    let exchange = tokio::time::timeout(timeout, get(authority, &path)).await;
    let body =
        exchange.map_err(|_| NodeWebError::TimedOut { address: authority.to_owned(), after: timeout })??;
    let answer: Result<Answer, _> = serde_json::from_slice(&body);
    match answer {
        Ok(answer) => Ok(answer.container.state),
        Err(error) => Err(NodeWebError::Transport { address: authority.to_owned(), source: error.into() }),
    }
}

async fn get(authority: &str, path: &str) -> Result<Bytes, NodeWebError> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| NodeWebError::Transport {
        address: authority.to_owned(),
        source,
    };
    let stream = TcpStream::connect(authority).await.map_err(|error| failed(error.into()))?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(|error| failed(error.into()))?;
    let request = Request::get(path)
        .header(HOST, authority)
        .header(ACCEPT, "application/json")
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|error| failed(error.into()))?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|error| failed(error.into()))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await.map_err(failed)?;
        Ok((status, body.to_bytes()))
    };
    // The connection is driven here and ends with this call.
    let (mut answer, mut connection) = (std::pin::pin!(answer), std::pin::pin!(connection));
    let (status, body) = tokio::select! {
        biased;
        result = &mut answer => result?,
        _ = &mut connection => answer.await?,
    };
    if status.is_success() {
        Ok(body)
    } else {
        Err(NodeWebError::Status { address: authority.to_owned(), status })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    use tokio::net::TcpListener;

    use super::*;

    const CONTAINER: &str = "container_1700000000000_0001_01_000001";

    /// A server that gives one answer, and the request it got.
    async fn asked(status: &str, body: &'static str) -> (Result<String, NodeWebError>, String) {
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
        let state = container_state(&address, CONTAINER.parse().unwrap(), Duration::from_secs(10)).await;
        (state, server.await.unwrap())
    }

    #[tokio::test]
    async fn the_state_is_the_nodes_own_word() {
        // Of a NodeManager 3.4.1.
        let body = r#"{"container":{"id":"container_1700000000000_0001_01_000001","state":"LOCALIZING","exitCode":-1000,"diagnostics":""}}"#;
        let (state, request) = asked("200 OK", body).await;
        assert_eq!(state.unwrap(), "LOCALIZING");
        assert!(
            request.starts_with(&format!("GET /ws/v1/node/containers/{CONTAINER} HTTP/1.1\r\n")),
            "{request}"
        );
    }

    #[tokio::test]
    async fn no_answer_is_an_error_that_names_the_node() {
        let (refused, _) = asked("401 Unauthorized", "").await;
        assert!(
            matches!(refused, Err(NodeWebError::Status { status: StatusCode::UNAUTHORIZED, .. })),
            "{refused:?}"
        );
        assert!(matches!(asked("200 OK", "<html>").await.0, Err(NodeWebError::Transport { .. })));
        for address in ["https://n1:8044", "n1:8042", "http://n1", "http://n1:8042/page", ""] {
            let error =
                container_state(address, CONTAINER.parse().unwrap(), Duration::ZERO).await.unwrap_err();
            assert!(matches!(error, NodeWebError::Address { .. }), "{error}");
        }
    }
}
