//! Whose certificates are believed where YARN's web pages are `HTTPS_ONLY`: those of the truststore that Hadoop's own clients
//! are told of (`ssl-client.xml`), else the operating system's.

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

/// Where distributions keep the certificates that everybody trusts, PEM.
const SYSTEM: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
const LOCATION: &str = "ssl.client.truststore.location";

/// Who is trusted. Nothing is read before somebody is to be.
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
    /// By `ssl.client.truststore.location` of `ssl-client.xml` (`hadoop.ssl.client.conf`) beside the configuration.
    pub fn of(conf: &Configuration) -> Self {
        let name = conf.get("hadoop.ssl.client.conf").filter(|name| !name.is_empty());
        let beside = conf.beside(name.as_deref().unwrap_or("ssl-client.xml"));
        let location = beside.and_then(|ssl| ssl.get(LOCATION)).filter(|location| !location.is_empty());
        Self { truststore: location.map(PathBuf::from) }
    }

    /// What is looked at, in words.
    pub(super) fn source(&self) -> String {
        match &self.truststore {
            Some(path) => format!("{} ({LOCATION})", path.display()),
            None => "the operating system's certificates".to_owned(),
        }
    }

    /// A client that believes these.
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
        // A bundle may hold some that nobody here understands.
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

/// Named, so that no other crate's choice decides.
fn crypto() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The certificates of a truststore: PEM, or Java's JKS, whose password only guards against changes.
fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    if jks::is_one(bytes) {
        return jks::certificates(bytes).map_err(str::to_owned);
    }
    // A SEQUENCE of ASN.1.
    if bytes.first() == Some(&0x30) {
        return Err("it is PKCS#12, which is not read here; `keytool -importkeystore -deststoretype jks` makes a JKS of \
             it, and PEM is read too"
            .to_owned());
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    match found {
        Ok(found) if found.is_empty() => Err("it holds no certificate in PEM, and is no JKS".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(error.to_string()),
    }
}

/// Certificates that are trusted themselves, and those of authorities.
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
    /// A server's own certificate in the truststore, as self-signed ones are, stands for that server whatever names it has:
    /// nobody else holds its key.
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
