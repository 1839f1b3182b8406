//! Two canonical graphs as data flows, which node is which, and what differs between them.

mod alignment;
mod attributes;
mod changes;
mod constants;
mod data_flow;
mod interface;
mod node_pairs;

pub(in crate::diff) use alignment::likeness;
pub use changes::OperatorChange;
pub(in crate::diff) use changes::{FlowChanges, UnpairedNode, changes};
pub use constants::ConstantDifference;
pub(in crate::diff) use data_flow::DataFlow;
pub(in crate::diff) use node_pairs::{FlowSide, NodePairs, node_pairs};
