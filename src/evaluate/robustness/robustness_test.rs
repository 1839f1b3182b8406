//! Disturbed inputs for several models, each beside its own undisturbed answers and the baseline's.

use super::adversarial_search::{AdversarialResult, AdversarialSearch};
use super::attack_plan::{AttackPlan, float_entries};
use super::perturbations::{InputSpread, perturb_inputs, spreads};
use crate::evaluate::EvaluationTask;
use crate::evaluate::intervals::{BootstrapSampling, draws};
use crate::evaluate::prediction::{ModelOutputs, PredictError, Predictor};
use crate::evaluate::statistics::PredictionStatistics;
use paring_core::schema::{
    ConfidenceInterval, InputDisturbance, Metric, RobustnessScore, Sha256Hex, TaskKind,
};
use paring_core::stats::{self, SamplingDesign};
use paring_data::{DataError, Dataset};
use serde::Serialize;
use std::collections::BTreeMap;

/// Samples whose disturbed inputs are held at once.
const CHUNK: usize = 64;
/// Samples that the inputs' spread is taken from.
pub(super) const SPREAD: usize = 512;

/// Perturbations and the adversarial search that are tried. As JSON it is part of a run's identity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RobustnessTest {
    /// Disturbances with their strengths.
    pub tests: Vec<(InputDisturbance, f64)>,
    /// At most so many samples are disturbed.
    pub samples: usize,
    /// The search for inputs that a model gets wrong, where one is wanted, and from how many samples.
    pub search: Option<(AdversarialSearch, usize)>,
    /// Attacks along gradients, where they are wanted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attack: Option<AttackPlan>,
    /// Seeds everything.
    pub seed: u64,
}

/// A disturbance with its strength, and the samples that it is repeated on.
pub type RepeatedTest = ((InputDisturbance, f64), usize);

impl Default for RobustnessTest {
    fn default() -> Self {
        use InputDisturbance::{Brightness, Noise, Occlusion, Quantized, Shift};
        let tests = vec![
            (Noise, 0.1),
            (Noise, 0.3),
            (Brightness, 0.3),
            (Shift, 1.0),
            (Occlusion, 0.1),
            (Quantized, 4.0),
        ];
        let search = AdversarialSearch { step: 0.5, queries: 200, seed: 0 };
        RobustnessTest { tests, samples: 1_000, search: Some((search, 50)), attack: None, seed: 0 }
    }
}

/// One model and what it answered undisturbed.
#[derive(Debug)]
pub struct TestedModel<'a> {
    /// The model.
    pub predictor: &'a Predictor,
    /// Its answers for the first samples of those that are looked at, or more.
    pub clean: &'a ModelOutputs,
}

impl RobustnessTest {
    /// Robustness scores of `model`, paired with the baseline's where one is given.
    ///
    /// # Errors
    /// [`PredictError`] names the sample.
    pub fn run(
        &self,
        task: &EvaluationTask,
        data: &Dataset,
        model: &TestedModel,
        baseline: Option<&TestedModel>,
        groups: Option<&[String]>,
    ) -> Result<Vec<RobustnessScore>, PredictError> {
        let looked: Vec<usize> = model.clean.samples.iter().copied().take(self.samples).collect();
        let spreads = spreads(&data.inputs_at(&looked[..looked.len().min(SPREAD)])?);
        let groups: Option<Vec<String>> = groups.map(|g| g[..looked.len()].to_vec());
        let sampling = BootstrapSampling {
            groups: groups.as_deref(),
            resamples: 2_000,
            seed: self.seed,
            ..BootstrapSampling::default()
        };
        let mut all = Vec::new();
        for (how, strength) in &self.tests {
            let one =
                PerturbedInputs { data, samples: &looked, spreads: &spreads, seed: self.seed };
            let now = one.answers(model.predictor, *how, *strength)?;
            let base = baseline.map(|b| one.answers(b.predictor, *how, *strength)).transpose()?;
            let of = |answers: &ModelOutputs| first(answers, looked.len());
            let clean = of(model.clean);
            let base = base.zip(baseline.map(|b| of(b.clean)));
            let score = compare(task, &now, &clean, base.as_ref(), &sampling);
            let filled = score.map(|score| RobustnessScore {
                disturbance: *how,
                strength: *strength,
                samples: looked.len(),
                ..score
            });
            all.extend(filled);
        }
        if let Some((search, samples)) =
            self.search.filter(|_| task.kind == TaskKind::Classification && data.labelled)
        {
            let searched = searched(&search, samples, data, model, baseline, &spreads)?;
            all.extend(searched);
        }
        Ok(all)
    }
}

