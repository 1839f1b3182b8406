//! ONNX as an editable graph: load, index, shapes, slice, splice, save.
//!
//! The only place that names the ONNX protobuf; the floors above see [`Node`] and tensors by name.

mod attribute;
mod build;
mod constant;
mod cost;
mod edit;
mod error;
mod index;
mod model;
mod name;
mod names;
mod origins;
mod share;
mod slice;
mod surrogate;
mod validate;
mod weights;

pub use attribute::{float, int, ints, set_int, set_ints, text};
pub use build::Size;
pub use cost::{Cost, NodeCost};
pub use error::GraphError;
pub use index::Index;
pub use model::{Facts, Graph};
pub use name::{layer_name, layer_names};
pub use names::FreshNames;
pub use origins::origins;
pub use slice::{insert, remove};
pub use validate::{Count, DataProblem, ElementSet, NodeLabel, Violation, validate, violations};
pub use weights::{ElementType, Weights};

/// A node of the graph, as ONNX has it.
pub type Node = tract_onnx::pb::NodeProto;
