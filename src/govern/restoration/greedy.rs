//! The greedy search: every candidate is tried anew after each restoration; at the end what became useless is
//! taken out again, and exchanged for what is cheaper.

use super::known_values::KnownValues;
use super::search_record::{
    RestorationChange, RestorationSpace, RestorationState, RestoreSearch, RestoreTrial,
    RestoredValue, SearchEnd,
};
use std::collections::BTreeSet;

/// Searches in a space; `value` is told what is put back and tuned, `record` hears of every trial once it is
/// decided.
///
/// In each round every remaining group is put back alone on top of what is; the one with the largest
/// decrease of the shortfall per cost stays. Where that one is a quantized layer, other settings of its step
/// are tried before, as they are where no group helps: if any decreases the shortfall, the one that does most
/// stays instead. The search ends where the variant passes, or nothing decreases the shortfall. Then each
/// restored group is taken out again, the most expensive first, and each setting reset; what the variant does
/// not need stays out. At last groups are exchanged for cheaper ones ([`super::exchanges`]).
///
/// # Errors
/// The first of `value` and `record`.
pub fn restore_greedily<E>(
    space: &RestorationSpace,
    value: &mut dyn FnMut(&RestorationState) -> Result<RestoredValue, E>,
    record: &mut dyn FnMut(&RestoreTrial) -> Result<(), E>,
) -> Result<RestoreSearch, E> {
    let mut known = KnownValues::new(value);
    let start = known.of(&RestorationState::default())?;
    let mut search = GreedySearch {
        space,
        known,
        record,
        restored: vec![],
        tuned: vec![],
        now: start,
        trials: vec![],
        settled: BTreeSet::new(),
    };
    search.grow()?;
    search.shrink()?;
    if search.now.passes {
        search.exchange()?;
    }
    let GreedySearch { restored, tuned, now: end, trials, .. } = search;
    let ended = match (start.passes, end.passes) {
        (true, _) => SearchEnd::PassesAsItIs,
        (false, true) => SearchEnd::Passes,
        (false, false) if restored.len() == space.quantized_by.len() => {
            SearchEnd::EverythingRestored
        }
        (false, false) => SearchEnd::NothingHelps,
    };
    Ok(RestoreSearch { restored, tuned, start, end, ended, trials, subsets: vec![] })
}

/// A greedy search on its way.
pub(super) struct GreedySearch<'a, E> {
    space: &'a RestorationSpace,
    pub(super) known: KnownValues<'a, E>,
    record: &'a mut dyn FnMut(&RestoreTrial) -> Result<(), E>,
    /// Groups that are put back, in the order of restoring.
    pub(super) restored: Vec<usize>,
    /// Tunings in force, in the order of tuning.
    tuned: Vec<usize>,
    /// The variant with them.
    pub(super) now: RestoredValue,
    trials: Vec<RestoreTrial>,
    /// Steps of which no setting that is left helps.
    settled: BTreeSet<usize>,
}

