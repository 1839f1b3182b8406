//! Finding who answers for flips by further experiments: smaller sets of groups, then single
//! components of the groups that answer for most.

use super::flip_causes::{FlipCauses, greedy_cover};
use crate::attribution::experiments::AblationStudy;
use crate::attribution::shapley::GroupCoalition;
use crate::pipeline::PipelineError;
use paring_core::schema::{ComponentBlame, FlipBlame, GroupBlame};
use std::collections::{BTreeMap, BTreeSet};

/// Groups whose components are looked at one by one.
const MOST_GROUPS: usize = 2;
/// Components of a group that are restored one by one.
const MOST_COMPONENTS: usize = 48;
/// Components that are named together.
const MOST_NAMED: usize = 3;
/// Times that smaller sets are looked for.
const ROUNDS: usize = 6;

/// Groups and components that caused the flips of a variant.
#[derive(Clone, Debug, Default)]
pub struct FlipAttribution {
    /// Flip by flip.
    pub flips: Vec<FlipBlame>,
    /// Group by group.
    pub groups: Vec<GroupBlame>,
    /// Components of the groups that answer for most, class by class.
    pub components: Vec<ComponentBlame>,
}

impl AblationStudy<'_> {
    /// Looks for the fewest groups and components behind every flip. `samples` are the dataset's
    /// indices of those asked; `singly` says whether single components may be tried.
    ///
    /// # Errors
    /// Those of the experiments.
    pub fn attribute_flips(
        &mut self,
        samples: &[usize],
        singly: bool,
    ) -> Result<FlipAttribution, PipelineError> {
        let count = self.groups.len();
        // Up to this size all sets of undone groups were tried.
        let tried = match (self.explored.leave_two_out, self.explored.exact) {
            (_, true) => count,
            (true, _) => 2.min(count),
            _ => 1.min(count),
        };
        for _ in 0..ROUNDS {
            let next = FlipCauses::find(&self.table, count).smaller(&self.table, tried);
            if next.is_empty() {
                break;
            }
            self.ask(0, &next)?;
        }
        let flips = FlipCauses::find(&self.table, count);
        let records = flips.records(&self.table, &self.groups, samples, tried);
        let groups = FlipCauses::by_group(&records, &flips, &self.groups);
        let mut components = Vec::new();
        let guilty = groups.iter().filter(|g| g.lost_alone > 0 && singly).map(|g| &g.group);
        let positions: Vec<usize> = guilty
            .filter_map(|id| self.groups.iter().position(|g| g.id == *id))
            .filter(|g| self.removes(*g))
            .take(MOST_GROUPS)
            .collect();
        for group in positions {
            components.extend(self.singly(&flips, group)?);
        }
        Ok(FlipAttribution { flips: records, groups, components })
    }

    /// Restores the components of a group one by one, and names for each class those that bring back
    /// most of what the group lost.
    fn singly(
        &mut self,
        flips: &FlipCauses,
        group: usize,
    ) -> Result<Vec<ComponentBlame>, PipelineError> {
        let all = GroupCoalition::full(self.groups.len());
        let whole: Vec<(String, String, usize)> = self
            .pieces_of(group)
            .iter()
            .flat_map(|(_, piece)| {
                let own = piece.components.iter();
                own.map(|c| (piece.coupling.clone(), c.id.clone(), c.original_index))
            })
            .take(MOST_COMPONENTS)
            .collect();
        let Some(now) = self.table.answers(0, all).cloned() else { return Ok(vec![]) };
        let labels = self.table.truth.labels.clone();
        let right = |classes: &[Option<i64>], s: usize| classes[s] == Some(labels[s]);
        let single: Vec<BTreeSet<String>> =
            whole.iter().map(|(_, id, _)| BTreeSet::from([id.clone()])).collect();
        let answers = self.without(group, &single)?;
        let back: Vec<BTreeSet<usize>> = answers
            .iter()
            .map(|a| {
                (0..labels.len()).filter(|s| right(&a.classes, *s) && !right(&now.classes, *s))
            })
            .map(Iterator::collect)
            .collect();
        let mut lost: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for sample in flips.lost_alone(&self.table, group, None) {
            lost.entry(labels[sample]).or_default().push(sample);
        }
        let mut blames = Vec::new();
        for (class, lost) in lost {
            let chosen = greedy_cover(&back, &lost, MOST_NAMED);
            let Some(first) = chosen.first() else { continue };
            let ids: BTreeSet<String> = chosen.iter().map(|c| whole[*c].1.clone()).collect();
            let Some(together) = self.without(group, &[ids])?.pop() else { continue };
            let all_lost = self.lost_of(class);
            let back = all_lost.iter().filter(|s| right(&together.classes, **s)).count();
            let counted = |classes: &[Option<i64>]| {
                (0..labels.len()).filter(|s| right(classes, *s)).count() as i64
            };
            blames.push(ComponentBlame {
                group: self.groups[group].id.clone(),
                coupling: whole[*first].0.clone(),
                class,
                components: chosen.iter().map(|c| whole[*c].1.clone()).collect(),
                indices: chosen.iter().map(|c| whole[*c].2).collect(),
                lost: all_lost.len(),
                back,
                net: counted(&together.classes) - counted(&now.classes),
            });
        }
        Ok(blames)
    }

    /// Positions of the samples of a class that the baseline has right and the variant wrong.
    fn lost_of(&self, class: i64) -> Vec<usize> {
        let sets = [GroupCoalition::EMPTY, GroupCoalition::full(self.groups.len())];
        let [Some(before), Some(after)] = sets.map(|set| self.table.answers(0, set)) else {
            return vec![];
        };
        let labels = &self.table.truth.labels;
        let lost = |s: &usize| {
            let right = |classes: &[Option<i64>]| classes[*s] == Some(class);
            labels[*s] == class && right(&before.classes) && !right(&after.classes)
        };
        (0..labels.len()).filter(lost).collect()
    }
}
