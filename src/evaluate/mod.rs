//! Quality: splits, answers, and what they add up to.
//!
//! A [`Predictor`] gives [`ModelOutputs`]; an [`PredictionStatistics`] reduces them to sums from which every metric
//! follows; [`evaluate_variants`] draws these sums again and again for intervals, all variants in the same draws.

pub mod metrics;

mod data_splits;
mod feature_flow;
mod hardest_hits;
mod intervals;
mod prediction;
mod robustness;
mod statistics;
mod task;

pub use data_splits::{DataSplits, SplitError, SplitRule};
pub use feature_flow::layer_flows;
pub use hardest_hits::{hardest_hits, penultimate};
pub use intervals::{BootstrapSampling, draws, evaluate_variants};
pub use prediction::{
    GroundTruth, ModelOutputs, OutputError, PixelOutputs, PredictError, Predictor, SampleMismatch,
    task_output,
};
pub use robustness::{
    AdversarialResult, AdversarialSearch, AttackError, AttackGradient, AttackPlan, AttackTest,
    AttackedModel, GradientAttack, InputBox, InputSpread, RepeatedTest, RobustnessTest,
    TestedModel, perturb_inputs, spreads,
};
pub use statistics::{PredictionStatistics, ResampledMetric, SliceColumns};
pub use task::{EvaluationTask, MetricNeedsLabels};
