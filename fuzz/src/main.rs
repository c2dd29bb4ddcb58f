//! Runs the targets for as long as one likes, with any toolchain.
#![allow(clippy::print_stdout, reason = "a program")]

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Parser;
use fuzz::driver;
use fuzz::memory::Counting;
use fuzz::targets::TARGETS;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Runs fuzz targets on their corpora and on mutations of them.
#[derive(Debug, Parser)]
struct Args {
    /// For all targets together.
    #[arg(long, default_value_t = 120)]
    seconds: u64,
    /// The same seed makes the same inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only these targets.
    targets: Vec<String>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(unknown) = args.targets.iter().find(|name| TARGETS.iter().all(|it| it.name != **name)) {
        let known: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        bail!("there is no target `{unknown}` (expected one of: {})", known.join(", "));
    }
    let wanted: Vec<_> = TARGETS
        .iter()
        .filter(|target| args.targets.is_empty() || args.targets.iter().any(|name| name == target.name))
        .collect();
    let lasting = Duration::from_secs(args.seconds) / u32::try_from(wanted.len()).unwrap_or(1).max(1);
    // What a panic says comes with its fault.
    std::panic::set_hook(Box::new(|_| {}));
    let mut faults = 0;
    for target in wanted {
        match driver::run(*target, lasting, args.seed) {
            Ok(report) => println!(
                "{:18} {:8} inputs, {:7.0}/s, slowest {:5} ms, most memory {:6} KiB",
                target.name,
                report.executions,
                report.executions as f64 / report.took.as_secs_f64().max(1e-9),
                report.slowest.as_millis(),
                report.memory >> 10,
            ),
            Err(fault) => {
                faults += 1;
                println!("{fault:#}");
            }
        }
    }
    if faults > 0 {
        bail!("{faults} of the targets have faults");
    }
    Ok(())
}
