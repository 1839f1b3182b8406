//! Quality: splits, answers, and what they add up to.
//!
//! A [`Predictor`] gives [`Answers`]; an [`Exam`] reduces them to sums from which every metric
//! follows; [`assess`] draws these sums again and again for intervals, all variants in the same draws.

pub mod metrics;

mod answers;
mod assess;
mod build;
mod confidence;
mod disturb;
mod exam;
mod flow;
mod gauge;
mod hits;
mod integers;
mod interval;
mod output;
mod predict;
mod predict_error;
mod rows;
mod search;
mod similarity;
mod slices;
mod split;
mod stress;
mod tally;
mod task;

pub use answers::{Answers, OtherSamples, PixelAnswers, Truth};
pub use assess::{Sampling, assess, draws};
pub use disturb::{Spread, disturb, spreads};
pub use exam::{Columns, Exam};
pub use flow::flow;
pub use gauge::Figure;
pub use hits::{hits, penultimate};
pub use output::{OutputError, task_output};
pub use predict::Predictor;
pub use predict_error::PredictError;
pub use search::{Found, Search};
pub use split::{SplitError, SplitRule, Splits};
pub use stress::{Asked, Stress};
pub use task::{NeedsLabels, Task};
