//! A path to a server that can be closed for a single process.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

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
