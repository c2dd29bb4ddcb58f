//! `yarn-flink completions SHELL`

use super::{Context, Failure};
use crate::args::{self, Completions};
use crate::exit::ExitStatus;

pub(super) fn run(context: &Context, args: Completions) -> Result<ExitStatus, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "yarn-flink", &mut script);
    context.printer.data(&String::from_utf8_lossy(&script));
    Ok(ExitStatus::Success)
}
