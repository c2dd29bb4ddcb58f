//! A client of Hadoop YARN and HDFS without a JVM and, on top of it, of Apache Flink on YARN.
//!
//! Without features this crate serves applications of any kind: it reads Hadoop's configuration, speaks Hadoop RPC, submits
//! and watches applications, implements an application master's side of the protocols, moves files and reads logs. The
//! feature `flink` adds jobs and sessions of Flink, `cli` the command line `yarn-flink`.
//!
//! ```toml
//! yarn-client = { version = "0.1", default-features = false }
//! ```
//!
//! # List applications
//! ```no_run
#![doc = include_str!("../examples/list_applications.rs")]
//! ```
//!
//! # Submit a shell command
//! The application master is the same program. What a NodeManager starts must register with the ResourceManager and
//! unregister at the end; otherwise YARN considers it failed, whatever it has done.
//! ```no_run
#![doc = include_str!("../examples/distributed_shell.rs")]
//! ```
//!
//! There are more in `examples/`: `read_logs`, `cluster_report`, `unmanaged_application_master`.
//!
//! # The order of calls
//! 1. [`conf::Configuration::load`]: what `HADOOP_CONF_DIR` and related variables say.
//! 2. [`security::User::resolve`]: the user on whose behalf calls are made.
//! 3. [`yarn::ResourceManager::new`] to submit, list, watch and kill; nothing is connected before the first call. How an
//!    application is submitted, and when an application master makes which call, is described in [`yarn`].
//! 4. [`hdfs::FileSystems::connect`] where files are needed: [`hdfs`] describes the way from a local file to a container.
//! 5. [`logs::find`] for what an application has written.
//!
//! Ids are [`ids`]: small `Copy` types that read and write YARN's text forms.
//!
//! ```
//! use yarn_client::ids::{ApplicationId, ContainerId};
//!
//! let container: ContainerId = "container_e03_1700000000000_0007_01_000012".parse()?;
//! assert_eq!(container.attempt.application, "application_1700000000000_0007".parse::<ApplicationId>()?);
//! // After three restarts of the ResourceManager.
//! assert_eq!((container.epoch(), container.sequence()), (3, 12));
//! # Ok::<(), yarn_client::ids::ParseIdError>(())
//! ```
//!
//! # Layers
//! A module uses only what is below it; a test ensures this.
//!
//! | module | what it is for |
//! |---|---|
//! | [`logs`] | logs of containers, aggregated or still being written |
//! | [`hdfs`] | file systems and staging |
//! | [`yarn`] | typed clients of ResourceManager and NodeManagers |
//! | [`rpc`] | Hadoop RPC: calls, connections, failover |
//! | [`security`] | users, Kerberos, tokens, SASL |
//! | [`conf`] | Hadoop's configuration |
//!
//! # Caveats
//! - Kerberos needs `libgssapi_krb5.so.2` on the host, which is loaded when it is first needed; tokens do not.
//! - A call may reach a server twice, if its response is lost and it is safe to repeat: see [`rpc::Safety`]. Nothing is
//!   submitted, started or finished twice because of that.
//! - Futures may be dropped. A request that has been sent is carried out all the same.
//! - Only [`conf::Environment::from_process`] and [`security::User::resolve`], which asks the operating system for its user,
//!   read the process environment.
//! - Everything needs a tokio runtime with I/O and time enabled; one thread is enough.
//! - Tokens and secrets are never shown by `Debug`, `Display` or errors.
//!
//! # Errors
//! Each module has its own, named after what failed. They name the address, path or id, keep their cause as
//! [`source`](std::error::Error::source), and most have a `hint()` that says what to do next.
//!
//! | error | when | |
//! |---|---|---|
//! | [`conf::ConfError`] | no configuration, or one that cannot be used | names file and line, or key and origin |
//! | [`security::UserError`] | this process's user has no name, or nothing to log in with | |
//! | [`security::KerberosError`] | Kerberos does not let us in | also inside of an `RpcError` |
//! | [`security::CredentialsError`] | a file of tokens cannot be read | |
//! | [`rpc::RpcError`] | a call failed | [`kind`](rpc::RpcErrorKind), attempts, what the server said |
//! | [`yarn::YarnError`] | an operation on YARN failed | classified by its methods: `is_not_found`, `is_unreachable`, … |
//! | [`yarn::SubmissionError`] | a submission breaks one of YARN's rules; nothing was sent | |
//! | [`yarn::ContainerFailure`] | a NodeManager refused a container | Java class and message |
//! | [`hdfs::HdfsError`] | an operation on a file system failed | names the full URI |
//! | [`hdfs::stage::StageError`] | files could not be brought to the cluster | |
//! | [`yarn::web::WebError`] | a request to a YARN web page failed | |
//! | [`logs::LogsError`] | logs cannot be read | names what was examined, or what is available instead |
#![cfg_attr(
    feature = "flink",
    doc = "
# Flink
Begin with [`cluster::Gateway::open`] for a cluster and with [`submit::JobSubmission`] for what to run on it.
[`submit::submit`] takes it to the ResourceManager, [`running::attach::wait`] watches it, [`explain::Outcome`] says how it
ended, and [`explain::decide`] why, or why it waits. These floors stand on those above:

| module | what it is for |
|---|---|
| [`submit`] | plans and submits jobs and sessions |
| [`running`] | waits for applications, orders to them, kill and collection |
| [`explain`] | why an application waits or has ended |
| [`cluster`] | a cluster, the way to its applications, what they leave behind |
| [`cause`] | what causes are called, and tables of what points at them |
| [`flink`], [`control`] | what Flink is told; the client of the control plane |
"
)]

#[cfg(feature = "flink")]
pub mod cause;
#[cfg(feature = "flink")]
pub mod cluster;
pub mod conf;
#[cfg(feature = "flink")]
pub mod control;
#[cfg(feature = "flink")]
pub mod explain;
mod file_name;
#[cfg(feature = "flink")]
pub mod flink;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzz;
pub mod hdfs;
pub mod logs;
pub mod rpc;
#[cfg(feature = "flink")]
pub mod running;
#[cfg(feature = "flink")]
pub mod schema;
pub mod security;
#[cfg(feature = "flink")]
pub mod submit;
mod tls;
pub mod yarn;

pub use proto::ids;

/// An error and its cause, separated by a colon, on one line.
pub fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// A duration for people, to a tenth of a second: `3 s`, `0.5 s`.
pub fn seconds(span: std::time::Duration) -> String {
    let tenths = format!("{:.1}", span.as_secs_f64());
    format!("{} s", tenths.strip_suffix(".0").unwrap_or(&tenths))
}

/// A number of things: `1 slot`, `2 slots`.
#[cfg(feature = "flink")]
pub fn counted(number: u32, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

/// Bytes as hexadecimal digits, two each.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The current time, in ms since the epoch.
pub fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn spans_are_formatted() {
        let spans = [3_001, 500, 0, 120_000, 60_060].map(Duration::from_millis);
        assert_eq!(spans.map(super::seconds), ["3 s", "0.5 s", "0 s", "120 s", "60.1 s"]);
    }

    #[cfg(feature = "flink")]
    #[test]
    fn numbers_of_things_are_words() {
        assert_eq!([0, 1, 2].map(|number| super::counted(number, "slot")), ["0 slots", "1 slot", "2 slots"]);
    }
}
