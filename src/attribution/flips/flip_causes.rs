//! Blame for flips: the fewest groups that, left undone, give a sample its old class again.

use crate::attribution::experiments::ExperimentTable;
use crate::attribution::shapley::GroupCoalition;
use paring_core::schema::{
    DecisionGroup, ExperimentPredictions, FlipBlame, FlipDirection, GroupBlame,
};
use std::collections::BTreeSet;

/// The flips of a variant, and the sets of groups that were found to put each back.
#[derive(Clone, Debug)]
pub struct FlipCauses {
    count: usize,
    /// Positions among the asked samples.
    samples: Vec<usize>,
    /// For each flip the sets that put it back, all of the smallest known size.
    back: Vec<Vec<GroupCoalition>>,
}

impl FlipCauses {
    /// Looks all experiments on the study's own draw through.
    pub fn find(table: &ExperimentTable, count: usize) -> FlipCauses {
        let all = GroupCoalition::full(count);
        let class = |set: GroupCoalition| table.answers(0, set).map(|a| a.classes.as_slice());
        let (Some(before), Some(after)) = (class(GroupCoalition::EMPTY), class(all)) else {
            return FlipCauses { count, samples: vec![], back: vec![] };
        };
        let samples: Vec<usize> = (0..before.len()).filter(|s| before[*s] != after[*s]).collect();
        let sets: Vec<(GroupCoalition, &ExperimentPredictions)> =
            table.draws[0].iter().map(|(set, e)| (*set, &e.answers)).collect();
        let back = samples.iter().map(|sample| {
            let puts_back = sets.iter().filter(|(_, a)| a.classes[*sample] == before[*sample]);
            let undone: Vec<GroupCoalition> = puts_back.map(|(set, _)| all.less(*set)).collect();
            let fewest = undone.iter().map(|set| set.len()).min().unwrap_or(count);
            undone.into_iter().filter(|set| set.len() == fewest).collect()
        });
        FlipCauses { count, back: back.collect(), samples }
    }

    /// Sets to try next: what is left of the smallest sets known with one group less, where these have
    /// more groups than were tried exhaustively.
    pub fn smaller(&self, table: &ExperimentTable, tried: usize) -> Vec<GroupCoalition> {
        let all = GroupCoalition::full(self.count);
        let large = self.back.iter().filter_map(|sets| sets.first());
        let large = large.filter(|set| set.len() > tried + 1);
        let less = large.flat_map(|set| set.groups().map(move |g| all.less(set.without(g))));
        let new: BTreeSet<GroupCoalition> =
            less.filter(|set| table.answers(0, *set).is_none()).collect();
        new.into_iter().collect()
    }

    /// The records, in the order of samples. `tried` is the size up to which all sets were tried,
    /// `samples` are the dataset's indices of those asked.
    pub fn records(
        &self,
        table: &ExperimentTable,
        groups: &[DecisionGroup],
        samples: &[usize],
        tried: usize,
    ) -> Vec<FlipBlame> {
        let answers =
            [GroupCoalition::EMPTY, GroupCoalition::full(self.count)].map(|s| table.answers(0, s));
        let [Some(before), Some(after)] = answers else { return vec![] };
        let weight = self.singles();
        let each = self.samples.iter().zip(&self.back).map(|(position, sets)| {
            let label = table.truth.labelled().then(|| table.truth.labels[*position]);
            let (was, is) = (before.classes[*position], after.classes[*position]);
            // Among equals, the set whose groups put back most samples by themselves.
            let blamed = sets.iter().max_by_key(|set| {
                (set.groups().map(|g| weight[g]).sum::<usize>(), std::cmp::Reverse(**set))
            });
            let blamed = blamed.copied().unwrap_or(GroupCoalition::full(self.count));
            FlipBlame {
                sample: samples[*position],
                label,
                before: was,
                after: is,
                kind: kind(label, was, is),
                groups: blamed.groups().map(|g| groups[g].id.clone()).collect(),
                alternatives: sets.len(),
                exhaustive: blamed.len() <= tried + 1,
            }
        });
        each.collect()
    }

    /// For each group the flips that it alone puts back.
    fn singles(&self) -> Vec<usize> {
        let alone =
            |set: GroupCoalition| self.back.iter().filter(|sets| sets.contains(&set)).count();
        (0..self.count).map(|g| alone(GroupCoalition::of(g))).collect()
    }

    /// Positions of the lost samples of a class that a group alone puts back.
    pub fn lost_alone(
        &self,
        table: &ExperimentTable,
        group: usize,
        class: Option<i64>,
    ) -> Vec<usize> {
        let Some(before) = table.answers(0, GroupCoalition::EMPTY) else { return vec![] };
        let each = self.samples.iter().zip(&self.back);
        let own = each.filter(|(position, sets)| {
            let label = table.truth.labels[**position];
            table.truth.labelled()
                && before.classes[**position] == Some(label)
                && class.is_none_or(|class| class == label)
                && sets.contains(&GroupCoalition::of(group))
        });
        own.map(|(position, _)| *position).collect()
    }

