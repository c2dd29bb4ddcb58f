//! The first connection to a NameNode of a secure cluster.
//!
//! The crate asks a KDC on the runtime's own thread and without a limit, takes a server's word for its principal, and speaks to a
//! server that offers SIMPLE. Our own client does none of this, and the ticket that it gets is in the cache when the crate wants
//! one. What the crate does on later connections cannot be seen from here.

use tokio::sync::OnceCell;

use super::authority;
use crate::conf::{Configuration, Endpoint, keys};
use crate::hdfs::HdfsError;
use crate::hdfs::tokens::{self, CLIENT_PROTOCOL};
use crate::rpc::{Client, Options, RpcError, calls};
use crate::security::{Auth, User};

/// `ClientProtocol.getServerDefaults`, which every user may call; its answer does not matter.
#[derive(Clone, PartialEq, prost::Message)]
struct GetServerDefaults {}

#[derive(Clone, PartialEq, prost::Message)]
struct Anything {}

calls! {
    CLIENT_PROTOCOL."getServerDefaults": GetServerDefaults => Anything, Idempotent;
}

/// A call by our own client, before the crate's first.
#[derive(Debug)]
pub(super) struct FirstContact {
    endpoints: Vec<Endpoint>,
    auth: Auth,
    options: Options,
    done: OnceCell<()>,
}

impl FirstContact {
    /// With the NameNode, or the active one of a name service. `None` where nobody logs in with Kerberos.
    ///
    /// # Errors
    /// [`HdfsError::Configuration`].
    pub(super) fn new(host: &str, conf: &Configuration, user: &User) -> Result<Option<Self>, HdfsError> {
        if user.login().is_none() {
            return Ok(None);
        }
        let endpoints = tokens::endpoints(&authority(host, conf), conf);
        let options = Options::from_configuration(conf);
        let options = options.map_err(|error| HdfsError::Configuration(error.to_string()))?;
        let auth = user.auth(conf, keys::DFS_NAMENODE_PRINCIPAL, |_| false);
        Ok(Some(Self { endpoints, auth, options, done: OnceCell::new() }))
    }

    /// Waits for it; a failed one is repeated.
    ///
    /// # Errors
    /// The server is not the one that is configured, does not let us in, or does not answer.
    pub(super) async fn made(&self) -> Result<(), RpcError> {
        let call = || async {
            let client = Client::new(self.endpoints.clone(), self.auth.clone(), self.options.clone());
            client.call(&GetServerDefaults {}).await.map(drop)
        };
        self.done.get_or_try_init(call).await.map(drop)
    }
}
