//! Reference values of the operators that quantization writes: ONNX's definitions, in integers and f64,
//! with no thought of speed. The engine is held against them.
//!
//! Source: the ONNX operator specifications, and those of com.microsoft for MatMulNBits.

mod convolution;
mod evaluate;
mod product;
mod value;

pub use evaluate::evaluate_exactly;
pub use value::{ExactError, ExactTensor};
