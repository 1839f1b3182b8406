//! Components that could be removed from a graph, and what is expected of removing them.
//!
//! Knows how operators tie axes together; does not change a graph.

mod dependency;
mod importance;

pub use dependency::{
    BypassCandidate, Catalog, ComponentKind, ComponentSlices, Coupling, RefusedLayer, Slices,
    bypasses, catalog,
};
pub use importance::{
    ActivationRange, Calibration, CalibrationWalk, CatalogError, ComponentGradients,
    CouplingDependencies, CouplingGradients, CouplingReader, Criterion, DAMPING, EliminationOrder,
    ExpectedSavings, InputGradient, InputRows, LayerGradient, LinearLayer, ModelGradients,
    bypass_scores, bytes_removed, component_gradients, deletion_error, dependencies, elimination,
    joint_error, latency_saved, layer_gradients, linears, observe, observe_all, opaque_readers,
    output_errors, per_output, readers, savings, scores, shares_removed, with_bias,
};
pub(crate) use importance::{NormalEquations, damped};
