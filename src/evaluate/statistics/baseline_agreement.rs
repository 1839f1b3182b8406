//! Agreement with the baseline's predictions, and distance from its outputs. A part of [`StatisticsBuilder`].

use super::metric_slots::MeanDenominator;
use super::statistics_builder::StatisticsBuilder;
use crate::evaluate::metrics;
use crate::evaluate::prediction::ModelOutputs;
use paring_core::schema::{Metric, TaskKind};

impl StatisticsBuilder<'_> {
    /// Mean distance of pixels' (positions') probabilities from the baseline's, where both kept theirs.
    fn far_pixels(&mut self, baseline: &ModelOutputs, both: &[bool]) {
        let far = |p: usize| {
            let (own, base) = (self.answers.chances(p)?, baseline.chances(p)?);
            let pixels = match self.answers.kind {
                TaskKind::Sequence => self.answers.width,
                _ => self.answers.pixels(p)?.len(),
            };
            let mean = || metrics::kl_divergence(base, own) / pixels as f64;
            (own.len() == base.len()).then(|| if both[p] { mean() } else { 0.0 })
        };
        let all: Option<Vec<f64>> = (0..self.answers.len()).map(far).collect();
        if let Some(all) = all {
            self.mean(Metric::KlDivergence, MeanDenominator::Usable, all);
        }
    }

    /// Share of pixels with the baseline's class, where both kept theirs.
    fn same_pixels(&mut self, baseline: &ModelOutputs) {
        let share = |p: usize| {
            let (own, base) = (self.answers.pixels(p)?, baseline.pixels(p)?);
            let same = own.iter().zip(base).filter(|(a, b)| a == b && **a != u8::MAX).count();
            (own.len() == base.len()).then(|| same as f64 / own.len() as f64)
        };
        let all: Option<Vec<f64>> = (0..self.answers.len()).map(share).collect();
        if let Some(all) = all {
            self.mean(Metric::Agreement, MeanDenominator::Samples, all);
        }
    }

    /// Agreement with the baseline, and distance from it.
    pub(super) fn against(&mut self, baseline: &ModelOutputs) {
        let answers = self.answers;
        let both: Vec<bool> =
            (0..answers.len()).map(|p| self.usable[p] && baseline.usable(p)).collect();
        match self.task.kind {
            TaskKind::Classification => {
                let same = |p: usize| f64::from(answers.class[p] == baseline.class[p]);
                let same = (0..answers.len()).map(same).collect();
                self.mean(Metric::Agreement, MeanDenominator::Samples, same);
                let far = |p: usize| match both[p] {
                    true => metrics::kl_divergence(baseline.row(p), answers.row(p)),
                    false => 0.0,
                };
                let far = (0..answers.len()).map(far).collect();
                self.mean(Metric::KlDivergence, MeanDenominator::Usable, far);
            }
            TaskKind::Segmentation => {
                self.same_pixels(baseline);
                self.far_pixels(baseline, &both);
            }
            TaskKind::Sequence => {
                let width = answers.width.max(1) as f64;
                let same = |p: usize| {
                    let pairs = answers.row(p).iter().zip(baseline.row(p));
                    pairs.filter(|(a, b)| a == b).count() as f64 / width
                };
                if answers.width == baseline.width {
                    let same = (0..answers.len()).map(same).collect();
                    self.mean(Metric::Agreement, MeanDenominator::Samples, same);
                    self.far_pixels(baseline, &both);
                }
            }
            TaskKind::Multilabel | TaskKind::Regression | TaskKind::Scores => {
                let squares: Vec<[f64; 2]> = (0..answers.len())
                    .map(|p| match both[p] {
                        true => metrics::squared_distance_and_norm(baseline.row(p), answers.row(p)),
                        false => [0.0; 2],
                    })
                    .collect();
                let distance = self.tally.add(squares.iter().map(|s| s[0]).collect());
                let norm = self.tally.add(squares.iter().map(|s| s[1]).collect());
                self.gauge.distance = Some((distance, norm));
                if answers.class.iter().chain(&baseline.class).any(Option::is_some) {
                    let same = |p: usize| f64::from(answers.class[p] == baseline.class[p]);
                    let same = (0..answers.len()).map(same).collect();
                    self.mean(Metric::Agreement, MeanDenominator::Samples, same);
                }
                if self.task.kind == TaskKind::Multilabel {
                    let cut = self.task.threshold.unwrap_or(0.5);
                    let set = |v: &f32| f64::from(*v) >= cut;
                    let same = |p: usize| {
                        let (a, b) = (answers.row(p), baseline.row(p));
                        f64::from(a.iter().map(set).eq(b.iter().map(set)))
                    };
                    let same = (0..answers.len()).map(same).collect();
                    self.mean(Metric::Agreement, MeanDenominator::Samples, same);
                }
            }
        }
    }
}
