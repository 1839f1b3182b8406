//! Trials of removals: their choice, the change of the metric, the savings.

use super::removal_timer::RemovalTimer;
use super::removal_trials::{
    BaselineReference, ForecastBasis, ForecastBudget, ObservedSavings, RemovalTrial, RemovalTrials,
};
use crate::evaluate::{self, BootstrapSampling, ModelOutputs, PredictionStatistics, Predictor};
use crate::pipeline::PipelineError;
use crate::pipeline::predictions::EvaluationSetup;
use paring_agent::engine::ModelSource;
use paring_compress::catalog::{ComponentKind, Coupling, Criterion, catalog};
use paring_compress::{
    BudgetAllocation, ChannelPruning, CompressError, PruneAmount, PruneStructure, RecoveryMethod,
    RemovalSavings, StepResult, prune_channels,
};
use paring_core::schema::{
    ConfidenceInterval, EngineOptions, Forecast, Metric, OriginalIndices, Sha256Hex,
};
use paring_core::stats::{self, DoseResponse};
use paring_onnx::graph::Graph;
use rand::RngExt;
use std::collections::BTreeMap;

/// Shares of a coupling that are tried where the study names none.
const RATIOS: [f64; 4] = [0.125, 0.25, 0.5, 0.75];

/// Bootstrap resamples for the standard error of a trial's change of the metric.
const RESAMPLES: usize = 400;

/// Standard errors on either side of a 95 % interval.
const NINETY_FIVE: f64 = 1.96;

/// The kind of removal that a prune step makes: forecasts are learnt by kind.
pub fn removal(pruning: &ChannelPruning) -> String {
    let what = match pruning.what {
        PruneStructure::Channels => "channels",
        PruneStructure::Heads => "heads",
    };
    match pruning.recover {
        RecoveryMethod::None => format!("{what} without recovery"),
        RecoveryMethod::Mean => format!("{what} with recovery of the mean"),
        RecoveryMethod::Statistics => format!("{what} with recovery of statistics"),
        RecoveryMethod::LeastSquares => format!("{what} with recovery by least squares"),
    }
}

/// The prune steps of a catalog: every kind of component by `obs` with least squares.
pub fn of_all_kinds(couplings: &[Coupling]) -> Vec<ChannelPruning> {
    let heads = couplings.iter().any(|c| c.kind == ComponentKind::Head);
    let others = couplings.iter().any(|c| PruneStructure::Channels.includes(c.kind));
    let kinds = [(PruneStructure::Channels, others), (PruneStructure::Heads, heads)];
    let kinds = kinds.into_iter().filter(|(_, there)| *there);
    let of = |what| ChannelPruning {
        what,
        recover: RecoveryMethod::LeastSquares,
        ..ChannelPruning::channels(0.5, Criterion::Obs)
    };
    kinds.map(|(what, _)| of(what)).collect()
}

impl ForecastBasis<'_> {
    /// Hands removals to try to `look`, `probes` of each kind that can be tried: single couplings, at
    /// shares around those that the study asks for.
    fn removals(
        &self,
        probes: usize,
        look: &mut dyn FnMut(&str, StepResult) -> Result<(), PipelineError>,
    ) -> Result<(), PipelineError> {
        let failed = |source: CompressError| PipelineError::Forecast(Box::new(source));
        let ForecastBasis { graph, bindings, .. } = *self;
        let facts = graph.facts(bindings.dims, bindings.batch).map_err(|e| failed(e.into()))?;
        let couplings = catalog(graph, &facts, &OriginalIndices::default());
        let couplings = couplings.map_err(|e| failed(e.into()))?.couplings;
        let mut kinds: BTreeMap<String, Vec<&ChannelPruning>> = BTreeMap::new();
        for pruning in self.prunings {
            kinds.entry(removal(pruning)).or_default().push(pruning);
        }
        for (kind, prunings) in kinds {
            let mut draw = stats::generator(self.seed, &format!("forecast {kind}"));
            let mut left = probes;
            // Some couplings cannot be cut so; they are not what is asked about.
            for _ in 0..3 * probes {
                let pruning = prunings[draw.random_range(0..prunings.len())];
                let meant: Vec<&Coupling> =
                    couplings.iter().filter(|c| pruning.what.includes(c.kind)).collect();
                if left == 0 || meant.is_empty() {
                    break;
                }
                let layers = meant[draw.random_range(0..meant.len())].id.clone();
                let ratio = ratio(pruning, &mut draw);
                let Some(made) = self.remove(pruning, layers, ratio) else { continue };
                look(&kind, made)?;
                left -= 1;
            }
        }
        Ok(())
    }

    fn remove(&self, pruning: &ChannelPruning, layers: String, ratio: f64) -> Option<StepResult> {
        let pruning = ChannelPruning {
            amount: PruneAmount::Ratio(ratio),
            layers: Some(layers),
            allocate: BudgetAllocation::Uniform,
            protect: vec![],
            ..pruning.clone()
        };
        let (graph, calibration) = (self.graph.clone(), Some(self.calibration));
        let origins = OriginalIndices::default();
        prune_channels(graph, self.bindings, origins, &pruning, calibration, None, self.seed).ok()
    }
}

/// A share to remove: around the one that a step names, from half to one and a half of it.
fn ratio(pruning: &ChannelPruning, draw: &mut stats::SeededGenerator) -> f64 {
    match pruning.amount {
        PruneAmount::Ratio(ratio) => (ratio * (0.5 + draw.random::<f64>())).clamp(0.05, 0.9),
        _ => RATIOS[draw.random_range(0..RATIOS.len())],
    }
}

