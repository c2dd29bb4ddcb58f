//! Both sides' command lines, on the same cluster with the same Flink and the same job.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::measured::{Usage, usage};
use anyhow::{Context as _, Result, ensure};
use integration_tests::binaries::Binaries;
use integration_tests::cluster::Cluster;
use integration_tests::cluster::java::{self, FLINK_CLI, FS_SHELL};
use integration_tests::flink::Flink;
use integration_tests::progress::Step;
use serde_json::Value;

/// Time limit for an application to appear or to go.
const LIMIT: Duration = Duration::from_secs(120);

/// Everything that a measure needs.
#[derive(Debug)]
pub(crate) struct Sides<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) flink: Flink,
    pub(crate) jar: PathBuf,
    pub(crate) programs: Binaries,
    their_environment: Vec<(String, String)>,
    /// Folder of this run on this machine.
    scratch: PathBuf,
    /// Folder of this run in HDFS, without the file system.
    folder: String,
}

impl<'a> Sides<'a> {
    /// Both sides on this cluster.
    pub(crate) async fn new(
        cluster: &'a Cluster,
        flink: Flink,
        programs: Binaries,
        jar: PathBuf,
    ) -> Result<Self> {
        let their_environment = cluster.flink_environment().await?;
        let scratch = cluster.scratch("compare")?;
        let name = scratch.file_name().context("a folder has a name")?.to_string_lossy().into_owned();
        let folder = format!("/user/{}/{name}", cluster.user());
        Ok(Self { cluster, flink, jar, programs, their_environment, scratch, folder })
    }

