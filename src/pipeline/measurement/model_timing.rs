//! Several models timed against each other in this process on the first calibration samples.

use super::timing_rounds::{FEWEST, ROUNDS, RUNS, TimingRounds, rounds};
use crate::pipeline::PipelineError;
use crate::pipeline::variants::RecipeInputs;
use paring_agent::engine::{
    AnalysedModel, EngineError, InferencePlan, ModelSource, PlanInputs, PlanProfile,
};
use paring_core::schema::EngineOptions;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A model to time.
#[derive(Clone, Debug)]
pub struct TimedModel {
    /// Its file.
    pub path: PathBuf,
    /// Engine options.
    pub options: EngineOptions,
}

impl RecipeInputs {
    /// Times models on the first calibration samples, for at most `budget`; `None` without samples.
    ///
    /// # Errors
    /// [`PipelineError`] names the model that cannot be run.
    pub fn time(
        &self,
        models: &[TimedModel],
        budget: Duration,
    ) -> Result<Option<TimingRounds>, PipelineError> {
        let Some(calibration) = &self.calibration else { return Ok(None) };
        let samples = calibration.first();
        let plans: Vec<(InferencePlan, PlanInputs)> = models
            .iter()
            .map(|timed| {
                let plan = self.plan(timed)?;
                let inputs = plan.inputs(&samples).map_err(|e| failed(timed, e))?;
                Ok((plan, inputs))
            })
            .collect::<Result<_, PipelineError>>()?;
        let plans: Vec<(&InferencePlan, &PlanInputs)> = plans.iter().map(|(p, i)| (p, i)).collect();
        let rounds = rounds(&plans, budget, self.seed);
        rounds.map(Some).map_err(|(model, source)| failed(&models[model], source))
    }

    /// Profiles two models in turns: the baseline's and the variant's nodes under the same
    /// disturbances. `None` without samples.
    ///
    /// # Errors
    /// [`PipelineError`] names the model that cannot be run.
    pub fn profiles(
        &self,
        models: &[TimedModel; 2],
        budget: Duration,
    ) -> Result<Option<[PlanProfile; 2]>, PipelineError> {
        let Some(calibration) = &self.calibration else { return Ok(None) };
        let samples = calibration.first();
        let begun = Instant::now();
        let mut both = Vec::new();
        for timed in models {
            let plan = self.plan(timed)?;
            let inputs = plan.inputs(&samples).map_err(|e| failed(timed, e))?;
            let first = plan.profile(&inputs, 3).map_err(|e| failed(timed, e))?;
            both.push((plan, inputs, first));
        }
        let mut turns = 0;
        while turns < ROUNDS / 4 && (turns < FEWEST || begun.elapsed() < budget) {
            for ((plan, inputs, all), timed) in both.iter_mut().zip(models) {
                let more = plan.profile(inputs, RUNS).map_err(|e| failed(timed, e))?;
                for (node, own) in all.nodes.iter_mut().zip(more.nodes) {
                    node.times_ns.extend(own.times_ns);
                }
                all.plain_ns.extend(more.plain_ns);
                all.profiled_ns.extend(more.profiled_ns);
            }
            turns += 1;
        }
        let mut profiles = both.into_iter().map(|(_, _, profile)| profile);
        Ok(profiles.next().zip(profiles.next()).map(|(a, b)| [a, b]))
    }

    fn plan(&self, timed: &TimedModel) -> Result<InferencePlan, PipelineError> {
        let model = AnalysedModel::load(ModelSource::File(&timed.path), self.bindings());
        model.and_then(|m| m.optimise(&timed.options)).map_err(|e| failed(timed, e))
    }
}

fn failed(timed: &TimedModel, source: EngineError) -> PipelineError {
    PipelineError::Engine { variant: timed.path.display().to_string(), source }
}
