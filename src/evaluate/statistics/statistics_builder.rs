//! From answers to the sums that their metrics need.

use super::metric_slots::{MeanDenominator, MetricSlots, RocSize};
use super::reliability::confidences;
use super::sample_sums::{NOWHERE, SampleSums};
use crate::evaluate::EvaluationTask;
use crate::evaluate::metrics::{self, BINS};
use crate::evaluate::prediction::{GroundTruth, ModelOutputs};
use paring_core::schema::{Metric, TaskKind};

/// R² of more targets than these is not looked at.
const MOST_TARGETS: usize = 64;

/// Builds both side by side.
pub(super) struct StatisticsBuilder<'a> {
    pub(super) task: &'a EvaluationTask,
    pub(super) answers: &'a ModelOutputs,
    pub(super) usable: Vec<bool>,
    pub(super) tally: SampleSums,
    pub(super) gauge: MetricSlots,
}

impl<'a> StatisticsBuilder<'a> {
    /// Everything that the task's metrics need of these answers.
    pub(super) fn build(
        task: &'a EvaluationTask,
        answers: &'a ModelOutputs,
    ) -> StatisticsBuilder<'a> {
        let usable = (0..answers.len()).map(|i| answers.usable(i)).collect::<Vec<_>>();
        let mut tally = SampleSums::new(answers.len());
        let gauge = MetricSlots {
            samples: tally.add(vec![1.0; answers.len()]),
            usable: tally.add(usable.iter().map(|u| f64::from(*u)).collect()),
            ..MetricSlots::default()
        };
        let mut builder = StatisticsBuilder { task, answers, usable, tally, gauge };
        match task.kind {
            _ if !answers.labelled() => {}
            TaskKind::Classification => builder.classification(),
            TaskKind::Multilabel => builder.multilabel(),
            TaskKind::Regression => builder.regression(),
            TaskKind::Segmentation => builder.segmentation(),
            TaskKind::Scores => builder.scores(),
            TaskKind::Sequence => builder.sequence(),
        }
        builder
    }

    /// A value for each usable sample, 0 for the others.
    fn of_usable(&self, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let each = self.usable.iter().enumerate();
        each.map(|(position, usable)| if *usable { value(position) } else { 0.0 }).collect()
    }

    pub(super) fn mean(&mut self, metric: Metric, over: MeanDenominator, values: Vec<f64>) {
        let slot = self.tally.add(values);
        self.gauge.means.insert(metric, (slot, over));
    }

    fn classification(&mut self) {
        let answers = self.answers;
        self.decided(answers.width);
        for metric in self.task.metrics() {
            if let Metric::Top(k) = metric
                && k < answers.width
            {
                let hit =
                    |p: usize| f64::from(metrics::top_k(answers.row(p), answers.labels[p], k));
                self.mean(metric, MeanDenominator::Samples, self.of_usable(hit));
            }
        }
        let loss =
            |p: usize| metrics::sample_log_loss(answers.row(p), answers.labels[p]).unwrap_or(0.0);
        self.mean(Metric::LogLoss, MeanDenominator::Usable, self.of_usable(loss));
        let brier = |p: usize| metrics::brier_score(answers.row(p), answers.labels[p]);
        self.mean(Metric::Brier, MeanDenominator::Usable, self.of_usable(brier));
        self.calibration();
        let kept: Vec<usize> = (0..answers.len()).filter(|p| self.usable[*p]).collect();
        let part = answers.take(&kept);
        let auc = match (self.task.positive, answers.width) {
            (None, 3..) => metrics::roc_auc_one_vs_rest(&part.values, &part.labels),
            (positive, _) => {
                let class = positive.unwrap_or(1);
                let scores: Vec<f64> = part.rows().map(|row| f64::from(row[class])).collect();
                let own = |label: &i64| usize::try_from(*label) == Ok(class);
                metrics::roc_auc(&scores, &part.labels.iter().map(own).collect::<Vec<_>>())
            }
        };
        self.area(auc, &kept);
    }

    /// Counts of classes, and of the positive one where there is one.
    fn decided(&mut self, classes: usize) {
        let answers = self.answers;
        let right = |p: usize| f64::from(answers.class[p] == Some(answers.labels[p]));
        let right: Vec<f64> = (0..answers.len()).map(right).collect();
        self.mean(Metric::Accuracy, MeanDenominator::Samples, right);
        let first = self.tally.reserve(3 * classes);
        let slot = |kind: usize, class: Option<i64>| {
            let class = class.and_then(|c| usize::try_from(c).ok()).filter(|c| *c < classes);
            class.map_or(NOWHERE, |class| (first + kind * classes + class) as u32)
        };
        let pairs = || answers.class.iter().zip(&answers.labels);
        let hits = pairs().map(|(c, l)| slot(0, c.filter(|c| c == l))).collect();
        self.tally.scatter(hits, None);
        self.tally.scatter(pairs().map(|(c, _)| slot(1, *c)).collect(), None);
        self.tally.scatter(pairs().map(|(_, l)| slot(2, Some(*l))).collect(), None);
        self.gauge.counts = Some((first, classes));
        self.gauge.decisions = Some(self.gauge.samples);
        let positive = match (self.task.positive, classes) {
            (Some(positive), _) => positive,
            (None, 2) => 1,
            _ => return,
        };
        let first = self.tally.reserve(4);
        let cell = |p: usize| {
            let said = match self.task.threshold {
                Some(threshold) if answers.width > 1 => {
                    answers.row(p).get(positive).is_some_and(|p| f64::from(*p) >= threshold)
                }
                _ => answers.class[p] == Some(positive as i64),
            };
            let label = answers.labels[p] == positive as i64;
            (first + [[3, 1], [2, 0]][usize::from(label)][usize::from(said)]) as u32
        };
        self.tally.scatter((0..answers.len()).map(cell).collect(), None);
        self.gauge.binary = Some(first);
    }

    fn calibration(&mut self) {
        let (confidence, right, kept) = confidences(self.answers);
        for (metric, binned) in [
            (Metric::Ece, metrics::equal_width_bins(&confidence, BINS)),
            (Metric::EceMass, metrics::equal_mass_bins(&confidence, BINS)),
        ] {
            let first = self.tally.reserve(BINS);
            let mut slots = vec![NOWHERE; self.answers.len()];
            let mut gaps = vec![0.0; self.answers.len()];
            for (index, position) in kept.iter().enumerate() {
                slots[*position] = (first + binned.bin[index]) as u32;
                gaps[*position] = f64::from(right[index]) - confidence[index];
            }
            self.tally.scatter(slots, Some(gaps));
            self.gauge.gaps.insert(metric, (first, BINS));
        }
    }

    fn area(&mut self, found: Option<metrics::RocAuc>, kept: &[usize]) {
        let Some(found) = found else { return };
        let mut influence = vec![0.0; self.answers.len()];
        kept.iter().zip(found.influence).for_each(|(position, i)| influence[*position] = i);
        let slot = self.tally.add(influence);
        let metrics::RocAuc { value, positives, negatives, areas, .. } = found;
        self.gauge.auc = Some((value, slot));
        self.gauge.roc = Some(RocSize { positives, negatives, areas });
    }

    fn scores(&mut self) {
        let answers = self.answers;
        if self.task.threshold.is_some() {
            self.decided(2);
        }
        let kept: Vec<usize> = (0..answers.len()).filter(|p| self.usable[*p]).collect();
        let scores: Vec<f64> = kept.iter().map(|p| f64::from(answers.row(*p)[0])).collect();
        let positive: Vec<bool> = kept.iter().map(|p| answers.labels[*p] == 1).collect();
        self.area(metrics::roc_auc(&scores, &positive), &kept);
    }

    fn multilabel(&mut self) {
        let (answers, width) = (self.answers, self.answers.width);
        let GroundTruth::Sets(truth) = &answers.truth else { return };
        let cut = self.task.threshold.unwrap_or(0.5);
        let said = |p: usize, c: usize| f64::from(answers.row(p)[c]) >= cut;
        let first = self.tally.reserve(3 * width);
        let all = |p: usize| (0..width).all(|c| said(p, c) == truth[p * width + c]);
        self.mean(
            Metric::Accuracy,
            MeanDenominator::Samples,
            self.of_usable(|p| f64::from(all(p))),
        );
        for c in 0..width {
            let label = |p: usize| truth[p * width + c];
            let at = |kind: usize, yes: &dyn Fn(usize) -> bool| {
                let slot = (first + kind * width + c) as u32;
                (0..answers.len()).map(|p| if yes(p) { slot } else { NOWHERE }).collect()
            };
            self.tally.scatter(at(0, &|p| self.usable[p] && said(p, c) && label(p)), None);
            self.tally.scatter(at(1, &|p| self.usable[p] && said(p, c)), None);
            self.tally.scatter(at(2, &label), None);
        }
        self.gauge.counts = Some((first, width));
        self.gauge.decisions = Some(self.gauge.samples);
        let pairs = |p: usize| answers.row(p).iter().zip(&truth[p * width..]);
        let loss = |p: usize| {
            let of = |(v, y): (&f32, &bool)| {
                let v = f64::from(*v).clamp(f64::EPSILON, 1.0 - f64::EPSILON);
                -(if *y { v } else { 1.0 - v }).ln()
            };
            pairs(p).map(of).sum::<f64>() / width as f64
        };
        self.mean(Metric::LogLoss, MeanDenominator::Usable, self.of_usable(loss));
        let brier = |p: usize| {
            let of = |(v, y): (&f32, &bool)| (f64::from(*v) - f64::from(*y)).powi(2);
            pairs(p).map(of).sum::<f64>() / width as f64
        };
        self.mean(Metric::Brier, MeanDenominator::Usable, self.of_usable(brier));
        self.multilabel_calibration(truth);
        self.multilabel_area(truth);
    }

    /// Probabilities of all classes together, each against whether its class holds.
    fn multilabel_calibration(&mut self, truth: &[bool]) {
        let (answers, width) = (self.answers, self.answers.width);
        let kept: Vec<usize> = (0..answers.len()).filter(|p| self.usable[*p]).collect();
        let all: Vec<f64> =
            kept.iter().flat_map(|p| answers.row(*p)).map(|v| f64::from(*v)).collect();
        for (metric, binned) in [
            (Metric::Ece, metrics::equal_width_bins(&all, BINS)),
            (Metric::EceMass, metrics::equal_mass_bins(&all, BINS)),
        ] {
            let first = self.tally.reserve(BINS);
            for c in 0..width {
                let mut slots = vec![NOWHERE; answers.len()];
                let mut gaps = vec![0.0; answers.len()];
                for (index, position) in kept.iter().enumerate() {
                    let own = index * width + c;
                    slots[*position] = (first + binned.bin[own]) as u32;
                    let right = f64::from(truth[position * width + c]);
                    gaps[*position] = (right - all[own]) / width as f64;
                }
                self.tally.scatter(slots, Some(gaps));
            }
            self.gauge.gaps.insert(metric, (first, BINS));
        }
    }

    fn multilabel_area(&mut self, truth: &[bool]) {
        let (answers, width) = (self.answers, self.answers.width);
        let kept: Vec<usize> = (0..answers.len()).filter(|p| self.usable[*p]).collect();
        let influence = vec![0.0; kept.len()];
        let (positives, negatives) = (0.0, 0.0);
        // Labels of one sample may hold together: their areas count as one.
        let mut sum = metrics::RocAuc { value: 0.0, influence, positives, negatives, areas: 1.0 };
        let mut classes = 0.0;
        for c in 0..width {
            let scores: Vec<f64> = kept.iter().map(|p| f64::from(answers.row(*p)[c])).collect();
            let positive: Vec<bool> = kept.iter().map(|p| truth[p * width + c]).collect();
            let Some(own) = metrics::roc_auc(&scores, &positive) else { continue };
            sum.value += own.value;
            sum.influence.iter_mut().zip(own.influence).for_each(|(all, i)| *all += i);
            sum.positives += own.positives;
            classes += 1.0;
        }
        sum.value /= classes;
        sum.positives /= classes;
        sum.negatives = kept.len() as f64 - sum.positives;
        sum.influence.iter_mut().for_each(|i| *i /= classes);
        self.area((classes > 0.0).then_some(sum), &kept);
    }

    fn regression(&mut self) {
        let (answers, width) = (self.answers, self.answers.width);
        let GroundTruth::Numbers(truth) = &answers.truth else { return };
        let error = |p: usize, t: usize| f64::from(answers.row(p)[t]) - truth[p * width + t];
        let all = |p: usize, of: fn(f64) -> f64| {
            (0..width).map(|t| of(error(p, t))).sum::<f64>() / width as f64
        };
        self.mean(Metric::Mse, MeanDenominator::Usable, self.of_usable(|p| all(p, |e| e * e)));
        self.mean(Metric::Mae, MeanDenominator::Usable, self.of_usable(|p| all(p, f64::abs)));
        if width > MOST_TARGETS {
            return;
        }
        let first = self.tally.reserve(0);
        for t in 0..width {
            let kept: Vec<f64> = (0..answers.len())
                .filter(|p| self.usable[*p])
                .map(|p| truth[p * width + t])
                .collect();
            let centre = kept.iter().sum::<f64>() / kept.len().max(1) as f64;
            let off = |p: usize| truth[p * width + t] - centre;
            self.tally.add(self.of_usable(off));
            self.tally.add(self.of_usable(|p| off(p).powi(2)));
            self.tally.add(self.of_usable(|p| error(p, t).powi(2)));
        }
        self.gauge.targets = Some((first, width));
    }

    fn segmentation(&mut self) {
        let (answers, classes) = (self.answers, self.answers.width / 3);
        let first = self.tally.reserve(0);
        for slot in 0..3 * classes {
            self.tally.add(self.of_usable(|p| f64::from(answers.row(p)[slot])));
        }
        let pixels = |p: usize| answers.row(p)[2 * classes..].iter().map(|v| f64::from(*v)).sum();
        self.gauge.decisions = Some(self.tally.add(self.of_usable(pixels)));
        self.gauge.counts = Some((first, classes));
    }

    /// Share of positions with the right class; labels below 0 are left out, as is usual for padding.
    fn sequence(&mut self) {
        let (answers, width) = (self.answers, self.answers.width);
        let GroundTruth::Numbers(truth) = &answers.truth else { return };
        let each = |of: &dyn Fn(f64, f64) -> bool| {
            let one = |p: usize| {
                let pairs = answers.row(p).iter().zip(&truth[p * width..]);
                let counted = pairs.filter(|(v, t)| **t >= 0.0 && of(f64::from(**v), **t));
                counted.count() as f64
            };
            (0..answers.len()).map(one).collect::<Vec<f64>>()
        };
        let decided = self.tally.add(each(&|_, _| true));
        self.mean(Metric::Accuracy, MeanDenominator::Slot(decided), each(&|v, t| v == t));
    }
}
