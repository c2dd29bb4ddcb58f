//! A job that counts, and fails if its state has lost or repeated a record, whatever is done to its cluster.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::Cluster;
use serde_json::Value;

use crate::failures::{appears, ends, logs};
use crate::tool::{GONE, LIMIT, eventually, nothing_left, run, text};

/// More than a job counts before it is told to hurry.
const RECORDS: &str = "30000";

/// One such job, in its own application.
pub(crate) struct Counting<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) id: String,
    /// Flink's id of the job.
    pub(crate) job: String,
    /// Where its checkpoints go: a path in HDFS.
    pub(crate) checkpoints: String,
    /// The files that its program looks for: see `Run.java`.
    files: Files,
}

/// Files that make the program do something once they exist.
#[derive(Debug, Clone)]
struct Files {
    /// Records take no time from then on.
    hurry: PathBuf,
    /// The task that finds it holds on to a gigabyte.
    swell: PathBuf,
    /// Counting throws.
    fail: PathBuf,
    /// The JobManager's JVM exits with the code in it.
    halt: PathBuf,
}

/// A path in HDFS that no other job has.
pub(crate) fn checkpoint_dir(cluster: &Cluster) -> Result<String> {
    let folder = cluster.scratch("checkpoints")?;
    let name = folder.file_name().and_then(|name| name.to_str()).context("a folder without a name")?;
    Ok(format!("/user/{}/{name}", cluster.user()))
}

impl<'a> Counting<'a> {
    /// Submits a job with further options of `run`, and arguments of the job.
    pub(crate) async fn submit(cluster: &'a Cluster, options: &[&str], arguments: &[&str]) -> Result<Self> {
        let checkpoints = checkpoint_dir(cluster)?;
        let directory = format!("execution.checkpointing.dir={}{checkpoints}", cluster.default_fs());
        // Without Flink's growing pauses between restarts, which would be most of the test.
        let own = [
            directory.as_str(),
            "yarn.heartbeat.interval=1",
            "restart-strategy.type=fixed-delay",
            "restart-strategy.fixed-delay.delay=500ms",
            "restart-strategy.fixed-delay.attempts=10000",
        ];
        let own: Vec<_> = own.into_iter().flat_map(|option| ["-D", option]).collect();
        let arguments = [&["--checkpoint-ms", "300"], arguments].concat();
        Self::with(cluster, checkpoints, &[&own[..], options].concat(), &arguments).await
    }

    /// Submits a job whose program itself enables checkpoints and sets their location; no setting but `options`.
    pub(crate) async fn of_program(
        cluster: &'a Cluster,
        options: &[&str],
        arguments: &[&str],
    ) -> Result<Self> {
        let checkpoints = checkpoint_dir(cluster)?;
        let storage = format!("{}{checkpoints}", cluster.default_fs());
        let arguments = [&["--checkpoint-ms", "300", "--storage", &storage], arguments].concat();
        Self::with(cluster, checkpoints, options, &arguments).await
    }

    /// Submits a job whose checkpoints go where `options` or `arguments` say.
    pub(crate) async fn with(
        cluster: &'a Cluster,
        checkpoints: String,
        options: &[&str],
        arguments: &[&str],
    ) -> Result<Self> {
        let folder = cluster.scratch("counting")?;
        let [hurry, swell, fail, halt] = ["hurry", "swell", "fail", "halt"].map(|name| folder.join(name));
        let files = Files { hurry, swell, fail, halt };
        let mut program = ["Run", "--records", RECORDS].map(str::to_owned).to_vec();
        for (option, file) in [
            ("--hurry", &files.hurry),
            ("--swell", &files.swell),
            ("--fail", &files.fail),
            ("--halt", &files.halt),
        ] {
            program.extend([option.to_owned(), file.display().to_string()]);
        }
        let program: Vec<_> = program.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
        let options = [&["-d", "-o", "json"], options].concat();
        let submitted = run(cluster, &options, &program).await?.expect(0)?.json()?;
        let field = |key| text(&submitted, key).to_owned();
        Ok(Self { cluster, id: field("application_id"), job: field("job_id"), checkpoints, files })
    }

