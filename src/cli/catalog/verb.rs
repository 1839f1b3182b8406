//! `paring catalog`: what could be removed, what depends on what, what each component is worth, and
//! what removing it should change.

use super::show;
use crate::cli::samples::{Sampled, Samples};
use crate::cli::{Coded, ExitCode, Global};
use crate::evaluate::Task;
use crate::pipeline::{
    Forecaster, Ground, Probing, Subject, attributed, forecaster, of_all_kinds, removal,
};
use clap::Args;
use paring_agent::engine::{AnalysedModel, DimensionBindings, ModelSource};
use paring_compress::catalog::{
    self, Bypass, Calibration, Catalog, CatalogError, Coupling, Criterion, Dependencies, Linear,
    Rows, Savings,
};
use paring_core::schema::ScoreKind;
use paring_core::schema::{EngineOptions, Forecast, OriginalIndices, TaskKind};
use paring_data::Dataset;
use paring_onnx::graph::{Facts, Graph, NodeCost};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Runs of the model that layer times are the medians of.
const PROFILE_RUNS: usize = 50;
/// Fewer of a slow model.
const PROFILE_TIME: Duration = Duration::from_secs(3);

/// Say what could be removed, what depends on what, and what each component is worth.
#[derive(Debug, Args)]
pub(in crate::cli) struct CatalogVerb {
    /// The ONNX file
    model: PathBuf,
    #[command(flatten)]
    samples: Samples,
    /// Every component, not only the least important
    #[arg(long)]
    all: bool,
    /// Removals of each kind of component that are tried on the data to learn what they cost in accuracy
    #[arg(long, default_value_t = 14)]
    probes: usize,
}

/// One component, as it is printed.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) original_index: usize,
    pub(super) scores: BTreeMap<String, f64>,
    pub(super) saves: Savings,
    pub(super) expected: Expected,
}

/// What removing one component alone should change.
#[derive(Debug, Default, Serialize)]
pub(super) struct Expected {
    /// Squared error of the reading layers' outputs, in their units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_error: Option<f64>,
    /// The same over the outputs' variance, summed over the layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_error_share: Option<f64>,
    /// Change of accuracy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) accuracy: Option<Forecast>,
    /// What the layers' times on this machine promise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) latency_saved_ns: Option<f64>,
}

/// Everything that is known of a model.
pub(super) struct Opened {
    pub(super) graph: Graph,
    pub(super) facts: Facts,
    /// Multiply-adds of the graph's nodes.
    pub(super) costs: Vec<NodeCost>,
    pub(super) layers: Vec<Linear>,
    pub(super) rows: Vec<Rows>,
    pub(super) criteria: Vec<Criterion>,
    pub(super) calibration: Option<Calibration>,
    pub(super) forecaster: Option<Forecaster>,
    /// Median time of each node on this machine, by position; empty without data to run on.
    pub(super) times_ns: BTreeMap<usize, f64>,
}

/// What is printed.
pub(super) struct Found {
    pub(super) catalog: Catalog,
    pub(super) depends: Vec<Dependencies>,
    pub(super) shown: Vec<Vec<Shown>>,
    /// Of each coupling the readers that nothing can be told of.
    pub(super) opaque: Vec<Vec<String>>,
    /// Layers and blocks that can be left out, with their scores where there is data.
    pub(super) bypasses: Vec<(Bypass, Savings, Option<f64>)>,
}

impl CatalogVerb {
    pub(in crate::cli) fn run(self, global: &Global) -> Result<(), Coded> {
        let opened = self.open()?;
        let failed = |e: CatalogError| Coded::new(ExitCode::Input, e);
        let catalog = catalog::catalog(&opened.graph, &opened.facts, &OriginalIndices::default())?;
        let depends =
            catalog::dependencies(&catalog, &opened.layers, (&opened.graph, &opened.facts));
        let shown = catalog.couplings.iter().map(|c| opened.components(c));
        let shown = shown.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let bypasses = opened.bypasses().map_err(failed)?;
        let opaque = catalog.couplings.iter().map(|c| opened.opaque_readers(c)).collect();
        let found = Found { catalog, depends, shown, opaque, bypasses };
        match global.json {
            true => show::json(&opened, &found),
            false => show::tree(&self.model, self.all, &opened, &found),
        }
        Ok(())
    }

    fn open(&self) -> Result<Opened, Coded> {
        let input = |e: CatalogError| Coded::new(ExitCode::Input, e);
        let graph = Graph::load(&self.model)?;
        let Sampled { dims, batch, calibration, trial } = self.samples.open(&self.model)?;
        let bindings = DimensionBindings { batch, dims: &dims };
        let facts = graph.facts(&dims, batch)?;
        let layers = catalog::linears(&graph, &facts);
        let rows = catalog::observe_all(&graph, &layers, calibration.as_ref()).map_err(input)?;
        let (forecaster, times_ns) = match (&calibration, &trial) {
            (Some(calibration), Some(trial)) => (
                self.forecaster(&graph, bindings, calibration, trial)?,
                self.times(&graph, bindings, calibration)?,
            ),
            _ => (None, BTreeMap::new()),
        };
        let known = |c: &Criterion| calibration.is_some() || !c.needs_data();
        let criteria = Criterion::ALL.into_iter().filter(known).collect();
        let costs = graph.node_costs(&facts.shapes).into_iter().flatten().collect();
        Ok(Opened {
            graph,
            facts,
            costs,
            layers,
            rows,
            criteria,
            calibration,
            forecaster,
            times_ns,
        })
    }