    /// The same two sides on another cluster.
    pub(crate) async fn on<'b>(&self, cluster: &'b Cluster) -> Result<Sides<'b>> {
        Sides::new(cluster, self.flink.clone(), self.programs.clone(), self.jar.clone()).await
    }

    /// Puts Flink's distribution into HDFS, for `yarn.provided.lib.dirs`.
    pub(crate) async fn prepare(self) -> Result<Self> {
        let step = Step::begin("put Flink into HDFS for its own client");
        let provided = self.remote("provided");
        self.cluster.java_tool(FS_SHELL, &["-mkdir", "-p", &provided]).await?.success()?;
        let home = self.flink.home();
        let (lib, plugins) = (home.join("lib"), home.join("plugins"));
        self.cluster
            .java_tool(FS_SHELL, &["-put", &lib.to_string_lossy(), &plugins.to_string_lossy(), &provided])
            .await?
            .success()?;
        step.done();
        Ok(self)
    }

    /// URI of `name` in this run's HDFS folder.
    pub(crate) fn remote(&self, name: &str) -> String {
        format!("{}{}/{name}", self.cluster.default_fs(), self.folder)
    }

    /// Creates an empty HDFS folder for this run and returns its URI.
    pub(crate) async fn remote_folder(&self, name: &str) -> Result<String> {
        self.cluster.hdfs()?.mkdirs(&format!("{}/{name}", self.folder)).await?;
        Ok(self.remote(name))
    }

    /// Removes a folder that [`Self::remote_folder`] has created.
    pub(crate) async fn remove_remote(&self, name: &str) -> Result<()> {
        self.cluster.hdfs()?.delete(&format!("{}/{name}", self.folder)).await?;
        Ok(())
    }

    /// A folder of this run on this machine.
    pub(crate) fn local(&self, name: &str) -> PathBuf {
        self.scratch.join(name)
    }

    /// `yarn-flink` with the cluster's environment. It remembers digests of local files in `digests`.
    pub(crate) fn ours(&self, digests: &Path) -> Command {
        let mut command = Command::new(&self.programs.yarn_flink);
        command
            .envs(self.cluster.client_environment())
            .env("FLINK_HOME", self.flink.home())
            .env("XDG_CACHE_HOME", digests);
        command
    }

    /// A Flink client, given by its main class, with the cluster's environment.
    pub(crate) fn theirs(&self, class: &str) -> Command {
        let jars = self.cluster.hadoop_jars().join("*");
        let mut command = self.flink.command(class, &[self.cluster.client_conf_dir(), jars]);
        command.envs(self.their_environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Measures a command that launches the application of this name, which is then killed.
    pub(crate) async fn launched(&self, name: &str, command: &Command) -> Result<Usage> {
        let (usage, _) = usage(command).await?;
        let id = self.application(name).await?;
        self.kill(&id).await?;
        Ok(usage)
    }

    /// The application's name on the ResourceManager: a kept cluster remembers those of earlier runs.
    pub(crate) fn full_name(&self, name: &str) -> String {
        let run = self.folder.rsplit('/').next().unwrap_or_default();
        format!("{run}-{name}")
    }

    /// Our application master's program.
    pub(crate) fn app_master(&self) -> &Path {
        &self.programs.app_master
    }

    /// Number of processes of an application whose command line names this class.
    pub(crate) fn jvms(&self, id: &str, class: &str) -> usize {
        let named = |argument: &String| argument.ends_with(class);
        self.cluster.processes_of(id).iter().filter(|it| it.command.iter().any(named)).count()
    }

    /// `yarn-flink run -d` of an example job. `options` come before the jar.
    pub(crate) fn our_run(&self, digests: &Path, name: &str, job: &str, options: &[String]) -> Command {
        let mut command = self.ours(digests);
        command.arg("run").arg("--app-master").arg(&self.programs.app_master);
        command
            .args(["-d", "--name", &self.full_name(name), "-c", &format!("example.{job}")])
            .args(options)
            .arg(&self.jar);
        command
    }

    /// `flink run-application -t yarn-application` of an example job.
    pub(crate) fn their_run(&self, name: &str, job: &str, options: &[String]) -> Command {
        let mut command = self.theirs(FLINK_CLI);
        command
            .args(["run-application", "-t", "yarn-application"])
            .arg(format!("-Dyarn.application.name={}", self.full_name(name)))
            .args(["-c", &format!("example.{job}")])
            .args(options)
            .arg(&self.jar);
        command
    }

    /// The option that lets Flink's client use the libraries in HDFS.
    pub(crate) fn provided(&self) -> String {
        format!(
            "-Dyarn.provided.lib.dirs={};{}",
            self.remote("provided/lib"),
            self.remote("provided/plugins")
        )
    }

    /// Runs a command that is not measured.
    pub(crate) async fn run(&self, command: Command) -> Result<java::ToolOutput> {
        java::output(command).await?.success()
    }

    /// The id of the application with this name, which must already be on the ResourceManager.
    pub(crate) async fn application(&self, name: &str) -> Result<String> {
        let applications = self.cluster.applications().await?;
        let name = self.full_name(name);
        let found = applications.iter().find(|app| text(app, "name") == name);
        let id = found.map(|app| text(app, "id").to_owned());
        id.with_context(|| format!("the ResourceManager knows no application {name}"))
    }

    /// Kills the application and waits until all of its processes are gone, so that the next run has the machine to
    /// itself.
    pub(crate) async fn kill(&self, id: &str) -> Result<()> {
        self.cluster.kill_application(id).await?;
        self.gone(id).await
    }

    /// Waits for the application and its processes to end; the second look makes sure that none was just starting.
    pub(crate) async fn gone(&self, id: &str) -> Result<()> {
        self.cluster.wait_for_end(id, LIMIT).await?;
        let begun = Instant::now();
        let mut empty = 0;
        while empty < 2 {
            ensure!(begun.elapsed() < LIMIT, "processes of {id} live on");
            tokio::time::sleep(Duration::from_millis(250)).await;
            empty = if self.cluster.processes_of(id).is_empty() { empty + 1 } else { 0 };
        }
        Ok(())
    }
}

/// A text field of a JSON object.
pub(crate) fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}
