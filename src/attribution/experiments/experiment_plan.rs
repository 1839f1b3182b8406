//! The plan of experiments: the coalitions that are tried, in their order, for exact or sampled Shapley
//! values.

use super::experiment_progress::ExperimentProgress;
use crate::attribution::shapley::{
    CoalitionContrast, GroupCoalition, ShapleyEstimate, exact_shapley, permutation_contribution,
};
use paring_core::stats;
use rand::seq::SliceRandom;
use std::collections::BTreeSet;

/// The experiments that an attribution needs.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentPlan {
    count: usize,
    /// Orders in which groups join, each beside its reverse.
    pairs: Vec<[Vec<usize>; 2]>,
}

impl ExperimentPlan {
    /// `pairs` random orders of `count` groups, each with its reverse.
    ///
    /// Source of antithetic orders: Mitchell et al. 2022, arXiv 2104.12199.
    pub fn new(count: usize, pairs: usize, seed: u64) -> ExperimentPlan {
        let mut draw = stats::generator(seed, "permutations");
        let mut order: Vec<usize> = (0..count).collect();
        let pairs = (0..pairs).map(|_| {
            order.shuffle(&mut draw);
            [order.clone(), order.iter().rev().copied().collect()]
        });
        ExperimentPlan { count, pairs: pairs.collect() }
    }

    /// Number of groups.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Number of all sets of groups; `None` of more than anybody tries.
    pub fn all(&self) -> Option<usize> {
        (self.count < 20).then(|| 1 << self.count)
    }

    /// Pairs of orders, in the order in which they are tried.
    pub fn pairs(&self) -> usize {
        self.pairs.len()
    }

    /// The baseline, the variant, each group alone and all but each; groups in this order.
    pub fn base(&self, order: &[usize]) -> Vec<GroupCoalition> {
        let all = GroupCoalition::full(self.count);
        let own = order.iter().flat_map(|g| [GroupCoalition::of(*g), all.without(*g)]);
        let sets: Vec<GroupCoalition> =
            [GroupCoalition::EMPTY, all].into_iter().chain(own).collect();
        let mut seen = BTreeSet::new();
        sets.into_iter().filter(|set| seen.insert(*set)).collect()
    }

    /// All but each two.
    pub fn leave_two_out(&self) -> Vec<GroupCoalition> {
        let all = GroupCoalition::full(self.count);
        let pairs = (0..self.count).flat_map(|i| (0..i).map(move |j| all.without(i).without(j)));
        pairs.collect()
    }

    /// Coalitions that the pair of orders at `index` needs.
    pub fn sets(&self, index: usize) -> Vec<GroupCoalition> {
        let orders = self.pairs.get(index).into_iter().flatten();
        let sets = orders.flat_map(|order| {
            order.iter().scan(GroupCoalition::EMPTY, |set, group| {
                *set = set.with(*group);
                Some(*set)
            })
        });
        sets.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The exact Shapley value of a group where these are all sets of groups; `None` where any is
    /// missing.
    pub fn exact_shapley_value(
        &self,
        group: usize,
        sets: &[GroupCoalition],
    ) -> Option<CoalitionContrast> {
        let tried: BTreeSet<GroupCoalition> = sets.iter().copied().collect();
        (self.all() == Some(tried.len())).then(|| exact_shapley(group, self.count))
    }

    /// The Shapley value of a group from the sets that were tried: all, or those of some pairs of
    /// orders; `None` without any.
    pub fn shapley(&self, group: usize, explored: &ExperimentProgress) -> Option<ShapleyEstimate> {
        if explored.exact {
            return Some(ShapleyEstimate { form: exact_shapley(group, self.count), parts: vec![] });
        }
        let orders = self.pairs.iter().take(explored.pairs);
        let parts: Vec<CoalitionContrast> =
            orders.map(|pair| permutation_contribution(group, pair)).collect();
        let mut form = CoalitionContrast::default();
        parts.iter().for_each(|part| form.add_form(part, 1.0 / parts.len() as f64));
        (!parts.is_empty()).then_some(ShapleyEstimate { form, parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: ExperimentProgress = ExperimentProgress {
        draws: 1,
        exact: true,
        pairs: 0,
        leave_two_out: false,
        cut_short: false,
    };
    const SOME: ExperimentProgress = ExperimentProgress { exact: false, pairs: 200, ..ALL };

    fn values(
        plan: &ExperimentPlan,
        explored: &ExperimentProgress,
        v: impl Fn(GroupCoalition) -> f64,
    ) -> Vec<f64> {
        let each = (0..plan.count()).map(|g| plan.shapley(g, explored).unwrap().form);
        each.map(|form| form.of(|s| Some(v(s))).unwrap()).collect()
    }

    /// The glove game: one right glove, two left ones; a pair is worth 1.
    #[test]
    fn equals_the_published_game() {
        let pair = |s: GroupCoalition| f64::from(s.contains(0) && (s.contains(1) || s.contains(2)));
        let found = values(&ExperimentPlan::new(3, 0, 1), &ALL, pair);
        let expected = [2.0 / 3.0, 1.0 / 6.0, 1.0 / 6.0];
        assert!(found.iter().zip(expected).all(|(f, e)| (f - e).abs() < 1e-12), "{found:?}");
    }

    #[test]
    fn orders_add_up_to_the_whole_and_come_near_the_exact_values() {
        let v = |s: GroupCoalition| {
            let each: f64 = s.groups().map(|g| (g + 1) as f64 * 0.1).sum();
            each + f64::from(s.contains(2) && s.contains(5)) - each * each / 9.0
        };
        let plan = ExperimentPlan::new(9, 200, 1);
        let exact = values(&plan, &ALL, v);
        let sampled = values(&plan, &SOME, v);
        let whole = v(GroupCoalition::full(9)) - v(GroupCoalition::EMPTY);
        assert!((sampled.iter().sum::<f64>() - whole).abs() < 1e-12);
        for (group, (s, e)) in sampled.iter().zip(&exact).enumerate() {
            let shapley = plan.shapley(group, &SOME).unwrap();
            let error = shapley.standard_error(|s| Some(v(s))).unwrap();
            assert!((s - e).abs() < 4.0 * error + 1e-9, "{group}: {s} {e} {error}");
        }
        let needed: BTreeSet<GroupCoalition> = (0..200).flat_map(|p| plan.sets(p)).collect();
        let form = plan.shapley(3, &SOME).unwrap().form;
        assert!(form.terms().all(|(s, _)| s.is_empty() || needed.contains(&s)));
    }

    #[test]
    fn the_base_holds_every_set_once() {
        let plan = ExperimentPlan::new(2, 1, 1);
        assert_eq!(plan.base(&[1, 0]).len(), 4);
        assert_eq!(ExperimentPlan::new(1, 0, 1).base(&[0]).len(), 2);
        let (few, more) = (ExperimentPlan::new(3, 0, 1), ExperimentPlan::new(4, 0, 1));
        assert!(few.exact_shapley_value(0, &few.base(&[0, 1, 2])).is_some());
        assert!(more.exact_shapley_value(0, &more.base(&[0, 1, 2, 3])).is_none());
        assert_eq!(ExperimentPlan::new(5, 1, 1).leave_two_out().len(), 10);
    }
}
