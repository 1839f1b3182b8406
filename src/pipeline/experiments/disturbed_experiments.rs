//! Experiments on disturbed inputs; those under attack stand in `attacked_experiments.rs`.

use super::experiment_runner::{ExperimentRunner, recorded};
use crate::evaluate::{RepeatedTest, RobustnessTest};
use crate::pipeline::{EvaluationSetup, PipelineError};
use paring_agent::engine::ModelSource;
use paring_core::schema::{Experiment, InputDisturbance, Sha256Hex};
use rayon::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

/// Experiments whose samples were disturbed in one way.
#[derive(Clone, Debug)]
pub struct DisturbedExperiments {
    /// Disturbance of the inputs.
    pub disturbance: InputDisturbance,
    /// Its strength.
    pub strength: f64,
    /// Samples that were disturbed.
    pub samples: usize,
    /// By the key of the experiment that was disturbed.
    pub experiments: BTreeMap<Sha256Hex, Experiment>,
    /// The reason why some are missing.
    pub refused: Option<String>,
}

impl ExperimentRunner<'_> {
    /// Answers of experiments whose files are kept, the baseline's first, the inputs of the first samples
    /// disturbed in each way of [`RobustnessTest::replayed`]. A model that passes no gradient to its inputs
    /// is not attacked, with the reason.
    ///
    /// # Errors
    /// [`PipelineError`] where the engine cannot run one, or it cannot be kept.
    pub fn disturbed(
        &mut self,
        experiments: &[Experiment],
        stress: &RobustnessTest,
    ) -> Result<Vec<DisturbedExperiments>, PipelineError> {
        let tests = self.repeated(stress)?;
        let disturbances: Vec<&RepeatedTest> =
            tests.iter().filter(|((how, _), _)| how.attack().is_none()).collect();
        let done: Vec<Vec<Experiment>> = experiments
            .par_iter()
            .map(|experiment| {
                let new = self.not_disturbed(experiment, stress, &disturbances);
                self.disturb(experiment, stress, &new)
            })
            .collect::<Result<_, _>>()?;
        self.keep(done.concat())?;
        self.keep(self.attacked(experiments, stress, &tests)?)?;
        let of_test = |(test, samples): &RepeatedTest| {
            let key = |experiment: &Experiment| disturbed_key(experiment, stress, test);
            let found = experiments.iter().filter_map(|experiment| {
                Some((experiment.key.clone(), self.known.get(&key(experiment))?.clone()))
            });
            let (refused, found): (BTreeMap<_, _>, BTreeMap<_, _>) =
                found.partition(|(_, own)| own.refused.is_some());
            DisturbedExperiments {
                disturbance: test.0,
                strength: test.1,
                samples: *samples,
                experiments: found,
                refused: refused.into_values().find_map(|own| own.refused),
            }
        };
        Ok(tests.iter().map(of_test).collect())
    }

    /// Inferences that [`ExperimentRunner::disturbed`] would make of experiments, about: those that it
    /// finds done cost none.
    ///
    /// # Errors
    /// [`PipelineError::Predict`] where the first sample cannot be read.
    pub fn pending_inferences(
        &self,
        experiments: &[Experiment],
        stress: &RobustnessTest,
    ) -> Result<usize, PipelineError> {
        let tests = self.repeated(stress)?;
        let all: Vec<&RepeatedTest> = tests.iter().collect();
        let own = |experiment: &Experiment| -> usize {
            let new = self.not_disturbed(experiment, stress, &all);
            new.into_iter().map(|test| stress.inferences(test)).sum()
        };
        Ok(experiments.iter().map(own).sum())
    }

    fn repeated(&self, stress: &RobustnessTest) -> Result<Vec<RepeatedTest>, PipelineError> {
        let EvaluationSetup { data, samples, .. } = self.subject;
        let found = stress.replayed(data, samples);
        let variant = || crate::pipeline::BASELINE.to_string();
        found.map_err(|source| PipelineError::Predict { variant: variant(), source: source.into() })
    }

    /// Tests that an experiment was not put to yet.
    pub(super) fn not_disturbed<'t>(
        &self,
        experiment: &Experiment,
        stress: &RobustnessTest,
        tests: &[&'t RepeatedTest],
    ) -> Vec<&'t RepeatedTest> {
        let new = |(test, _): &&RepeatedTest| {
            !self.known.contains_key(&disturbed_key(experiment, stress, test))
        };
        tests.iter().copied().filter(new).collect()
    }

    /// One experiment on inputs that are disturbed in every way that is no attack.
    fn disturb(
        &self,
        experiment: &Experiment,
        stress: &RobustnessTest,
        tests: &[&RepeatedTest],
    ) -> Result<Vec<Experiment>, PipelineError> {
        if tests.is_empty() {
            return Ok(vec![]);
        }
        let EvaluationSetup { data, samples, task, .. } = self.subject;
        let name = format!("experiment {}", experiment.key.short());
        let path = self.file(&experiment.file_sha256);
        let predictor = self.predictor(&name, ModelSource::File(&path), &experiment.options)?;
        let one = |((how, strength), count): &&RepeatedTest| -> Result<Experiment, PipelineError> {
            let looked = &samples[..samples.len().min(*count)];
            let found = stress.answers(&predictor, data, looked, (*how, *strength));
            let found =
                found.map_err(|source| PipelineError::Predict { variant: name.clone(), source })?;
            Ok(Experiment {
                key: disturbed_key(experiment, stress, &(*how, *strength)),
                disturbed: Some(format!("{how} {strength}")),
                answers: recorded(&found, task),
                ..experiment.clone()
            })
        };
        tests.iter().map(one).collect()
    }
}

/// Key of an experiment on disturbed inputs.
pub(super) fn disturbed_key(
    experiment: &Experiment,
    stress: &RobustnessTest,
    (how, strength): &(InputDisturbance, f64),
) -> Sha256Hex {
    match how.attack().and(stress.attack.as_ref()) {
        // Other strengths and norms take part in the checks.
        Some(plan) => {
            Sha256Hex::of_json(&json!([experiment.key, how, strength, stress.seed, plan]))
        }
        None => {
            Sha256Hex::of_json(&json!([experiment.key, how, strength, stress.seed, stress.samples]))
        }
    }
}
