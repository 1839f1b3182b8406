//! The searches against each other, on problems of which the answer is known.

use super::*;
use paring_core::stats::{self, SeededGenerator};
use rand::RngExt;
use rand::seq::SliceRandom;
use std::collections::BTreeSet;
use std::convert::Infallible;

/// A variant whose groups cost quality and save so much, alone and in pairs.
struct RestorationProblem {
    losses: Vec<f64>,
    costs: Vec<f64>,
    /// Loss of pairs of groups, neither of which is put back, beside that of each.
    pairs: Vec<(usize, usize, f64)>,
    /// Loss that may be left.
    bound: f64,
}

impl RestorationProblem {
    fn additive(losses: &[f64], costs: &[f64], bound: f64) -> RestorationProblem {
        RestorationProblem { losses: losses.to_vec(), costs: costs.to_vec(), pairs: vec![], bound }
    }

    fn random(rng: &mut SeededGenerator, groups: usize, pairs: usize) -> RestorationProblem {
        let losses: Vec<f64> = (0..groups).map(|_| 0.03 * rng.random::<f64>()).collect();
        let costs = (0..groups).map(|_| 1.0 + 9.0 * rng.random::<f64>()).collect();
        let pair = |rng: &mut SeededGenerator| {
            let (a, b) = (rng.random_range(0..groups), rng.random_range(0..groups));
            (a, b, 0.02 * rng.random::<f64>() - 0.005)
        };
        let pairs = (0..pairs).map(|_| pair(rng)).filter(|(a, b, _)| a != b).collect();
        RestorationProblem { bound: 0.3 * losses.iter().sum::<f64>(), losses, costs, pairs }
    }

    fn value(&self, state: &RestorationState) -> RestoredValue {
        let out = |group: &usize| !state.restored.contains(group);
        let each = self.losses.iter().enumerate().filter(|(g, _)| out(g)).map(|(_, l)| l);
        let pairs = self.pairs.iter().filter(|(a, b, _)| out(a) && out(b)).map(|(_, _, l)| l);
        let loss = each.chain(pairs).sum::<f64>();
        let cost = state.restored.iter().map(|group| self.costs[*group]).sum();
        let shortfall = (loss - self.bound).max(0.0);
        RestoredValue { shortfall, cost, passes: shortfall == 0.0 }
    }

    fn space(&self) -> RestorationSpace {
        RestorationSpace { quantized_by: vec![None; self.losses.len()], ..Default::default() }
    }

    /// The greedy search, and how many values it asked for.
    fn greedy(&self) -> (RestoreSearch, usize) {
        let mut asked = 0;
        let mut value = |state: &RestorationState| -> Result<_, Infallible> {
            asked += 1;
            Ok(self.value(state))
        };
        let Ok(found) = restore_greedily(&self.space(), &mut value, &mut |_| Ok(()));
        (found, asked)
    }

    fn best(&self) -> RestoreSearch {
        let mut value =
            |state: &RestorationState| -> Result<_, Infallible> { Ok(self.value(state)) };
        let Ok(found) = restore_exhaustively(self.losses.len(), &mut value, &mut |_| Ok(()));
        found
    }

    /// Cost of restoring in random order until the variant passes.
    fn in_random_order(&self, rng: &mut SeededGenerator) -> f64 {
        let mut order: Vec<usize> = (0..self.losses.len()).collect();
        order.shuffle(rng);
        let mut state = RestorationState::default();
        for group in order {
            if self.value(&state).passes {
                break;
            }
            state = state.with(&RestorationChange::Restore { group });
        }
        self.value(&state).cost
    }
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
        let (found, _) = RestorationProblem::additive(&losses, &costs, 0.02).greedy();
        assert_eq!((&found.restored[..], found.ended), (&[culprit][..], SearchEnd::Passes));
        let kept: Vec<&RestoreTrial> = found.trials.iter().filter(|t| t.kept).collect();
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].change, RestorationChange::Restore { group: culprit });
    }
}

/// Costs over those of the best set, and of random order, over many problems.
#[track_caller]
fn near_the_best(pairs: usize, most: f64, asked_most: usize) {
    let (mut greedy, mut best, mut random) = (0.0, 0.0, 0.0);
    for seed in 0..200 {
        let mut rng = stats::generator(seed, "subsets");
        let problem = RestorationProblem::random(&mut rng, 8, pairs);
        let (found, asked) = problem.greedy();
        let least = problem.best();
        assert_eq!((found.end.passes, least.end.passes), (true, true));
        assert!(asked <= asked_most, "{asked} values");
        assert!(found.end.cost >= least.end.cost - 1e-9, "better than the best");
        greedy += found.end.cost;
        best += least.end.cost;
        random += (0..5).map(|_| problem.in_random_order(&mut rng)).sum::<f64>() / 5.0;
    }
    assert!(greedy <= most * best && greedy < 0.75 * random, "{greedy} {best} {random}");
}

#[test]
fn what_it_gives_back_is_near_the_best_subset_and_below_random_order() {
    // Each round tries what is left, each restored group is taken out again, and exchanges are bounded.
    near_the_best(0, 1.01, 8 * 9 / 2 + 1 + 8 + 16);
    near_the_best(12, 1.01, 8 * 9 / 2 + 1 + 8 + 16);
}

