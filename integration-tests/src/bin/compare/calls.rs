//! Calls to the ResourceManager on one connection: the report on an application, one call at a time and many.

use std::io::Write as _;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use integration_tests::cluster::java;
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};
use yarn_client::conf::{Configuration, Environment};
use yarn_client::ids::ApplicationId;
use yarn_client::security::User;
use yarn_client::yarn::ResourceManager;

use crate::measured::cpu_s;
use crate::report::{Must, Report};
use crate::side::Sides;

/// In flight at a time, with the names of their measures.
const IN_FLIGHT: [(usize, &str, &str); 2] = [
    (1, "1 call at a time: time of a call", "1 call at a time: CPU of a call"),
    (64, "64 calls at a time: time of a call", "64 calls at a time: CPU of a call"),
];
/// Calls of one run; as many go before, which do not count.
const CALLS: usize = 6400;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    id: ApplicationId,
    in_flight: usize,
    calls: usize,
}

/// What the calls of one run took together.
#[derive(Debug, Serialize, Deserialize)]
struct Took {
    wall_s: f64,
    /// Of the client.
    cpu_s: f64,
}

/// `compare calls`.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let environment = Environment::from_process();
    let configuration = Configuration::load(&environment, None)?;
    let user = User::resolve(&environment, &configuration)?;
    let client = ResourceManager::new(&configuration, &user)?;
    ask(&client, arguments).await?;
    let (begun, cpu) = (Instant::now(), own_cpu_s()?);
    ask(&client, arguments).await?;
    let took = Took { wall_s: begun.elapsed().as_secs_f64(), cpu_s: own_cpu_s()? - cpu };
    writeln!(std::io::stdout(), "{}", serde_json::to_string(&took)?).context("cannot write to stdout")
}

async fn ask(client: &ResourceManager, arguments: &Arguments) -> Result<()> {
    stream::iter(0..arguments.calls)
        .map(|_| client.report(arguments.id))
        .buffer_unordered(arguments.in_flight)
        .try_for_each(|_| async { Ok(()) })
        .await?;
    Ok(())
}

fn own_cpu_s() -> Result<f64> {
    Ok(cpu_s(&getrusage(UsageWho::RUSAGE_SELF).context("cannot read this program's usage")?))
}

pub(crate) async fn measure(sides: &Sides<'_>, runs: u16, report: &mut Report) -> Result<()> {
    // The report on an application that has ended does not change.
    let name = "calls";
    sides.launched(name, &sides.our_run(&sides.local("digests"), name, "OneSecond", &[])).await?;
    let id = sides.application(name).await?;
    let program = sides.local("Calls.java");
    std::fs::write(&program, include_str!("Calls.java")).context("cannot write the peer's program")?;
    for (in_flight, time, cpu) in IN_FLIGHT {
        let arguments = [id.clone(), in_flight.to_string(), CALLS.to_string()];
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for run in 0..=runs {
            let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
            command.envs(sides.cluster.client_environment()).arg("calls").args(&arguments);
            let our = took(sides, command).await?;
            // Java compiles the program as it starts it.
            let mut command = sides.cluster.hadoop_command(&program.display().to_string());
            command.args(&arguments);
            let their = took(sides, command).await?;
            if run > 0 {
                ours.push(our);
                theirs.push(their);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let milliseconds = |all: &[Took], of: fn(&Took) -> f64| {
            all.iter().map(|took| of(took) * 1000.0 / CALLS as f64).collect::<Vec<_>>()
        };
        let mut row = |name, of: fn(&Took) -> f64, times| {
            let (our, their) = (milliseconds(&ours, of), milliseconds(&theirs, of));
            report.row(name, "ms", &our, Some(("YarnClient", &their)), Must::Times(times));
        };
        row(time, |took| took.wall_s, 2.0);
        row(cpu, |took| took.cpu_s, 5.0);
    }
    Ok(())
}

async fn took(sides: &Sides<'_>, command: Command) -> Result<Took> {
    let output: java::ToolOutput = sides.run(command).await?;
    serde_json::from_str(output.stdout.trim()).with_context(|| format!("not understood: {}", output.stdout))
}
