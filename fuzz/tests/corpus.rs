//! Every target on its corpus, and for a moment on mutations of it; the program `fuzz` does the same for longer.

use std::time::Duration;

use fuzz::driver;
use fuzz::memory::Counting;
use fuzz::targets::TARGETS;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// For each target.
const LASTING: Duration = Duration::from_millis(400);

#[test]
fn nothing_that_a_peer_sends_panics_hangs_or_takes_too_much_memory() {
    for target in TARGETS {
        let report = driver::run(*target, LASTING, 1).expect("no fault");
        assert!(report.memory > 0, "memory is counted");
    }
}
