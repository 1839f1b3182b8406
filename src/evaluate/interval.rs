//! Which interval each figure has: one function a quantity, for every verb that states it.
//!
//! Proportions, areas under a curve and calibration errors have intervals of their own, because
//! resampling knows only what it saw; all else has the bootstrap's.

use super::Exam;
use super::gauge::{Over, RocSize};
use super::metrics::{Binary, Counts};
use paring_core::schema::{Interval, Metric, TaskKind};
use paring_core::stats::{self, RocArea, SamplingDesign};

/// An exam with the values of one of its metrics in draws that are the same for all exams.
#[derive(Clone, Copy)]
pub(super) struct Drawn<'a> {
    /// The exam.
    pub(super) exam: &'a Exam,
    /// One value a draw, NaN where there is none.
    pub(super) draws: &'a [f64],
}

/// Draws, and what else an interval of them needs.
#[derive(Clone, Copy)]
pub(super) struct DrawnRate<'a> {
    /// Value on all samples.
    pub(super) value: f64,
    /// One value a draw, NaN where there is none.
    pub(super) draws: &'a [f64],
    /// How many samples the rate is over.
    pub(super) units: f64,
}

impl Drawn<'_> {
    /// The 95 % interval of a metric; `None` where it has no value.
    pub(super) fn interval(&self, metric: Metric, design: SamplingDesign) -> Option<Interval> {
        let (exam, value) = (self.exam, self.exam.value(metric)?);
        let units = design.units(exam.samples());
        if let Some(hits) = exam.proportion(metric) {
            return stats::proportion_interval(hits, design);
        }
        if let Some(area) = roc_area(exam, metric, design) {
            return Some(stats::delong_interval(&area, design.critical(exam.samples())));
        }
        if let Some(error) = calibration_error(exam, metric, design) {
            return Some(Interval { value, ..error });
        }
        if let Some(interval) = plain_rate(exam, metric, design) {
            return Some(interval);
        }
        if let Some(units) = rate_units(exam, metric) {
            return DrawnRate { value, draws: self.draws, units }.interval(exam.samples(), design);
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
        baseline: &Drawn,
        metric: Metric,
        design: SamplingDesign,
    ) -> Option<Interval> {
        let size = self.exam.value(metric)?.abs().max(baseline.exam.value(metric)?.abs());
        let found = self.exact_change(baseline, metric, design)?;
        Some(stats::beyond_rounding(found, size))
    }

    /// The same, of changes however small.
    fn exact_change(
        &self,
        baseline: &Drawn,
        metric: Metric,
        design: SamplingDesign,
    ) -> Option<Interval> {
        let exams = [self.exam, baseline.exam];
        let [after, before] = exams.map(|exam| exam.value(metric));
        let (value, samples) = (after? - before?, self.exam.samples());
        if let [Some(after), Some(before)] = exams.map(|exam| exam.proportion(metric)) {
            let shares: Vec<f64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
            return stats::bonett_price_interval(&shares, design);
        }
        if let [Some(after), Some(before)] = exams.map(|exam| roc_area(exam, metric, design)) {
            let Some(correlation) = delong_correlation(exams, design) else {
                return Some(Interval { value, low: 0.0, high: 0.0 });
            };
            let critical = design.critical(samples);
            let [after, before] = [after, before].map(|a| stats::delong_interval(&a, critical));
            return Some(stats::newcombe_interval(after, before, correlation));
        }
        if value == 0.0 && self.draws == baseline.draws && exams[0].gauge.gaps.contains_key(&metric)
        {
            return Some(Interval { value, low: 0.0, high: 0.0 });
        }
        let errors = exams.map(|exam| calibration_error(exam, metric, design));
        if let [Some(after), Some(before)] = errors {
            // What does not stand out of the noise moves with its size, not with its sign, and so not
            // as in draws, which take the found gaps for the true ones; and it is biased rather than
            // scattered, so that both reaches add up.
            let clear =
                |error: Interval| if error.value > 0.0 { error.low / error.value } else { 0.0 };
            let part = clear(after).min(clear(before));
            let correlation = part * correlation(self.draws, baseline.draws) - (1.0 - part) / 2.0;
            let found = stats::newcombe_interval(after, before, correlation);
            return Some(Interval { value, ..found });
        }
        if let [Some(after_units), Some(before_units)] = exams.map(|e| rate_units(e, metric)) {
            let after = DrawnRate { value: after?, draws: self.draws, units: after_units };
            let before = DrawnRate { value: before?, draws: baseline.draws, units: before_units };
            return after.change(&before, samples, design);
        }
        if let (SamplingDesign::Groups(groups), [Some(after), Some(before)]) =
            (design, exams.map(|exam| exam.mean_of(metric)))
        {
            let found = stats::cluster_bootstrap_t(&moved(after, before), groups);
            return found.or(Some(Interval { value, low: value, high: value }));
        }
        let moved = moved(self.draws, baseline.draws);
        stats::expanded_percentile_interval(value, &moved, design.units(samples))
    }
}

