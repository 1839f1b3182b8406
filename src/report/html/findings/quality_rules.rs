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
/// Variants that a finding names.
const MOST_NAMED: usize = 4;
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
    let lossy = run.variant_rows().filter(|row| seen.insert(row.variant.name.as_str()));
    let lossy = lossy.filter_map(|row| {
        let (evaluation, change) = row.evaluation.as_ref().zip(change(row))?;
        let pruned = row.variant.removed_count() > 0;
        let change_words = metric_change_interval(evaluation.primary, change);
        (pruned && is_worse(row, change) && !recovered(row)).then_some((row, change_words))
    });
    let lossy: Vec<(&ResultRow, String)> = lossy.collect();
    let Some((first, change)) = lossy.first() else { return vec![] };
    let metric = first.evaluation.as_ref().map_or_else(String::new, |e| e.primary.to_string());
    let named = lossy.iter().take(MOST_NAMED);
    let named: Vec<String> =
        named.map(|(row, change)| format!("{} {change}", row.variant.name)).collect();
    let more = match lossy.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    let (who, evidence) = match lossy.len() {
        1 => (format!("{} was", first.variant.name), format!("{metric} changed by {change}.")),
        several => (
            format!("{several} variants were"),
            format!("{metric} changed: {}{more}.", named.join(", ")),
        ),
    };
    vec![ReportFinding {
        headline: format!("{who} pruned without recovery and lost quality."),
        evidence,
        command: "criterion = \"obs\", recover = \"least-squares\"   # needs no labels".into(),
    }]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribution::example_explanation;
    use crate::report::example_rows::example_row;
    use paring_core::schema::{FlipBlame, SliceScore};

    fn lost(class: i64, group: &str) -> FlipBlame {
        FlipBlame {
            sample: 1,
            label: Some(class),
            before: Some(class),
            after: Some(0),
            kind: FlipDirection::Lost,
            groups: vec![group.into()],
            alternatives: 1,
            exhaustive: true,
        }
    }

    #[test]
    fn the_class_that_pays_is_named_with_its_cause() {
        let mut found = example_explanation();
        let (own, other) = (found.groups[0].id.clone(), found.groups[1].id.clone());
        found.flips = [vec![lost(4, &own); 3], vec![lost(4, &other), lost(7, &own)]].concat();
        let explanations = [found];
        let run = RunReport { explanations: &explanations, ..RunReport::of_rows(&[]) };
        let findings = one_class_pays(&run);
        let words = format!("{} {}", findings[0].headline, findings[0].evidence);
        let expected = "Class 4 pays for 80 % of the regressions of half-int8. 4 of 5 regressions. \
            3 of them go back to: prune channels of stem.";
        assert_eq!(words, expected);
        assert_eq!(
            findings[0].command,
            "paring explain runs/a --variant half-int8 --level component"
        );
    }

    #[test]
    fn few_or_evenly_spread_regressions_are_no_finding() {
        let mut found = example_explanation();
        let id = found.groups[0].id.clone();
        for flips in [vec![lost(4, &id); 2], (0..6).map(|class| lost(class, &id)).collect()] {
            found.flips = flips;
            let explanations = [found.clone()];
            let run = RunReport { explanations: &explanations, ..RunReport::of_rows(&[]) };
            assert!(one_class_pays(&run).is_empty());
        }
    }

    #[test]
    fn pruned_variants_that_lost_quality_are_one_finding() {
        // Intervals are 1 point wide to either side: a loss of half a point is none beyond noise.
        let rows = [
            example_row("baseline", "host", None, 0.0),
            example_row("half", "host", Some(1.5), -0.2),
            example_row("half", "pi4", Some(1.4), -0.2),
            example_row("quarter", "host", Some(1.2), -0.005),
        ];
        let found = lossy_without_recovery(&RunReport::of_rows(&rows));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].headline, "half was pruned without recovery and lost quality.");
        assert_eq!(found[0].evidence, "accuracy changed by −20.0 points (95 % CI −21.0 to −19.0).");
        let more = [&rows[..], &[example_row("third", "host", Some(1.3), -0.1)]].concat();
        let found = lossy_without_recovery(&RunReport::of_rows(&more));
        assert_eq!(found[0].headline, "2 variants were pruned without recovery and lost quality.");
        assert!(found[0].evidence.contains("third −10.0 points"), "{}", found[0].evidence);
    }

    #[test]
    fn slices_with_fewer_than_thirty_samples_are_named() {
        let mut rows = [example_row("baseline", "host", None, 0.0)];
        let slice = |value: &str, samples| SliceScore {
            column: "site".into(),
            value: value.into(),
            samples,
            metrics: BTreeMap::new(),
            flips: None,
            p_adjusted: None,
        };
        if let Some(evaluation) = rows[0].evaluation.as_mut() {
            evaluation.slices = vec![slice("a", 29), slice("b", 30), slice("c", 3)];
        }
        let found = small_slices(&RunReport::of_rows(&rows));
        assert_eq!(found[0].headline, "2 slices have fewer than 30 report samples.");
        assert_eq!(found[0].evidence, "site = a (29), site = c (3): their intervals are wide.");
        assert!(small_slices(&RunReport::of_rows(&[])).is_empty());
    }
}
