//! The group of decisions behind most regressions of a class.

use paring_core::schema::{Explanation, FlipDirection};
use std::collections::BTreeMap;

/// A group of decisions, and how many regressions of one class it answers for.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassCause {
    /// Words for the group.
    pub label: String,
    /// Regressions of the class for which it is among the fewest groups that put them back.
    pub answers_for: usize,
    /// Regressions of the class.
    pub regressions: usize,
}

/// The group that answers for most regressions of a class; `None` where no group does.
pub fn class_cause(found: &Explanation, class: i64) -> Option<ClassCause> {
    let own = || {
        let lost = found.flips.iter().filter(|flip| flip.kind == FlipDirection::Lost);
        lost.filter(move |flip| flip.label == Some(class))
    };
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for group in own().flat_map(|flip| &flip.groups) {
        *counts.entry(group).or_default() += 1;
    }
    let (id, answers_for) =
        counts.into_iter().max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(a.0)))?;
    let label = found.groups.iter().find(|group| group.id == id)?.label.clone();
    Some(ClassCause { label, answers_for, regressions: own().count() })
}
