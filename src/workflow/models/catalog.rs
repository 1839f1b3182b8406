//! Catalog of a model: what could be removed, dependencies, scores, and expected changes.

use super::ablations::measured_ablations;
use super::{ModelSamples, SampleOptions};
use crate::evaluate::EvaluationTask;
use crate::pipeline::{
    EvaluationSetup, ForecastBasis, ForecastBudget, Forecaster, attributed, forecaster,
    of_all_kinds, removal,
};
use crate::report::{
    CatalogAnswer, ExpectedChange, RankedBypass, RankedComponent, ReaderConditioning, ranking,
};
use crate::workflow::{Progress, WorkflowError};
use paring_agent::engine::{AnalysedModel, DimensionBindings, ModelSource};
use paring_compress::catalog::{
    self, BypassCandidate, Calibration, CatalogError, ComponentGradients, Coupling,
    CouplingGradients, CouplingReader, Criterion, InputRows, LinearLayer, WeightGradients,
};
use paring_core::error_chain::error_chain;
use paring_core::schema::{EngineOptions, OriginalIndices, ScoreKind, TaskKind};
use paring_data::Dataset;
use paring_onnx::graph::{Graph, NodeCost, TensorFacts};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Runs of the model that layer times are the medians of.
const PROFILE_RUNS: usize = 50;
/// Fewer of a slow model.
const PROFILE_TIME: Duration = Duration::from_secs(3);

/// A model, and how much is tried on it.
#[derive(Clone, Debug)]
pub struct CatalogOptions {
    /// The ONNX file.
    pub model: PathBuf,
    /// Data and sizes.
    pub samples: SampleOptions,
    /// Removals of each kind of component that are tried on the data to learn their cost in accuracy.
    pub probes: usize,
    /// Criteria that components are judged by, the one that ranks them first; all without it.
    pub criteria: Option<Vec<Criterion>>,
    /// Components that are removed and measured, to hold the criteria against.
    pub ablations: usize,
}

/// Couplings of a model with scores and forecasts of their components.
///
/// # Errors
/// [`WorkflowError`] where the model or the data cannot be used.
pub fn catalog(
    options: &CatalogOptions,
    progress: &Progress,
) -> Result<CatalogAnswer, WorkflowError> {
    options.check()?;
    let mut opened = options.open()?;
    let catalog = catalog::catalog(&opened.graph, &opened.facts, &OriginalIndices::default())?;
    let dependencies =
        catalog::dependencies(&catalog, &opened.layers, (&opened.graph, &opened.facts));
    let (gradients, gradients_missing) = match opened.gradients(&catalog.couplings) {
        Some(Ok(gradients)) => (Some(gradients), None),
        Some(Err(error)) => (None, Some(error_chain(&error))),
        None => (None, None),
    };
    let weight_gradients = match &gradients {
        Some(_) => Some(opened.weight_gradients(&catalog.couplings)?),
        None => None,
    };
    opened.criteria.retain(|criterion| gradients.is_some() || !criterion.needs_gradients());
    let evidence = (gradients.as_ref(), weight_gradients.as_ref());
    let components = catalog.couplings.iter().map(|c| opened.components(c, evidence));
    let components = components.collect::<Result<Vec<_>, _>>()?;
    let ablations = match options.ablations {
        0 => None,
        count => {
            let couplings = catalog.couplings.as_slice();
            let ranked = (couplings, components.as_slice(), weight_gradients.as_ref());
            let criteria = opened.criteria.as_slice();
            let model = (&opened.graph, &opened.facts, &opened.samples);
            Some(measured_ablations(model, ranked, criteria, count, progress)?)
        }
    };
    let bypasses = opened.bypasses()?;
    let opaque_readers = catalog.couplings.iter().map(|c| opened.opaque_readers(c)).collect();
    Ok(CatalogAnswer {
        model: options.model.clone(),
        catalog,
        dependencies,
        components,
        opaque_readers,
        bypasses,
        criteria: opened.criteria,
        named: options.criteria.is_some(),
        forecaster: opened.forecaster,
        calibrated: opened.samples.calibration.is_some(),
        gradients_missing,
        ablations,
    })
}

/// Conditioning of the layers that read a coupling, one list a component.
fn conditioning(readers: &[CouplingReader], coupling: &Coupling) -> Vec<Vec<ReaderConditioning>> {
    let mut found = vec![Vec::new(); coupling.components.len()];
    for reader in readers {
        let Some((whole, each)) = catalog::condition_numbers(reader, coupling) else { continue };
        for (own, without) in found.iter_mut().zip(each) {
            own.push(ReaderConditioning { layer: reader.layer.layer.clone(), whole, without });
        }
    }
    found
}

