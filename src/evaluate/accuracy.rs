//! Accuracy, its change against a baseline on the same samples, and their intervals.

use crate::record::{Evaluation, Interval, Prediction, Sha256Hex};
use crate::stats::{Resampling, bootstrap_mean_by_group, wilson};

const INTERVALS: Resampling = Resampling { resamples: 10_000, level: 0.95, seed: 0 };

/// Accuracy with its interval: Wilson's for independent samples, a bootstrap over whole groups where
/// `groups` has one entry a prediction. `None` of no predictions.
pub fn evaluate(
    variant_id: &Sha256Hex,
    predictions: &[Prediction],
    groups: Option<&[String]>,
) -> Option<Evaluation> {
    let hits: Vec<f64> = predictions.iter().map(hit).collect();
    let accuracy = match groups {
        None => wilson(hits.iter().sum::<f64>() as usize, hits.len())?,
        Some(_) => bootstrap_mean_by_group(&hits, groups, INTERVALS)?,
    };
    let unusable = predictions.iter().filter(|p| p.class.is_none()).count();
    Some(Evaluation::alone(variant_id.clone(), predictions.len(), accuracy, unusable))
}

/// [`evaluate`], and the change against a baseline's predictions of the same samples, paired.
pub fn compare(
    variant_id: &Sha256Hex,
    predictions: &[Prediction],
    baseline: &[Prediction],
    groups: Option<&[String]>,
) -> Option<Evaluation> {
    let change: Vec<f64> = predictions.iter().zip(baseline).map(|(p, b)| hit(p) - hit(b)).collect();
    let flips = predictions.iter().zip(baseline).filter(|(p, b)| p.class != b.class).count();
    let accuracy_change: Option<Interval> = bootstrap_mean_by_group(&change, groups, INTERVALS);
    let alone = evaluate(variant_id, predictions, groups)?;
    Some(Evaluation { accuracy_change, flips: Some(flips), ..alone })
}

fn hit(prediction: &Prediction) -> f64 {
    f64::from(prediction.class == Some(prediction.label))
}
