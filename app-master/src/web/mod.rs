//! The application master's HTTP server: its own page below `/am/`, and a proxy to Flink's REST server, which listens on this
//! node's loopback only, for everything else.

pub mod access;
pub mod forward;
mod page;

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
use hyper_util::rt::{TokioIo, TokioTimer};
use proto::control::StatusReply;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::control::Question;
use crate::control::events::Events;
use crate::warnings::Warnings;
use access::{Access, Admission};
use forward::{Answer, Forward, text};
use page::StatusView;

/// Connections at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 128;
/// Time limit for a request's head.
const HEAD: Duration = Duration::from_secs(15);

/// What responses are made from.
#[derive(Debug, Clone)]
pub struct Web {
    /// Decides who is served.
    pub access: Access,
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
    let warnings = Warnings::of("accepting a web page connection");
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => {
                warnings.worked();
                accepted
            }
            Err(error) => {
                // No descriptor is free, and this will not change at once.
                warnings.failed(&error);
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let web = web.clone();
        tokio::spawn(async move {
            let answer = service_fn(move |request| {
                let web = web.clone();
                async move { Ok::<_, Infallible>(web.answer(peer.ip(), request).await) }
            });
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(HEAD).keep_alive(false);
            if let Err(error) = builder.serve_connection(TokioIo::new(stream), answer).await {
                tracing::debug!(%peer, "web page: {error}");
            }
            drop(place);
        });
    }
}

impl Web {
    async fn answer(&self, source: IpAddr, request: Request<Incoming>) -> Answer {
        match self.access.admit(source, request.method(), request.uri()) {
            Admission::Granted => {}
            Admission::Redirected(to) => return redirect(&to),
            Admission::Refused => {
                return text(StatusCode::FORBIDDEN, "this page is served to YARN's web proxy only");
            }
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
