//! The search for what to put back so that a variant passes: greedy, with every candidate tried anew after
//! each restoration, and a way back at the end.

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The worth of a variant in which some groups are put back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RestoredValue {
    /// Distance from meeting all requirements, each in reaches of its interval at the start; 0 where all
    /// are met.
    pub shortfall: f64,
    /// Size that the search saves: multiply-accumulates, or bytes.
    pub cost: f64,
    /// True where all requirements that the search looks at are met.
    pub passes: bool,
}

/// A group that was tried.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RestoreTrial {
    /// Groups that were put back before it.
    pub restored: Vec<usize>,
    /// The group.
    pub group: usize,
    /// The trial.
    pub action: RestoreAction,
    /// Before it.
    pub before: RestoredValue,
    /// After it.
    pub after: RestoredValue,
    /// True where it was kept.
    pub kept: bool,
}

/// A change that is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RestoreAction {
    /// A group is put back.
    Restore,
    /// A group that was put back is taken out again.
    Remove,
}

/// Result of a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RestoreSearch {
    /// Groups that are put back at the end, in the order of restoring.
    pub restored: Vec<usize>,
    /// The variant at the start.
    pub start: RestoredValue,
    /// The variant at the end.
    pub end: RestoredValue,
    /// Every trial, in order.
    pub trials: Vec<RestoreTrial>,
}

/// Searches among `groups` removed groups; `value` is told which are put back.
///
/// In each round every remaining group is put back alone on top of what is; the one with the largest
/// decrease of the shortfall per cost stays. The search ends where the variant passes, or no group
/// decreases the shortfall. Then each restored group is taken out again, the most expensive first, and
/// stays out where the variant passes all the same (or, where it never passed, is no worse).
///
/// # Errors
/// The first of `value`.
pub fn restore_greedily<E>(
    groups: usize,
    value: &mut dyn FnMut(&BTreeSet<usize>) -> Result<RestoredValue, E>,
) -> Result<RestoreSearch, E> {
    let mut known = KnownValues { value, found: BTreeMap::new() };
    let mut restored: Vec<usize> = Vec::new();
    let start = known.of(&restored, None)?;
    let (mut end, mut trials) = (start, Vec::new());
    while !end.passes && restored.len() < groups {
        let first = trials.len();
        for group in (0..groups).filter(|group| !restored.contains(group)) {
            let after = known.of(&restored, Some(group))?;
            let (restored, action) = (restored.clone(), RestoreAction::Restore);
            trials.push(RestoreTrial { restored, group, action, before: end, after, kept: false });
        }
        let round = trials.get_mut(first..).unwrap_or_default();
        let Some(best) = best_trial(round) else { break };
        best.kept = true;
        restored.push(best.group);
        end = best.after;
    }
    let mut by_cost = restored.clone();
    let mut alone = BTreeMap::new();
    for group in &by_cost {
        alone.insert(*group, known.of(&[], Some(*group))?.cost);
    }
    by_cost.sort_by(|a, b| alone[b].total_cmp(&alone[a]));
    for group in by_cost {
        let without: Vec<usize> = restored.iter().copied().filter(|own| *own != group).collect();
        let after = known.of(&without, None)?;
        let kept = match end.passes {
            true => after.passes,
            false => after.shortfall <= end.shortfall,
        };
        let (before, action) = (end, RestoreAction::Remove);
        trials.push(RestoreTrial { restored: without.clone(), group, action, before, after, kept });
        if kept {
            (restored, end) = (without, after);
        }
    }
    Ok(RestoreSearch { restored, start, end, trials })
}

