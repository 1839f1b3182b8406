//! Variants: recipes, their steps, the ledger's entries and the files.

mod apply_steps;
mod make_variant;
mod onnx_validity;
mod recipe;
mod recipe_context;
mod remaining_weights;

pub use make_variant::{baseline, make};
pub use recipe::{BASELINE, Recipe};
pub use recipe_context::{
    BaselineEstimates, RecipeContext, RecipeInputs, RunRecords, TrialMachines,
};

pub(super) use apply_steps::apply_step;
