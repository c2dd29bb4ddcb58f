//! HTTP of the application master: the way to Flink's REST server, which listens on this node's loopback only.

pub mod forward;
