//! What a graph is made of that could be removed: couplings, their components, and their scores.
//!
//! Knows how operators tie axes together; does not change a graph.

mod coupling;
mod elements;
mod producer;
mod rules;
mod score;

pub use coupling::{Catalog, ComponentSlices, Coupling, Kind, Refused, Slices, catalog};
pub use score::{Criterion, scores};
