//! Attribution of flips to groups and components.

mod flip_causes;
mod flip_search;

pub use flip_causes::{FlipCauses, greedy_cover};
pub use flip_search::FlipAttribution;