impl DrawnRate<'_> {
    /// Wilson's interval with the draws' effective number of samples.
    pub(super) fn interval(&self, samples: usize, design: SamplingDesign) -> Option<Interval> {
        let variance = stats::variance(self.draws)?;
        let (size, critical) = (design.unit_size(samples), design.critical(samples));
        Some(stats::rate_interval(self.value, variance, self.units, size, critical))
    }

    /// The bootstrap's interval of the change from the same rate of the baseline.
    pub(super) fn percentile_change(
        &self,
        before: &DrawnRate,
        samples: usize,
        design: SamplingDesign,
    ) -> Option<Interval> {
        let moved = moved(self.draws, before.draws);
        let units = design.units(samples);
        stats::expanded_percentile_interval(self.value - before.value, &moved, units)
    }

    /// The interval of the change from the same rate of the baseline.
    pub(super) fn change(
        &self,
        before: &DrawnRate,
        samples: usize,
        design: SamplingDesign,
    ) -> Option<Interval> {
        let variance = stats::variance(&moved(self.draws, before.draws))?;
        let (size, critical) = (design.unit_size(samples), design.critical(samples));
        let (value, units) = (self.value - before.value, [self.units, before.units]);
        Some(stats::rate_change_interval(value, variance, units, size, critical))
    }
}

fn moved(after: &[f64], before: &[f64]) -> Vec<f64> {
    after.iter().zip(before).map(|(after, before)| after - before).collect()
}

/// The area under the curve, with DeLong's variance under the design.
fn roc_area(exam: &Exam, metric: Metric, design: SamplingDesign) -> Option<RocArea> {
    let (area, slot) = exam.gauge.auc.filter(|_| metric == Metric::Auc)?;
    let RocSize { positives, negatives, areas } = exam.gauge.roc?;
    let variance = design.mean_variance(exam.tally.values(slot)?).variance;
    Some(RocArea { area, variance, positives, negatives, areas })
}

/// Correlation of two areas; 0 where one has no error, `None` where every sample has the same part in
/// both, as of equal answers.
fn delong_correlation(exams: [&Exam; 2], design: SamplingDesign) -> Option<f64> {
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

/// The calibration error without the part that noise adds.
fn calibration_error(exam: &Exam, metric: Metric, design: SamplingDesign) -> Option<Interval> {
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
    let silent = silent_share(exam, first, bins, design);
    Some(Interval { high: found.value + (found.high - found.value).hypot(silent), ..found })
}

/// Upper bound of the share of wrong answers that bins without a single one may hide: their variance
/// knows nothing of errors that did not occur.
fn silent_share(exam: &Exam, first: usize, bins: usize, design: SamplingDesign) -> f64 {
    let Some(right) = exam.right().filter(|_| exam.by_sample()) else { return 0.0 };
    let all = exam.tally.members(first, bins);
    let silent: usize = all.iter().filter(|own| own.iter().all(|s| right[*s])).map(Vec::len).sum();
    let units = (silent as f64 / design.unit_size(exam.samples())).floor() as usize;
    let most = stats::wilson(0, units).map_or(0.0, |share| share.high);
    most * silent as f64 / exam.samples() as f64
}

/// Pearson's correlation of draws in which both have a value; 0 where one does not vary.
fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let both: Vec<(f64, f64)> =
        a.iter().copied().zip(b.iter().copied()).filter(|(a, b)| !(a + b).is_nan()).collect();
    let n = both.len().max(1) as f64;
    let (ma, mb) = both.iter().fold((0.0, 0.0), |m, (a, b)| (m.0 + a / n, m.1 + b / n));
    let [mut aa, mut ab, mut bb] = [0.0; 3];
    for (a, b) in &both {
        let (a, b) = (a - ma, b - mb);
        [aa, ab, bb] = [aa + a * a, ab + a * b, bb + b * b];
    }
    if aa * bb > 0.0 { ab / (aa * bb).sqrt() } else { 0.0 }
}

/// Numerator and denominator of a rate of the positive class that is a plain proportion.
fn counted(binary: &Binary, metric: Metric) -> Option<(f64, f64)> {
    let Binary { hits, false_alarms, missed, rejected } = *binary;
    Some(match metric {
        Metric::Precision => (hits, hits + false_alarms),
        Metric::Recall | Metric::Sensitivity => (hits, hits + missed),
        Metric::FalseNegativeRate => (missed, hits + missed),
        Metric::Specificity => (rejected, rejected + false_alarms),
        _ => return None,
    })
}

