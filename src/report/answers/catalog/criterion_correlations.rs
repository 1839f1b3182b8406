//! Agreement of criteria with each other: rank correlations of their scores, part of the answer of
//! `paring catalog`.

use crate::report::terminal::TerminalLayout;
use crate::report::terminal::layout::text_table::{TextColumn, cell, fitted};
use paring_core::number_format::{counted, signed};
use paring_core::rank_correlation::spearman;
use serde::Serialize;
use std::collections::BTreeMap;

/// No column is left out and no name shortened: the answer has no `--wide`.
const WHOLE: TerminalLayout = TerminalLayout { color: false, wide: true, wrap: false };

/// Rank correlations of the scores of each two criteria, over the components that all of them judge.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct CriterionCorrelations {
    /// Components.
    pub(super) components: usize,
    /// The criteria that judge.
    pub(super) criteria: Vec<String>,
    /// By row and column in the order of the criteria; `None` where ranks do not vary.
    pub(super) correlations: Vec<Vec<Option<f64>>>,
}

impl CriterionCorrelations {
    /// Correlations of the criteria that judge anything, from the components' scores by criterion; `None`
    /// of fewer than two criteria.
    pub(super) fn of(criteria: &[String], components: &[&BTreeMap<String, f64>]) -> Option<Self> {
        let judges =
            |criterion: &&String| components.iter().any(|own| own.contains_key(*criterion));
        let criteria: Vec<String> = criteria.iter().filter(judges).cloned().collect();
        let scores: Vec<Vec<f64>> = components
            .iter()
            .filter_map(|own| criteria.iter().map(|name| own.get(name).copied()).collect())
            .collect();
        let pair = |row: usize, column: usize| {
            let pairs: Vec<(f64, f64)> = scores.iter().map(|own| (own[row], own[column])).collect();
            spearman(&pairs)
        };
        let row = |row: usize| (0..criteria.len()).map(|column| pair(row, column)).collect();
        let correlations = (0..criteria.len()).map(row).collect();
        let components = scores.len();
        (criteria.len() > 1).then_some(CriterionCorrelations { components, criteria, correlations })
    }

    /// Lines for a person.
    pub(super) fn lines(&self) -> Vec<String> {
        let names = self.criteria.iter().map(cell);
        let mut columns = vec![TextColumn::text("criterion", 0, names)];
        for (column, criterion) in self.criteria.iter().enumerate() {
            let shown = |row: &Vec<Option<f64>>| {
                cell(row[column].map_or_else(|| "—".into(), |found| signed(found, 2)))
            };
            columns.push(TextColumn::figures(criterion, 0, self.correlations.iter().map(shown)));
        }
        vec![
            format!(
                "rank correlation of the criteria with each other, over {}; `--ablations COUNT` holds them against measured removals:",
                counted(self.components, "component")
            ),
            fitted(columns, WHOLE),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criteria_are_held_against_each_other_over_what_all_of_them_judge() {
        let scores = |at: usize| {
            let own = [("l1".to_string(), at as f64), ("obs".into(), -(at as f64))];
            // One criterion does not judge the last component.
            own.into_iter().take(if at == 4 { 1 } else { 2 }).collect::<BTreeMap<_, _>>()
        };
        let all: Vec<BTreeMap<String, f64>> = (0..5).map(scores).collect();
        let all: Vec<&BTreeMap<String, f64>> = all.iter().collect();
        let names = ["l1", "obs", "taylor"].map(String::from);
        let found = CriterionCorrelations::of(&names, &all).unwrap();
        insta::assert_snapshot!(found.lines().join("\n"), @"
        rank correlation of the criteria with each other, over 4 components; `--ablations COUNT` holds them against measured removals:
        ───────────────────────
        criterion     l1    obs
        ───────────────────────
        l1         +1.00  −1.00
        obs        −1.00  +1.00
        ───────────────────────
        ");
        assert_eq!(CriterionCorrelations::of(&names[..1], &all), None);
    }
}