    fn forecaster(
        &self,
        graph: &Graph,
        bindings: DimensionBindings,
        calibration: &Calibration,
        (data, samples): &(Dataset, Vec<usize>),
    ) -> Result<Option<Forecaster>, Coded> {
        if !data.labelled || data.targets.is_some() {
            return Ok(None);
        }
        let facts = graph.facts(bindings.dims, bindings.batch)?;
        let couplings = catalog::catalog(graph, &facts, &OriginalIndices::default())?.couplings;
        let prunings = of_all_kinds(&couplings);
        // The class is the same whichever the scores are.
        let task = Task::new(TaskKind::Classification, ScoreKind::Logits);
        let subject = Subject {
            data,
            samples,
            groups: None,
            fixed_class_shares: false,
            slices: &[],
            batch: bindings.batch,
            dims: bindings.dims,
            output: 0,
            task: &task,
        };
        let ground = Ground { graph, bindings, calibration, prunings: &prunings, seed: 0 };
        let (probes, reported) = (self.probes, samples.len());
        let probing = Probing { probes, reported, timed: false };
        Ok(forecaster(&ground, &subject, &probing)?)
    }

    /// The engine's times of each node, in this process.
    fn times(
        &self,
        graph: &Graph,
        bindings: DimensionBindings,
        calibration: &Calibration,
    ) -> Result<BTreeMap<usize, f64>, Coded> {
        let model = AnalysedModel::load(ModelSource::File(&self.model), bindings)?;
        let plan = model.optimise(&EngineOptions::default())?;
        let inputs = plan.inputs(&calibration.first())?;
        let mut times: BTreeMap<usize, f64> = BTreeMap::new();
        // A timed run does not catch what the engine panics with; this one does.
        plan.run_numbers(&inputs)?;
        let profile = plan.profile_within(&inputs, PROFILE_RUNS, PROFILE_TIME)?;
        for (from, node) in attributed(graph, &profile) {
            if let Some(position) = from {
                *times.entry(position).or_default() += node.median_ns();
            }
        }
        Ok(times)
    }
}

impl Opened {
    /// The components of a coupling, the least important first by the last criterion but the random.
    fn components(&self, coupling: &Coupling) -> Result<Vec<Shown>, CatalogError> {
        let readers = catalog::readers(coupling, &self.layers, &self.rows);
        let mut all: Vec<Shown> = coupling
            .components
            .iter()
            .map(|c| Shown {
                id: coupling.component_id(c),
                original_index: c.original_index,
                scores: BTreeMap::new(),
                saves: catalog::savings(&self.graph, &self.facts, &self.costs, c),
                expected: Expected {
                    latency_saved_ns: (!self.times_ns.is_empty()).then(|| {
                        catalog::latency_saved(&self.facts, &self.costs, c, &self.times_ns)
                    }),
                    ..Expected::default()
                },
            })
            .collect();
        let mut order = Vec::new();
        let judged = self.opaque_readers(coupling).is_empty() && !readers.is_empty();
        for criterion in &self.criteria {
            if criterion.needs_data() && !judged {
                continue;
            }
            let scores = catalog::scores(&self.graph, coupling, *criterion, &readers, 0)?;
            for (shown, score) in all.iter_mut().zip(&scores) {
                shown.scores.insert(criterion.to_string(), *score);
            }
            if *criterion != Criterion::Random {
                order = scores;
            }
        }
        if self.criteria.contains(&Criterion::Obs) && judged {
            let kinds = of_all_kinds(std::slice::from_ref(coupling));
            let kind = kinds.first().map(removal).unwrap_or_default();
            let errors = catalog::output_errors(&self.graph, coupling, &readers)?;
            for ((shown, share), units) in all.iter_mut().zip(&order).zip(errors) {
                shown.expected.output_error = Some(units);
                shown.expected.output_error_share = Some(*share);
                let learnt = self.forecaster.as_ref();
                shown.expected.accuracy = learnt.and_then(|f| f.cost(&kind, *share));
            }
        }
        let mut ranked: Vec<(f64, Shown)> = order.into_iter().zip(all).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(ranked.into_iter().map(|(_, shown)| shown).collect())
    }

    fn opaque_readers(&self, coupling: &Coupling) -> Vec<String> {
        catalog::opaque_readers(&self.graph, &self.facts, coupling, &self.layers)
    }

    fn bypasses(&self) -> Result<Vec<(Bypass, Savings, Option<f64>)>, CatalogError> {
        let all = catalog::bypasses(&self.graph, &self.facts);
        let scores = match &self.calibration {
            Some(samples) if !all.is_empty() => {
                let by = Criterion::Activation;
                let found = catalog::bypass_scores(&self.graph, &all, by, Some(samples), 0)?;
                found.into_iter().map(Some).collect()
            }
            _ => vec![None; all.len()],
        };
        let with = |(bypass, score): (Bypass, Option<f64>)| {
            let saves = bypass.savings(&self.graph, &self.facts);
            (bypass, saves, score)
        };
        Ok(all.into_iter().zip(scores).map(with).collect())
    }
}
