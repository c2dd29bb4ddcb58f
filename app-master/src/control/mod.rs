//! The control plane: what a client may ask of this application master while it runs, over mutual TLS.
//!
//! Only clients with the certificate from the staging directory get past the handshake.

pub mod certificates;
pub mod events;
pub mod record;
mod service;
mod words;

#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use proto::control::StatusReply;
use proto::control::control_server::ControlServer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use crate::listener::places::Limits;
use crate::listener::{Place, ServeError, accept};
use crate::machine::{self, Refusal, Reply};
use crate::web::forward::Forward;
use events::Events;
use service::Service;

/// Each attached client of a session holds a connection, and most of them come from one gateway. The silence is the time limit
/// of the TLS handshake.
const LIMITS: Limits = Limits {
    total: 256,
    reserved: 32,
    silent_per_peer: 128,
    silence: Duration::from_secs(10),
    grace: Duration::from_millis(50),
};
/// The ALPN name of HTTP/1.1.
const HTTP_1_1: &[u8] = b"http/1.1";
/// How often watchers are pinged, to notice those that left without closing the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A question that only the machine can answer.
#[derive(Debug)]
pub enum Question {
    /// The current state of everything.
    Status(oneshot::Sender<StatusReply>),
    /// Something to be done.
    Request(machine::Request, oneshot::Sender<Result<Reply, Refusal>>),
}

/// Accepts connections for as long as the application master lives.
pub async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    events: Events,
    questions: mpsc::Sender<Question>,
    flink: Forward,
) {
    let acceptor = TlsAcceptor::from(tls);
    let service = ControlServer::new(Service::new(events, questions));
    accept(listener, "control plane", LIMITS, |stream, _, place| {
        converse(stream, place, acceptor.clone(), service.clone(), flink.clone())
    })
    .await;
}

async fn converse(
    stream: TcpStream,
    place: Place,
    acceptor: TlsAcceptor,
    service: ControlServer<Service>,
    flink: Forward,
) -> Result<(), ServeError> {
    stream.set_nodelay(true)?;
    let stream = acceptor.accept(stream).await?;
    // With the client's certificate.
    place.heard();
    if stream.get_ref().1.alpn_protocol() == Some(HTTP_1_1) {
        // Not gRPC: the request is for Flink.
        let ask = service_fn(move |request: Request<Incoming>| {
            let flink = flink.clone();
            async move { Ok::<_, Infallible>(flink.ask(request).await) }
        });
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), ask).await?;
        return Ok(());
    }
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(KEEP_ALIVE);
    builder.http1().timer(TokioTimer::new());
    builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service)).await
}

/// Opens a socket on any free port of `host`.
///
/// # Errors
/// No port is free, or the host is not this one.
pub async fn listen(host: &str) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((host, 0)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
