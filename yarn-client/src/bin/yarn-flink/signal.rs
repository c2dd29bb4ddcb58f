//! Ctrl-C and SIGTERM as futures.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask us to stop. Installed once, so that none is lost between two waits.
#[derive(Debug)]
pub(crate) struct Interrupts {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl Interrupts {
    /// Takes the signals over from their default, which would end the process on the spot.
    pub(crate) fn install() -> Self {
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    /// Resolves at the next signal.
    pub(crate) async fn next(&mut self) {
        let one = async |signal: &mut Option<Signal>| match signal {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        };
        tokio::select! {
            () = one(&mut self.interrupt) => {}
            () = one(&mut self.terminate) => {}
        }
    }
}
