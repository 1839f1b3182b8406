//! Dependencies between slices of tensors: couplings, their components, and stretches of a graph that
//! it can do without.

mod bypass;
mod component_kind;
mod coupling;
mod entry_classes;
mod module_name;
mod producers;

pub use bypass::{BypassCandidate, bypasses};
pub use component_kind::ComponentKind;
pub use coupling::{Catalog, ComponentSlices, Coupling, RefusedLayer, Slices, catalog};
