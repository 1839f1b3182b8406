//! Gradients of a loss: backward passes as ONNX nodes behind the model's own, run by the same engine.
//!
//! Rules of single operators are in `crates/onnx/src/ops/`, `X_gradient.rs` beside each family.

mod backward_graph;
mod backward_pass;
mod error;
mod gradient_flow;
mod loss;
mod variables;

pub use backward_graph::{
    BackwardGraph, BackwardRequest, GradientTarget, TargetGradient, backward_graph,
};
pub use backward_pass::{BackwardPass, GradientValues};
pub use error::GradientError;
pub use loss::{LossFunction, LossInput, LossReduction, LossTerm};
