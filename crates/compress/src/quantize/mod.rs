//! Layers in narrower numbers: which, with which scales, written so that the engine runs them in
//! integers.
//!
//! The order is that of the sources: fold normalisations, even out ranges, find ranges of
//! activations, put weights on their grids, correct biases, write the nodes.

mod affine;
mod assign;
mod convert;
mod emit;
mod emit_static;
mod emit_weights;
mod equalize;
mod fake;
mod half;
mod layers;
mod narrow;
mod overflow;
mod quantization;
mod ranges;
mod sensitivity;
mod settle;

pub use assign::{Assignment, Prices, assignments, predicted};
pub use convert::conversions;
pub use half::half;
pub use narrow::{Ranges, choices, prepared, quantize, quantize_unchecked, ranges_of};
pub use quantization::{Form, Format, Quantization, RangeRule, Rounding};
pub use sensitivity::{Answers, Loss};
