//! `Debug` for messages that carry secrets: sizes and names only.

use std::fmt;

use crate::hadoop::common::{CredentialsKvProto, TokenProto};
use crate::hadoop::yarn::ContainerLaunchContextProto;
use crate::launch::{File, LaunchSpec, Workload};

impl fmt::Debug for TokenProto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenProto")
            .field("kind", &self.kind)
            .field("service", &self.service)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CredentialsKvProto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsKvProto")
            .field("alias", &self.alias)
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ContainerLaunchContextProto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContainerLaunchContextProto")
            .field("local_resources", &self.local_resources.len())
            .field("environment", &self.environment.iter().map(|e| e.key.as_deref()).collect::<Vec<_>>())
            .field("command", &self.command)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("link", &self.link).field("size", &self.content.len()).finish()
    }
}

/// The generator omits it together with that of the message it belongs to.
impl fmt::Debug for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(job) => job.fmt(f),
            Self::Program(program) => program.fmt(f),
            Self::Session(session) => session.fmt(f),
        }
    }
}

impl fmt::Debug for LaunchSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchSpec")
            .field("application_name", &self.application_name)
            .field("staging_dir", &self.staging_dir)
            .field("flink_version", &self.flink_version)
            .field("flink_conf_keys", &self.flink_conf.len())
            .finish_non_exhaustive()
    }
}
