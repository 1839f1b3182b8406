//! The record of a search for what to put back: every trial with what came of it.

use serde::Serialize;
use std::collections::BTreeSet;

/// The worth of a variant in which some groups are put back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RestoredValue {
    /// Distance from meeting all requirements, each in reaches of its interval at the start; 0 where all
    /// are met.
    pub shortfall: f64,
    /// Cost that the search saves: multiply-accumulates, bytes, or what was measured of the groups that
    /// are put back, in nanoseconds or microjoules.
    pub cost: f64,
    /// True where all requirements that the search looks at are met.
    pub passes: bool,
}

/// Groups and settings that a search may change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RestorationSpace {
    /// For each group of decisions the quantize step that it is of; `None` of a removal.
    pub quantized_by: Vec<Option<usize>>,
    /// Other settings of quantize steps.
    pub tunings: Vec<CandidateTuning>,
    /// Groups in the order in which they are tried; those that are not named follow.
    pub order: Vec<usize>,
}

/// Another value of a setting of a quantize step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CandidateTuning {
    /// The step.
    pub step: usize,
    /// Number of the setting: of each one value is in force.
    pub setting: usize,
}

/// Groups that are put back, and tunings in force; both by number.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RestorationState {
    /// Groups that are put back.
    pub restored: BTreeSet<usize>,
    /// Tunings in force.
    pub tuned: BTreeSet<usize>,
}

impl RestorationState {
    /// The state after a change.
    #[must_use]
    pub fn with(&self, change: &RestorationChange) -> RestorationState {
        let mut state = self.clone();
        match change {
            RestorationChange::Restore { group } => drop(state.restored.insert(*group)),
            RestorationChange::Remove { group } => drop(state.restored.remove(group)),
            RestorationChange::Exchange { removed, restored } => {
                state.restored.retain(|group| !removed.contains(group));
                state.restored.extend(restored);
            }
            RestorationChange::Tune { tuning } => drop(state.tuned.insert(*tuning)),
            RestorationChange::Reset { tuning } => drop(state.tuned.remove(tuning)),
        }
        state
    }
}

/// A change that is tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum RestorationChange {
    /// A group is put back.
    Restore {
        /// The group.
        group: usize,
    },
    /// A group that was put back is taken out again.
    Remove {
        /// The group.
        group: usize,
    },
    /// Groups that were put back are taken out again, and cheaper ones put back instead.
    Exchange {
        /// Groups that are taken out.
        removed: Vec<usize>,
        /// Groups that are put back.
        restored: Vec<usize>,
    },
    /// A setting of a quantize step gets another value.
    Tune {
        /// The tuning.
        tuning: usize,
    },
    /// It gets the recipe's value again.
    Reset {
        /// The tuning.
        tuning: usize,
    },
}

/// A change that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RestoreTrial {
    /// Groups and tunings that were in force before it.
    pub beside: RestorationState,
    /// The change.
    #[serde(flatten)]
    pub change: RestorationChange,
    /// Before it.
    pub before: RestoredValue,
    /// After it.
    pub after: RestoredValue,
    /// True where it was kept.
    pub kept: bool,
}

impl RestoreTrial {
    /// Decrease of the shortfall.
    pub fn gain(&self) -> f64 {
        self.before.shortfall - self.after.shortfall
    }

    /// Increase of the cost.
    pub fn price(&self) -> f64 {
        self.after.cost - self.before.cost
    }

    /// Decrease of the shortfall per cost; without bound where it costs nothing.
    pub fn gain_per_cost(&self) -> f64 {
        if self.price() > 0.0 { self.gain() / self.price() } else { f64::INFINITY }
    }
}

/// The worth of a variant with one set of groups put back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SubsetValue {
    /// The groups.
    pub restored: BTreeSet<usize>,
    /// The worth.
    #[serde(flatten)]
    pub value: RestoredValue,
}

/// Reason that a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SearchEnd {
    /// The variant passes as it is.
    PassesAsItIs,
    /// It passes with what is put back.
    Passes,
    /// It does not pass, and none of the groups that are left decreases the shortfall.
    NothingHelps,
    /// It does not pass with everything put back.
    EverythingRestored,
}

/// Result of a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RestoreSearch {
    /// Groups that are put back at the end, in the order of restoring.
    pub restored: Vec<usize>,
    /// Tunings in force at the end.
    pub tuned: Vec<usize>,
    /// The variant at the start.
    pub start: RestoredValue,
    /// The variant at the end.
    pub end: RestoredValue,
    /// Reason that it ended.
    pub ended: SearchEnd,
    /// Every trial, in order.
    pub trials: Vec<RestoreTrial>,
    /// Every set of groups, where all were tried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subsets: Vec<SubsetValue>,
}
