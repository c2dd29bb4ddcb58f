//! The network addresses a client needs, high availability included.

use std::fmt;

use super::{ConfError, Configuration};

/// A daemon's address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The id in a high-availability pair, such as `rm1`.
    pub id: Option<String>,
    /// Host name or address as configured; an IPv6 address has no brackets here.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    /// `host:port`, and `[address]:port` for IPv6.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// The services of a ResourceManager, each with a port of its own (`YarnConfiguration`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RmService {
    /// `yarn.resourcemanager.address`, 8032: ApplicationClientProtocol.
    Client,
    /// `yarn.resourcemanager.scheduler.address`, 8030: ApplicationMasterProtocol.
    Scheduler,
    /// `yarn.resourcemanager.admin.address`, 8033.
    Admin,
    /// `yarn.resourcemanager.webapp.address`, 8088 (`…webapp.https.address`, 8090, under `HTTPS_ONLY`).
    Web,
}

impl Configuration {
    /// The ResourceManager's addresses for `service`, in configured order: one, or one for each of
    /// `yarn.resourcemanager.ha.rm-ids` when high availability is on.
    ///
    /// # Errors
    /// [`ConfError::AddressUnset`] or [`ConfError::AddressUnusable`] (0.0.0.0, port missing or wrong), naming the key.
    pub fn resource_managers(&self, service: RmService) -> Result<Vec<Endpoint>, ConfError> {
        let _ = service;
        todo!()
    }

    /// The web proxy that serves tracking URLs: `yarn.web-proxy.address`, else the ResourceManagers themselves.
    ///
    /// # Errors
    /// As [`Self::resource_managers`].
    pub fn web_proxies(&self) -> Result<Vec<Endpoint>, ConfError> {
        todo!()
    }

    /// `http` or `https`, by `yarn.http.policy`.
    pub fn web_scheme(&self) -> &'static str {
        todo!()
    }
}
