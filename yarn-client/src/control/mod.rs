//! The control plane of a running application master: gRPC over mutual TLS.
//!
//! The application master creates certificates for itself and for its clients, and puts the clients' part into the staging
//! directory, which only the application's user can read: HDFS permissions decide who may control an application.

mod event;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use proto::control::control_client::ControlClient;
use proto::ids::ApplicationId;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};
use tonic::transport::{Channel, Endpoint};

use crate::tls;
pub use event::EventView;

/// Limit for connecting, including TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An idle connection is checked at this interval.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// The control plane of one application.
pub type Control = ControlClient<Channel>;

/// The control plane cannot be reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The file in the staging directory is damaged.
    #[error("the client's certificate is damaged")]
    Pem(#[from] pem::Error),
    /// The file does not contain what it should.
    #[error("the client's certificate cannot be used")]
    Certificate(#[from] rustls::Error),
    /// The connection failed, or the peer is not the expected one.
    #[error("cannot reach the application master at {address}")]
    Connect {
        /// host:port.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The application master responded with an error.
    #[error("the application master at {address} refused: {}", status.message())]
    Status {
        /// host:port.
        address: String,
        /// gRPC's status.
        status: Box<tonic::Status>,
    },
}

impl ControlError {
    /// Whether the application master has responded, even if not as requested.
    pub fn is_answer(&self) -> bool {
        // A broken connection is reported as a status, too, but has a cause.
        matches!(self, Self::Status { status, .. } if std::error::Error::source(&**status).is_none())
    }
}

/// The implementation of TLS's primitives.
pub fn crypto() -> Arc<CryptoProvider> {
    tls::crypto()
}

/// The name in an application master's certificate: it is not valid for any other application.
pub fn server_name(application: ApplicationId) -> String {
    application.to_string().replace('_', "-") + ".yarn-flink"
}

/// Name of the file with the client's certificate that an attempt leaves in the staging directory.
pub fn certificate_file(attempt: u32) -> String {
    format!("control-{attempt:06}.pem")
}

/// A client's identity, and the authority that it trusts.
#[derive(Clone)]
pub struct Identity {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Identity {
    /// Parses the file in the staging directory: the authority, the client's certificate and its key.
    ///
    /// # Errors
    /// [`ControlError::Pem`], [`ControlError::Certificate`].
    pub fn parse(application: ApplicationId, pem: &[u8]) -> Result<Self, ControlError> {
        let mut certificates = CertificateDer::pem_slice_iter(pem);
        let authority = certificates.next().ok_or(pem::Error::NoItemsFound)??;
        let client = certificates.next().ok_or(pem::Error::NoItemsFound)??;
        let key = PrivateKeyDer::from_pem_slice(pem)?;
        let mut roots = RootCertStore::empty();
        roots.add(authority)?;
        let config = ClientConfig::builder_with_provider(crypto())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![client], key)?;
        let name = ServerName::try_from(server_name(application))
            .map_err(|_| rustls::Error::General("the application id is not a valid host name".to_owned()))?;
        Ok(Self { config: Arc::new(config), name })
    }

    /// Opens a TLS connection to the application master; `protocol` is ALPN's, `h2` or `http/1.1`.
    ///
    /// # Errors
    /// [`ControlError::Connect`].
    pub async fn connect(&self, address: &str, protocol: &str) -> Result<TlsStream<TcpStream>, ControlError> {
        let failed = |source| ControlError::Connect { address: address.to_owned(), source };
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let connect = async {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            TlsConnector::from(Arc::new(config)).connect(self.name.clone(), stream).await
        };
        match tokio::time::timeout(CONNECT_TIMEOUT, connect).await {
            Ok(connected) => connected.map_err(failed),
            Err(_) => Err(failed(io::ErrorKind::TimedOut.into())),
        }
    }

    /// A client of the control plane. It has one connection; if that is lost, create another client.
    ///
    /// # Errors
    /// [`ControlError::Connect`].
    pub async fn control(&self, address: &str) -> Result<Control, ControlError> {
        let stream = self.connect(address, "h2").await?;
        let mut stream = Some(TokioIo::new(stream));
        // The URI is only used in requests; the connection is already open.
        let endpoint = Endpoint::from_static("http://application-master")
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_while_idle(true);
        let connector = tower::service_fn(move |_| {
            std::future::ready(stream.take().ok_or_else(|| io::Error::from(io::ErrorKind::ConnectionAborted)))
        });
        let channel = endpoint.connect_with_connector(connector).await.map_err(|error| {
            ControlError::Connect { address: address.to_owned(), source: io::Error::other(error) }
        })?;
        Ok(ControlClient::new(channel))
    }
}
