//! The conversation, without the socket.

use bytes::Bytes;
use proto::hadoop::common::RpcSaslProto;
use proto::hadoop::common::rpc_sasl_proto::{SaslAuth, SaslState};

use super::{Mechanism, SaslError, SecurityLayer};

/// Hadoop's name of "no proof at all" (`SaslRpcServer.AuthMethod.SIMPLE`).
const SIMPLE: &str = "SIMPLE";

/// How the handshake ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// How we proved ourselves.
    pub(crate) method: Method,
    /// What protects the stream from here on.
    pub(crate) layer: Option<SecurityLayer>,
}

/// How we proved ourselves; the connection context that follows depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// Not at all: the server believes the name in the connection context.
    Simple,
    /// With a mechanism; this is Hadoop's name of the method, such as `TOKEN`.
    Proved(&'static str),
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Send this and wait for the server's answer.
    Send(RpcSaslProto),
    /// Send this, which the server does not answer; the handshake is over.
    SendAndFinish(RpcSaslProto, Outcome),
    /// The handshake is over.
    Finish(Outcome),
}

/// One handshake, from NEGOTIATE to SUCCESS.
#[derive(Debug)]
pub(crate) struct Handshake {
    mechanisms: Vec<Box<dyn Mechanism>>,
    simple: bool,
    state: State,
}

#[derive(Debug)]
enum State {
    /// NEGOTIATE is sent; the server has not answered.
    Negotiating,
    /// The mechanism of this index is talking.
    Talking(usize),
    Over,
}

impl Handshake {
    /// A handshake that may use one of `mechanisms`, and `simple` if nothing has to be proved.
    pub(crate) fn new(mechanisms: Vec<Box<dyn Mechanism>>, simple: bool) -> Self {
        Self { mechanisms, simple, state: State::Negotiating }
    }

    /// The first message.
    pub(crate) fn first(&self) -> RpcSaslProto {
        message(SaslState::Negotiate, None)
    }

    /// Takes the server's next message.
    ///
    /// # Errors
    /// [`SaslError`]; the handshake is over then.
    pub(crate) fn receive(&mut self, received: RpcSaslProto) -> Result<Step, SaslError> {
        let state = SaslState::try_from(received.state)
            .map_err(|_| SaslError::protocol(format!("state {} is not known", received.state)))?;
        match (std::mem::replace(&mut self.state, State::Over), state) {
            (State::Negotiating, SaslState::Negotiate) => self.choose(received.auths),
            (State::Negotiating, SaslState::Success) => self.server_wants_no_proof(),
            (State::Talking(chosen), SaslState::Challenge) => self.answer(chosen, received.token),
            (State::Talking(chosen), SaslState::Success) => self.conclude(chosen, received.token),
            (before, state) => Err(SaslError::protocol(format!("{} while {before}", state.as_str_name()))),
        }
    }

    /// Takes the first of the server's offers that we can do; the server puts the one it likes best first.
    fn choose(&mut self, offers: Vec<SaslAuth>) -> Result<Step, SaslError> {
        for mut offer in offers.iter().cloned() {
            if offer.method == SIMPLE && self.simple {
                offer.challenge = None;
                let outcome = Outcome { method: Method::Simple, layer: None };
                return Ok(Step::SendAndFinish(initiate(offer, None), outcome));
            }
            // Both names must fit (`SaslRpcClient.selectSaslClient`).
            let fits = |m: &dyn Mechanism| m.method() == offer.method && m.name() == offer.mechanism;
            let Some(chosen) = self.mechanisms.iter().position(|m| fits(&**m)) else { continue };
            let Some(mechanism) = self.mechanisms.get_mut(chosen) else { continue };
            let challenge = offer.challenge.take();
            let token = mechanism.start(offer.protocol(), offer.server_id(), challenge.as_deref())?;
            self.state = State::Talking(chosen);
            return Ok(Step::Send(initiate(offer, Some(token))));
        }
        let mut able: Vec<&str> = self.mechanisms.iter().map(|m| m.method()).collect();
        able.extend(self.simple.then_some(SIMPLE));
        let offered: Vec<&str> = offers.iter().map(|offer| &*offer.method).collect();
        Err(SaslError::NoCommonMethod { offered: list(&offered), able: list(&able) })
    }

    /// A server without any security answers SUCCESS at once.
    fn server_wants_no_proof(&mut self) -> Result<Step, SaslError> {
        if self.simple {
            return Ok(Step::Finish(Outcome { method: Method::Simple, layer: None }));
        }
        // Going on would trust a server that has proved nothing, with a stream we may have wanted encrypted.
        let able: Vec<&str> = self.mechanisms.iter().map(|m| m.method()).collect();
        Err(SaslError::NoCommonMethod { offered: SIMPLE.to_owned(), able: list(&able) })
    }

    fn answer(&mut self, chosen: usize, token: Option<Bytes>) -> Result<Step, SaslError> {
        let challenge = token.ok_or_else(|| SaslError::protocol("a challenge without content"))?;
        let answer = self.mechanism(chosen)?.evaluate(&challenge)?;
        self.state = State::Talking(chosen);
        // Kerberos answers its last but one challenge with nothing: an empty token, not an absent one.
        Ok(Step::Send(message(SaslState::Response, Some(answer.unwrap_or_default()))))
    }

    fn conclude(&mut self, chosen: usize, token: Option<Bytes>) -> Result<Step, SaslError> {
        let mechanism = self.mechanism(chosen)?;
        if let Some(proof) = token
            && mechanism.evaluate(&proof)?.is_some()
        {
            return Err(SaslError::protocol("success, while there is something left to answer"));
        }
        if !mechanism.is_complete() {
            return Err(SaslError::protocol("success before the server has proved itself"));
        }
        let method = Method::Proved(mechanism.method());
        Ok(Step::Finish(Outcome { method, layer: mechanism.layer() }))
    }

    fn mechanism(&mut self, chosen: usize) -> Result<&mut Box<dyn Mechanism>, SaslError> {
        self.mechanisms.get_mut(chosen).ok_or_else(|| SaslError::protocol("no mechanism was chosen"))
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Negotiating => "an offer was expected",
            Self::Talking(_) => "a challenge was expected",
            Self::Over => "nothing was expected",
        })
    }
}

fn message(state: SaslState, token: Option<Bytes>) -> RpcSaslProto {
    RpcSaslProto { version: None, state: state.into(), token, auths: Vec::new() }
}

/// Echoes the chosen offer. The server compares it with its own, field by field and presence by presence: an empty
/// `protocol` must stay there as an empty string, and the challenge must be gone.
fn initiate(offer: SaslAuth, token: Option<Bytes>) -> RpcSaslProto {
    RpcSaslProto { auths: vec![offer], ..message(SaslState::Initiate, token) }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests;
