//! Populations whose figures are known, and how often the intervals of samples from them cover these.

use paring::attribution::{
    EffectAttribution, ExperimentMetric, ExperimentPlan, ExperimentProgress, ExperimentTable,
    GroupCoalition,
};
use paring::evaluate::{
    BootstrapSampling, EvaluationTask, GroundTruth, ModelOutputs, PixelOutputs,
    PredictionStatistics, evaluate_variants,
};
use paring::schema::ScoreKind;
use paring::schema::{
    ConfidenceInterval, DecisionGroup, Evaluation, Experiment, ExperimentPredictions as Kept,
    Metric, Sha256Hex, TaskKind,
};
use paring::stats::{self, SeededGenerator};
use rand::RngExt;
use rayon::prelude::*;

/// Samples of a population.
const POPULATION: usize = 50_000;

/// A figure of a population.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Figure {
    /// A metric of the baseline.
    Baseline(Metric),
    /// A metric of the variant.
    Variant(Metric),
    /// Its change.
    Change(Metric),
    /// Effects on single classes of the only group of decisions, as `explain` states them.
    ClassEffects,
}

/// How many samples of it are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// Samples on their own.
    Samples(usize),
    /// Whole groups.
    Groups(usize),
}

/// A baseline's and a variant's answers to a population.
pub struct Population {
    /// What the table calls it.
    pub name: &'static str,
    task: EvaluationTask,
    answers: [ModelOutputs; 2],
    /// Positions of each group's samples; empty without groups.
    groups: Vec<Vec<usize>>,
    /// What is looked at.
    pub figures: Vec<Figure>,
}

/// A row of the table of coverages.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// What was looked at.
    pub figure: String,
    /// By size: the share of draws whose interval held the truth, and the mean width of intervals.
    pub by_size: Vec<(Size, f64, f64)>,
}

/// All populations.
pub fn populations() -> Vec<Population> {
    use Figure::{Baseline, Change, ClassEffects, Variant};
    use Metric::{Accuracy, Auc, Brier, Ece, EceMass, F1Macro, KlDivergence, LogLoss, Precision};
    let lost = |row: &mut [f64], _: usize, rng: &mut SeededGenerator| {
        row.iter_mut().for_each(|logit| *logit += 0.3 * normal(rng));
        row[7] -= 30.0;
    };
    let noise = |deviation: f64| {
        move |row: &mut [f64], _: usize, rng: &mut SeededGenerator| {
            row.iter_mut().for_each(|logit| *logit += deviation * normal(rng));
        }
    };
    let few = |flips: f64| {
        move |row: &mut [f64], label: usize, rng: &mut SeededGenerator| {
            if rng.random::<f64>() < flips {
                row[(label + 1) % 10] += 40.0;
            }
        }
    };
    let sharp = |row: &mut [f64], _: usize, _: &mut SeededGenerator| {
        row.iter_mut().for_each(|logit| *logit *= 1.35);
    };
    let ten = |name, variant: &dyn Fn(&mut [f64], usize, &mut SeededGenerator), figures| {
        classifier(name, 10, 3.2, 1.0, variant, figures)
    };
    let both = |metric| vec![Baseline(metric), Variant(metric), Change(metric)];
    let two =
        |name, margin, figures| classifier(name, 2, margin, 1.0, &noise(0.4 * margin), figures);
    let losses = [LogLoss, Brier, KlDivergence];
    let lost_figures = [Accuracy, LogLoss, Brier, F1Macro].map(Change).to_vec();
    vec![
        ten("one class lost", &lost, [lost_figures, vec![Variant(losses[2])]].concat()),
        ten("0.4 % flips", &few(0.004), vec![Change(Accuracy)]),
        ten("0.07 % flips", &few(0.0007), vec![Change(Accuracy)]),
        ten("overconfident", &sharp, [both(Ece), both(EceMass)].concat()),
        two("two classes, area 0.97", 1.88, both(Auc)),
        two("two classes, area 0.9993", 3.18, both(Auc)),
        two("two classes, precision 0.997", 3.9, both(Precision)),
        classifier("twelve classes", 12, 3.2, 1.0, &noise(1.6), vec![ClassEffects]),
        grouped("groups", [Accuracy, LogLoss].map(both).concat()),
    ]
}

fn normal(rng: &mut SeededGenerator) -> f64 {
    let uniform: f64 = (0..12).map(|_| rng.random::<f64>()).sum();
    uniform - 6.0
}

