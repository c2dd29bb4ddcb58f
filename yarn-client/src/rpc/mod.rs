//! Hadoop RPC, version 9: calls over one connection per server and protocol. Knows nothing of YARN.
//!
//! A [`Call`] is a request message that knows its protocol, its method and its response type. [`Client`] makes calls:
//! it keeps a [`Connection`] open to the server that answered last, fails over between the members of a
//! high-availability pair and repeats what is safe to repeat. Below it, [`frame`] is the codec (pure functions over
//! bytes) and [`Connection`] drives one socket with any number of calls in flight.
//!
//! Whoever wants to speak a protocol of Hadoop's that this crate has no client for writes its messages with `prost`, implements
//! [`Call`] for the requests and hands them to [`Client::call`].
//!
//! # Caveats
//! - A call may reach the server twice; [`Call::SAFETY`] says what that does. A call that is [`Safety::Unsafe`] is never repeated
//!   once it may have been received: [`RpcError::is_outcome_unknown`] then.
//! - Nothing is connected by [`Client::new`], and an unused connection is closed after [`Options::max_idle`]: the first call after
//!   a pause pays for a new one.
//! - A call gives up after [`Patience::overall`], however many tries that took. A future that is dropped earlier leaves the
//!   request on its way.
//! - Between the members of a pair the first to answer wins. A server that answers that it is a standby costs a pause
//!   ([`Backoff`]) only when all of them do.
//!
//! # Errors
//! [`RpcError`] names method and server, and keeps what the server said, its Java stack trace included
//! ([`RpcError::detail`]). [`RpcErrorKind`] tells a network that is down from a server that refuses, and [`RemoteKind`] what a
//! server's exception means whatever the protocol.
//!
//! The protocol is that of `org.apache.hadoop.ipc.Client` and `ProtobufRpcEngine2`.

mod client;
mod connection;
mod error;
mod failover;
pub mod frame;
#[cfg(test)]
mod golden;
mod options;
mod outage;
mod retry;
#[cfg(test)]
pub(crate) mod testing;

pub use client::Client;
pub use connection::{CallError, Connection, ConnectionError, Setup};
pub use error::{Remote, RemoteKind, RpcError, RpcErrorKind, first_lines};
pub use options::{Options, Patience};
pub use outage::{OnOutage, Told};
pub use retry::Backoff;

/// A request that can be sent: which method of which protocol it is, and what answers it.
pub trait Call: prost::Message {
    /// The answer.
    type Response: prost::Message + Default;
    /// The Java interface whose name the server knows the protocol by.
    const PROTOCOL: &'static str;
    /// The method's name as the `.proto` file of the service spells it.
    const METHOD: &'static str;
    /// Whether the call may be repeated when its answer is lost.
    const SAFETY: Safety;
}

/// Makes messages the requests of calls: `PROTOCOL."method": Request => Response, Idempotent;`.
macro_rules! calls {
    ($($protocol:ident . $method:literal: $request:ident => $response:ident, $safety:ident;)*) => {
        $(impl $crate::rpc::Call for $request {
            type Response = $response;
            const PROTOCOL: &'static str = $protocol;
            const METHOD: &'static str = $method;
            const SAFETY: $crate::rpc::Safety = $crate::rpc::Safety::$safety;
        })*
    };
}
pub(crate) use calls;

/// What happens if a call reaches the server twice (the annotations of `org.apache.hadoop.io.retry`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safety {
    /// The second changes nothing.
    Idempotent,
    /// The server recognises the second and answers it like the first.
    AtMostOnce,
    /// Unknown, so a lost response is an error.
    Unsafe,
}

impl Safety {
    /// Whether a call may be repeated after its request may have reached the server.
    pub fn may_repeat(self) -> bool {
        self != Self::Unsafe
    }
}