#[test]
fn a_restoration_that_another_makes_useless_is_taken_back() {
    // Group 0 helps most for its cost, and not at all beside 1 and 2.
    let mut value = |state: &RestorationState| -> Result<RestoredValue, Infallible> {
        let has = |group| state.restored.contains(&group);
        let shortfall = match (has(0), has(1), has(2)) {
            (_, true, true) => 0.0,
            (true, true, false) | (true, false, true) => 0.3,
            (true, false, false) => 0.5,
            (false, true, false) | (false, false, true) => 0.8,
            (false, false, false) => 1.0,
        };
        let cost = state.restored.iter().map(|group| [2.0, 1.5, 1.5][*group]).sum();
        Ok(RestoredValue { shortfall, cost, passes: shortfall == 0.0 })
    };
    let space = RestorationSpace { quantized_by: vec![None; 3], ..Default::default() };
    let mut heard = Vec::new();
    let mut record = |trial: &RestoreTrial| {
        heard.push(trial.clone());
        Ok(())
    };
    let Ok(found) = restore_greedily(&space, &mut value, &mut record);
    assert_eq!(found.restored.iter().collect::<BTreeSet<_>>(), BTreeSet::from([&1, &2]));
    let is_removal =
        |trial: &&RestoreTrial| matches!(trial.change, RestorationChange::Remove { .. });
    let first = found.trials.iter().find(is_removal).unwrap();
    assert_eq!((&first.change, first.kept), (&RestorationChange::Remove { group: 0 }, true));
    assert_eq!(heard, found.trials, "every trial is recorded, kept or not");
}

#[test]
fn a_group_is_exchanged_for_a_cheaper_one_that_does_as_well() {
    // Group 0 gains most per cost, and leaves too little for 1 alone; 1 and 2 together cost less than
    // 0 and 1.
    let problem = RestorationProblem::additive(&[0.05, 0.04, 0.02], &[10.0, 9.0, 5.0], 0.05);
    let (found, _) = problem.greedy();
    assert_eq!(found.end.cost, problem.best().end.cost);
    assert!(found.end.cost <= 14.0, "{found:?}");
}

#[test]
fn settings_are_tuned_before_a_layer_gets_its_bits_back() {
    // Groups 0 and 1 are layers of quantize step 3; setting 0 has two other values, setting 1 one.
    let tunings = [(3, 0), (3, 0), (3, 1)].map(|(step, setting)| CandidateTuning { step, setting });
    let space = RestorationSpace {
        quantized_by: vec![Some(3), Some(3), None],
        tunings: tunings.to_vec(),
        order: vec![1],
    };
    let search = |gains: [f64; 3]| {
        let mut value = |state: &RestorationState| -> Result<RestoredValue, Infallible> {
            let restored: f64 = state.restored.iter().map(|group| [0.5, 0.2, 0.1][*group]).sum();
            let tuned: f64 = state.tuned.iter().map(|tuning| gains[*tuning]).sum();
            let shortfall = f64::max(0.6 - restored - tuned, 0.0);
            let cost = state.restored.len() as f64;
            Ok(RestoredValue { shortfall, cost, passes: shortfall < 1e-9 })
        };
        let Ok(found) = restore_greedily(&space, &mut value, &mut |_| Ok(()));
        found
    };
    // Both settings together do it: no bits come back.
    let found = search([0.1, 0.4, 0.2]);
    assert_eq!((found.restored.len(), &found.tuned[..]), (0, &[1, 2][..]));
    // Of the two values of one setting the better one is in force, and a layer comes back besides.
    let found = search([0.1, 0.2, -0.1]);
    assert_eq!((&found.restored[..], &found.tuned[..]), (&[0][..], &[1][..]));
    let first = found.trials.iter().find(|trial| trial.kept).unwrap();
    assert_eq!(first.change, RestorationChange::Tune { tuning: 1 });
    // No setting helps: they are tried once.
    let found = search([-0.1, 0.0, -0.2]);
    let is_tuning = |t: &&RestoreTrial| matches!(t.change, RestorationChange::Tune { .. });
    assert_eq!((found.trials.iter().filter(is_tuning).count(), found.tuned.len()), (3, 0));
    // A setting that the variant turns out not to need is reset.
    let found = search([0.05, 0.0, 0.0]);
    assert_eq!((&found.restored[..], found.tuned.len()), (&[0, 1][..], 0));
}

#[test]
fn where_nothing_helps_nothing_is_restored() {
    let (found, _) = RestorationProblem::additive(&[0.0, 0.0], &[1.0, 1.0], -1.0).greedy();
    assert_eq!((found.restored.len(), found.ended), (0, SearchEnd::NothingHelps));
    assert_eq!(found.trials.len(), 2);
    let (done, asked) = RestorationProblem::additive(&[0.1], &[1.0], 0.5).greedy();
    assert_eq!((done.ended, asked), (SearchEnd::PassesAsItIs, 1));
    let (all, _) = RestorationProblem::additive(&[0.1, 0.1], &[1.0, 1.0], -1.0).greedy();
    assert_eq!(all.ended, SearchEnd::EverythingRestored);
    assert_eq!(RestorationProblem::additive(&[0.1, 0.1], &[1.0, 1.0], -1.0).best().end, all.end);
}
