//! A table of requirements: the variants that pass each, that fail it, and those of which it is undecided.

use paring_core::schema::{GateRecord, GateVerdict};
use std::collections::BTreeSet;

/// Columns of the table.
pub(in crate::report) const REQUIREMENT_COLUMNS: [&str; 4] =
    ["requirement", "pass", "undecided", "fail"];

/// A requirement, and the names of variants by verdict.
pub(in crate::report) struct RequirementRow {
    pub(in crate::report) label: String,
    pub(in crate::report) pass: Vec<String>,
    pub(in crate::report) undecided: Vec<String>,
    pub(in crate::report) fail: Vec<String>,
}

/// One row a requirement, in the protocol's order.
pub(in crate::report) fn requirement_rows(record: &GateRecord) -> Vec<RequirementRow> {
    let positions: BTreeSet<usize> = record.cells.iter().map(|cell| cell.requirement).collect();
    let row = |position: usize| {
        let own = || record.cells.iter().filter(move |cell| cell.requirement == position);
        let by = |verdict: GateVerdict| {
            let worst = |name: &str| {
                let cells = own().filter(|cell| cell.variant == name);
                GateVerdict::worst(cells.map(|cell| cell.verdict))
            };
            let names = record.variants.iter().map(|variant| variant.variant.as_str());
            names.filter(|name| worst(name) == Some(verdict)).map(str::to_string).collect()
        };
        RequirementRow {
            label: own().map(|cell| cell.label.clone()).next().unwrap_or_default(),
            pass: by(GateVerdict::Pass),
            undecided: by(GateVerdict::Undecided),
            fail: by(GateVerdict::Fail),
        }
    };
    positions.into_iter().map(row).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use paring_core::schema::{
        ConfidenceInterval, CountedUnit, DecidingCount, ExecutionSetting, GateCell, SCHEMA,
        Sha256Hex, VariantVerdict,
    };

    /// Two variants and two requirements, one of them about every class.
    pub(in crate::report::gate) fn example_record() -> GateRecord {
        let cell = |variant: &str, requirement, label: &str, verdict, value: f64| GateCell {
            variant: variant.into(),
            requirement,
            label: label.into(),
            part: None,
            target: None,
            setting: None,
            verdict,
            observed: Some(ConfidenceInterval { value, low: value - 0.01, high: value + 0.01 }),
            level: Some(0.95),
            bound: 0.02,
            reason: None,
            deciding: None,
        };
        let drop = "accuracy_drop ≤ 0.02";
        let latency = "latency_p50_ms ≤ 0.3";
        let (unit, at_hand) = (CountedUnit::Samples, 400);
        let open = DecidingCount { unit, at_hand, needed: Some(1_600) };
        let timed = |cell: GateCell| GateCell {
            target: Some("host".into()),
            setting: Some(ExecutionSetting::of_batch(8)),
            ..cell
        };
        let missing = GateCell {
            observed: None,
            level: None,
            reason: Some("3 blocks, a verdict needs 9".into()),
            ..cell("half", 1, latency, GateVerdict::Undecided, 0.0)
        };
        let named = |variant: &str, verdict| VariantVerdict {
            variant: variant.into(),
            variant_id: Sha256Hex::zeros(),
            verdict,
        };
        GateRecord {
            schema: SCHEMA,
            gate_sha256: Sha256Hex::zeros(),
            run_id: "r1".into(),
            variants: vec![
                named("quarter", GateVerdict::Undecided),
                named("half", GateVerdict::Fail),
            ],
            cells: vec![
                GateCell {
                    part: Some("class 3".into()),
                    deciding: Some(open),
                    ..cell("quarter", 0, drop, GateVerdict::Undecided, 0.015)
                },
                timed(GateCell {
                    level: Some(0.99),
                    ..cell("quarter", 1, latency, GateVerdict::Pass, 0.25)
                }),
                cell("half", 0, drop, GateVerdict::Fail, 0.1),
                timed(missing),
            ],
        }
    }

    #[test]
    fn a_variant_stands_under_its_worst_verdict() {
        let rows = requirement_rows(&example_record());
        let [drop, latency] = &rows[..] else { panic!("{} rows", rows.len()) };
        assert_eq!(drop.label, "accuracy_drop ≤ 0.02");
        assert_eq!(
            (drop.pass.len(), &drop.undecided[..], &drop.fail[..]),
            (0, &["quarter".to_string()][..], &["half".to_string()][..])
        );
        assert_eq!(
            (&latency.pass[..], &latency.undecided[..]),
            (&["quarter".to_string()][..], &["half".to_string()][..])
        );
    }
}
