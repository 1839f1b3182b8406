//! Components that could be removed from a graph, and what is expected of removing them.
//!
//! Knows how operators tie axes together; does not change a graph.

mod dependency;
mod importance;

pub use dependency::{
    Bypass, Catalog, ComponentSlices, Coupling, Kind, Refused, Slices, bypasses, catalog,
};
pub use importance::{
    Calibration, CatalogError, Criterion, DAMPING, Dependencies, Elimination, Linear, Range,
    Reader, Rows, Savings, Walk, bypass_scores, bytes_removed, deletion_error, dependencies,
    elimination, joint_error, latency_saved, linears, observe, observe_all, opaque_readers,
    output_errors, per_output, readers, savings, scores, shares_removed, with_bias,
};
pub(crate) use importance::{Normal, damped};
