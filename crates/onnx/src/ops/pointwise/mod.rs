//! Operators that compute each value on its own.

pub(super) mod activation;
pub(super) mod arithmetic;
pub(super) mod quantization;
