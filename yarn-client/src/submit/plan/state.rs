//! The first step: resolves state paths to their file systems, before anything is derived from the configuration.

use crate::cluster::state_paths::StateRoot;
use crate::conf::Configuration;
use crate::flink::{FlinkConfig, Warning};
use crate::submit::error::PreflightError;
use crate::submit::keys;
use crate::submit::spec::ResolvedJob;

/// A job's configuration in which every state path is a full URI.
pub(super) struct State {
    pub(super) config: FlinkConfig,
    /// The savepoint to start from.
    pub(super) savepoint: Option<String>,
    /// The warnings of the job, and one for each path that was not a full URI.
    pub(super) warnings: Vec<Warning>,
}

impl State {
    pub(super) fn of(job: &ResolvedJob, hadoop: &Configuration) -> Result<Self, PreflightError> {
        let mut config = job.config.clone();
        let mut warnings = job.warnings.clone();
        let root = StateRoot::of_cluster(hadoop, &config)?;
        warnings.extend(root.apply(&mut config)?);
        let Some(given) = &job.savepoint else { return Ok(Self { config, savepoint: None, warnings }) };
        let path = root.qualify("the savepoint", given)?.into_owned();
        if path != *given {
            let text = format!("{given} resolves to {path}");
            warnings.push(Warning { key: keys::SAVEPOINT.key.to_owned(), text });
        }
        Ok(Self { config, savepoint: Some(path), warnings })
    }
}
