//! Experiments on disturbed and attacked inputs.

use super::experiment_runner::{ExperimentRunner, recorded};
use crate::evaluate::{AttackError, AttackGradient, AttackPlan, RobustnessTest};
use crate::pipeline::panic_isolation::reason;
use crate::pipeline::{EvaluationSetup, PipelineError};
use paring_agent::engine::ModelSource;
use paring_core::error_chain::error_chain;
use paring_core::files::ConfinedPath;
use paring_core::schema::{Experiment, InputDisturbance, Sha256Hex};
use paring_onnx::graph::Graph;
use rayon::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

/// A disturbance with its strength, and the samples that it is repeated on.
type RepeatedTest = ((InputDisturbance, f64), usize);

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
    /// Answers of experiments whose files are kept, the inputs of the first samples disturbed in each way
    /// of [`RobustnessTest::replayed`]. A model that passes no gradient to its inputs is not attacked,
    /// with the reason.
    ///
    /// # Errors
    /// [`PipelineError`] where the engine cannot run one, or it cannot be kept.
    pub fn disturbed(
        &mut self,
        experiments: &[Experiment],
        stress: &RobustnessTest,
    ) -> Result<Vec<DisturbedExperiments>, PipelineError> {
        let tests = stress.replayed(self.subject.data.labelled);
        let key = |experiment: &Experiment, test: &(InputDisturbance, f64)| {
            disturbed_key(experiment, stress, test)
        };
        let new = |experiment: &&Experiment| {
            tests.iter().any(|(test, _)| !self.known.contains_key(&key(experiment, test)))
        };
        let jobs: Vec<&Experiment> = experiments.iter().filter(new).collect();
        let done: Vec<(Vec<Experiment>, Option<String>)> = jobs
            .into_par_iter()
            .map(|experiment| self.disturb(experiment, (stress, &tests)))
            .collect::<Result<_, _>>()?;
        let refused = done.iter().find_map(|(_, refused)| refused.clone());
        self.keep(done.into_iter().flat_map(|(done, _)| done).collect())?;
        let of_test = |(test, samples): &RepeatedTest| {
            let found = experiments.iter().filter_map(|experiment| {
                let own = self.known.get(&key(experiment, test))?;
                Some((experiment.key.clone(), own.clone()))
            });
            DisturbedExperiments {
                disturbance: test.0,
                strength: test.1,
                samples: *samples,
                experiments: found.collect(),
                refused: refused.clone().filter(|_| test.0.attack().is_some()),
            }
        };
        Ok(tests.iter().map(of_test).collect())
    }

    /// One experiment disturbed in every way that it can be, and the reason why it cannot be attacked.
    fn disturb(
        &self,
        experiment: &Experiment,
        (stress, tests): (&RobustnessTest, &[RepeatedTest]),
    ) -> Result<(Vec<Experiment>, Option<String>), PipelineError> {
        let EvaluationSetup { data, samples, task, .. } = self.subject;
        let name = format!("experiment {}", experiment.key.short());
        let path = self.file(&experiment.file_sha256);
        let predictor = self.predictor(&name, ModelSource::File(&path), &experiment.options)?;
        let attacked = tests.iter().any(|((how, _), _)| how.attack().is_some());
        let gradient = attacked.then(|| self.attack_gradient(&name, &path));
        let mut done = Vec::new();
        let mut refused = None;
        for ((how, strength), count) in tests {
            let looked = &samples[..samples.len().min(*count)];
            let attack = how.attack().zip(stress.attack.as_ref()).zip(gradient.as_ref());
            let found = match attack {
                Some((_, Err(error))) => {
                    refused.get_or_insert_with(|| reason(error).0);
                    continue;
                }
                Some(((attack, plan), Ok(gradient))) => {
                    let (model, test) = ((&predictor, gradient), (attack, *strength));
                    match plan.answers(model, data, looked, test, stress.seed) {
                        Err(error @ (AttackError::ZeroGradient | AttackError::Gradient(_))) => {
                            refused.get_or_insert_with(|| error_chain(&error));
                            continue;
                        }
                        found => found.map_err(|source| PipelineError::Attack {
                            variant: name.clone(),
                            source: Box::new(source),
                        })?,
                    }
                }
                None => stress
                    .answers(&predictor, data, looked, (*how, *strength))
                    .map_err(|source| PipelineError::Predict { variant: name.clone(), source })?,
            };
            done.push(Experiment {
                key: disturbed_key(experiment, stress, &(*how, *strength)),
                disturbed: Some(format!("{how} {strength}")),
                answers: recorded(&found, task),
                ..experiment.clone()
            });
        }
        Ok((done, refused))
    }

    /// The gradients of an experiment's model at its inputs.
    fn attack_gradient(
        &self,
        name: &str,
        path: &ConfinedPath,
    ) -> Result<AttackGradient, PipelineError> {
        let variant = || name.to_string();
        let graph = Graph::load(path)
            .map_err(|source| PipelineError::Graph { variant: variant(), source })?;
        let EvaluationSetup { batch, dims, output, task, .. } = self.subject;
        AttackGradient::load(&graph, dims, batch, (output, task.scores)).map_err(|source| {
            PipelineError::Attack { variant: variant(), source: Box::new(source) }
        })
    }
}

/// Key of an experiment on disturbed inputs.
fn disturbed_key(
    experiment: &Experiment,
    stress: &RobustnessTest,
    (how, strength): &(InputDisturbance, f64),
) -> Sha256Hex {
    let plan = how.attack().and(stress.attack.as_ref());
    match plan {
        // Strengths are looked at one by one; the others decide nothing.
        Some(AttackPlan { steps, restarts, samples, range, .. }) => Sha256Hex::of_json(&json!([
            experiment.key,
            how,
            strength,
            stress.seed,
            samples,
            steps,
            restarts,
            range
        ])),
        None => {
            Sha256Hex::of_json(&json!([experiment.key, how, strength, stress.seed, stress.samples]))
        }
    }
}
