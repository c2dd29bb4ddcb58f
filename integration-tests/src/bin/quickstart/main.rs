//! From nothing to a Flink job on a real Hadoop cluster, which ends by itself.
//!
//! `main.rs` is the sequence of events, `text` puts the input into HDFS, `submit` runs the real command line, `watch`
//! follows the application and `report` prints the results and checks that nothing is left.

mod report;
mod submit;
mod text;
mod watch;

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context as _, Result};
use clap::Parser;
use integration_tests::cluster::Cluster;
use integration_tests::cluster::download::Hadoop;
use integration_tests::flink::Flink;
use integration_tests::progress::{self, Step};
use integration_tests::versions::{FLINK_1_20, HADOOP_3_4};
use integration_tests::{binaries, jobs, prerequisites, shared};

/// Boots a real Hadoop cluster on this machine, runs a Flink word count on it and ends everything again.
#[derive(Debug, Parser)]
#[command(name = "quickstart")]
struct Arguments {
    /// Leave the cluster running and print what to export.
    #[arg(long)]
    keep: bool,
    /// End the cluster that --keep left running.
    #[arg(long, conflicts_with_all = ["keep", "no_job"])]
    stop: bool,
    /// With --keep: only boot the cluster, run no job.
    #[arg(long, requires = "keep")]
    no_job: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<()> {
    if arguments.stop {
        let what =
            if Cluster::stop_kept()? { "the kept cluster has been ended" } else { "no cluster was kept" };
        progress::line(what);
        return Ok(());
    }
    prerequisites::check()?;
    let flink = Flink::download(FLINK_1_20)?;
    if arguments.keep
        && let Some(kept) = Cluster::kept()?
    {
        progress::line("a kept cluster is there already; `quickstart --stop` ends it");
        return write(&exports(&kept, &flink)?);
    }
    Hadoop::download(HADOOP_3_4)?;
    let step = Step::begin("boot NameNode, DataNode, ResourceManager, two NodeManagers");
    let cluster = shared::description("quickstart").boot().await?;
    step.done();
    if !arguments.no_job {
        // Ctrl-C ends this function, and with it the cluster.
        tokio::select! {
            result = word_count(&cluster, &flink) => {
                if result.is_err() {
                    progress::line(&format!("all logs are in {}", cluster.keep_logs()?.display()));
                }
                result?;
            }
            _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted; everything that was started has been ended"),
        }
    }
    if arguments.keep {
        let exports = exports(&cluster, &flink)?;
        cluster.keep()?;
        return write(&exports);
    }
    let step = Step::begin("end the cluster");
    cluster.stop()?;
    step.done();
    Ok(())
}

async fn word_count(cluster: &Cluster, flink: &Flink) -> Result<()> {
    let step = Step::begin("build yarn-flink and flink-app-master");
    binaries::binaries()?;
    step.done();
    let step = Step::begin("compile the example jobs");
    let jar = jobs::jar(flink)?;
    step.done();
    let folder = format!("/user/{}/quickstart", cluster.user());
    let step = Step::begin("put a text into HDFS");
    let text = text::put(cluster, &format!("{folder}/text")).await?;
    step.done();
    progress::line(&format!("  {} files, {} KB, in {folder}/text", text.files, text.bytes / 1000));

    let begun = Instant::now();
    let submitted = submit::submit(cluster, flink, &jar, &folder).await?;
    let events = watch::follow(cluster, &submitted, begun).await?;
    let words = report::most_frequent(cluster, &format!("{folder}/counts")).await?;
    report::nothing_is_left(cluster, &submitted.application_id).await?;
    write(&report::text(&words, &events))
}

/// What a shell needs to work with the cluster.
fn exports(cluster: &Cluster, flink: &Flink) -> Result<String> {
    let mut text = String::new();
    for (name, value) in cluster.client_environment() {
        text.push_str(&format!("export {name}={value}\n"));
    }
    text.push_str(&format!("export FLINK_HOME={}\n", flink.home().display()));
    text.push_str(&format!("# ResourceManager: {}\n", cluster.rm_web()));
    text.push_str(&format!("# example jobs: {}\n", jobs::jar(flink)?.display()));
    text.push_str(&format!("# logs: {}\n", cluster.directory().join("logs").display()));
    Ok(text)
}

fn write(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to stdout")
}
