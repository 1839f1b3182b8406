//! Contrasts over the values of coalitions: solo, leave-one-out and total effects, and pairwise
//! interactions. Every attribution is one.

use super::coalition::Coalition;
use std::collections::BTreeMap;

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
    fn an_interaction_is_what_a_sum_does_not_explain() {
        let product = |s: Coalition| Some(f64::from(s.contains(0) && s.contains(1)));
        assert_eq!(Form::interaction(0, 1, 3).of(product), Some(1.0));
        assert_eq!(Form::interaction(0, 2, 3).of(product), Some(0.0));
        let sum = |s: Coalition| Some(s.len() as f64);
        assert_eq!(Form::interaction(0, 1, 3).of(sum), Some(0.0));
        assert_eq!(Form::total(3).of(|_| None), None);
    }
}
