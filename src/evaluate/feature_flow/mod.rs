//! Feature flow through a network: activation statistics, effective rank, and linear CKA between the
//! layers of two models.

mod layer_flow;
mod representation_similarity;

pub use layer_flow::layer_flows;
