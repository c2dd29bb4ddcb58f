//! The real command line, as a user would type it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::binaries;
use integration_tests::cluster::{Cluster, java};
use integration_tests::flink::Flink;
use integration_tests::progress;

/// The output of `run -d`.
#[derive(Clone, Debug)]
pub(crate) struct Submitted {
    pub(crate) application_id: String,
    pub(crate) job_id: String,
    /// Wall time of the command.
    pub(crate) took: Duration,
}

/// Runs `yarn-flink run -d` for the word count over `folder/text` to `folder/counts`.
pub(crate) async fn submit(cluster: &Cluster, flink: &Flink, jar: &Path, folder: &str) -> Result<Submitted> {
    let programs = binaries::binaries()?;
    let place = |name: &str| format!("{}{folder}/{name}", cluster.default_fs());
    let mut command = Command::new(&programs.yarn_flink);
    command.envs(cluster.client_environment()).env("FLINK_HOME", flink.home());
    command.args(["run", "-d", "-p", "2", "--name", "word-count"]).arg(jar);
    command.args(["--input", &place("text"), "--output", &place("counts")]);
    let shown: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
    progress::line(&format!("$ yarn-flink {}", shown.join(" ")));
    let output = java::output(command).await?;
    for line in output.stdout.lines().chain(output.stderr.lines()) {
        progress::line(&format!("  {line}"));
    }
    ensure!(output.status.success(), "yarn-flink run ended with {}", output.status);
    let value = |key: &str| {
        let line = output.stdout.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
        line.map(|value| value.trim().to_owned()).with_context(|| format!("`run -d` printed no {key}"))
    };
    Ok(Submitted { application_id: value("application_id")?, job_id: value("job_id")?, took: output.took })
}
