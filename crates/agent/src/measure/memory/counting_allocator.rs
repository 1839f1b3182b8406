//! Allocations of this process, live and peak: an allocator that counts while it is asked to.
//!
//! Counting is on while a block loads, optimises and warms up, and off before the first timed sample:
//! there it costs one look at a flag that nobody writes.

use paring_core::units::Bytes;
use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering::Relaxed};

/// musl's own allocator makes small models two to three times slower, and an agent with it would
/// report the allocator instead of the model.
#[cfg(target_env = "musl")]
static UNDER: mimalloc::MiMalloc = mimalloc::MiMalloc;
#[cfg(not(target_env = "musl"))]
static UNDER: std::alloc::System = std::alloc::System;

static COUNTING: AtomicBool = AtomicBool::new(false);
static LIVE: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicIsize = AtomicIsize::new(0);

/// The allocator of both programs.
#[derive(Clone, Copy, Debug)]
pub struct CountingAllocator;

// SAFETY: every call goes to the allocator underneath as it came; counting touches no memory of it.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promises are those the allocator underneath asks for.
        unsafe { UNDER.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as above.
        unsafe { UNDER.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { UNDER.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { UNDER.realloc(ptr, layout, size) }
    }
}

#[inline]
fn count(change: isize) {
    if COUNTING.load(Relaxed) {
        let live = LIVE.fetch_add(change, Relaxed) + change;
        // Mostly it is no new peak, and then there is nothing to write.
        if live > PEAK.load(Relaxed) {
            PEAK.fetch_max(live, Relaxed);
        }
    }
}

/// Counts from now on, or no longer. What is freed later than it was counted stays counted.
pub fn count_allocations(on: bool) {
    COUNTING.store(on, Relaxed);
}

/// Bytes allocated now, and the most that ever were at once, since counting began; `None` where the
/// program has another allocator.
pub fn allocated() -> Option<(Bytes, Bytes)> {
    let peak = PEAK.load(Relaxed);
    let bytes = |count: isize| Bytes(u64::try_from(count).unwrap_or(0));
    (peak > 0).then(|| (bytes(LIVE.load(Relaxed)), bytes(peak)))
}
