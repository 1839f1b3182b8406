//! The interval of the expected calibration error, free of the bias that noise adds.

use crate::evaluate::statistics::PredictionStatistics;
use paring_core::schema::{ConfidenceInterval, Metric};
use paring_core::stats::{self, SamplingDesign};

/// The calibration error without the part that noise adds.
pub(super) fn calibration_error(
    exam: &PredictionStatistics,
    metric: Metric,
    design: SamplingDesign,
) -> Option<ConfidenceInterval> {
    let (first, bins) = *exam.gauge.gaps.get(&metric)?;
    let samples = exam.samples();
    let usable = exam.tally.totals().get(exam.gauge.usable).copied().filter(|n| *n > 0.0)?;
    let scale = samples as f64 / usable;
    let of = |own: &Vec<f64>| {
        let gap = scale * own.iter().sum::<f64>() / samples as f64;
        (gap, scale * scale * design.mean_variance(own).variance)
    };
    let (gaps, variances): (Vec<f64>, Vec<f64>) =
        exam.tally.scattered(first, bins).iter().map(of).unzip();
    let critical = design.critical(samples);
    let found = stats::calibration_error_interval(&gaps, &variances, critical);
    let silent = unobserved_error_share(exam, first, bins, design);
    Some(ConfidenceInterval {
        high: found.value + (found.high - found.value).hypot(silent),
        ..found
    })
}

/// Upper bound of the share of wrong answers that bins without a single one may hide: their variance
/// knows nothing of errors that did not occur.
fn unobserved_error_share(
    exam: &PredictionStatistics,
    first: usize,
    bins: usize,
    design: SamplingDesign,
) -> f64 {
    let Some(right) = exam.right().filter(|_| exam.by_sample()) else { return 0.0 };
    let all = exam.tally.members(first, bins);
    let silent: usize = all.iter().filter(|own| own.iter().all(|s| right[*s])).map(Vec::len).sum();
    let units = (silent as f64 / design.unit_size(exam.samples())).floor() as usize;
    let most = stats::wilson_interval(0, units).map_or(0.0, |share| share.high);
    most * silent as f64 / exam.samples() as f64
}
