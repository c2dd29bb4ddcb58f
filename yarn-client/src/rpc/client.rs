//! Calls to a service, whichever of its servers is active.

mod connect;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::failover::{Decision, Stage, decide, is_refused_ticket};
use super::frame::ClientId;
use super::outage::{OnOutage, Outage};
use super::{
    Backoff, Call, CallError, Connection, ConnectionError, Options, Patience, RpcError, RpcErrorKind, Setup,
};
use crate::conf::Endpoint;
use crate::security::Auth;

/// Makes calls to one service, which may have several servers, one of which is active.
///
/// Calls may be made concurrently; they share one connection for each server and protocol. A call is repeated as the
/// kind of failure and [`Call::SAFETY`] allow, for as long as [`Options::patience`] lasts.
#[derive(Debug)]
pub struct Client {
    endpoints: Vec<Endpoint>,
    options: Options,
    patience: Mutex<(Patience, Backoff)>,
    outage: Outage,
    client_id: ClientId,
    auth: Mutex<Auth>,
    /// Index of the server that is believed to be active.
    active: AtomicUsize,
    /// Locked while connecting, so that many first calls make one connection.
    connections: tokio::sync::Mutex<HashMap<(usize, &'static str), Connection>>,
}

/// A server that refuses tickets is asked no more often (`Client.Connection.setupIOstreams`).
const MAX_LOGINS: u32 = 5;

/// A failed try.
struct Failure {
    kind: RpcErrorKind,
    stage: Stage,
}

impl Client {
    /// A client of the servers at `endpoints`, tried in this order. Nothing is connected yet.
    pub fn new(endpoints: Vec<Endpoint>, auth: Auth, options: Options) -> Self {
        let mut client_id = ClientId::default();
        options.entropy.fill(&mut client_id);
        Self {
            endpoints,
            client_id,
            patience: Mutex::new((options.patience, options.backoff)),
            outage: Outage::default(),
            options,
            auth: Mutex::new(auth),
            active: AtomicUsize::new(0),
            connections: tokio::sync::Mutex::default(),
        }
    }

    /// Uses `auth` for every connection made from now on. An open one is kept: identity is proved once, at its
    /// beginning.
    pub fn set_auth(&self, auth: Auth) {
        *self.auth.lock().unwrap_or_else(PoisonError::into_inner) = auth;
    }

    /// From now on calls keep trying for so long, every `interval` at the latest, and `on_outage` hears when that has become
    /// noticeable.
    pub fn wait_out(&self, patience: Patience, interval: Option<Duration>, on_outage: OnOutage) {
        let cap = interval.unwrap_or(self.options.backoff.cap);
        *self.patience.lock().unwrap_or_else(PoisonError::into_inner) =
            (patience, Backoff { cap, ..self.options.backoff });
        self.outage.tell(on_outage);
    }

    /// The servers.
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// Sends `request` and waits for the answer.
    ///
    /// # Errors
    /// [`RpcError`], after everything that is safe and worth a try has been tried. The caller need not try again.
    pub async fn call<C: Call>(&self, request: &C) -> Result<C::Response, RpcError> {
        let started = Instant::now();
        let (patience, backoff) = *self.patience.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tries = 0_u32;
        let mut delays = 0_u32;
        // In any try, for an earlier one may have been carried out.
        let mut sent = false;
        loop {
            let index = self.active.load(Ordering::Relaxed);
            let error = |kind, tries, sent| RpcError {
                method: C::METHOD,
                endpoint: self.endpoints.get(index).cloned(),
                kind,
                tries,
                elapsed: started.elapsed(),
                sent,
            };
            let left = patience.overall.saturating_sub(started.elapsed());
            let attempt = Box::pin(self.attempt(index, request, tries));
            tries += 1;
            let Failure { kind, stage } = match timeout(left, attempt).await {
                Ok(Ok(response)) => {
                    self.outage.over();
                    return Ok(response);
                }
                Ok(Err(failure)) => failure,
                // How far it got is not known, so the worst is assumed.
                Err(_) => {
                    return Err(error(RpcErrorKind::Timeout(patience.overall), tries, true));
                }
            };
            sent |= stage == Stage::Sent && !matches!(kind, RpcErrorKind::Remote(_));
            let decision = decide(&kind, stage, C::SAFETY);
            let hopeless = is_refused_ticket(&kind) && tries >= MAX_LOGINS;
            if decision == Decision::Fail || hopeless {
                return Err(error(kind, tries, sent));
            }
            tracing::debug!(method = C::METHOD, tries, ?decision, "call failed: {kind}");
            let delay = if self.is_free(decision, stage, tries) {
                Duration::ZERO
            } else {
                delays += 1;
                backoff.delay(delays - 1, &*self.options.entropy)
            };
            let limit = self.limit(patience, &kind);
            if started.elapsed() + delay > limit {
                return Err(error(kind, tries, sent));
            }
            self.outage.lasts(started.elapsed() + delay, limit, || error(kind.clone(), tries, sent));
            if decision == Decision::FailOver {
                // Another call may have moved on already; then its choice is taken.
                let next = (index + 1) % self.endpoints.len().max(1);
                let _ = self.active.compare_exchange(index, next, Ordering::Relaxed, Ordering::Relaxed);
            }
            sleep(delay).await;
        }
    }

