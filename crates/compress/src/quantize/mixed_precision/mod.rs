//! Mixed precision: which precision each layer gets, from what each costs and loses.

mod assignment;
mod dynamic_program;
mod frontier;
mod sensitivity;

pub use assignment::{LayerPrices, PrecisionAssignment};
pub use frontier::{assignments, predicted_assignment};
pub use sensitivity::{FloatAnswers, QuantizationLoss};
