//! Robustness: metrics on perturbed inputs, and adversarial search.

mod adversarial_search;
mod perturbations;
mod robustness_test;

pub use adversarial_search::{Found, Search};
pub use perturbations::{Spread, disturb, spreads};
pub use robustness_test::{Asked, Stress};
