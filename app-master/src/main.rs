//! The binary `flink-app-master`, started by a NodeManager in the application's first container.

use std::error::Error;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use app_master::driver::{self, files, job_manager};
use app_master::log::Bounded;
use app_master::sim::report;
use tracing_subscriber::EnvFilter;
use yarn_client::conf::Environment;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    match args.next().as_deref().and_then(|arg| arg.to_str()) {
        Some(job_manager::LAUNCHER) => {
            let error = job_manager::exec(args);
            return fail(&format!("cannot start the JobManager: {error}"));
        }
        Some(files::UNPACKER) => {
            return match files::unpack(&Environment::from_process(), Path::new(".")) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail(&with_causes(&error)),
            };
        }
        Some(SIMULATOR) => return simulate(args.filter_map(|arg| arg.into_string().ok())),
        Some("--version") => {
            report_text(&format!("flink-app-master {}\n", env!("CARGO_PKG_VERSION")));
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            return fail(&format!(
                "unknown argument `{other}`; everything is read from the container's environment"
            ));
        }
        None => {}
    }
    let log = tracing_subscriber::fmt().with_ansi(false);
    match EnvFilter::try_from_env("YARN_FLINK_LOG") {
        // With an explicit level everything is logged.
        Ok(filter) => log.with_env_filter(filter).with_writer(io::stderr).init(),
        Err(_) => {
            log.with_env_filter(EnvFilter::new("info")).with_writer(Bounded::default()).init();
        }
    }
    // One thread is plenty for a few requests a second, and keeps the process small.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&format!("cannot start the runtime: {error}")),
    };
    match runtime.block_on(driver::run(&Environment::from_process(), Path::new("."))) {
        Ok(code) => ExitCode::from(code),
        Err(error) => fail(&with_causes(&error)),
    }
}

/// First argument that makes the binary a simulator; `yarn-flink simulate` passes on `key=value` pairs.
const SIMULATOR: &str = "simulate";

fn simulate(pairs: impl Iterator<Item = String>) -> ExitCode {
    let mut request = report::Request::default();
    let (mut json, mut trace) = (false, false);
    for pair in pairs {
        match pair.split_once('=') {
            Some(("output", format)) => json = format == "json",
            Some(("trace", wanted)) => trace = wanted == "true",
            Some((key, value)) => {
                if let Err(error) = request.set(key, value) {
                    return usage(&format!("--{key}: {error}"));
                }
            }
            None => return usage(&format!("`{pair}` is not KEY=VALUE")),
        }
    }
    if trace {
        report_text(&request.trace());
        return ExitCode::SUCCESS;
    }
    let summary = request.summary();
    match serde_json::to_string(&summary) {
        Ok(text) if json => report_text(&format!("{text}\n")),
        _ => report_text(&summary.to_string()),
    }
    if summary.broken_rules.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn usage(text: &str) -> ExitCode {
    fail(text);
    ExitCode::from(2)
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[expect(clippy::print_stderr, reason = "YARN shows the end of standard error in the application's report")]
fn fail(text: &str) -> ExitCode {
    eprintln!("error: {text}");
    ExitCode::from(1)
}

/// The reader may close the pipe.
fn report_text(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
