//! Rules of the ONNX specification, for every model that is read or written: names, order, operators
//! at their versions, arity, attributes, element types, and shapes of initializers.
//!
//! Pure functions of the graph; the engine is not asked. What the specification leaves to shape
//! inference is not checked. Linear in nodes and edges.
//!
//! Source: docs/IR.md of the onnx repository, and its operator schemas (`operators.tsv`).

mod graph_walk;
mod initializers;
mod node;
mod operator_table;
mod scope;
mod specification;
mod validator;
mod violations;

pub use specification::{validate, validate_for_engines, violations};
pub use violations::{CountRange, DataProblem, ElementSet, NodeLabel, Violation};
