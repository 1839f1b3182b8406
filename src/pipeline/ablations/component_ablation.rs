//! Single components removed, each alone, and what that does to loss and predictions.

use crate::evaluate::metrics::sample_log_loss;
use crate::evaluate::{ModelOutputs, Predictor};
use crate::pipeline::PipelineError;
use crate::pipeline::panic_isolation::attempt;
use crate::pipeline::predictions::EvaluationSetup;
use paring_agent::engine::ModelSource;
use paring_compress::catalog::{ComponentSlices, Coupling};
use paring_compress::masked_graph;
use paring_core::schema::{ConfidenceInterval, EngineOptions};
use paring_core::stats::{self, BootstrapOptions};
use paring_onnx::graph::{Graph, TensorFacts};
use rand::seq::SliceRandom;
use serde::Serialize;

/// Multiply-accumulates of all ablations together, beyond which they are measured on fewer samples.
const BUDGET_MACS: u64 = 200_000_000_000;
/// Fewer samples would tell too little.
const FEWEST_SAMPLES: usize = 100;
/// Bootstrap of a mean change of the loss.
const RESAMPLES: usize = 1_000;

/// A model, its components and the samples that removals are measured on.
#[derive(Clone, Copy, Debug)]
pub struct AblationSetup<'a> {
    /// The model.
    pub graph: &'a Graph,
    /// Shapes at the batch of the samples.
    pub facts: &'a TensorFacts,
    /// The couplings whose components are removed.
    pub couplings: &'a [Coupling],
    /// Samples and task: a classification.
    pub subject: &'a EvaluationSetup<'a>,
    /// Multiply-accumulates of one sample.
    pub macs: u64,
    /// At most so many components.
    pub count: usize,
    /// Seeds the choice of components and the intervals.
    pub seed: u64,
}

/// The measured removal of one component.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComponentAblation {
    /// The component's id.
    pub component: String,
    /// Its coupling's.
    pub coupling: String,
    /// Samples that it was measured on.
    pub samples: usize,
    /// Mean change of the cross entropy, with its 95 % interval over samples.
    pub loss_change: ConfidenceInterval,
    /// The same over every second sample and over the others.
    pub half_changes: [f64; 2],
    /// Samples whose predicted class changed.
    pub flips: usize,
    /// Of these the ones that were right before; `None` without labels.
    pub regressions: Option<usize>,
    /// Of these the ones that are right now; `None` without labels.
    pub fixes: Option<usize>,
}

/// Removes components, each alone, without recovery: everything that sums over a component reads zeros
/// in its place, as in the model that every cut is held against. As many of each coupling, in an order
/// that is drawn.
///
/// `done` is told how many have been. Without labels the loss is the cross entropy of the classes that the whole model predicts.
///
/// # Errors
/// [`PipelineError`] where the model, or one without a component, cannot be asked.
pub fn ablate(
    setup: &AblationSetup,
    done: &mut dyn FnMut(usize),
) -> Result<Vec<ComponentAblation>, PipelineError> {
    let chosen = setup.chosen();
    let spent = setup.macs.max(1).saturating_mul(chosen.len().max(1) as u64);
    let most = usize::try_from(BUDGET_MACS / spent).unwrap_or(usize::MAX).max(FEWEST_SAMPLES);
    let all = setup.subject.samples;
    let every = all.len().div_ceil(most).max(1);
    let samples: Vec<usize> = all.iter().copied().step_by(every).collect();
    let whole = setup.answers(setup.graph, "the model", &samples)?;
    let losses = losses(&whole, &whole);
    let mut found = Vec::new();
    for (place, (coupling, component)) in chosen.into_iter().enumerate() {
        let id = coupling.component_id(component);
        let masked = masked_graph(setup.graph, setup.facts, &component.activations);
        let without = setup.answers(&masked, &format!("the model without {id}"), &samples)?;
        let changes: Vec<f64> = self::losses(&without, &whole)
            .iter()
            .zip(&losses)
            .map(|(now, own)| now - own)
            .collect();
        let ids = [id, coupling.id.clone()];
        found.extend(measured(ids, &changes, (&whole, &without), setup.seed));
        done(place + 1);
    }
    Ok(found)
}

impl<'a> AblationSetup<'a> {
    /// Components in turn from each coupling, the order within one drawn.
    fn chosen(&self) -> Vec<(&'a Coupling, &'a ComponentSlices)> {
        let mut draw = stats::generator(self.seed, "ablations");
        let mut orders: Vec<(&Coupling, Vec<&ComponentSlices>)> = Vec::new();
        for coupling in self.couplings {
            let mut order: Vec<&ComponentSlices> = coupling.components.iter().collect();
            order.shuffle(&mut draw);
            orders.push((coupling, order));
        }
        let longest = orders.iter().map(|(_, order)| order.len()).max().unwrap_or(0);
        let in_turn = (0..longest).flat_map(|turn| {
            let own = orders.iter().filter_map(move |(coupling, order)| {
                order.get(turn).map(|component| (*coupling, *component))
            });
            own.collect::<Vec<_>>()
        });
        in_turn.take(self.count).collect()
    }

    fn answers(
        &self,
        graph: &Graph,
        what: &str,
        samples: &[usize],
    ) -> Result<ModelOutputs, PipelineError> {
        let EvaluationSetup { data, batch, dims, output, task, .. } = *self.subject;
        attempt(what, || {
            let (bytes, options) = (graph.encode(), EngineOptions::default());
            let source = ModelSource::Bytes(graph.name(), &bytes);
            let predictor = Predictor::load(source, batch, dims, &options, output, task.scores)
                .map_err(|source| PipelineError::Engine { variant: what.into(), source })?;
            predictor
                .with_task(task.clone())
                .answers(data, samples, &|_| ())
                .map_err(|source| PipelineError::Predict { variant: what.into(), source })
        })
    }
}

/// The cross entropy of each sample: of its label, or of the class that the whole model predicts.
fn losses(answers: &ModelOutputs, whole: &ModelOutputs) -> Vec<f64> {
    let loss = |position: usize| {
        let class = match answers.labelled() {
            true => Some(answers.labels[position]),
            false => whole.class.get(position).copied().flatten(),
        };
        class.and_then(|class| sample_log_loss(answers.row(position), class)).unwrap_or(f64::NAN)
    };
    (0..answers.len()).map(loss).collect()
}

/// `None` where no sample has a loss in both models.
fn measured(
    [component, coupling]: [String; 2],
    changes: &[f64],
    (whole, without): (&ModelOutputs, &ModelOutputs),
    seed: u64,
) -> Option<ComponentAblation> {
    let finite: Vec<f64> = changes.iter().copied().filter(|change| change.is_finite()).collect();
    let options = BootstrapOptions { resamples: RESAMPLES, level: 0.95, seed };
    let loss_change = stats::bootstrap_mean_by_group(&finite, None, options)?;
    let half = |odd: usize| {
        let own = finite.iter().skip(odd).step_by(2);
        own.clone().sum::<f64>() / own.count().max(1) as f64
    };
    let changed: Vec<usize> =
        (0..whole.len()).filter(|at| whole.class[*at] != without.class[*at]).collect();
    let right = |answers: &ModelOutputs| {
        let own = |at: &&usize| answers.class[**at] == Some(answers.labels[**at]);
        answers.labelled().then(|| changed.iter().filter(own).count())
    };
    Some(ComponentAblation {
        component,
        coupling,
        samples: finite.len(),
        loss_change,
        half_changes: [half(0), half(1)],
        flips: changed.len(),
        regressions: right(whole),
        fixes: right(without),
    })
}