    /// Sums over the groups, those that answer for most lost samples first.
    pub fn by_group(
        records: &[FlipBlame],
        flips: &FlipCauses,
        groups: &[DecisionGroup],
    ) -> Vec<GroupBlame> {
        let of = |group: &(usize, &DecisionGroup)| {
            let (position, group) = *group;
            let alone = |kind: FlipDirection| {
                let each = records.iter().zip(&flips.back).filter(|(r, _)| r.kind == kind);
                each.filter(|(_, sets)| sets.contains(&GroupCoalition::of(position))).count()
            };
            let with = records.iter().zip(&flips.back).filter(|(r, sets)| {
                let several = sets.first().is_some_and(|set| set.len() > 1);
                r.kind == FlipDirection::Lost && several && r.groups.contains(&group.id)
            });
            GroupBlame {
                group: group.id.clone(),
                lost_alone: alone(FlipDirection::Lost),
                lost_with_others: with.count(),
                won_alone: alone(FlipDirection::Won),
                changed_alone: alone(FlipDirection::Changed),
            }
        };
        let mut sums: Vec<GroupBlame> = groups.iter().enumerate().map(|group| of(&group)).collect();
        let own = |sum: &GroupBlame| (sum.lost_alone + sum.changed_alone, sum.lost_with_others);
        sums.sort_by_key(|sum| std::cmp::Reverse(own(sum)));
        sums
    }
}

fn kind(label: Option<i64>, before: Option<i64>, after: Option<i64>) -> FlipDirection {
    let Some(label) = label else { return FlipDirection::Changed };
    match (before == Some(label), after == Some(label)) {
        (true, false) => FlipDirection::Lost,
        (false, true) => FlipDirection::Won,
        _ => FlipDirection::Other,
    }
}

/// The fewest components that together bring back most of `lost`, at most `most` of them: greedily,
/// each the one that brings back most of what the others do not. `back[c]` are the positions that
/// restoring component `c` alone puts right.
pub fn greedy_cover(back: &[BTreeSet<usize>], lost: &[usize], most: usize) -> Vec<usize> {
    let mut left: BTreeSet<usize> = lost.iter().copied().collect();
    let mut chosen = Vec::new();
    while chosen.len() < most {
        let gains = back.iter().map(|own| own.intersection(&left).count()).enumerate();
        let best = gains.max_by_key(|(c, gain)| (*gain, std::cmp::Reverse(*c)));
        let Some((best, gain)) = best.filter(|(_, gain)| *gain > 0) else { break };
        left.retain(|sample| !back[best].contains(sample));
        chosen.push(best);
        debug_assert!(gain > 0);
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::experiments::EvaluatedSamples;
    use crate::attribution::experiments::example::{experiment, group};

    /// Sample 0 flips by group 0 alone, sample 1 by groups 1 or 2 each, sample 2 never.
    #[test]
    fn the_fewest_groups_are_blamed() {
        let answer = |set: GroupCoalition| {
            let first = i64::from(set.contains(0));
            let second = i64::from(set.contains(1) || set.contains(2));
            experiment([first, second, 0].map(Some).to_vec())
        };
        let draws = vec![GroupCoalition::all(3).map(|set| (set, answer(set))).collect()];
        let table = ExperimentTable {
            truth: EvaluatedSamples { labels: vec![0, 0, 0], ..EvaluatedSamples::default() },
            draws,
        };
        let groups = ["a", "b", "c"].map(group);
        let flips = FlipCauses::find(&table, 3);
        let found = flips.records(&table, &groups, &[10, 11, 12], 3);
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].sample, found[0].groups.as_slice()),
            (10, ["a".to_string()].as_slice())
        );
        assert_eq!((found[1].groups.len(), found[1].kind), (2, FlipDirection::Lost));
        let sums = FlipCauses::by_group(&found, &flips, &groups);
        assert_eq!((sums[0].group.as_str(), sums[0].lost_alone), ("a", 1));
        assert_eq!((sums[1].lost_alone, sums[1].lost_with_others), (0, 1));
        assert!(flips.smaller(&table, 2).is_empty());
    }

    #[test]
    fn what_the_others_bring_back_counts_once() {
        let back = [&[1, 2][..], &[2, 3, 4], &[4]].map(|own| own.iter().copied().collect());
        assert_eq!(greedy_cover(&back, &[1, 2, 3, 4, 9], 3), [1, 0]);
        assert_eq!(greedy_cover(&back, &[9], 3), Vec::<usize>::new());
    }
}
