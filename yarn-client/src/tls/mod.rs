//! Certificates that are trusted, as Java's trust managers do, and the stores they come from.

pub(crate) mod jks;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{self, CertificateError, DigitallySignedStruct, SignatureScheme};

/// Chosen explicitly, so that no other crate's choice applies.
pub(crate) fn crypto() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The certificates of a truststore: PEM, Java's JKS, whose password only protects against changes, or PKCS#12, which is encrypted
/// with it.
pub(crate) fn certificates(bytes: &[u8], password: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    if jks::is_one(bytes) {
        return jks::certificates(bytes).map_err(str::to_owned);
    }
    // An ASN.1 SEQUENCE.
    if bytes.first() == Some(&0x30) {
        return pkcs12(bytes, password).map_err(|error| match error {
            p12_keystore::error::Error::MacError(_) => "the password does not fit: check \
                `ssl.client.truststore.password` in `ssl-client.xml`"
                .to_owned(),
            error => format!("as PKCS#12: {error}"),
        });
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    match found {
        Ok(found) if found.is_empty() => {
            Err("it is neither JKS nor PKCS#12, nor PEM with a certificate".to_owned())
        }
        Ok(found) => Ok(found),
        Err(error) => Err(error.to_string()),
    }
}

/// As Java does, takes only certificates that `keytool` has marked as trusted (`2.16.840.1.113894.746875.1.1`), and those of keys.
fn pkcs12(bytes: &[u8], password: &str) -> Result<Vec<CertificateDer<'static>>, p12_keystore::error::Error> {
    let store = KeyStore::from_pkcs12(bytes, password, Pkcs12ImportPolicy::Strict)?;
    let trusted = store.entries().filter_map(|(_, entry)| match entry {
        KeyStoreEntry::Certificate(certificate) => Some(certificate),
        KeyStoreEntry::PrivateKeyChain(chain) => chain.certs().first(),
        KeyStoreEntry::Secret(_) => None,
    });
    Ok(trusted.map(|certificate| CertificateDer::from(certificate.as_der().to_vec())).collect())
}

/// Certificates that are trusted themselves, and those of certificate authorities.
pub(crate) struct Believed {
    themselves: BTreeSet<Vec<u8>>,
    authorities: Option<Arc<WebPkiServerVerifier>>,
}

impl Believed {
    pub(crate) fn new(
        themselves: impl IntoIterator<Item = CertificateDer<'static>>,
        authorities: Option<Arc<WebPkiServerVerifier>>,
    ) -> Self {
        let themselves = themselves.into_iter().map(|certificate| certificate.to_vec()).collect();
        Self { themselves, authorities }
    }
}

impl fmt::Debug for Believed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Believed").field("themselves", &self.themselves.len()).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Believed {
    /// A server's own certificate among them, such as a self-signed one, is valid for that server whatever names
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
