//! Recall, precision and F1 of single classes, and their Wilson intervals.

use crate::evaluate::metrics::ClassCounts;
use paring_core::schema::ConfidenceInterval;
use paring_core::stats;

/// Recall, precision and F1 of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClassRate {
    /// Share of its samples that were recognised.
    Recall,
    /// Share of its predictions that are right.
    Precision,
    /// Their harmonic mean.
    F1,
}

impl ClassRate {
    pub(super) const ALL: [ClassRate; 3] = [ClassRate::Recall, ClassRate::Precision, ClassRate::F1];

    /// Its value; `None` where nothing is decided.
    pub(super) fn value(self, counts: &ClassCounts, class: usize) -> Option<f64> {
        match self {
            ClassRate::Recall => counts.recall(class),
            ClassRate::Precision => counts.precision(class),
            ClassRate::F1 => counts.f1(class),
        }
    }

    /// Over how many decisions it goes.
    pub(super) fn units(self, counts: &ClassCounts, class: usize) -> f64 {
        match self {
            ClassRate::Recall => counts.labelled[class],
            ClassRate::Precision => counts.predicted[class],
            ClassRate::F1 => counts.labelled[class] + counts.predicted[class],
        }
    }

    /// Its interval for decisions that do not depend on each other; samples that recall and precision
    /// speak of are proportions. F1 is 2J / (1 + J) of the share J of hits among all samples that are
    /// or are called so, which is a proportion.
    pub(super) fn wilson(self, counts: &ClassCounts, class: usize) -> Option<ConfidenceInterval> {
        let (value, true_positives) = (self.value(counts, class)?, counts.true_positives[class]);
        let all = match self {
            ClassRate::F1 => counts.labelled[class] + counts.predicted[class] - true_positives,
            _ => self.units(counts, class),
        };
        let share = stats::wilson_interval(true_positives.round() as usize, all.round() as usize)?;
        let of = |j: f64| if self == ClassRate::F1 { 2.0 * j / (1.0 + j) } else { j };
        Some(ConfidenceInterval { value, low: of(share.low), high: of(share.high) })
    }
}
