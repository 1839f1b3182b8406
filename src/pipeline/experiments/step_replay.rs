//! Recipes played from the baseline on, in memory; what several begin with is played once.

use crate::pipeline::variants::apply_step;
use crate::pipeline::{PipelineError, RecipeInputs, RecordedStep};
use paring_compress::{self, CompressError, DecisionDraft, DecisionPlace, Step, StepResult};
use paring_core::schema::{CostTable, Decision, DecisionInputs, OriginalIndices, Sha256Hex};
use paring_onnx::graph::Graph;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Graphs that are held for later recipes may hold so many bytes of weights in all.
const MOST_HELD: usize = 256 << 20;

/// A recipe on its way.
#[derive(Clone, Debug)]
pub(in crate::pipeline) struct ReplayedGraph {
    pub(in crate::pipeline) graph: Graph,
    origins: OriginalIndices,
    /// Time of its steps.
    pub(in crate::pipeline) took: Duration,
}

/// Beginnings of recipes on one draw of calibration samples, by the steps that led to them.
#[derive(Debug)]
pub(in crate::pipeline) struct ReplayCache {
    start: Arc<ReplayedGraph>,
    held: BTreeMap<Vec<String>, Arc<ReplayedGraph>>,
    size: usize,
}

impl ReplayCache {
    /// Nothing played yet.
    pub(in crate::pipeline) fn new(baseline: Graph) -> ReplayCache {
        let size = baseline.encode().len().max(1);
        let (origins, took) = (OriginalIndices::default(), Duration::ZERO);
        let start = Arc::new(ReplayedGraph { graph: baseline, origins, took });
        ReplayCache { start, held: BTreeMap::new(), size }
    }

    /// Plays recipes, in the order given.
    ///
    /// # Errors
    /// [`PipelineError::Step`] names the step that failed.
    pub(in crate::pipeline) fn play(
        &mut self,
        inputs: &RecipeInputs,
        recipes: &[&[Step]],
    ) -> Result<Vec<Arc<ReplayedGraph>>, PipelineError> {
        let words: Vec<Vec<String>> =
            recipes.iter().map(|steps| steps.iter().map(name).collect()).collect();
        let most = recipes.iter().map(|steps| steps.len()).max().unwrap_or(0);
        let mut fresh: BTreeMap<Vec<String>, Arc<ReplayedGraph>> = BTreeMap::new();
        for length in 1..=most {
            let mut todo: BTreeMap<&[String], &Step> = BTreeMap::new();
            for (steps, words) in recipes.iter().zip(&words).filter(|(s, _)| s.len() >= length) {
                let key = &words[..length];
                if !self.held.contains_key(key) {
                    todo.insert(key, &steps[length - 1]);
                }
            }
            let played: Vec<(Vec<String>, Arc<ReplayedGraph>)> = todo
                .into_par_iter()
                .map(|(key, step)| {
                    let before = &key[..length - 1];
                    let from = self.held.get(before).or_else(|| fresh.get(before));
                    let from = from.unwrap_or(&self.start);
                    Ok((key.to_vec(), Arc::new(from.then(inputs, step)?)))
                })
                .collect::<Result<_, PipelineError>>()?;
            fresh.extend(played);
        }
        let find = |words: &Vec<String>| {
            let found = self.held.get(words).or_else(|| fresh.get(words));
            found.unwrap_or(&self.start).clone()
        };
        let all = words.iter().map(find).collect();
        self.hold(fresh, &words);
        Ok(all)
    }

    /// Keeps what others may begin with: what is not a whole recipe.
    fn hold(&mut self, fresh: BTreeMap<Vec<String>, Arc<ReplayedGraph>>, whole: &[Vec<String>]) {
        let whole: BTreeSet<&Vec<String>> = whole.iter().collect();
        let most = whole.iter().map(|words| words.len()).max().unwrap_or(0);
        for (words, begun) in fresh {
            let beginning = words.len() < most || !whole.contains(&words);
            if beginning && (self.held.len() + 1) * self.size <= MOST_HELD {
                self.held.insert(words, begun);
            }
        }
    }
}

/// The identity of a step as JSON: its words only count what its settings name one by one.
fn name(step: &Step) -> String {
    step.identity().to_string()
}

impl ReplayedGraph {
    fn then(&self, inputs: &RecipeInputs, step: &Step) -> Result<ReplayedGraph, PipelineError> {
        let begun = Instant::now();
        let (graph, origins) = (self.graph.clone(), self.origins.clone());
        // Steps of experiments name what goes: no cost decides anew.
        let made = again(inputs, None, step, graph, origins);
        let made = made.map_err(|source| failed(step, source))?;
        let took = self.took + begun.elapsed();
        Ok(ReplayedGraph { graph: made.graph, origins: made.origins, took })
    }
}

/// Does a step without measuring anything anew: what tuning found to lose nothing is done, and engine
/// options change no graph.
fn again(
    inputs: &RecipeInputs,
    costs: Option<&CostTable>,
    step: &Step,
    graph: Graph,
    origins: OriginalIndices,
) -> Result<StepResult, CompressError> {
    match (step, &inputs.calibration) {
        (Step::Tune { .. }, Some(calibration)) => {
            let (graph, decisions) = paring_compress::lossless(&graph, calibration)?;
            Ok(StepResult::new(graph, origins, decisions))
        }
        (Step::Quantize(how), calibration) if !step.is_option() => {
            paring_compress::quantize_unchecked(graph, origins, how, calibration.as_ref(), None)
        }
        _ if step.is_option() => Ok(StepResult::new(graph, origins, vec![])),
        _ => apply_step(inputs, costs, step, (graph, origins), &|_| {}),
    }
}

/// Decisions of a recipe's steps on the samples of `inputs`, for which `owner` answers; `costs` as for
/// the recipe itself. Nothing is kept or entered, so they have no ids.
///
/// # Errors
/// [`PipelineError::Step`] names the step that failed.
pub fn rehearse(
    owner: &str,
    inputs: &RecipeInputs,
    costs: Option<&CostTable>,
    steps: &[Step],
) -> Result<Vec<RecordedStep>, PipelineError> {
    let unread =
        |source| PipelineError::Graph { variant: crate::pipeline::BASELINE.into(), source };
    let mut graph = Graph::load(&inputs.model).map_err(unread)?;
    let (mut origins, mut all) = (OriginalIndices::default(), Vec::new());
    for step in steps {
        let made = again(inputs, costs, step, graph, origins);
        let made = made.map_err(|source| failed(step, source))?;
        (graph, origins) = (made.graph, made.origins);
        let decided = made.decisions.into_iter().map(|draft| {
            let nowhere = Sha256Hex::zeros();
            (nowhere.clone(), decided(owner, step.to_string(), draft, &nowhere))
        });
        all.push(RecordedStep { step: step.clone(), decisions: decided.collect() });
    }
    Ok(all)
}

/// A decision as a rehearsal has it: what it did, to what, and why.
fn decided(owner: &str, step: String, draft: DecisionDraft, id: &Sha256Hex) -> Decision {
    draft.into_decision(DecisionPlace {
        parent_id: id.clone(),
        variant_id: id.clone(),
        step,
        inputs: DecisionInputs::default(),
        parings: vec![],
        owner: owner.to_string(),
    })
}

fn failed(step: &Step, source: CompressError) -> PipelineError {
    let (variant, step) = ("an experiment".to_string(), step.to_string());
    PipelineError::Step { variant, step, source: Box::new(source) }
}