/// Logits are normal, the label's by a margin higher; `variant` changes them.
fn classifier(
    name: &'static str,
    classes: usize,
    margin: f64,
    scale: f64,
    variant: &dyn Fn(&mut [f64], usize, &mut SeededGenerator),
    figures: Vec<Figure>,
) -> Population {
    let mut rng = stats::generator(1, name);
    let mut rows = [vec![], vec![]];
    let mut labels = Vec::new();
    for _ in 0..POPULATION {
        let label = rng.random_range(0..classes);
        let mut logits: Vec<f64> = (0..classes).map(|_| normal(&mut rng)).collect();
        logits[label] += margin;
        // Normal logits of variance 1 are calibrated where their sum is taken times the margin.
        logits.iter_mut().for_each(|logit| *logit *= margin * scale);
        rows[0].extend(softmax(&logits));
        variant(&mut logits, label, &mut rng);
        rows[1].extend(softmax(&logits));
        labels.push(label as i64);
    }
    let task = EvaluationTask::new(TaskKind::Classification, ScoreKind::Probabilities);
    let answers = rows.map(|values| answers(&labels, values, classes));
    Population { name, task, answers, groups: vec![], figures }
}

/// Groups of 10 to 40 samples, each as easy as its own margin and as much spoilt by the variant.
fn grouped(name: &'static str, figures: Vec<Figure>) -> Population {
    let mut rng = stats::generator(1, name);
    let (mut rows, mut labels, mut groups) = ([vec![], vec![]], Vec::new(), Vec::new());
    for _ in 0..2_000 {
        let margin = 3.0 + 0.8 * normal(&mut rng);
        let noise = 1.5 * rng.random::<f64>();
        let start = labels.len();
        for _ in 0..rng.random_range(10..=40) {
            let label = rng.random_range(0..5usize);
            let mut logits: Vec<f64> = (0..5).map(|_| normal(&mut rng)).collect();
            logits[label] += margin;
            rows[0].extend(softmax(&logits));
            logits.iter_mut().for_each(|logit| *logit += noise * normal(&mut rng));
            rows[1].extend(softmax(&logits));
            labels.push(label as i64);
        }
        groups.push((start..labels.len()).collect());
    }
    let task = EvaluationTask::new(TaskKind::Classification, ScoreKind::Probabilities);
    let answers = rows.map(|values| answers(&labels, values, 5));
    Population { name, task, answers, groups, figures }
}

fn softmax(logits: &[f64]) -> Vec<f32> {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let all: f64 = logits.iter().map(|logit| (logit - most).exp()).sum();
    logits.iter().map(|logit| ((logit - most).exp() / all) as f32).collect()
}

fn answers(labels: &[i64], values: Vec<f32>, width: usize) -> ModelOutputs {
    let top = |row: &[f32]| {
        let best = (0..width).max_by(|a, b| row[*a].total_cmp(&row[*b]).then(b.cmp(a)));
        best.map(|class| class as i64)
    };
    ModelOutputs {
        kind: TaskKind::Classification,
        samples: (0..labels.len()).collect(),
        labels: labels.to_vec(),
        truth: GroundTruth::Classes,
        width,
        class: values.chunks(width).map(top).collect(),
        values,
        pixels: PixelOutputs::default(),
    }
}

impl Population {
    fn exams(&self, answers: [&ModelOutputs; 2]) -> [PredictionStatistics; 2] {
        let exam = |own: &ModelOutputs, base: Option<&ModelOutputs>| {
            PredictionStatistics::new(Sha256Hex::zeros(), &self.task, own, base, &[]).unwrap()
        };
        [exam(answers[0], None), exam(answers[1], Some(answers[0]))]
    }

    /// Coverages of all figures by size, from so many draws.
    pub fn coverage(&self, sizes: &[Size], draws: u64, resamples: usize) -> Vec<Coverage> {
        let exams = self.exams([&self.answers[0], &self.answers[1]]);
        let truths: Vec<Vec<f64>> = self.figures.iter().map(|f| self.truth(*f, &exams)).collect();
        let mut rows: Vec<Coverage> = self.figures.iter().map(|f| self.row(*f)).collect();
        for size in sizes {
            let found: Vec<Vec<Vec<ConfidenceInterval>>> =
                (0..draws).into_par_iter().map(|seed| self.drawn(*size, seed, resamples)).collect();
            for (figure, row) in rows.iter_mut().enumerate() {
                let (mut covered, mut all, mut width) = (0.0, 0.0, 0.0);
                for draw in &found {
                    for (interval, truth) in draw[figure].iter().zip(&truths[figure]) {
                        if interval.value.is_nan() {
                            continue;
                        }
                        covered += f64::from(interval.low <= *truth && *truth <= interval.high);
                        width += interval.high - interval.low;
                        all += 1.0;
                    }
                }
                row.by_size.push((*size, covered / all, width / all));
            }
        }
        rows
    }

