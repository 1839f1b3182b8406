//! The evidence that a prune step's scores and budgets are computed from.

use crate::CompressError;
use crate::catalog::{
    self, ComponentGradients, Coupling, CouplingReader, Criterion, InputRows, LinearLayer,
};
use paring_core::schema::CostTable;
use paring_onnx::graph::{Graph, TensorFacts};

/// The graph, layers, calibration rows and costs that a choice stands on.
pub(super) struct PruneEvidence<'a> {
    pub(super) graph: &'a Graph,
    pub(super) facts: &'a TensorFacts,
    pub(super) layers: &'a [LinearLayer],
    /// Of each layer; empty where the step looks at no data.
    pub(super) rows: &'a [InputRows],
    /// At the components of all couplings; `None` where the criterion looks at none.
    pub(super) gradients: Option<&'a ComponentGradients>,
    /// Measured times of nodes, where an amount or an allocation goes by them.
    pub(super) costs: Option<&'a CostTable>,
}

impl PruneEvidence<'_> {
    /// The layers that read a coupling, with what they read.
    pub(super) fn readers(&self, coupling: &Coupling) -> Vec<CouplingReader<'_>> {
        catalog::readers(coupling, self.layers, self.rows)
    }

    /// Importance of each component of a coupling.
    pub(super) fn scores(
        &self,
        coupling: &Coupling,
        criterion: Criterion,
        seed: u64,
    ) -> Result<Vec<f64>, CompressError> {
        let readers = self.readers(coupling);
        Ok(catalog::scores(self.graph, coupling, criterion, (&readers, self.gradients), seed)?)
    }

    /// Layers that read a coupling and cannot be looked into.
    pub(super) fn opaque_readers(&self, coupling: &Coupling) -> Vec<String> {
        catalog::opaque_readers(self.graph, self.facts, coupling, self.layers)
    }
}
