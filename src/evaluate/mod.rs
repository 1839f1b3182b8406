//! Quality: splits, answers, and what they add up to.
//!
//! A [`Predictor`] gives [`Answers`]; an [`Exam`] reduces them to sums from which every metric
//! follows; [`assess`] draws these sums again and again for intervals, all variants in the same draws.

pub mod metrics;

mod data_splits;
mod feature_flow;
mod hardest_hits;
mod intervals;
mod prediction;
mod robustness;
mod statistics;
mod task;

pub use data_splits::{SplitError, SplitRule, Splits};
pub use feature_flow::flow;
pub use hardest_hits::{hits, penultimate};
pub use intervals::{Sampling, assess, draws};
pub use prediction::{
    Answers, OtherSamples, OutputError, PixelAnswers, PredictError, Predictor, Truth, task_output,
};
pub use robustness::{Asked, Found, Search, Spread, Stress, disturb, spreads};
pub use statistics::{Columns, Exam, Figure};
pub use task::{NeedsLabels, Task};
