//! Side by side on one cluster of this machine: yarn-flink, and what it replaces.
//!
//! `cargo run --release -p integration-tests --bin compare`
//!
//! Every measure takes turns (ours, peer, ours, peer ...), after one round that does not count, and shows medians.
//! `measured` runs one program and reads what it used, `side` has both sides' command lines, `submit`, `finish`,
//! `secure`, `upload`, `calls`, `list` and `resident` are the measures, `bare` is Flink without YARN, `phases` shows where the time of an
//! application went and `report` prints the results.

mod bare;
mod calls;
mod finish;
mod list;
mod logs;
mod measured;
mod phases;
mod report;
mod resident;
mod secure;
mod session;
mod side;
mod submit;
mod upload;
mod watchers;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand, ValueEnum};
use integration_tests::cluster::Cluster;
use integration_tests::cluster::download::Hadoop;
use integration_tests::flink::Flink;
use integration_tests::progress::{self, Step};
use integration_tests::versions::{FLINK_1_20, HADOOP_3_4};
use integration_tests::{binaries, jobs, prerequisites, shared};

use tokio::signal::unix::{SignalKind, signal};

use report::Report;
use side::Sides;

/// Measures yarn-flink beside Flink's own client, Hadoop's tools and bare Flink, all on one cluster.
#[derive(Debug, Parser)]
#[command(name = "compare")]
struct Arguments {
    /// Rounds that count, for each measure.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    runs: u16,
    /// Only these measures; may be given more than once.
    #[arg(long, value_name = "MEASURE")]
    only: Vec<Measure>,
    /// Also write everything, each single run included, to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure the yarn-flink and flink-app-master in this folder instead of building them.
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    #[command(subcommand)]
    inner: Option<Inner>,
}

/// What this program runs itself as for a measurement.
#[derive(Debug, Subcommand)]
enum Inner {
    /// Runs one program and writes what it used to a file.
    #[command(hide = true)]
    Measured(measured::Arguments),
    /// Uploads files as yarn-flink does.
    #[command(hide = true)]
    Upload(upload::Arguments),
    /// Asks for the report on an application again and again.
    #[command(hide = true)]
    Calls(calls::Arguments),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Measure {
    /// Detached submission with everything in HDFS already.
    Warm,
    /// Detached submission with nothing in HDFS.
    Cold,
    /// From the command to the application's end, for a job of one second.
    Finish,
    /// The same with TLS between Flink's processes and without.
    Tls,
    /// Detached submission with everything in HDFS already, on a cluster with Kerberos.
    Kerberos,
    /// Encrypted RPC and data beside those that are only authenticated.
    Privacy,
    /// Upload of Flink's libraries.
    Upload,
    /// Calls to the ResourceManager on one connection.
    Calls,
    /// List of applications.
    List,
    /// Memory of the application master while four TaskManagers work.
    Resident,
    /// Start of a session.
    Session,
    /// Detached job into a session.
    SessionJob,
    /// Logs of a small application.
    Logs,
    /// 200 MB of logs.
    LogsLarge,
    /// How late watchers learn of events.
    Watchers,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.inner {
        // Before anything else is set up, because this process must stay smaller than what it measures.
        Some(Inner::Measured(inner)) => return measured::run(inner),
        Some(Inner::Upload(inner)) => block_on(upload::run(inner)),
        Some(Inner::Calls(inner)) => block_on(calls::run(inner)),
        None => block_on(compare(&arguments)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn block_on(work: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(work)
}

async fn compare(arguments: &Arguments) -> Result<()> {
    prerequisites::check()?;
    let flink = Flink::download(FLINK_1_20)?;
    Hadoop::download(HADOOP_3_4)?;
    let step = Step::begin("build yarn-flink and flink-app-master, each alone");
    let programs = match &arguments.programs {
        Some(folder) => binaries::Binaries {
            yarn_flink: folder.join("yarn-flink"),
            app_master: folder.join("flink-app-master"),
        },
        None => binaries::alone()?,
    };
    let jar = jobs::jar(&flink)?;
    step.done();
    let (cluster, own) = cluster().await?;
    let work = async {
        let sides = Sides::new(&cluster, flink, programs, jar).await?.prepare().await?;
        measure(arguments, &sides).await
    };
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
    // Either one ends `work`, and with it what a measure has started.
    let report = tokio::select! {
        report = work => report,
        _ = tokio::signal::ctrl_c() => Err(anyhow::anyhow!("interrupted")),
        _ = terminate.recv() => Err(anyhow::anyhow!("terminated")),
    };
    if report.is_err() && own {
        progress::line(&format!("all logs are in {}", cluster.keep_logs()?.display()));
    }
    let report = report?;
    std::io::stdout().write_all(report.text().as_bytes()).context("cannot write to stdout")?;
    if own { cluster.stop() } else { Ok(()) }
}

/// The cluster that `quickstart --keep` left, if the environment requests it; otherwise our own.
async fn cluster() -> Result<(Cluster, bool)> {
    if std::env::var_os(shared::KEPT_VARIABLE).is_some_and(|value| value == "1") {
        let kept = Cluster::kept()?;
        return Ok((
            kept.with_context(|| format!("{} is set, but no cluster was kept", shared::KEPT_VARIABLE))?,
            false,
        ));
    }
    let step = Step::begin("boot NameNode, DataNode, ResourceManager, two NodeManagers");
    let cluster = shared::description("compare").boot().await?;
    step.done();
    Ok((cluster, true))
}

async fn measure(arguments: &Arguments, sides: &Sides<'_>) -> Result<Report> {
    let runs = arguments.runs;
    let mut report = Report::new(runs);
    for measure in Measure::value_variants() {
        if !arguments.only.is_empty() && !arguments.only.contains(measure) {
            continue;
        }
        let name = measure.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        let step = Step::begin(format!("measure {name}, {runs} rounds"));
        match measure {
            Measure::Warm => submit::warm(sides, runs, &mut report).await?,
            Measure::Cold => submit::cold(sides, runs, &mut report).await?,
            Measure::Finish => finish::measure(sides, runs, &mut report).await?,
            Measure::Tls => finish::tls(sides, runs, &mut report).await?,
            Measure::Kerberos => secure::submit(sides, runs, &mut report).await?,
            Measure::Privacy => secure::privacy(sides, runs, &mut report).await?,
            Measure::Upload => upload::measure(sides, runs, &mut report).await?,
            Measure::Calls => calls::measure(sides, runs, &mut report).await?,
            Measure::List => list::measure(sides, runs, &mut report).await?,
            Measure::Resident => resident::measure(sides, runs, &mut report).await?,
            Measure::Session => session::start(sides, runs, &mut report).await?,
            Measure::SessionJob => session::job(sides, runs, &mut report).await?,
            Measure::Logs => logs::small(sides, runs, &mut report).await?,
            Measure::LogsLarge => logs::large(sides, runs, &mut report).await?,
            Measure::Watchers => watchers::measure(runs, &mut report).await?,
        }
        step.done();
        // After each measure, so that an interrupted run still leaves results.
        if let Some(file) = &arguments.json {
            let text = serde_json::to_string_pretty(&report).context("cannot write JSON")?;
            std::fs::write(file, text + "\n").with_context(|| format!("cannot write {}", file.display()))?;
        }
    }
    Ok(report)
}
