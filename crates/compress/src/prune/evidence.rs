//! The evidence that a prune step's scores and budgets are computed from.

use crate::catalog::{self, Coupling, CouplingReader, InputRows, LinearLayer};
use paring_core::schema::CostTable;
use paring_onnx::graph::{Graph, TensorFacts};

/// The graph, layers, calibration rows and costs that a choice stands on.
pub(super) struct PruneEvidence<'a> {
    pub(super) graph: &'a Graph,
    pub(super) facts: &'a TensorFacts,
    pub(super) layers: &'a [LinearLayer],
    /// Of each layer; empty where the step looks at no data.
    pub(super) rows: &'a [InputRows],
    /// Measured times of nodes, where an amount or an allocation goes by them.
    pub(super) costs: Option<&'a CostTable>,
}

impl PruneEvidence<'_> {
    /// The layers that read a coupling, with what they read.
    pub(super) fn readers(&self, coupling: &Coupling) -> Vec<CouplingReader<'_>> {
        catalog::readers(coupling, self.layers, self.rows)
    }

    /// Layers that read a coupling and cannot be looked into.
    pub(super) fn opaque_readers(&self, coupling: &Coupling) -> Vec<String> {
        catalog::opaque_readers(self.graph, self.facts, coupling, self.layers)
    }
}
