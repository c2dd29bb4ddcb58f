//! The certificates of one application: its own authority, one certificate for the application master and one for those
//! who can read the staging directory. The authority's key is discarded as soon as both are signed.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use proto::ids::ApplicationId;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig};
use yarn_client::control;

/// The certificates of one attempt.
pub struct Certificates {
    /// The application master's side of TLS: lets in clients with the client's certificate.
    pub server: Arc<ServerConfig>,
    /// The file for the staging directory, as PEM: the authority, the client's certificate and its key.
    pub client: Bytes,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

/// The certificates could not be issued.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Generating keys or signing failed.
    #[error("cannot make the application's certificates")]
    Make(#[from] rcgen::Error),
    /// TLS does not accept them.
    #[error("cannot use the application's certificates")]
    Use(#[from] rustls::Error),
    /// TLS does not accept them for verifying clients.
    #[error("cannot use the application's certificates for clients")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

impl Certificates {
    /// Issues the certificates for one attempt of an application. They never expire: the application does.
    ///
    /// # Errors
    /// [`CertificateError`]; in practice, a lack of randomness.
    pub fn issue(application: ApplicationId) -> Result<Self, CertificateError> {
        let name = control::server_name(application);
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, format!("{application} authority"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate()?;
        let authority = params.self_signed(&key)?;
        let issuer = Issuer::new(params, key);

        let leaf = |subject: &str, names: Vec<String>, usage| -> Result<_, CertificateError> {
            let mut params = CertificateParams::new(names)?;
            params.distinguished_name.push(DnType::CommonName, subject);
            params.extended_key_usages = vec![usage];
            let key = KeyPair::generate()?;
            Ok((params.signed_by(&key, &issuer)?, key))
        };
        let (server, server_key) =
            leaf("application master", vec![name], ExtendedKeyUsagePurpose::ServerAuth)?;
        let (client, client_key) = leaf("client", Vec::new(), ExtendedKeyUsagePurpose::ClientAuth)?;

        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone())?;
        let provider = control::crypto();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(server_key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![server.der().clone()], key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let pem = [authority.pem(), client.pem(), client_key.serialize_pem()].concat();
        Ok(Self { server: Arc::new(config), client: Bytes::from(pem) })
    }
}