impl<E> GreedySearch<'_, E> {
    pub(super) fn state(&self) -> RestorationState {
        let (restored, tuned) = (self.restored.iter(), self.tuned.iter());
        RestorationState { restored: restored.copied().collect(), tuned: tuned.copied().collect() }
    }

    /// Groups that are not put back, in the order of trying.
    pub(super) fn open_groups(&self) -> Vec<usize> {
        let groups = self.space.quantized_by.len();
        let mut open: Vec<usize> = Vec::new();
        for group in self.space.order.iter().copied().chain(0..groups) {
            if group < groups && !self.restored.contains(&group) && !open.contains(&group) {
                open.push(group);
            }
        }
        open
    }

    /// A change, and what came of it.
    pub(super) fn tried(&mut self, change: RestorationChange) -> Result<RestoreTrial, E> {
        let beside = self.state();
        let after = self.known.of(&beside.with(&change))?;
        Ok(RestoreTrial { beside, change, before: self.now, after, kept: false })
    }

    /// Records trials, of which the one at `chosen` is kept.
    pub(super) fn decide(
        &mut self,
        mut round: Vec<RestoreTrial>,
        chosen: Option<usize>,
    ) -> Result<(), E> {
        if let Some(trial) = chosen.and_then(|chosen| round.get_mut(chosen)) {
            trial.kept = true;
            self.now = trial.after;
            match &trial.change {
                RestorationChange::Restore { group } => self.restored.push(*group),
                RestorationChange::Remove { group } => self.restored.retain(|own| own != group),
                RestorationChange::Exchange { removed, restored } => {
                    self.restored.retain(|own| !removed.contains(own));
                    self.restored.extend(restored);
                }
                RestorationChange::Tune { tuning } => self.tuned.push(*tuning),
                RestorationChange::Reset { tuning } => self.tuned.retain(|own| own != tuning),
            }
        }
        round.iter().try_for_each(|trial| (self.record)(trial))?;
        self.trials.extend(round);
        Ok(())
    }

    /// Puts back and tunes until the variant passes, or nothing helps.
    fn grow(&mut self) -> Result<(), E> {
        while !self.now.passes {
            let open = self.open_groups().into_iter();
            let round = open.map(|group| self.tried(RestorationChange::Restore { group }));
            let mut round = round.collect::<Result<Vec<_>, E>>()?;
            let best = best_trial(&round);
            let best_group = best.and_then(|at| match round.get(at)?.change {
                RestorationChange::Restore { group } => Some(group),
                _ => None,
            });
            let before = round.len();
            for step in self.steps_to_tune(best_group) {
                let tried = self.open_tunings(step).into_iter();
                let tried = tried.map(|tuning| self.tried(RestorationChange::Tune { tuning }));
                let tried = tried.collect::<Result<Vec<_>, E>>()?;
                if best_trial(&tried).is_none() {
                    self.settled.insert(step);
                }
                round.extend(tried);
            }
            let tuning = best_trial(round.get(before..).unwrap_or_default()).map(|at| at + before);
            let chosen = tuning.or(best);
            self.decide(round, chosen)?;
            if chosen.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// The step of the group that helps most, if it is quantized; all where no group helps.
    fn steps_to_tune(&self, best_group: Option<usize>) -> BTreeSet<usize> {
        let mut steps: BTreeSet<usize> = match best_group {
            Some(group) => {
                self.space.quantized_by.get(group).copied().flatten().into_iter().collect()
            }
            None => self.space.tunings.iter().map(|tuning| tuning.step).collect(),
        };
        steps.retain(|step| !self.settled.contains(step));
        steps
    }

    /// Tunings of a step whose settings are as the recipe has them.
    fn open_tunings(&self, step: usize) -> Vec<usize> {
        let all = &self.space.tunings;
        let is_open = |tuning: &usize| {
            all[*tuning].step == step && self.tuned.iter().all(|own| all[*own] != all[*tuning])
        };
        (0..all.len()).filter(is_open).collect()
    }

    /// Takes out what the variant does not need.
    fn shrink(&mut self) -> Result<(), E> {
        let groups = self.by_cost(self.restored.clone())?;
        let groups = groups.into_iter().map(|group| RestorationChange::Remove { group });
        let tunings = self.tuned.clone().into_iter();
        let tunings = tunings.map(|tuning| RestorationChange::Reset { tuning });
        for change in groups.chain(tunings).collect::<Vec<_>>() {
            let trial = self.tried(change)?;
            let RestoredValue { shortfall, cost, passes } = trial.after;
            let kept = cost <= self.now.cost
                && match self.now.passes {
                    true => passes,
                    false => shortfall <= self.now.shortfall,
                };
            self.decide(vec![trial], kept.then_some(0))?;
        }
        Ok(())
    }

    /// Groups, the most expensive first.
    pub(super) fn by_cost(&mut self, mut groups: Vec<usize>) -> Result<Vec<usize>, E> {
        let mut costs = Vec::new();
        for group in 0..self.space.quantized_by.len() {
            costs.push(match groups.contains(&group) {
                true => self.alone(group)?.cost,
                false => 0.0,
            });
        }
        groups.sort_by(|a, b| costs[*b].total_cmp(&costs[*a]));
        Ok(groups)
    }

    /// Decreases of the shortfall by a group in its trials, in order: where it was put back, and where it was
    /// taken out what that lost.
    pub(super) fn gains(&self, group: usize) -> impl Iterator<Item = f64> + '_ {
        self.trials.iter().filter_map(move |trial| match trial.change {
            RestorationChange::Restore { group: own } if own == group => Some(trial.gain()),
            RestorationChange::Remove { group: own } if own == group => Some(-trial.gain()),
            _ => None,
        })
    }

    /// The value of the variant with nothing but one group put back: the first round has asked for it.
    pub(super) fn alone(&mut self, group: usize) -> Result<RestoredValue, E> {
        let change = RestorationChange::Restore { group };
        self.known.of(&RestorationState::default().with(&change))
    }
}

/// Position of the trial that decreases the shortfall most for what it costs; of two that cost nothing the
/// one that decreases it more, of two alike the first. `None` where none does.
fn best_trial(trials: &[RestoreTrial]) -> Option<usize> {
    let useful = trials.iter().enumerate().filter(|(_, trial)| trial.gain() > 0.0);
    let best = useful.rev().max_by(|(_, a), (_, b)| {
        let ratio = a.gain_per_cost().total_cmp(&b.gain_per_cost());
        ratio.then(a.gain().total_cmp(&b.gain()))
    });
    best.map(|(at, _)| at)
}
