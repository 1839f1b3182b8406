//! Robustness: metrics on perturbed inputs, and adversarial search.

mod adversarial_search;
mod perturbations;
mod robustness_test;

pub use adversarial_search::{AdversarialResult, AdversarialSearch};
pub use perturbations::{InputSpread, perturb_inputs, spreads};
pub use robustness_test::{RobustnessTest, TestedModel};
