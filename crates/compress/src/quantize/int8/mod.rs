//! Quantized layers written into a graph: operators that the engine runs in integers, or quantize and
//! dequantize pairs, and the conversions between float and int8.

mod bias_overflow;
mod conversions;
mod emission;
mod static_layers;
mod weight_only_layers;

pub(super) use bias_overflow::fit_biases;
pub use conversions::conversion_graph;
pub(super) use emission::{QuantizedLayers, int8_only_tensors, int8_paths, write_quantized_layers};
pub(super) use weight_only_layers::AXIS_OPSET;
