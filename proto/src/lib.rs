//! Wire vocabulary of the project: the Hadoop and YARN messages it speaks, the launch specification that the
//! client leaves for the application master, and YARN's typed ids. No I/O and no decisions live here.
//!
//! Start with [`ids`] for the identifiers that users see, [`hadoop`] for the messages on the wire and [`launch`] for
//! the specification that travels from client to application master.
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
#[allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::use_self,
    reason = "generated code"
)]
pub mod launch {
    include!(concat!(env!("OUT_DIR"), "/yarnflink.launch.rs"));

    pub use launch_spec::Workload;

    /// The layout version this build writes and reads.
    pub const VERSION: u32 = 4;
    /// Alias of the secret that holds it in the container's credentials.
    pub const SECRET: &str = "yarn-flink.launch-spec";
    /// Alias of the secret that holds [`Files`] in the credentials of a TaskManager's container.
    pub const FILES_SECRET: &str = "yarn-flink.files";

    impl Workload {
        /// The id of the only job.
        pub fn job_id(&self) -> Option<&str> {
            if let Self::Job(job) = self { Some(&job.job_id) } else { None }
        }

        /// What the JobManager runs; `None` for a session.
        pub fn program(&self) -> Option<&Program> {
            match self {
                Self::Job(job) => job.program.as_ref(),
                Self::Program(program) => Some(program),
                Self::Session(_) => None,
            }
        }

        /// The same, mutable, to be completed.
        pub fn program_mut(&mut self) -> Option<&mut Program> {
            match self {
                Self::Job(job) => job.program.as_mut(),
                Self::Program(program) => Some(program),
                Self::Session(_) => None,
            }
        }
    }
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
