//! ONNX as an editable graph: load, index, shapes, slice, splice, save.
//!
//! The only place that names the ONNX protobuf; the floors above see [`Node`] and tensors by name.

mod attribute;
mod construction;
mod cost;
mod edit;
mod element_type;
mod error;
mod index;
mod load;
mod model;
mod names;
mod preparation;
mod shapes;
mod validate;
mod weight_slices;
mod weights;

pub use attribute::{computation, float, int, ints, set_float, set_int, set_ints, text};
pub use construction::DimensionSize;
pub use cost::{GraphCost, NodeCost};
pub use element_type::ElementType;
pub use error::GraphError;
pub use index::GraphIndex;
pub use model::Graph;
pub use names::{FreshNames, layer_name, layer_names, origins};
pub use shapes::TensorFacts;
pub use validate::{
    CountRange, DataProblem, ElementSet, NodeLabel, Violation, validate, violations,
};
pub use weight_slices::{insert, remove};
pub use weights::Weights;

/// A node of the graph, as ONNX has it.
pub type Node = tract_onnx::pb::NodeProto;
