//! Confidence of predictions, and reliability diagrams.

use crate::evaluate::metrics::{self, BINS};
use crate::evaluate::prediction::ModelOutputs;
use paring_core::schema::{ConfidenceSummary, ReliabilityBin};

/// Confidence in the predicted class and whether it is the label, of every usable sample, and where
/// each stands among all.
pub(super) fn confidences(answers: &ModelOutputs) -> (Vec<f64>, Vec<bool>, Vec<usize>) {
    let (mut confidence, mut right, mut kept) = (vec![], vec![], vec![]);
    for (position, class) in answers.class.iter().enumerate() {
        let Some(class) = class.and_then(|c| usize::try_from(c).ok()) else { continue };
        let Some(own) = answers.row(position).get(class) else { continue };
        confidence.push(f64::from(*own));
        right.push(answers.labels[position] == class as i64);
        kept.push(position);
    }
    (confidence, right, kept)
}

/// Mean confidence and margin; `None` where no answer has any.
pub(super) fn decisiveness(answers: &ModelOutputs) -> Option<ConfidenceSummary> {
    let predictions = answers.predictions();
    let sure = predictions.iter().filter_map(|p| Some((p.confidence?, p.margin?)));
    let (count, confidence, margin) =
        sure.fold((0.0, 0.0, 0.0), |all, one| (all.0 + 1.0, all.1 + one.0, all.2 + one.1));
    (count > 0.0)
        .then(|| ConfidenceSummary { confidence: confidence / count, margin: margin / count })
}

/// Reliability in bins of equal width, and of equal mass.
pub(super) fn reliabilities(answers: &ModelOutputs) -> [Vec<ReliabilityBin>; 2] {
    let (confidence, right, _) = confidences(answers);
    [metrics::equal_width_bins(&confidence, BINS), metrics::equal_mass_bins(&confidence, BINS)]
        .map(|binned| metrics::reliability_diagram(&binned, &confidence, &right))
}
