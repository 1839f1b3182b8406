//! 95 % intervals of metrics and their paired changes, the same for every verb that states them.
//!
//! Proportions, areas under a curve and calibration errors have intervals of their own, because
//! resampling knows only what it saw; all else has the bootstrap's.

use super::auc_interval::{delong_correlation, roc_area};
use super::calibration_error_interval::calibration_error;
use super::paired_draws::{correlation, moved};
use super::rate_units::{plain_rate, rate_units};
use crate::evaluate::statistics::PredictionStatistics;
use paring_core::schema::{ConfidenceInterval, Metric};
use paring_core::stats::{self, SamplingDesign};

/// An exam with the values of one of its metrics in draws that are the same for all exams.
#[derive(Clone, Copy)]
pub(super) struct MetricResamples<'a> {
    /// The exam.
    pub(super) exam: &'a PredictionStatistics,
    /// One value a draw, NaN where there is none.
    pub(super) draws: &'a [f64],
}

/// Draws, and what else an interval of them needs.
#[derive(Clone, Copy)]
pub(super) struct RateResamples<'a> {
    /// Value on all samples.
    pub(super) value: f64,
    /// One value a draw, NaN where there is none.
    pub(super) draws: &'a [f64],
    /// Number of samples that the rate is over.
    pub(super) units: f64,
}

impl MetricResamples<'_> {
    /// The 95 % interval of a metric; `None` where it has no value.
    pub(super) fn interval(
        &self,
        metric: Metric,
        design: SamplingDesign,
    ) -> Option<ConfidenceInterval> {
        let (exam, value) = (self.exam, self.exam.value(metric)?);
        let units = design.units(exam.samples());
        if let Some(hits) = exam.proportion(metric) {
            return stats::proportion_interval(hits, design);
        }
        if let Some(area) = roc_area(exam, metric, design) {
            return Some(stats::delong_interval(&area, design.critical(exam.samples())));
        }
        if let Some(error) = calibration_error(exam, metric, design) {
            return Some(ConfidenceInterval { value, ..error });
        }
        if let Some(interval) = plain_rate(exam, metric, design) {
            return Some(interval);
        }
        if let Some(units) = rate_units(exam, metric) {
            return RateResamples { value, draws: self.draws, units }
                .interval(exam.samples(), design);
        }
        if let (SamplingDesign::Groups(groups), Some(values)) = (design, exam.mean_of(metric))
            && let Some(found) = stats::cluster_bootstrap_t(values, groups)
        {
            return Some(found);
        }
        stats::expanded_percentile_interval(value, self.draws, units)
    }

    /// The 95 % interval of a metric's change from the baseline, which was asked the same samples.
    pub(super) fn change(
        &self,
        baseline: &MetricResamples,
        metric: Metric,
        design: SamplingDesign,
    ) -> Option<ConfidenceInterval> {
        let size = self.exam.value(metric)?.abs().max(baseline.exam.value(metric)?.abs());
        let found = self.exact_change(baseline, metric, design)?;
        Some(stats::beyond_rounding(found, size))
    }

    /// The same, of changes however small.
    fn exact_change(
        &self,
        baseline: &MetricResamples,
        metric: Metric,
        design: SamplingDesign,
    ) -> Option<ConfidenceInterval> {
        let exams = [self.exam, baseline.exam];
        let [after, before] = exams.map(|exam| exam.value(metric));
        let (value, samples) = (after? - before?, self.exam.samples());
        if let [Some(after), Some(before)] = exams.map(|exam| exam.proportion(metric)) {
            let shares: Vec<f64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
            return stats::bonett_price_interval(&shares, design);
        }
        if let [Some(after), Some(before)] = exams.map(|exam| roc_area(exam, metric, design)) {
            let Some(correlation) = delong_correlation(exams, design) else {
                return Some(ConfidenceInterval { value, low: 0.0, high: 0.0 });
            };
            let critical = design.critical(samples);
            let [after, before] = [after, before].map(|a| stats::delong_interval(&a, critical));
            return Some(stats::newcombe_interval(after, before, correlation));
        }
        if value == 0.0 && self.draws == baseline.draws && exams[0].gauge.gaps.contains_key(&metric)
        {
            return Some(ConfidenceInterval { value, low: 0.0, high: 0.0 });
        }
        let errors = exams.map(|exam| calibration_error(exam, metric, design));
        if let [Some(after), Some(before)] = errors {
            // What does not stand out of the noise moves with its size, not with its sign, and so not
            // as in draws, which take the found gaps for the true ones; and it is biased rather than
            // scattered, so that both reaches add up.
            let clear = |error: ConfidenceInterval| {
                if error.value > 0.0 { error.low / error.value } else { 0.0 }
            };
            let part = clear(after).min(clear(before));
            let correlation = part * correlation(self.draws, baseline.draws) - (1.0 - part) / 2.0;
            let found = stats::newcombe_interval(after, before, correlation);
            return Some(ConfidenceInterval { value, ..found });
        }
        if let [Some(after_units), Some(before_units)] = exams.map(|e| rate_units(e, metric)) {
            let after = RateResamples { value: after?, draws: self.draws, units: after_units };
            let before =
                RateResamples { value: before?, draws: baseline.draws, units: before_units };
            return after.change(&before, samples, design);
        }
        if let (SamplingDesign::Groups(groups), [Some(after), Some(before)]) =
            (design, exams.map(|exam| exam.mean_of(metric)))
        {
            let found = stats::cluster_bootstrap_t(&moved(after, before), groups);
            return found.or(Some(ConfidenceInterval { value, low: value, high: value }));
        }
        let moved = moved(self.draws, baseline.draws);
        stats::expanded_percentile_interval(value, &moved, design.units(samples))
    }
}

impl RateResamples<'_> {
    /// Wilson's interval with the draws' effective number of samples.
    pub(super) fn interval(
        &self,
        samples: usize,
        design: SamplingDesign,
    ) -> Option<ConfidenceInterval> {
        let variance = stats::bootstrap_variance(self.draws)?;
        let (size, critical) = (design.unit_size(samples), design.critical(samples));
        Some(stats::rate_interval(self.value, variance, self.units, size, critical))
    }

    /// The bootstrap's interval of the change from the same rate of the baseline.
    pub(super) fn percentile_change(
        &self,
        before: &RateResamples,
        samples: usize,
        design: SamplingDesign,
    ) -> Option<ConfidenceInterval> {
        let moved = moved(self.draws, before.draws);
        let units = design.units(samples);
        stats::expanded_percentile_interval(self.value - before.value, &moved, units)
    }

    /// The interval of the change from the same rate of the baseline.
    pub(super) fn change(
        &self,
        before: &RateResamples,
        samples: usize,
        design: SamplingDesign,
    ) -> Option<ConfidenceInterval> {
        let variance = stats::bootstrap_variance(&moved(self.draws, before.draws))?;
        let (size, critical) = (design.unit_size(samples), design.critical(samples));
        let (value, units) = (self.value - before.value, [self.units, before.units]);
        Some(stats::rate_change_interval(value, variance, units, size, critical))
    }
}
