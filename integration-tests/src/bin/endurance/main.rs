//! A counting job whose application is hit again and again: the application master, the JobManager, a TaskManager, the
//! ResourceManager or a NodeManager is killed, or the JVM of a JobManager or TaskManager is stopped (SIGSTOP) and sometimes
//! continued when it is no longer expected, at random, for a given time. The job fails by itself if its state has lost or
//! repeated a record; in the end it must have counted all of them.

use std::fmt;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use integration_tests::cluster::{Cluster, Daemon, java};
use integration_tests::flink::Flink;
use integration_tests::progress;
use integration_tests::versions::FLINK_1_20;
use integration_tests::{binaries, jobs, prerequisites};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::Value;

/// Kills and stops parts of a running application and of its cluster, and checks that the job keeps counting correctly.
#[derive(Debug, Parser)]
#[command(name = "endurance")]
struct Arguments {
    /// How long to keep killing.
    #[arg(long, default_value_t = 20)]
    minutes: u64,
    /// The seed for random decisions; random unless given, and printed.
    #[arg(long)]
    seed: Option<u64>,
}

/// Time limit from a kill until the job runs again.
const LIMIT: Duration = Duration::from_secs(300);
/// Time limit for its processes to end once it has ended.
const GONE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(200);
/// Each record takes 10 ms: the faults end before the job does.
const RECORDS_PER_MINUTE: u64 = 5000;
/// By when Flink misses a TaskManager, with time to spare.
const MISSED: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<()> {
    prerequisites::check()?;
    let seed = arguments.seed.unwrap_or_else(rand::random);
    progress::line(&format!("seed {seed}"));
    let cluster = Cluster::builder("endurance")
        .node_managers(2)
        .recovery()
        .property("yarn.resourcemanager.am.max-attempts", "1000")
        .boot()
        .await?;
    let ended = tokio::select! {
        ended = endure(&cluster, arguments.minutes, StdRng::seed_from_u64(seed)) => ended,
        _ = tokio::signal::ctrl_c() => bail!("interrupted; everything that was started has been ended"),
    };
    if ended.is_err() {
        progress::line(&format!("all logs are in {}", cluster.keep_logs()?.display()));
    }
    ended?;
    cluster.stop()
}

/// What is hit.
#[derive(Debug, Clone, Copy)]
enum Target {
    Master,
    JobManager,
    TaskManager,
    ResourceManager,
    NodeManager(u8),
    /// Its JVM is stopped, and continued after this time if it still exists.
    Hung(Hung, Option<Duration>),
}

/// Whose JVM is stopped.
#[derive(Debug, Clone, Copy)]
enum Hung {
    JobManager,
    TaskManager,
}

impl Target {
    /// A random target. A hung JobManager costs more than a minute, so it is rare.
    fn random(rng: &mut StdRng) -> Self {
        match rng.random_range(0..20) {
            0..=2 => Self::Master,
            3..=5 => Self::JobManager,
            6..=8 => Self::TaskManager,
            9..=11 => Self::ResourceManager,
            12..=15 => Self::NodeManager(rng.random_range(1..=2)),
            // Before, about when, and after Flink or the application master has given it up.
            16..=18 => Self::Hung(Hung::TaskManager, Self::resurrection(rng, 40)),
            _ => Self::Hung(Hung::JobManager, Self::resurrection(rng, 90)),
        }
    }

    fn resurrection(rng: &mut StdRng, most: u64) -> Option<Duration> {
        rng.random_bool(0.5).then(|| Duration::from_secs(rng.random_range(1..most)))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hung(who, None) => write!(f, "{who:?} stopped"),
            Self::Hung(who, Some(after)) => write!(f, "{who:?} stopped for {} s", after.as_secs()),
            target => write!(f, "{target:?} killed"),
        }
    }
}

async fn endure(cluster: &Cluster, minutes: u64, mut rng: StdRng) -> Result<()> {
    let id = submit(cluster, minutes * RECORDS_PER_MINUTE).await?;
    progress::line(&id);
    let begun = Instant::now();
    runs(cluster, &id).await?;
    let (mut faults, mut slowest) = (0, Duration::ZERO);
    while begun.elapsed() < Duration::from_secs(minutes * 60) {
        tokio::time::sleep(Duration::from_secs(rng.random_range(3..20))).await;
        if finished(cluster, &id).await?.is_some() {
            break;
        }
        let target = Target::random(&mut rng);
        let at = Instant::now();
        hit(cluster, &id, target).await?;
        runs(cluster, &id).await.with_context(|| format!("after {target}"))?;
        (faults, slowest) = (faults + 1, slowest.max(at.elapsed()));
        let (minute, took) = (begun.elapsed().as_secs_f32() / 60.0, at.elapsed().as_secs_f32());
        progress::line(&format!("{minute:>5.1} min  {target}, runs again after {took:.1} s"));
    }
    progress::line("waiting for the last record");
    let end = loop {
        if let Some(end) = finished(cluster, &id).await? {
            break end;
        }
        tokio::time::sleep(LOOK).await;
    };
    let text = |key: &str| end.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    ensure!(text("finalStatus") == "SUCCEEDED", "{}: {}", text("finalStatus"), text("diagnostics"));
    let attempts = cluster.rm_rest(&format!("/ws/v1/cluster/apps/{id}/appattempts")).await?;
    let attempts = attempts.pointer("/appAttempts/appAttempt").and_then(Value::as_array).map_or(0, Vec::len);
    // YARN learns of the end before the last process is gone.
    let ended = Instant::now();
    while let left = cluster.processes_of(&id)
        && !left.is_empty()
    {
        ensure!(ended.elapsed() < GONE, "processes are left: {left:?}");
        tokio::time::sleep(LOOK).await;
    }
    for place in ["checkpoints".to_owned(), format!(".yarn-flink/apps/{id}")] {
        let left = cluster.hdfs()?.files(&format!("/user/{}/{place}", cluster.user())).await?;
        ensure!(left.is_empty(), "files are left: {left:?}");
    }
    progress::line(&format!(
        "counted {} records exactly; {faults} faults, {attempts} attempts, slowest recovery {:.1} s, {:.1} min in all; \
         nothing is left",
        minutes * RECORDS_PER_MINUTE,
        slowest.as_secs_f32(),
        begun.elapsed().as_secs_f32() / 60.0
    ));
    Ok(())
}

