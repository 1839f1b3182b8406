//! Conformance of an engine's integer operators: exact reference values, the same integers simulated in
//! float, and small networks of every kind of layer.

mod float_simulation;
mod layer_patterns;
mod reference;

pub use float_simulation::float_simulation;
pub use layer_patterns::{LayerPattern, layer_patterns};
pub use reference::{ExactError, ExactTensor, evaluate_exactly};
