//! Runs Apache Flink on Hadoop YARN without a JVM on the gateway.
//!
//! Floors of the crate, top to bottom; a module uses only what stands below it:
//! [`deploy`] (the verbs) · [`hdfs`] (staging) · [`yarn`] (typed ResourceManager and NodeManager clients) ·
//! [`rpc`] (Hadoop RPC) · [`security`] (SASL, tokens, users) · [`conf`] and [`flink`] (what Hadoop and Flink are told).

pub mod conf;
pub mod control;
pub mod deploy;
pub mod flink;
pub mod hdfs;
pub mod logs;
pub mod rpc;
pub mod security;
pub mod yarn;

/// An error, and behind a colon what has caused it, on one line.
pub fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
