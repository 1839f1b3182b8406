//! All experiments on a variant, and the values that forms are taken of.

use super::evaluated_samples::EvaluatedSamples;
use super::experiment_metric::ExperimentMetric;
use crate::attribution::shapley::{CoalitionContrast, GroupCoalition};
use crate::evaluate::PredictionStatistics;
use crate::evaluate::metrics::{BINS, ClassCounts, equal_width_bins};
use paring_core::schema::{Experiment, ExperimentPredictions, Metric, Sha256Hex, TaskKind};
use std::collections::{BTreeMap, BTreeSet};

/// Of more classes than these, single ones are not looked at.
const MOST_CLASSES: usize = 100;

/// Experiments by draw of calibration samples and set of groups; the study's own draw first.
#[derive(Clone, Debug, Default)]
pub struct ExperimentTable {
    /// The samples.
    pub truth: EvaluatedSamples,
    /// One map a draw.
    pub draws: Vec<BTreeMap<GroupCoalition, Experiment>>,
}

/// A value in which nothing but rounding is left as 0: shares that cancel must not count as an effect.
pub(crate) fn cleared(value: f64) -> f64 {
    if value.abs() < 1e-12 { 0.0 } else { value }
}

impl ExperimentTable {
    /// Everything that effects can be on: classes and slices with samples included.
    pub fn aspects(&self) -> Vec<ExperimentMetric> {
        let mut all = match self.truth.task.kind {
            TaskKind::Classification if !self.truth.labelled() => self.of_agreement(),
            TaskKind::Classification => self.of_classes(),
            _ => self.of_numbers(),
        };
        let main = self.truth.main();
        if !all.contains(&main) {
            all.insert(0, main);
        }
        let experiments = self.draws.iter().flat_map(BTreeMap::values);
        let broken =
            |a: &ExperimentPredictions| (0..a.classes.len()).any(|sample| !a.usable(sample));
        if experiments.map(|e| &e.answers).any(broken) {
            all.push(ExperimentMetric::Unusable);
        }
        all.extend([ExperimentMetric::FileBytes, ExperimentMetric::Params, ExperimentMetric::Macs]);
        all
    }

    /// Every slice that has samples.
    fn slices(&self) -> impl Iterator<Item = (String, String)> {
        let each = self.truth.slices.iter().flat_map(|(column, values)| {
            let values: BTreeSet<&String> = values.iter().collect();
            values.into_iter().map(|value| (column.clone(), value.clone()))
        });
        each.collect::<Vec<_>>().into_iter()
    }

    fn of_classes(&self) -> Vec<ExperimentMetric> {
        let classes: BTreeSet<i64> = self.truth.labels.iter().copied().collect();
        let whole = [
            ExperimentMetric::Accuracy,
            ExperimentMetric::F1Macro,
            ExperimentMetric::Ece,
            ExperimentMetric::Flips,
        ];
        let classes = classes.into_iter().map(ExperimentMetric::Class);
        let slices = self.slices().map(|(column, value)| ExperimentMetric::Slice(column, value));
        whole.into_iter().chain(classes).chain(slices).collect()
    }

    /// Without labels: agreement with the baseline, whole and by slice.
    fn of_agreement(&self) -> Vec<ExperimentMetric> {
        let slices =
            self.slices().map(|(column, value)| ExperimentMetric::SliceAgreement(column, value));
        [ExperimentMetric::Agreement, ExperimentMetric::Flips].into_iter().chain(slices).collect()
    }

    /// Metrics that the variant has a value of, whole, by class and by slice.
    fn of_numbers(&self) -> Vec<ExperimentMetric> {
        let task = &self.truth.task;
        // The last set has most groups: all of them, once everything was tried.
        let last = self.draws.first().and_then(|draw| draw.keys().next_back());
        let Some(exam) = last.and_then(|set| self.exam(0, *set, None)) else { return vec![] };
        // That of the baseline with itself is infinite: there is nothing to divide.
        let known = |metric: &Metric| *metric != Metric::Sqnr && exam.value(*metric).is_some();
        let mut all: Vec<ExperimentMetric> =
            task.metrics().into_iter().filter(known).map(ExperimentMetric::Metric).collect();
        let width = self.answers(0, GroupCoalition::EMPTY).map_or(0, ExperimentPredictions::width);
        let classes = match task.kind {
            TaskKind::Multilabel => width,
            TaskKind::Segmentation => width / 3,
            _ => 0,
        };
        let some = self.truth.labelled() && classes <= MOST_CLASSES;
        let each = (0..classes).filter(|_| some);
        all.extend(each.map(ExperimentMetric::ClassF1));
        if task.kind == TaskKind::Scores && task.threshold.is_some() {
            all.push(ExperimentMetric::Flips);
        }
        let slices = self.slices();
        all.extend(
            slices
                .map(|(column, value)| ExperimentMetric::SliceMetric(task.primary, column, value)),
        );
        all
    }

