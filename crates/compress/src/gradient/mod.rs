//! Gradients of a loss: backward passes as ONNX nodes behind the model's own, run by the same engine.
//!
//! Rules of single operators are in `crates/onnx/src/ops/`, `X_gradient.rs` beside each family.

mod backward_graph;
mod backward_pass;
mod backward_request;
mod error;
mod gradient_flow;
mod loss;
mod reverse_pass;
mod variables;

pub use backward_graph::{BackwardGraph, TargetGradient, backward_graph};
pub(crate) use backward_pass::training_options;
pub use backward_pass::{BackwardPass, GradientValues};
pub use backward_request::{BackwardRequest, GradientForm, GradientPlace, GradientTarget};
pub use error::GradientError;
pub use loss::{LossFunction, LossInput, LossReduction, LossTerm};
pub use paring_onnx::ops::RoundingGradient;