impl RobustnessTest {
    /// Every disturbance with its strength, the search and the attacks among them.
    pub fn strengths(&self) -> Vec<(InputDisturbance, f64)> {
        let search = self.search.iter();
        let search = search.map(|(search, _)| (InputDisturbance::Search, search.step));
        let attacks = self.attack.iter().flat_map(AttackPlan::tests);
        self.tests.iter().copied().chain(search).chain(attacks).collect()
    }

    /// Tests that experiments repeat on `samples`, with the number of them that each takes, as in a run:
    /// the disturbances, and where there are labels the attacks that are worth it. A search is not part
    /// of it.
    ///
    /// # Errors
    /// [`DataError`] where the first sample cannot be read.
    pub fn replayed(
        &self,
        data: &Dataset,
        samples: &[usize],
    ) -> Result<Vec<RepeatedTest>, DataError> {
        let disturbed = self.tests.iter().map(|test| (*test, samples.len().min(self.samples)));
        let mut all: Vec<RepeatedTest> = disturbed.collect();
        if let Some(plan) = self.attack.as_ref().filter(|_| data.labelled) {
            let entries = float_entries(&data.inputs_at(&samples[..samples.len().min(1)])?);
            let count = samples.len().min(plan.bounded_samples(entries));
            all.extend(plan.replayed().map(|test| (test, count)));
        }
        Ok(all)
    }

    /// Inferences of a repeated test, about: a step of an attack takes as long as three, and its checks
    /// half as many steps again.
    pub fn inferences(&self, ((how, _), samples): &RepeatedTest) -> usize {
        let attack = self.attack.as_ref().filter(|_| how.attack().is_some());
        samples * attack.map_or(1, |plan| 9 * plan.steps * plan.restarts / 2)
    }

    /// Outputs of a model on the inputs of `samples`, perturbed in one way.
    ///
    /// # Errors
    /// [`PredictError`] names the sample.
    pub fn answers(
        &self,
        predictor: &Predictor,
        data: &Dataset,
        samples: &[usize],
        (how, strength): (InputDisturbance, f64),
    ) -> Result<ModelOutputs, PredictError> {
        let spreads = spreads(&data.inputs_at(&samples[..samples.len().min(SPREAD)])?);
        let one = PerturbedInputs { data, samples, spreads: &spreads, seed: self.seed };
        one.answers(predictor, how, strength)
    }
}

pub(super) fn first(answers: &ModelOutputs, count: usize) -> ModelOutputs {
    answers.take(&(0..count).collect::<Vec<_>>())
}

/// Samples whose inputs are perturbed chunk by chunk.
struct PerturbedInputs<'a> {
    data: &'a Dataset,
    samples: &'a [usize],
    spreads: &'a BTreeMap<String, InputSpread>,
    seed: u64,
}

impl PerturbedInputs<'_> {
    fn answers(
        &self,
        predictor: &Predictor,
        how: InputDisturbance,
        strength: f64,
    ) -> Result<ModelOutputs, PredictError> {
        let mut all: Option<ModelOutputs> = None;
        for chunk in self.samples.chunks(CHUNK) {
            let inputs = self.data.inputs_at(chunk)?;
            let inputs = perturb_inputs(&inputs, chunk, self.spreads, how, strength, self.seed);
            let own = predictor.answers_to(self.data, &inputs, chunk)?;
            match &mut all {
                None => all = Some(own),
                Some(all) => all.append(own),
            }
        }
        all.map_or_else(|| predictor.answers(self.data, &[], &|_| ()), Ok)
    }
}

/// Value, drop and change of the primary metric, all from the same draws. A metric of fidelity is held
/// against what the baseline answers undisturbed.
pub(super) fn compare(
    task: &EvaluationTask,
    now: &ModelOutputs,
    clean: &ModelOutputs,
    base: Option<&(ModelOutputs, ModelOutputs)>,
    sampling: &BootstrapSampling,
) -> Option<RobustnessScore> {
    let undisturbed = base.map_or(clean, |b| &b.1);
    let reference = task.primary.needs_baseline().then_some(undisturbed);
    let answers = [Some(now), Some(clean), base.map(|b| &b.0), base.map(|b| &b.1)];
    let exams: Vec<PredictionStatistics> = answers
        .into_iter()
        .flatten()
        .map(|answers| PredictionStatistics::new(Sha256Hex::zeros(), task, answers, reference, &[]))
        .collect::<Result<_, _>>()
        .ok()?;
    let metric = task.primary;
    let mixed = MetricContrast::new(&exams, metric, sampling)?;
    let paired = exams.len() == 4;
    let value = match exams[0].proportion(metric) {
        Some(hits) => stats::proportion_interval(hits, mixed.design),
        None => mixed.interval(&[1.0]),
    };
    Some(RobustnessScore {
        disturbance: InputDisturbance::Noise,
        strength: 0.0,
        metric,
        samples: now.len(),
        value: value?,
        drop: mixed.interval(&[1.0, -1.0])?,
        change: paired.then(|| mixed.interval(&[1.0, 0.0, -1.0])).flatten(),
        excess: paired.then(|| mixed.interval(&[1.0, -1.0, -1.0, 1.0])).flatten(),
        queries: None,
        attack: None,
    })
}