/// Wilson's interval of a rate of the positive class, of independent samples.
fn plain_rate(exam: &Exam, metric: Metric, design: SamplingDesign) -> Option<Interval> {
    let totals = exam.tally.totals();
    let binary = exam.by_sample().then(|| exam.gauge.binary(&exam.task, &totals)).flatten()?;
    let (part, whole) = counted(&binary, metric)?;
    let grouped = matches!(design, SamplingDesign::Groups(_));
    if grouped { None } else { stats::wilson(part.round() as usize, whole.round() as usize) }
}

/// Over how many samples a rate of decisions goes: so that one decision changes it by a share of 1.
/// `None` of metrics that are no such rate, and of pixels, which depend on each other.
fn rate_units(exam: &Exam, metric: Metric) -> Option<f64> {
    let totals = exam.tally.totals();
    let counts = exam.by_sample().then(|| exam.gauge.counts(&totals)).flatten()?;
    let samples = exam.samples() as f64;
    let binary = exam.gauge.binary(&exam.task, &totals);
    let positive = exam.task.positive.filter(|class| *class < counts.hits.len());
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
fn macro_units(counts: &Counts, metric: Metric, samples: f64) -> Option<f64> {
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
    let sizes: Vec<f64> = (0..counts.hits.len()).filter_map(over).filter(|n| *n > 0.0).collect();
    let all: f64 = sizes.iter().sum();
    let classes = sizes.len() as f64;
    let square: f64 = sizes.iter().map(|n| n / all / (classes * n).powi(2)).sum();
    (square > 0.0).then(|| square.sqrt().recip())
}

impl Exam {
    /// Whether each sample is one decision.
    pub(super) fn by_sample(&self) -> bool {
        matches!(self.task.kind, TaskKind::Classification | TaskKind::Scores)
    }

    /// A metric that is a mean over all samples, none of them unusable, as one value a sample.
    fn mean_of(&self, metric: Metric) -> Option<&[f64]> {
        let (slot, over) = self.gauge.means.get(&metric)?;
        let usable = self.tally.totals().get(self.gauge.usable).copied()?;
        let all = match over {
            Over::Samples => true,
            Over::Usable => usable >= self.samples() as f64,
            Over::Slot(_) => false,
        };
        self.tally.values(*slot).filter(|_| all)
    }

    /// A metric that is a proportion of samples, as 1 or 0 a sample. Of pixels and positions a sample has
    /// a share.
    pub(super) fn proportion(&self, metric: Metric) -> Option<&[f64]> {
        let whole = !matches!(self.task.kind, TaskKind::Segmentation | TaskKind::Sequence);
        let counted = match metric {
            Metric::Accuracy | Metric::Agreement => whole,
            Metric::Top(_) => true,
            _ => false,
        };
        let (slot, over) = self.gauge.means.get(&metric).filter(|_| counted)?;
        self.tally.values(*slot).filter(|_| matches!(over, Over::Samples))
    }
}

/// What is decided about one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClassRate {
    /// Share of its samples that were recognised.
    Recall,
    /// Share of its predictions that are right.
    Precision,
    /// Their harmonic mean.
    F1,
}

impl ClassRate {
    pub(super) const ALL: [ClassRate; 3] = [ClassRate::Recall, ClassRate::Precision, ClassRate::F1];

    /// Its value; `None` where nothing is decided.
    pub(super) fn value(self, counts: &Counts, class: usize) -> Option<f64> {
        match self {
            ClassRate::Recall => counts.recall(class),
            ClassRate::Precision => counts.precision(class),
            ClassRate::F1 => counts.f1(class),
        }
    }

    /// Over how many decisions it goes.
    pub(super) fn units(self, counts: &Counts, class: usize) -> f64 {
        match self {
            ClassRate::Recall => counts.labelled[class],
            ClassRate::Precision => counts.predicted[class],
            ClassRate::F1 => counts.labelled[class] + counts.predicted[class],
        }
    }

    /// Its interval for decisions that do not depend on each other; samples that recall and precision
    /// speak of are proportions. F1 is 2J / (1 + J) of the share J of hits among all samples that are
    /// or are called so, which is a proportion.
    pub(super) fn wilson(self, counts: &Counts, class: usize) -> Option<Interval> {
        let (value, hits) = (self.value(counts, class)?, counts.hits[class]);
        let all = match self {
            ClassRate::F1 => counts.labelled[class] + counts.predicted[class] - hits,
            _ => self.units(counts, class),
        };
        let share = stats::wilson(hits.round() as usize, all.round() as usize)?;
        let of = |j: f64| if self == ClassRate::F1 { 2.0 * j / (1.0 + j) } else { j };
        Some(Interval { value, low: of(share.low), high: of(share.high) })
    }
}
