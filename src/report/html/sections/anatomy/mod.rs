//! Anatomy: the baseline's layers in their own topology, and in each what a variant removed, its
//! precision, and its share of the time.

mod anatomy_section;
mod decisions_table;
mod layer_boxes;
mod variant_decisions;

pub use anatomy_section::section;
