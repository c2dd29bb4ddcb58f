//! SASL as Hadoop RPC carries it: a conversation of `RpcSaslProto` messages before the first call.
//!
//! `Handshake` is the conversation without the socket: it is fed the server's messages and says what to send.
//! A `Mechanism` is one way to prove an identity inside of it; `DigestMd5` proves the possession of a token, `Krb5` shows a
//! ticket.
//! A mechanism may end in a `SecurityLayer`, which signs or encrypts everything that follows; `Wrapper` cuts
//! the stream into messages for it. Users of the crate see the [`Protection`] they ask for, and [`SaslError`].
//!
//! The conversation is that of `SaslRpcClient`; see HADOOP-9421 for its design.

mod digest_md5;
mod error;
pub(crate) mod gssapi;
mod handshake;
mod krb5;
mod rc4;
mod wrap;

use std::fmt;

use bytes::Bytes;

pub(crate) use digest_md5::{DigestMd5, TOKEN};
pub use error::SaslError;
pub(crate) use handshake::{Handshake, Method, Outcome, Step};
pub(crate) use krb5::{Conversation, Krb5};
pub(crate) use wrap::{Unwrapper, Wrapper};

/// What is done to the stream once both sides know each other (`hadoop.rpc.protection`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Nothing (`authentication`, qop `auth`).
    Authentication,
    /// Messages are signed (`integrity`, qop `auth-int`).
    Integrity,
    /// Messages are signed and encrypted (`privacy`, qop `auth-conf`).
    Privacy,
}

impl Protection {
    /// From the word in `hadoop.rpc.protection`.
    pub fn from_hadoop(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "authentication" => Some(Self::Authentication),
            "integrity" => Some(Self::Integrity),
            "privacy" => Some(Self::Privacy),
            _ => None,
        }
    }

    /// The word SASL uses.
    pub fn qop(self) -> &'static str {
        match self {
            Self::Authentication => "auth",
            Self::Integrity => "auth-int",
            Self::Privacy => "auth-conf",
        }
    }
}

/// One way to prove an identity.
pub(crate) trait Mechanism: fmt::Debug + Send {
    /// Hadoop's name of the method, such as `TOKEN`.
    fn method(&self) -> &'static str;

    /// SASL's name of the mechanism, such as `DIGEST-MD5`.
    fn name(&self) -> &'static str;

    /// The first answer. `service` and `host` name the server as it advertised itself (protocol and server id);
    /// `challenge` is there when the server sent one along with its offer.
    ///
    /// # Errors
    /// [`SaslError`] where the challenge is malformed or the server is not the one expected.
    fn start(&mut self, service: &str, host: &str, challenge: Option<&[u8]>) -> Result<Bytes, SaslError>;

    /// Answers a later challenge, or takes the proof that comes with success; then there is nothing to answer.
    ///
    /// # Errors
    /// [`SaslError`] where the challenge is malformed or the server's own proof is wrong.
    fn evaluate(&mut self, challenge: &[u8]) -> Result<Option<Bytes>, SaslError>;

    /// Whether both sides have proved themselves.
    fn is_complete(&self) -> bool;

    /// The layer that was agreed on. Called once, when complete.
    fn layer(&mut self) -> Option<SecurityLayer>;
}

/// Protection of everything that follows the handshake, one half for each direction.
#[derive(Debug)]
pub(crate) struct SecurityLayer {
    /// For what we send.
    pub(crate) seal: Box<dyn Seal>,
    /// For what we receive.
    pub(crate) open: Box<dyn Open>,
}

/// Protects outgoing messages. Order matters: each call counts.
pub(crate) trait Seal: fmt::Debug + Send {
    /// The most bytes one message may hold.
    fn limit(&self) -> usize;

    /// Signs, or signs and encrypts.
    ///
    /// # Errors
    /// [`SaslError`] where the layer is of no more use.
    fn seal(&mut self, message: &[u8]) -> Result<Bytes, SaslError>;
}

/// Checks incoming messages. Order matters: each call counts.
pub(crate) trait Open: fmt::Debug + Send {
    /// Checks, and decrypts.
    ///
    /// # Errors
    /// [`SaslError::Forged`] if the message is not the server's next one, unchanged.
    fn open(&mut self, sealed: &[u8]) -> Result<Bytes, SaslError>;
}
