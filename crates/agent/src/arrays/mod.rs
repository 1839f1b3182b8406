//! Arrays: what models are fed with, in memory and as the agent reads it.
//!
//! Knows what an input needs (name, type, shape), not what a model is.

mod array;
mod inputs;
mod need;

pub use array::{Array, Dtype};
pub use inputs::{InputsError, read_tensors, write_tensors};
pub use need::{
    Dim, InputNeed, InputNeedError, SampleArrangement, UnknownSizes, assign_batch_axes,
};
