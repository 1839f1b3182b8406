//! How often the 80 % bounds of forecasts hold: of every coupling of a model, removed at several shares
//! by several criteria and recoveries, on samples that nothing was learnt on; as a table in Markdown.
//!
//! Usage: cargo bench --bench forecasts -- MODEL DATA [MODEL DATA …]. Labelled data are asked for
//! accuracy, others for agreement with the baseline.

use anyhow::{Context, anyhow};
use paring::catalog::{Calibration, Criterion, catalog};
use paring::compress::{ChannelPruning, PruneAmount, RecoveryMethod, prune_channels};
use paring::data::{Dataset, DatasetRequest, DatasetRules};
use paring::engine::{DimensionBindings, ModelSource, describe};
use paring::evaluate::{EvaluationTask, ModelOutputs, PredictionStatistics, Predictor};
use paring::graph::Graph;
use paring::pipeline::{
    EvaluationSetup, ForecastBasis, ForecastBudget, Forecaster, forecaster, of_all_kinds, removal,
};
use paring::schema::ScoreKind;
use paring::schema::{EngineOptions, Forecast, OriginalIndices, Sha256Hex, TaskKind};
use std::collections::BTreeMap;
use std::path::Path;

/// Removals of each kind that are tried.
const PROBES: usize = 14;
const RATIOS: [f64; 3] = [0.2, 0.35, 0.5];
/// A model with more couplings is asked for as many of them, evenly spread.
const MOST_COUPLINGS: usize = 16;

#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    asked: usize,
    said: usize,
    held: usize,
    width: f64,
    miss: f64,
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    println!(
        "| model | metric | removal | forecasts | nothing said | held | mean width | mean miss |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut all = Tally::default();
    for pair in arguments.chunks(2) {
        let [model, data] = pair else { return Err(anyhow!("a model without data")) };
        let (metric, found) = model_at(Path::new(model), Path::new(data)).context(model.clone())?;
        let name = Path::new(model).file_stem().unwrap_or_default().display().to_string();
        for (kind, tally) in found {
            row(&name, &metric, &kind, &tally);
            all.asked += tally.asked;
            all.said += tally.said;
            all.held += tally.held;
        }
    }
    println!("| all | | | {} | {} | {:.3} | | |", all.said, all.asked - all.said, share(&all));
    Ok(())
}

fn share(tally: &Tally) -> f64 {
    tally.held as f64 / tally.said.max(1) as f64
}

fn row(model: &str, metric: &str, kind: &str, tally: &Tally) {
    let Tally { asked, said, width, miss, .. } = *tally;
    let mean = |sum: f64| sum / said.max(1) as f64;
    println!(
        "| {model} | {metric} | {kind} | {said} | {} | {:.3} | {:.4} | {:.4} |",
        asked - said,
        share(tally),
        mean(width),
        mean(miss)
    );
}

/// What is asked of: every recovery by two criteria, of every kind of component there is.
fn prunings(kinds: &[ChannelPruning]) -> Vec<ChannelPruning> {
    let how = [
        (Criterion::L1, RecoveryMethod::None),
        (Criterion::Wanda, RecoveryMethod::None),
        (Criterion::Obs, RecoveryMethod::LeastSquares),
        (Criterion::L2, RecoveryMethod::LeastSquares),
    ];
    let each = kinds.iter().flat_map(|kind| {
        how.iter().map(|(criterion, recover)| ChannelPruning {
            what: kind.what,
            criterion: *criterion,
            recover: *recover,
            ..ChannelPruning::channels(0.35, *criterion)
        })
    });
    each.collect()
}

