//! Scenario sentences: requirements that a row keeps or breaks, and by how much, from the interval's end
//! that the verdict goes by.

use super::cell_text::{explanation, observed, subject};
use crate::govern::{self, GateRow};
use crate::report::{ResultRow, RunFacts};
use paring_core::number_format::{counted, significant};
use paring_core::schema::{
    ConfidenceInterval, GateCell, GateVerdict, RequiredBound, RequiredFigure, Requirement,
};
use paring_core::units::Bytes;

/// Sentences about one row; the table of requirements has all.
const MOST_SENTENCES: usize = 6;

/// One sentence for each verdict on a row, what is not met first; none of the baseline or without
/// requirements.
pub(in crate::report) fn scenario_sentences(
    facts: &RunFacts,
    rows: &[ResultRow],
    row: &ResultRow,
) -> Vec<String> {
    if facts.requirements.is_empty() {
        return vec![];
    }
    let gate_rows: Vec<GateRow> = rows.iter().map(ResultRow::gate_row).collect();
    let all = govern::judge(&facts.requirements, &gate_rows);
    let mut cells: Vec<&GateCell> = govern::row_cells(&all, &row.gate_row()).collect();
    cells.sort_by_key(|cell| std::cmp::Reverse(cell.verdict));
    let more = cells.len().saturating_sub(MOST_SENTENCES);
    let told = cells.into_iter().take(MOST_SENTENCES).filter_map(|cell| {
        let requirement = facts.requirements.get(cell.requirement)?;
        Some(format!("{} {}.", row.variant.name, scenario(requirement, cell)))
    });
    let rest = (more > 0).then(|| format!("The table has {}.", counted(more, "more verdict")));
    told.chain(rest).collect()
}

/// `meets the 10 ms target on pi4 with 1.2 ms to spare`.
fn scenario(requirement: &Requirement, cell: &GateCell) -> String {
    let figure = requirement.metric;
    let what = target_words(figure, cell);
    match (cell.verdict, cell.observed, requirement.bound()) {
        (GateVerdict::Pass, Some(found), Some(bound)) => {
            format!("meets {what} with {} to spare", amount(figure, spare(bound, found)))
        }
        (GateVerdict::Fail, Some(found), Some(bound)) => {
            format!("misses {what} by {} at least", amount(figure, excess(bound, found)))
        }
        _ => {
            let why = explanation(cell).map(|why| format!("; {why}")).unwrap_or_default();
            format!("may meet or miss {what}, which cannot be told: {}{why}", observed(cell))
        }
    }
}

/// Room between the bound and the interval's end that comes closest to it.
fn spare(bound: RequiredBound, found: ConfidenceInterval) -> f64 {
    match bound {
        RequiredBound::AtMost(most) => most - found.high,
        RequiredBound::AtLeast(least) => found.low - least,
    }
}

/// Distance of the interval, at its better end, from the bound that it breaks.
fn excess(bound: RequiredBound, found: ConfidenceInterval) -> f64 {
    match bound {
        RequiredBound::AtMost(most) => found.low - most,
        RequiredBound::AtLeast(least) => least - found.high,
    }
}

/// The requirement as people call it.
fn target_words(figure: RequiredFigure, cell: &GateCell) -> String {
    let percentile = match figure {
        RequiredFigure::LatencyP50 => "",
        RequiredFigure::LatencyP99 => " for the 99th percentile",
        _ => return format!("the requirement {}", subject(cell)),
    };
    let target = cell.target.as_ref().map_or_else(String::new, |target| format!(" on {target}"));
    let setting = cell.setting.map(|setting| setting.label()).filter(|label| !label.is_empty());
    let setting = setting.map_or_else(String::new, |label| format!(" ({label})"));
    format!("the {} ms target{percentile}{target}{setting}", cell.bound)
}

