//! The reference loop: a fixed piece of work whose time tells a quiet core from a contended one.

use crate::units::LatencyNs;
use std::hint::black_box;
use std::time::Instant;

const FLOATS: usize = 1_024;
const PASSES: usize = 256;

/// Multiply-adds over 4 KiB, which stay in the first-level cache: tens of microseconds.
///
/// A neighbour on the same physical core slows it down, and nothing that the measured models leave
/// in the caches does. The values start at a page: where the heap happens to put them must not decide
/// how many cache lines a vector load touches.
#[derive(Debug)]
pub struct Reference {
    values: Box<Page>,
}

#[derive(Debug)]
#[repr(align(4096))]
struct Page([f32; FLOATS]);

impl Reference {
    /// A loop that is ready to run.
    pub fn new() -> Self {
        let value = |i: usize| i as f32 / FLOATS as f32;
        Reference { values: Box::new(Page(std::array::from_fn(value))) }
    }

    /// Runs the loop once and says how long it took.
    pub fn time(&mut self) -> LatencyNs {
        let start = Instant::now();
        for _ in 0..PASSES {
            // The fixed point of x ↦ x/2 + 1/4 is 1/2: values neither grow nor become denormal.
            black_box(&mut self.values).0.iter_mut().for_each(|v| *v = *v * 0.5 + 0.25);
        }
        start.elapsed().into()
    }
}

impl Default for Reference {
    fn default() -> Self {
        Self::new()
    }
}
