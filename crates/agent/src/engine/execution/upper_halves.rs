//! The upper halves of vector registers, which the engine's kernels leave in use on x86.
//!
//! Code that was compiled for every x86-64 processor works on the lower halves alone, and while the
//! upper ones are in use it is several times slower: quantizing, casting and adding up between two
//! products, say. `vzeroupper` says that nobody needs them.

/// The option that has them cleared after every node.
pub const CLEAR_UPPER_HALVES: &str = "vzeroupper";

/// True if this processor has such halves.
pub(crate) fn has_upper_halves() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Says that nobody needs what is in them. Only where they are [`has_upper_halves`].
pub(crate) fn clear_upper_halves() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller knows that the processor has AVX. The compiler knows what the instruction
    // does to registers.
    unsafe {
        std::arch::x86_64::_mm256_zeroupper();
    }
}
