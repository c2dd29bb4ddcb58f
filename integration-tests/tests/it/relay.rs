//! A path to a server that can be closed for a single process.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use integration_tests::cluster::Cluster;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The port of an address in `yarn-site.xml`.
pub(crate) fn port_of(cluster: &Cluster, key: &str) -> Result<u16> {
    let site = fs::read_to_string(cluster.client_conf_dir().join("yarn-site.xml"))?;
    let (_, rest) = site.split_once(&format!("<name>{key}</name><value>")).context("no such key")?;
    let (address, _) = rest.split_once('<').context("no end of the address")?;
    Ok(address.rsplit(':').next().context("no port")?.parse()?)
}

/// Forwards connections until it is dropped.
pub(crate) struct Relay {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    closed_to: watch::Sender<Option<u32>>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// Listens on its own port, for a server at port `to` on this machine.
    pub(crate) async fn start(to: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (closed_to, closed) = watch::channel(None);
        let accepting = tokio::spawn(async move {
            while let Ok((client, peer)) = listener.accept().await {
                tokio::spawn(pass(client, peer, address, to, closed.clone()));
            }
        });
        Ok(Self { address, closed_to, accepting })
    }

    /// From now on nothing of this process's connections, old or new, gets through, and it is not notified.
    pub(crate) fn close_to(&self, pid: u32) {
        self.closed_to.send_replace(Some(pid));
    }
}

/// Forwards connections, and leaves `word` out of what the server says: blanks are in its place. Ends with the test's runtime.
pub(crate) async fn without_word(to: u16, word: &'static str) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(async move {
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await?;
                let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                    (client.into_split(), server.into_split());
                let censored = async {
                    let mut said = Vec::with_capacity(1 << 16);
                    loop {
                        said.clear();
                        if from_server.read_buf(&mut said).await? == 0 {
                            return to_client.shutdown().await;
                        }
                        // What is looked for is in the first answer, which comes in one piece.
                        if let Some(at) = said.windows(word.len()).position(|it| it == word.as_bytes()) {
                            said[at..at + word.len()].fill(b' ');
                        }
                        to_client.write_all(&said).await?;
                    }
                };
                // Either side may end at any time.
                tokio::try_join!(censored, tokio::io::copy(&mut from_client, &mut to_server)).map(drop)
            });
        }
    });
    Ok(address)
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(
    mut client: TcpStream,
    peer: SocketAddr,
    own: SocketAddr,
    to: u16,
    mut closed: watch::Receiver<Option<u32>>,
) {
    let socket = inode(peer.port(), own.port());
    let shut = async {
        let is_its = |pid: &Option<u32>| pid.zip(socket.as_ref()).is_some_and(|(pid, name)| holds(pid, name));
        if closed.wait_for(is_its).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let through = async {
        if let Ok(mut server) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await {
            // Either side may end at any time.
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
    };
    tokio::select! {
        biased;
        () = shut => {}
        () = through => return,
    }
    // Open but silent.
    std::future::pending::<()>().await;
}

/// The name of the socket between these ports of this machine, as `/proc/<pid>/fd` shows it to its owner.
fn inode(from: u16, to: u16) -> Option<String> {
    let port = |address: &str| u16::from_str_radix(address.rsplit(':').next()?, 16).ok();
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().find_map(|table| {
        fs::read_to_string(table).ok()?.lines().find_map(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            let is_it = port(fields.get(1)?) == Some(from) && port(fields.get(2)?) == Some(to);
            is_it.then(|| format!("socket:[{}]", fields.get(9).copied().unwrap_or_default()))
        })
    })
}

fn holds(pid: u32, socket: &str) -> bool {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| fs::read_link(entry.path()).ok()).any(|target| target.as_os_str() == socket)
}
