//! How a web server is shown a ticket: `Negotiate` (RFC 4559).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{KerberosError, Login};
use crate::security::sasl::Conversation;
use crate::security::sasl::gssapi::Context;

/// The name of the scheme in `WWW-Authenticate` and `Authorization`.
const NEGOTIATE: &str = "Negotiate";

/// A conversation with one web server: our token, and its own, if it sends one.
pub(crate) struct Negotiation {
    conversation: Box<dyn Conversation>,
    principal: String,
    server: String,
}

impl fmt::Debug for Negotiation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Negotiation").field("server", &self.server).finish_non_exhaustive()
    }
}

impl Negotiation {
    /// With the web server on `host`, whose principal is `HTTP/host`. Blocks: the KDC is asked.
    ///
    /// # Errors
    /// [`KerberosError`].
    pub(crate) fn with(login: &Login, host: &str) -> Result<Self, KerberosError> {
        let host = host.to_ascii_lowercase();
        let (principal, server) = (login.principal().to_owned(), format!("HTTP/{host}"));
        match Context::with_web_server(login.credentials()?, &host) {
            Ok(context) => Ok(Self::over(Box::new(context), principal, server)),
            Err(status) => Err(KerberosError::of(status, &principal, Some(&server))),
        }
    }

    pub(crate) fn over(conversation: Box<dyn Conversation>, principal: String, server: String) -> Self {
        Self { conversation, principal, server }
    }

    /// The value of the header `Authorization`. Blocks.
    ///
    /// # Errors
    /// [`KerberosError`].
    pub(crate) fn authorization(&mut self) -> Result<String, KerberosError> {
        let token = self.step(&[])?;
        Ok(format!("{NEGOTIATE} {}", STANDARD.encode(token)))
    }

    /// Checks that the server's token, in base64, proves who it is.
    ///
    /// # Errors
    /// [`KerberosError`].
    pub(crate) fn check(&mut self, token: &str) -> Result<(), KerberosError> {
        // What is not base64 proves nothing, either.
        let token = STANDARD.decode(token).unwrap_or_else(|_| b"?".to_vec());
        self.step(&token).map(drop)
    }

    fn step(&mut self, token: &[u8]) -> Result<Vec<u8>, KerberosError> {
        let step = self.conversation.step(token);
        let (answer, _) =
            step.map_err(|status| KerberosError::of(status, &self.principal, Some(&self.server)))?;
        Ok(answer.to_vec())
    }
}

/// The server's token in a header `WWW-Authenticate`; empty where it only asks for ours. `None` where it does not ask for Kerberos.
pub(crate) fn challenge(header: &str) -> Option<&str> {
    header.split(',').find_map(|scheme| {
        let scheme = scheme.trim();
        let (name, token) = scheme.split_once(' ').unwrap_or((scheme, ""));
        name.eq_ignore_ascii_case(NEGOTIATE).then(|| token.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_found_among_others() {
        for (header, token) in [
            ("Negotiate", Some("")),
            ("negotiate YII=", Some("YII=")),
            ("Basic realm=\"a\", Negotiate", Some("")),
            ("Negotiate YII=, Basic", Some("YII=")),
            ("PseudoAuth", None),
            ("Negotiated", None),
            ("", None),
        ] {
            assert_eq!(challenge(header), token, "{header}");
        }
    }
}
