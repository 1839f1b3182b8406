//! Operators that multiply by weights.

pub(super) mod attention;
pub(super) mod convolution;
pub(super) mod convolution_gradient;
pub(super) mod product;
pub(super) mod product_gradient;
pub(super) mod recurrent;
