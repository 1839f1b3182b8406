//! Recipes tried once: made in memory, asked about samples, and forgotten.

use super::experiment_runner::ExperimentRunner;
use crate::evaluate::ModelOutputs;
use crate::pipeline::{EvaluationSetup, PipelineError, RecipeInputs, attempt};
use paring_agent::engine::ModelSource;
use paring_compress::Step;
use paring_core::schema::{EngineOptions, Sha256Hex};

/// A variant that was made in memory, and its outputs in full.
#[derive(Clone, Debug)]
pub struct TriedRecipe {
    /// Hash of its ONNX file.
    pub file_sha256: Sha256Hex,
    /// Size of its ONNX file.
    pub file_bytes: u64,
    /// Number of weights and biases.
    pub params: u64,
    /// Multiply-accumulates of one sample; `None` where a shape is unknown.
    pub macs: Option<u64>,
    /// Its outputs on the samples that experiments are asked.
    pub outputs: ModelOutputs,
}

impl ExperimentRunner<'_> {
    /// Does a recipe from the baseline on, with what earlier ones began with, and asks what came of it.
    /// Nothing is written.
    ///
    /// # Errors
    /// [`PipelineError`] where a step fails, or the engine cannot run what came of it.
    pub fn try_recipe(
        &mut self,
        steps: &[Step],
        options: &EngineOptions,
    ) -> Result<TriedRecipe, PipelineError> {
        let mut played = self.replays.play(&self.inputs, &[steps])?;
        let name = "a variant with less undone";
        attempt(name, || {
            let failed = |source| PipelineError::Graph { variant: name.to_string(), source };
            let Some(mut graph) = played.pop().map(|made| made.graph.clone()) else {
                return Err(PipelineError::NoVariant { name: name.into(), known: String::new() });
            };
            graph.rejoin_vectors();
            let bytes = graph.encode();
            let RecipeInputs { dims, batch, .. } = &self.inputs;
            let facts = graph.facts(dims, *batch).map_err(failed)?;
            let cost = graph.cost(&facts.shapes);
            let predictor = self.predictor(name, ModelSource::Bytes(name, &bytes), options)?;
            let EvaluationSetup { data, samples, .. } = self.subject;
            let unasked = |source| PipelineError::Predict { variant: name.to_string(), source };
            Ok(TriedRecipe {
                file_sha256: Sha256Hex::of(&bytes),
                file_bytes: bytes.len() as u64,
                params: cost.params,
                macs: cost.macs.map(|macs| macs / *batch as u64),
                outputs: predictor.answers(data, samples, &|_| ()).map_err(unasked)?,
            })
        })
    }
}
