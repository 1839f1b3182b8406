//! Columns of figures in one unit each, which their headings name.

use crate::report::interval_text::interval_text;
use paring_core::number_format::{decimal, signed, signed_significant, time_unit};
use paring_core::schema::{ConfidenceInterval, Metric};

/// A column's unit, and its cells; a dash where a value does not exist.
pub(in crate::report) type UnitColumn = (&'static str, Vec<String>);

/// A cell of a value that does not exist.
const NONE: &str = "—";

/// Energy in microjoules from which on millijoules are shown.
const LEAST_MILLIJOULES_UJ: f64 = 1e4;

fn decimals(value: f64) -> usize {
    match value.abs() {
        small if small < 9.995 => 2,
        middle if middle < 99.95 => 1,
        _ => 0,
    }
}

/// Three significant digits, and no fewer than those before the decimal point.
fn three_digits(value: f64) -> String {
    decimal(value, decimals(value))
}

fn smallest(values: impl Iterator<Item = f64>) -> f64 {
    values.map(f64::abs).fold(f64::INFINITY, f64::min)
}

/// The unit that fits the smallest of some values, and what one of it amounts to.
fn common_unit(
    values: impl Iterator<Item = f64>,
    unit: fn(f64) -> (f64, &'static str),
) -> (f64, &'static str) {
    let least = smallest(values);
    unit(if least.is_finite() { least } else { 0.0 })
}

fn energy_unit(uj: f64) -> (f64, &'static str) {
    if uj < LEAST_MILLIJOULES_UJ { (1.0, "µJ") } else { (1e3, "mJ") }
}

fn cells<T>(values: &[Option<T>], show: impl Fn(&T) -> String) -> Vec<String> {
    values.iter().map(|value| value.as_ref().map_or_else(|| NONE.into(), &show)).collect()
}

/// Spans in nanoseconds; with half the width of their intervals where `bounds`.
pub(in crate::report) fn span_texts(
    values: &[Option<ConfidenceInterval>],
    bounds: bool,
) -> UnitColumn {
    let (one, name) = common_unit(values.iter().flatten().map(|i| i.value), time_unit);
    let show = |interval: &ConfidenceInterval| {
        let value = interval.value / one;
        let half = (interval.high - interval.low) / 2.0 / one;
        match bounds && half > 0.0 {
            true => format!("{} ± {}", three_digits(value), decimal(half, decimals(value))),
            false => three_digits(value),
        }
    };
    (name, cells(values, show))
}

/// Amounts in bytes.
pub(in crate::report) fn memory_texts(values: &[Option<u64>]) -> UnitColumn {
    let unit = |bytes: f64| match bytes {
        small if small < 1024.0 * 1024.0 => (1024.0, "KiB"),
        _ => (1_048_576.0, "MiB"),
    };
    let (one, name) = common_unit(values.iter().flatten().map(|bytes| *bytes as f64), unit);
    (name, cells(values, |bytes| three_digits(*bytes as f64 / one)))
}

/// Energy in microjoules with its bounds.
pub(in crate::report) fn energy_texts(values: &[Option<ConfidenceInterval>]) -> UnitColumn {
    let (one, name) = common_unit(values.iter().flatten().map(|i| i.value), energy_unit);
    (name, cells(values, |interval| interval_text(*interval, |uj| three_digits(uj / one))))
}

/// Ratios with their bounds: two decimals, or, where `long`, three if an interval is narrower than two can
/// show; without bounds where one block stands behind a ratio.
pub(in crate::report) fn interval_texts(
    values: &[Option<ConfidenceInterval>],
    long: bool,
) -> Vec<String> {
    let narrow = values.iter().flatten().any(|i| i.high - i.low < 0.01);
    let places = if narrow && long { 3 } else { 2 };
    let show = |ratio: f64| decimal(ratio, places);
    cells(values, |i| match i.low == i.high {
        true => show(i.value),
        false => format!("{} [{}, {}]", show(i.value), show(i.low), show(i.high)),
    })
}

/// Changes of a metric with their bounds: of a share in points; without bounds where nothing changed at
/// all.
pub(in crate::report) fn change_texts(
    metric: Metric,
    values: &[Option<ConfidenceInterval>],
) -> UnitColumn {
    let show = |value: f64| match metric.is_share() {
        true => signed(100.0 * value, 1),
        false => signed_significant(value),
    };
    let text = |interval: &ConfidenceInterval| interval_text(*interval, show);
    let unit = if metric.is_share() { "points" } else { "" };
    let texts = values.iter().map(|value| value.as_ref().map_or_else(String::new, text));
    (unit, texts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(value: f64, by: f64) -> Option<ConfidenceInterval> {
        Some(ConfidenceInterval { value, low: value - by, high: value + by })
    }

    #[test]
    fn a_column_has_one_unit() {
        let spans = [about(192_000.0, 4_570.0), None, about(9_806.0, 12.0), about(3.2e8, 1e6)];
        let (unit, cells) = span_texts(&spans, true);
        assert_eq!(
            (unit, cells.join(" | ")),
            ("µs", "192 ± 5 | — | 9.81 ± 0.01 | 320000 ± 1000".into())
        );
        let (unit, cells) = span_texts(&[about(3.2e8, 1e6), about(1.25e7, 1e4)], false);
        assert_eq!((unit, cells.join(" | ")), ("ms", "320 | 12.5".into()));
        assert_eq!(span_texts(&[None], true), ("µs", vec!["—".to_string()]));
        let (unit, cells) = memory_texts(&[Some(28_000_000), Some(100_000)]);
        assert_eq!((unit, cells.join(" | ")), ("KiB", "27344 | 97.7".into()));
        let (unit, cells) = energy_texts(&[about(15_300.0, 400.0), about(512_000.0, 30.0)]);
        assert_eq!((unit, cells.join(" | ")), ("mJ", "15.3 [14.9, 15.7] | 512".into()));
    }

    #[test]
    fn ratios_show_as_much_as_their_intervals_tell() {
        assert_eq!(interval_texts(&[about(1.316, 0.02)], true), ["1.32 [1.30, 1.34]"]);
        assert_eq!(
            interval_texts(&[about(1.316, 0.02), about(1.001, 0.0012)], true),
            ["1.316 [1.296, 1.336]", "1.001 [1.000, 1.002]"]
        );
    }

    #[test]
    fn no_change_has_no_sign_and_no_bounds() {
        let changes = [about(-0.457, 0.05), about(0.0, 0.0), about(-0.000_04, 0.000_1), None];
        let (unit, cells) = change_texts(Metric::Accuracy, &changes);
        assert_eq!(
            (unit, cells.join(" | ")),
            ("points", "−45.7 [−50.7, −40.7] | 0.0 | 0.0 | ".into())
        );
        let (unit, cells) = change_texts(Metric::Mse, &[about(0.5, 0.25)]);
        assert_eq!((unit, cells.join("")), ("", "+0.5000 [+0.2500, +0.7500]".into()));
    }
}
