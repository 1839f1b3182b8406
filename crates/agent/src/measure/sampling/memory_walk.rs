//! The walk: some dependent loads from main memory, whose time tells whether somebody else keeps the
//! way there busy.

use paring_core::stats;
use paring_core::units::LatencyNs;
use rand::seq::SliceRandom;
use std::hint::black_box;
use std::time::Instant;

/// Loads of one walk: they take some 10 to 20 microseconds.
const STEPS: usize = 128;

/// One cache line on each of many pages, linked in random order, so that nothing is prefetched.
///
/// The lines are flushed from all caches before they are walked. So the walk depends neither on what
/// the models that ran before have left in the caches, nor on what it left there itself: in a buffer
/// of some megabytes that was not flushed the same steps took from 5 to 90 µs. An architecture on
/// which a program cannot flush has no walk.
#[derive(Debug)]
pub struct MemoryWalk {
    pages: Box<[WalkPage]>,
}

#[derive(Clone, Copy, Debug)]
#[repr(align(4096))]
struct WalkPage {
    /// Lines lie at different offsets, or all would fall into one set of the caches.
    lines: [CacheLine; 64],
}

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct CacheLine {
    next: u32,
}

impl MemoryWalk {
    /// A walk that is ready to run.
    pub fn new() -> Self {
        let mut order: Vec<u32> = (0..STEPS as u32).collect();
        order.shuffle(&mut stats::generator(0, "walk"));
        let mut pages =
            vec![WalkPage { lines: [CacheLine { next: 0 }; 64] }; STEPS].into_boxed_slice();
        for (position, page) in order.iter().enumerate() {
            pages[*page as usize].lines[offset(*page)].next = order[(position + 1) % STEPS];
        }
        MemoryWalk { pages }
    }

    /// Goes once around and says how long that took; `None` where lines cannot be flushed.
    pub fn time(&mut self) -> Option<LatencyNs> {
        for (page, number) in self.pages.iter().zip(0..) {
            flush(&page.lines[offset(number)])?;
        }
        settle();
        let start = Instant::now();
        let mut page = 0u32;
        for _ in 0..STEPS {
            // The cycle stays inside: every line names another page.
            page = self.pages[page as usize].lines[offset(page)].next;
        }
        black_box(page);
        Some(start.elapsed().into())
    }
}

impl Default for MemoryWalk {
    fn default() -> Self {
        Self::new()
    }
}

fn offset(page: u32) -> usize {
    page as usize % 64
}

/// Takes a line out of all caches; `None` where a program cannot.
#[inline]
fn flush(line: &CacheLine) -> Option<()> {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the address is that of a live value, and SSE2 belongs to every x86-64.
    unsafe {
        std::arch::x86_64::_mm_clflush(std::ptr::from_ref(line).cast());
        Some(())
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the address is that of a live value; Linux lets programs clean and invalidate lines.
    unsafe {
        let line = std::ptr::from_ref(line);
        std::arch::asm!("dc civac, {}", in(reg) line, options(nostack, preserves_flags));
        Some(())
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        let _ = line;
        None
    }
}

/// Waits until what was flushed has left.
#[inline]
fn settle() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE2 belongs to every x86-64.
    unsafe {
        std::arch::x86_64::_mm_mfence();
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a barrier touches nothing.
    unsafe {
        std::arch::asm!("dsb sy", options(nostack, preserves_flags));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_to_every_page_before_it_comes_back() {
        let walk = MemoryWalk::new();
        let (mut page, mut steps) = (0, 0);
        loop {
            page = walk.pages[page as usize].lines[offset(page)].next;
            steps += 1;
            if page == 0 {
                break;
            }
        }
        assert_eq!(steps, STEPS);
    }
}
