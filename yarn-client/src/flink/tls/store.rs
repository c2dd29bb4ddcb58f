//! Key stores in PKCS#12 (RFC 7292): made for JVMs, and read to find the certificate of a REST server.

use std::fmt;

use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, Pkcs12ImportPolicy, PrivateKey,
    PrivateKeyChain,
};
use rcgen::{CertificateParams, DnType, KeyPair};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

/// Under which the key is stored.
const ALIAS: &str = "flink";

/// A key store could not be made or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Generating the key or signing failed.
    #[error("cannot make the application's keys")]
    Make(#[from] rcgen::Error),
    /// The store is damaged, or the password is wrong.
    #[error("it is not PKCS#12, or the password is wrong")]
    Pkcs12(#[from] p12_keystore::error::Error),
}

/// The bytes of a key store with one key and its self-signed certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct Store(Vec<u8>);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("size", &self.0.len()).finish()
    }
}

/// A key, with its certificate and those above it.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Store {
    /// Generates a key on P-256 and a certificate, which never expires: the application does.
    ///
    /// The store is encrypted as Java 8 before 8u301 can read it, too, and derives its keys in one step: the password is
    /// as random as a key, so that more steps would only delay every start of a JVM.
    ///
    /// # Errors
    /// [`StoreError`]; in practice, a lack of randomness.
    pub fn make(subject: &str, password: &str) -> Result<Self, StoreError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, subject);
        let pair = KeyPair::generate()?;
        let certificate = Certificate::from_der(params.self_signed(&pair)?.der())?;
        let key = PrivateKey::from_der(&pair.serialize_der())?;
        let mut store = KeyStore::new();
        let chain = PrivateKeyChain::new(ALIAS.as_bytes(), key, [certificate]);
        store.add_entry(ALIAS, KeyStoreEntry::PrivateKeyChain(chain));
        let writer = store
            .writer(password)
            .encryption_algorithm(EncryptionAlgorithm::PbeWithShaAnd3KeyTripleDesCbc)
            .encryption_iterations(1)
            .mac_algorithm(MacAlgorithm::HmacSha1)
            .mac_iterations(1);
        Ok(Self(writer.write()?))
    }

    /// The content of the file.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The keys in a store.
pub(super) fn identities(bytes: &[u8], password: &str) -> Result<Vec<Identity>, StoreError> {
    let store = KeyStore::from_pkcs12(bytes, password, Pkcs12ImportPolicy::Strict)?;
    let keys = store.entries().filter_map(|(_, entry)| match entry {
        KeyStoreEntry::PrivateKeyChain(chain) => Some(Identity {
            chain: chain.certs().iter().map(|it| CertificateDer::from(it.as_der().to_vec())).collect(),
            key: PrivatePkcs8KeyDer::from(chain.key().as_der().to_vec()).into(),
        }),
        _ => None,
    });
    Ok(keys.collect())
}
