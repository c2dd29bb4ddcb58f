//! Why two sides cannot agree on who they are.

use crate::security::KerberosError;

/// A failed handshake, or a message that fails its check afterwards. Trying again does not help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SaslError {
    /// The server offers nothing we can do.
    #[error("the server accepts {offered}, but only {able} can be offered")]
    NoCommonMethod {
        /// What the server offers.
        offered: String,
        /// What we can do.
        able: String,
    },
    /// Client and server protect their streams differently.
    #[error(
        "the server offers the protection {offered}, but only {accepted} is accepted \
        (`hadoop.rpc.protection`)"
    )]
    NoCommonProtection {
        /// What the server offers.
        offered: String,
        /// What our configuration accepts.
        accepted: String,
    },
    /// The server speaks, but not this protocol.
    #[error("the server violated the SASL protocol: {0}")]
    Protocol(String),
    /// A challenge cannot be understood.
    #[error("the server's {mechanism} challenge is invalid: {reason}")]
    Challenge {
        /// The mechanism.
        mechanism: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The server does not know the secret it ought to share with us.
    #[error("the server failed to prove that it knows the token's password")]
    NotTheServer,
    /// A protected message was changed, replayed or lost on its way.
    #[error("a protected message failed verification: {0}")]
    Forged(&'static str),
    /// Kerberos does not let us in.
    #[error(transparent)]
    Kerberos(#[from] KerberosError),
}

impl SaslError {
    pub(crate) fn protocol(reason: impl Into<String>) -> Self {
        Self::Protocol(reason.into())
    }

    /// What to do about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Kerberos(error) => return error.hint(),
            Self::NoCommonProtection { .. } => {
                "set `hadoop.rpc.protection` in `core-site.xml` to what the cluster uses"
            }
            Self::NoCommonMethod { offered, .. } if offered.contains("KERBEROS") => {
                "set `hadoop.security.authentication` in `core-site.xml` to `kerberos`"
            }
            Self::NoCommonMethod { offered, .. } if offered.contains("SIMPLE") => {
                "the server has no security: check the address, or set `ipc.client.fallback-to-simple-auth-allowed` to `true`"
            }
            Self::NoCommonMethod { .. } => "configure the kind of login that the cluster requires",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
