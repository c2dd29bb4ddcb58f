//! One job, submitted with default settings, and what can be seen of it from outside.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use integration_tests::cluster::{Cluster, Process, java};
use integration_tests::progress;
use serde_json::Value;

use crate::Programs;

const LOOK: Duration = Duration::from_millis(250);
/// Time limit from the submission until the job runs, on a loaded machine.
const START: Duration = Duration::from_secs(240);

/// A job that counts, and fails if its state has lost or repeated a record.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    pub(crate) cluster: &'a Cluster,
    programs: &'a Programs,
    pub(crate) id: String,
    begun: Instant,
}

impl<'a> Job<'a> {
    /// Submits it with these sizes; everything else is `yarn-flink`'s default.
    pub(crate) async fn submit(
        cluster: &'a Cluster,
        programs: &'a Programs,
        task_manager: &str,
        parallelism: u32,
    ) -> Result<Self> {
        let checkpoints = format!(
            "execution.checkpointing.dir={}/user/{}/checkpoints",
            cluster.default_fs(),
            cluster.user()
        );
        let mut command = Command::new(&programs.binaries.yarn_flink);
        command.envs(cluster.client_environment()).env("FLINK_HOME", programs.flink.home());
        command.args(["run", "-d", "--name", "patience", "-tm", task_manager, "-D", &checkpoints]);
        command.arg("--app-master").arg(&programs.binaries.app_master);
        command.args(["-c", "example.Run"]).arg(&programs.jar).args(["--checkpoint-ms", "1000"]);
        command.args(["--parallelism", &parallelism.to_string()]);
        let output = java::output(command).await?.success()?;
        let id = output.stdout.lines().find_map(|line| line.strip_prefix("application_id: "));
        let id = id.map(|id| id.trim().to_owned()).context("`run -d` printed no application_id")?;
        progress::line(&id);
        Ok(Self { cluster, programs, id, begun: Instant::now() })
    }

    /// One line about it, with the time since its submission.
    pub(crate) fn note(&self, text: &str) {
        progress::line(&format!("{:>6.1} s  {text}", self.begun.elapsed().as_secs_f32()));
    }

    /// The number of the latest completed checkpoint, and of the one that this JobManager's job was restored from.
    async fn checkpoints(&self) -> (Option<u64>, Option<u64>) {
        let seen = self.cluster.checkpoints(&self.id).await.unwrap_or_default();
        let number = |kind: &str| seen.pointer(&format!("/latest/{kind}/id")).and_then(Value::as_u64);
        (number("completed"), number("restored"))
    }

    /// Waits for its first checkpoint after this one, and returns its number.
    pub(crate) async fn completes_one_after(&self, before: u64) -> Result<u64> {
        let begun = Instant::now();
        loop {
            if let (Some(number), _) = self.checkpoints().await
                && number > before
            {
                return Ok(number);
            }
            self.lives().await?;
            ensure!(
                begun.elapsed() < START,
                "no checkpoint within {} s: {}",
                START.as_secs(),
                self.why().await
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How long it takes until the job has been restored from checkpoint `before` or a later one and has completed
    /// another one since; `None` if that is not within `limit`.
    pub(crate) async fn goes_on_from(&self, before: u64, limit: Duration) -> Result<Option<Duration>> {
        let begun = Instant::now();
        while begun.elapsed() < limit {
            let (completed, restored) = self.checkpoints().await;
            if restored >= Some(before) && completed > restored {
                return Ok(Some(begun.elapsed()));
            }
            self.lives().await?;
            tokio::time::sleep(LOOK).await;
        }
        Ok(None)
    }

    /// Waits until `number` TaskManagers are running.
    pub(crate) async fn has_task_managers(&self, number: usize) -> Result<Vec<Process>> {
        let begun = Instant::now();
        loop {
            let found = self.cluster.task_managers(&self.id);
            if found.len() == number {
                return Ok(found);
            }
            self.lives().await?;
            let seen = found.len();
            ensure!(begun.elapsed() < START, "{seen} TaskManagers and not {number}: {}", self.why().await);
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Fails if the application has ended, which is wrong in all scenarios.
    pub(crate) async fn lives(&self) -> Result<()> {
        // A ResourceManager that is away, or has just come back, does not know.
        let Ok(report) = self.cluster.application(&self.id).await else { return Ok(()) };
        let text = |key: &str| report.get(key).and_then(Value::as_str).unwrap_or_default();
        if ["FINISHED", "FAILED", "KILLED"].contains(&text("state")) {
            bail!(
                "it has ended after {:.0} s: {}",
                self.begun.elapsed().as_secs_f32(),
                text("diagnostics").trim()
            );
        }
        Ok(())
    }

    /// What `explain` says about it, in one line.
    pub(crate) async fn why(&self) -> String {
        let mut command = Command::new(&self.programs.binaries.yarn_flink);
        command.envs(self.cluster.client_environment()).args(["explain", "-o", "json", &self.id]);
        let said = async {
            let output = tokio::time::timeout(Duration::from_secs(60), java::output(command)).await;
            let output = output.context("explain hangs")??.success()?;
            let printed: Value = serde_json::from_str(&output.stdout).context("no JSON from explain")?;
            let code = printed.pointer("/cause/code").and_then(Value::as_str).unwrap_or("nothing");
            Ok::<_, anyhow::Error>(format!(
                "{code}: {}",
                printed.get("text").and_then(Value::as_str).unwrap_or_default()
            ))
        };
        said.await.unwrap_or_else(|error| format!("explain: {error:#}")).replace('\n', " ")
    }

    /// Number of the application's attempts so far, as reported by the ResourceManager.
    pub(crate) async fn attempts(&self) -> usize {
        let path = format!("/ws/v1/cluster/apps/{}/appattempts", self.id);
        let answer = self.cluster.rm_rest(&path).await.unwrap_or_default();
        answer.pointer("/appAttempts/appAttempt").and_then(Value::as_array).map_or(0, Vec::len)
    }
}

/// The number of the NodeManager under which a container's process runs.
pub(crate) fn node_of(process: &Process) -> Result<u8> {
    let host = process.host().with_context(|| format!("process {} is gone", process.pid))?;
    let last = host.rsplit('.').next().and_then(|last| last.parse::<u8>().ok());
    last.and_then(|last| last.checked_sub(1)).with_context(|| format!("{host} is no NodeManager's address"))
}
