//! Experiments under attack along gradients, each beside the first one, with what is not sound.

use super::disturbed_experiments::disturbed_key;
use super::experiment_runner::{ExperimentRunner, recorded};
use crate::evaluate::{
    AttackError, AttackGradient, AttackPlan, AttackTest, AttackedModel, RepeatedTest,
    RobustnessTest, TestedModel,
};
use crate::pipeline::{EvaluationSetup, PipelineError};
use paring_agent::engine::ModelSource;
use paring_core::error_chain::error_chain;
use paring_core::files::ConfinedPath;
use paring_core::schema::{Experiment, InputDisturbance, RobustnessScore};
use paring_onnx::graph::Graph;
use rayon::prelude::*;

/// A model that was attacked with the scores that say what is not sound, or the reason why it was not.
type AttackOutcome = Result<(Vec<RobustnessScore>, AttackedModel), String>;

impl ExperimentRunner<'_> {
    /// Attacks of a plan on experiments that were not put to all of them yet; the first of them is the
    /// baseline, whose inputs the others are asked too. A model that passes no gradient to its inputs is
    /// not attacked, with the reason.
    ///
    /// # Errors
    /// [`PipelineError`] where the engine cannot run one.
    pub(super) fn attacked(
        &self,
        experiments: &[Experiment],
        stress: &RobustnessTest,
        tests: &[RepeatedTest],
    ) -> Result<Vec<Experiment>, PipelineError> {
        let attacks: Vec<&RepeatedTest> =
            tests.iter().filter(|((how, _), _)| how.attack().is_some()).collect();
        let is_new = |own: &&Experiment| !self.not_disturbed(own, stress, &attacks).is_empty();
        let new: Vec<&Experiment> = experiments.iter().filter(is_new).collect();
        let (Some(plan), Some(first)) = (&stress.attack, experiments.first()) else {
            return Ok(Vec::new());
        };
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let baseline = self.attack(first, plan, stress.seed, None)?;
        let records = |own: &Experiment, found: &AttackOutcome| {
            let one = |test: &&RepeatedTest| self.attack_record(own, stress, &test.0, found);
            attacks.iter().map(one).collect::<Vec<Experiment>>()
        };
        let own = |experiment: &&Experiment| -> Result<Vec<Experiment>, PipelineError> {
            if experiment.key == first.key {
                return Ok(records(experiment, &baseline));
            }
            let against = baseline.as_ref().ok().map(|(_, attacked)| attacked);
            let found = self.attack(experiment, plan, stress.seed, against)?;
            Ok(records(experiment, &found))
        };
        let done: Vec<Vec<Experiment>> = new.par_iter().map(own).collect::<Result<_, _>>()?;
        Ok(done.concat())
    }

    fn attack(
        &self,
        experiment: &Experiment,
        plan: &AttackPlan,
        seed: u64,
        baseline: Option<&AttackedModel>,
    ) -> Result<AttackOutcome, PipelineError> {
        let EvaluationSetup { data, samples, task, .. } = self.subject;
        let variant = format!("experiment {}", experiment.key.short());
        let path = self.file(&experiment.file_sha256);
        let gradient = match self.attack_gradient(&path) {
            Ok(gradient) => gradient,
            Err(error) => return Ok(Err(error_chain(&error))),
        };
        let predictor = self.predictor(&variant, ModelSource::File(&path), &experiment.options)?;
        let clean = predictor.answers(data, plan.looked_at(samples), &|_| ());
        let clean =
            clean.map_err(|source| PipelineError::Predict { variant: variant.clone(), source })?;
        let model = TestedModel { predictor: &predictor, clean: &clean };
        let test = AttackTest { task, data, plan, seed, groups: None, slices: &[] };
        match test.run(&model, Ok(&gradient), baseline) {
            Err(error @ (AttackError::ZeroGradient | AttackError::Gradient(_))) => {
                Ok(Err(error_chain(&error)))
            }
            Err(source) => Err(PipelineError::Attack { variant, source: Box::new(source) }),
            Ok(found) => Ok(Ok(found)),
        }
    }

    /// The record of an experiment under one attack.
    fn attack_record(
        &self,
        experiment: &Experiment,
        stress: &RobustnessTest,
        test: &(InputDisturbance, f64),
        found: &AttackOutcome,
    ) -> Experiment {
        let (how, strength) = *test;
        let answers = found.as_ref().map_err(String::clone).and_then(|(_, attacked)| {
            let own = how.attack().zip(stress.attack.as_ref());
            own.and_then(|(attack, plan)| attacked.answers(plan, attack, strength))
                .ok_or_else(|| attacked.without_own().unwrap_or("it was not attacked").to_string())
        });
        let scores = found.iter().flat_map(|(scores, _)| scores);
        let own = scores.filter(|own| own.disturbance == how && own.strength == strength);
        let unsound = own.filter_map(|own| own.attack.as_ref()).flat_map(|own| own.unsound.clone());
        Experiment {
            key: disturbed_key(experiment, stress, test),
            disturbed: Some(format!("{how} {strength}")),
            refused: answers.as_ref().err().cloned(),
            unsound: unsound.collect(),
            answers: answers
                .map_or_else(|_| Default::default(), |found| recorded(found, self.subject.task)),
            ..experiment.clone()
        }
    }

    /// The gradients of an experiment's model at its inputs.
    fn attack_gradient(&self, path: &ConfinedPath) -> Result<AttackGradient, AttackError> {
        let EvaluationSetup { batch, dims, output, task, .. } = self.subject;
        AttackGradient::load(&Graph::load(path)?, dims, batch, (output, task.scores))
    }
}
