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
    ActivationRange, Calibration, CalibrationWalk, CatalogError, CouplingDependencies,
    CouplingReader, Criterion, DAMPING, EliminationOrder, ExpectedSavings, InputRows, LinearLayer,
    bypass_scores, bytes_removed, deletion_error, dependencies, elimination, joint_error,
    latency_saved, linears, observe, observe_all, opaque_readers, output_errors, per_output,
    readers, savings, scores, shares_removed, with_bias,
};
pub(crate) use importance::{NormalEquations, damped};
