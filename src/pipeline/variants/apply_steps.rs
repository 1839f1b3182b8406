//! Steps of a recipe done to a graph, one after the other, before anything is entered or written.

use crate::pipeline::{Forecaster, PipelineError, Recipe, RecipeContext, RecipeInputs};
use paring_compress::distillation::{DistillationInputs, TrainingListener};
use paring_compress::{
    self, CompressError, DecisionDraft, Paring, QuantizationFormat, Step, StepResult,
};
use paring_core::schema::{CostTable, EngineOptions, OriginalIndices, VariantRecord};
use paring_onnx::graph::Graph;

/// A step that was done to a graph, before it is entered anywhere.
pub(super) struct AppliedStep {
    pub(super) words: String,
    /// The kind of removal that it is, of a prune step.
    removal: Option<String>,
    pub(super) decisions: Vec<DecisionDraft>,
    pub(super) refusals: Vec<(String, String)>,
    pub(super) unexplained: Option<String>,
    pub(super) rest: Paring,
}

impl AppliedStep {
    /// Adds what is expected of its removals in the task's terms.
    pub(super) fn foresee(&mut self, learnt: &Forecaster, options: &EngineOptions) {
        let Some(removal) = &self.removal else { return };
        for draft in &mut self.decisions {
            let forecasts = learnt.forecasts(removal, draft, *options == EngineOptions::default());
            draft.expected.extend(forecasts);
        }
    }
}

/// Graph, indices and options after all steps of a recipe.
pub(super) struct AppliedRecipe {
    pub(super) graph: Graph,
    pub(super) origins: OriginalIndices,
    pub(super) options: EngineOptions,
    pub(super) steps: Vec<AppliedStep>,
}

/// Does the steps of a recipe, one after the other; `heard` is told how far a training is.
pub(super) fn apply_steps(
    context: &RecipeContext,
    recipe: &Recipe,
    parent: &VariantRecord,
    (mut graph, mut options): (Graph, EngineOptions),
    heard: &TrainingListener,
) -> Result<AppliedRecipe, PipelineError> {
    let (mut origins, mut steps) = (parent.origins.clone(), Vec::new());
    for step in &recipe.steps {
        let words = step.to_string();
        let failed = |source: CompressError| PipelineError::Step {
            variant: recipe.name.clone(),
            step: words.clone(),
            source: Box::new(source),
        };
        let before = graph.clone();
        let made = match step {
            Step::Tune { on } => {
                let fixed = recipe.options.is_some();
                let named = (recipe.name.as_str(), on.as_str());
                let tuned = context.tune(named, graph, origins, (&options, fixed))?;
                options = tuned.options;
                tuned.made
            }
            Step::Quantize(how) if how.format == QuantizationFormat::F16 => {
                let (transform, draft) =
                    paring_compress::quantize_float16(&graph, how).map_err(failed)?;
                options.transforms.push(transform);
                StepResult::new(graph, origins, vec![draft])
            }
            Step::Quantize(how) if how.measured => {
                let (named, fixed) =
                    ((recipe.name.as_str(), words.as_str()), recipe.options.is_some());
                let tuned = context.by_measure(named, graph, origins, (&options, fixed), how)?;
                options = tuned.options;
                tuned.made
            }
            _ => {
                let costs = context.estimates.costs.as_ref();
                let begun = (graph, origins);
                apply_step(&context.inputs, costs, step, begun, heard).map_err(failed)?
            }
        };
        let rest = paring_compress::undo_tensors(&before, &made.graph, &made.decisions)
            .map_err(|source| PipelineError::Undo { variant: recipe.name.clone(), source })?;
        let StepResult { decisions, refusals, unexplained, .. } = made;
        let removal = match step {
            Step::Prune(pruning) => Some(crate::pipeline::removal(pruning)),
            _ => None,
        };
        steps.push(AppliedStep { words, removal, decisions, refusals, unexplained, rest });
        (graph, origins) = (made.graph, made.origins);
    }
    graph.rejoin_vectors();
    Ok(AppliedRecipe { graph, origins, options, steps })
}

/// Does a step that measures nothing; `costs` are of the baseline's nodes, where the step goes by them.
pub(in crate::pipeline) fn apply_step(
    inputs: &RecipeInputs,
    costs: Option<&CostTable>,
    step: &Step,
    (graph, origins): (Graph, OriginalIndices),
    heard: &TrainingListener,
) -> Result<StepResult, CompressError> {
    let (bindings, seed) = (inputs.bindings(), inputs.seed);
    let calibration = inputs.calibration.as_ref();
    match step {
        Step::Prune(pruning) => paring_compress::prune_channels(
            graph,
            bindings,
            origins,
            pruning,
            calibration,
            costs,
            seed,
        ),
        Step::Sparsify(how) => {
            paring_compress::prune_weights(graph, bindings, origins, how, calibration, seed)
        }
        Step::Bypass(how) => {
            paring_compress::prune_layers(graph, bindings, origins, how, calibration, seed)
        }
        Step::Import { path, .. } => {
            let foreign = Graph::load(path)?;
            paring_compress::explain_import(&graph, foreign, bindings, calibration)
        }
        Step::Quantize(how) => paring_compress::quantize(graph, origins, how, calibration),
        Step::Distill(how) => {
            let teacher = Graph::load(&inputs.model)?;
            let select = inputs.select.as_ref();
            let inputs = DistillationInputs { teacher: &teacher, calibration, select, seed };
            paring_compress::distillation::distill(graph, origins, how, &inputs, heard)
        }
        // Measured, and so the pipeline's own.
        Step::Tune { .. } => Ok(StepResult::new(graph, origins, vec![])),
    }
}
