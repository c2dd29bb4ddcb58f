//! Ports that stay reserved for the cluster, even while a daemon is down.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use rand::Rng as _;

/// Below the range from which Linux takes ports for outgoing connections (32768 and up), so that no daemon's connection
/// occupies a port that another daemon is about to bind.
const RANGE: std::ops::Range<u16> = 20_000..32_000;

/// Reserves ports until it is dropped, against other clusters on this machine, in this process or another.
#[derive(Debug)]
pub(crate) struct Ports {
    locks: Vec<File>,
}

impl Ports {
    pub(crate) fn new() -> Self {
        Self { locks: Vec::new() }
    }

    /// Reserves one port on which nothing listens at `address`. The lock files are in `cache`: a port belongs to the
    /// holder of its lock.
    pub(crate) fn reserve(&mut self, cache: &Path, address: Ipv4Addr) -> Result<u16> {
        let folder = cache.join("locks/ports");
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        for _ in 0..1000 {
            let port = rand::rng().random_range(RANGE);
            let path = folder.join(port.to_string());
            let lock = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
            if lock.try_lock().is_ok() && TcpListener::bind((address, port)).is_ok() {
                self.locks.push(lock);
                return Ok(port);
            }
        }
        bail!("no free port at {address} between {} and {}", RANGE.start, RANGE.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_ports_are_distinct_and_free() {
        let cache = tempfile::tempdir().unwrap();
        let mut ports = [Ports::new(), Ports::new()];
        let mut seen: Vec<_> =
            (0..200).map(|i| ports[i % 2].reserve(cache.path(), Ipv4Addr::LOCALHOST).unwrap()).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 200);
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, seen[0])).is_ok());
    }
}