/// One metric of several exams of the same samples, to be added and subtracted.
struct MetricContrast<'a> {
    values: Vec<f64>,
    /// `[exam][sample]`, of a proportion.
    hits: Option<Vec<&'a [f64]>>,
    /// `[exam][draw]`.
    drawn: Vec<Vec<f64>>,
    design: SamplingDesign<'a>,
    samples: usize,
}

impl<'a> MetricContrast<'a> {
    fn new(
        exams: &'a [PredictionStatistics],
        metric: Metric,
        sampling: &'a BootstrapSampling,
    ) -> Option<MetricContrast<'a>> {
        let first = exams.first()?;
        Some(MetricContrast {
            values: exams.iter().map(|e| e.value(metric)).collect::<Option<_>>()?,
            hits: exams.iter().map(|exam| exam.proportion(metric)).collect(),
            drawn: draws(&exams.iter().collect::<Vec<_>>(), metric, sampling),
            design: sampling.design(&first.labels),
            samples: first.samples(),
        })
    }

    /// The interval of a weighted sum, one weight an exam.
    fn interval(&self, weights: &[f64]) -> Option<ConfidenceInterval> {
        let sum = |of: &dyn Fn(usize) -> f64| -> f64 {
            weights.iter().enumerate().map(|(exam, weight)| weight * of(exam)).sum()
        };
        if let Some(hits) = &self.hits {
            // Two changes of the same samples lie between −2 and 2.
            let scale = weights.iter().map(|weight| weight.abs()).sum::<f64>() / 2.0;
            let share = |sample: usize| sum(&|exam| hits[exam][sample]) / scale;
            let shares: Vec<f64> = (0..self.samples).map(share).collect();
            let found = stats::bonett_price_interval(&shares, self.design)?;
            let [value, low, high] = [found.value, found.low, found.high].map(|v| scale * v);
            return Some(ConfidenceInterval { value, low, high });
        }
        let draws = self.drawn.first()?.len();
        let each: Vec<f64> = (0..draws).map(|draw| sum(&|exam| self.drawn[exam][draw])).collect();
        let units = self.design.units(self.samples);
        stats::expanded_percentile_interval(sum(&|exam| self.values[exam]), &each, units)
    }
}

/// The share of samples that a search leaves right, among those that model and baseline get right.
fn searched(
    search: &AdversarialSearch,
    samples: usize,
    data: &Dataset,
    model: &TestedModel,
    baseline: Option<&TestedModel>,
    spreads: &BTreeMap<String, InputSpread>,
) -> Result<Option<RobustnessScore>, PredictError> {
    let right = |asked: &TestedModel, p: usize| asked.clean.class[p] == Some(asked.clean.labels[p]);
    let both = |p: &usize| right(model, *p) && baseline.is_none_or(|b| right(b, *p));
    let chosen: Vec<usize> =
        (0..model.clean.len()).filter(both).take(samples).map(|p| model.clean.samples[p]).collect();
    let now = search.run(model.predictor, data, &chosen, spreads)?;
    let base = baseline.map(|b| search.run(b.predictor, data, &chosen, spreads)).transpose()?;
    let resisted =
        |found: &[AdversarialResult]| found.iter().filter(|f| f.queries.is_none()).count();
    let Some(value) = stats::wilson_interval(resisted(&now), now.len()) else { return Ok(None) };
    let drop = ConfidenceInterval {
        value: value.value - 1.0,
        low: value.low - 1.0,
        high: value.high - 1.0,
    };
    let change = base.as_ref().and_then(|base| {
        let pairs = || now.iter().zip(base);
        let held = |found: &AdversarialResult| f64::from(found.queries.is_none());
        let shares: Vec<f64> = pairs().map(|(n, b)| held(n) - held(b)).collect();
        stats::bonett_price_interval(&shares, SamplingDesign::Independent)
    });
    let queries: Vec<f64> = now.iter().filter_map(|f| f.queries).map(|q| q as f64).collect();
    Ok(Some(RobustnessScore {
        disturbance: InputDisturbance::Search,
        strength: search.step,
        metric: Metric::Accuracy,
        samples: now.len(),
        value,
        drop,
        change,
        // Before the search both were right on all of these samples.
        excess: change,
        queries: stats::median(&queries),
        attack: None,
    }))
}
