//! KERBEROS: the mechanism GSSAPI of SASL (RFC 4752), without the library.
//!
//! A conversation proves both sides; then the server says in four protected bytes which protections it offers, and the client
//! answers with the one it takes.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{Mechanism, Open, Protection, SaslError, Seal, SecurityLayer};
use crate::security::KerberosError;
use crate::security::kerberos::Status;

const NAME: &str = "GSSAPI";
/// The longest protected message we say we take, bytes; that of the JDK's client.
const MAX_BUFFER: u32 = 65536;

/// What the mechanism needs of a GSSAPI context; see [`Context`](super::gssapi::Context).
pub(crate) trait Conversation: fmt::Debug + Send {
    /// Takes the peer's token, empty at first; makes ours, which may be empty, and says whether this side is done. Blocks.
    ///
    /// # Errors
    /// [`Status`], here and below.
    fn step(&mut self, token: &[u8]) -> Result<(Bytes, bool), Status>;
    /// Signs, and encrypts if asked to; fails if the context cannot.
    fn wrap(&mut self, message: &[u8], encrypt: bool) -> Result<Bytes, Status>;
    /// Checks that it is the peer's next message, and says whether it was encrypted.
    fn unwrap(&mut self, sealed: &[u8]) -> Result<(Bytes, bool), Status>;
    /// The longest message that is not longer than `largest` once it is wrapped, bytes.
    fn wrap_limit(&mut self, largest: u32, encrypt: bool) -> Result<u32, Status>;
}

/// A conversation with a server, and its principal.
pub(crate) type Begun = (Box<dyn Conversation>, String);
/// Checks a server that calls itself by these two, and begins to talk to it.
pub(crate) type Begin = Box<dyn FnOnce(&str, &str) -> Result<Begun, KerberosError> + Send>;

/// Proves who we are with a ticket for the server, which only the real one can read. Its calls block while the KDC is asked.
pub(crate) struct Krb5 {
    /// Our own principal.
    principal: String,
    /// The server's, once it is known.
    server: String,
    protections: Vec<Protection>,
    state: State,
}

enum State {
    Fresh(Begin),
    /// Tokens go back and forth.
    Proving(Box<dyn Conversation>),
    /// The server's offer of protections is to come.
    Choosing(Box<dyn Conversation>),
    Complete(Option<SecurityLayer>),
    Failed,
}

impl fmt::Debug for Krb5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Fresh(_) => "fresh",
            State::Proving(_) => "proving",
            State::Choosing(_) => "choosing",
            State::Complete(_) => "complete",
            State::Failed => "failed",
        };
        f.debug_struct("Krb5")
            .field("principal", &self.principal)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

impl Krb5 {
    /// A login of `principal`, taking the first of `protections` that the server offers.
    pub(crate) fn new(principal: &str, protections: &[Protection], begin: Begin) -> Self {
        Self {
            principal: principal.to_owned(),
            server: String::new(),
            protections: protections.to_vec(),
            state: State::Fresh(begin),
        }
    }

    fn failed(&self, status: Status) -> SaslError {
        KerberosError::of(status, &self.principal, Some(&self.server)).into()
    }

    /// One step of the proof.
    fn prove(&mut self, mut conversation: Box<dyn Conversation>, token: &[u8]) -> Result<Bytes, SaslError> {
        let (answer, done) = conversation.step(token).map_err(|status| self.failed(status))?;
        if answer.is_empty() && !done {
            return Err(SaslError::protocol("the proof stops half way"));
        }
        self.state = if done { State::Choosing(conversation) } else { State::Proving(conversation) };
        Ok(answer)
    }

