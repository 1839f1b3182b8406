//! Contrasts over the values of coalitions: solo, leave-one-out and total effects, and pairwise
//! interactions. Every attribution is one.

use super::coalition::GroupCoalition;
use std::collections::BTreeMap;

/// Σ weight · v(S): what a group is said to have caused, as a function of all values v.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CoalitionContrast(BTreeMap<GroupCoalition, f64>);

impl CoalitionContrast {
    /// v(S) − v(T).
    pub fn difference(s: GroupCoalition, t: GroupCoalition) -> CoalitionContrast {
        let mut form = CoalitionContrast::default();
        form.add(s, 1.0);
        form.add(t, -1.0);
        form
    }

    /// The effect of a group alone: v({i}) − v(∅).
    pub fn solo(group: usize) -> CoalitionContrast {
        CoalitionContrast::difference(GroupCoalition::of(group), GroupCoalition::EMPTY)
    }

    /// The leave-one-out effect of a group, on top of all others: v(N) − v(N∖i).
    pub fn leave_one_out(group: usize, count: usize) -> CoalitionContrast {
        let all = GroupCoalition::full(count);
        CoalitionContrast::difference(all, all.without(group))
    }

    /// The total effect of all groups: v(N) − v(∅).
    pub fn total(count: usize) -> CoalitionContrast {
        CoalitionContrast::difference(GroupCoalition::full(count), GroupCoalition::EMPTY)
    }

    /// By how much two groups together do more than each on top of the rest:
    /// v(N) − v(N∖i) − v(N∖j) + v(N∖ij).
    pub fn interaction(i: usize, j: usize, count: usize) -> CoalitionContrast {
        let all = GroupCoalition::full(count);
        let mut form = CoalitionContrast::difference(all, all.without(i));
        form.add(all.without(j), -1.0);
        form.add(all.without(i).without(j), 1.0);
        form
    }

    /// Adds `weight` · v(S).
    pub fn add(&mut self, coalition: GroupCoalition, weight: f64) {
        *self.0.entry(coalition).or_default() += weight;
    }

    /// Adds `weight` times another form.
    pub fn add_form(&mut self, other: &CoalitionContrast, weight: f64) {
        other.0.iter().for_each(|(coalition, own)| self.add(*coalition, weight * own));
    }

    /// Coalitions with a weight that is not 0.
    pub fn terms(&self) -> impl Iterator<Item = (GroupCoalition, f64)> {
        self.0.iter().filter(|(_, weight)| **weight != 0.0).map(|(c, weight)| (*c, *weight))
    }

    /// Its value; `None` where a value is missing.
    pub fn of(&self, value: impl Fn(GroupCoalition) -> Option<f64>) -> Option<f64> {
        self.terms().map(|(coalition, weight)| Some(weight * value(coalition)?)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interaction_is_what_a_sum_does_not_explain() {
        let product = |s: GroupCoalition| Some(f64::from(s.contains(0) && s.contains(1)));
        assert_eq!(CoalitionContrast::interaction(0, 1, 3).of(product), Some(1.0));
        assert_eq!(CoalitionContrast::interaction(0, 2, 3).of(product), Some(0.0));
        let sum = |s: GroupCoalition| Some(s.len() as f64);
        assert_eq!(CoalitionContrast::interaction(0, 1, 3).of(sum), Some(0.0));
        assert_eq!(CoalitionContrast::total(3).of(|_| None), None);
    }
}
