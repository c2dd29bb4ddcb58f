//! DIGEST-MD5 (RFC 2831) as Hadoop uses it: a token's identifier is the user name, its password the password.

mod challenge;
mod layer;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use md5::{Digest, Md5};

use super::{Mechanism, Protection, SaslError, SecurityLayer};
use crate::hex;
use crate::security::{Entropy, Secret, Token};
use challenge::Challenge;
use layer::Cipher;

pub(super) const NAME: &str = "DIGEST-MD5";
/// Hadoop's name of the method.
pub(crate) const TOKEN: &str = "TOKEN";
/// Only one handshake is made with a nonce, so it always counts 1.
const NONCE_COUNT: &str = "00000001";
/// The longest protected message we say we take, and the one assumed of the server (RFC 2831 `maxbuf`).
const MAX_BUFFER: u32 = 65536;
/// Stands for the hash of a message body that Hadoop does not have (RFC 2831 §2.1.2.1).
const NO_BODY_HASH: &str = ":00000000000000000000000000000000";

/// Proves the possession of a token's password without sending it, and checks that the server knows it too.
pub(crate) struct DigestMd5 {
    username: String,
    password: Secret,
    protections: Vec<Protection>,
    cnonce: String,
    state: State,
}

enum State {
    Fresh,
    /// Our response is sent; this is the server's proof to come.
    Responded(Session),
    Complete(Option<SecurityLayer>),
}

/// What follows from a challenge.
struct Session {
    /// MD5(A1) of RFC 2831, from which every key is made.
    key: [u8; 16],
    expected_proof: String,
    protection: Protection,
    cipher: Option<Cipher>,
    peer_buffer: u32,
}

impl fmt::Debug for DigestMd5 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Fresh => "fresh",
            State::Responded(_) => "responded",
            State::Complete(_) => "complete",
        };
        f.debug_struct("DigestMd5").field("state", &state).finish_non_exhaustive()
    }
}

impl DigestMd5 {
    /// A login with `token`, taking the first of `protections` that the server offers.
    pub(crate) fn new(token: &Token, protections: &[Protection], entropy: &dyn Entropy) -> Self {
        let mut random = [0; 30];
        entropy.fill(&mut random);
        Self::with_cnonce(token, protections, STANDARD.encode(random))
    }

    pub(crate) fn with_cnonce(token: &Token, protections: &[Protection], cnonce: String) -> Self {
        Self {
            username: STANDARD.encode(&token.identifier),
            password: Secret::new(STANDARD.encode(token.password.expose())),
            protections: protections.to_vec(),
            cnonce,
            state: State::Fresh,
        }
    }

    /// What a server that knows the password answers to our response; for a server in tests.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn expected_proof(&self) -> Option<&str> {
        match &self.state {
            State::Responded(session) => Some(&session.expected_proof),
            _ => None,
        }
    }

    fn respond(&mut self, service: &str, host: &str, challenge: &[u8]) -> Result<Bytes, SaslError> {
        let challenge = Challenge::parse(challenge)?;
        let protection = self.choose(&challenge)?;
        let cipher = match protection {
            Protection::Privacy => Some(Cipher::choose(&challenge.ciphers)?),
            _ => None,
        };
        let (realm, nonce) = (&challenge.realm, &challenge.nonce);
        let uri = format!("{service}/{host}");
        let key = self.key(realm, nonce);
        let proof = |prefix: &str| {
            let body = if protection == Protection::Authentication { "" } else { NO_BODY_HASH };
            let a2 = hex(&md5([prefix, ":", &uri, body]));
            let (ha1, qop) = (hex(&key), protection.qop());
            hex(&md5([&ha1, ":", nonce, ":", NONCE_COUNT, ":", &self.cnonce, ":", qop, ":", &a2]))
        };
        // Order and quoting as the JDK's client writes them; servers are known to be picky about the quotes.
        let mut response = format!(
            "charset=utf-8,username=\"{}\",realm=\"{}\",nonce=\"{}\",nc={NONCE_COUNT},cnonce=\"{}\",\
             digest-uri=\"{uri}\",maxbuf={MAX_BUFFER},response={},qop={}",
            self.username,
            quoted(realm),
            quoted(nonce),
            self.cnonce,
            proof("AUTHENTICATE"),
            protection.qop(),
        );
        if let Some(cipher) = cipher {
            response.push_str(&format!(",cipher=\"{}\"", cipher.name()));
        }
        self.state = State::Responded(Session {
            key,
            expected_proof: proof(""),
            protection,
            cipher,
            peer_buffer: challenge.max_buffer,
        });
        Ok(response.into())
    }

    fn choose(&self, challenge: &Challenge) -> Result<Protection, SaslError> {
        let offered = |protection: &&Protection| challenge.qops.iter().any(|qop| qop == protection.qop());
        self.protections.iter().find(offered).copied().ok_or_else(|| SaslError::NoCommonProtection {
            offered: challenge.qops.join(", "),
            accepted: self.protections.iter().map(|p| p.qop()).collect::<Vec<_>>().join(", "),
        })
    }

    /// MD5(A1), where A1 = MD5(user:realm:password):nonce:cnonce.
    fn key(&self, realm: &str, nonce: &str) -> [u8; 16] {
        let login = Md5::new()
            .chain_update(&self.username)
            .chain_update(":")
            .chain_update(realm)
            .chain_update(":")
            .chain_update(self.password.expose())
            .finalize();
        Md5::new()
            .chain_update(login)
            .chain_update(":")
            .chain_update(nonce)
            .chain_update(":")
            .chain_update(&self.cnonce)
            .finalize()
            .into()
    }
}

impl Mechanism for DigestMd5 {
    fn method(&self) -> &'static str {
        TOKEN
    }

    fn name(&self) -> &'static str {
        NAME
    }

    fn start(&mut self, service: &str, host: &str, challenge: Option<&[u8]>) -> Result<Bytes, SaslError> {
        let challenge = challenge.ok_or_else(|| challenge::unusable("none came with the server's offer"))?;
        self.respond(service, host, challenge)
    }

    fn evaluate(&mut self, proof: &[u8]) -> Result<Option<Bytes>, SaslError> {
        let State::Responded(session) = &self.state else {
            return Err(SaslError::protocol("a second challenge"));
        };
        let given = challenge::server_proof(proof)?;
        if given != session.expected_proof {
            return Err(SaslError::NotTheServer);
        }
        let cipher = session.cipher.map(Cipher::name);
        tracing::debug!(protection = ?session.protection, cipher, "a token was accepted");
        let layer = layer::new(session.protection, session.cipher, &session.key, session.peer_buffer)?;
        self.state = State::Complete(layer);
        Ok(None)
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

fn md5<const N: usize>(parts: [&str; N]) -> [u8; 16] {
    parts.iter().fold(Md5::new(), |hash, part| hash.chain_update(part)).finalize().into()
}

/// Escapes for a quoted string.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests;
