//! The reference loop: a fixed piece of work whose time tells a quiet core from a contended one.

use crate::units::LatencyNs;
use std::hint::black_box;
use std::time::Instant;

const FLOATS: usize = 1_024;
const PASSES: usize = 256;

/// Multiply-adds over 4 KiB, which stay in the first-level cache: tens of microseconds.
///
/// A neighbour on the same physical core slows it down, and nothing that the measured models leave
/// in the caches does.
#[derive(Debug)]
pub struct Reference {
    values: Vec<f32>,
}

impl Reference {
    /// A loop that is ready to run.
    pub fn new() -> Self {
        Reference { values: (0..FLOATS).map(|i| i as f32 / FLOATS as f32).collect() }
    }

    /// Runs the loop once and says how long it took.
    pub fn time(&mut self) -> LatencyNs {
        let start = Instant::now();
        for _ in 0..PASSES {
            // The fixed point of x ↦ x/2 + 1/4 is 1/2: values neither grow nor become denormal.
            black_box(&mut self.values).iter_mut().for_each(|v| *v = *v * 0.5 + 0.25);
        }
        start.elapsed().into()
    }
}

impl Default for Reference {
    fn default() -> Self {
        Self::new()
    }
}
