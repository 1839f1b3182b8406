//! Effects of groups on the primary metric of perturbed inputs.

use super::effect_attribution::EffectAttribution;
use crate::attribution::experiments::{AblationStudy, ExperimentProgress, ExperimentTable};
use crate::attribution::shapley::GroupCoalition;
use crate::evaluate::RobustnessTest;
use crate::pipeline::{DisturbedExperiments, PipelineError};
use paring_core::schema::{Effect, Experiment, MetricTotal};
use std::collections::{BTreeMap, BTreeSet};

/// The metric of effects on disturbed inputs, in files.
pub const ROBUSTNESS: &str = "robustness";

/// Effects on disturbed and attacked inputs.
#[derive(Clone, Debug, Default)]
pub struct DisturbedEffects {
    /// Effects of groups.
    pub effects: Vec<Effect>,
    /// Changes of the whole variant.
    pub totals: Vec<MetricTotal>,
    /// Attacks that no effect can be told of, each with the reason.
    pub refused: Vec<String>,
}

impl AblationStudy<'_> {
    /// Effects and totals on what counts most, of the same samples disturbed in every way that `how`
    /// names: each group alone and on top of all others. A search is not part of it.
    ///
    /// # Errors
    /// Those of the experiments.
    pub fn disturbed(&mut self, how: &RobustnessTest) -> Result<DisturbedEffects, PipelineError> {
        let count = self.groups.len();
        let sets = self.plan.base(&(0..count).collect::<Vec<_>>());
        let kept: Vec<Experiment> =
            sets.iter().filter_map(|set| self.table.experiment(0, *set).cloned()).collect();
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
                all.refused.push(format!("{disturbance} {strength}: {reason}"));
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
