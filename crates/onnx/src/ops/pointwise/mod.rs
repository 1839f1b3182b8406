//! Operators that compute each value on its own.

pub(super) mod activation;
pub(super) mod activation_gradient;
pub(super) mod arithmetic;
pub(super) mod arithmetic_gradient;
pub(super) mod quantization;
pub(super) mod quantization_gradient;
mod smooth_gates;
