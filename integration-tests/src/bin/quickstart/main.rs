//! From nothing to a Flink job on a real Hadoop cluster that ends by itself.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use integration_tests::cluster::Cluster;
use integration_tests::flink::Flink;
use integration_tests::progress::{self, Step};
use integration_tests::versions::FLINK_1_20;
use integration_tests::{jobs, prerequisites, shared};

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
    ensure!(
        Cluster::kept()?.is_none(),
        "a kept cluster is there already\nhint: end it with `quickstart --stop`"
    );
    prerequisites::check()?;
    let flink = Flink::download(FLINK_1_20)?;
    let step = Step::begin("boot NameNode, DataNode, ResourceManager, two NodeManagers");
    let cluster = shared::description("quickstart").boot().await?;
    step.done();
    let jar = jobs::jar(&flink)?;
    if arguments.keep {
        let mut text = String::new();
        for (name, value) in cluster.client_environment() {
            text.push_str(&format!("export {name}={value}\n"));
        }
        text.push_str(&format!("export FLINK_HOME={}\n", flink.home().display()));
        text.push_str(&format!(
            "# ResourceManager: {}   example jobs: {}\n",
            cluster.rm_web(),
            jar.display()
        ));
        text.push_str(&format!("# logs: {}\n", cluster.directory().join("logs").display()));
        cluster.keep()?;
        std::io::stdout().write_all(text.as_bytes()).context("cannot write to stdout")?;
        return Ok(());
    }
    Ok(())
}