    /// Takes the server's offer: a set of protections, and the longest message it takes.
    fn choose(&mut self, mut conversation: Box<dyn Conversation>, offer: &[u8]) -> Result<Bytes, SaslError> {
        let (offer, _) = conversation.unwrap(offer).map_err(|status| self.failed(status))?;
        let &[offered, high, middle, low] = &offer[..] else {
            let reason = format!("an offer of protections has 4 bytes, not {}", offer.len());
            return Err(SaslError::Challenge { mechanism: NAME, reason });
        };
        let chosen = self.protections.iter().find(|protection| offered & bit(**protection) != 0);
        let protection = *chosen.ok_or_else(|| SaslError::NoCommonProtection {
            offered: qops(ALL.iter().filter(|protection| offered & bit(**protection) != 0)),
            accepted: qops(self.protections.iter()),
        })?;
        let encrypt = protection == Protection::Privacy;
        let layer = protection != Protection::Authentication;
        let (limit, own) = if layer {
            let theirs = u32::from_be_bytes([0, high, middle, low]);
            let limit = conversation.wrap_limit(theirs, encrypt).map_err(|status| self.failed(status))?;
            (limit as usize, MAX_BUFFER)
        } else {
            // Without a layer both say zero.
            (0, 0)
        };
        if layer && limit == 0 {
            let reason = "its longest message leaves no room for any".to_owned();
            return Err(SaslError::Challenge { mechanism: NAME, reason });
        }
        let [_, high, middle, low] = own.to_be_bytes();
        // Whom we act for is not said here but in the connection context.
        let answer = conversation.wrap(&[bit(protection), high, middle, low], false);
        let answer = answer.map_err(|status| self.failed(status))?;
        self.state = State::Complete(layer.then(|| {
            let shared: Shared = Arc::new(Mutex::new(conversation));
            let seal = Sealer { shared: Arc::clone(&shared), encrypt, limit };
            SecurityLayer { seal: Box::new(seal), open: Box::new(Opener { shared, encrypt }) }
        }));
        Ok(answer)
    }
}

impl Mechanism for Krb5 {
    fn method(&self) -> &'static str {
        "KERBEROS"
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn start(&mut self, service: &str, host: &str, _: Option<&[u8]>) -> Result<Bytes, SaslError> {
        let State::Fresh(begin) = std::mem::replace(&mut self.state, State::Failed) else {
            return Err(SaslError::protocol("a second offer"));
        };
        let (conversation, server) = begin(service, host)?;
        self.server = server;
        self.prove(conversation, &[])
    }

    fn evaluate(&mut self, challenge: &[u8]) -> Result<Option<Bytes>, SaslError> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Proving(conversation) => self.prove(conversation, challenge).map(Some),
            State::Choosing(conversation) => self.choose(conversation, challenge).map(Some),
            // What comes with success is empty.
            State::Complete(layer) if challenge.is_empty() => {
                self.state = State::Complete(layer);
                Ok(None)
            }
            State::Fresh(_) | State::Complete(_) | State::Failed => {
                Err(SaslError::protocol("a challenge where none was expected"))
            }
        }
    }

    fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete(_))
    }

    fn layer(&mut self) -> Option<SecurityLayer> {
        match &mut self.state {
            State::Complete(layer) => layer.take(),
            _ => None,
        }
    }
}

const ALL: [Protection; 3] = [Protection::Authentication, Protection::Integrity, Protection::Privacy];

/// RFC 4752, 3.3.
fn bit(protection: Protection) -> u8 {
    match protection {
        Protection::Authentication => 1,
        Protection::Integrity => 2,
        Protection::Privacy => 4,
    }
}

fn qops<'a>(protections: impl Iterator<Item = &'a Protection>) -> String {
    let names: Vec<_> = protections.map(|protection| protection.qop()).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// Both directions of a connection use one context, from different tasks.
type Shared = Arc<Mutex<Box<dyn Conversation>>>;

fn lock(shared: &Shared) -> MutexGuard<'_, Box<dyn Conversation>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct Sealer {
    shared: Shared,
    encrypt: bool,
    limit: usize,
}

#[derive(Debug)]
struct Opener {
    shared: Shared,
    encrypt: bool,
}

impl Seal for Sealer {
    fn limit(&self) -> usize {
        self.limit
    }

    fn seal(&mut self, message: &[u8]) -> Result<Bytes, SaslError> {
        let sealed = lock(&self.shared).wrap(message, self.encrypt);
        sealed.map_err(|status| KerberosError::of(status, "this client", None).into())
    }
}

impl Open for Opener {
    fn open(&mut self, sealed: &[u8]) -> Result<Bytes, SaslError> {
        let (message, encrypted) = lock(&self.shared).unwrap(sealed).map_err(|status| {
            tracing::debug!(?status, "a protected message failed its check");
            SaslError::Forged("Kerberos rejects it")
        })?;
        if self.encrypt && !encrypted {
            return Err(SaslError::Forged("it is not encrypted"));
        }
        Ok(message)
    }
}

#[cfg(test)]
mod tests;
