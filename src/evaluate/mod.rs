//! Quality: splits, predictions, and what they add up to.

mod accuracy;
mod predict;
mod split;

pub use accuracy::{compare, evaluate};
pub use predict::{PredictError, Predictor, Scores};
pub use split::{SplitError, SplitRule, Splits};
