//! Shapley values, exact over all coalitions or averaged over antithetic pairs of permutations.

use super::coalition::GroupCoalition;
use super::contrast::CoalitionContrast;

/// A Shapley value as a form, and its parts: one a pair of orders.
#[derive(Clone, Debug)]
pub struct ShapleyEstimate {
    /// The value.
    pub form: CoalitionContrast,
    /// Estimates that it is the mean of, independent of each other; none where it is exact.
    pub parts: Vec<CoalitionContrast>,
}

impl ShapleyEstimate {
    /// Standard error of sampling orders instead of trying all: 0 where it is exact, `None` of one
    /// pair.
    pub fn standard_error(&self, value: impl Fn(GroupCoalition) -> Option<f64>) -> Option<f64> {
        if self.parts.is_empty() {
            return Some(0.0);
        }
        let values: Vec<f64> =
            self.parts.iter().map(|part| part.of(&value)).collect::<Option<_>>()?;
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let spread: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
        (values.len() > 1).then(|| (spread / (count - 1.0) / count).sqrt())
    }
}

/// Mean of what a group does when it joins, over an order and its reverse.
pub(crate) fn permutation_contribution(
    group: usize,
    orders: &[Vec<usize>; 2],
) -> CoalitionContrast {
    let mut form = CoalitionContrast::default();
    for order in orders {
        let before = order.iter().take_while(|g| **g != group);
        let before = before.fold(GroupCoalition::EMPTY, |set, g| set.with(*g));
        form.add_form(&CoalitionContrast::difference(before.with(group), before), 0.5);
    }
    form
}

/// Σ over sets S without the group of |S|! (n − |S| − 1)! / n! · (v(S∪i) − v(S)).
///
/// Source: Shapley 1953.
pub(crate) fn exact_shapley(group: usize, count: usize) -> CoalitionContrast {
    // 1 / (n · C(n − 1, |S|)), without factorials that overflow.
    let mut weights = vec![1.0 / count as f64; count];
    for size in 1..count {
        weights[size] = weights[size - 1] * size as f64 / (count - size) as f64;
    }
    let mut form = CoalitionContrast::default();
    for set in GroupCoalition::all(count).filter(|set| !set.contains(group)) {
        form.add_form(&CoalitionContrast::difference(set.with(group), set), weights[set.len()]);
    }
    form
}
