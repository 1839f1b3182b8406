//! Operators that multiply by weights.

pub(super) mod attention;
pub(super) mod convolution;
pub(super) mod product;
pub(super) mod recurrent;