    fn row(&self, figure: Figure) -> Coverage {
        let figure = match figure {
            Figure::Baseline(metric) => format!("{metric}, baseline"),
            Figure::Variant(metric) => format!("{metric}, variant"),
            Figure::Change(metric) => format!("change of {metric}"),
            Figure::ClassEffects => "effects on classes in `explain`".into(),
        };
        Coverage { figure: format!("{figure}: {}", self.name), by_size: vec![] }
    }

    fn truth(&self, figure: Figure, exams: &[PredictionStatistics; 2]) -> Vec<f64> {
        let value = |which: usize, metric| exams[which].value(metric).unwrap();
        match figure {
            Figure::Baseline(metric) => vec![value(0, metric)],
            Figure::Variant(metric) => vec![value(1, metric)],
            Figure::Change(metric) => vec![value(1, metric) - value(0, metric)],
            Figure::ClassEffects => {
                let [before, after] = &self.answers;
                let change = |class: i64| {
                    let of = |a: &ModelOutputs| {
                        let own = (0..a.len()).filter(|s| a.labels[*s] == class);
                        let hits: Vec<f64> =
                            own.map(|s| f64::from(a.class[s] == Some(class))).collect();
                        hits.iter().sum::<f64>() / hits.len() as f64
                    };
                    of(after) - of(before)
                };
                (0..before.width as i64).map(change).collect()
            }
        }
    }

    /// Intervals of one draw, figure by figure.
    fn drawn(&self, size: Size, seed: u64, resamples: usize) -> Vec<Vec<ConfidenceInterval>> {
        let mut rng = stats::generator(seed, &format!("{} {size:?}", self.name));
        let (mut positions, mut names) = (Vec::new(), Vec::new());
        match size {
            Size::Samples(count) => {
                positions.extend((0..count).map(|_| rng.random_range(0..self.answers[0].len())));
            }
            Size::Groups(count) => {
                for group in 0..count {
                    let own = &self.groups[rng.random_range(0..self.groups.len())];
                    positions.extend(own);
                    names.extend(own.iter().map(|_| group.to_string()));
                }
            }
        }
        let taken = [0, 1].map(|which: usize| self.answers[which].take(&positions));
        let groups = (!names.is_empty()).then_some(names.as_slice());
        let found = match self.figures[0] {
            Figure::ClassEffects => vec![],
            _ => {
                let sampling =
                    BootstrapSampling { groups, resamples, seed, ..BootstrapSampling::default() };
                evaluate_variants(&self.exams([&taken[0], &taken[1]]), &sampling)
            }
        };
        let of = |figure: &Figure| match figure {
            Figure::ClassEffects => class_effects(&taken),
            Figure::Baseline(metric) => vec![value(&found[0], *metric)],
            Figure::Variant(metric) => vec![value(&found[1], *metric)],
            Figure::Change(metric) => vec![found[1].change(*metric).unwrap_or(NONE)],
        };
        self.figures.iter().map(of).collect()
    }
}

/// Where a draw gives no value.
const NONE: ConfidenceInterval =
    ConfidenceInterval { value: f64::NAN, low: f64::NAN, high: f64::NAN };

fn value(evaluation: &Evaluation, metric: Metric) -> ConfidenceInterval {
    evaluation.value(metric).unwrap_or(NONE)
}

/// Effects of a single group of decisions on the classes.
fn class_effects(answers: &[ModelOutputs; 2]) -> Vec<ConfidenceInterval> {
    let experiment = |own: &ModelOutputs| {
        let confidences = vec![Some(1.0); own.len()];
        Experiment::of(Kept { classes: own.class.clone(), confidences, values: vec![] })
    };
    let sets = [GroupCoalition::EMPTY, GroupCoalition::full(1)];
    let draws = vec![sets.into_iter().zip(answers.iter().map(experiment)).collect()];
    let truth = paring::attribution::EvaluatedSamples {
        labels: answers[0].labels.clone(),
        ..Default::default()
    };
    let table = ExperimentTable { truth, draws };
    let groups = [DecisionGroup { id: "all".into(), ..DecisionGroup::default() }];
    let (plan, explored) = (
        ExperimentPlan::new(1, 0, 1),
        ExperimentProgress { draws: 1, exact: true, ..ExperimentProgress::default() },
    );
    let attribution =
        EffectAttribution { groups: &groups, plan: &plan, explored: &explored, table: &table };
    let aspects: Vec<ExperimentMetric> =
        (0..answers[0].width as i64).map(ExperimentMetric::Class).collect();
    let (effects, _) = attribution.all(&aspects);
    effects.into_iter().map(|effect| effect.shapley.unwrap_or(NONE)).collect()
}
