//! The kernels of matrix products that this processor can run.

use serde::Serialize;
use tract_linalg::{isa, mmm_routines};

/// A kernel.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Kernel {
    /// The type it adds up in: `f32`, `i32`, `f16`.
    pub accumulator: String,
    /// The engine's name.
    pub name: String,
    /// Rows and columns of the tile that it computes at once.
    pub tile: (usize, usize),
}

/// Kernels written for this processor's architecture that run here, by accumulator and name. The
/// portable ones, which run everywhere and are the slow ones, are left out unless there are no others.
pub fn kernels() -> Vec<Kernel> {
    let runnable = mmm_routines::runnable_for(&isa::native());
    let own = runnable.iter().any(|kernel| kernel.arch().is_some());
    let mut found: Vec<Kernel> = runnable
        .iter()
        .filter(|kernel| !kernel.emulated() && (kernel.arch().is_some() || !own))
        .map(|kernel| Kernel {
            accumulator: format!("{:?}", kernel.internal_type()).to_lowercase(),
            name: kernel.name().to_string(),
            tile: (kernel.mr(), kernel.nr()),
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_multiplies_floats_and_integers() {
        let found = kernels();
        for kind in ["f32", "i32"] {
            assert!(found.iter().any(|kernel| kernel.accumulator == kind), "{found:?}");
        }
    }
}
