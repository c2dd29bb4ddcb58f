//! Ports on which the application master and its JobManager listen.

use crate::flink::FlinkConfig;
use crate::flink::ports::PortRange;
use crate::submit::error::PreflightError;
use crate::submit::keys;

/// The port in every stock configuration; two JobManagers on one node cannot both have it.
const STOCK_RPC_PORT: &str = "6123";

/// Ranges as Flink writes them; `0` is any free port.
#[derive(Debug, Clone)]
pub(super) struct Ports {
    pub(super) rpc: String,
    pub(super) rest: String,
    pub(super) blob: String,
    /// The application master's page, and its proxy for Flink's REST server.
    pub(super) web: String,
}

impl Ports {
    /// # Errors
    /// [`PreflightError::Ports`] for the first invalid range.
    pub(super) fn of(config: &FlinkConfig) -> Result<Self, PreflightError> {
        let checked = |key: &'static str, range: &str| match PortRange::parse(range) {
            Ok(_) => Ok(range.to_owned()),
            Err(source) => Err(PreflightError::Ports { key, source }),
        };
        let any = |value: Option<&str>| value.unwrap_or("0").to_owned();
        Ok(Self {
            rpc: checked(keys::RPC_PORT.key, rpc(config))?,
            rest: checked(keys::REST_BIND_PORT.key, &any(config.value(&keys::REST_BIND_PORT)))?,
            blob: checked(keys::BLOB_PORT.key, &any(config.value(&keys::BLOB_PORT)))?,
            web: checked(keys::WEB_PORT.key, &any(config.value(&keys::WEB_PORT)))?,
        })
    }
}

/// `yarn.application-master.port`; else `jobmanager.rpc.port` where it is the user's own choice.
fn rpc(config: &FlinkConfig) -> &str {
    config
        .explicit(&keys::MASTER_PORT)
        .or_else(|| config.explicit(&keys::RPC_PORT).filter(|port| port.trim() != STOCK_RPC_PORT))
        .unwrap_or("0")
}
