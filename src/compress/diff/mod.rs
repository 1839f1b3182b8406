//! What another tool did to a model: which components are gone, which tensors are narrower, what
//! changed beyond that. Nothing is taken from names: operators are matched by structure and by
//! weights, channels by the likeness of weights and of activations.

mod align;
mod channels;
mod compare;
mod operators;
mod pairs;

pub use channels::CouplingDifference;
pub use compare::{Difference, TensorDifference, compare};