fn model_at(model: &Path, path: &Path) -> anyhow::Result<(String, BTreeMap<String, Tally>)> {
    let signature = describe(ModelSource::File(model))?;
    let batch = signature.fixed_batch().unwrap_or(1);
    let mut dims = signature.sizes(&BTreeMap::new(), batch).unwrap_or_default();
    let (columns, extras, rules) = (vec![], vec![], DatasetRules::default());
    let data =
        Dataset::load(path, &DatasetRequest { inputs: &signature.inputs, columns, extras, rules })?;
    for need in &signature.inputs {
        need.bind(data.inputs[&need.name].dtype(), data.inputs[&need.name].shape(), &mut dims)?;
    }
    let part =
        |third: usize| -> Vec<usize> { (0..data.len()).filter(|i| i % 3 == third).collect() };
    let (calibrate, select, report) = (part(0), part(1), part(2));
    let calibrate = &calibrate[..calibrate.len().min(64)];
    let calibration = Calibration {
        inputs: data.inputs_at(calibrate)?,
        labels: vec![],
        rule: None,
        batch,
        dims: dims.clone(),
        sha256: Sha256Hex::of(b"samples"),
    };
    let task = EvaluationTask::new(TaskKind::Classification, ScoreKind::Logits);
    let task = task.on_data(None, data.labelled)?;
    let subject = EvaluationSetup {
        data: &data,
        samples: &select,
        groups: None,
        fixed_class_shares: false,
        slices: &[],
        batch,
        dims: &dims,
        output: 0,
        task: &task,
    };
    let graph = Graph::load(model)?;
    let bindings = DimensionBindings { batch, dims: &dims };
    let facts = graph.facts(&dims, batch)?;
    let couplings = catalog(&graph, &facts, &OriginalIndices::default())?.couplings;
    let prunings = prunings(&of_all_kinds(&couplings));
    let ground = ForecastBasis {
        graph: &graph,
        bindings,
        calibration: &calibration,
        prunings: &prunings,
        seed: 1,
    };
    let probing = ForecastBudget { probes: PROBES, reported: report.len(), timed: false };
    let learnt = forecaster(&ground, &subject, &probing)?;
    let subject = EvaluationSetup { samples: &report, ..subject };
    let before = answers(&subject, &graph)?;
    let mut found: BTreeMap<String, Tally> = BTreeMap::new();
    for pruning in &prunings {
        let own = couplings.iter().filter(|c| pruning.what.includes(c.kind));
        let ids: Vec<&String> = own.map(|c| &c.id).collect();
        for id in ids.iter().step_by(ids.len().div_ceil(MOST_COUPLINGS).max(1)) {
            for ratio in RATIOS {
                let one = ChannelPruning {
                    amount: PruneAmount::Ratio(ratio),
                    layers: Some(id.to_string()),
                    ..pruning.clone()
                };
                let (origins, samples) = (OriginalIndices::default(), Some(&calibration));
                let made = prune_channels(graph.clone(), bindings, origins, &one, samples, None, 0);
                let Ok(made) = made else { continue };
                let mut expected = made.decisions.iter().flat_map(|d| &d.expected);
                let error = expected.find(|f| f.metric == Forecast::OUTPUT_ERROR);
                let tally = found.entry(removal(pruning)).or_default();
                tally.asked += 1;
                let said = said(learnt.as_ref(), pruning, error);
                let Some(said) = said else { continue };
                let change = change(&subject, &before, &answers(&subject, &made.graph)?);
                let Some(change) = change else { continue };
                let half = 0.5 / report.len() as f64;
                tally.said += 1;
                tally.held += usize::from(said.low - half <= change && change <= said.high + half);
                tally.width += said.high - said.low;
                tally.miss += (change - said.delta).abs();
            }
        }
    }
    Ok((task.primary.to_string(), found))
}

fn said(
    learnt: Option<&Forecaster>,
    pruning: &ChannelPruning,
    error: Option<&Forecast>,
) -> Option<Forecast> {
    learnt?.cost(&removal(pruning), error?.delta)
}

fn answers(subject: &EvaluationSetup, graph: &Graph) -> anyhow::Result<ModelOutputs> {
    let bytes = graph.encode();
    let source = ModelSource::Bytes("model", &bytes);
    let options = EngineOptions::default();
    let EvaluationSetup { batch, dims, output, task, .. } = *subject;
    let predictor = Predictor::load(source, batch, dims, &options, output, task.scores)?;
    let found = predictor.with_task(task.clone());
    Ok(found.answers(subject.data, subject.samples, &|_| ())?)
}

/// The change of the primary metric.
fn change(subject: &EvaluationSetup, before: &ModelOutputs, after: &ModelOutputs) -> Option<f64> {
    let exam = |answers, base| {
        PredictionStatistics::new(Sha256Hex::of(b"a"), subject.task, answers, base, &[]).ok()
    };
    let metric = subject.task.primary;
    let ideal = f64::from(metric.higher_is_better());
    let first = exam(before, None)?.value(metric);
    let first = if metric.needs_baseline() { Some(ideal) } else { first };
    Some(exam(after, Some(before))?.value(metric)? - first?)
}
