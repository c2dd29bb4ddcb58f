//! The certificates that are trusted if YARN's web pages are `HTTPS_ONLY`: those of the truststore that Hadoop's own
//! clients are configured with (`ssl-client.xml`), else the operating system's.

mod jks;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    self, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};

use crate::conf::Configuration;

/// Where distributions keep the system-wide trusted certificates, in PEM.
const SYSTEM: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
const LOCATION: &str = "ssl.client.truststore.location";

/// The trusted certificates, read on first use.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    truststore: Option<PathBuf>,
}

/// A truststore that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the truststore {} cannot be used: {reason}", path.display())]
pub struct TrustError {
    path: PathBuf,
    reason: String,
}

impl Trust {
    /// From `ssl.client.truststore.location` in `ssl-client.xml` (`hadoop.ssl.client.conf`) beside the configuration.
    pub fn of(conf: &Configuration) -> Self {
        let name = conf.get("hadoop.ssl.client.conf").filter(|name| !name.is_empty());
        let beside = conf.beside(name.as_deref().unwrap_or("ssl-client.xml"));
        let location = beside.and_then(|ssl| ssl.get(LOCATION)).filter(|location| !location.is_empty());
        Self { truststore: location.map(PathBuf::from) }
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
                certificates(&bytes).map_err(failed)?
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
        let believed = Believed {
            themselves: trusted.iter().map(|certificate| certificate.to_vec()).collect(),
            authorities,
        };
        let config = ClientConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(believed))
            .with_no_client_auth();
        Ok(config)
    }
}

/// Chosen explicitly, so that no other crate's choice applies.
fn crypto() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The certificates of a truststore: PEM, or Java's JKS, whose password only protects against changes.
fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    if jks::is_one(bytes) {
        return jks::certificates(bytes).map_err(str::to_owned);
    }
    // An ASN.1 SEQUENCE.
    if bytes.first() == Some(&0x30) {
        return Err("PKCS#12 is not supported; convert it to JKS with `keytool -importkeystore \
            -deststoretype jks`, or to PEM"
            .to_owned());
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err("it is neither JKS nor PEM with a certificate".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(error.to_string()),
    }
}

/// Certificates that are trusted themselves, and those of certificate authorities.
struct Believed {
    themselves: BTreeSet<Vec<u8>>,
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

impl fmt::Debug for Believed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Believed").field("themselves", &self.themselves.len()).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Believed {
    /// A server's own certificate in the truststore, such as a self-signed one, is valid for that server whatever names
    /// it contains: no other server has its key.
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.themselves.contains(end_entity.as_ref()) {
            return Ok(ServerCertVerified::assertion());
        }
        match &self.authorities {
            Some(authorities) => {
                authorities.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            None => Err(CertificateError::UnknownIssuer.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(
            message,
            cert,
            dss,
            &crypto().signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            cert,
            dss,
            &crypto().signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        crypto().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
