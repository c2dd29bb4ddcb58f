//! Why a request to a web service failed.

use std::time::Duration;

use hyper::StatusCode;

use crate::security::KerberosError;

/// A failed request to a web service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WebError {
    /// Neither `http://host:port` nor `https://host:port`.
    #[error("`{address}` is not an HTTP address")]
    Address {
        /// As the ResourceManager gave it.
        address: String,
    },
    /// No response in time.
    #[error("YARN's web service at {address} did not answer within {}", crate::seconds(*after))]
    TimedOut {
        /// host:port.
        address: String,
        /// How long we waited.
        after: Duration,
    },
    /// The connection could not be made, or was lost.
    #[error("cannot ask YARN's web service at {address}: {source}")]
    Transport {
        /// host:port.
        address: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Its certificate is not trusted, or the truststore cannot be read.
    #[error("the certificate of YARN's web service at {address} is not trusted, by {trust}")]
    Untrusted {
        /// host:port.
        address: String,
        /// Where the trusted certificates come from.
        trust: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It asks for Kerberos, which does not let us in; or it did not prove that it is the server that it should be.
    #[error("YARN's web service at {address} asks for Kerberos: {source}")]
    Kerberos {
        /// host:port.
        address: String,
        /// Why.
        #[source]
        source: KerberosError,
    },
    /// The container is unknown, or the caller has no permission.
    #[error("YARN's web service at {address} answered {status}")]
    Status {
        /// host:port.
        address: String,
        /// HTTP status.
        status: StatusCode,
    },
}

impl WebError {
    /// Whether the server is unreachable, so that further requests would fail as well.
    pub fn is_silence(&self) -> bool {
        matches!(
            self,
            Self::TimedOut { .. } | Self::Transport { .. } | Self::Untrusted { .. } | Self::Kerberos { .. }
        )
    }

    /// What to do next, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Untrusted { .. } => Some(
                "set `ssl.client.truststore.location` in `ssl-client.xml`, next to `core-site.xml`, to a \
                 truststore (JKS or PEM) with the certificate or its authority's"
                    .to_owned(),
            ),
            Self::Kerberos { source, .. } => source.hint(),
            _ => None,
        }
    }
}

pub(in crate::yarn) fn transport(
    authority: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> WebError {
    WebError::Transport { address: authority.to_owned(), source: source.into() }
}

pub(in crate::yarn) fn late(authority: &str, after: Duration) -> WebError {
    WebError::TimedOut { address: authority.to_owned(), after }
}
