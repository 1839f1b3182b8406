//! Operators that move entries about without changing them.

pub(super) mod concatenation;
pub(super) mod indexing;
pub(super) mod resampling;
pub(super) mod reshape;
pub(super) mod transpose;
