//! Coalitions of decision groups, contrasts over their values, and Shapley values.

mod coalition;
mod contrast;
mod shapley_value;

pub use coalition::Coalition;
pub use contrast::Form;
pub use shapley_value::Shapley;
pub(crate) use shapley_value::{exact, joining};
