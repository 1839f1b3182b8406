//! The reference loop: a fixed piece of work whose time tells a quiet core from a contended one.

use paring_core::units::LatencyNs;
use std::hint::black_box;
use std::time::Instant;

const WORDS: usize = 512;
const PASSES: usize = 128;
const CHAINS: usize = 8;
/// An odd number with about as many ones as zeros (Knuth's, for 64 bits).
const FACTOR: u64 = 6_364_136_223_846_793_005;

/// Multiplications and loads over 4 KiB, which stay in the first-level cache: some tens of
/// microseconds.
///
/// A neighbour on the same physical core slows it down, and nothing that the measured models leave
/// behind should. Therefore it works on integers outside the vector units: a kernel that leaves their
/// upper halves in use made the same loop over floats twice as slow, and unsteady. And the words start
/// at a page: where the heap happens to put them must not decide how many cache lines a load touches.
#[derive(Debug)]
pub struct ReferenceLoop {
    words: Box<AlignedWords>,
}

#[derive(Debug)]
#[repr(align(4096))]
struct AlignedWords([u64; WORDS]);

impl ReferenceLoop {
    /// A loop that is ready to run.
    pub fn new() -> Self {
        ReferenceLoop { words: Box::new(AlignedWords(std::array::from_fn(|i| i as u64))) }
    }

    /// Runs the loop once and says how long it took.
    pub fn time(&mut self) -> LatencyNs {
        let start = Instant::now();
        let mut chains = [1u64; CHAINS];
        for _ in 0..PASSES {
            let (rows, _) = black_box(&self.words).0.as_chunks::<CHAINS>();
            for row in rows {
                for (chain, word) in chains.iter_mut().zip(row) {
                    *chain = (*chain ^ word).wrapping_mul(FACTOR);
                }
            }
        }
        black_box(chains);
        start.elapsed().into()
    }
}

impl Default for ReferenceLoop {
    fn default() -> Self {
        Self::new()
    }
}
