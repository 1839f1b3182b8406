//! A variant's answers, reduced to what its evaluation needs.

use super::metric_slots::{MeanDenominator, MetricSlots, ResampledMetric};
use super::reliability::{decisiveness, reliabilities};
use super::sample_sums::SampleSums;
use super::statistics_builder::StatisticsBuilder;
use crate::evaluate::EvaluationTask;
use crate::evaluate::metrics;
use crate::evaluate::prediction::{ModelOutputs, SampleMismatch};
use paring_core::schema::{
    Evaluation, FlipKind, FlipSummary, Metric, MissingReason, ReliabilityBin, SamplePrediction,
    Sha256Hex, TaskKind,
};
use paring_core::stats::{self, LANES, LaneValues};
use std::collections::BTreeMap;

/// Sums, labels and flips of a variant's predictions: all that its evaluation needs, a few numbers a sample.
#[derive(Clone, Debug)]
pub struct PredictionStatistics {
    pub(crate) variant_id: Sha256Hex,
    pub(crate) task: EvaluationTask,
    pub(crate) tally: SampleSums,
    pub(crate) gauge: MetricSlots,
    pub(crate) labels: Vec<i64>,
    /// Labels are the ground truth, rather than strata alone.
    labelled: bool,
    /// There was a baseline to compare with.
    compared: bool,
    pub(crate) flips: Option<Vec<Option<FlipKind>>>,
    right: Option<Vec<bool>>,
    unusable: usize,
    facts: UnresampledStatistics,
    pub(crate) parts: Vec<SliceStatistics>,
}

/// A named subset of the samples, examined by itself.
#[derive(Clone, Debug)]
pub(crate) struct SliceStatistics {
    pub(crate) column: String,
    pub(crate) value: String,
    pub(crate) positions: Vec<usize>,
    pub(crate) exam: PredictionStatistics,
}

/// Columns that name subsets: a name, and one value an evaluated sample.
pub type SliceColumns = [(String, Vec<String>)];

/// Statistics without an interval.
#[derive(Clone, Debug)]
struct UnresampledStatistics {
    decisiveness: Option<paring_core::schema::ConfidenceSummary>,
    confusion: Vec<Vec<u64>>,
    reliability: [Vec<ReliabilityBin>; 2],
}

impl PredictionStatistics {
    /// Looks at answers, beside the baseline's where there is one, as a whole and slice by slice.
    ///
    /// # Errors
    /// [`SampleMismatch`] where the baseline answered for other samples, or in another order.
    pub fn new(
        variant_id: Sha256Hex,
        task: &EvaluationTask,
        answers: &ModelOutputs,
        baseline: Option<&ModelOutputs>,
        slices: &SliceColumns,
    ) -> Result<PredictionStatistics, SampleMismatch> {
        if let Some(base) = baseline {
            let mut pairs = answers.samples.iter().zip(&base.samples);
            let longer = answers.samples.iter().chain(&base.samples).last();
            let other = pairs.find(|(own, theirs)| own != theirs).map(|(own, _)| own);
            let other = other.or(longer.filter(|_| answers.len() != base.len()));
            if let Some(sample) = other {
                return Err(SampleMismatch(*sample));
            }
        }
        let mut exam = PredictionStatistics::whole(variant_id, task, answers, baseline);
        for (column, values) in slices {
            let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
            for (position, value) in values.iter().enumerate() {
                members.entry(value).or_default().push(position);
            }
            for (value, positions) in members {
                let own = answers.take(&positions);
                let base = baseline.map(|base| base.take(&positions));
                let part =
                    PredictionStatistics::whole(exam.variant_id.clone(), task, &own, base.as_ref());
                let (column, value) = (column.clone(), value.to_string());
                exam.parts.push(SliceStatistics { column, value, positions, exam: part });
            }
        }
        Ok(exam)
    }

    fn whole(
        variant_id: Sha256Hex,
        task: &EvaluationTask,
        answers: &ModelOutputs,
        baseline: Option<&ModelOutputs>,
    ) -> PredictionStatistics {
        let mut sums = StatisticsBuilder::build(task, answers);
        if let Some(baseline) = baseline {
            sums.against(baseline);
        }
        let StatisticsBuilder { tally, gauge, .. } = sums;
        let predictions = answers.predictions();
        let flips = baseline.and_then(|base| flips(answers, base, &predictions));
        let right = predictions.iter().map(SamplePrediction::is_right).collect::<Vec<_>>();
        let labelled = answers.labelled();
        let classified = task.kind == TaskKind::Classification && labelled;
        let facts = UnresampledStatistics {
            decisiveness: decisiveness(answers),
            confusion: match classified {
                true => metrics::confusion_matrix(&answers.labels, &answers.class, answers.width),
                false => vec![],
            },
            reliability: if classified { reliabilities(answers) } else { Default::default() },
        };
        PredictionStatistics {
            variant_id,
            task: task.clone(),
            tally,
            gauge,
            labels: answers.labels.clone(),
            labelled,
            compared: baseline.is_some(),
            flips,
            right: (!predictions.is_empty() && labelled).then_some(right),
            unusable: (0..answers.len()).filter(|p| !answers.usable(*p)).count(),
            facts,
            parts: vec![],
        }
    }

    /// Number of samples.
    pub fn samples(&self) -> usize {
        self.labels.len()
    }

