//! ONNX files: read whole, with local functions inlined and operators of unknown domains refused.
//!
//! Knows the protobuf's structure and its scopes of names; what operators mean is the engine's, and
//! the graph's above.

mod inline;
mod names;
mod read;
mod scope;

pub use names::fresh;
pub use read::{ModelExtent, OnnxFile, decode, model_extent, read};
pub use scope::{bodies, bodies_mut, captured, rename_captured, taken};
