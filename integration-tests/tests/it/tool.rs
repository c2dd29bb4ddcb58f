//! The real command line against a real cluster, and the checks that every test makes afterwards.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::binaries::{binaries, workspace};
use integration_tests::cluster::Cluster;
use integration_tests::flink::{Flink, SHORT_LIVED};
use integration_tests::jobs;
use integration_tests::versions::FLINK_1_20;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};
use yarn_client::schema::Schema;

/// Time limit for an application of these tests on a loaded machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(180);
/// A killed application is gone within this time.
pub(crate) const GONE: Duration = Duration::from_secs(10);

/// The result of a run of `yarn-flink`.
#[derive(Debug)]
pub(crate) struct Ran {
    /// Exit code; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Standard output as one JSON object.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("no JSON: {self:?}"))
    }

    /// Fails, with everything that was printed, unless the exit code is this one.
    pub(crate) fn expect(self, code: i32) -> Result<Self> {
        ensure!(
            self.code == Some(code),
            "exit code {:?} instead of {code}\n{}\n{}",
            self.code,
            self.stdout,
            self.stderr
        );
        Ok(self)
    }

    /// The application's id, from JSON or from the `application_id:` line.
    pub(crate) fn application(&self) -> Result<String> {
        let line = self.stdout.lines().find_map(|line| line.strip_prefix("application_id: "));
        let json = || Some(self.json().ok()?.get("application_id")?.as_str()?.to_owned());
        line.map(str::to_owned).or_else(json).with_context(|| format!("no application id in {self:?}"))
    }
}

/// A `yarn-flink` command for `cluster`, with Flink 1.20 and nothing else in its environment that it could read.
pub(crate) fn command(cluster: &Cluster, args: &[&str]) -> Result<Command> {
    let binaries = binaries()?;
    let flink = Flink::download(FLINK_1_20)?;
    // Tests may run under `nohup`, whose ignored signals would be inherited.
    let mut command = Command::new("env");
    command
        .arg("--default-signal=HUP")
        .arg(&binaries.yarn_flink)
        .env_clear()
        .envs(std::env::vars().filter(|(name, _)| matches!(name.as_str(), "PATH" | "HOME" | "USER" | "LANG")))
        .envs(cluster.client_environment())
        .env("FLINK_HOME", flink.home())
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    Ok(command)
}

/// Runs `yarn-flink` to its end. With `-o json` the output must be what `docs/json.md` says about this command.
pub(crate) async fn yarn_flink(cluster: &Cluster, args: &[&str]) -> Result<Ran> {
    let ran = finish(command(cluster, args)?.spawn()?).await?;
    // Arguments after the jar are the program's.
    let own = args.iter().position(|arg| arg.ends_with(".jar")).map_or(args, |jar| &args[..jar]);
    if !ran.stdout.is_empty() && own.windows(2).any(|pair| pair == ["-o", "json"]) {
        SCHEMA.check_output(own, &ran.stdout).with_context(|| format!("docs/json.md: {args:?}: {ran:?}"))?;
    }
    Ok(ran)
}

/// Runs `yarn-flink` to its end as [`Cluster::other`].
pub(crate) async fn as_other(cluster: &Cluster, args: &[&str]) -> Result<Ran> {
    finish(command(cluster, args)?.envs(cluster.others_environment()).spawn()?).await
}

/// What the documentation says about the JSON.
static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let page = std::fs::read_to_string(workspace().join("docs/json.md")).expect("docs/json.md");
    Schema::parse(&page).expect("docs/json.md")
});

/// Sends a signal to a started command.
pub(crate) fn send(child: &Child, signal: Signal) -> Result<()> {
    let pid =
        child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).context("it has ended already")?;
    Ok(kill_process(pid, signal)?)
}

/// Waits for a started command.
pub(crate) async fn finish(child: Child) -> Result<Ran> {
    let output =
        tokio::time::timeout(LIMIT, child.wait_with_output()).await.context("yarn-flink hangs")??;
    let ran = Ran {
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    };
    documented(&ran).with_context(|| format!("docs/json.md: {ran:?}"))?;
    Ok(ran)
}

/// Checks that any JSON is an object of the documentation, and on standard error an error with the exit code.
fn documented(ran: &Ran) -> Result<()> {
    if ran.stdout.starts_with('{') {
        SCHEMA.check_any(&ran.stdout)?;
    }
    for line in ran.stderr.lines().filter(|line| line.starts_with('{')) {
        let error = serde_json::from_str::<Value>(line)?;
        SCHEMA.check("error", &error)?;
        ensure!(error["exit_code"] != 0, "an error with exit code 0");
    }
    Ok(())
}

