//! The two loops that are timed beside every burst, and what they said.

use crate::measure::{MemoryWalk, ReferenceLoop};
use paring_core::units::LatencyNs;

/// Watches for others: on the core, and on the way to memory.
#[derive(Debug, Default)]
pub struct ContentionProbe {
    reference: ReferenceLoop,
    walk: MemoryWalk,
}

impl ContentionProbe {
    /// Both loops, run once: the first run finds cold code and memory.
    pub fn new() -> Self {
        let mut watch = ContentionProbe::default();
        watch.read();
        watch
    }

    /// The times of the reference loop and of the walk, now; some architectures have no walk.
    pub fn read(&mut self) -> (LatencyNs, Option<LatencyNs>) {
        let walk = self.walk.time();
        (self.reference.time(), walk)
    }
}
