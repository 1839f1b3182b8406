//! Effects of groups on the primary metric of perturbed inputs.

use super::effect_attribution::EffectAttribution;
use crate::attribution::experiments::{AblationStudy, ExperimentProgress, ExperimentTable};
use crate::attribution::shapley::GroupCoalition;
use crate::evaluate::RobustnessTest;
use crate::pipeline::{DisturbedExperiments, PipelineError};
use paring_core::schema::{DecisionGroup, Effect, Experiment, MetricTotal};
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

/// Coalitions whose figure under an attack is not sound, with the reasons, each behind the name of its
/// model.
struct UnsoundCoalitions {
    groups: usize,
    reasons: BTreeMap<GroupCoalition, Vec<String>>,
}

impl UnsoundCoalitions {
    fn of(groups: &[DecisionGroup], draw: &BTreeMap<GroupCoalition, Experiment>) -> Self {
        let all = GroupCoalition::full(groups.len());
        let joined = |set: GroupCoalition| -> String {
            let labels = set.groups().filter_map(|group| Some(groups.get(group)?.label.as_str()));
            labels.collect::<Vec<_>>().join(", ")
        };
        let name = |set: GroupCoalition| match set {
            _ if set.is_empty() => "the baseline".to_string(),
            _ if set == all => "the variant".into(),
            _ if set.len() == 1 => format!("{} alone", joined(set)),
            _ => format!("all but {}", joined(all.less(set))),
        };
        let broken = draw.iter().filter(|(_, own)| !own.unsound.is_empty());
        let reasons = broken.map(|(set, own)| {
            let reasons = own.unsound.iter().map(|reason| format!("{}: {reason}", name(*set)));
            (*set, reasons.collect())
        });
        UnsoundCoalitions { groups: groups.len(), reasons: reasons.collect() }
    }

    /// Reasons of the baseline and the variant.
    fn behind_total(&self) -> Vec<String> {
        self.reasons_of(&[GroupCoalition::EMPTY, GroupCoalition::full(self.groups)])
    }

    /// Reasons of the models that an effect is a difference of: with a Shapley value all of them, else the
    /// ends with and without the group.
    fn behind_effect(&self, group: usize, has_shapley: bool) -> Vec<String> {
        if has_shapley {
            return self.reasons.values().flatten().cloned().collect();
        }
        let (all, alone) = (GroupCoalition::full(self.groups), GroupCoalition::of(group));
        self.reasons_of(&[GroupCoalition::EMPTY, alone, all.without(group), all])
    }

    fn reasons_of(&self, sets: &[GroupCoalition]) -> Vec<String> {
        let sets: BTreeSet<&GroupCoalition> = sets.iter().collect();
        sets.into_iter().filter_map(|set| self.reasons.get(set)).flatten().cloned().collect()
    }
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
            let groups = &self.groups;
            let unsound = UnsoundCoalitions::of(groups, &draw);
            let attacked = disturbance.attack().is_some();
            let table = ExperimentTable { truth, draws: vec![draw] };
            let attribution =
                EffectAttribution { groups, plan: &self.plan, explored: &explored, table: &table };
            let (own_effects, total) = attribution.all(std::slice::from_ref(&main));
            let named = |(group, effect): (usize, Effect)| Effect {
                metric: ROBUSTNESS.into(),
                of: of(),
                unsound: attacked.then(|| unsound.behind_effect(group, effect.shapley.is_some())),
                ..effect
            };
            all.effects.extend(own_effects.into_iter().enumerate().map(named));
            let named = |total: MetricTotal| MetricTotal {
                metric: ROBUSTNESS.into(),
                of: of(),
                unsound: attacked.then(|| unsound.behind_total()),
                ..total
            };
            all.totals.extend(total.into_iter().map(named));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::experiments::example::experiment;

    #[test]
    fn an_effect_has_the_reasons_of_the_models_that_it_is_a_difference_of() {
        let group = |label: &str| DecisionGroup { label: label.into(), ..DecisionGroup::default() };
        let groups: Vec<DecisionGroup> =
            ["prune a", "prune b", "prune c", "int8"].map(group).into();
        let all = GroupCoalition::full(4);
        let own = |set: GroupCoalition| {
            let broken = set == GroupCoalition::of(3) || set == all.without(0);
            let unsound = if broken { vec!["masked".to_string()] } else { vec![] };
            (set, Experiment { unsound, ..experiment(vec![]) })
        };
        let sets = (0..4).flat_map(|g| [GroupCoalition::of(g), all.without(g)]);
        let sets = sets.chain([GroupCoalition::EMPTY, all]);
        let unsound = UnsoundCoalitions::of(&groups, &sets.map(own).collect());
        assert_eq!(unsound.behind_total(), Vec::<String>::new());
        assert_eq!(unsound.behind_effect(0, false), ["all but prune a: masked"]);
        assert_eq!(unsound.behind_effect(1, false), Vec::<String>::new());
        assert_eq!(unsound.behind_effect(3, false), ["int8 alone: masked"]);
        // A Shapley value stands on every set.
        assert_eq!(unsound.behind_effect(1, true).len(), 2);
    }
}
