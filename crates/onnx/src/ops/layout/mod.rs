//! Operators that move entries about without changing them.

pub(super) mod concatenation;
pub(super) mod concatenation_gradient;
pub(super) mod indexing;
pub(super) mod indexing_gradient;
mod interpolation;
pub(super) mod resampling;
pub(super) mod resampling_gradient;
pub(super) mod reshape;
pub(super) mod reshape_gradient;
pub(super) mod transpose;
pub(super) mod transpose_gradient;
