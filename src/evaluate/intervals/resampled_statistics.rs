//! Metrics and class rates of several models on the same bootstrap resamples.

use super::bootstrap_sampling::BootstrapSampling;
use super::class_rate::ClassRate;
use crate::evaluate::statistics::PredictionStatistics;
use paring_core::schema::Metric;
use paring_core::stats::{LANES, LaneValues, ResamplingUnits};

/// Beyond these classes, F1 by class has no interval.
const MOST_CLASSES: usize = 100;

/// Values of one metric in draws that are the same for all exams: `[exam][draw]`, NaN where a draw
/// gives it no value. What is computed from them has the sampling uncertainty of these samples.
pub fn draws(
    exams: &[&PredictionStatistics],
    metric: Metric,
    how: &BootstrapSampling,
) -> Vec<Vec<f64>> {
    let Some(first) = exams.first() else { return vec![] };
    let one = ResampledStatistics { metrics: vec![metric], classes: 0 };
    let wanted = vec![one; exams.len()];
    let all = draw(exams, &wanted, &how.units(&first.labels), how);
    all.into_iter().map(|mut of_one| of_one.swap_remove(0)).collect()
}

/// The statistics that are resampled: metrics, then recall, precision and F1 of each class.
#[derive(Clone, Debug)]
pub(super) struct ResampledStatistics {
    pub(super) metrics: Vec<Metric>,
    pub(super) classes: usize,
}

impl ResampledStatistics {
    pub(super) fn of(exam: &PredictionStatistics) -> ResampledStatistics {
        let totals = exam.tally.totals();
        let defined = |metric: &Metric| exam.gauge.value(&exam.task, *metric, &totals).is_some();
        let metrics = exam.task.metrics().into_iter().filter(defined).collect();
        let classes = exam.gauge.counts(&totals).map_or(0, |counts| counts.true_positives.len());
        ResampledStatistics { metrics, classes: if classes > MOST_CLASSES { 0 } else { classes } }
    }

    fn values(&self, exam: &PredictionStatistics, sums: &[f64]) -> Vec<f64> {
        let metric = |m: &Metric| exam.gauge.value(&exam.task, *m, sums);
        let mut values: Vec<Option<f64>> = self.metrics.iter().map(metric).collect();
        if let Some(counts) = exam.gauge.counts(sums) {
            for class in 0..self.classes {
                values.extend(ClassRate::ALL.map(|rate| rate.value(&counts, class)));
            }
        }
        // Not a number stands for no value inside the draws only; intervals leave it out.
        values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect()
    }

    fn len(&self) -> usize {
        self.metrics.len() + 3 * self.classes
    }
}

/// `[exam][statistic][draw]`.
pub(super) fn draw(
    exams: &[&PredictionStatistics],
    wanted: &[ResampledStatistics],
    units: &ResamplingUnits,
    how: &BootstrapSampling,
) -> Vec<Vec<Vec<f64>>> {
    let look = |weights: &[LaneValues]| {
        let mut all = Vec::new();
        for (exam, wanted) in exams.iter().zip(wanted) {
            let sums = exam.tally.sums(weights);
            let mut values = vec![[f64::NAN; LANES]; wanted.len()];
            for lane in 0..LANES {
                let own: Vec<f64> = sums.iter().map(|sum| sum[lane]).collect();
                let found = wanted.values(exam, &own);
                values.iter_mut().zip(found).for_each(|(lanes, value)| lanes[lane] = value);
            }
            all.extend(values);
        }
        all
    };
    let mut all = units.replicate(how.resamples, how.seed, look).into_iter();
    wanted.iter().map(|wanted| all.by_ref().take(wanted.len()).collect()).collect()
}
