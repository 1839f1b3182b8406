//! One form for graphs that compute the same: fused operators in standard ones, normalisations in
//! weights, constants as values, no copies, and quantization of activations beside the graph.
//!
//! The form is for comparing. It changes neither file, and only [`CanonicalGraph::executable`] is run.

mod activation_quantization;
mod affine;
mod constants;
mod form;
mod fused;
mod patterns;
mod products;
mod reshape;
mod rewriter;

pub(super) use activation_quantization::ActivationQuantization;
pub(super) use form::{CanonicalGraph, canonical};
pub(super) use rewriter::{RewriteLog, halves};
