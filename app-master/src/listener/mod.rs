//! Accepts connections for the control plane and the web page, so that silent ones cannot lock others out.

#[cfg(test)]
pub(crate) mod crowd;
pub mod places;

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::warnings::{Repeats, Warnings};
use places::{Admission, Id, Limits, Places};

/// Connections that wait in the kernel until they are accepted. Of the 128 of the standard library a crowd leaves none to others,
/// who then try again only after a second.
const QUEUE: i32 = 4096;

/// A peer that reads nothing of its answer any more is given up after this time, ms, even if its system says that it lives
/// (`TCP_USER_TIMEOUT`, RFC 5482).
const READS_NOTHING: u32 = 60_000;

/// Dropped with the connection's place, which ends its task.
type Handle = oneshot::Sender<Infallible>;

/// Why a connection ended.
pub(crate) type ServeError = Box<dyn Error + Send + Sync>;

/// A connection's place among those of its listener, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    id: Id,
    places: Arc<Mutex<Places<Handle>>>,
}

impl Place {
    /// The only connection there is.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn alone() -> Self {
        let limits = Limits {
            total: 1,
            reserved: 0,
            silent_per_peer: 1,
            silence: Duration::MAX,
            grace: Duration::ZERO,
        };
        Self { id: Id::default(), places: Arc::new(Mutex::new(Places::new(limits))) }
    }

    /// The connection has authenticated, or sent its first request: it keeps its place.
    pub(crate) fn heard(&self) {
        lock(&self.places).heard(self.id);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.places).closed(self.id);
    }
}

fn lock(places: &Mutex<Places<Handle>>) -> MutexGuard<'_, Places<Handle>> {
    places.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Accepts connections for as long as the application master lives, and has `serve` answer each. `what` they are is for the log.
pub(crate) async fn accept<S, F>(listener: TcpListener, what: &'static str, limits: Limits, serve: S)
where
    S: Fn(TcpStream, SocketAddr, Place) -> F,
    F: Future<Output = Result<(), ServeError>> + Send + 'static,
{
    if let Err(error) = rustix::net::listen(&listener, QUEUE) {
        tracing::debug!("{what}: {error}");
    }
    let begun = Instant::now();
    let warnings = Warnings::of(what);
    let mut crowd = Repeats::default();
    let places = Arc::new(Mutex::new(Places::new(limits)));
    loop {
        let deadline = lock(&places).next_deadline();
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = sleep_until(deadline.map(|deadline| begun + deadline)) => {
                lock(&places).expire(begun.elapsed());
                continue;
            }
        };
        let (stream, address) = match accepted {
            Ok(accepted) => {
                warnings.worked();
                if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(&accepted.0, READS_NOTHING) {
                    tracing::debug!("{what}: {error}");
                }
                accepted
            }
            Err(error) => {
                // No descriptor is free: it will not get better at once.
                warnings.failed(&format!("cannot accept a connection: {error}"));
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let peer = address.ip().into();
        let mut waited_until = None;
        loop {
            let not_before = lock(&places).not_before(peer);
            if not_before <= waited_until {
                break;
            }
            // The others wait in the kernel's queue.
            sleep_until(not_before.map(|not_before| begun + not_before)).await;
            // On a busy node, what another connection has sent in time is there, but has not been read.
            tokio::task::yield_now().await;
            waited_until = not_before;
        }
        let (handle, given_up) = oneshot::channel();
        let admission = lock(&places).admit(peer, handle, begun.elapsed());
        if !matches!(admission, Admission::Kept(_))
            && let Some(count) = crowd.failed(begun.elapsed())
        {
            tracing::warn!(
                "{what}: closed {count} silent or surplus connections, the last when {address} came"
            );
        }
        let (Admission::Kept(id) | Admission::Replaced(id, ..)) = admission else { continue };
        let served = serve(stream, address, Place { id, places: Arc::clone(&places) });
        tokio::spawn(async move {
            tokio::select! {
                result = served => {
                    if let Err(error) = result {
                        tracing::debug!("{what}: {address}: {error}");
                    }
                }
                _ = given_up => tracing::debug!("{what}: {address}: closed, as it was silent"),
            }
        });
    }
}

async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