/// A model with its samples, and what was learnt of it.
struct CatalogModel {
    graph: Graph,
    facts: TensorFacts,
    /// Multiply-adds of the graph's nodes.
    costs: Vec<NodeCost>,
    layers: Vec<LinearLayer>,
    rows: Vec<InputRows>,
    criteria: Vec<Criterion>,
    /// True where the user named them.
    named: bool,
    samples: ModelSamples,
    forecaster: Option<Forecaster>,
    /// Median time of each node on this machine, by position; empty without data to run on.
    times_ns: BTreeMap<usize, f64>,
}

impl CatalogOptions {
    fn open(&self) -> Result<CatalogModel, WorkflowError> {
        let graph = Graph::load(&self.model)?;
        let samples = self.samples.open(&self.model)?;
        let ModelSamples { dims, batch, calibration, trial } = &samples;
        let bindings = DimensionBindings { batch: *batch, dims };
        let facts = graph.facts(dims, *batch)?;
        let layers = catalog::linears(&graph, &facts);
        let rows = catalog::observe_all(&graph, &layers, calibration.as_ref())?;
        let (forecaster, times_ns) = match (calibration, trial) {
            (Some(calibration), Some(trial)) => (
                self.forecaster(&graph, bindings, calibration, trial)?,
                self.times(&graph, bindings, calibration)?,
            ),
            _ => (None, BTreeMap::new()),
        };
        let known = |c: &Criterion| calibration.is_some() || !c.needs_data();
        let wanted = self.criteria.clone().unwrap_or(Criterion::ALL.to_vec());
        let criteria = wanted.into_iter().filter(known).collect();
        let costs = graph.node_costs(&facts.shapes).into_iter().flatten().collect();
        Ok(CatalogModel {
            graph,
            facts,
            costs,
            layers,
            rows,
            criteria,
            named: self.criteria.is_some(),
            samples,
            forecaster,
            times_ns,
        })
    }

    /// Refuses questions that cannot be answered without data.
    fn check(&self) -> Result<(), WorkflowError> {
        if self.samples.data.is_some() {
            return Ok(());
        }
        let named = self.criteria.iter().flatten().find(|criterion| criterion.needs_data());
        let asked = match (named, self.ablations) {
            (Some(criterion), _) => format!("--criteria {criterion}"),
            (None, 0) => return Ok(()),
            (None, count) => format!("--ablations {count}"),
        };
        let problem = format!("{asked} looks at samples: name a file of them with --data");
        Err(WorkflowError::Option(problem))
    }

