//! Why a call failed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use proto::hadoop::common::RpcResponseHeaderProto;

use super::connection::ConnectionError;
use super::frame::FrameError;
use crate::conf::Endpoint;
use crate::security::sasl::SaslError;

/// A failed call, after everything that is safe and worth a try has been tried.
///
/// `Display` names the method, the server and the first lines of what it said; [`detail`](Self::detail) has all.
#[derive(Debug)]
pub struct RpcError {
    pub(super) method: &'static str,
    pub(super) endpoint: Option<Endpoint>,
    pub(super) kind: RpcErrorKind,
    pub(super) tries: u32,
    pub(super) elapsed: Duration,
    /// A request may have reached the server without an answer.
    pub(super) sent: bool,
}

/// What an [`RpcError`] is about.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum RpcErrorKind {
    /// The server's name has no address.
    #[error("unknown host")]
    UnknownHost(#[source] Arc<std::io::Error>),
    /// Nothing listens there.
    #[error("connection refused")]
    Refused(#[source] Arc<std::io::Error>),
    /// No connection for another reason: no route, no answer in time.
    #[error("cannot connect")]
    Unreachable(#[source] Arc<std::io::Error>),
    /// The connection broke, or was never fit for use.
    #[error("{0}")]
    Connection(Arc<ConnectionError>),
    /// We and the server cannot agree on who we are.
    #[error("authentication failed")]
    Authentication(#[source] SaslError),
    /// No answer in time.
    #[error("no response within {}", crate::seconds(*.0))]
    Timeout(Duration),
    /// The server answered that the call failed.
    #[error("{0}")]
    Remote(Remote),
    /// The answer cannot be understood.
    #[error("cannot parse the response")]
    Answer(#[source] FrameError),
    /// There is no server to call.
    #[error("no server address configured")]
    NoEndpoint,
}

/// What the server says went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Java class of the exception, with `$` before a nested class.
    pub class: String,
    /// The message alone.
    pub message: String,
    /// Message and stack trace as sent.
    pub detail: String,
}

/// What a remote exception means to any client, whatever the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoteKind {
    /// This server is not the active one.
    Standby,
    /// The server asks to try again later.
    Retriable,
    /// The server does not know the method, the protocol or its version: it is older than we expect.
    Unsupported,
    /// The caller has no right to do this, or the server wants another login.
    AccessDenied,
    /// The token is unknown, expired or cancelled.
    InvalidToken,
    /// The login failed.
    Authentication,
    /// Anything else; the class tells.
    Other,
}

impl Remote {
    pub(super) fn from_header(header: RpcResponseHeaderProto) -> Self {
        let detail = header.error_msg.unwrap_or_default();
        Self {
            class: header.exception_class_name.unwrap_or_default(),
            message: first_lines(&detail).to_owned(),
            detail,
        }
    }

    /// Whether the server could not make anything of our ticket (`Server.Connection.processSaslMessage`). Why, only its log tells.
    pub(super) fn is_refused_ticket(&self) -> bool {
        self.kind() == RemoteKind::Authentication && self.message.contains("GSS initiate failed")
    }

    /// What it means.
    pub fn kind(&self) -> RemoteKind {
        // The ResourceManager wraps refusals of its own checks into exceptions of other classes.
        const DENIED: [&str; 2] =
            ["org.apache.hadoop.security.AccessControlException", "java.security.AccessControlException"];
        match self.class.strip_prefix("org.apache.hadoop.").unwrap_or(&self.class) {
            "ipc.StandbyException" => RemoteKind::Standby,
            "ipc.RetriableException" => RemoteKind::Retriable,
            "ipc.RpcNoSuchMethodException" | "ipc.RpcNoSuchProtocolException" | "ipc.RPC$VersionMismatch" => {
                RemoteKind::Unsupported
            }
            "security.AccessControlException" | "security.authorize.AuthorizationException" => {
                RemoteKind::AccessDenied
            }
            "security.token.SecretManager$InvalidToken" => RemoteKind::InvalidToken,
            "javax.security.sasl.SaslException" => RemoteKind::Authentication,
            _ if DENIED.iter().any(|class| self.message.starts_with(class)) => RemoteKind::AccessDenied,
            _ => RemoteKind::Other,
        }
    }
}

impl fmt::Display for Remote {
    /// Class without package, then the message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let class = self.class.rsplit(['.', '$']).next().unwrap_or_default();
        match (class, &*self.message) {
            ("", "") => f.write_str("the server did not give a reason"),
            ("", message) => f.write_str(message),
            (class, "") => f.write_str(class),
            (class, message) => write!(f, "{class}: {message}"),
        }
    }
}

impl std::error::Error for Remote {}

impl RpcError {
    /// The server of the last try.
    pub fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref()
    }

    /// The method called.
    pub fn method(&self) -> &'static str {
        self.method
    }

    /// What happened at the last try.
    pub fn kind(&self) -> &RpcErrorKind {
        &self.kind
    }

    /// How often the call was tried.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// How long all tries took.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// What the server said, if it answered.
    pub fn remote(&self) -> Option<&Remote> {
        match &self.kind {
            RpcErrorKind::Remote(remote) => Some(remote),
            _ => None,
        }
    }

    /// Java class of the server's exception.
    pub fn remote_class(&self) -> Option<&str> {
        self.remote().map(|remote| &*remote.class)
    }

    /// All the server said, Java stack trace included.
    pub fn detail(&self) -> Option<&str> {
        self.remote().map(|remote| &*remote.detail)
    }

    /// The server could not be connected to.
    pub fn is_unreachable(&self) -> bool {
        self.kind.is_unreachable()
    }

    /// The caller has no right to do this.
    pub fn is_access_denied(&self) -> bool {
        self.remote().is_some_and(|remote| remote.kind() == RemoteKind::AccessDenied)
    }

    /// The token was refused.
    pub fn is_invalid_token(&self) -> bool {
        self.remote().is_some_and(|remote| remote.kind() == RemoteKind::InvalidToken)
    }

    /// Whether the request may have reached the server without a response, so that it is unknown if it was executed.
    pub fn is_outcome_unknown(&self) -> bool {
        // A server that is not the active one says nothing of what became of an earlier try.
        let answered = self
            .remote()
            .is_some_and(|remote| !matches!(remote.kind(), RemoteKind::Standby | RemoteKind::Retriable));
        self.sent && !answered
    }

    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        let server = self.endpoint.as_ref().map_or_else(|| "the server".to_owned(), ToString::to_string);
        Some(match &self.kind {
            RpcErrorKind::UnknownHost(_) => format!("check the host name of {server} in the configuration"),
            RpcErrorKind::Refused(_) => {
                format!(
                    "nothing listens at {server}: check that the daemon is running and that the \
                     configured address is right"
                )
            }
            RpcErrorKind::Unreachable(_) => {
                format!("check the network and firewalls between this host and {server}")
            }
            RpcErrorKind::Timeout(_) => format!("{server} is overloaded or hangs; see its log"),
            RpcErrorKind::Authentication(error) => error.hint()?,
            RpcErrorKind::Connection(cause) => match &**cause {
                ConnectionError::Frame(FrameError::Http) => {
                    "configure the port of Hadoop RPC instead of that of the web pages".to_owned()
                }
                ConnectionError::Frame(FrameError::TooLong { .. }) => {
                    "raise `ipc.maximum.response.length`".to_owned()
                }
                ConnectionError::Closed => {
                    format!(
                        "see the log of {server} for why it closed the connection; the request may be too long for it"
                    )
                }
                _ => return None,
            },
            RpcErrorKind::Remote(remote) => match remote.kind() {
                RemoteKind::AccessDenied
                    if remote.message.contains("SIMPLE authentication is not enabled") =>
                {
                    "the cluster requires Kerberos or a token: set `hadoop.security.authentication` in `core-site.xml` to \
                     `kerberos`"
                        .to_owned()
                }
                RemoteKind::AccessDenied if remote.message.contains("is not allowed to impersonate") => {
                    "the cluster's administrators must allow it with `hadoop.proxyuser.<user>.hosts` and `.groups`; or act \
                     for yourself, without a proxy user"
                        .to_owned()
                }
                RemoteKind::Authentication if remote.is_refused_ticket() => format!(
                    "check this host's clock; the log of {server} tells why it did not accept the ticket"
                ),
                RemoteKind::AccessDenied => "ask the cluster's administrators for the permission".to_owned(),
                RemoteKind::InvalidToken => {
                    "get a new token; this one has expired or was cancelled".to_owned()
                }
                RemoteKind::Unsupported => {
                    format!("{server} runs an older release, or is another service")
                }
                RemoteKind::Standby => "wait until one of the servers is active".to_owned(),
                _ => return None,
            },
            RpcErrorKind::Answer(_) => return None,
            RpcErrorKind::NoEndpoint => "set the address in the configuration".to_owned(),
        })
    }
}

