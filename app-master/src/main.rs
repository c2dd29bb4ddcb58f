//! The binary `flink-app-master`, started by a NodeManager in the application's first container.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use app_master::driver::{self, files, job_manager};
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
        Some("--version") => {
            report(&format!("flink-app-master {}", env!("CARGO_PKG_VERSION")));
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            return fail(&format!("unknown argument {other}; the container's environment says everything"));
        }
        None => {}
    }
    let filter = EnvFilter::try_from_env("YARN_FLINK_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
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

#[expect(clippy::print_stdout, reason = "the answer to --version")]
fn report(text: &str) {
    println!("{text}");
}