/// The jar with the example jobs, for Flink 1.20.
pub(crate) fn jar() -> Result<PathBuf> {
    jobs::jar(&Flink::download(FLINK_1_20)?)
}

/// `run` with small containers: `options` before the jar, `program` (class, then arguments) after.
pub(crate) async fn run(cluster: &Cluster, options: &[&str], program: &[&str]) -> Result<Ran> {
    yarn_flink(cluster, &run_args(options, program)?.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// Small JVMs: several applications share two cores and the nodes' memory.
pub(crate) const SMALL: [&str; 8] =
    ["-jm", "700m", "-tm", "800m", "-D", "taskmanager.memory.managed.size=16m", "-D", SHORT_LIVED];

/// The arguments of [`run`].
pub(crate) fn run_args(options: &[&str], program: &[&str]) -> Result<Vec<String>> {
    let (class, arguments) = program.split_first().context("no class")?;
    let jar = jar()?.display().to_string();
    let class = format!("example.{class}");
    let end = ["-c", &class, &jar];
    let all = ["run"].iter().chain(&SMALL).chain(options).chain(&end).chain(arguments);
    Ok(all.map(|arg| (*arg).to_owned()).collect())
}

/// Waits until the ResourceManager knows an application of this name, which no other may have, and returns its id.
pub(crate) async fn application_named(cluster: &Cluster, name: &str) -> Result<String> {
    let begun = Instant::now();
    loop {
        let applications = cluster.applications().await?;
        if let Some(found) = applications.iter().find(|application| text(application, "name") == name) {
            return Ok(text(found, "id").to_owned());
        }
        ensure!(begun.elapsed() < LIMIT, "no application named {name}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What `yarn-flink status -o json` says.
pub(crate) async fn status(cluster: &Cluster, id: &str) -> Result<Value> {
    yarn_flink(cluster, &["status", "-o", "json", id]).await?.expect(0)?.json()
}

/// Waits for the application's end and returns its status.
pub(crate) async fn end(cluster: &Cluster, id: &str) -> Result<Value> {
    cluster.wait_for_end(id, LIMIT).await?;
    status(cluster, id).await
}

/// A text field of a JSON object.
pub(crate) fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Polls until `condition` holds.
pub(crate) async fn eventually<F>(what: &str, limit: Duration, mut condition: impl FnMut() -> F) -> Result<()>
where
    F: Future<Output = Result<bool>>,
{
    let begun = Instant::now();
    while !condition().await? {
        ensure!(begun.elapsed() < limit, "not within {} s: {what}", limit.as_secs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Combines the errors of parts of a test that ran concurrently.
pub(crate) fn every<const N: usize>(parts: [Result<()>; N]) -> Result<()> {
    let wrong: Vec<_> = parts.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    Ok(())
}

/// Fails unless every process of the application is gone within `limit` and its staging directory with it.
pub(crate) async fn nothing_left(cluster: &Cluster, id: &str, limit: Duration) -> Result<()> {
    eventually("no process of the application", limit, || async { Ok(cluster.processes_of(id).is_empty()) })
        .await?;
    // It is removed after the unregistration: until then a later attempt may need it.
    eventually("no staging directory", limit, || async { Ok(!has_staging(cluster, id).await?) }).await
}

/// Whether the application has a staging directory.
pub(crate) async fn has_staging(cluster: &Cluster, id: &str) -> Result<bool> {
    let path = format!("/user/{}/.yarn-flink/apps/{id}", cluster.user());
    Ok(cluster.hdfs()?.stat(&path).await?.is_some())
}

/// Waits until Flink, asked through the ResourceManager's proxy, lists the application's job in this state.
pub(crate) async fn job_in_state(cluster: &Cluster, id: &str, state: &str) -> Result<()> {
    // With access control, not everyone may look.
    let url = format!("{}/proxy/{id}/jobs/overview?user.name={}", cluster.rm_web(), cluster.user());
    let look = || async {
        // Not available yet, or just gone: both are "not yet".
        let Ok(overview) = integration_tests::http::get_json(&url).await else { return Ok(false) };
        let jobs = overview.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default();
        let tasks_run = |job: &Value| {
            let count =
                |key| job.pointer(&format!("/tasks/{key}")).and_then(Value::as_u64).unwrap_or_default();
            // A bounded source finishes while the tasks after it are still running.
            let begun = count("running") + count("finished") == count("total");
            state != "RUNNING" || (begun && count("running") > 0)
        };
        Ok(jobs.iter().any(|job| text(job, "state") == state && tasks_run(job)))
    };
    eventually(&format!("job of {id} is {state}"), LIMIT, look).await
}
