//! Quality: splits, answers, and what they add up to.
//!
//! A [`Predictor`] gives [`Answers`]; an [`Exam`] reduces them to sums from which every metric
//! follows; [`assess`] draws these sums again and again for intervals, all variants in the same draws.

pub mod metrics;

mod answers;
mod assess;
mod build;
mod confidence;
mod exam;
mod gauge;
mod predict;
mod rows;
mod slices;
mod split;
mod tally;
mod task;

pub use answers::{Answers, OtherSamples, Truth};
pub use assess::{Sampling, assess, draws};
pub use exam::{Columns, Exam};
pub use predict::{PredictError, Predictor};
pub use split::{SplitError, SplitRule, Splits};
pub use task::{Scores, Task};
