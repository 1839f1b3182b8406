//! Rates as proportions: their Wilson intervals, and the number of samples that each is over.

use crate::evaluate::metrics::{ClassCounts, ConfusionCounts};
use crate::evaluate::statistics::PredictionStatistics;
use paring_core::schema::{ConfidenceInterval, Metric};
use paring_core::stats::{self, SamplingDesign};

/// Numerator and denominator of a rate of the positive class that is a plain proportion.
fn counted(binary: &ConfusionCounts, metric: Metric) -> Option<(f64, f64)> {
    let ConfusionCounts { true_positives, false_positives, false_negatives, true_negatives } =
        *binary;
    Some(match metric {
        Metric::Precision => (true_positives, true_positives + false_positives),
        Metric::Recall | Metric::Sensitivity => (true_positives, true_positives + false_negatives),
        Metric::FalseNegativeRate => (false_negatives, true_positives + false_negatives),
        Metric::Specificity => (true_negatives, true_negatives + false_positives),
        _ => return None,
    })
}

/// Wilson's interval of a rate of the positive class, of independent samples.
pub(super) fn plain_rate(
    exam: &PredictionStatistics,
    metric: Metric,
    design: SamplingDesign,
) -> Option<ConfidenceInterval> {
    let totals = exam.tally.totals();
    let binary = exam.by_sample().then(|| exam.gauge.binary(&exam.task, &totals)).flatten()?;
    let (part, whole) = counted(&binary, metric)?;
    let grouped = matches!(design, SamplingDesign::Groups(_));
    if grouped {
        None
    } else {
        stats::wilson_interval(part.round() as usize, whole.round() as usize)
    }
}

/// Over how many samples a rate of decisions goes: so that one decision changes it by a share of 1.
/// `None` of metrics that are no such rate, and of pixels, which depend on each other.
pub(super) fn rate_units(exam: &PredictionStatistics, metric: Metric) -> Option<f64> {
    let totals = exam.tally.totals();
    let counts = exam.by_sample().then(|| exam.gauge.counts(&totals)).flatten()?;
    let samples = exam.samples() as f64;
    let binary = exam.gauge.binary(&exam.task, &totals);
    let positive = exam.task.positive.filter(|class| *class < counts.true_positives.len());
    let units = match (metric, &binary, positive) {
        (Metric::F1Micro, ..) => samples,
        (Metric::Dice | Metric::Iou, _, Some(class)) => {
            counts.predicted[class] + counts.labelled[class]
        }
        (_, Some(binary), _) if counted(binary, metric).is_some() => counted(binary, metric)?.1,
        _ => macro_units(&counts, metric, samples)?,
    };
    (units > 0.0).then_some(units)
}

/// The same of a mean over classes: the root of the mean square of what one decision changes.
fn macro_units(counts: &ClassCounts, metric: Metric, samples: f64) -> Option<f64> {
    let over = |class: usize| match metric {
        Metric::Precision => Some(counts.predicted[class]),
        Metric::Recall | Metric::Sensitivity | Metric::FalseNegativeRate => {
            Some(counts.labelled[class])
        }
        Metric::Specificity => Some(samples - counts.labelled[class]),
        Metric::F1Macro | Metric::Dice | Metric::Iou => {
            Some((counts.predicted[class] + counts.labelled[class]) / 2.0)
        }
        _ => None,
    };
    let sizes: Vec<f64> =
        (0..counts.true_positives.len()).filter_map(over).filter(|n| *n > 0.0).collect();
    let all: f64 = sizes.iter().sum();
    let classes = sizes.len() as f64;
    let square: f64 = sizes.iter().map(|n| n / all / (classes * n).powi(2)).sum();
    (square > 0.0).then(|| square.sqrt().recip())
}
