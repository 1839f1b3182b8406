//! Differences that another tool made: components that are gone, tensors that are quantized, operators,
//! constants and connections that changed; and the comparison of the two functions.
//!
//! Nothing is taken from names. Both graphs are brought into one form; nodes are paired by topology
//! and weights, channels by the likeness of weights and of activations, outputs by the engine.

mod alignment;
mod canonical;
mod channels;
mod compare;
mod difference;
mod execution;
mod flow;
mod import;
mod operators;
mod stored;
mod tensors;
mod verdict;

pub use channels::CouplingDifference;
pub use compare::compare;
pub use difference::{DifferenceVerdict, ModelDifference, TensorDifference};
pub use execution::{OutputComparison, SAME_OUTPUTS};
pub use flow::{ConstantDifference, OperatorChange};
pub use import::explain_import;
