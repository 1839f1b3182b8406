//! Findings about quality: a class that pays, pruning without recovery, small slices.

use super::class_cause::class_cause;
use crate::report::ResultRow;
use crate::report::html::numbers::{count, metric_change_interval};
use crate::report::html::page::ReportFinding;
use crate::report::html::run_report::RunReport;
use crate::report::html::verdict::{change, is_worse};
use paring_compress::RECOVERY_OPERATION;
use paring_core::schema::{Explanation, FlipDirection, LedgerEntryKind};
use paring_core::text::shell_word;
use std::collections::{BTreeMap, BTreeSet};

/// Fewer samples than these in a slice say little about it.
const FEW_SAMPLES: usize = 30;
/// Share of all regressions from which one class pays for most of them.
const MOST_OF_THE_LOSS: f64 = 0.5;
/// Fewer regressions of a class than these are no pattern.
const LEAST_REGRESSIONS: usize = 3;

/// Variants of which one class has most of the regressions.
pub(super) fn one_class_pays(run: &RunReport) -> Vec<ReportFinding> {
    let of = |found: &Explanation| {
        let mut classes: BTreeMap<i64, usize> = BTreeMap::new();
        let lost = found.flips.iter().filter(|flip| flip.kind == FlipDirection::Lost);
        for class in lost.filter_map(|flip| flip.label) {
            *classes.entry(class).or_default() += 1;
        }
        let all: usize = classes.values().sum();
        let (class, most) = classes.into_iter().max_by_key(|(_, count)| *count)?;
        let share = most as f64 / all as f64;
        if share < MOST_OF_THE_LOSS || most < LEAST_REGRESSIONS {
            return None;
        }
        let cause = class_cause(found, class).map_or_else(String::new, |cause| {
            format!(" {} of them go back to: {}.", cause.answers_for, cause.label)
        });
        Some(ReportFinding {
            headline: format!(
                "Class {class} pays for {:.0} % of the regressions of {}.",
                100.0 * share,
                found.variant
            ),
            evidence: format!("{most} of {}.{cause}", count(all, "regression")),
            command: format!(
                "paring explain {} --variant {} --level component",
                shell_word(run.directory),
                shell_word(&found.variant)
            ),
        })
    };
    run.explanations.iter().filter_map(of).collect()
}

/// Pruned variants that lose significantly and were not recovered.
pub(super) fn lossy_without_recovery(run: &RunReport) -> Vec<ReportFinding> {
    let recovering = recovery_entries(run);
    let recovered = |row: &ResultRow| {
        run.lineage(row)
            .into_iter()
            .flat_map(|row| &row.variant.decisions)
            .any(|id| recovering.contains(id.as_str()))
    };
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let of = |row: &ResultRow| {
        let (evaluation, change) = row.evaluation.as_ref().zip(change(row))?;
        let pruned = row.variant.removed_count() > 0;
        (pruned && is_worse(row, change) && !recovered(row)).then(|| ReportFinding {
            headline: format!("{} was pruned without recovery and lost quality.", row.variant.name),
            evidence: format!(
                "{} changed by {}.",
                evaluation.primary,
                metric_change_interval(evaluation.primary, change)
            ),
            command: "criterion = \"obs\", recover = \"least-squares\"   # needs no labels".into(),
        })
    };
    run.variant_rows().filter(|row| seen.insert(row.variant.name.as_str())).filter_map(of).collect()
}

/// Hashes of the ledger's decisions that recovered a layer.
fn recovery_entries<'a>(run: &'a RunReport) -> BTreeSet<&'a str> {
    let decisions = run.ledger.iter().filter(|entry| entry.kind == LedgerEntryKind::Decision);
    let recover = decisions.filter(|entry| entry.body["operation"] == RECOVERY_OPERATION);
    recover.map(|entry| entry.entry_id.as_str()).collect()
}

/// Slices with so few samples that nothing can be said about them.
pub(super) fn small_slices(run: &RunReport) -> Vec<ReportFinding> {
    let Some(evaluation) = run.rows.iter().find_map(|row| row.evaluation.as_ref()) else {
        return vec![];
    };
    let small = evaluation.slices.iter().filter(|slice| slice.samples < FEW_SAMPLES);
    let names: Vec<String> =
        small.map(|s| format!("{} = {} ({})", s.column, s.value, s.samples)).collect();
    if names.is_empty() {
        return vec![];
    }
    vec![ReportFinding {
        headline: format!(
            "{} fewer than {FEW_SAMPLES} report samples.",
            match names.len() {
                1 => "1 slice has".to_string(),
                many => format!("{many} slices have"),
            }
        ),
        evidence: format!("{}: their intervals are wide.", names.join(", ")),
        command: String::new(),
    }]
}
