//! The few HTTP calls the fixture needs: daemons' REST and JMX pages, WebHDFS, Flink's REST.
//!
//! One connection for each request, so that no call depends on the runtime of the test that made the previous one.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use yarn_client::flink::rest::Connect;

/// Time limit for one response; a hanging daemon must not hang the test.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The maximum number of redirects: a standby ResourceManager and WebHDFS need one each.
const REDIRECTS: usize = 5;

/// An HTTP response.
#[derive(Clone, Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// The whole body.
    pub body: Bytes,
    /// The address that responded, after redirects.
    pub url: String,
}

impl Response {
    /// The body as text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The same response if its status is 2xx.
    ///
    /// # Errors
    /// Any other status, with the first lines of the body.
    pub fn success(self) -> Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let start: String = self.text().chars().take(600).collect();
        bail!("{} answered {}: {start}", self.url, self.status)
    }

    /// The body as JSON, if the status is 2xx.
    ///
    /// # Errors
    /// Another status, or a body that is not JSON.
    pub fn json(self) -> Result<serde_json::Value> {
        let response = self.success()?;
        serde_json::from_slice(&response.body).with_context(|| format!("{} is not JSON", response.url))
    }
}

/// `GET url`, following redirects.
///
/// # Errors
/// No connection, no response within 30 s, or not HTTP. A status that is not 2xx is not an error here.
pub async fn get(url: &str) -> Result<Response> {
    request("GET", url, &[], Bytes::new()).await
}

/// `GET url` as JSON.
///
/// # Errors
/// Those of [`get`], a status that is not 2xx, or a body that is not JSON.
pub async fn get_json(url: &str) -> Result<serde_json::Value> {
    get(url).await?.json()
}

/// Any request with extra headers and a body, following redirects with the same method and body (as WebHDFS requires
/// for `PUT ?op=CREATE`).
///
/// # Errors
/// Those of [`get`].
pub async fn request(method: &str, url: &str, headers: &[(&str, &str)], body: Bytes) -> Result<Response> {
    let mut url = url.to_owned();
    for _ in 0..=REDIRECTS {
        let answer = tokio::time::timeout(TIMEOUT, once(method, &url, headers, body.clone()))
            .await
            .with_context(|| format!("{method} {url}: no answer within {} s", TIMEOUT.as_secs()))?
            .with_context(|| format!("{method} {url}"))?;
        match answer {
            Answer::Redirect(target) if target.starts_with("http://") => url = target,
            Answer::Redirect(target) => {
                let origin = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
                url = format!("{origin}{target}");
            }
            Answer::Done(status, body) => return Ok(Response { status: status.as_u16(), body, url }),
        }
    }
    bail!("{method} {url}: more than {REDIRECTS} redirects")
}

enum Answer {
    Redirect(String),
    Done(StatusCode, Bytes),
}

async fn once(method: &str, url: &str, headers: &[(&str, &str)], body: Bytes) -> Result<Answer> {
    let rest = url.strip_prefix("http://").context("only http:// is spoken here")?;
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, "/"),
    };
    let address = if authority.contains(':') { authority.to_owned() } else { format!("{authority}:80") };
    let stream =
        TcpStream::connect(&address).await.with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true).context("cannot set TCP_NODELAY")?;
    exchange(stream, method, authority, path, headers, body).await
}

/// `GET path` over a connection that may be secured, without following redirects.
///
/// # Errors
/// Those of [`get`].
pub async fn get_over(way: &dyn Connect, path: &str) -> Result<Response> {
    let (url, none) = (format!("{}{path}", way.address()), Bytes::new());
    let asked = async { exchange(way.connect().await?, "GET", &way.address(), path, &[], none).await };
    let answer = tokio::time::timeout(TIMEOUT, asked).await.with_context(|| url.clone())?;
    match answer.with_context(|| url.clone())? {
        Answer::Done(status, body) => Ok(Response { status: status.as_u16(), body, url }),
        Answer::Redirect(target) => bail!("{url} redirects to {target}"),
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    method: &str,
    authority: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<Answer> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder()
        .method(Method::from_bytes(method.as_bytes())?)
        .uri(path)
        .header(header::HOST, authority)
        .header(header::ACCEPT, "application/json, */*;q=0.5");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = sender.send_request(request.body(Full::new(body))?).await?;
    let status = response.status();
    let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let answer = match location {
        // The 201 of a finished WebHDFS CREATE has a location as well.
        Some(target) if status.is_redirection() => Answer::Redirect(target.to_owned()),
        _ => Answer::Done(status, response.into_body().collect().await?.to_bytes()),
    };
    connection.abort();
    Ok(answer)
}
