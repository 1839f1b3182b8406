//! Recipes of a study's variants: each `[[variant]]` with its steps becomes typed, checked recipes.
//!
//! A step is read twice: as a table with the place of each value, in which lists become one table for
//! each of their values, and then as the typed section of its kind. So a key that its kind lacks is
//! refused where the section is read, with the line, and what it belongs to.

mod distill_step;
mod prune_step;
mod quantize_step;
mod step;
mod step_error;
mod step_schema;
mod step_table;
mod sweep;
mod variant;

pub(super) use variant::{VariantSection, recipes};
