//! The command line `yarn-flink`.

mod args;
mod cmd;
mod exit;
mod krb5;
mod legacy;
mod printer;
mod progress;
mod render;
mod signal;
mod view;

use std::process::ExitCode;

fn main() -> ExitCode {
    // One thread: the command mostly waits for the network, and a gateway runs a thousand of these a night.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let status = runtime.block_on(cmd::run(std::env::args_os().collect()));
            // A name lookup or an unanswered prompt may still block a thread; do not wait for it.
            runtime.shutdown_background();
            status.into()
        }
        Err(error) => {
            printer::Printer::new(args::Output::Text, false, 0).error(
                &error,
                None,
                None,
                exit::ExitStatus::Usage,
            );
            exit::ExitStatus::Usage.into()
        }
    }
}
