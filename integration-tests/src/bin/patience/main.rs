//! Jobs on a cluster with Hadoop's own timers, where lost parts are not missed for ten minutes: what the application
//! master has to see by itself, and what it must not conclude from a momentary state.
//!
//! `cargo run -p integration-tests --bin patience -- --only power --only hung`

mod job;
mod nodes;
mod restarts;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use clap::Parser;
use integration_tests::binaries::{self, Binaries};
use integration_tests::cluster::{Builder, Cluster};
use integration_tests::flink::Flink;
use integration_tests::progress::{self, Step};
use integration_tests::versions::FLINK_1_20;
use integration_tests::{jobs, prerequisites};

/// Runs jobs on clusters with Hadoop's own timers, loses parts of them, and checks what happens to the jobs.
#[derive(Debug, Parser)]
#[command(name = "patience")]
struct Arguments {
    /// Only scenarios whose name contains this; may be given more than once.
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
}

/// What all scenarios share.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(crate) flink: Flink,
    pub(crate) binaries: &'static Binaries,
    pub(crate) jar: std::path::PathBuf,
}

/// The result of a scenario.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) right: bool,
    /// From the fault, or from when there was room again, until the job was running.
    pub(crate) took: Option<Duration>,
    pub(crate) said: String,
}

#[derive(Debug, Clone, Copy)]
enum Scenario {
    NodePowerLost,
    NodeHung,
    NodesOneByOne,
    LargeNodeAway,
    MasterAndNode,
}

impl Scenario {
    const ALL: [Self; 5] =
        [Self::NodePowerLost, Self::NodeHung, Self::NodesOneByOne, Self::LargeNodeAway, Self::MasterAndNode];

    fn name(self) -> &'static str {
        match self {
            Self::NodePowerLost => "a node loses power",
            Self::NodeHung => "a node hangs",
            Self::NodesOneByOne => "nodes come back one by one",
            Self::LargeNodeAway => "the large node is away",
            Self::MasterAndNode => "application master killed, its node hangs",
        }
    }

    /// The expected result.
    fn wanted(self) -> &'static str {
        match self {
            Self::NodePowerLost | Self::NodeHung => "the job is back within 60 s",
            Self::NodesOneByOne | Self::LargeNodeAway => "never ended; it runs once there is room",
            Self::MasterAndNode => "the next attempt has the job, once YARN misses the first",
        }
    }

    fn cluster(self) -> Builder {
        // With a separate name, so that the logs of all failed ones are kept.
        let name = format!("patience-{}", self.name().replace([' ', ','], "-"));
        let builder = Cluster::builder(&name).recovery().default_timers();
        match self {
            Self::NodePowerLost | Self::NodeHung | Self::MasterAndNode => {
                builder.node_managers(3).node_size(4096, 8)
            }
            Self::NodesOneByOne => builder.node_managers(3).node_size(2560, 8),
            Self::LargeNodeAway => builder.node_managers(3).node_size(2048, 8).memory_of(3, 4096),
        }
    }

    async fn play(self, cluster: &Cluster, programs: &Programs) -> Result<Outcome> {
        match self {
            Self::NodePowerLost => nodes::lost(cluster, programs, nodes::Loss::Power).await,
            Self::NodeHung => nodes::lost(cluster, programs, nodes::Loss::Hung).await,
            Self::NodesOneByOne => restarts::one_by_one(cluster, programs).await,
            Self::LargeNodeAway => restarts::large_node_away(cluster, programs).await,
            Self::MasterAndNode => nodes::with_the_master(cluster, programs).await,
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            progress::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether all scenarios went as expected.
async fn run(arguments: &Arguments) -> Result<bool> {
    prerequisites::check()?;
    let flink = Flink::download(FLINK_1_20)?;
    let jar = jobs::jar(&flink)?;
    let programs = Programs { flink, binaries: binaries::binaries()?, jar };
    let wanted = |scenario: &Scenario| {
        arguments.only.is_empty() || arguments.only.iter().any(|part| scenario.name().contains(part.as_str()))
    };
    let scenarios: Vec<_> = Scenario::ALL.into_iter().filter(wanted).collect();
    if scenarios.is_empty() {
        let names = Scenario::ALL.map(Scenario::name).join("', '");
        bail!("no such scenario; hint: --only takes a part of one of '{names}'");
    }
    let work = async {
        let mut rows = Vec::new();
        for scenario in scenarios {
            let outcome = with_cluster(scenario, &programs).await;
            let failed =
                |error: anyhow::Error| Outcome { right: false, took: None, said: format!("{error:#}") };
            let outcome = outcome.unwrap_or_else(failed);
            progress::line(&outcome.said);
            rows.push((scenario, outcome));
        }
        rows
    };
    let rows = tokio::select! {
        rows = work => rows,
        _ = tokio::signal::ctrl_c() => bail!("interrupted; everything that was started has been ended"),
    };
    print(&rows);
    Ok(rows.iter().all(|(_, outcome)| outcome.right))
}

async fn with_cluster(scenario: Scenario, programs: &Programs) -> Result<Outcome> {
    let step = Step::begin(format!("boot a cluster for '{}'", scenario.name()));
    let cluster = scenario.cluster().boot().await?;
    step.done();
    let begun = Instant::now();
    let outcome = scenario.play(&cluster, programs).await;
    let minutes = begun.elapsed().as_secs_f32() / 60.0;
    progress::line(&format!("'{}' took {minutes:.1} min", scenario.name()));
    if !outcome.as_ref().is_ok_and(|outcome| outcome.right) {
        progress::line(&format!("all logs are in {}", cluster.keep_logs()?.display()));
    }
    cluster.stop()?;
    outcome
}

fn print(rows: &[(Scenario, Outcome)]) {
    progress::line("\n| scenario | right is | seen | s | |\n|---|---|---|---|---|");
    for (scenario, Outcome { right, took, said }) in rows {
        let seconds = took.map_or_else(|| "–".to_owned(), |took| format!("{:.1}", took.as_secs_f32()));
        let verdict = if *right { "right" } else { "WRONG" };
        // The first line of an error that contains the end of a log.
        let said = said.lines().next().unwrap_or_default();
        progress::line(&format!(
            "| {} | {} | {said} | {seconds} | {verdict} |",
            scenario.name(),
            scenario.wanted()
        ));
    }
}
