//! What a graph is made of that could be removed: couplings, their components, and their scores.
//!
//! Knows how operators tie axes together; does not change a graph.

mod bypass;
mod calibration;
mod coupling;
mod deletion;
mod elements;
mod eliminate;
mod error;
mod impact;
mod linear;
mod normal;
mod observe;
mod producer;
mod readers;
mod score;
mod walk;

pub use bypass::{Bypass, bypass_scores, bypasses};
pub use calibration::{Calibration, Range};
pub use coupling::{Catalog, ComponentSlices, Coupling, Kind, Refused, Slices, catalog};
pub use deletion::deletion_error;
pub use eliminate::Elimination;
pub use error::CatalogError;
pub use impact::{
    Dependencies, Savings, bytes_removed, dependencies, latency_saved, savings, shares_removed,
};
pub use linear::{Linear, linears, per_output};
pub use normal::DAMPING;
pub(crate) use normal::{Normal, damped};
pub use observe::{Rows, observe, observe_all};
pub use readers::{opaque_readers, readers};
pub use score::{Criterion, Reader, elimination, joint_error, output_errors, scores, with_bias};
pub use walk::Walk;
