//! Real Hadoop daemons and real Flink for tests, the quickstart and measurements.
//!
//! Start with [`cluster::Cluster::builder`]: it boots NameNode, DataNode, ResourceManager and NodeManagers as separate
//! processes on free loopback ports, from the jars on Maven Central, without Docker. [`flink`] is an unmodified Flink
//! distribution from PyPI, [`jobs`] compiles our example jobs against it, [`binaries`] builds the programs under test
//! and [`shared`] is the one cluster that most tests of a test binary use together.
//!
//! All downloads stay in one cache outside the source tree ([`cache`]). Everything that is started dies with the
//! process that started it, however that ends ([`cluster::reaper`]).

pub mod binaries;
pub mod cache;
pub mod cluster;
pub mod flink;
pub mod http;
pub mod jobs;
pub mod prerequisites;
pub mod progress;
pub mod shared;
pub mod versions;
