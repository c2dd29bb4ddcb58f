//! What to do after a failed try: the table of `RMProxy.createRetryPolicy`, as a function.
//!
//! A standby ResourceManager does not even listen on its client ports, so "connection refused" is the usual sign of
//! the wrong one, and it costs no time: the other one is tried at once.

use super::connection::ConnectionError;
use super::{RemoteKind, RpcErrorKind, Safety};

/// How far a try got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// There was no usable connection yet.
    Connecting,
    /// There was one, but it was gone before the request was written.
    Unsent,
    /// The request may have reached the server.
    Sent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// Give up.
    Fail,
    /// Try the next server (the same one, if it is the only one).
    FailOver,
    /// Try the same server.
    Retry,
}

pub(super) fn decide(kind: &RpcErrorKind, stage: Stage, safety: Safety) -> Decision {
    match kind {
        RpcErrorKind::UnknownHost(_) | RpcErrorKind::Refused(_) | RpcErrorKind::Unreachable(_) => {
            Decision::FailOver
        }
        RpcErrorKind::Remote(remote) => match remote.kind() {
            RemoteKind::Standby => Decision::FailOver,
            RemoteKind::Retriable => Decision::Retry,
            _ if stage == Stage::Connecting && remote.is_refused_ticket() => Decision::Retry,
            _ => Decision::Fail,
        },
        RpcErrorKind::Connection(cause) => match (&**cause, stage) {
            // Bytes we do not understand will not be better next time.
            (ConnectionError::Frame(_) | ConnectionError::UnknownCall(_) | ConnectionError::Sasl(_), _) => {
                Decision::Fail
            }
            (_, Stage::Connecting) => Decision::FailOver,
            // Servers close idle connections; nothing is wrong with them.
            (_, Stage::Unsent) => Decision::Retry,
            (_, Stage::Sent) => repeat(safety),
        },
        RpcErrorKind::Timeout(_) if stage == Stage::Connecting => Decision::FailOver,
        RpcErrorKind::Timeout(_) => repeat(safety),
        RpcErrorKind::Authentication(_) | RpcErrorKind::Answer(_) | RpcErrorKind::NoEndpoint => {
            Decision::Fail
        }
    }
}

/// Whether a server could not make anything of a ticket. It may take two clients that begin in the same microsecond for a replay,
/// and says no more than this of anything.
pub(super) fn is_refused_ticket(kind: &RpcErrorKind) -> bool {
    matches!(kind, RpcErrorKind::Remote(remote) if remote.is_refused_ticket())
}

fn repeat(safety: Safety) -> Decision {
    if safety.may_repeat() { Decision::FailOver } else { Decision::Fail }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::rpc::Remote;
    use crate::rpc::frame::FrameError;

    fn remote(class: &str) -> RpcErrorKind {
        let class = class.to_owned();
        RpcErrorKind::Remote(Remote { class, message: String::new(), detail: String::new() })
    }

    #[test]
    fn failover_follows_the_table() {
        let refused = || RpcErrorKind::Refused(Arc::new(Error::from(ErrorKind::ConnectionRefused)));
        let closed = || RpcErrorKind::Connection(Arc::new(ConnectionError::Closed));
        let garbage = || RpcErrorKind::Connection(Arc::new(ConnectionError::Frame(FrameError::Http)));
        let timeout = || RpcErrorKind::Timeout(Duration::from_secs(1));
        let standby = || remote("org.apache.hadoop.ipc.StandbyException");
        let (any, safe, not) = (Safety::Unsafe, Safety::AtMostOnce, Safety::Unsafe);
        for (kind, stage, safety, decision) in [
            (refused(), Stage::Connecting, any, Decision::FailOver),
            (standby(), Stage::Sent, any, Decision::FailOver),
            (remote("org.apache.hadoop.ipc.RetriableException"), Stage::Sent, any, Decision::Retry),
            (remote("org.apache.hadoop.security.AccessControlException"), Stage::Sent, safe, Decision::Fail),
            (remote("java.lang.NullPointerException"), Stage::Sent, safe, Decision::Fail),
            (remote("javax.security.sasl.SaslException"), Stage::Connecting, safe, Decision::Fail),
            (closed(), Stage::Connecting, any, Decision::FailOver),
            (closed(), Stage::Unsent, any, Decision::Retry),
            (closed(), Stage::Sent, safe, Decision::FailOver),
            (closed(), Stage::Sent, not, Decision::Fail),
            (timeout(), Stage::Sent, Safety::Idempotent, Decision::FailOver),
            (timeout(), Stage::Sent, not, Decision::Fail),
            (garbage(), Stage::Sent, safe, Decision::Fail),
        ] {
            assert_eq!(decide(&kind, stage, safety), decision, "{kind} {stage:?} {safety:?}");
        }
        let refused = Remote {
            class: "javax.security.sasl.SaslException".to_owned(),
            message: "GSS initiate failed".to_owned(),
            detail: String::new(),
        };
        assert_eq!(decide(&RpcErrorKind::Remote(refused), Stage::Connecting, not), Decision::Retry);
    }
}
