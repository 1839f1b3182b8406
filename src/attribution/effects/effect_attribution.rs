//! The effects of all groups on all aspects, from a table of experiments.

use super::bootstrap_values::BootstrapValues;
use super::effect_estimate::EffectEstimate;
use super::multiple_testing::correct_multiple_tests;
use crate::attribution::experiments::{
    ExperimentMetric, ExperimentPlan, ExperimentProgress, ExperimentTable,
};
use crate::attribution::shapley::{CoalitionContrast, GroupCoalition};
use paring_core::schema::{
    ConfidenceInterval, DecisionGroup, Effect, GroupInteraction, MetricTotal, MissingReason,
};
use paring_core::stats;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// An attribution on its way: experiments, and the groups they are sets of.
#[derive(Clone, Copy, Debug)]
pub struct EffectAttribution<'a> {
    /// The groups.
    pub groups: &'a [DecisionGroup],
    /// The coalitions that are planned.
    pub plan: &'a ExperimentPlan,
    /// The experiments that were done.
    pub explored: &'a ExperimentProgress,
    /// The results of the experiments.
    pub table: &'a ExperimentTable,
}

impl EffectAttribution<'_> {
    fn draws(&self) -> usize {
        self.table.draws.len()
    }

    /// Effects of every group on every aspect, with significance corrected over all of them, and what
    /// each aspect is before and after; the aspects in order.
    pub fn all(&self, aspects: &[ExperimentMetric]) -> (Vec<Effect>, Vec<MetricTotal>) {
        let resamples = self.resamples(aspects);
        let found: Vec<(Vec<Effect>, Option<MetricTotal>)> = aspects
            .par_iter()
            .map(|aspect| {
                let own = resamples.get(aspect);
                (self.effects(aspect, own), self.total(aspect, own))
            })
            .collect();
        let (effects, totals): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let mut effects = effects.concat();
        correct_multiple_tests(&mut effects, &mut [], &self.table.truth.main().metric());
        (effects, totals.into_iter().flatten().collect())
    }

    fn effects(
        &self,
        aspect: &ExperimentMetric,
        resamples: Option<&BootstrapValues>,
    ) -> Vec<Effect> {
        (0..self.groups.len()).map(|group| self.effect(group, aspect, resamples)).collect()
    }

    /// Resamples for the aspects that are no mean over samples.
    fn resamples(
        &self,
        aspects: &[ExperimentMetric],
    ) -> BTreeMap<ExperimentMetric, BootstrapValues> {
        let first = self.table.draws.first();
        let sets: Vec<GroupCoalition> =
            first.into_iter().flat_map(|draw| draw.keys().copied()).collect();
        BootstrapValues::all(self.table, aspects, &sets)
    }

    /// The value of an experiment on the study's own draw.
    fn value(
        &self,
        aspect: &ExperimentMetric,
        set: GroupCoalition,
        resamples: Option<&BootstrapValues>,
    ) -> Option<f64> {
        match resamples {
            Some(resamples) => resamples.value(0, set),
            None => self.table.value(aspect, 0, set, None),
        }
    }

    /// The larger of an aspect's values before and after: what rounding is relative to.
    fn size(&self, aspect: &ExperimentMetric, resamples: Option<&BootstrapValues>) -> f64 {
        let ends = [GroupCoalition::EMPTY, GroupCoalition::full(self.groups.len())];
        let sizes = ends.map(|set| self.value(aspect, set, resamples).map_or(0.0, f64::abs));
        sizes[0].max(sizes[1])
    }

    fn effect(
        &self,
        group: usize,
        aspect: &ExperimentMetric,
        resamples: Option<&BootstrapValues>,
    ) -> Effect {
        let (count, size) = (self.groups.len(), self.size(aspect, resamples));
        let estimate = |form: &CoalitionContrast, error: f64| -> Option<EffectEstimate> {
            let draws = if aspect.is_sampled() { self.draws() } else { 1 };
            let found = self.table.estimate(form, aspect, draws, error, resamples)?;
            Some(if aspect.is_sampled() { found.beyond_rounding(size) } else { found })
        };
        let shapley = self.plan.shapley(group, self.explored);
        let at = |set: GroupCoalition| self.value(aspect, set, resamples);
        let error = shapley.as_ref().and_then(|s| s.standard_error(at));
        let main = shapley.as_ref().and_then(|s| estimate(&s.form, error.unwrap_or(0.0)));
        let solo = estimate(&CoalitionContrast::solo(group), 0.0).map(|e| e.own);
        let on_top = estimate(&CoalitionContrast::leave_one_out(group, count), 0.0);
        // Where only the ends were tried, significance is that of the group on top of all others.
        let judged = main.as_ref().or(on_top.as_ref().filter(|_| shapley.is_none()));
        let metric = aspect.metric();
        Effect {
            of: aspect.of(),
            solo,
            leave_one_out: on_top.as_ref().map(|e| e.own),
            shapley: main.as_ref().map(|e| e.own),
            shapley_error: error,
            sampling_sd: judged.map(|e| e.sampling_sd).filter(|_| aspect.is_sampled()),
            recipe_sd: main.as_ref().and_then(|e| e.recipe_sd),
            together: main.as_ref().and_then(|e| e.together),
            draws: if aspect.is_sampled() { self.draws() } else { 1 },
            survives: main.as_ref().and_then(EffectEstimate::survives),
            p_value: judged.map(|e| e.p_value).filter(|_| aspect.is_sampled()),
            method: self.method(aspect, resamples),
            missing: main.is_none().then(|| self.why(aspect)),
            ..Effect::unknown(&self.groups[group].id, &metric, None, aspect.unit())
        }
    }

    fn why(&self, aspect: &ExperimentMetric) -> MissingReason {
        MissingReason(match aspect {
            ExperimentMetric::Macs => "the multiply-adds of a variant cannot be counted".into(),
            _ if !self.explored.exact && self.explored.pairs == 0 => {
                "only each group alone and on top of all others was tried, so there is no Shapley value"
                    .into()
            }
            _ => "a variant has no value of this metric".into(),
        })
    }

    fn method(&self, aspect: &ExperimentMetric, resamples: Option<&BootstrapValues>) -> String {
        let sets = match self.explored.exact {
            true => format!("all {} sets of groups", 1u64 << self.groups.len().min(63)),
            false if self.explored.pairs == 0 => "each group alone and all but each".into(),
            false => {
                format!("{} orders of joining, each beside its reverse", 2 * self.explored.pairs)
            }
        };
        let spread = match (aspect.is_sampled(), resamples) {
            (false, _) => "exact".to_string(),
            (true, Some(r)) => format!("{} resamples, t-test", r.count),
            (true, None) => "adjusted Wald interval of samples' shares, sign-flip test".to_string(),
        };
        format!("{sets}; {spread}")
    }

    /// A metric before and after, and what the Shapley values leave over.
    fn total(
        &self,
        aspect: &ExperimentMetric,
        resamples: Option<&BootstrapValues>,
    ) -> Option<MetricTotal> {
        let count = self.groups.len();
        let value = |set: GroupCoalition| self.value(aspect, set, resamples);
        let whole = CoalitionContrast::total(count);
        let change = self.table.estimate(&whole, aspect, 1, 0.0, resamples)?.own;
        let change = match aspect.is_sampled() {
            true => stats::beyond_rounding(change, self.size(aspect, resamples)),
            false => change,
        };
        let shares = (0..count).map(|g| self.plan.shapley(g, self.explored)?.form.of(value));
        let sum: Option<f64> = shares.sum();
        let truth = &self.table.truth;
        let samples = (0..truth.labels.len()).filter(|s| truth.counts(aspect, *s)).count();
        Some(MetricTotal {
            metric: aspect.metric(),
            of: aspect.of(),
            target: None,
            unit: aspect.unit().into(),
            samples: aspect.is_sampled().then_some(samples),
            baseline: value(GroupCoalition::EMPTY)?,
            variant: value(GroupCoalition::full(count))?,
            change,
            left_over: sum.map(|sum| sum - change.value),
            unsound: None,
        })
    }

    /// Pairs of groups that do together what they do not do apart, those above noise first: all pairs
    /// whose sets were tried.
    pub fn interactions(&self) -> Vec<GroupInteraction> {
        let (count, main) = (self.groups.len(), self.table.truth.main());
        let resamples = self.resamples(std::slice::from_ref(&main));
        let mut found: Vec<GroupInteraction> = Vec::new();
        for (i, j) in (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j))) {
            let form = CoalitionContrast::interaction(i, j, count);
            let own = resamples.get(&main);
            let Some(e) = self.table.estimate(&form, &main, 1, 0.0, own) else { continue };
            let e = e.beyond_rounding(self.size(&main, own));
            found.push(GroupInteraction {
                groups: [i, j].map(|g| self.groups[g].id.clone()),
                metric: main.metric(),
                value: e.own,
                p_value: e.p_value,
                holm: 1.0,
            });
        }
        correct_multiple_tests(&mut [], &mut found, &main.metric());
        found.sort_by(|a, b| {
            let size = |i: &GroupInteraction| ConfidenceInterval::size(i.value);
            a.holm.total_cmp(&b.holm).then(size(b).total_cmp(&size(a)))
        });
        found
    }
}