    /// Whether the next try needs no backoff: each server once, and a stale connection once.
    fn is_free(&self, decision: Decision, stage: Stage, tries: u32) -> bool {
        match decision {
            Decision::FailOver => usize::try_from(tries).is_ok_and(|tries| tries < self.endpoints.len()),
            _ => stage == Stage::Unsent && tries == 1,
        }
    }

    fn limit(&self, patience: Patience, kind: &RpcErrorKind) -> Duration {
        if self.endpoints.len() <= 1 && kind.is_unreachable() {
            patience.refused.min(patience.overall)
        } else {
            patience.overall
        }
    }

    async fn attempt<C: Call>(&self, index: usize, request: &C, retry: u32) -> Result<C::Response, Failure> {
        let connecting = |kind| Failure { kind, stage: Stage::Connecting };
        let connection = self.connection(index, C::PROTOCOL).await.map_err(connecting)?;
        // Answered calls keep their number in the server's log: 0 for the first try.
        let call = connection.call(request, i32::try_from(retry).unwrap_or(i32::MAX));
        let result = match self.options.call_timeout {
            None => call.await,
            Some(limit) => timeout(limit, call)
                .await
                .map_err(|_| Failure { kind: RpcErrorKind::Timeout(limit), stage: Stage::Sent })?,
        };
        result.map_err(|error| match error {
            CallError::Remote(remote) => Failure { kind: RpcErrorKind::Remote(remote), stage: Stage::Sent },
            CallError::Answer(error) => Failure { kind: RpcErrorKind::Answer(error), stage: Stage::Sent },
            CallError::Lost { cause, written } => {
                let stage = if written { Stage::Sent } else { Stage::Unsent };
                Failure { kind: kind_of(cause), stage }
            }
        })
    }

    /// The open connection to a server, or a new one.
    async fn connection(&self, index: usize, protocol: &'static str) -> Result<Connection, RpcErrorKind> {
        let mut connections = self.connections.lock().await;
        if let Some(connection) =
            connections.get(&(index, protocol)).filter(|connection| connection.is_open())
        {
            return Ok(connection.clone());
        }
        let endpoint = self.endpoints.get(index).ok_or(RpcErrorKind::NoEndpoint)?;
        let auth = self.auth.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let limit = self.options.connect_timeout;
        let stream = connect::connect(endpoint, limit).await?;
        let peer = stream.peer_addr().ok().map(|address| address.ip());
        let setup = Setup { protocol, auth: &auth, client_id: self.client_id, peer, options: &self.options };
        let connection = match timeout(limit, Connection::establish(stream, setup)).await {
            Ok(established) => established.map_err(|error| kind_of(Arc::new(error)))?,
            Err(_) => return Err(RpcErrorKind::Timeout(limit)),
        };
        connections.insert((index, protocol), connection.clone());
        Ok(connection)
    }
}

/// What a broken connection means for a call: where the server gave a reason, the reason.
fn kind_of(cause: Arc<ConnectionError>) -> RpcErrorKind {
    match &*cause {
        ConnectionError::Fatal(remote) => RpcErrorKind::Remote(remote.clone()),
        ConnectionError::Sasl(error) => RpcErrorKind::Authentication(error.clone()),
        _ => RpcErrorKind::Connection(cause),
    }
}

#[cfg(test)]
mod tests;
