//! Who we are and how we prove it: users, tokens, credential files and SASL.
//!
//! Begin with [`Auth`], which says how a connection proves its identity. [`Credentials`] reads and writes the files
//! that carry [`Token`]s between Hadoop processes, and [`sasl`] turns a token into an authenticated, possibly
//! encrypted, stream. Nothing here opens a socket: [`sasl::Handshake`] is fed messages and answers with messages.

mod credentials;
mod entropy;
pub mod sasl;
mod user;

pub use credentials::{Credentials, CredentialsError, Secret, Token};
pub use entropy::{Entropy, SystemEntropy};
pub use user::{User, UserError};

/// How a connection proves who is calling.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Auth {
    /// Say the name and be believed: `hadoop.security.authentication=simple`.
    Simple(User),
    /// SASL DIGEST-MD5 with a token issued by the server's side. The token implies the user.
    Token(Token),
}
