//! The one cluster that the tests of a test binary share.
//!
//! Booting takes seconds, so tests that do not break daemons use [`cluster`]. They keep out of each other's way by
//! looking only at their own application and at paths of their own ([`crate::cluster::Cluster::scratch`]). libtest runs
//! tests on several threads; [`turn`] limits how many of them load the machine at a time.

use anyhow::Result;
use tokio::sync::SemaphorePermit;

use crate::cluster::Cluster;

/// The shared cluster, booted by the first caller: HDFS and two NodeManagers of 8 GiB and 8 vcores each.
///
/// Statics are never dropped, so the cluster is ended by its reaper when the test process ends.
///
/// With `YARN_FLINK_TEST_KEPT=1` the cluster that `quickstart --keep` left running is used instead, which makes a
/// single test start at once.
///
/// # Errors
/// Those of [`crate::cluster::Builder::boot`]; the second caller gets the first one's error text.
pub async fn cluster() -> Result<&'static Cluster> {
    todo!()
}

/// Waits for a turn to load the machine: as many at a time as there are pairs of cores, at least one. Hold it for the
/// whole test.
pub async fn turn() -> SemaphorePermit<'static> {
    todo!()
}
