//! What the operators that quantization writes mean: ONNX's definitions, in integers and f64, with no
//! thought of speed. The engine is held against it.
//!
//! Source: the ONNX operator specifications, and those of com.microsoft for MatMulNBits.

mod convolution;
mod evaluate;
mod product;
mod value;

pub use evaluate::evaluate;
pub use value::{ExactError, Value};
