//! Resolves a host name and connects to it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream, lookup_host};
use tokio::time::timeout;

use crate::conf::Endpoint;
use crate::rpc::RpcErrorKind;

/// Connects to the first of the host's addresses that answers within `limit`.
pub(super) async fn connect(endpoint: &Endpoint, limit: Duration) -> Result<TcpStream, RpcErrorKind> {
    // The name is looked up for each connection: a server that moved is found again (HADOOP-7472).
    let addresses = lookup_host((endpoint.host.as_str(), endpoint.port))
        .await
        .map_err(|error| RpcErrorKind::UnknownHost(Arc::new(error)))?;
    let mut last = None;
    for address in addresses {
        match timeout(limit, open(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = Some(error),
            Err(_) => {
                last = Some(io::Error::new(io::ErrorKind::TimedOut, format!("no answer from {address}")))
            }
        }
    }
    let error = last.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    Err(match error.kind() {
        io::ErrorKind::ConnectionRefused => RpcErrorKind::Refused(Arc::new(error)),
        io::ErrorKind::NotFound => RpcErrorKind::UnknownHost(Arc::new(error)),
        _ => RpcErrorKind::Unreachable(Arc::new(error)),
    })
}

async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_keepalive(true)?;
    // Requests are written whole; waiting for more only adds delay.
    socket.set_nodelay(true)?;
    socket.connect(address).await
}
