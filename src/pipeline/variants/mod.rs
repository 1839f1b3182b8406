//! Variants: recipes, their steps, the ledger's entries and the files.

mod make_variant;
mod onnx_validity;
mod recipe;
mod remaining_weights;

pub use make_variant::{baseline, make};
pub use recipe::{BASELINE, Context, Recipe};

pub(super) use make_variant::apply_step;
