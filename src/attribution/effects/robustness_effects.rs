//! Effects of groups on the primary metric of perturbed inputs.

use super::effect_attribution::EffectAttribution;
use crate::attribution::experiments::{AblationStudy, ExperimentProgress, ExperimentTable};
use crate::attribution::shapley::GroupCoalition;
use crate::evaluate::RobustnessTest;
use crate::pipeline::PipelineError;
use paring_core::schema::{Effect, Experiment, MetricTotal};
use std::collections::BTreeMap;

/// The metric of effects on disturbed inputs, in files.
pub const ROBUSTNESS: &str = "robustness";

impl AblationStudy<'_> {
    /// Effects and totals on what counts most, of the same samples disturbed in every way that `how`
    /// names: each group alone and on top of all others. A search is not part of it.
    ///
    /// # Errors
    /// Those of the experiments.
    pub fn disturbed(
        &mut self,
        how: &RobustnessTest,
    ) -> Result<(Vec<Effect>, Vec<MetricTotal>), PipelineError> {
        let count = self.groups.len();
        let sets = self.plan.base(&(0..count).collect::<Vec<_>>());
        let kept: Vec<Experiment> =
            sets.iter().filter_map(|set| self.table.experiment(0, *set).cloned()).collect();
        let Some(laboratory) = self.laboratory().filter(|_| kept.len() == sets.len()) else {
            return Ok(Default::default());
        };
        let found = laboratory.disturbed(&kept, how)?;
        let truth = self.table.truth.first(how.samples);
        let main = truth.main();
        let explored = ExperimentProgress {
            draws: 1,
            exact: self.plan.exact_shapley_value(0, &sets).is_some(),
            ..ExperimentProgress::default()
        };
        let (mut effects, mut totals) = (Vec::new(), Vec::new());
        for ((disturbance, strength), of_test) in how.tests.iter().zip(&found) {
            let own = sets.iter().filter_map(|set| {
                let undisturbed = self.table.experiment(0, *set)?;
                Some((*set, of_test.get(&undisturbed.key)?.clone()))
            });
            let draw: BTreeMap<GroupCoalition, Experiment> = own.collect();
            let table = ExperimentTable { truth: truth.clone(), draws: vec![draw] };
            let (groups, plan) = (&self.groups, &self.plan);
            let attribution =
                EffectAttribution { groups, plan, explored: &explored, table: &table };
            let (own_effects, total) = attribution.all(std::slice::from_ref(&main));
            let of = || Some(format!("{disturbance} {strength}"));
            let named = |e: Effect| Effect { metric: ROBUSTNESS.into(), of: of(), ..e };
            effects.extend(own_effects.into_iter().map(named));
            let named = |t: MetricTotal| MetricTotal { metric: ROBUSTNESS.into(), of: of(), ..t };
            totals.extend(total.into_iter().map(named));
        }
        Ok((effects, totals))
    }
}