    fn forecaster(
        &self,
        graph: &Graph,
        bindings: DimensionBindings,
        calibration: &Calibration,
        (data, samples): &(Dataset, Vec<usize>),
    ) -> Result<Option<Forecaster>, WorkflowError> {
        if !data.labelled || data.targets.is_some() {
            return Ok(None);
        }
        let facts = graph.facts(bindings.dims, bindings.batch)?;
        let couplings = catalog::catalog(graph, &facts, &OriginalIndices::default())?.couplings;
        let prunings = of_all_kinds(&couplings);
        // The class is the same whichever the scores are.
        let task = EvaluationTask::new(TaskKind::Classification, ScoreKind::Logits);
        let subject = EvaluationSetup {
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
        let ground = ForecastBasis { graph, bindings, calibration, prunings: &prunings, seed: 0 };
        let (probes, reported) = (self.probes, samples.len());
        let probing = ForecastBudget { probes, reported, timed: false };
        Ok(forecaster(&ground, &subject, &probing)?)
    }

    /// The engine's times of each node, in this process.
    fn times(
        &self,
        graph: &Graph,
        bindings: DimensionBindings,
        calibration: &Calibration,
    ) -> Result<BTreeMap<usize, f64>, WorkflowError> {
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

impl CatalogModel {
    /// The components of a coupling, the least important first.
    fn components(
        &self,
        coupling: &Coupling,
        (gradients, weights): (Option<&ComponentGradients>, Option<&WeightGradients>),
    ) -> Result<Vec<RankedComponent>, CatalogError> {
        let readers = catalog::readers(coupling, &self.layers, &self.rows);
        let mut all: Vec<RankedComponent> = coupling
            .components
            .iter()
            .map(|c| RankedComponent {
                id: coupling.component_id(c),
                original_index: c.original_index,
                scores: BTreeMap::new(),
                saves: catalog::savings(&self.graph, &self.facts, &self.costs, c),
                expected: ExpectedChange {
                    gradient_change: weights.map(|weights| weights.expected(c)),
                    latency_saved_ns: (!self.times_ns.is_empty()).then(|| {
                        catalog::latency_saved(&self.facts, &self.costs, c, &self.times_ns)
                    }),
                    ..ExpectedChange::default()
                },
            })
            .collect();
        for (component, found) in all.iter_mut().zip(conditioning(&readers, coupling)) {
            component.expected.conditioning = found;
        }
        let judged = self.opaque_readers(coupling).is_empty() && !readers.is_empty();
        let own = gradients.and_then(|all| all.of(coupling)).and_then(Result::ok);
        for criterion in &self.criteria {
            let known = if criterion.needs_gradients() { own.is_some() } else { judged };
            if criterion.needs_data() && !known {
                continue;
            }
            let evidence = (readers.as_slice(), gradients);
            let scores = catalog::scores(&self.graph, coupling, *criterion, evidence, 0)?;
            for (component, score) in all.iter_mut().zip(&scores) {
                component.scores.insert(criterion.to_string(), *score);
            }
        }
        let shares = own.map(CouplingGradients::shares).unwrap_or_default();
        for (component, share) in all.iter_mut().zip(shares) {
            component.expected.gradient_share = share;
        }
        if self.criteria.contains(&Criterion::Obs) && judged {
            let kinds = of_all_kinds(std::slice::from_ref(coupling));
            let kind = kinds.first().map(removal).unwrap_or_default();
            let errors = catalog::output_errors(&self.graph, coupling, &readers)?;
            for (component, units) in all.iter_mut().zip(errors) {
                let share = component.scores.get(&Criterion::Obs.to_string()).copied();
                component.expected.output_error = Some(units);
                component.expected.output_error_share = share;
                let learnt = self.forecaster.as_ref().zip(share);
                component.expected.accuracy = learnt.and_then(|(f, share)| f.cost(&kind, share));
            }
        }
        self.rank(&mut all);
        Ok(all)
    }

    /// Puts the least important component first.
    fn rank(&self, all: &mut [RankedComponent]) {
        let scored = all.first().map(|first| &first.scores);
        if let Some(by) = scored.and_then(|own| self.ranking(own)) {
            let score = |own: &RankedComponent| own.scores.get(&by.to_string()).copied();
            let value = |own: &RankedComponent| score(own).unwrap_or(f64::INFINITY);
            all.sort_by(|a, b| value(a).total_cmp(&value(b)));
        }
    }

    fn ranking(&self, scores: &BTreeMap<String, f64>) -> Option<Criterion> {
        ranking(&self.criteria, self.named, scores)
    }

    /// Gradients at all components, where there are samples.
    fn gradients(
        &self,
        couplings: &[Coupling],
    ) -> Option<Result<ComponentGradients, CatalogError>> {
        let samples = self.samples.calibration.as_ref()?;
        let all: Vec<&Coupling> = couplings.iter().collect();
        let purpose = "judging by gradients";
        Some(catalog::component_gradients(&self.graph, &self.facts, &all, samples, purpose))
    }

    /// Gradients at the weights around all components.
    fn weight_gradients(&self, couplings: &[Coupling]) -> Result<WeightGradients, CatalogError> {
        let samples = self.samples.calibration.as_ref();
        let purpose = "judging by gradients";
        let samples = samples.ok_or_else(|| CatalogError::NoCalibration(purpose.into()))?;
        let all: Vec<&Coupling> = couplings.iter().collect();
        catalog::weight_gradients(&self.graph, &self.facts, &all, samples, purpose)
    }

    fn opaque_readers(&self, coupling: &Coupling) -> Vec<String> {
        catalog::opaque_readers(&self.graph, &self.facts, coupling, &self.layers)
    }

    fn bypasses(&self) -> Result<Vec<RankedBypass>, CatalogError> {
        let all = catalog::bypasses(&self.graph, &self.facts);
        let scores = match &self.samples.calibration {
            Some(samples) if !all.is_empty() => {
                let by = Criterion::Activation;
                let found = catalog::bypass_scores(&self.graph, &all, by, Some(samples), 0)?;
                found.into_iter().map(Some).collect()
            }
            _ => vec![None; all.len()],
        };
        let with = |(bypass, score): (BypassCandidate, Option<f64>)| {
            let savings = bypass.savings(&self.graph, &self.facts);
            RankedBypass { bypass, savings, score }
        };
        Ok(all.into_iter().zip(scores).map(with).collect())
    }
}
