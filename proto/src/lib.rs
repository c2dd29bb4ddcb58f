//! Wire vocabulary of the project: the Hadoop and YARN messages it speaks, the launch specification that the
//! client leaves for the application master, and YARN's typed ids. No I/O and no decisions live here.
//!
//! Begin with [`ids`] for the identifiers people see, [`hadoop`] for the messages on the wire and [`launch`]
//! for the file that travels from client to application master.
#![forbid(unsafe_code)]

pub mod ids;
mod redacted;

/// Messages of Hadoop's own protocols. Field meanings are documented by Hadoop's interfaces of the same name.
pub mod hadoop {
    /// Package `hadoop.common`: RPC envelope, SASL negotiation, tokens.
    #[allow(missing_docs, unreachable_pub, clippy::all, clippy::use_self, reason = "generated code")]
    pub mod common {
        include!(concat!(env!("OUT_DIR"), "/hadoop.common.rs"));
    }
    /// Package `hadoop.yarn`: records, requests and responses.
    #[allow(missing_docs, unreachable_pub, clippy::all, clippy::use_self, reason = "generated code")]
    pub mod yarn {
        include!(concat!(env!("OUT_DIR"), "/hadoop.yarn.rs"));
    }
}

/// The launch specification; see `proto/launch.proto`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::use_self, reason = "generated code")]
pub mod launch {
    include!(concat!(env!("OUT_DIR"), "/yarnflink.launch.rs"));

    /// The layout version this build writes and reads.
    pub const VERSION: u32 = 2;
    /// Alias of the secret that holds it in the container's credentials.
    pub const SECRET: &str = "yarn-flink.launch-spec";
    /// Alias of the secret that holds [`Files`] in the credentials of a TaskManager's container.
    pub const FILES_SECRET: &str = "yarn-flink.files";
}

/// The control plane of a running application master; see `proto/control.proto`.
#[cfg(feature = "control")]
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    elided_lifetimes_in_paths,
    clippy::all,
    clippy::use_self,
    clippy::or_fun_call,
    clippy::clone_on_ref_ptr,
    clippy::future_not_send,
    reason = "generated code"
)]
pub mod control {
    include!(concat!(env!("OUT_DIR"), "/yarnflink.control.rs"));
}

/// A serialised `FileDescriptorSet` of every `.proto` file of this crate, for comparison with the descriptors
/// inside the Hadoop jars.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
