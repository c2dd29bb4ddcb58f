//! What the targets do. Each takes any bytes, and may do anything with them but panic, hang, or take memory beyond the limits of
//! [`driver`](crate::driver); what is read and written back must be the same.

mod answers;
mod configuration;
mod logs;
mod master;
mod rpc;
mod security;
mod texts;

pub use answers::{flink_json, http_answer, yarn_messages, yarn_web};
pub use configuration::{flink_conf, hadoop_xml, ids};
pub use logs::{aggregated_log, events, java_stream};
pub use master::{control, journal, key_record, launch_spec, trace, web_page};
pub use rpc::{rpc_connection, rpc_frames, sasl_connection};
pub use security::{credentials, digest_challenge, truststore};
pub use texts::{diagnostics, java_trace};

/// A target, as `cargo fuzz` and `corpus/` name it.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub run: fn(&[u8]),
}

macro_rules! targets {
    ($($name:ident),* $(,)?) => { &[$(Target { name: stringify!($name), run: $name }),*] };
}

/// All of them. GSS tokens are missing: they are taken apart in the system's own library.
// GSSAPI's wrapped messages and the steps of its handshake belong into `security` as `gss_tokens`, once there is a mechanism.
pub const TARGETS: &[Target] = targets![
    rpc_frames,
    rpc_connection,
    sasl_connection,
    digest_challenge,
    credentials,
    truststore,
    aggregated_log,
    java_stream,
    events,
    yarn_messages,
    yarn_web,
    flink_json,
    http_answer,
    hadoop_xml,
    flink_conf,
    ids,
    diagnostics,
    java_trace,
    launch_spec,
    journal,
    key_record,
    trace,
    control,
    web_page,
];

/// The result of a future that never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(result) = future.as_mut().poll(&mut context) {
            return result;
        }
    }
}

/// The result of a future that talks to another, in a runtime that ends with it.
fn conversation<T>(future: impl Future<Output = T>) -> Option<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().ok()?;
    Some(runtime.block_on(future))
}
