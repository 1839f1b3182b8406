//! The generator behind everything that draws.

/// The generator behind everything that draws: PCG-64, the same stream on every machine.
pub type SeededGenerator = rand_pcg::Pcg64;

/// A generator for one purpose: the same `seed` and `purpose` give the same stream.
pub fn generator(seed: u64, purpose: &str) -> SeededGenerator {
    use rand::SeedableRng;
    // FNV-1a spreads the purpose over 64 bits, so that two purposes do not share a stream.
    let spread = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    SeededGenerator::seed_from_u64(seed ^ spread)
}
