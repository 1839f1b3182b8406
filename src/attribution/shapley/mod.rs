//! Coalitions of decision groups, contrasts over their values, and Shapley values.

mod coalition;
mod contrast;
mod shapley_value;

pub use coalition::GroupCoalition;
pub use contrast::CoalitionContrast;
pub use shapley_value::ShapleyEstimate;
pub(crate) use shapley_value::{exact_shapley, permutation_contribution};
