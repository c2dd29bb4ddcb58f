//! The command line `yarn-flink`.

mod args;
mod cmd;
mod exit;
mod legacy;
mod printer;
mod progress;
mod render;
mod signal;
mod view;

use std::process::ExitCode;

fn main() -> ExitCode {
    // One thread: what is waited for is the network, and a gateway runs a thousand of these a night.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let status = runtime.block_on(cmd::run(std::env::args_os().collect()));
            // A name look-up or an unanswered question may still hold a thread; nobody waits for it any more.
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
