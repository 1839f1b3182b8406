//! The order in which experiments are done: what says most first, until a budget ends.

use super::experiment_plan::ExperimentPlan;
use super::experiment_progress::ExperimentProgress;
use crate::attribution::shapley::GroupCoalition;

/// Does the experiments of a plan on so many draws: the base and a pair of orders on the study's own
/// draw, always; the same on the others; all but each two; then every set, where that can be afforded,
/// or pairs of orders on all draws in turn, so that wherever the budget ends all draws have the same.
/// `order` lists groups, the largest expected effects first; `afford` says whether so many more
/// experiments may be begun.
///
/// # Errors
/// Those of `run`, which does experiments on a draw.
pub fn explore<E>(
    plan: &ExperimentPlan,
    draws: usize,
    order: &[usize],
    afford: &mut dyn FnMut(usize) -> bool,
    run: &mut impl FnMut(usize, &[GroupCoalition]) -> Result<(), E>,
) -> Result<ExperimentProgress, E> {
    let mut explored = ExperimentProgress::default();
    let first = [plan.base(order), plan.sets(0)].concat();
    while explored.draws < draws && (explored.draws == 0 || afford(first.len())) {
        run(explored.draws, &first)?;
        explored.draws += 1;
    }
    explored.pairs = plan.pairs().min(1);
    let leave_two_out = plan.leave_two_out();
    explored.leave_two_out = leave_two_out.is_empty() || afford(leave_two_out.len());
    if explored.leave_two_out {
        run(0, &leave_two_out)?;
    }
    explored.exact = plan.all().is_some_and(|all| afford(all * explored.draws));
    if explored.exact {
        let all: Vec<GroupCoalition> = GroupCoalition::all(plan.count()).collect();
        (0..explored.draws).try_for_each(|draw| run(draw, &all))?;
    }
    while !explored.exact && explored.pairs < plan.pairs() {
        let sets = plan.sets(explored.pairs);
        if !afford(sets.len() * explored.draws) {
            break;
        }
        (0..explored.draws).try_for_each(|draw| run(draw, &sets))?;
        explored.pairs += 1;
    }
    let ended = explored.exact || explored.pairs == plan.pairs();
    explored.cut_short = explored.draws < draws || !explored.leave_two_out || !ended;
    Ok(explored)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn wherever_the_budget_ends_all_draws_have_the_same() {
        let plan = ExperimentPlan::new(6, 5, 1);
        let mut seen = BTreeSet::new();
        for budget in 0..400 {
            let mut left = budget;
            let mut done: Vec<BTreeSet<GroupCoalition>> = vec![BTreeSet::new(); 3];
            let mut afford = |count: usize| {
                let enough = count <= left;
                left -= if enough { count } else { 0 };
                enough
            };
            let mut run = |draw: usize, sets: &[GroupCoalition]| {
                done[draw].extend(sets);
                Ok::<(), ()>(())
            };
            let found = explore(&plan, 3, &[5, 4, 3, 2, 1, 0], &mut afford, &mut run).unwrap();
            seen.insert((found.draws, found.exact, found.pairs));
            for draw in &done[..found.draws] {
                for group in 0..6 {
                    let form = plan.shapley(group, &found).unwrap().form;
                    assert!(form.terms().all(|(set, _)| draw.contains(&set)));
                }
            }
        }
        assert!(seen.contains(&(1, false, 1)) && seen.contains(&(3, true, 1)), "{seen:?}");
    }
}
