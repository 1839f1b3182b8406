//! What another tool did to a model: which components are gone, which tensors are narrower, which
//! operators, constants and connections changed, and whether it is the same function after all.
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
pub use difference::{Difference, TensorDifference, Verdict};
pub use execution::{OutputComparison, SAME_OUTPUTS};
pub use flow::{ConstantDifference, OperatorChange};
pub use import::import;
