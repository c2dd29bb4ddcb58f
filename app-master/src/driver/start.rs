//! What an attempt starts with: the launch specification, what earlier attempts have left, and the locations.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Duration;

use prost::Message as _;
use proto::ids::NodeId;
use proto::launch::{self, LaunchSpec};
use tokio::time::Instant;
use yarn_client::conf::Environment;
use yarn_client::flink::FlinkConfig;
use yarn_client::flink::options::{CHECKPOINT_DIR, CHECKPOINT_SUBDIR, TRACE};
use yarn_client::security::Credentials;
use yarn_client::yarn::AM_RM_TOKEN;

use super::StartError;
use super::container::Container;
use super::files;
use super::staging::Staging;
use crate::machine::History;

const HISTORY_PATIENCE: Duration = Duration::from_secs(300);
const HISTORY_PAUSE: Duration = Duration::from_secs(1);

/// The only hosts on which TaskManagers may run.
pub(super) fn only_hosts(spec: &LaunchSpec) -> Vec<String> {
    let named = spec.placement.as_ref().filter(|placement| placement.racks.is_empty());
    named.map_or_else(Vec::new, |placement| placement.hosts.clone())
}

/// Where the trace of this attempt is written if `yarn-flink.trace` is on: next to the logs.
pub(super) fn trace_file(config: &FlinkConfig, log_dir: &Path) -> Option<BufWriter<File>> {
    let wanted = config.get(TRACE.key).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"));
    let path = log_dir.join("appmaster.trace");
    match wanted.then(|| File::create(&path))? {
        Ok(file) => Some(BufWriter::new(file)),
        Err(error) => {
            tracing::warn!("cannot write {}: {error}", path.display());
            None
        }
    }
}

/// Reads what earlier attempts have left. The NameNode may be away for as long as the ResourceManager waits for a
/// registration.
pub(super) async fn history(staging: &Staging) -> Result<History, StartError> {
    let begun = Instant::now();
    loop {
        match staging.history().await {
            Ok(history) => return Ok(history),
            Err(error) if begun.elapsed() > HISTORY_PATIENCE => return Err(error.into()),
            Err(error) => tracing::warn!("reading the journal of earlier attempts: {error}"),
        }
        tokio::time::sleep(HISTORY_PAUSE).await;
    }
}

/// Where the configuration puts a job's checkpoints (`FsCheckpointStorageAccess`).
pub(super) fn checkpoint_dir(config: &FlinkConfig, job_id: &str) -> Option<String> {
    let directory = config.explicit(&CHECKPOINT_DIR)?.trim_end_matches('/');
    let apart = config.boolean(&CHECKPOINT_SUBDIR).ok().flatten().unwrap_or(true);
    Some(if apart { format!("{directory}/{job_id}") } else { directory.to_owned() })
}

/// Takes the launch specification out of the credentials: the TaskManagers get what remains.
pub(super) fn take_spec(credentials: &mut Credentials) -> Result<LaunchSpec, StartError> {
    let at = credentials
        .secrets
        .iter()
        .position(|(alias, _)| alias == launch::SECRET)
        .ok_or(StartError::NoSpec)?;
    let (_, secret) = credentials.secrets.swap_remove(at);
    let spec = LaunchSpec::decode(secret.expose().clone())?;
    if spec.version != launch::VERSION {
        return Err(StartError::SpecVersion { found: spec.version });
    }
    Ok(spec)
}

/// What launched containers get of our own credentials.
pub(super) fn of_containers(spec: &LaunchSpec, own: &Credentials) -> Credentials {
    // With that token the job's code could act as the application master.
    let mut credentials = own.without(AM_RM_TOKEN);
    files::pack(spec, &mut credentials);
    credentials
}

pub(super) fn own_node(env: &Environment, container: &Container) -> NodeId {
    let port = env.get("NM_PORT").and_then(|port| port.parse().ok()).unwrap_or(0);
    NodeId { host: container.host.clone(), port }
}

#[cfg(test)]
mod tests {
    use yarn_client::security::Secret;

    use super::*;

    fn credentials(version: u32) -> Credentials {
        let spec = LaunchSpec { version, flink_version: "1.20.5".to_owned(), ..LaunchSpec::default() };
        let secret = Secret::new(spec.encode_to_vec());
        Credentials { secrets: vec![(launch::SECRET.to_owned(), secret)], ..Credentials::default() }
    }

    #[test]
    fn specification_is_taken_out_of_the_credentials() {
        let mut credentials = credentials(launch::VERSION);
        assert_eq!(take_spec(&mut credentials).expect("a specification").flink_version, "1.20.5");
        assert!(credentials.secrets.is_empty(), "TaskManagers must not get it");
        assert!(matches!(take_spec(&mut credentials), Err(StartError::NoSpec)));
    }

    #[test]
    fn specification_of_another_version_is_refused() {
        let error = take_spec(&mut credentials(launch::VERSION + 1)).expect_err("another version");
        assert!(
            matches!(error, StartError::SpecVersion { found } if found == launch::VERSION + 1),
            "{error}"
        );
    }
}
