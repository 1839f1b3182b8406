//! The effects of all groups on all aspects, from a table of experiments.

use super::estimate::Estimate;
use super::resample::Resamples;
use super::{Aspect, Coalition, Explored, Form, Plan, Shapley, Table};
use crate::record::{Effect, Group, Interaction, Interval, Missing, Total};
use crate::stats::{benjamini_hochberg, holm};
use rayon::prelude::*;

/// An attribution on its way: experiments, and the groups they are sets of.
#[derive(Clone, Copy, Debug)]
pub struct Attribution<'a> {
    /// The groups.
    pub groups: &'a [Group],
    /// Which sets were tried.
    pub plan: &'a Plan,
    /// How far that got.
    pub explored: &'a Explored,
    /// What came of them.
    pub table: &'a Table,
}

impl Attribution<'_> {
    fn draws(&self) -> usize {
        self.table.draws.len()
    }

    /// Effects of every group on every aspect, with significance corrected within the aspect, and what
    /// each aspect is before and after; the aspects in order.
    pub fn all(&self, aspects: &[Aspect]) -> (Vec<Effect>, Vec<Total>) {
        let found: Vec<(Vec<Effect>, Option<Total>)> = aspects
            .par_iter()
            .map(|aspect| {
                let resamples = self.resamples(aspect);
                (self.effects(aspect, &resamples), self.total(aspect, &resamples))
            })
            .collect();
        let (effects, totals): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        (effects.concat(), totals.into_iter().flatten().collect())
    }

    fn effects(&self, aspect: &Aspect, resamples: &Option<Resamples>) -> Vec<Effect> {
        let each = (0..self.groups.len()).map(|group| self.effect(group, aspect, resamples));
        let mut effects: Vec<Effect> = each.collect();
        let tested: Vec<usize> =
            (0..effects.len()).filter(|i| effects[*i].p_value.is_some()).collect();
        let p: Vec<f64> = tested.iter().filter_map(|i| effects[*i].p_value).collect();
        for (position, (holm, bh)) in tested.iter().zip(holm(&p).iter().zip(benjamini_hochberg(&p)))
        {
            effects[*position].holm = Some(*holm);
            effects[*position].benjamini_hochberg = Some(bh);
        }
        effects
    }

    /// Resamples for an aspect that is no mean over samples.
    fn resamples(&self, aspect: &Aspect) -> Option<Resamples> {
        let needs = matches!(aspect, Aspect::F1Macro | Aspect::Ece);
        let sets = || -> Vec<Coalition> {
            let first = self.table.draws.first();
            first.into_iter().flat_map(|draw| draw.keys().copied()).collect()
        };
        needs.then(|| Resamples::new(self.table, aspect, &sets()))
    }

    fn effect(&self, group: usize, aspect: &Aspect, resamples: &Option<Resamples>) -> Effect {
        let count = self.groups.len();
        let estimate = |form: &Form, error: f64| -> Option<Estimate> {
            let draws = if aspect.is_sampled() { self.draws() } else { 1 };
            self.table.estimate(form, aspect, draws, error, resamples.as_ref())
        };
        let shapley = self.plan.shapley(group, self.explored);
        let error = shapley.as_ref().and_then(|s| self.order_error(s, aspect));
        let main = shapley.as_ref().and_then(|s| estimate(&s.form, error.unwrap_or(0.0)));
        let own = |form: &Form| estimate(form, 0.0).map(|e| e.own);
        Effect {
            group: self.groups[group].id.clone(),
            metric: aspect.metric().into(),
            of: aspect.of(),
            target: None,
            unit: aspect.unit().into(),
            solo: own(&Form::solo(group)),
            leave_one_out: own(&Form::leave_one_out(group, count)),
            shapley: main.as_ref().map(|e| e.own),
            shapley_error: error,
            sampling_sd: main.as_ref().map(|e| e.sampling_sd).filter(|_| aspect.is_sampled()),
            recipe_sd: main.as_ref().and_then(|e| e.recipe_sd),
            together: main.as_ref().and_then(|e| e.together),
            draws: if aspect.is_sampled() { self.draws() } else { 1 },
            survives: main.as_ref().and_then(Estimate::survives),
            p_value: main.as_ref().map(|e| e.p_value).filter(|_| aspect.is_sampled()),
            holm: None,
            benjamini_hochberg: None,
            method: self.method(aspect, resamples),
            missing: main.is_none().then(|| self.why(aspect)),
        }
    }

    fn order_error(&self, shapley: &Shapley, aspect: &Aspect) -> Option<f64> {
        shapley.standard_error(|set| self.table.value(aspect, 0, set, None))
    }

    fn why(&self, aspect: &Aspect) -> Missing {
        Missing(match aspect {
            Aspect::Macs => "the multiply-adds of a variant cannot be counted".into(),
            _ => "a variant has no value of this metric".into(),
        })
    }

    fn method(&self, aspect: &Aspect, resamples: &Option<Resamples>) -> String {
        let sets = match self.explored.exact {
            true => format!("all {} sets of groups", 1u64 << self.groups.len().min(63)),
            false => {
                format!("{} orders of joining, each beside its reverse", 2 * self.explored.pairs)
            }
        };
        let spread = match (aspect.is_sampled(), resamples) {
            (false, _) => "exact".to_string(),
            (true, Some(r)) => format!("{} resamples, normal p-values", r.count),
            (true, None) => "bootstrap of the samples' shares, sign-flip test".to_string(),
        };
        format!("{sets}; {spread}")
    }

    /// What an aspect is before and after, and what the division left over.
    fn total(&self, aspect: &Aspect, resamples: &Option<Resamples>) -> Option<Total> {
        let count = self.groups.len();
        let value = |set: Coalition| self.table.value(aspect, 0, set, None);
        let whole = Form::total(count);
        let change = self.table.estimate(&whole, aspect, 1, 0.0, resamples.as_ref())?.own;
        let shares = (0..count).map(|g| self.plan.shapley(g, self.explored)?.form.of(value));
        let sum: Option<f64> = shares.sum();
        let truth = &self.table.truth;
        let samples = (0..truth.labels.len()).filter(|s| truth.counts(aspect, *s)).count();
        Some(Total {
            metric: aspect.metric().into(),
            of: aspect.of(),
            target: None,
            unit: aspect.unit().into(),
            samples: aspect.is_sampled().then_some(samples),
            baseline: value(Coalition::EMPTY)?,
            variant: value(Coalition::full(count))?,
            change,
            left_over: sum.map(|sum| sum - change.value),
        })
    }

    /// Pairs of groups that do together what they do not do apart, those above noise first: all pairs
    /// whose sets were tried.
    pub fn interactions(&self) -> Vec<Interaction> {
        let count = self.groups.len();
        let mut found: Vec<Interaction> = Vec::new();
        for (i, j) in (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j))) {
            let form = Form::interaction(i, j, count);
            let Some(e) = self.table.estimate(&form, &Aspect::Accuracy, 1, 0.0, None) else {
                continue;
            };
            found.push(Interaction {
                groups: [i, j].map(|g| self.groups[g].id.clone()),
                metric: Aspect::Accuracy.metric().into(),
                value: e.own,
                p_value: e.p_value,
                holm: 1.0,
            });
        }
        let p: Vec<f64> = found.iter().map(|i| i.p_value).collect();
        found.iter_mut().zip(holm(&p)).for_each(|(i, holm)| i.holm = holm);
        found.sort_by(|a, b| {
            let size = |i: &Interaction| Interval::size(i.value);
            a.holm.total_cmp(&b.holm).then(size(b).total_cmp(&size(a)))
        });
        found
    }
}
