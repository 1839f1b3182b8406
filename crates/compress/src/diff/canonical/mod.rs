//! One form for graphs that compute the same: fused operators in standard ones, normalisations in
//! weights, constants as values, no copies, and quantization of activations beside the graph.
//!
//! The form is for comparing. It changes neither file, and only [`Canonical::executable`] is run.

mod affine;
mod attention;
mod constants;
mod expand;
mod form;
mod patterns;
mod products;
mod quantized;
mod reshape;
mod rewriter;

pub(super) use form::{ActivationQuantization, Canonical, canonical, chain};
pub(super) use rewriter::{Rewrites, halves};
