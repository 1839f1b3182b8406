//! Standard operators in place of ONNX Runtime's fused and quantized ones.

mod attention;
mod expand;
mod expansion;
mod quantized;
mod standard;

pub(super) use expand::expand;