/// The sum of the output errors that a step's decisions expect; `None` where one is not known.
fn output_error(made: &StepResult) -> Option<f64> {
    let own = made.decisions.iter().filter(|d| !d.components.is_empty());
    let error = |expected: &[Forecast]| {
        expected.iter().find(|f| f.metric == Forecast::OUTPUT_ERROR).map(|f| f.delta)
    };
    own.map(|d| error(&d.expected)).sum()
}

/// Tries removals of each kind on the samples of `subject`.
///
/// # Errors
/// [`PipelineError`] where the model cannot be analysed or evaluated.
pub(super) fn try_removals(
    ground: &ForecastBasis,
    subject: &EvaluationSetup,
    probing: &ForecastBudget,
) -> Result<RemovalTrials, PipelineError> {
    let metric = subject.task.primary;
    let answers = answers(subject, ground.graph)?;
    let classes = if answers.predictions().is_empty() { 0 } else { answers.width };
    let baseline_statistics = statistics(subject, &answers, None)?;
    let value = match metric {
        // A ratio to nothing is infinite of the baseline itself.
        Metric::Sqnr => None,
        metric if metric.needs_baseline() => Some(f64::from(metric.higher_is_better())),
        metric => baseline_statistics.value(metric),
    };
    let groups = subject.own_groups();
    let fixed_class_shares = subject.fixed_class_shares;
    let how = BootstrapSampling {
        groups: groups.as_deref(),
        fixed_class_shares,
        resamples: RESAMPLES,
        ..BootstrapSampling::default()
    };
    let samples = subject.samples.len();
    let reference = value.map(|value| BaselineReference { metric, value, classes, samples });
    let engine = |source| PipelineError::Engine { variant: "a trial".into(), source };
    let ForecastBasis { graph, bindings, calibration, seed, .. } = *ground;
    let watch = match probing.timed {
        true => RemovalTimer::new(graph, bindings, &calibration.first(), seed).map_err(engine)?,
        false => None,
    };
    let bytes = graph.encode().len() as f64;
    let (mut tried, mut savings) = (Vec::new(), ObservedSavings::default());
    ground.removals(probing.probes, &mut |removal, made| {
        let saves = saves(&made);
        savings.bytes.push(DoseResponse {
            kind: removal.into(),
            dose: saves.bytes as f64,
            response: bytes - made.graph.encode().len() as f64,
            variance: 0.0,
        });
        if let Some(watch) = &watch {
            savings.times.extend(watch.observe(removal, &saves, &made.graph).map_err(engine)?);
        }
        let (Some(error), Some(value)) = (output_error(&made), value) else { return Ok(()) };
        let pruned_answers = self::answers(subject, &made.graph)?;
        let pruned_statistics = statistics(subject, &pruned_answers, Some(&answers))?;
        let pair = [baseline_statistics.clone(), pruned_statistics];
        let Some(change) = change(&pair, metric, value, &how) else { return Ok(()) };
        let harm = if metric.higher_is_better() { -change.value } else { change.value };
        let standard_error = (change.high - change.low) / (2.0 * NINETY_FIVE);
        tried.push(RemovalTrial { removal: removal.into(), error, harm, standard_error });
        Ok(())
    })?;
    savings.nodes_ns = watch.map(RemovalTimer::nodes_ns).unwrap_or_default();
    Ok(RemovalTrials { reference, tried, savings })
}

/// Sum of the savings of a step's decisions.
fn saves(made: &StepResult) -> RemovalSavings {
    let mut all = RemovalSavings::default();
    for draft in &made.decisions {
        all.macs.extend(draft.saves.macs.clone());
        all.bytes += draft.saves.bytes;
    }
    all
}

/// The change of a metric from the baseline's `value`, with its 95 % interval.
fn change(
    pair: &[PredictionStatistics; 2],
    metric: Metric,
    value: f64,
    how: &BootstrapSampling,
) -> Option<ConfidenceInterval> {
    let evaluations = evaluate::evaluate_variants(pair, how);
    let score = evaluations.get(1)?.metrics.get(&metric)?;
    if !metric.needs_baseline() {
        return score.change;
    }
    let ConfidenceInterval { value: own, low, high } = score.value;
    Some(ConfidenceInterval { value: own - value, low: low - value, high: high - value })
}

fn statistics(
    subject: &EvaluationSetup,
    answers: &ModelOutputs,
    baseline: Option<&ModelOutputs>,
) -> Result<PredictionStatistics, PipelineError> {
    PredictionStatistics::new(Sha256Hex::of(b"a trial"), subject.task, answers, baseline, &[])
        .map_err(|source| PipelineError::OtherSamples { variant: "a trial".into(), source })
}

fn answers(subject: &EvaluationSetup, graph: &Graph) -> Result<ModelOutputs, PipelineError> {
    let bytes = graph.encode();
    let source = ModelSource::Bytes(graph.name(), &bytes);
    let options = EngineOptions::default();
    let EvaluationSetup { batch, dims, output, task, .. } = *subject;
    let predictor = Predictor::load(source, batch, dims, &options, output, task.scores)
        .map_err(|source| PipelineError::Engine { variant: "a trial".into(), source })?;
    predictor
        .with_task(task.clone())
        .answers(subject.data, subject.samples, &|_| ())
        .map_err(|source| PipelineError::Predict { variant: "a trial".into(), source })
}