/// The trial that decreases the shortfall most for what it costs; of two that cost nothing the one that
/// decreases it more. `None` where none does.
fn best_trial(trials: &mut [RestoreTrial]) -> Option<&mut RestoreTrial> {
    let worth = |trial: &RestoreTrial| {
        let gain = trial.before.shortfall - trial.after.shortfall;
        let cost = trial.after.cost - trial.before.cost;
        let ratio = if cost > 0.0 { gain / cost } else { f64::INFINITY };
        (ratio, gain)
    };
    let useful = trials.iter_mut().filter(|trial| worth(trial).1 > 0.0);
    useful.max_by(|a, b| {
        let (a, b) = (worth(a), worth(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    })
}

/// Values, each asked for once.
struct KnownValues<'a, E> {
    value: &'a mut dyn FnMut(&BTreeSet<usize>) -> Result<RestoredValue, E>,
    found: BTreeMap<BTreeSet<usize>, RestoredValue>,
}

impl<E> KnownValues<'_, E> {
    fn of(&mut self, restored: &[usize], more: Option<usize>) -> Result<RestoredValue, E> {
        let set: BTreeSet<usize> = restored.iter().copied().chain(more).collect();
        if let Some(found) = self.found.get(&set) {
            return Ok(*found);
        }
        let found = (self.value)(&set)?;
        self.found.insert(set, found);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::stats;
    use rand::RngExt;
    use std::convert::Infallible;

    /// Every group costs quality, and saves so much; up to `bound` of quality may be lost.
    fn search(losses: &[f64], costs: &[f64], bound: f64) -> (RestoreSearch, usize) {
        let mut asked = 0;
        let mut value = |set: &BTreeSet<usize>| -> Result<RestoredValue, Infallible> {
            asked += 1;
            let loss: f64 =
                losses.iter().enumerate().filter(|(g, _)| !set.contains(g)).map(|(_, l)| l).sum();
            let cost = set.iter().map(|group| costs[*group]).sum();
            let shortfall = (loss - bound).max(0.0);
            Ok(RestoredValue { shortfall, cost, passes: loss <= bound })
        };
        let Ok(found) = restore_greedily(losses.len(), &mut value);
        (found, asked)
    }

    #[test]
    fn the_harmful_group_is_restored_first_in_20_of_20() {
        for seed in 0..20 {
            let mut rng = stats::generator(seed, "planted");
            let culprit = rng.random_range(0..8);
            let losses: Vec<f64> = (0..8)
                .map(|group| if group == culprit { 0.3 } else { 0.002 * rng.random::<f64>() })
                .collect();
            let costs: Vec<f64> = (0..8).map(|_| 1.0 + rng.random::<f64>()).collect();
            let (found, _) = search(&losses, &costs, 0.02);
            assert_eq!(found.restored, [culprit], "{seed}");
            assert!(found.end.passes && !found.start.passes);
            let kept: Vec<&RestoreTrial> = found.trials.iter().filter(|t| t.kept).collect();
            assert_eq!((kept.len(), kept[0].group), (1, culprit));
        }
    }

    #[test]
    fn what_it_gives_back_is_near_the_best_subset_and_below_random_order() {
        let (mut greedy, mut best, mut random) = (0.0, 0.0, 0.0);
        for seed in 0..20 {
            let mut rng = stats::generator(seed, "subsets");
            let losses: Vec<f64> = (0..8).map(|_| 0.03 * rng.random::<f64>()).collect();
            let costs: Vec<f64> = (0..8).map(|_| 1.0 + 9.0 * rng.random::<f64>()).collect();
            let (found, asked) = search(&losses, &costs, 0.04);
            assert!(found.end.passes && asked <= 8 * 9 / 2 + 1 + 8 + 8, "{asked}");
            greedy += found.end.cost;
            let cost = |set: u32| (0..8).filter(|g| set & (1 << g) != 0).map(|g| costs[g]).sum();
            let passes = |set: &u32| {
                let loss: f64 = (0..8).filter(|g| set & (1 << g) == 0).map(|g| losses[g]).sum();
                loss <= 0.04
            };
            let costs_of: Vec<f64> = (0..256u32).filter(passes).map(cost).collect();
            best += costs_of.into_iter().fold(f64::INFINITY, f64::min);
            let mut set = 0u32;
            while !passes(&set) {
                set |= 1 << rng.random_range(0..8);
            }
            random += cost(set);
        }
        assert!(greedy <= 1.1 * best && greedy < 0.9 * random, "{greedy} {best} {random}");
    }

    #[test]
    fn a_restoration_that_another_makes_useless_is_taken_back() {
        // Group 0 helps most for its cost, and not at all beside 1 and 2.
        let mut value = |set: &BTreeSet<usize>| -> Result<RestoredValue, Infallible> {
            let has = |group| set.contains(&group);
            let shortfall = match (has(0), has(1), has(2)) {
                (_, true, true) => 0.0,
                (true, true, false) | (true, false, true) => 0.3,
                (true, false, false) => 0.5,
                (false, true, false) | (false, false, true) => 0.8,
                (false, false, false) => 1.0,
            };
            let cost = set.iter().map(|group| [2.0, 1.5, 1.5][*group]).sum();
            Ok(RestoredValue { shortfall, cost, passes: shortfall == 0.0 })
        };
        let Ok(found) = restore_greedily(3, &mut value);
        assert_eq!(found.restored.iter().collect::<BTreeSet<_>>(), BTreeSet::from([&1, &2]));
        let last = found.trials.iter().find(|t| t.action == RestoreAction::Remove).unwrap();
        assert_eq!((last.group, last.kept), (0, true));
    }

    #[test]
    fn where_nothing_helps_nothing_is_restored() {
        let (found, _) = search(&[0.0, 0.0], &[1.0, 1.0], -1.0);
        assert_eq!((found.restored.len(), found.end.passes), (0, false));
        assert_eq!(found.trials.len(), 2);
        let (done, asked) = search(&[0.1], &[1.0], 0.5);
        assert_eq!((done.restored.len(), done.end.passes, asked), (0, true, 1));
    }
}
