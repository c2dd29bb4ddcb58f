//! Ctrl-C, SIGTERM and the end of the terminal session as futures.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Why we were asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// Ctrl-C, from a user at the terminal.
    CtrlC,
    /// SIGTERM, or SIGHUP because the terminal is gone: there is no user to ask.
    Terminated,
}

/// The signals that ask us to stop. Installed once, so that none is lost between two waits.
#[derive(Debug)]
pub(crate) struct Interrupts {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
    hang_up: Option<Signal>,
}

impl Interrupts {
    /// Replaces the default action of the signals, which would end the process immediately. A SIGHUP that our parent
    /// ignores for us remains ignored: that is what `nohup` is for.
    pub(crate) fn install() -> Self {
        // Without /proc no signal is known to be ignored.
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let hang_up = SignalKind::hangup();
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
            hang_up: if is_ignored(&status, hang_up) { None } else { signal(hang_up).ok() },
        }
    }

    /// Resolves at the next signal.
    pub(crate) async fn next(&mut self) -> Interrupt {
        let one = async |signal: &mut Option<Signal>| match signal {
            Some(signal) => {
                signal.recv().await;
            }
            None => std::future::pending().await,
        };
        tokio::select! {
            () = one(&mut self.interrupt) => Interrupt::CtrlC,
            () = one(&mut self.terminate) => Interrupt::Terminated,
            () = one(&mut self.hang_up) => Interrupt::Terminated,
        }
    }
}

/// Whether the text of `/proc/self/status` says that the signal is ignored: bit n-1 of the hexadecimal `SigIgn`
/// stands for signal n (proc(5)).
fn is_ignored(status: &str, kind: SignalKind) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    u32::try_from(kind.as_raw_value() - 1)
        .is_ok_and(|bit| mask.checked_shr(bit).is_some_and(|mask| mask & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_ignored_by_the_parent_are_detected() {
        let status = "Name:\tyarn-flink\nSigBlk:\t0000000000000003\nSigIgn:\t0000000000001001\nSigCgt:\t0000000000004002\n";
        assert!(is_ignored(status, SignalKind::hangup()));
        assert!(is_ignored(status, SignalKind::pipe()));
        assert!(!is_ignored(status, SignalKind::interrupt()));
        assert!(!is_ignored(status, SignalKind::terminate()));
        assert!(!is_ignored("", SignalKind::hangup()) && !is_ignored("SigIgn:\tx\n", SignalKind::hangup()));
    }
}
