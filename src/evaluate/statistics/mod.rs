//! Statistics of predictions: sums over samples from which every metric follows.

mod baseline_agreement;
mod metric_slots;
mod prediction_statistics;
mod reliability;
mod sample_sums;
mod statistics_builder;

pub use metric_slots::ResampledMetric;
pub(crate) use metric_slots::RocSize;
pub use prediction_statistics::{PredictionStatistics, SliceColumns};
