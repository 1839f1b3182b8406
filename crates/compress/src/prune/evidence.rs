//! The evidence that a prune step's scores and budgets are computed from.

use crate::catalog::{self, Coupling, Linear, Reader, Rows};
use paring_core::schema::CostTable;
use paring_onnx::graph::{Facts, Graph};

/// The graph, layers, calibration rows and costs that a choice stands on.
pub(super) struct PruneEvidence<'a> {
    pub(super) graph: &'a Graph,
    pub(super) facts: &'a Facts,
    pub(super) layers: &'a [Linear],
    /// Of each layer; empty where the step looks at no data.
    pub(super) rows: &'a [Rows],
    /// Measured times of nodes, where an amount or an allocation goes by them.
    pub(super) costs: Option<&'a CostTable>,
}

impl PruneEvidence<'_> {
    /// The layers that read a coupling, with what they read.
    pub(super) fn readers(&self, coupling: &Coupling) -> Vec<Reader<'_>> {
        catalog::readers(coupling, self.layers, self.rows)
    }

    /// Layers that read a coupling and cannot be looked into.
    pub(super) fn opaque_readers(&self, coupling: &Coupling) -> Vec<String> {
        catalog::opaque_readers(self.graph, self.facts, coupling, self.layers)
    }
}