async fn submit(cluster: &Cluster, records: u64) -> Result<String> {
    let programs = binaries::binaries()?;
    let flink = Flink::download(FLINK_1_20)?;
    let checkpoints =
        format!("execution.checkpointing.dir={}/user/{}/checkpoints", cluster.default_fs(), cluster.user());
    let mut command = Command::new(&programs.yarn_flink);
    command.envs(cluster.client_environment()).env("FLINK_HOME", flink.home());
    command.args(["run", "-d", "--name", "endurance", "-jm", "700m", "-tm", "800m"]);
    command.args(["-D", "taskmanager.memory.managed.size=16m", "-D", "yarn.application-attempts=1000"]);
    command.args(["-D", &checkpoints, "-c", "example.Run"]).arg(jobs::jar(&flink)?);
    command.args(["--checkpoint-ms", "500", "--records", &records.to_string()]);
    let output = java::output(command).await?.success()?;
    let id = output.stdout.lines().find_map(|line| line.strip_prefix("application_id: "));
    id.map(|id| id.trim().to_owned()).context("`run -d` printed no application_id")
}

async fn hit(cluster: &Cluster, id: &str, target: Target) -> Result<()> {
    let processes = match target {
        Target::Master => cluster.app_masters(id),
        Target::JobManager => cluster.job_managers(id),
        Target::TaskManager => cluster.task_managers(id),
        Target::ResourceManager => return again(cluster, Daemon::ResourceManager(1)).await,
        Target::NodeManager(number) => return again(cluster, Daemon::NodeManager(number)).await,
        Target::Hung(who, after) => return hang(cluster, id, who, after).await,
    };
    let victim = processes.into_iter().next().with_context(|| format!("there is no {target:?}"))?;
    victim.kill_9();
    // Whatever runs after this is not what ran before.
    while victim.lives() {
        tokio::time::sleep(LOOK).await;
    }
    // Flink notices within its heartbeat timeout at the latest; until then it lists the dead.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(())
}

/// Stops a JVM until it is gone, or until it has continued and others have had time to notice.
async fn hang(cluster: &Cluster, id: &str, who: Hung, after: Option<Duration>) -> Result<()> {
    let processes = match who {
        Hung::JobManager => cluster.job_managers(id),
        Hung::TaskManager => cluster.task_managers(id),
    };
    let victim = processes.into_iter().next().with_context(|| format!("there is no {who:?}"))?;
    let begun = Instant::now();
    victim.stop();
    let mut stopped = true;
    while victim.lives() {
        if stopped && after.is_some_and(|after| begun.elapsed() > after) {
            victim.go_on();
            stopped = false;
        }
        if after.is_some_and(|after| begun.elapsed() > after + MISSED) {
            return Ok(());
        }
        ensure!(begun.elapsed() < LIMIT, "the stopped {who:?} is still there after {} s", LIMIT.as_secs());
        tokio::time::sleep(LOOK).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(())
}

async fn again(cluster: &Cluster, daemon: Daemon) -> Result<()> {
    cluster.kill_9(daemon)?;
    cluster.restart(daemon).await
}

/// The application's report, once it has ended.
async fn finished(cluster: &Cluster, id: &str) -> Result<Option<Value>> {
    // A ResourceManager that has just come back knows nothing yet.
    let Ok(report) = cluster.application(id).await else { return Ok(None) };
    let state = report.get("state").and_then(Value::as_str).unwrap_or_default();
    Ok(["FINISHED", "FAILED", "KILLED"].contains(&state).then_some(report))
}

/// Waits until every task of the job is running, or the application has ended.
async fn runs(cluster: &Cluster, id: &str) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        let overview = cluster.flink(id, "/jobs/overview").await.unwrap_or_default();
        let number = |key: &str| overview.pointer(&format!("/jobs/0/tasks/{key}")).and_then(Value::as_u64);
        if number("total").is_some_and(|total| total > 0) && number("running") == number("total") {
            return Ok(());
        }
        if finished(cluster, id).await?.is_some() {
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
    bail!("the job has not run again within {} s", LIMIT.as_secs())
}
