//! DeLong's variance of areas under ROC curves, and their correlation between two models.

use super::paired_draws::moved;
use crate::evaluate::statistics::{PredictionStatistics, RocSize};
use paring_core::schema::Metric;
use paring_core::stats::{RocArea, SamplingDesign};

/// The area under the curve, with DeLong's variance under the design.
pub(super) fn roc_area(
    exam: &PredictionStatistics,
    metric: Metric,
    design: SamplingDesign,
) -> Option<RocArea> {
    let (area, slot) = exam.gauge.auc.filter(|_| metric == Metric::Auc)?;
    let RocSize { positives, negatives, areas } = exam.gauge.roc?;
    let variance = design.mean_variance(exam.tally.values(slot)?).variance;
    Some(RocArea { area, variance, positives, negatives, areas })
}

/// Correlation of two areas; 0 where one has no error, `None` where every sample has the same part in
/// both, as of equal answers.
pub(super) fn delong_correlation(
    exams: [&PredictionStatistics; 2],
    design: SamplingDesign,
) -> Option<f64> {
    let [Some(a), Some(b)] = exams.map(|exam| exam.tally.values(exam.gauge.auc?.1)) else {
        return Some(0.0);
    };
    let of = |values: &[f64]| design.mean_variance(values).variance;
    let (own, other, apart) = (of(a), of(b), of(&moved(a, b)));
    let scale = 2.0 * (own * other).sqrt();
    match scale > 0.0 {
        true if a == b => None,
        true => Some(((own + other - apart) / scale).clamp(-1.0, 1.0)),
        false => Some(0.0),
    }
}
