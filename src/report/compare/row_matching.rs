//! Matching of rows of two sources, and the conditions in which they differ.

use super::comparison::RowMatch;
use super::sources::{ComparedSource, RowFigures, SourceKind};
use std::collections::BTreeSet;

/// In what two rows can differ that a user may want to look past.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionDifference {
    /// Board, processor or target.
    Machine,
    /// Engine or its version.
    Engine,
    /// Version of paring.
    Version,
    /// Data or splits.
    Data,
    /// Rules of timing.
    Rules,
}

/// Differences in conditions that a comparison accepts.
#[derive(Clone, Debug, Default)]
pub struct ComparisonRules {
    /// Differences in machine.
    pub across_machine: bool,
    /// In the engine.
    pub across_engine: bool,
    /// In paring itself.
    pub across_version: bool,
    /// In data.
    pub across_data: bool,
    /// In rules of timing.
    pub across_rules: bool,
}

impl ComparisonRules {
    pub(super) fn accepts(&self, difference: ConditionDifference) -> bool {
        match difference {
            ConditionDifference::Machine => self.across_machine,
            ConditionDifference::Engine => self.across_engine,
            ConditionDifference::Version => self.across_version,
            ConditionDifference::Data => self.across_data,
            ConditionDifference::Rules => self.across_rules,
        }
    }
}

/// Rows of `before` beside those of `after`; what only one of them has stands alone.
pub(super) fn pairs<'a>(
    before: &'a ComparedSource,
    after: &'a ComparedSource,
) -> Vec<(RowMatch, Option<&'a RowFigures>, Option<&'a RowFigures>)> {
    let mut used = BTreeSet::new();
    let mut found = Vec::new();
    let external = [before, after].iter().any(|s| s.kind == SourceKind::External);
    for row in &before.rows {
        let free = || after.rows.iter().enumerate().filter(|(i, _)| !used.contains(i));
        let by = |same: &dyn Fn(&RowFigures) -> bool| {
            free().find(|(_, other)| other.setting() == row.setting() && same(other))
        };
        let place = |other: &RowFigures| {
            let unsaid = external && (other.target.is_empty() || row.target.is_empty());
            unsaid || other.target == row.target
        };
        let identical =
            |other: &RowFigures| row.variant_id.is_some() && other.variant_id == row.variant_id;
        let named = |other: &RowFigures| other.variant == row.variant;
        // A name that means another file here and there must not hide the same file elsewhere.
        let elsewhere = |other: &RowFigures| {
            identical(other) && before.rows.iter().all(|r| r.target != other.target)
        };
        let hit = by(&|other| identical(other) && place(other) && named(other))
            .or_else(|| by(&|other| identical(other) && place(other)))
            .map(|(index, other)| (RowMatch::Identity, index, other))
            .or_else(|| {
                let (index, other) = by(&|other| named(other) && place(other))?;
                Some((RowMatch::Name, index, other))
            })
            .or_else(|| {
                let (index, other) = by(&elsewhere)?;
                Some((RowMatch::OtherTarget, index, other))
            });
        match hit {
            Some((matched, index, other)) => {
                used.insert(index);
                found.push((matched, Some(row), Some(other)));
            }
            None => found.push((RowMatch::Alone, Some(row), None)),
        }
    }
    let rest = after.rows.iter().enumerate().filter(|(index, _)| !used.contains(index));
    found.extend(rest.map(|(_, row)| (RowMatch::Alone, None, Some(row))));
    found
}

/// In what the conditions of two rows differ, with the words for it.
pub(super) fn differences(
    before: &RowFigures,
    after: &RowFigures,
) -> Vec<(ConditionDifference, String)> {
    let mut found = Vec::new();
    let mut other = |kind, what: &str, a: &str, b: &str| {
        if a != b {
            let said =
                |text: &str| if text.is_empty() { "unknown".into() } else { text.to_string() };
            found.push((kind, format!("another {what}: {}, before {}", said(b), said(a))));
        }
    };
    other(ConditionDifference::Machine, "target", &before.target, &after.target);
    other(ConditionDifference::Machine, "machine", &before.machine, &after.machine);
    other(ConditionDifference::Engine, "engine", &before.engine, &after.engine);
    other(
        ConditionDifference::Version,
        "version of paring",
        &before.agent_version,
        &after.agent_version,
    );
    if before.data_sha256 != after.data_sha256 {
        found.push((ConditionDifference::Data, "other data or splits".into()));
    }
    // The rules hold engine, version and data: where one of these differs, so does their hash.
    let explained = found.iter().any(|(kind, _)| *kind != ConditionDifference::Machine);
    if !explained && before.measurement_sha256 != after.measurement_sha256 {
        found.push((
            ConditionDifference::Rules,
            "other timing rules or targets in the study".into(),
        ));
    }
    found
}
