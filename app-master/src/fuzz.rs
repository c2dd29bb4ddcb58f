//! What the fuzz targets (`fuzz/`) reach of this crate and nobody else does: what is below its public interface. No part of that
//! interface.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use proto::launch::LaunchSpec;
use tokio::io::{AsyncRead, AsyncWrite};
use yarn_client::conf::Configuration;
use yarn_client::flink::FlinkConfig;

use crate::driver::{journal, settings};
use crate::listener::Place;
use crate::machine::{History, Journal, Settings};
use crate::web::access::Access;
use crate::web::{self, Web};

/// The journal of an earlier attempt.
pub fn journal(bytes: &[u8]) -> Option<Journal> {
    journal::decode(bytes).ok()
}

/// As it is written.
pub fn write_journal(journal: &Journal) -> Bytes {
    journal::encode(journal)
}

/// The settings of a machine by a launch specification.
pub fn settings(spec: &LaunchSpec, config: &FlinkConfig, history: History) -> Option<Settings> {
    settings::settings(spec, config, &Configuration::default(), history).ok()
}

/// Acts as if these were the addresses of YARN's web proxies.
pub fn know(access: &Access, addresses: BTreeSet<IpAddr>) {
    access.know(addresses);
}

/// A connection to the web page.
pub async fn web<S: AsyncRead + AsyncWrite + Send + Unpin>(stream: S, source: IpAddr, web: Web) {
    drop(web::converse(stream, source, Arc::new(Place::alone()), web).await);
}
