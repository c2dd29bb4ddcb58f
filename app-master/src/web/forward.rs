//! Forwards requests to Flink's REST server and its responses back. Bodies stream in both directions: a jar of hundreds
//! of megabytes needs a few kilobytes of memory.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use yarn_client::flink::rest::Connect;

use super::steady::{Steady, Stopped};

/// For connecting to a server on the same machine, including TLS with a JVM that may be busy.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// For the next part of a request that has begun. Where a session ends after a time without use, an upload that never ends would
/// keep it for ever.
const STOPPED: Duration = Duration::from_secs(60);

/// The response.
pub type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// The way to Flink's REST server, once its port is chosen. It changes if another process takes the port.
pub type Place = watch::Receiver<Option<Arc<dyn Connect>>>;

/// The way to Flink. Cheap to clone; all clones count together.
#[derive(Clone)]
pub struct Forward {
    place: Place,
    usage: Arc<watch::Sender<Use>>,
}

/// How Flink is used through the forwarder: by requests that change or upload something. Looking at pages does not
/// count as use of a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Use {
    /// Number of requests on their way: an upload may take minutes.
    pub in_flight: u32,
    /// Number of requests that have ended, whatever their result.
    pub ended: u64,
}

/// A request that is on its way.
struct InFlight(Arc<watch::Sender<Use>>);

impl InFlight {
    fn begin(sender: &Arc<watch::Sender<Use>>) -> Self {
        sender.send_modify(|it| it.in_flight += 1);
        Self(Arc::clone(sender))
    }
}

impl Drop for InFlight {
    /// Counts requests of clients that have gone, too.
    fn drop(&mut self) {
        self.0.send_modify(|it| {
            it.in_flight = it.in_flight.saturating_sub(1);
            it.ended += 1;
        });
    }
}

impl fmt::Debug for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forward").field("place", &*self.place.borrow()).finish()
    }
}

impl Forward {
    /// Forwards to wherever `place` says.
    pub fn new(place: Place) -> Self {
        Self { place, usage: Arc::new(watch::Sender::new(Use::default())) }
    }

    /// Watches how Flink is used. A change shows that a session's user is active; only the newest value is kept.
    pub fn watch_use(&self) -> watch::Receiver<Use> {
        self.usage.subscribe()
    }

    /// Forwards a request to Flink. Whatever prevents that becomes a response too.
    pub async fn ask<B>(&self, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + Unpin + 'static,
    {
        let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        let _in_flight = (!reads).then(|| InFlight::begin(&self.usage));
        let place = self.place.borrow().clone();
        let Some(way) = place else {
            return text(StatusCode::SERVICE_UNAVAILABLE, "the JobManager has not been started yet");
        };
        match exchange(way.as_ref(), request).await {
            Ok(answer) => answer.map(BodyExt::boxed),
            Err(error) => {
                tracing::debug!("Flink's REST server at {}: {error}", way.address());
                if let Some(stopped) = stopped(&*error) {
                    return text(StatusCode::REQUEST_TIMEOUT, &stopped.to_string());
                }
                text(StatusCode::SERVICE_UNAVAILABLE, "the JobManager is not responding; it may be starting")
            }
        }
    }
}

/// Whether the client is the cause.
fn stopped<'e>(error: &'e (dyn std::error::Error + 'static)) -> Option<&'e Stopped> {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.find_map(|error| error.downcast_ref())
}

/// A short response of our own.
pub fn text(status: StatusCode, what: &str) -> Answer {
    let body = Full::new(Bytes::from(format!("{what}\n"))).map_err(|never| match never {}).boxed();
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}

async fn exchange<B>(
    way: &dyn Connect,
    request: Request<B>,
) -> Result<Response<Incoming>, Box<dyn std::error::Error + Send + Sync>>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + Unpin + 'static,
{
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse::<Uri>()?;
    head.version = hyper::Version::HTTP_11;
    remove_hop_by_hop(&mut head.headers);
    head.headers.insert(HOST, HeaderValue::from_str(&way.address())?);
    // One connection for each request, as Flink may close idle ones at any time.
    head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    let stream = tokio::time::timeout(CONNECT_TIMEOUT, way.connect()).await??;
    let (mut sender, connection) =
        hyper::client::conn::http1::Builder::new().handshake(TokioIo::new(stream)).await?;
    // The task ends with the response body, or when the client is gone and drops it.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!("the connection to Flink's REST server: {error}");
        }
    });
    let boxed = Steady::new(body, STOPPED).boxed_unsync();
    let mut answer = sender.send_request(Request::from_parts(head, boxed)).await?;
    remove_hop_by_hop(answer.headers_mut());
    Ok(answer)
}