    /// Answers of an experiment looked at beside those of its draw's baseline: all, or those of the
    /// samples at some positions.
    pub(crate) fn exam(
        &self,
        draw: usize,
        set: GroupCoalition,
        positions: Option<&[usize]>,
    ) -> Option<PredictionStatistics> {
        let full = |set: GroupCoalition| {
            let found = self.truth.in_full(self.answers(draw, set)?)?;
            Some(positions.map_or_else(|| found.clone(), |own| found.take(own)))
        };
        let (own, base) = (full(set)?, full(GroupCoalition::EMPTY)?);
        PredictionStatistics::new(Sha256Hex::zeros(), &self.truth.task, &own, Some(&base), &[]).ok()
    }

    /// An experiment of a draw.
    pub fn experiment(&self, draw: usize, set: GroupCoalition) -> Option<&Experiment> {
        self.draws.get(draw)?.get(&set)
    }

    /// Answers of an experiment of a draw.
    pub fn answers(&self, draw: usize, set: GroupCoalition) -> Option<&ExperimentPredictions> {
        Some(&self.experiment(draw, set)?.answers)
    }

    /// Correctness of each sample, or its difference from the baseline, or unusability: 1 or 0.
    /// `None` for aspects that are not a mean over samples.
    pub fn share(
        &self,
        aspect: &ExperimentMetric,
        draw: usize,
        set: GroupCoalition,
    ) -> Option<Vec<f64>> {
        let answers = self.answers(draw, set)?;
        let classes = &answers.classes;
        match aspect {
            ExperimentMetric::Unusable => {
                Some((0..classes.len()).map(|s| f64::from(!answers.usable(s))).collect())
            }
            ExperimentMetric::Accuracy
            | ExperimentMetric::Class(_)
            | ExperimentMetric::Slice(..) => {
                let right = classes.iter().zip(&self.truth.labels);
                Some(right.map(|(class, label)| f64::from(*class == Some(*label))).collect())
            }
            ExperimentMetric::Flips => {
                let before = &self.answers(draw, GroupCoalition::EMPTY)?.classes;
                Some(classes.iter().zip(before).map(|(a, b)| f64::from(a != b)).collect())
            }
            ExperimentMetric::Agreement | ExperimentMetric::SliceAgreement(..) => {
                let before = &self.answers(draw, GroupCoalition::EMPTY)?.classes;
                Some(classes.iter().zip(before).map(|(a, b)| f64::from(a == b)).collect())
            }
            _ => None,
        }
    }

    /// Each sample's contribution to a contrast over a metric that is a mean; `None` where an
    /// experiment is missing.
    pub fn contributions(
        &self,
        form: &CoalitionContrast,
        aspect: &ExperimentMetric,
        draw: usize,
    ) -> Option<Vec<f64>> {
        let mut sum = vec![0.0; self.truth.labels.len()];
        for (set, weight) in form.terms() {
            let shares = self.share(aspect, draw, set)?;
            sum.iter_mut().zip(shares).for_each(|(sum, share)| *sum += weight * share);
        }
        Some(sum.into_iter().map(cleared).collect())
    }

    /// The value of an aspect of an experiment, every sample counted as often as `weights` says; `None`
    /// of an aspect that only [`crate::attribution::BootstrapValues`] has.
    pub fn value(
        &self,
        aspect: &ExperimentMetric,
        draw: usize,
        set: GroupCoalition,
        weights: Option<&[f64]>,
    ) -> Option<f64> {
        let experiment = self.experiment(draw, set)?;
        let weight = |sample: usize| weights.map_or(1.0, |w| w[sample]);
        match aspect {
            ExperimentMetric::FileBytes => Some(experiment.file_bytes as f64),
            ExperimentMetric::Params => Some(experiment.params as f64),
            ExperimentMetric::Macs => experiment.macs.map(|macs| macs as f64),
            ExperimentMetric::F1Macro => self.f1(&experiment.answers, weight),
            ExperimentMetric::Ece => self.ece(&experiment.answers, weight),
            ExperimentMetric::Metric(_)
            | ExperimentMetric::ClassF1(_)
            | ExperimentMetric::SliceMetric(..) => None,
            _ => {
                let own = |sample: &usize| self.truth.counts(aspect, *sample);
                let shares = self.share(aspect, draw, set)?;
                let samples: Vec<usize> = (0..shares.len()).filter(own).collect();
                let sum: f64 = samples.iter().map(|s| weight(*s) * shares[*s]).sum();
                let all: f64 = samples.iter().map(|s| weight(*s)).sum();
                (all > 0.0).then(|| sum / all)
            }
        }
    }

