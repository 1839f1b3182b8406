//! Layers in narrower numbers: which, with which scales, written so that the engine runs them in
//! integers.
//!
//! The order is that of the sources: fold normalisations, even out ranges, find ranges of
//! activations, put weights on their grids, correct biases, write the nodes.

mod activation_ranges;
mod affine;
mod decisions;
mod equalization;
mod fake_quantize;
mod float16;
mod int8;
mod mixed_precision;
mod post_training;
mod quantizable_layers;
mod rounding;
mod settings;
mod weight_grid;

pub use float16::half;
pub use int8::conversions;
pub use mixed_precision::{Answers, Assignment, Loss, Prices, assignments, predicted};
pub use post_training::{Ranges, choices, prepared, quantize, quantize_unchecked, ranges_of};
pub use settings::{Form, Format, Quantization, RangeRule, Rounding};
