//! The network addresses that a client needs, including those of high-availability pairs.

use std::fmt;
use std::net::IpAddr;

use super::{ConfError, Configuration, keys};

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

/// Where the address of a service is configured.
struct Address {
    key: &'static str,
    port: u16,
}

impl Configuration {
    /// The ResourceManager's addresses for `service`, in configured order: one, or one for each of
    /// `yarn.resourcemanager.ha.rm-ids` if high availability is on. With high availability only the keys with an id are
    /// read, as in Hadoop (`HAUtil`).
    ///
    /// # Errors
    /// [`ConfError::AddressUnset`] or [`ConfError::AddressUnusable`] (0.0.0.0, port missing or wrong), naming the key.
    pub fn resource_managers(&self, service: RmService) -> Result<Vec<Endpoint>, ConfError> {
        let address = match service {
            RmService::Client => Address { key: keys::RM_ADDRESS, port: keys::RM_PORT_DEFAULT },
            RmService::Scheduler => {
                Address { key: keys::RM_SCHEDULER_ADDRESS, port: keys::RM_SCHEDULER_PORT_DEFAULT }
            }
            RmService::Admin => Address { key: keys::RM_ADMIN_ADDRESS, port: keys::RM_ADMIN_PORT_DEFAULT },
            RmService::Web if self.web_scheme() == "https" => {
                Address { key: keys::RM_WEBAPP_HTTPS_ADDRESS, port: keys::RM_WEBAPP_HTTPS_PORT_DEFAULT }
            }
            RmService::Web => Address { key: keys::RM_WEBAPP_ADDRESS, port: keys::RM_WEBAPP_PORT_DEFAULT },
        };
        if !self.boolean(keys::RM_HA_ENABLED, false) {
            return Ok(vec![self.resource_manager(&address, None)?]);
        }
        let ids = self.list(keys::RM_HA_IDS);
        if ids.is_empty() {
            return Err(unset(keys::RM_HA_IDS.to_owned()));
        }
        ids.into_iter().map(|id| self.resource_manager(&address, Some(id))).collect()
    }

    fn resource_manager(&self, address: &Address, id: Option<String>) -> Result<Endpoint, ConfError> {
        let suffixed = |key: &str| match &id {
            Some(id) => format!("{key}.{id}"),
            None => key.to_owned(),
        };
        let (key, hostname) = (suffixed(address.key), suffixed(keys::RM_HOSTNAME));
        let key = if self.non_empty(&key).is_some() {
            key
        } else if self.non_empty(&hostname).is_some() {
            hostname
        } else {
            return Err(unset(key));
        };
        self.endpoint(&key, address.port, id)
    }

    /// The web proxy that serves tracking URLs: `yarn.web-proxy.address`, else the ResourceManagers themselves.
    ///
    /// # Errors
    /// As [`Self::resource_managers`].
    pub fn web_proxies(&self) -> Result<Vec<Endpoint>, ConfError> {
        if self.non_empty(keys::WEB_PROXY_ADDRESS).is_some() {
            return Ok(vec![self.endpoint(keys::WEB_PROXY_ADDRESS, keys::WEB_PROXY_PORT_DEFAULT, None)?]);
        }
        self.resource_managers(RmService::Web)
    }

    /// `http` or `https`, according to `yarn.http.policy`.
    pub fn web_scheme(&self) -> &'static str {
        match self.get(keys::YARN_HTTP_POLICY) {
            Some(policy) if policy.eq_ignore_ascii_case("HTTPS_ONLY") => "https",
            _ => "http",
        }
    }

    fn endpoint(&self, key: &str, default_port: u16, id: Option<String>) -> Result<Endpoint, ConfError> {
        let value = self.expanded(key)?.unwrap_or_default();
        let (host, port) = parse(&value, default_port).map_err(|reason| ConfError::AddressUnusable {
            key: key.to_owned(),
            value: value.clone(),
            origin: self.origin(key),
            reason: reason.to_owned(),
        })?;
        Ok(Endpoint { id, host, port })
    }
}

fn unset(key: String) -> ConfError {
    ConfError::AddressUnset { service: "ResourceManager".to_owned(), key }
}

/// Parses `host`, `host:port` or `[IPv6]:port`.
fn parse(value: &str, default_port: u16) -> Result<(String, u16), &'static str> {
    let (host, port) = match value.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or("`:` is missing after `]`")?)),
            None => return Err("`]` is missing"),
        },
        // More than one ':' and no brackets: an IPv6 address without a port.
        None => match value.rsplit_once(':') {
            Some((host, port)) if !host.contains(':') => (host, Some(port)),
            _ => (value, None),
        },
    };
    let port = match port {
        Some(port) => port.parse().map_err(|_| "the port is not a number from 1 to 65535")?,
        None => default_port,
    };
    match host {
        "" => Err("the host is missing"),
        _ if host.contains("${") => Err("a variable in it is not set"),
        _ if host.contains(['/', ' ', '@', ',']) => Err("it is not of the form `host:port`"),
        _ if host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified()) => {
            Err("it means every interface of the daemon's host")
        }
        _ if port == 0 => Err("port 0 means any free port"),
        _ => Ok((host.to_owned(), port)),
    }
}