    fn f1(&self, answers: &ExperimentPredictions, weight: impl Fn(usize) -> f64) -> Option<f64> {
        let labels = &self.truth.labels;
        let classes = labels.iter().chain(answers.classes.iter().flatten()).max()? + 1;
        let mut counts = [const { Vec::new() }; 3];
        counts.iter_mut().for_each(|c| c.resize(usize::try_from(classes).unwrap_or(0), 0.0));
        let mut add = |which: usize, class: i64, weight: f64| {
            let cell = usize::try_from(class).ok().and_then(|c| counts[which].get_mut(c));
            cell.into_iter().for_each(|cell| *cell += weight);
        };
        for (sample, (label, class)) in labels.iter().zip(&answers.classes).enumerate() {
            let weight = weight(sample);
            add(2, *label, weight);
            let Some(class) = class else { continue };
            add(1, *class, weight);
            add(0, *class, if class == label { weight } else { 0.0 });
        }
        let [true_positives, predicted, labelled] = &counts;
        ClassCounts { true_positives, predicted, labelled }.f1_macro()
    }

    /// Samples without a confidence are left out.
    fn ece(&self, answers: &ExperimentPredictions, weight: impl Fn(usize) -> f64) -> Option<f64> {
        let known: Vec<(usize, f64)> =
            answers.confidences.iter().enumerate().filter_map(|(s, c)| Some((s, (*c)?))).collect();
        let (mut gaps, mut all) = ([0.0; BINS], 0.0);
        let confidences: Vec<f64> = known.iter().map(|(_, confidence)| *confidence).collect();
        let bins = equal_width_bins(&confidences, BINS).bin;
        for ((sample, confidence), bin) in known.iter().zip(bins) {
            let right = f64::from(answers.classes[*sample] == Some(self.truth.labels[*sample]));
            gaps[bin] += weight(*sample) * (right - confidence);
            all += weight(*sample);
        }
        (all > 0.0).then(|| gaps.iter().map(|gap| gap.abs()).sum::<f64>() / all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::experiments::example::{experiment, group};
    use crate::attribution::{EffectAttribution, ExperimentPlan, ExperimentProgress};
    use paring_core::schema::DecisionGroup;

    /// Weights of a third add up to 1 only up to rounding; a group without effect has none at all.
    #[test]
    fn what_cancels_is_no_effect() {
        let answers = |set: GroupCoalition| {
            let spoilt = i64::from(set.contains(0));
            experiment((0..30).map(|sample| Some(if sample < 20 { spoilt } else { 0 })).collect())
        };
        let draws = vec![GroupCoalition::all(5).map(|set| (set, answers(set))).collect()];
        let table = ExperimentTable {
            truth: EvaluatedSamples { labels: vec![0; 30], ..EvaluatedSamples::default() },
            draws,
        };
        let groups: Vec<DecisionGroup> = (0..5).map(|g: usize| group(&g.to_string())).collect();
        let plan = ExperimentPlan::new(5, 3, 1);
        for explored in [
            ExperimentProgress { draws: 1, pairs: 3, ..ExperimentProgress::default() },
            ExperimentProgress { draws: 1, exact: true, ..ExperimentProgress::default() },
        ] {
            let (plan, table, explored) = (&plan, &table, &explored);
            let attribution = EffectAttribution { groups: &groups, plan, explored, table };
            let (effects, _) =
                attribution.all(&[ExperimentMetric::Accuracy, ExperimentMetric::Ece]);
            for effect in effects.iter().filter(|e| e.group != "0") {
                let found = effect.shapley.unwrap();
                assert!(found.value == 0.0 && !found.excludes_zero(), "{effect:?}");
                assert_eq!(effect.p_value, Some(1.0));
            }
        }
    }
}
