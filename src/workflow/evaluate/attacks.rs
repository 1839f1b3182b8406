//! Attacks on evaluated models along their gradients, the first beside itself, the others beside it.

use super::answered_model::{AnsweredModel, columns};
use super::options::EvaluateOptions;
use crate::evaluate::{AttackGradient, AttackTest, AttackedModel, TestedModel};
use crate::workflow::WorkflowError;
use paring_core::schema::RobustnessScore;
use paring_onnx::graph::Graph;
use std::path::Path;

/// Seeds random starts and intervals.
const SEED: u64 = 0;

/// The first model, once it was attacked.
#[derive(Default)]
pub(super) struct AttackedModels {
    baseline: Option<AttackedModel>,
}

impl AttackedModels {
    /// Scores of a model under the attacks that are asked for, on the samples of the first window.
    pub(super) fn attack(
        &mut self,
        options: &EvaluateOptions,
        model: &Path,
        answered: &AnsweredModel,
    ) -> Result<Vec<RobustnessScore>, WorkflowError> {
        let Some(plan) = &options.attack else { return Ok(Vec::new()) };
        let AnsweredModel { bound, data, task, .. } = answered;
        let failed = |source| WorkflowError::Attack { model: model.to_path_buf(), source };
        let graph = Graph::load(model)?;
        let output = (bound.output, task.scores);
        let gradient = AttackGradient::load(&graph, &bound.dims, bound.batch, output);
        let gradient = match (gradient, &self.baseline) {
            (Err(source), None) => return Err(failed(source)),
            (gradient, _) => gradient.map_err(|source| failed(source).with_causes()),
        };
        let gradient = gradient.as_ref().map_err(String::clone);
        let clean = answered.head();
        let tested = TestedModel { predictor: &bound.predictor, clean: &clean };
        let slices = columns(&answered.columns, &options.slices);
        let groups = options.groups(answered);
        let test = AttackTest { task, data, plan, seed: SEED, groups, slices: &slices };
        let (scores, attacked) =
            test.run(&tested, gradient, self.baseline.as_ref()).map_err(failed)?;
        self.baseline.get_or_insert(attacked);
        Ok(scores)
    }
}
