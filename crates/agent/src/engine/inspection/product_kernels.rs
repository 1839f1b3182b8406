//! The kernels of matrix products that this processor can run.

use std::collections::BTreeMap;
use tract_linalg::{isa, mmm_routines};

/// Names of the kernels that run here and are written for this processor's architecture, by the type
/// they add up in: `f32`, `i32`, `f16`. The portable ones, which run everywhere and are the slow ones,
/// are left out unless there are no others.
pub fn product_kernels() -> BTreeMap<String, Vec<String>> {
    let runnable = mmm_routines::runnable_for(&isa::native());
    let own = runnable.iter().any(|kernel| kernel.arch().is_some());
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for kernel in &runnable {
        if !kernel.emulated() && (kernel.arch().is_some() || !own) {
            let accumulator = format!("{:?}", kernel.internal_type()).to_lowercase();
            found.entry(accumulator).or_default().push(kernel.name().to_string());
        }
    }
    found.values_mut().for_each(|names| names.sort());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_multiplies_floats_and_integers() {
        let found = product_kernels();
        for kind in ["f32", "i32"] {
            assert!(found.get(kind).is_some_and(|names| !names.is_empty()), "{found:?}");
        }
    }
}