impl RpcErrorKind {
    pub(super) fn is_unreachable(&self) -> bool {
        matches!(self, Self::UnknownHost(_) | Self::Refused(_) | Self::Unreachable(_))
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method)?;
        if let Some(endpoint) = &self.endpoint {
            write!(f, " at {endpoint}")?;
        }
        write!(f, ": {}", self.kind)?;
        if self.tries > 1 {
            write!(f, " ({} tries in {:.1} s)", self.tries, self.elapsed.as_secs_f32())?;
        }
        Ok(())
    }
}

impl std::error::Error for RpcError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The kind's own text is part of ours, so the chain goes on below it.
        match &self.kind {
            RpcErrorKind::Connection(cause) => cause.source_error(),
            kind => std::error::Error::source(kind),
        }
    }
}

/// The message before the Java stack trace that follows it.
pub fn first_lines(text: &str) -> &str {
    text.split("\n\tat ").next().unwrap_or(text).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(class: &str, detail: &str) -> Remote {
        Remote::from_header(RpcResponseHeaderProto {
            exception_class_name: Some(class.to_owned()),
            error_msg: Some(detail.to_owned()),
            error_detail: Some(1),
            ..RpcResponseHeaderProto::default()
        })
    }

    #[test]
    fn shows_the_message_and_keeps_the_trace() {
        let remote = remote(
            "org.apache.hadoop.yarn.exceptions.ApplicationNotFoundException",
            "Application with id 'x' doesn't exist in RM.\nPlease check.\n\tat a.B.c(B.java:1)\n\tat d.E.f(E.java:2)",
        );
        assert_eq!(remote.message, "Application with id 'x' doesn't exist in RM.\nPlease check.");
        assert!(remote.detail.ends_with("E.java:2)"));
        let endpoint = Endpoint { id: None, host: "rm".to_owned(), port: 8032 };
        let error = RpcError {
            method: "getApplicationReport",
            endpoint: Some(endpoint),
            kind: RpcErrorKind::Remote(remote),
            tries: 2,
            elapsed: Duration::from_millis(1500),
            sent: true,
        };
        assert_eq!(
            error.to_string(),
            "getApplicationReport at rm:8032: ApplicationNotFoundException: Application with id 'x' doesn't exist in \
             RM.\nPlease check. (2 tries in 1.5 s)"
        );
    }

    #[test]
    fn exception_classes_are_distinguished_by_their_full_names() {
        for (class, message, kind) in [
            ("org.apache.hadoop.ipc.StandbyException", "", RemoteKind::Standby),
            ("org.apache.hadoop.ipc.RPC$VersionMismatch", "", RemoteKind::Unsupported),
            ("org.apache.hadoop.security.token.SecretManager$InvalidToken", "", RemoteKind::InvalidToken),
            ("javax.security.sasl.SaslException", "", RemoteKind::Authentication),
            ("example.StandbyException", "", RemoteKind::Other),
            (
                "org.apache.hadoop.yarn.exceptions.YarnException",
                "org.apache.hadoop.security.AccessControlException: User x cannot",
                RemoteKind::AccessDenied,
            ),
            (
                "org.apache.hadoop.yarn.exceptions.YarnException",
                "java.security.AccessControlException: User x cannot perform operation MODIFY_APP on y",
                RemoteKind::AccessDenied,
            ),
        ] {
            assert_eq!(remote(class, message).kind(), kind, "{class}");
        }
    }
}
