//! Quality of a variant: tasks, metrics, predictions and scores.

mod activation_statistics;
mod attack;
mod evaluation_record;
mod flip;
mod metric;
mod regime;
mod robustness;
mod score_kind;
mod task_kind;
mod unknown_name;

pub use activation_statistics::{ActivationStatistics, AttentionHeadStatistics, LayerFlow};
pub use attack::{
    AttackFacts, AttackGradientSource, AttackMethod, AttackNorm, AttackedPart, InputRangeSource,
};
pub use evaluation_record::{
    ClassScore, ConfidenceSummary, Evaluation, MetricScore, ReliabilityBin, SliceScore,
};
pub use flip::{FlipKind, FlipSummary, SamplePrediction};
pub use metric::Metric;
pub use regime::{RegimeContrast, RegimeRecord};
pub use robustness::{InputDisturbance, RobustnessScore};
pub use score_kind::ScoreKind;
pub use task_kind::TaskKind;
pub use unknown_name::UnknownName;
