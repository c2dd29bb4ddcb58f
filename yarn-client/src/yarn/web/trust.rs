//! The certificates that are trusted if YARN's web pages are `HTTPS_ONLY`: those of the truststore that Hadoop's own
//! clients are configured with (`ssl-client.xml`), else the operating system's.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::conf::Configuration;
use crate::security::Secret;
use crate::tls::{Believed, certificates, crypto};

/// Where distributions keep the system-wide trusted certificates, in PEM.
const SYSTEM: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
const LOCATION: &str = "ssl.client.truststore.location";
const PASSWORD: &str = "ssl.client.truststore.password";

/// The trusted certificates, read on first use.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trust {
    truststore: Option<PathBuf>,
    password: Secret,
}

/// A truststore that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the truststore {} cannot be used: {reason}", path.display())]
pub(crate) struct TrustError {
    path: PathBuf,
    reason: String,
}

impl Trust {
    /// From `ssl.client.truststore.location` in `ssl-client.xml` (`hadoop.ssl.client.conf`) beside the configuration.
    pub(crate) fn of(conf: &Configuration) -> Self {
        let name = conf.get("hadoop.ssl.client.conf").filter(|name| !name.is_empty());
        let beside = conf.beside(name.as_deref().unwrap_or("ssl-client.xml"));
        let value = |key| beside.as_ref().and_then(|ssl| ssl.get(key)).filter(|value| !value.is_empty());
        let password = value(PASSWORD).unwrap_or_default().into_bytes();
        Self { truststore: value(LOCATION).map(PathBuf::from), password: Secret::new(password) }
    }

    /// A description of the truststore for messages.
    pub(super) fn source(&self) -> String {
        match &self.truststore {
            Some(path) => format!("{} ({LOCATION})", path.display()),
            None => "the operating system's certificates".to_owned(),
        }
    }

    /// A TLS client configuration that trusts these certificates.
    pub(super) fn client(&self) -> Result<ClientConfig, TrustError> {
        let path = match &self.truststore {
            Some(path) => Some(path.as_path()),
            None => SYSTEM.iter().map(Path::new).find(|path| path.is_file()),
        };
        let failed =
            |reason: String| TrustError { path: path.map(Path::to_owned).unwrap_or_default(), reason };
        let trusted = match path {
            Some(path) => {
                let bytes = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
                let password = String::from_utf8_lossy(self.password.expose());
                certificates(&bytes, &password).map_err(failed)?
            }
            None => Vec::new(),
        };
        let mut roots = RootCertStore::empty();
        // A bundle may contain certificates that are not supported here.
        roots.add_parsable_certificates(trusted.iter().cloned());
        let authorities = match roots.is_empty() {
            true => None,
            false => Some(
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), crypto())
                    .build()
                    .map_err(|error| failed(error.to_string()))?,
            ),
        };
        let believed = Believed::new(trusted, authorities);
        let config = ClientConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(believed))
            .with_no_client_auth();
        Ok(config)
    }
}

#[cfg(test)]
mod tests;
