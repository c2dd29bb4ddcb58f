//! The way to a JobManager's REST server that speaks TLS.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self};

use super::rest_is_secured;
use super::store::{self, Identity, StoreError};
use crate::flink::options::{self as o, Opt};
use crate::flink::rest::{Connect, Connecting, Connection, Plain};
use crate::flink::{ConfigError, FlinkConfig, Version};
use crate::tls::{Believed, crypto, jks};

/// Both halves of Flink 1 fall back to these.
const KEYSTORE: Opt = Opt::new("security.ssl.keystore");
const KEYSTORE_PASSWORD: Opt = Opt::new("security.ssl.keystore-password");

/// The REST server's certificate, or the key to authenticate with, cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestTlsError {
    /// A value of the configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// There is no key store.
    #[error("`{}` is on, but `{}` is not set", o::SSL_REST.key, o::SSL_REST_KEYSTORE.key)]
    NoStore,
    /// It cannot be read.
    #[error("cannot read the key store {} (`{}`)", path.display(), o::SSL_REST_KEYSTORE.key)]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is not a key store, or `security.ssl.rest.keystore-password` is wrong.
    #[error("cannot use the key store {} (`{}`)", path.display(), o::SSL_REST_KEYSTORE.key)]
    Store {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// It holds nothing to recognise the server by, or to authenticate with.
    #[error("cannot use the key store {} (`{}`): {reason}", path.display(), o::SSL_REST_KEYSTORE.key)]
    Content {
        /// The file.
        path: PathBuf,
        /// What is missing, and what to do.
        reason: &'static str,
    },
    /// TLS does not accept the key.
    #[error("cannot use the key in the key store {} (`{}`)", path.display(), o::SSL_REST_KEYSTORE.key)]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::Error,
    },
}

const JKS_KEY: &str = "its key is needed for authentication, and keys are read from PKCS#12 only; hint: convert it \
    with `keytool -importkeystore -deststoretype pkcs12`";

/// What the REST server's clients need: shared by all of them, so that sessions are resumed instead of authenticated
/// again for each request.
#[derive(Clone)]
pub struct RestTls {
    config: Arc<ClientConfig>,
}

impl fmt::Debug for RestTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestTls").finish_non_exhaustive()
    }
}

impl RestTls {
    /// From the JobManager's configuration and its working directory; `None` if its REST server speaks plain HTTP.
    ///
    /// Exactly the certificates with keys in the server's own key store are trusted: neither names nor authorities
    /// matter, and on the loopback interface nobody else can pretend to be the server. If it demands authentication, its
    /// own key is presented: Flink's REST clients are meant to have the same stores.
    ///
    /// # Errors
    /// [`RestTlsError`].
    pub fn of(
        config: &FlinkConfig,
        version: &Version,
        directory: &Path,
    ) -> Result<Option<Self>, RestTlsError> {
        if !rest_is_secured(config, version)? {
            return Ok(None);
        }
        let either = |option: &Opt, common: &Opt| {
            config.explicit(option).or_else(|| config.explicit(common)).map(str::to_owned)
        };
        let path = either(&o::SSL_REST_KEYSTORE, &KEYSTORE).ok_or(RestTlsError::NoStore)?;
        let path = directory.join(path);
        let password = either(&o::SSL_REST_KEYSTORE_PASSWORD, &KEYSTORE_PASSWORD).unwrap_or_default();
        let authenticates = config.boolean(&o::SSL_REST_AUTHENTICATION)?.unwrap_or(false);
        let bytes =
            std::fs::read(&path).map_err(|source| RestTlsError::Read { path: path.clone(), source })?;
        let content = |reason| RestTlsError::Content { path: path.clone(), reason };
        let (servers, identity) = if jks::is_one(&bytes) {
            let servers = jks::certificates(&bytes).map_err(content)?;
            (servers, None)
        } else {
            let found = store::identities(&bytes, &password)
                .map_err(|source| RestTlsError::Store { path: path.clone(), source })?;
            let servers = found.iter().filter_map(|it| it.chain.first().cloned()).collect();
            (servers, found.into_iter().next())
        };
        if servers.is_empty() {
            return Err(content("it contains no key"));
        }
        let builder = ClientConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .map_err(|source| RestTlsError::Key { path: path.clone(), source })?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Believed::new(servers, None)));
        let client = match (authenticates, identity) {
            (false, _) => builder.with_no_client_auth(),
            (true, Some(Identity { chain, key })) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|source| RestTlsError::Key { path: path.clone(), source })?,
            (true, None) => return Err(content(JKS_KEY)),
        };
        Ok(Some(Self { config: Arc::new(client) }))
    }

    /// The way to the server at this address.
    pub fn at(&self, host: &str, port: u16) -> Secure {
        Secure { tls: self.clone(), plain: Plain { host: host.to_owned(), port } }
    }
}

/// TLS to a REST server.
#[derive(Debug, Clone)]
pub struct Secure {
    tls: RestTls,
    plain: Plain,
}

impl Connect for Secure {
    fn address(&self) -> String {
        self.plain.address()
    }

    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            let stream = self.plain.connect().await?;
            let name = ServerName::try_from(self.plain.host.clone()).map_err(io::Error::other)?;
            let connector = TlsConnector::from(Arc::clone(&self.tls.config));
            let stream = connector.connect(name, stream).await?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        })
    }
}
