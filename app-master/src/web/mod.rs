//! The application master's HTTP server: its own page below `/am/`, and a proxy to Flink's REST server, which listens on this
//! node's loopback only, for everything else.

pub mod access;
pub mod acl;
pub mod forward;
pub mod groups;
mod page;
mod steady;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use proto::control::StatusReply;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::control::Question;
use crate::control::events::Events;
use crate::listener::places::Limits;
use crate::listener::{Place, accept};
use access::{Access, Admission};
use acl::{Denial, Membership, Right, Rights};
use forward::{Answer, Forward, text};
use groups::Groups;
use page::StatusView;

/// YARN's proxy opens a connection for each request, and sends it at once. It has no more than 250 at a time, for as many threads
/// (Jetty's `QueuedThreadPool` by default). The silence is the time limit of a request's head.
const LIMITS: Limits = Limits {
    total: 272,
    reserved: 16,
    silent_per_peer: 250,
    silence: Duration::from_secs(15),
    grace: Duration::from_millis(20),
};

/// For the head of a request, bytes: Hadoop's servers accept 64 KiB (`hadoop.http.max.request.header.size`). By default hyper
/// keeps six times as much.
const BUFFER: usize = 72 * 1024;

/// What responses are made from.
#[derive(Debug, Clone)]
pub struct Web {
    /// Decides from where requests may come.
    pub access: Access,
    /// Decides who may do what.
    pub rights: Rights,
    /// Who belongs to which group.
    pub groups: Groups,
    /// The way to Flink.
    pub flink: Forward,
    /// What has happened.
    pub events: Events,
    /// The way to the machine.
    pub questions: mpsc::Sender<Question>,
    /// `application_…`
    pub application: Arc<str>,
    /// The user who owns the application.
    pub user: Arc<str>,
}

/// Accepts connections for as long as the application master lives. YARN's proxy opens a new one for each request and
/// leaves it open, so none is kept alive.
pub async fn serve(listener: TcpListener, web: Web) {
    accept(listener, "web page", LIMITS, |stream, peer, place| {
        let web = web.clone();
        async move { Ok(converse(stream, peer.ip(), Arc::new(place), web).await?) }
    })
    .await;
}

/// Serves one connection.
pub(crate) async fn converse<S>(
    stream: S,
    source: IpAddr,
    place: Arc<Place>,
    web: Web,
) -> Result<(), hyper::Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin,
{
    let answer = service_fn(move |request| {
        let (web, place) = (web.clone(), Arc::clone(&place));
        async move { Ok::<_, Infallible>(web.answer(source, &place, request).await) }
    });
    let mut builder = http1::Builder::new();
    builder.keep_alive(false).max_buf_size(BUFFER);
    builder.serve_connection(TokioIo::new(stream), answer).await
}

impl Web {
    async fn answer(&self, source: IpAddr, place: &Place, request: Request<Incoming>) -> Answer {
        match self.access.admit(source, request.method(), request.uri()) {
            Admission::Granted => place.heard(),
            Admission::Redirected(to) => return redirect(&to),
            Admission::Refused => {
                return text(StatusCode::FORBIDDEN, "this page is served to YARN's web proxy only");
            }
        }
        if let Err(denial) = self.check(&request).await {
            return text(StatusCode::FORBIDDEN, &denial.to_string());
        }
        let path = request.uri().path().to_owned();
        let Some(ours) = path.strip_prefix("/am") else { return self.flink.ask(request).await };
        if !(ours.is_empty() || ours.starts_with('/')) {
            return self.flink.ask(request).await;
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are supported");
        }
        match ours {
            // Relative, as it may be below a proxy's path.
            "" => redirect("am/"),
            "/" => html(page::PAGE),
            "/events" => json(&page::events(&self.events)),
            "/status" => match self.status().await {
                Some(status) => json(&StatusView::new(&self.application, &self.user, &status)),
                None => ending(),
            },
            "/metrics" => match self.status().await {
                Some(status) => {
                    let last = self.events.last().map_or(0, |id| id.number);
                    let text = page::metrics(&status, last, resident());
                    content("text/plain; version=0.0.4; charset=utf-8", Bytes::from(text))
                }
                None => ending(),
            },
            _ => text(
                StatusCode::NOT_FOUND,
                "not found; available: /am/, /am/status, /am/events and /am/metrics",
            ),
        }
    }

    /// Whether the user whom the proxy names may do this.
    async fn check(&self, request: &Request<Incoming>) -> Result<(), Denial> {
        let right = Right::needed_for(request.method(), request.uri());
        let user = acl::proxy_user(request.headers());
        let groups = match &user {
            Some(user) if self.rights.depends_on_groups(right, user) => self.groups.of(user).await,
            _ => Membership::Known(Vec::new()),
        };
        self.rights.check(right, user.as_deref(), &groups)
    }

    async fn status(&self) -> Option<StatusReply> {
        let (answer, status) = oneshot::channel();
        self.questions.send(Question::Status(answer)).await.ok()?;
        status.await.ok()
    }
}

fn ending() -> Answer {
    text(StatusCode::SERVICE_UNAVAILABLE, "the application master is about to exit")
}

fn redirect(to: &str) -> Answer {
    let mut answer = text(StatusCode::FOUND, to);
    match HeaderValue::from_str(to) {
        Ok(to) => {
            answer.headers_mut().insert(LOCATION, to);
            answer
        }
        Err(_) => text(StatusCode::BAD_REQUEST, "not an address"),
    }
}

fn html(page: &'static str) -> Answer {
    let mut answer = content("text/html; charset=utf-8", Bytes::from_static(page.as_bytes()));
    // Anyone can choose names of jobs and texts of errors: if one ever became a script, it would not run.
    let policy = "default-src 'none'; connect-src 'self'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                  base-uri 'none'; form-action 'none'";
    answer.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    answer
}

fn json(what: &impl Serialize) -> Answer {
    match serde_json::to_vec(what) {
        Ok(bytes) => content("application/json", Bytes::from(bytes)),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn content(kind: &'static str, bytes: Bytes) -> Answer {
    let mut answer = Answer::new(Full::new(bytes).map_err(|never| match never {}).boxed());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The resident memory of this process, in bytes: the second number of `/proc/self/statm` is in pages.
fn resident() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
