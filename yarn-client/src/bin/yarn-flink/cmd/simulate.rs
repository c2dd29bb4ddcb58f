//! `yarn-flink simulate`: runs the application master's own decision logic in virtual time.
//!
//! The machine that decides is in `flink-app-master`; this client only passes the request on.

use std::process::{Command, Stdio};

use yarn_client::submit::{PreflightError, app_master_path};

use super::{Context, Failure};
use crate::args::{Output, Simulate};
use crate::exit::ExitStatus;

pub(super) fn run(context: &Context, args: &Simulate) -> Result<ExitStatus, Failure> {
    let executable = std::env::current_exe().ok();
    let path = app_master_path(args.app_master.as_deref(), executable.as_deref());
    if !path.is_file() {
        return Err(PreflightError::NoAppMaster { path }.into());
    }
    let seconds = |duration: std::time::Duration| duration.as_secs_f64().to_string();
    let pairs = [
        ("task-managers", args.task_managers.to_string()),
        ("nodes", args.nodes.to_string()),
        ("work", seconds(args.work)),
        ("checkpoint-interval", seconds(args.checkpoint_interval)),
        ("high-availability", args.high_availability.to_string()),
        ("restart-from-scratch", args.restart_from_scratch.to_string()),
        ("max-attempts", args.max_attempts.to_string()),
        ("faults", args.faults.clone()),
        ("every", seconds(args.every)),
        ("lives", args.lives.to_string()),
        ("seed", args.seed.to_string()),
        ("trace", args.trace.to_string()),
        ("output", if context.global.output == Output::Json { "json" } else { "text" }.to_owned()),
    ];
    let pairs = pairs.map(|(key, value)| format!("{key}={value}"));
    let json = context.global.output == Output::Json;
    if json && args.trace {
        let text = "`--trace` prints text only: leave out `-o json`";
        context.printer.error_text(text, None, ExitStatus::Usage);
        return Ok(ExitStatus::Usage);
    }
    let said = if json { Stdio::piped() } else { Stdio::inherit() };
    let simulator = Command::new(path).arg("simulate").args(pairs).stderr(said).spawn()?;
    let ended = simulator.wait_with_output()?;
    let said = String::from_utf8_lossy(&ended.stderr);
    let exit = match ended.status.code() {
        Some(0) => ExitStatus::Success,
        Some(2) => ExitStatus::Usage,
        _ => ExitStatus::JobFailed,
    };
    if !said.is_empty() {
        context.printer.error_text(said.trim_start_matches("error: ").trim_end(), None, exit);
    }
    Ok(exit)
}
