//! Shapes of tensors at concrete dimensions.

mod facts;
mod shape_surrogate;

pub use facts::TensorFacts;
