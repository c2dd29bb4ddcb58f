//! Real Hadoop daemons and real Flink for tests, the quickstart and measurements.

pub mod cluster;
