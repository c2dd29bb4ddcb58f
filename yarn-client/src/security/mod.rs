//! Who we are and how we prove it: users, Kerberos, tokens, credential files and SASL.
//!
//! Start with [`Auth`], which says how a connection proves its identity: [`User::resolve`] finds the user as Hadoop's own
//! tools do, [`Login`] is what proves it to Kerberos, and [`Credentials`] reads and writes the files that carry [`Token`]s between Hadoop processes. [`sasl`] turns a token
//! into an authenticated, possibly encrypted, stream. Nothing here opens a socket.
//!
//! ```
//! use yarn_client::security::{Credentials, Secret, Token};
//!
//! let token = Token { kind: "MY_TOKEN".to_owned(), password: Secret::new("hush"), ..Token::default() };
//! let mut credentials = Credentials::default();
//! credentials.insert("my service", token.clone());
//! // As a NodeManager writes it for the processes of a container.
//! let stream = credentials.to_bytes();
//! assert_eq!(Credentials::parse(&stream)?.find("MY_TOKEN"), Some(&token));
//! // Secrets are never shown.
//! assert!(!format!("{credentials:?}").contains("hush"));
//! # Ok::<(), yarn_client::security::CredentialsError>(())
//! ```
//!
//! # Caveats
//! - [`Auth::Simple`] is believed by servers with `hadoop.security.authentication=simple`, and refused by all others.
//! - A token is not checked here: whether it has expired its server says.
//! - What an application master hands to its containers is everything [`without`](Credentials::without) the token of kind
//!   `yarn::AM_RM_TOKEN`, with which they could speak for it.
//!
//! # Errors
//! [`UserError`] where it cannot be said who this process's user is, [`KerberosError`] for why Kerberos does not let them in,
//! [`CredentialsError`] for a file that is no credentials file, [`sasl::SaslError`] for a login that failed; the last comes
//! inside of an `rpc::RpcError`.

mod credentials;
mod delegation;
mod entropy;
pub mod kerberos;
pub mod sasl;
mod user;

pub use credentials::{Credentials, CredentialsError, Secret, Token};
pub use delegation::{HDFS_DELEGATION_TOKEN, RM_DELEGATION_TOKEN, TokenLife};
pub use entropy::{Entropy, SystemEntropy};
pub use kerberos::{Kerberos, KerberosError, Login, LoginSettings, ServerPrincipal};
pub use user::{User, UserError};

/// How a connection proves who is calling.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Auth {
    /// Say the name and be believed: `hadoop.security.authentication=simple`.
    Simple(User),
    /// SASL DIGEST-MD5 with a token issued by the server's side. The token implies the user.
    Token(Token),
    /// A ticket for the server: `hadoop.security.authentication=kerberos`.
    Kerberos(Box<Kerberos>),
}
