//! Effects of groups on the primary metric of perturbed inputs.

use super::effect_attribution::EffectAttribution;
use crate::attribution::experiments::{AblationStudy, ExperimentProgress, ExperimentTable};
use crate::attribution::shapley::GroupCoalition;
use crate::evaluate::RobustnessTest;
use crate::pipeline::{DisturbedExperiments, PipelineError};
use paring_core::schema::{Effect, Experiment, MetricTotal};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The metric of effects on disturbed inputs, in files.
pub const ROBUSTNESS: &str = "robustness";

/// Effects on disturbed and attacked inputs.
#[derive(Clone, Debug, Default)]
pub struct DisturbedEffects {
    /// Effects of groups.
    pub effects: Vec<Effect>,
    /// Changes of the whole variant.
    pub totals: Vec<MetricTotal>,
    /// Attacks that no effect can be told of, by the reason.
    pub refused: BTreeMap<String, Vec<String>>,
}

impl AblationStudy<'_> {
    /// Experiments that are repeated on disturbed inputs, with their sets of groups: the ends, each group
    /// alone and on top of all others.
    fn base_experiments(&self) -> (Vec<GroupCoalition>, Vec<Experiment>) {
        let sets = self.plan.base(&(0..self.groups.len()).collect::<Vec<_>>());
        let kept = sets.iter().filter_map(|set| self.table.experiment(0, *set).cloned()).collect();
        (sets, kept)
    }

    /// Time that [`AblationStudy::disturbed`] takes, from what asking the same models undisturbed took.
    ///
    /// # Errors
    /// Where the first sample cannot be read.
    pub fn time_of(&mut self, how: &RobustnessTest) -> Result<Duration, PipelineError> {
        let (_, kept) = self.base_experiments();
        let asked: Vec<f64> = kept.iter().filter_map(|own| own.asked_s).collect();
        let mean = asked.iter().sum::<f64>() / asked.len().max(1) as f64;
        let samples = self.table.truth.labels.len().max(1);
        let Some(laboratory) = self.laboratory() else { return Ok(Duration::ZERO) };
        let inferences = laboratory.pending_inferences(&kept, how)?;
        Ok(Duration::from_secs_f64(mean * inferences as f64 / samples as f64))
    }

    /// Effects and totals on what counts most, of the same samples disturbed in every way that `how`
    /// names: each group alone and on top of all others. A search is not part of it.
    ///
    /// # Errors
    /// Those of the experiments.
    pub fn disturbed(&mut self, how: &RobustnessTest) -> Result<DisturbedEffects, PipelineError> {
        let (sets, kept) = self.base_experiments();
        let Some(laboratory) = self.laboratory().filter(|_| kept.len() == sets.len()) else {
            return Ok(DisturbedEffects::default());
        };
        let found = laboratory.disturbed(&kept, how)?;
        let explored = ExperimentProgress {
            draws: 1,
            exact: self.plan.exact_shapley_value(0, &sets).is_some(),
            ..ExperimentProgress::default()
        };
        let mut all = DisturbedEffects::default();
        for DisturbedExperiments { disturbance, strength, samples, experiments, refused } in found {
            let of = || Some(format!("{disturbance} {strength}"));
            if experiments.len() < kept.iter().map(|own| &own.key).collect::<BTreeSet<_>>().len() {
                let reason = refused.unwrap_or_else(|| "experiments are missing".into());
                all.refused.entry(reason).or_default().push(format!("{disturbance} {strength}"));
                continue;
            }
            let truth = self.table.truth.first(samples);
            let main = truth.main();
            let own = sets.iter().filter_map(|set| {
                let undisturbed = self.table.experiment(0, *set)?;
                Some((*set, experiments.get(&undisturbed.key)?.clone()))
            });
            let draw: BTreeMap<GroupCoalition, Experiment> = own.collect();
            let table = ExperimentTable { truth, draws: vec![draw] };
            let (groups, plan) = (&self.groups, &self.plan);
            let attribution =
                EffectAttribution { groups, plan, explored: &explored, table: &table };
            let (own_effects, total) = attribution.all(std::slice::from_ref(&main));
            let named = |e: Effect| Effect { metric: ROBUSTNESS.into(), of: of(), ..e };
            all.effects.extend(own_effects.into_iter().map(named));
            let named = |t: MetricTotal| MetricTotal { metric: ROBUSTNESS.into(), of: of(), ..t };
            all.totals.extend(total.into_iter().map(named));
        }
        Ok(all)
    }
}