    /// The numbers of the checkpoint from which this JobManager's job was last restored, and of the newest one.
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

    /// Number and location of the checkpoint from which this JobManager's job was restored.
    pub(crate) async fn restored(&self) -> Result<(u64, String)> {
        let seen = self.cluster.checkpoints(&self.id).await.context("Flink does not answer any more")?;
        let restored = seen.pointer("/latest/restored").context("not restored")?;
        let number = restored.get("id").and_then(Value::as_u64).context("no number")?;
        Ok((number, text(restored, "external_path").to_owned()))
    }

    /// The complete checkpoints in its directory: numbers and paths in HDFS, oldest first.
    pub(crate) async fn kept(&self) -> Result<Vec<(u64, String)>> {
        let files = self.cluster.hdfs()?.files(&self.checkpoints).await?;
        let complete = |(path, _): &(String, _)| {
            let directory = path.strip_suffix("/_metadata")?;
            let number = directory.rsplit_once("/chk-")?.1.parse().ok()?;
            Some((number, directory.to_owned()))
        };
        let mut kept: Vec<_> = files.iter().filter_map(complete).collect();
        kept.sort_unstable();
        Ok(kept)
    }

    /// Waits until the job has been restored from checkpoint `before` or a later one, and has completed another one
    /// since.
    pub(crate) async fn goes_on_from(&self, before: u64) -> Result<()> {
        eventually(&format!("the job goes on from checkpoint {before}"), LIMIT, || async {
            self.lives().await?;
            let (restored, completed) = self.newest().await;
            Ok(restored >= Some(before) && completed > restored)
        })
        .await
    }

    /// Fails if the application has ended, as waiting is pointless then.
    pub(crate) async fn lives(&self) -> Result<()> {
        // A ResourceManager that is away, or has just come back, does not know.
        let Ok(application) = self.cluster.application(&self.id).await else { return Ok(()) };
        ensure!(
            !["FINISHED", "FAILED", "KILLED"].iter().any(|state| application["state"] == **state),
            "it has ended: {application}\n{}",
            logs(self.cluster, &self.id, "appmaster.stderr")
        );
        Ok(())
    }

    /// The NodeManager under which its only TaskManager runs, and the container.
    pub(crate) async fn task_manager(&self) -> Result<(u8, String)> {
        let process = appears("TaskManager", || self.cluster.task_managers(&self.id)).await?;
        Ok((number(process.host().as_deref())?, process.container.context("no container")?))
    }

    /// The NodeManager under which its application master runs.
    pub(crate) async fn application_master(&self) -> Result<u8> {
        number(appears("application master", || self.cluster.app_masters(&self.id)).await?.host().as_deref())
    }

    /// The number of attempts YARN has made.
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
        std::fs::write(&self.files.swell, "").context("cannot write a file")
    }

    /// Makes the job fail by itself.
    pub(crate) fn fail(&self) -> Result<()> {
        std::fs::write(&self.files.fail, "").context("cannot write a file")
    }

    /// Makes the JobManager's JVM exit with this code, once.
    pub(crate) fn halt(&self, code: i32) -> Result<()> {
        // The program must not read half of the file.
        let whole = self.files.halt.with_extension("writing");
        std::fs::write(&whole, code.to_string())?;
        std::fs::rename(whole, &self.files.halt).context("cannot rename a file")
    }

    /// Lets it count to its end: every record once, and nothing of it is left.
    pub(crate) async fn finishes(self) -> Result<()> {
        let job = self.counts_all().await?;
        job.leaves_nothing().await
    }

    /// The same without checking what is left.
    pub(crate) async fn counts_all(self) -> Result<Self> {
        std::fs::write(&self.files.hurry, "")?;
        let diagnostics = ends(self.cluster, &self.id, "SUCCEEDED").await?;
        ensure!(diagnostics.ends_with("FINISHED"), "{diagnostics}");
        Ok(self)
    }

    /// Checks that nothing of an ended application is left, checkpoints included.
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
