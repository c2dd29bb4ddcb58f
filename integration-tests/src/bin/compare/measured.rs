//! One run of one program: wall time, CPU time and peak memory, with the children it waited for.
//!
//! The kernel reports CPU and peak memory of *all* ended children of a process together, so each run gets a small
//! intermediate process: this program again, as `compare measured`. Its own usage is not counted; but a program's peak
//! memory is at least that of the process which started it, so it must be small.

use std::ffi::OsString;
use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::java;
use integration_tests::progress;
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

/// Time limit for one program.
const LIMIT: Duration = Duration::from_secs(180);

/// What one run used.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Milliseconds since the epoch at which it was started.
    pub(crate) begun_ms: f64,
    /// From the start to the end of the process.
    pub(crate) wall_s: f64,
    /// User and system time.
    pub(crate) cpu_s: f64,
    /// Peak resident memory.
    pub(crate) peak_mb: f64,
    /// Exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where to write the result.
    result: PathBuf,
    /// The program and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<OsString>,
}

/// `compare measured`: the intermediate process.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match measure(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &Arguments) -> Result<()> {
    let (program, rest) = arguments.command.split_first().context("no program")?;
    let mut command = Command::new(program);
    command.args(rest).stdin(Stdio::null());
    let begun_ms = now_ms();
    let begun = Instant::now();
    let status = command.status().with_context(|| format!("cannot run {}", program.to_string_lossy()))?;
    let wall_s = begun.elapsed().as_secs_f64();
    let used = getrusage(UsageWho::RUSAGE_CHILDREN).context("cannot read the program's usage")?;
    let usage = Usage {
        begun_ms,
        wall_s,
        cpu_s: cpu_s(&used),
        // KiB on Linux.
        #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
        peak_mb: used.max_rss() as f64 * 1024.0 / 1e6,
        code: status.code(),
    };
    let file = File::create(&arguments.result)
        .with_context(|| format!("cannot write {}", arguments.result.display()))?;
    serde_json::to_writer(file, &usage).context("cannot write the usage")
}

/// User and system time.
pub(crate) fn cpu_s(used: &nix::sys::resource::Usage) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "seconds and microseconds of one run")]
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(used.user_time()) + seconds(used.system_time())
}

/// The current time in milliseconds since the epoch.
pub(crate) fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1000.0
}

/// Runs `command`, which must succeed, and returns what it used and wrote.
pub(crate) async fn usage(command: &Command) -> Result<(Usage, java::ToolOutput)> {
    let result = tempfile::NamedTempFile::new().context("cannot make a temporary file")?;
    let own = std::env::current_exe().context("cannot find this program")?;
    let mut wrapper = Command::new(own);
    wrapper.env_clear();
    let named = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let inherited = std::env::vars_os().filter(|(name, _)| {
        ["PATH", "HOME", "USER", "LANG", "TZ", "JAVA_HOME"].iter().any(|kept| name == kept)
    });
    wrapper.envs(inherited).envs(named);
    wrapper.arg("measured").arg(result.path()).arg("--").arg(command.get_program()).args(command.get_args());
    let shown = command.get_program().to_string_lossy().into_owned();
    let output = tokio::time::timeout(LIMIT, java::output(wrapper))
        .await
        .with_context(|| format!("{shown} did not end within {} s", LIMIT.as_secs()))??
        .success()?;
    let text = std::fs::read_to_string(result.path()).context("cannot read the usage")?;
    let usage: Usage = serde_json::from_str(&text).context("the usage is not understood")?;
    ensure!(
        usage.code == Some(0),
        "{shown} ended with {:?}\n{}\n{}",
        usage.code,
        output.stdout,
        output.stderr
    );
    Ok((usage, output))
}
