//! How a connection to a REST server is made.

use std::fmt::Debug;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// Bytes both ways.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// A connection in the making.
pub type Connecting<'a> = Pin<Box<dyn Future<Output = io::Result<Box<dyn Connection>>> + Send + 'a>>;

/// Makes a connection for each request.
pub trait Connect: Debug + Send + Sync {
    /// host:port, for errors.
    fn address(&self) -> String;

    /// A new connection.
    fn connect(&self) -> Connecting<'_>;
}

/// Plain TCP.
#[derive(Debug, Clone)]
pub struct Plain {
    /// Name or address.
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
            Ok(Box::new(stream) as Box<dyn Connection>)
        })
    }
}
