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
    ExpectedSavings, GradientChange, InputGradient, InputRows, LayerGradient, LinearLayer,
    ModelGradients, WeightGradients, bypass_scores, bytes_removed, component_gradients,
    condition_numbers, deletion_error, dependencies, elimination, joint_error, latency_saved,
    layer_gradients, linears, observe, observe_all, opaque_readers, output_errors, per_output,
    readers, savings, scores, shares_removed, weight_gradients, with_bias,
};
pub(crate) use importance::{NormalEquations, damped};
