//! Connects to a REST server.

use std::fmt::Debug;
use std::io;
use std::pin::Pin;

use hyper::header::HeaderValue;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A bidirectional stream of bytes.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// A connection being opened.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Connection>>> + Send + 'a>>;

/// Opens a connection for each request.
pub trait Connect: Debug + Send + Sync {
    /// host:port, for errors.
    fn address(&self) -> String;

    /// Opens a new connection.
    fn connect(&self) -> Connecting<'_>;

    /// What a server on the way wants to be shown with each request, once [`Self::connect`] has returned.
    fn cookie(&self) -> Option<HeaderValue> {
        None
    }
}

/// Plain TCP.
#[derive(Debug, Clone)]
pub struct Plain {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Connect for Plain {
    fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
            // A TLS handshake alternates between small messages, each of which would wait for an acknowledgement.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Connection>)
        })
    }
}