    /// A metric's value, without an interval; `None` where it has none.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        self.gauge.value(&self.task, metric, &self.tally.totals())
    }

    /// Figures with every sample counted as often as its weight says, for eight weightings at once: one
    /// row a figure, NaN where a weighting gives it no value.
    pub fn weighted(&self, figures: &[ResampledMetric], weights: &[LaneValues]) -> Vec<LaneValues> {
        let sums = self.tally.sums(weights);
        let mut values = vec![[f64::NAN; LANES]; figures.len()];
        for lane in 0..LANES {
            let own: Vec<f64> = sums.iter().map(|sum| sum[lane]).collect();
            for (value, figure) in values.iter_mut().zip(figures) {
                value[lane] = self.gauge.figure(&self.task, *figure, &own).unwrap_or(f64::NAN);
            }
        }
        values
    }

    /// Correctness of each prediction, where predictions are classes.
    pub(crate) fn right(&self) -> Option<&[bool]> {
        self.right.as_deref()
    }

    /// Losses and gains against the baseline, where labels tell them apart.
    pub(crate) fn regressions_and_fixes(&self) -> Option<(usize, usize)> {
        let flips = self.flips.as_ref().filter(|_| self.right.is_some())?;
        let count = |kind| flips.iter().filter(|flip| **flip == Some(kind)).count();
        Some((count(FlipKind::RightToWrong), count(FlipKind::WrongToRight)))
    }

    /// Everything that needs no draws.
    pub(crate) fn begin(&self) -> Evaluation {
        let (id, primary) = (self.variant_id.clone(), self.task.primary);
        let mut found = Evaluation::empty(id, self.task.kind, primary, self.samples());
        found.unusable = self.unusable;
        found.decisiveness = self.facts.decisiveness;
        found.confusion = self.facts.confusion.clone();
        [found.reliability, found.reliability_mass] = self.facts.reliability.clone();
        if let Some(flips) = &self.flips {
            let count = |kind| flips.iter().filter(|flip| **flip == Some(kind)).count();
            found.flips = Some(flips.iter().flatten().count());
            found.flip_kinds = self.regressions_and_fixes().map(|(losses, gains)| FlipSummary {
                right_to_wrong: losses,
                wrong_to_right: gains,
                wrong_to_wrong: count(FlipKind::WrongToWrong),
                p_value: stats::mcnemar(losses, gains),
            });
        }
        found
    }

    /// The reason for which a metric has no value.
    pub(crate) fn missing(&self, metric: Metric) -> MissingReason {
        MissingReason(match metric {
            _ if self.samples() == self.unusable => "no sample has a usable answer".into(),
            _ if !self.labelled && !metric.needs_baseline() => "no labels".into(),
            _ if !self.compared && metric.needs_baseline() => {
                "it is the baseline, which others are compared with".into()
            }
            Metric::RelativeL2 => "the baseline's outputs are all zero".into(),
            Metric::Sqnr => "the outputs are the baseline's, or the baseline's are all zero".into(),
            Metric::Agreement if self.task.kind == TaskKind::Segmentation => {
                "there are too many pixels to keep the class of each".into()
            }
            Metric::KlDivergence if self.task.kind == TaskKind::Segmentation => {
                "there are too many pixels to keep the probabilities of each".into()
            }
            Metric::Auc => "the labels are all of one class".into(),
            Metric::Top(k) => format!("the model has no more than {k} classes"),
            Metric::R2 => "a target is constant, or there are more than 64".into(),
            _ if self.task.kind == TaskKind::Scores => {
                "no `threshold` under [task] says which scores are positive".into()
            }
            _ => "it is not defined for these labels".into(),
        })
    }

    /// Tells whether each sample is one decision.
    pub(crate) fn by_sample(&self) -> bool {
        matches!(self.task.kind, TaskKind::Classification | TaskKind::Scores)
    }

    /// A metric that is a mean over all samples, none of them unusable, as one value a sample.
    pub(crate) fn mean_of(&self, metric: Metric) -> Option<&[f64]> {
        let (slot, over) = self.gauge.means.get(&metric)?;
        let usable = self.tally.totals().get(self.gauge.usable).copied()?;
        let all = match over {
            MeanDenominator::Samples => true,
            MeanDenominator::Usable => usable >= self.samples() as f64,
            MeanDenominator::Slot(_) => false,
        };
        self.tally.values(*slot).filter(|_| all)
    }

    /// A metric that is a proportion of samples, as 1 or 0 a sample. Of pixels and positions a sample has
    /// a share.
    pub(crate) fn proportion(&self, metric: Metric) -> Option<&[f64]> {
        let whole = !matches!(self.task.kind, TaskKind::Segmentation | TaskKind::Sequence);
        let counted = match metric {
            Metric::Accuracy | Metric::Agreement => whole,
            Metric::Top(_) => true,
            _ => false,
        };
        let (slot, over) = self.gauge.means.get(&metric).filter(|_| counted)?;
        self.tally.values(*slot).filter(|_| matches!(over, MeanDenominator::Samples))
    }
}

/// Flips against the baseline, where predictions are classes: one a sample, or one a
/// position, of which none may differ.
fn flips(
    answers: &ModelOutputs,
    baseline: &ModelOutputs,
    predictions: &[SamplePrediction],
) -> Option<Vec<Option<FlipKind>>> {
    if answers.kind == TaskKind::Sequence {
        let differs = |p: usize| answers.row(p) != baseline.row(p);
        let each = (0..answers.len()).map(|p| differs(p).then_some(FlipKind::Changed));
        return Some(each.collect());
    }
    let before = baseline.predictions();
    let pairs = before.iter().zip(predictions);
    let each = pairs.map(|(before, now)| FlipKind::of(before, now)).collect();
    // Scores without a threshold are no classes, so that none can differ.
    before.iter().chain(predictions).any(|p| p.class.is_some()).then_some(each)
}
