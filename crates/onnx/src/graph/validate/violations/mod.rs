//! Violations of the ONNX specification, and how they read.

mod data_problem;
mod element_set;
mod node_label;
mod violation;

pub use data_problem::DataProblem;
pub use element_set::ElementSet;
pub(super) use element_set::{bits, standard_name};
pub use node_label::{CountRange, NodeLabel};
pub use violation::Violation;