/// Removes headers that are for one connection alone (RFC 9110, 7.6.1).
fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    let fixed =
        [CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    for name in named.into_iter().chain(fixed).chain([HeaderName::from_static("keep-alive")]) {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use yarn_client::flink::rest::Plain;

    use super::*;

    fn way(port: u16) -> Arc<dyn Connect> {
        Arc::new(Plain { host: "127.0.0.1".to_owned(), port })
    }

    /// A server that takes one request and responds with `answer`. The task's result is what it received.
    async fn server(answer: &'static str) -> (Forward, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let told = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut request = Vec::new();
            while !request.windows(4).any(|end| end == b"\r\n\r\n") && !request.ends_with(b"0\r\n\r\n") {
                if stream.read_buf(&mut request).await.expect("a request") == 0 {
                    break;
                }
            }
            stream.write_all(answer.as_bytes()).await.expect("heard");
            String::from_utf8_lossy(&request).into_owned()
        });
        let (_, place) = watch::channel(Some(way(port)));
        (Forward::new(place), told)
    }

    fn request(path: &str) -> Request<Full<Bytes>> {
        Request::builder()
            .uri(path)
            .header("connection", "keep-alive, x-mine")
            .header("x-mine", "1")
            .header("x-other", "2")
            .body(Full::default())
            .expect("a request")
    }

    #[tokio::test]
    async fn forwarded_response_has_no_hop_by_hop_headers() {
        let (forward, told) =
            server("HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\nconnection: close\r\nx-flink: y\r\n\r\n{}")
                .await;
        let answer = forward.ask(request("http://somewhere/jobs?a=b")).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        assert_eq!(answer.headers().get("x-flink").map(HeaderValue::as_bytes), Some(b"y".as_slice()));
        assert!(!answer.headers().contains_key("connection"));
        let body = answer.into_body().collect().await.expect("a body").to_bytes();
        assert_eq!(body, "{}");
        let told = told.await.expect("a request").to_lowercase();
        assert!(told.starts_with("get /jobs?a=b http/1.1\r\n"), "{told}");
        assert!(told.contains("x-other: 2") && !told.contains("x-mine"), "{told}");
        assert!(told.contains("host: 127.0.0.1:"), "{told}");
    }

    fn with_method(method: Method) -> Request<Full<Bytes>> {
        let mut request = request("/jars/upload");
        *request.method_mut() = method;
        request
    }

    #[tokio::test]
    async fn modifying_request_counts_as_use_from_start_to_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (_, place) = watch::channel(Some(way(port)));
        let forward = Forward::new(place);
        let mut used = forward.watch_use();
        let of = |in_flight, ended| Use { in_flight, ended };
        // Through a clone, as the web page and the control plane have one each.
        let other = forward.clone();
        let upload = tokio::spawn(async move { other.ask(with_method(Method::POST)).await.status() });
        let (mut stream, _) = listener.accept().await.expect("a connection");
        used.changed().await.expect("a change");
        assert_eq!(*used.borrow_and_update(), of(1, 0));
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer).await.expect("heard");
        assert_eq!(upload.await.expect("an answer"), StatusCode::OK);
        used.changed().await.expect("a change");
        assert_eq!(*used.borrow_and_update(), of(0, 1));

        // The client disconnects in the middle.
        let other = forward.clone();
        let upload = tokio::spawn(async move { other.ask(with_method(Method::PATCH)).await.status() });
        let _connection = listener.accept().await.expect("a connection");
        used.wait_for(|used| *used == of(1, 1)).await.expect("a change");
        upload.abort();
        used.wait_for(|used| *used == of(0, 2)).await.expect("a change");
        // Nothing listens there, but it still counts as use.
        drop(listener);
        for method in [Method::DELETE, Method::PUT] {
            forward.ask(with_method(method)).await;
        }
        assert_eq!(*used.borrow_and_update(), of(0, 4));
        for method in [Method::GET, Method::HEAD] {
            forward.ask(with_method(method)).await;
        }
        assert!(!used.has_changed().expect("the sender lives"));
    }

    #[tokio::test]
    async fn unreachable_job_manager_yields_an_error_response() {
        let (sender, place) = watch::channel(None);
        let forward = Forward::new(place);
        assert_eq!(forward.ask(request("/")).await.status(), StatusCode::SERVICE_UNAVAILABLE);
        let closed = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = closed.local_addr().expect("an address").port();
        drop(closed);
        sender.send_replace(Some(way(port)));
        assert_eq!(forward.ask(request("/")).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[tokio::test]
    async fn truncated_response_is_forwarded_as_truncated() {
        let (forward, _) = server("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").await;
        let answer = forward.ask(request("/")).await;
        answer.into_body().collect().await.expect_err("not whole");
    }
}
