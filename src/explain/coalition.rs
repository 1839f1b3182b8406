//! Sets of groups of decisions, and linear forms over the values of such sets: every attribution is
//! one.

use std::collections::BTreeMap;

/// A set of groups, by their positions: at most 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Coalition(u64);

impl Coalition {
    /// No group: the baseline.
    pub const EMPTY: Coalition = Coalition(0);

    /// The most groups that there can be.
    pub const MOST: usize = 64;

    /// All of `count` groups: the variant.
    pub fn full(count: usize) -> Coalition {
        Coalition(if count >= Self::MOST { u64::MAX } else { (1 << count) - 1 })
    }

    /// One group.
    pub fn of(group: usize) -> Coalition {
        Coalition(1 << group)
    }

    /// All sets of `count` groups; for few.
    pub fn all(count: usize) -> impl Iterator<Item = Coalition> {
        (0..1u64 << count).map(Coalition)
    }

    /// With a group more.
    #[must_use]
    pub fn with(self, group: usize) -> Coalition {
        Coalition(self.0 | 1 << group)
    }

    /// Without a group.
    #[must_use]
    pub fn without(self, group: usize) -> Coalition {
        Coalition(self.0 & !(1 << group))
    }

    /// What is in this set and not in the other.
    #[must_use]
    pub fn less(self, other: Coalition) -> Coalition {
        Coalition(self.0 & !other.0)
    }

    /// Whether a group is in it.
    pub fn contains(self, group: usize) -> bool {
        self.0 >> group & 1 == 1
    }

    /// Number of groups in it.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The groups in it, ascending.
    pub fn groups(self) -> impl Iterator<Item = usize> {
        (0..Self::MOST).filter(move |group| self.contains(*group))
    }
}

/// Σ weight · v(S): what a group is said to have caused, as a function of all values v.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Form(BTreeMap<Coalition, f64>);

impl Form {
    /// v(S) − v(T).
    pub fn difference(s: Coalition, t: Coalition) -> Form {
        let mut form = Form::default();
        form.add(s, 1.0);
        form.add(t, -1.0);
        form
    }

    /// What a group does alone: v({i}) − v(∅).
    pub fn solo(group: usize) -> Form {
        Form::difference(Coalition::of(group), Coalition::EMPTY)
    }

    /// What a group does on top of all others: v(N) − v(N∖i).
    pub fn leave_one_out(group: usize, count: usize) -> Form {
        let all = Coalition::full(count);
        Form::difference(all, all.without(group))
    }

    /// What all groups do together: v(N) − v(∅).
    pub fn total(count: usize) -> Form {
        Form::difference(Coalition::full(count), Coalition::EMPTY)
    }

    /// By how much two groups together do more than each on top of the rest:
    /// v(N) − v(N∖i) − v(N∖j) + v(N∖ij).
    pub fn interaction(i: usize, j: usize, count: usize) -> Form {
        let all = Coalition::full(count);
        let mut form = Form::difference(all, all.without(i));
        form.add(all.without(j), -1.0);
        form.add(all.without(i).without(j), 1.0);
        form
    }

    /// Adds `weight` · v(S).
    pub fn add(&mut self, coalition: Coalition, weight: f64) {
        *self.0.entry(coalition).or_default() += weight;
    }

    /// Adds `weight` times another form.
    pub fn add_form(&mut self, other: &Form, weight: f64) {
        other.0.iter().for_each(|(coalition, own)| self.add(*coalition, weight * own));
    }

    /// Coalitions with a weight that is not 0.
    pub fn terms(&self) -> impl Iterator<Item = (Coalition, f64)> {
        self.0.iter().filter(|(_, weight)| **weight != 0.0).map(|(c, weight)| (*c, *weight))
    }

    /// Its value; `None` where a value is missing.
    pub fn of(&self, value: impl Fn(Coalition) -> Option<f64>) -> Option<f64> {
        self.terms().map(|(coalition, weight)| Some(weight * value(coalition)?)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_sets() {
        let some = Coalition::EMPTY.with(0).with(3).with(63);
        assert_eq!(some.groups().collect::<Vec<_>>(), [0, 3, 63]);
        assert_eq!(some.without(3).len(), 2);
        assert_eq!(Coalition::full(64).len(), 64);
        assert_eq!(Coalition::full(3).less(Coalition::of(1)), Coalition::EMPTY.with(0).with(2));
        assert_eq!(Coalition::all(3).count(), 8);
    }

    #[test]
    fn an_interaction_is_what_a_sum_does_not_explain() {
        let product = |s: Coalition| Some(f64::from(s.contains(0) && s.contains(1)));
        assert_eq!(Form::interaction(0, 1, 3).of(product), Some(1.0));
        assert_eq!(Form::interaction(0, 2, 3).of(product), Some(0.0));
        let sum = |s: Coalition| Some(s.len() as f64);
        assert_eq!(Form::interaction(0, 1, 3).of(sum), Some(0.0));
        assert_eq!(Form::total(3).of(|_| None), None);
    }
}
