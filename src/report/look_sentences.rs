//! The number of looks at the report split in words, with what it does to intervals that stand on it.

use paring_core::number_format::counted;
use paring_core::schema::{
    GateCell, GateRecord, GateVerdict, LedgerEntry, LedgerEntryKind, LookCount,
};
use paring_core::stats::bonferroni_factor_at;

/// Coverage of intervals of quality.
const LEVEL: f64 = 0.95;
/// Verdicts that a sentence names.
const MOST_NAMED: usize = 6;

/// The count that the last look of a run was entered with; `None` of a run that looked at nothing, and of
/// those of earlier versions.
pub fn recorded_look_count(ledger: &[LedgerEntry]) -> Option<LookCount> {
    let looks = ledger.iter().rev().filter(|entry| entry.kind == LedgerEntryKind::Look);
    let mut counts = looks.filter_map(|entry| entry.body.get("count"));
    serde_json::from_value(counts.next()?.clone()).ok()
}

/// The count, and what follows for a claim.
pub fn look_sentences(count: LookCount) -> Vec<String> {
    let LookCount { looks, runs, lost } = count;
    let times = if looks == 1 { "once".to_string() } else { format!("{looks} times") };
    let mut sentences = vec![format!(
        "The report split of these data was looked at {times} in {}.",
        counted(runs, "run")
    )];
    if looks > 1 {
        sentences.push(format!(
            "Of {looks} intervals at 95 % {:.2} are expected to miss by chance; for a claim about the best of them each has to be at {} % (Bonferroni).",
            (1.0 - LEVEL) * looks as f64,
            joint_level(looks)
        ));
    }
    if lost > 0 {
        sentences.push(format!(
            "The register of looks lacks {lost} of them, which stand in ledgers of runs: it was cut or removed."
        ));
    }
    sentences
}

/// Coverage that each of so many intervals needs for all to cover at 95 %, in percent.
fn joint_level(looks: u64) -> String {
    let beyond = 100.0 * (1.0 - LEVEL) / looks as f64;
    let text = format!("{:.4}", 100.0 - beyond);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// Verdicts that pass on their own and would be undecided if all looks had to hold together; `None` where
/// there are none.
pub fn weakened_passes(record: &GateRecord, count: LookCount) -> Option<String> {
    let stretch = bonferroni_factor_at(LEVEL, usize::try_from(count.looks).unwrap_or(usize::MAX));
    let of_split = |cell: &&GateCell| {
        cell.verdict == GateVerdict::Pass && cell.level == Some(LEVEL) && cell.regime.is_none()
    };
    let passes: Vec<&GateCell> = record.cells.iter().filter(of_split).collect();
    let is_weak = |cell: &&&GateCell| {
        cell.observed.is_some_and(|found| match found.high <= cell.bound {
            true => found.value + stretch * (found.high - found.value) > cell.bound,
            false => found.value - stretch * (found.value - found.low) < cell.bound,
        })
    };
    let weak: Vec<String> = passes
        .iter()
        .filter(is_weak)
        .map(|cell| {
            let part = cell.part.as_ref().map(|part| format!(" ({part})")).unwrap_or_default();
            format!("{} {}{part}", cell.variant, cell.label)
        })
        .collect();
    let more = weak.len().saturating_sub(MOST_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let named: Vec<&str> = weak.iter().take(MOST_NAMED).map(String::as_str).collect();
    (!weak.is_empty()).then(|| {
        format!(
            "At {} % {} of {} would be undecided: {}{more}.",
            joint_level(count.looks),
            weak.len(),
            counted(passes.len(), "pass verdict"),
            named.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::gate::example_record;
    use insta::assert_snapshot;
    use paring_core::schema::ConfidenceInterval;

    #[test]
    fn twenty_looks_look_like_twenty() {
        let of = |looks, runs, lost| look_sentences(LookCount { looks, runs, lost }).join(" ");
        assert_snapshot!(of(1, 1, 0), @"The report split of these data was looked at once in 1 run.");
        // 20 · 0.05 = 1; 100 − 5 / 20 = 99.75.
        assert_snapshot!(of(20, 20, 0), @"The report split of these data was looked at 20 times in 20 runs. Of 20 intervals at 95 % 1.00 are expected to miss by chance; for a claim about the best of them each has to be at 99.75 % (Bonferroni).");
        assert_snapshot!(of(3, 2, 2), @"The report split of these data was looked at 3 times in 2 runs. Of 3 intervals at 95 % 0.15 are expected to miss by chance; for a claim about the best of them each has to be at 98.3333 % (Bonferroni). The register of looks lacks 2 of them, which stand in ledgers of runs: it was cut or removed.");
    }

    #[test]
    fn passes_that_many_looks_weaken_are_named() {
        let mut record = example_record();
        let cell = record.cells.iter_mut().find(|cell| cell.level == Some(0.95)).unwrap();
        cell.verdict = GateVerdict::Pass;
        // Below 0.02 by 0.002: of 20 looks the reach is 1.54 times as long (z(0.99875) / z(0.975)), of one
        // it is as it was.
        cell.observed = Some(ConfidenceInterval { value: 0.01, low: 0.002, high: 0.018 });
        let of = |looks| weakened_passes(&record, LookCount { looks, runs: looks, lost: 0 });
        assert_eq!(of(1), None);
        assert_snapshot!(of(20).unwrap(), @"At 99.75 % 1 of 1 pass verdict would be undecided: quarter accuracy_drop ≤ 0.02 (class 3).");
    }
}
