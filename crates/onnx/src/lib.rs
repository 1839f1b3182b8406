//! ONNX files as graphs that can be checked, measured in operations, edited and written.
//!
//! Knows operators and shapes, nothing of compression.

#![warn(missing_docs)]

pub mod graph;
pub mod ops;
