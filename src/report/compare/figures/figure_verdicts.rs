//! Verdicts on quality, size, memory and energy of a variant in two runs.

use super::figure_change::{
    ComparedFigure, FigureBasis, FigureChange, FigureVerdict, UnjudgedFigure,
};
use super::quality_change::{AnsweredRow, quality_change, quality_verdict};
use crate::report::compare::comparison::ComparedVariant;
use crate::report::compare::row_matching::{ComparisonRules, ConditionDifference, differences};
use crate::report::compare::sources::{ComparedSource, RowFigures, SourceKind};
use paring_core::schema::ConfidenceInterval;
use paring_core::stats;
use std::collections::{BTreeMap, BTreeSet};

/// Sizes have to differ by more than this share.
const SIZE_MARGIN: f64 = 0.01;
/// Memory with an interval: pages come and go.
const MEMORY_MARGIN: f64 = 0.02;
/// Memory without one.
const BARE_MEMORY_MARGIN: f64 = 0.1;
/// Energy: what sensors differ by from day to day is in no interval.
const ENERGY_MARGIN: f64 = 0.05;
/// Level of the intervals of quality.
const QUALITY_LEVEL: f64 = 0.95;

type Changes = BTreeMap<(ComparedFigure, String), Result<FigureChange, String>>;

/// Judges every figure of matched rows. Intervals of a figure are stretched so that they hold for all
/// variants together.
pub(in crate::report::compare) fn judge_figures(
    rows: &mut [ComparedVariant],
    (first, other): (&ComparedSource, &ComparedSource),
    rules: &ComparisonRules,
) {
    let mut of_variants = Changes::new();
    for row in rows.iter_mut() {
        let (Some(before), Some(after)) = (&row.before, &row.after) else { continue };
        if [first, other].iter().any(|source| source.kind == SourceKind::External) {
            continue;
        }
        for figure in ComparedFigure::ALL {
            let answered = (before, first.answers.as_ref());
            let find = || change_of(figure, answered, (after, other.answers.as_ref()), rules);
            let found = match figure.is_of_variant() {
                true => {
                    let key = (figure, format!("{}\n{}", before.variant, after.variant));
                    of_variants.entry(key).or_insert_with(find).clone()
                }
                false => find(),
            };
            match found {
                Ok(change) => row.figures.push(change),
                Err(reason) => row.unjudged.push(UnjudgedFigure { figure, reason }),
            }
        }
    }
    for figure in ComparedFigure::ALL {
        stretch(rows, figure);
    }
}

/// The change of a figure, without a verdict.
///
/// # Errors
/// The reason for which it is not judged.
fn change_of(
    figure: ComparedFigure,
    (before, kept_before): AnsweredRow,
    (after, kept_after): AnsweredRow,
    rules: &ComparisonRules,
) -> Result<FigureChange, String> {
    if let Some((_, words)) = differences(before, after)
        .into_iter()
        .find(|(kind, _)| matters(figure, *kind) && !rules.accepts(*kind))
    {
        return Err(words);
    }
    match figure {
        ComparedFigure::Accuracy => quality_change((before, kept_before), (after, kept_after)),
        ComparedFigure::Size => size_change(before, after),
        ComparedFigure::Memory => {
            measured(before, after)?;
            memory_change(before, after)
        }
        ComparedFigure::Energy => {
            measured(before, after)?;
            energy_change(before, after)
        }
    }
}

/// Tells whether a figure depends on what differs.
fn matters(figure: ComparedFigure, difference: ConditionDifference) -> bool {
    use ConditionDifference::{Data, Engine, Machine, Version};
    match figure {
        ComparedFigure::Accuracy => difference == Data,
        ComparedFigure::Size => false,
        ComparedFigure::Memory | ComparedFigure::Energy => {
            matches!(difference, Machine | Engine | Version)
        }
    }
}

/// Refuses rows whose target's figures are not to be relied on.
fn measured(before: &RowFigures, after: &RowFigures) -> Result<(), String> {
    for (row, when) in [(before, "before"), (after, "after")] {
        if row.emulated {
            return Err(format!("{when}: emulated: not a board's figures"));
        }
        if !row.valid {
            return Err(format!("{when}: not valid: {}", row.reason));
        }
    }
    Ok(())
}

fn ratio(
    figure: ComparedFigure,
    (before, after): (f64, f64),
    change: ConfidenceInterval,
    basis: FigureBasis,
) -> FigureChange {
    let verdict = FigureVerdict::CannotTell;
    FigureChange { figure, name: figure.column().into(), before, after, change, basis, verdict }
}

