//! Counts the memory that a thread takes. A binary that runs the [`driver`](crate::driver) has [`Counting`] as its global allocator.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A thread that counts and wants more than this is stopped for good, bytes.
pub const MOST: isize = 2 << 30;

/// The system's allocator, which counts.
#[derive(Debug)]
pub struct Counting;

static EXHAUSTED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static COUNTS: Cell<bool> = const { Cell::new(false) };
    static HELD: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// The most that `run` has held at a time beyond what there was before, bytes; 0 without [`Counting`].
pub fn peak(run: impl FnOnce()) -> usize {
    HELD.set(0);
    PEAK.set(0);
    COUNTS.set(true);
    run();
    COUNTS.set(false);
    usize::try_from(PEAK.get()).unwrap_or(0)
}

/// Ends what a panic has left of [`peak`].
pub fn stop() -> usize {
    COUNTS.set(false);
    usize::try_from(PEAK.get()).unwrap_or(0)
}

/// Whether a thread has been stopped because it wanted more than [`MOST`].
pub fn is_exhausted() -> bool {
    EXHAUSTED.load(Ordering::Relaxed)
}

fn count(change: isize) {
    // Fails only while the thread ends.
    let counts = COUNTS.try_with(Cell::get).unwrap_or(false);
    if !counts {
        return;
    }
    let held = HELD.get().saturating_add(change);
    HELD.set(held);
    PEAK.set(PEAK.get().max(held));
    if held > MOST {
        // An allocator must not unwind: whoever watches this thread sees to the rest.
        COUNTS.set(false);
        EXHAUSTED.store(true, Ordering::Relaxed);
        loop {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

fn signed(size: usize) -> isize {
    isize::try_from(size).unwrap_or(isize::MAX)
}

#[allow(unsafe_code, reason = "an allocator; it hands everything to the system's as it is")]
// SAFETY: the blocks are the system's, and counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: the caller's promises are those that the system's allocator asks for; the same below.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        // SAFETY: see above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-signed(layout.size()));
        // SAFETY: see above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(signed(size) - signed(layout.size()));
        // SAFETY: see above.
        unsafe { System.realloc(block, layout, size) }
    }
}