/// A difference in the figure's unit.
fn amount(figure: RequiredFigure, value: f64) -> String {
    let plain = |value: f64| {
        let text = significant(value);
        match text.contains('.') && !text.contains('e') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
            false => text,
        }
    };
    match figure {
        RequiredFigure::LatencyP50 | RequiredFigure::LatencyP99 => format!("{} ms", plain(value)),
        RequiredFigure::Throughput => format!("{} samples a second", plain(value)),
        RequiredFigure::Energy => format!("{} µJ", plain(value)),
        RequiredFigure::PeakRss | RequiredFigure::PeakHeap | RequiredFigure::FileBytes => {
            Bytes(value.max(0.0) as u64).to_string()
        }
        _ if figure.metric().is_some_and(|metric| metric.is_share()) => {
            format!("{} points", plain(100.0 * value))
        }
        _ => plain(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_core::schema::{CountedUnit, DecidingCount, ExecutionSetting, Metric};

    fn cell(verdict: GateVerdict, low: f64, high: f64, bound: f64) -> GateCell {
        GateCell {
            variant: "half".into(),
            requirement: 0,
            label: format!("accuracy_drop ≤ {bound}"),
            part: None,
            target: None,
            setting: None,
            verdict,
            observed: Some(ConfidenceInterval { value: (low + high) / 2.0, low, high }),
            level: Some(0.95),
            bound,
            reason: None,
            deciding: None,
        }
    }

    #[test]
    fn latency_is_told_in_milliseconds_to_spare() {
        let bound = RequiredBound::AtMost(10.0);
        let on = |verdict, low, high| GateCell {
            target: Some("pi4".into()),
            setting: Some(ExecutionSetting::of_batch(1)),
            ..cell(verdict, low, high, 10.0)
        };
        let of = |figure, cell: &GateCell| scenario(&Requirement::new(figure, bound), cell);
        let pass = on(GateVerdict::Pass, 8.4, 8.8);
        let expected = "meets the 10 ms target on pi4 with 1.2 ms to spare";
        assert_eq!(of(RequiredFigure::LatencyP50, &pass), expected);
        let expected = "meets the 10 ms target for the 99th percentile on pi4 with 1.2 ms to spare";
        assert_eq!(of(RequiredFigure::LatencyP99, &pass), expected);
        let fail = on(GateVerdict::Fail, 12.5, 13.0);
        let expected = "misses the 10 ms target on pi4 by 2.5 ms at least";
        assert_eq!(of(RequiredFigure::LatencyP50, &fail), expected);
        let open = on(GateVerdict::Undecided, 9.5, 10.5);
        let expected = "may meet or miss the 10 ms target on pi4, which cannot be told: 10.00 (95 % CI 9.500 to 10.50)";
        assert_eq!(of(RequiredFigure::LatencyP50, &open), expected);
    }

    #[test]
    fn quality_is_told_in_points() {
        let figure = RequiredFigure::QualityLoss(Metric::Accuracy);
        let requirement = Requirement::new(figure, RequiredBound::AtMost(0.02));
        let pass = cell(GateVerdict::Pass, -0.005, 0.0125, 0.02);
        let expected = "meets the requirement accuracy_drop ≤ 0.02 with 0.75 points to spare";
        assert_eq!(scenario(&requirement, &pass), expected);
        let deciding =
            DecidingCount { unit: CountedUnit::Samples, at_hand: 400, needed: Some(1_600) };
        let open = GateCell {
            deciding: Some(deciding),
            ..cell(GateVerdict::Undecided, 0.005, 0.025, 0.02)
        };
        assert!(
            scenario(&requirement, &open).ends_with("about 1600 samples would decide, 400 at hand")
        );
    }

    #[test]
    fn floors_count_from_below() {
        let requirement = Requirement::new(RequiredFigure::Speedup, RequiredBound::AtLeast(1.5));
        let found = cell(GateVerdict::Pass, 1.75, 1.9, 1.5);
        assert!(scenario(&requirement, &found).ends_with("with 0.25 to spare"));
        let found = cell(GateVerdict::Fail, 1.1, 1.25, 1.5);
        assert!(scenario(&requirement, &found).ends_with("by 0.25 at least"));
    }
}