fn size_change(before: &RowFigures, after: &RowFigures) -> Result<FigureChange, String> {
    let both = before.file_bytes.zip(after.file_bytes).filter(|(before, _)| *before > 0);
    let (before, after) = both.ok_or("the sizes of both files are not at hand")?;
    let values = (before as f64, after as f64);
    let value = values.1 / values.0;
    let change = ConfidenceInterval { value, low: value, high: value };
    Ok(ratio(ComparedFigure::Size, values, change, FigureBasis::Exact))
}

fn memory_change(before: &RowFigures, after: &RowFigures) -> Result<FigureChange, String> {
    if let Some((before, after)) = before.peak_rss.zip(after.peak_rss)
        && let Some(change) = ratio_interval(before, after)
    {
        let values = (before.value, after.value);
        return Ok(ratio(ComparedFigure::Memory, values, change, FigureBasis::TwoIntervals));
    }
    let both = before.peak_rss_bytes.zip(after.peak_rss_bytes).filter(|(before, _)| *before > 0);
    let (before, after) = both.ok_or("the memory of both is not at hand")?;
    let values = (before as f64, after as f64);
    let value = values.1 / values.0;
    let change = ConfidenceInterval { value, low: value, high: value };
    Ok(ratio(ComparedFigure::Memory, values, change, FigureBasis::TwoValues))
}

fn energy_change(before: &RowFigures, after: &RowFigures) -> Result<FigureChange, String> {
    let energy = |row: &RowFigures, when: &str| {
        row.energy_uj.ok_or_else(|| match row.energy_missing.as_str() {
            "" => format!("no energy {when}"),
            reason => format!("no energy {when}: {reason}"),
        })
    };
    let (before, after) = (energy(before, "before")?, energy(after, "after")?);
    let change = ratio_interval(before, after)
        .ok_or("an interval of the energy reaches zero: longer windows (`run_s`) are needed")?;
    let values = (before.value, after.value);
    Ok(ratio(ComparedFigure::Energy, values, change, FigureBasis::TwoIntervals))
}

/// After over before; `None` where an interval reaches zero.
fn ratio_interval(
    before: ConfidenceInterval,
    after: ConfidenceInterval,
) -> Option<ConfidenceInterval> {
    if before.low <= 0.0 || after.low <= 0.0 {
        return None;
    }
    let log = |i: ConfidenceInterval| ConfidenceInterval {
        value: i.value.ln(),
        low: i.low.ln(),
        high: i.high.ln(),
    };
    let found = stats::zou_donner_difference(log(before), log(after));
    Some(exp(found))
}

fn exp(i: ConfidenceInterval) -> ConfidenceInterval {
    ConfidenceInterval { value: i.value.exp(), low: i.low.exp(), high: i.high.exp() }
}

/// Stretches the intervals of one figure for all variants together, and gives the verdicts.
fn stretch(rows: &mut [ComparedVariant], figure: ComparedFigure) {
    let mut variants = BTreeSet::new();
    for row in rows.iter() {
        let moved = |c: &&FigureChange| c.figure == figure && c.change.low < c.change.high;
        if row.figures.iter().any(|change| moved(&change)) {
            let place = if figure.is_of_variant() { String::new() } else { row.label() };
            let target = row.either().map(|f| f.target.clone()).filter(|_| !figure.is_of_variant());
            let name = row.either().map(|f| f.variant.clone());
            variants.insert((name, place, target));
        }
    }
    let together = match figure {
        ComparedFigure::Accuracy => stats::bonferroni_factor_at(QUALITY_LEVEL, variants.len()),
        _ => stats::bonferroni_factor(variants.len()),
    };
    let changes = rows.iter_mut().flat_map(|row| &mut row.figures);
    for change in changes.filter(|change| change.figure == figure) {
        change.change = match figure {
            ComparedFigure::Accuracy => stats::stretch_interval(change.change, together),
            _ => {
                let c = change.change;
                let log =
                    ConfidenceInterval { value: c.value.ln(), low: c.low.ln(), high: c.high.ln() };
                exp(stats::stretch_interval(log, together))
            }
        };
        change.verdict = verdict(change);
    }
}

