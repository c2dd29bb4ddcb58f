//! Kerberos: who we are, whom we talk to, and what short names are made of principals.
//!
//! A [`Login`] says where tickets come from; nothing is asked of a KDC before a server wants a ticket. [`Kerberos`] is a login
//! together with what the configuration says of a server. The library is loaded at run time: see [`KerberosError::LibraryMissing`].

mod error;
mod login;
mod names;
mod server;
mod spnego;

pub use error::KerberosError;
pub(crate) use error::Status;
pub use login::{Login, LoginSettings};
pub use names::{AuthToLocal, NameError};
pub use server::ServerPrincipal;
pub(crate) use server::canonical_name;
pub(crate) use spnego::{Negotiation, challenge};

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::security::sasl::gssapi::{self, Context};

/// What a connection to a server with Kerberos needs to know.
#[derive(Debug, Clone)]
pub struct Kerberos {
    /// Who we are.
    pub login: Arc<Login>,
    /// As whom we act instead, by short name: `HADOOP_PROXY_USER`.
    pub proxy_user: Option<String>,
    /// Whom we expect.
    pub server: ServerPrincipal,
    /// Proves who we are in place of a ticket, where the server takes it.
    pub token: Option<super::Token>,
    /// Whether a server without security is spoken to (`ipc.client.fallback-to-simple-auth-allowed`).
    pub fallback: bool,
}

impl Kerberos {
    /// Begins a conversation with a server that calls itself `name/host`, after a check of that. `peer` is the address we are
    /// connected to. Blocks: names are looked up.
    ///
    /// # Errors
    /// [`KerberosError`].
    pub(crate) fn converse(
        &self,
        name: &str,
        host: &str,
        peer: Option<IpAddr>,
    ) -> Result<(Context, String), KerberosError> {
        let principal = self.login.principal();
        let of = |status| KerberosError::of(status, principal, None);
        let canonical = || Ok(peer.map_or_else(|| host.to_ascii_lowercase(), canonical_name));
        let realm = |host: &str| match gssapi::realm_of_host(host).map_err(of)? {
            Some(realm) => Ok(realm),
            None => default_realm().map_err(of),
        };
        let server = self.server.check(name, host, canonical, realm)?;
        let context = Context::new(self.login.credentials()?, &server).map_err(of)?;
        Ok((context, server))
    }
}

/// Does what may ask a KDC, which does not run on a thread of the runtime. It goes on to its end if it takes longer than `limit`,
/// but nobody waits for that.
///
/// # Errors
/// [`KerberosError::TooSlow`], and those of `work`.
pub(crate) async fn bounded<T, E>(
    limit: Duration,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<KerberosError> + Send + 'static,
{
    match tokio::time::timeout(limit, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) | Err(_) => Err(KerberosError::TooSlow(limit).into()),
    }
}

/// The default realm of `krb5.conf`.
fn default_realm() -> Result<String, Status> {
    let name = gssapi::full_name("any")?;
    Ok(name.rsplit_once('@').map(|(_, realm)| realm.to_owned()).unwrap_or_default())
}
