//! The effects of all groups on all aspects, from a table of experiments.

use super::estimate::Estimate;
use super::resample::Resamples;
use super::{Aspect, Coalition, Explored, Form, Plan, Table};
use crate::record::{Effect, Group, Interaction, Interval, Missing, Total};
use crate::stats::{benjamini_hochberg, holm};
use rayon::prelude::*;
use std::collections::BTreeMap;

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
        let resamples = self.resamples(aspects);
        let found: Vec<(Vec<Effect>, Option<Total>)> = aspects
            .par_iter()
            .map(|aspect| {
                let own = resamples.get(aspect);
                (self.effects(aspect, own), self.total(aspect, own))
            })
            .collect();
        let (effects, totals): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        (effects.concat(), totals.into_iter().flatten().collect())
    }

    fn effects(&self, aspect: &Aspect, resamples: Option<&Resamples>) -> Vec<Effect> {
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

    /// Resamples for the aspects that are no mean over samples.
    fn resamples(&self, aspects: &[Aspect]) -> BTreeMap<Aspect, Resamples> {
        let first = self.table.draws.first();
        let sets: Vec<Coalition> =
            first.into_iter().flat_map(|draw| draw.keys().copied()).collect();
        Resamples::all(self.table, aspects, &sets)
    }

    /// The value of an experiment on the study's own draw.
    fn value(&self, aspect: &Aspect, set: Coalition, resamples: Option<&Resamples>) -> Option<f64> {
        match resamples {
            Some(resamples) => resamples.value(0, set),
            None => self.table.value(aspect, 0, set, None),
        }
    }

    fn effect(&self, group: usize, aspect: &Aspect, resamples: Option<&Resamples>) -> Effect {
        let count = self.groups.len();
        let estimate = |form: &Form, error: f64| -> Option<Estimate> {
            let draws = if aspect.is_sampled() { self.draws() } else { 1 };
            self.table.estimate(form, aspect, draws, error, resamples)
        };
        let shapley = self.plan.shapley(group, self.explored);
        let at = |set: Coalition| self.value(aspect, set, resamples);
        let error = shapley.as_ref().and_then(|s| s.standard_error(at));
        let main = shapley.as_ref().and_then(|s| estimate(&s.form, error.unwrap_or(0.0)));
        let solo = estimate(&Form::solo(group), 0.0).map(|e| e.own);
        let on_top = estimate(&Form::leave_one_out(group, count), 0.0);
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
            survives: main.as_ref().and_then(Estimate::survives),
            p_value: judged.map(|e| e.p_value).filter(|_| aspect.is_sampled()),
            method: self.method(aspect, resamples),
            missing: main.is_none().then(|| self.why(aspect)),
            ..Effect::unknown(&self.groups[group].id, &metric, None, aspect.unit())
        }
    }

    fn why(&self, aspect: &Aspect) -> Missing {
        Missing(match aspect {
            Aspect::Macs => "the multiply-adds of a variant cannot be counted".into(),
            _ if !self.explored.exact && self.explored.pairs == 0 => {
                "only each group alone and on top of all others was tried, so there is no Shapley value"
                    .into()
            }
            _ => "a variant has no value of this metric".into(),
        })
    }

    fn method(&self, aspect: &Aspect, resamples: Option<&Resamples>) -> String {
        let sets = match self.explored.exact {
            true => format!("all {} sets of groups", 1u64 << self.groups.len().min(63)),
            false if self.explored.pairs == 0 => "each group alone and all but each".into(),
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
    fn total(&self, aspect: &Aspect, resamples: Option<&Resamples>) -> Option<Total> {
        let count = self.groups.len();
        let value = |set: Coalition| self.value(aspect, set, resamples);
        let whole = Form::total(count);
        let change = self.table.estimate(&whole, aspect, 1, 0.0, resamples)?.own;
        let shares = (0..count).map(|g| self.plan.shapley(g, self.explored)?.form.of(value));
        let sum: Option<f64> = shares.sum();
        let truth = &self.table.truth;
        let samples = (0..truth.labels.len()).filter(|s| truth.counts(aspect, *s)).count();
        Some(Total {
            metric: aspect.metric(),
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
        let (count, main) = (self.groups.len(), self.table.truth.main());
        let resamples = self.resamples(std::slice::from_ref(&main));
        let mut found: Vec<Interaction> = Vec::new();
        for (i, j) in (0..count).flat_map(|i| (i + 1..count).map(move |j| (i, j))) {
            let form = Form::interaction(i, j, count);
            let Some(e) = self.table.estimate(&form, &main, 1, 0.0, resamples.get(&main)) else {
                continue;
            };
            found.push(Interaction {
                groups: [i, j].map(|g| self.groups[g].id.clone()),
                metric: main.metric(),
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