fn verdict(change: &FigureChange) -> FigureVerdict {
    let margin = match (change.figure, change.basis) {
        (ComparedFigure::Accuracy, _) => return quality_verdict(&change.name, change.change),
        (ComparedFigure::Size, _) => SIZE_MARGIN,
        (ComparedFigure::Memory, FigureBasis::TwoValues) => BARE_MEMORY_MARGIN,
        (ComparedFigure::Memory, _) => MEMORY_MARGIN,
        (ComparedFigure::Energy, _) => ENERGY_MARGIN,
    };
    let (least, most) = (1.0 / (1.0 + margin), 1.0 + margin);
    match change.change {
        // Two values have no interval that could lie within the margin.
        c if change.basis == FigureBasis::TwoValues && c.value > least && c.value < most => {
            match c.value == 1.0 {
                true => FigureVerdict::Unchanged,
                false => FigureVerdict::CannotTell,
            }
        }
        c if c.low > most => FigureVerdict::Worse,
        c if c.high < least => FigureVerdict::Better,
        c if c.low >= least && c.high <= most => FigureVerdict::Unchanged,
        _ => FigureVerdict::CannotTell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(rss: f64, energy: f64) -> RowFigures {
        let interval =
            |value: f64| ConfidenceInterval { value, low: 0.99 * value, high: 1.01 * value };
        RowFigures {
            variant: "v".into(),
            peak_rss: Some(interval(rss)),
            energy_uj: Some(interval(energy)),
            file_bytes: Some(1000),
            valid: true,
            ..RowFigures::default()
        }
    }

    #[track_caller]
    fn judged(figure: ComparedFigure, before: RowFigures, after: RowFigures) -> FigureVerdict {
        let rules = ComparisonRules::default();
        let mut change = change_of(figure, (&before, None), (&after, None), &rules).unwrap();
        change.verdict = verdict(&change);
        change.verdict
    }

    #[test]
    fn more_memory_energy_and_bytes_are_worse_beyond_interval_and_margin() {
        use ComparedFigure::{Energy, Memory, Size};
        assert_eq!(judged(Memory, row(8e6, 1.0), row(9e6, 1.0)), FigureVerdict::Worse);
        assert_eq!(judged(Memory, row(8e6, 1.0), row(8.2e6, 1.0)), FigureVerdict::CannotTell);
        assert_eq!(judged(Memory, row(8e6, 1.0), row(8.001e6, 1.0)), FigureVerdict::Unchanged);
        assert_eq!(judged(Energy, row(8e6, 100.0), row(8e6, 80.0)), FigureVerdict::Better);
        assert_eq!(judged(Energy, row(8e6, 100.0), row(8e6, 105.0)), FigureVerdict::CannotTell);
        let larger = RowFigures { file_bytes: Some(1011), ..row(8e6, 1.0) };
        assert_eq!(judged(Size, row(8e6, 1.0), larger), FigureVerdict::Worse);
        let bare =
            |bytes| RowFigures { peak_rss: None, peak_rss_bytes: Some(bytes), ..row(1.0, 1.0) };
        assert_eq!(judged(Memory, bare(1000), bare(1090)), FigureVerdict::CannotTell);
        assert_eq!(judged(Memory, bare(1000), bare(1110)), FigureVerdict::Worse);
    }

    #[test]
    fn what_is_not_comparable_is_not_judged() {
        let rules = ComparisonRules::default();
        let reason = |figure, before: &RowFigures, after: &RowFigures| {
            change_of(figure, (before, None), (after, None), &rules).unwrap_err()
        };
        let other = RowFigures { machine: "another".into(), ..row(1.0, 1.0) };
        let words = reason(ComparedFigure::Memory, &row(1.0, 1.0), &other);
        assert_eq!(words, "another machine: another, before unknown");
        let none =
            RowFigures { energy_uj: None, energy_missing: "no sensor".into(), ..row(1.0, 1.0) };
        let words = reason(ComparedFigure::Energy, &row(1.0, 1.0), &none);
        assert_eq!(words, "no energy after: no sensor");
        let noise = ConfidenceInterval { value: 1.0, low: -1.0, high: 3.0 };
        let noisy = RowFigures { energy_uj: Some(noise), ..row(1.0, 1.0) };
        let words = reason(ComparedFigure::Energy, &row(1.0, 1.0), &noisy);
        assert!(words.starts_with("an interval of the energy reaches zero"), "{words}");
        let busy = RowFigures { valid: false, reason: "hardly ever quiet".into(), ..other };
        let accepting = ComparisonRules { across_machine: true, ..rules.clone() };
        let before = row(1.0, 1.0);
        let found = change_of(ComparedFigure::Memory, (&before, None), (&busy, None), &accepting);
        assert_eq!(found.unwrap_err(), "after: not valid: hardly ever quiet");
    }
}
