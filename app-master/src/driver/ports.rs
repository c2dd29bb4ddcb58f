//! Chooses the JobManager's ports before it starts, so that TaskManagers can be told at once.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

use yarn_client::flink::ports::{PortRange, PortRangeError};

/// "Any free port" is first searched for here: below the range from which the kernel takes ports for outgoing
/// connections, one of which could otherwise take the port before the JobManager binds it.
const QUIET_PORTS: std::ops::Range<u16> = 20_000..32_000;
const QUIET_TRIES: u32 = 50;

/// The three ports of a JobManager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    /// `jobmanager.rpc.port`
    pub rpc: u16,
    /// `rest.bind-port`
    pub rest: u16,
    /// `blob.server.port`
    pub blob: u16,
}

/// No port is available.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum PortError {
    /// The text of the option is wrong.
    #[error("{key}")]
    Syntax {
        /// The option.
        key: &'static str,
        /// What is wrong with it.
        #[source]
        source: PortRangeError,
    },
    /// Every port of the range is in use.
    #[error("no free port for {key} in {range} on {host}: {source}")]
    Exhausted {
        /// The option.
        key: &'static str,
        /// Its value.
        range: String,
        /// The host.
        host: String,
        /// The error for the last port.
        #[source]
        source: io::Error,
    },
}

/// Where a JobManager's servers listen. The same port may be free on one address of a node and taken on another, and a
/// server that listens on all of them needs it on each.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses<'a> {
    /// The name by which others know the node; only for errors.
    pub host: &'a str,
    /// The address of RPC and the blob server.
    pub rpc: &'a str,
    /// The address of the REST server.
    pub rest: &'a str,
}

impl Ports {
    /// Finds free ports, each by binding it once where Flink will. `start` spreads the search over the quiet range, so that
    /// application masters that start together do not try the same ports.
    ///
    /// # Errors
    /// A range is malformed, or has no free port.
    pub(super) fn choose(
        at: Addresses<'_>,
        rpc: &str,
        rest: &str,
        blob: &str,
        start: u32,
    ) -> Result<Self, PortError> {
        // Held until all are chosen, as the three must differ.
        let mut held = Vec::new();
        let mut choose = |key, range: &str, address: &str| -> Result<u16, PortError> {
            let listener = bind_one(key, range, address, at.host, start)?;
            let port = listener.local_addr().map(|address| address.port());
            held.push(listener);
            port.map_err(|source| PortError::Exhausted {
                key,
                range: range.to_owned(),
                host: at.host.to_owned(),
                source,
            })
        };
        Ok(Self {
            rpc: choose("jobmanager.rpc.port", rpc, at.rpc)?,
            rest: choose("rest.bind-port", rest, at.rest)?,
            blob: choose("blob.server.port", blob, at.rpc)?,
        })
    }
}

/// Opens a socket for the web page.
///
/// # Errors
/// The same as for [`Ports::choose`].
pub(super) fn web(host: &str, range: &str) -> Result<tokio::net::TcpListener, PortError> {
    const KEY: &str = "yarn-flink.web.port";
    let range = if range.is_empty() { "0" } else { range };
    // Nothing in Flink needs to know this port beforehand, so any will do.
    let listener = bind_one(KEY, range, host, host, std::process::id())?;
    let made = listener.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(listener));
    made.map_err(|source| PortError::Exhausted {
        key: KEY,
        range: range.to_owned(),
        host: host.to_owned(),
        source,
    })
}

fn bind_one(
    key: &'static str,
    text: &str,
    address: &str,
    host: &str,
    start: u32,
) -> Result<TcpListener, PortError> {
    let range = PortRange::parse(text).map_err(|source| PortError::Syntax { key, source })?;
    let mut last = io::Error::new(io::ErrorKind::AddrInUse, "the range is empty");
    for port in range.candidates() {
        let bound = if port == 0 { bind_any(address, start) } else { bind(address, port) };
        match bound {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(PortError::Exhausted { key, range: text.to_owned(), host: host.to_owned(), source: last })
}

fn bind_any(address: &str, start: u32) -> io::Result<TcpListener> {
    let span = u32::from(QUIET_PORTS.end - QUIET_PORTS.start);
    for step in 0..QUIET_TRIES {
        // A stride that is prime to the span visits different ports each time.
        let offset = (start.wrapping_add(step.wrapping_mul(7919))) % span;
        let port = QUIET_PORTS.start + u16::try_from(offset).unwrap_or(0);
        if let Ok(listener) = bind(address, port) {
            return Ok(listener);
        }
    }
    bind(address, 0)
}

fn bind(address: &str, port: u16) -> io::Result<TcpListener> {
    let addresses: Vec<SocketAddr> = (address, port).to_socket_addrs()?.collect();
    TcpListener::bind(addresses.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANYWHERE: Addresses<'static> = Addresses { host: "node", rpc: "0.0.0.0", rest: "127.0.0.1" };

    #[test]
    fn three_distinct_ports_are_chosen() {
        let ports = Ports::choose(ANYWHERE, "0", "0", "0", 17).expect("free ports");
        assert!(ports.rpc != ports.rest && ports.rest != ports.blob && ports.rpc != ports.blob, "{ports:?}");
        // The same number on one address would take the port away from a listener on all addresses.
        let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
        let range = format!("{free},0");
        let ports = Ports::choose(ANYWHERE, &range, &range, &range, 5).expect("free ports");
        assert!(ports.rpc != ports.rest && ports.rest != ports.blob && ports.rpc != ports.blob, "{ports:?}");
    }

    /// Seen with several NodeManagers on one machine: another one's daemon had the port, on its own address.
    #[test]
    fn port_in_use_on_any_address_is_unavailable_for_a_wildcard_listener() {
        let taken = TcpListener::bind("127.0.0.3:0").expect("a port");
        let port = taken.local_addr().expect("an address").port();
        let range = format!("{port},0");
        let ports = Ports::choose(ANYWHERE, &range, &range, &range, 3).expect("free ports");
        assert!(ports.rpc != port && ports.blob != port, "{ports:?}");
        assert_eq!(ports.rest, port, "free where REST listens");
    }

    #[test]
    fn skips_a_port_in_use_and_names_an_exhausted_range() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = taken.local_addr().expect("an address").port();
        let error = Ports::choose(ANYWHERE, "0", &port.to_string(), "0", 1).expect_err("in use");
        assert!(
            error.to_string().starts_with(&format!("no free port for rest.bind-port in {port} on node")),
            "{error}"
        );
        let both = format!("{port},0");
        assert_ne!(Ports::choose(ANYWHERE, "0", &both, "0", 1).expect("the second").rest, port);
    }
}
