//! A job that counts, and fails when its state has lost or repeated a record, under whatever is done to its cluster.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::Cluster;
use serde_json::Value;

use crate::failures::{appears, ends, logs, submit};
use crate::tool::{GONE, LIMIT, eventually, nothing_left};

/// More than a job counts before it is told to hurry.
const RECORDS: &str = "30000";

/// One such job, of an application of its own.
pub(crate) struct Counting<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) id: String,
    /// Where its checkpoints go.
    checkpoints: String,
    /// From when this file is there, records take no time.
    hurry: PathBuf,
    /// Whoever finds this file holds on to a gigabyte.
    swell: PathBuf,
}

impl<'a> Counting<'a> {
    /// Submits it with further options of `run`, and arguments of the job.
    pub(crate) async fn submit(cluster: &'a Cluster, options: &[&str], arguments: &[&str]) -> Result<Self> {
        let folder = cluster.scratch("counting")?;
        let name = folder.file_name().and_then(|name| name.to_str()).context("a folder without a name")?;
        let checkpoints = format!("/user/{}/checkpoints-{name}", cluster.user());
        let directory = format!("execution.checkpointing.dir={}{checkpoints}", cluster.default_fs());
        let (hurry, swell) = (folder.join("hurry"), folder.join("swell"));
        // Without Flink's growing pauses between restarts, which would be most of the test.
        let own = [
            directory.as_str(),
            "yarn.heartbeat.interval=1",
            "restart-strategy.type=fixed-delay",
            "restart-strategy.fixed-delay.delay=500ms",
            "restart-strategy.fixed-delay.attempts=10000",
        ];
        let own: Vec<_> = own.into_iter().flat_map(|option| ["-D", option]).collect();
        let options = [&own[..], options].concat();
        let files = [hurry.display().to_string(), swell.display().to_string()];
        let own = ["Run", "--checkpoint-ms", "300", "--records", RECORDS, "--hurry", &files[0], "--swell"];
        let id = submit(cluster, &options, &[&own[..], &[files[1].as_str()], arguments].concat()).await?;
        Ok(Self { cluster, id, checkpoints, hurry, swell })
    }

    /// The numbers of the checkpoint that this JobManager's job was last restored from, and of the newest one.
    async fn newest(&self) -> (Option<u64>, Option<u64>) {
        let seen = self.cluster.checkpoints(&self.id).await.unwrap_or_default();
        let number = |kind: &str| seen.pointer(&format!("/latest/{kind}/id")).and_then(Value::as_u64);
        (number("restored"), number("completed"))
    }

    /// Waits for a completed checkpoint, and returns its number.
    pub(crate) async fn completes_a_checkpoint(&self) -> Result<u64> {
        self.completes_one_after(0).await
    }

    /// Waits for a completed checkpoint with a larger number than this.
    pub(crate) async fn completes_one_after(&self, before: u64) -> Result<u64> {
        eventually(&format!("a checkpoint after number {before}"), LIMIT, || async {
            self.lives().await?;
            Ok(self.newest().await.1 > Some(before))
        })
        .await?;
        self.newest().await.1.context("Flink does not answer any more")
    }

    /// Waits until the job was restored from checkpoint `before` or a later one, and has completed one since.
    pub(crate) async fn goes_on_from(&self, before: u64) -> Result<()> {
        eventually(&format!("the job goes on from checkpoint {before}"), LIMIT, || async {
            self.lives().await?;
            let (restored, completed) = self.newest().await;
            Ok(restored >= Some(before) && completed > restored)
        })
        .await
    }

    /// An application that has ended is not waited for.
    async fn lives(&self) -> Result<()> {
        // A ResourceManager that is away, or just back, says nothing.
        let Ok(application) = self.cluster.application(&self.id).await else { return Ok(()) };
        ensure!(
            !["FINISHED", "FAILED", "KILLED"].iter().any(|state| application["state"] == **state),
            "it has ended: {application}\n{}",
            logs(self.cluster, &self.id, "appmaster.stderr")
        );
        Ok(())
    }

    /// The NodeManager that its only TaskManager runs under, and that container.
    pub(crate) async fn task_manager(&self) -> Result<(u8, String)> {
        let process = appears("TaskManager", || self.cluster.task_managers(&self.id)).await?;
        Ok((number(process.host().as_deref())?, process.container.context("no container")?))
    }

    /// The NodeManager that its application master runs under.
    pub(crate) async fn application_master(&self) -> Result<u8> {
        number(appears("application master", || self.cluster.app_masters(&self.id)).await?.host().as_deref())
    }

    /// How many attempts YARN has made.
    pub(crate) async fn attempts(&self) -> Result<usize> {
        let answer = self.cluster.rm_rest(&format!("/ws/v1/cluster/apps/{}/appattempts", self.id)).await?;
        answer
            .pointer("/appAttempts/appAttempt")
            .and_then(Value::as_array)
            .map(Vec::len)
            .context("no attempts")
    }

    /// Lets one TaskManager grow by a gigabyte.
    pub(crate) fn swell(&self) -> Result<()> {
        std::fs::write(&self.swell, "").context("cannot write a file")
    }

    /// Lets it count to its end: every record once, and nothing is left of it.
    pub(crate) async fn finishes(self) -> Result<()> {
        std::fs::write(&self.hurry, "")?;
        let diagnostics = ends(self.cluster, &self.id, "SUCCEEDED").await?;
        ensure!(diagnostics.ends_with("FINISHED"), "{diagnostics}");
        self.leaves_nothing().await
    }

    /// Nothing of an application that has ended is left, checkpoints included.
    pub(crate) async fn leaves_nothing(&self) -> Result<()> {
        nothing_left(self.cluster, &self.id, GONE).await?;
        let left = self.cluster.hdfs()?.files(&self.checkpoints).await?;
        ensure!(left.is_empty(), "checkpoints are left: {left:?}");
        Ok(())
    }
}

/// The number of the NodeManager at this address.
fn number(host: Option<&str>) -> Result<u8> {
    let last = host.and_then(|host| host.rsplit('.').next()).and_then(|last| last.parse::<u8>().ok());
    last.and_then(|last| last.checked_sub(1)).with_context(|| format!("{host:?} is no NodeManager's address"))
}
