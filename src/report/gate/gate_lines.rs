//! The gate's verdicts as lines of text.

use super::cell_text::{explanation, observed, subject};
use crate::govern::UndecidableRequirement;
use paring_core::number_format::counted;
use paring_core::schema::{GateRecord, GateVerdict};

/// Every verdict, variant by variant.
pub fn gate_lines(record: &GateRecord) -> String {
    let mut lines = Vec::new();
    for variant in &record.variants {
        lines.push(format!("{}: {}", variant.variant, variant.verdict));
        for cell in record.cells.iter().filter(|cell| cell.variant == variant.variant) {
            let why = explanation(cell).map(|why| format!("; {why}")).unwrap_or_default();
            lines.push(format!(
                "  {:<9}  {}: {}{why}",
                cell.verdict,
                subject(cell),
                observed(cell)
            ));
        }
    }
    lines.extend(gate_sentence(record));
    lines.join("\n")
}

/// The verdicts in one sentence; `None` without requirements.
pub fn gate_sentence(record: &GateRecord) -> Option<String> {
    if record.variants.is_empty() {
        return None;
    }
    let each = [
        (GateVerdict::Pass, "pass"),
        (GateVerdict::Undecided, "undecided"),
        (GateVerdict::Fail, "fail"),
    ];
    let each = each.into_iter().filter_map(|(verdict, word)| {
        let own = record.variants.iter().filter(|own| own.verdict == verdict);
        let names: Vec<&str> = own.map(|own| own.variant.as_str()).collect();
        (!names.is_empty()).then(|| format!("{} {word} ({})", names.len(), names.join(", ")))
    });
    let parts = each.collect::<Vec<_>>().join(", ");
    Some(format!("gate: of {}, {parts}", counted(record.variants.len(), "variant")))
}

/// A requirement that the study's data cannot decide, for a run that has not begun.
pub fn undecidable_line(found: &UndecidableRequirement) -> String {
    let UndecidableRequirement { label, part, deciding, unless_better } = found;
    let part = part.as_ref().map(|part| format!(" ({part})")).unwrap_or_default();
    let (unit, at_hand) = (deciding.unit, deciding.at_hand);
    let needed = match deciding.needed {
        Some(needed) => format!("at least {needed} are needed"),
        None => format!("no number of {unit} suffices"),
    };
    let unless = match unless_better {
        true => ", unless a variant answers better than the baseline",
        false => "",
    };
    format!("no variant can pass {label}{part} with {at_hand} {unit}: {needed}{unless}")
}

#[cfg(test)]
mod tests {
    use super::super::requirement_rows::tests::example_record;
    use super::*;
    use insta::assert_snapshot;
    use paring_core::schema::{CountedUnit, DecidingCount};

    #[test]
    fn every_verdict_stands_beside_what_it_goes_by() {
        assert_snapshot!(gate_lines(&example_record()), @"
        quarter: undecided
          undecided  accuracy_drop ≤ 0.02 (class 3): 0.01500 (95 % CI 0.005000 to 0.02500); about 1600 samples would decide, 400 at hand
          pass       latency_p50_ms ≤ 0.3 on host (batch 8): 0.2500 (99 % CI 0.2400 to 0.2600)
        half: fail
          fail       accuracy_drop ≤ 0.02: 0.1000 (95 % CI 0.09000 to 0.1100)
          undecided  latency_p50_ms ≤ 0.3 on host (batch 8): no value; 3 blocks, a verdict needs 9
        gate: of 2 variants, 1 undecided (quarter), 1 fail (half)
        ");
    }

    #[test]
    fn what_cannot_be_decided_is_said_with_what_it_takes() {
        let found = UndecidableRequirement {
            label: "accuracy_drop ≤ 0.01".into(),
            part: None,
            deciding: DecidingCount { unit: CountedUnit::Samples, at_hand: 200, needed: Some(276) },
            unless_better: true,
        };
        assert_snapshot!(undecidable_line(&found), @"no variant can pass accuracy_drop ≤ 0.01 with 200 samples: at least 276 are needed, unless a variant answers better than the baseline");
    }
}
