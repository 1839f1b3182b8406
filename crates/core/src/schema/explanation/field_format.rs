//! Formats of fields in sentences: the text of a JSON value, its unit included.

use crate::number_format::{
    decimal, memory_unit, signed, signed_significant, significant, time_unit,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Format of a field in a sentence. A change has a sign; a size has none. A range is of an interval's
/// bounds: sizes in ascending order where both have one sign, changes otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldFormat {
    /// As it is.
    Text,
    /// A list, with commas.
    List,
    /// A list of steps, one after the other.
    Steps,
    /// A group's label as an action: `pruning block1.pw`.
    Action,
    /// An action at the beginning of a sentence.
    ActionFirst,
    /// A metric's name in words: `latency`, `peak heap memory`.
    MetricName,
    /// A metric's name at the beginning of a sentence.
    MetricNameFirst,
    /// A whole number.
    Count,
    /// Number of entries of a list.
    Length,
    /// A share in percent.
    Percent,
    /// Reduction from `baseline` to `variant` of an object, in percent of `baseline`.
    Reduction,
    /// A change of a share in points.
    Points,
    /// The size of a change of a share in points.
    PointsSize,
    /// A range of changes of a share in points.
    PointsRange,
    /// Nanoseconds as time.
    #[serde(alias = "microseconds")]
    Time,
    /// A change in nanoseconds as time.
    #[serde(alias = "microseconds_change")]
    TimeChange,
    /// The size of a change in nanoseconds as time.
    #[serde(alias = "microseconds_size")]
    TimeSize,
    /// A range of changes in nanoseconds as time.
    TimeRange,
    /// A plain number with two decimals.
    Number,
    /// A number with four significant digits.
    Significant,
    /// A change of a number, likewise.
    Signed,
    /// The size of a change of a number, likewise.
    SignificantSize,
    /// A range of changes of a number, likewise.
    SignificantRange,
    /// Bytes as memory.
    Bytes,
    /// A change in bytes.
    BytesChange,
    /// The size of a change in bytes.
    BytesSize,
    /// A range of changes in bytes.
    BytesRange,
    /// Microjoules.
    Microjoules,
    /// A change in microjoules.
    MicrojoulesChange,
    /// The size of a change in microjoules.
    MicrojoulesSize,
    /// A range of changes in microjoules.
    MicrojoulesRange,
    /// A probability.
    Probability,
}

/// Formats of a metric's values, changes, sizes of changes and bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnitFormats {
    /// A value.
    pub value: FieldFormat,
    /// A change.
    pub change: FieldFormat,
    /// The size of a change.
    pub size: FieldFormat,
    /// Bounds of a change.
    pub range: FieldFormat,
    /// Text behind a change or its size.
    pub suffix: &'static str,
}

impl UnitFormats {
    /// Formats of a unit of effects: `share`, `ns`, `bytes`, `uj`; of any other, plain numbers.
    pub fn of(unit: &str) -> UnitFormats {
        use FieldFormat as F;
        let (value, change, size, range) = match unit {
            "share" => (F::Percent, F::Points, F::PointsSize, F::PointsRange),
            "ns" => (F::Time, F::TimeChange, F::TimeSize, F::TimeRange),
            "bytes" => (F::Bytes, F::BytesChange, F::BytesSize, F::BytesRange),
            "uj" => (F::Microjoules, F::MicrojoulesChange, F::MicrojoulesSize, F::MicrojoulesRange),
            _ => (F::Significant, F::Signed, F::SignificantSize, F::SignificantRange),
        };
        let suffix = if unit == "share" { " points" } else { "" };
        UnitFormats { value, change, size, range, suffix }
    }
}

impl FieldFormat {
    /// Shows a value; `None` where it is not of the kind.
    pub fn of(self, value: &Value) -> Option<String> {
        match self {
            FieldFormat::Text => Some(value.as_str()?.to_string()),
            FieldFormat::List => joined(value, ", "),
            FieldFormat::Steps => joined(value, "; then "),
            FieldFormat::Action => Some(action(value.as_str()?)),
            FieldFormat::ActionFirst => Some(capitalized(&action(value.as_str()?))),
            FieldFormat::MetricName => Some(metric_name(value.as_str()?)),
            FieldFormat::MetricNameFirst => Some(capitalized(&metric_name(value.as_str()?))),
            FieldFormat::Length => Some(value.as_array()?.len().to_string()),
            FieldFormat::Reduction => reduction(value),
            FieldFormat::PointsRange => range(value, |_| (0.01, "", 2)),
            FieldFormat::TimeRange => range(value, |ns| unit_with_digit(time_unit(ns))),
            FieldFormat::BytesRange => range(value, |bytes| unit_with_digit(memory_unit(bytes))),
            FieldFormat::MicrojoulesRange => range(value, |_| (1.0, "µJ", 1)),
            FieldFormat::SignificantRange => significant_range(value),
            FieldFormat::Count => value.as_i64().map_or_else(
                || finite(value).map(|number| format!("{number:.0}")),
                |whole| Some(whole.to_string()),
            ),
            _ => finite(value).map(|number| self.of_number(number)),
        }
    }

    fn of_number(self, number: f64) -> String {
        let time = |value: f64| in_unit(value, time_unit(number), decimal);
        let memory = |value: f64| in_unit(value, memory_unit(number), decimal);
        match self {
            FieldFormat::Percent => format!("{:.1} %", 100.0 * number),
            FieldFormat::Points => signed(100.0 * number, 2),
            FieldFormat::PointsSize => decimal(100.0 * number.abs(), 2),
            FieldFormat::Time => time(number),
            FieldFormat::TimeChange => in_unit(number, time_unit(number), signed),
            FieldFormat::TimeSize => time(number.abs()),
            FieldFormat::Number => decimal(number, 2),
            FieldFormat::Signed => signed_significant(number),
            FieldFormat::SignificantSize => significant(number.abs()),
            FieldFormat::Bytes => memory(number),
            FieldFormat::BytesChange => in_unit(number, memory_unit(number), signed),
            FieldFormat::BytesSize => memory(number.abs()),
            FieldFormat::Microjoules => in_unit(number, (1.0, "µJ"), decimal),
            FieldFormat::MicrojoulesChange => in_unit(number, (1.0, "µJ"), signed),
            FieldFormat::MicrojoulesSize => in_unit(number.abs(), (1.0, "µJ"), decimal),
            FieldFormat::Probability => decimal(number, 4),
            _ => significant(number),
        }
    }
}

fn finite(value: &Value) -> Option<f64> {
    value.as_f64().filter(|v| v.is_finite())
}

fn in_unit(value: f64, (size, unit): (f64, &str), show: fn(f64, usize) -> String) -> String {
    format!("{} {unit}", show(value / size, 1))
}

fn unit_with_digit((size, unit): (f64, &'static str)) -> (f64, &'static str, usize) {
    (size, unit, 1)
}

fn joined(value: &Value, between: &str) -> Option<String> {
    let items = value.as_array()?.iter();
    let items = items.map(|i| i.as_str().map_or_else(|| i.to_string(), str::to_string));
    Some(items.collect::<Vec<_>>().join(between))
}

/// Percent of the baseline that the variant lacks.
fn reduction(value: &Value) -> Option<String> {
    let part = |name: &str| value.get(name).and_then(finite);
    let (before, after) = (part("baseline")?, part("variant")?);
    let share = (before != 0.0).then(|| 1.0 - after / before)?;
    Some(format!("{} %", decimal(100.0 * share, 1)))
}

/// Bounds of an interval in the unit of its value.
fn range(value: &Value, unit: impl Fn(f64) -> (f64, &'static str, usize)) -> Option<String> {
    let (size, unit, decimals) = unit(value.get("value").and_then(finite)?);
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    let text = bounds(
        value,
        |size_only| decimal(size_only / size, decimals),
        |change| signed(change / size, decimals),
    )?;
    Some(text + &unit)
}

fn significant_range(value: &Value) -> Option<String> {
    bounds(value, significant, signed_significant)
}

fn bounds(
    value: &Value,
    of_size: impl Fn(f64) -> String,
    of_change: impl Fn(f64) -> String,
) -> Option<String> {
    let part = |name: &str| value.get(name).and_then(finite);
    let (low, high) = (part("low")?, part("high")?);
    Some(match (low > 0.0, high < 0.0) {
        (true, _) => format!("{} to {}", of_size(low), of_size(high)),
        (_, true) => format!("{} to {}", of_size(-high), of_size(-low)),
        _ => format!("{} to {}", of_change(low), of_change(high)),
    })
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A group's label as an action; labels of several steps are joined by semicolons.
fn action(label: &str) -> String {
    let each = label.split("; ").map(|part| {
        if let Some(of) = part.strip_prefix("prune channels of ") {
            return format!("pruning {of}");
        }
        if let Some((precision, of)) =
            part.strip_prefix("quantize ").and_then(|rest| rest.split_once(" of "))
        {
            return format!("quantizing {of} to {precision}");
        }
        let verbs = [("prune ", "pruning "), ("quantize ", "quantizing to "), ("tune ", "tuning ")];
        let found = verbs
            .iter()
            .find_map(|(verb, noun)| part.strip_prefix(verb).map(|rest| format!("{noun}{rest}")));
        found.unwrap_or_else(|| part.to_string())
    });
    each.collect::<Vec<_>>().join(" and ")
}

fn metric_name(metric: &str) -> String {
    let bare = metric.strip_prefix("class_").or_else(|| metric.strip_prefix("slice_"));
    match bare.unwrap_or(metric) {
        "peak_heap_bytes" => "peak heap memory".into(),
        "peak_rss_bytes" => "peak memory".into(),
        "energy_per_inference" => "energy per inference".into(),
        "file_bytes" => "file size".into(),
        "params" => "number of parameters".into(),
        "macs" => "number of multiply-adds".into(),
        other => other.replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn shows(format: FieldFormat, value: Value, expected: &str) {
        assert_eq!(format.of(&value).as_deref(), Some(expected));
    }

    #[test]
    fn numbers_have_their_unit_and_their_sign() {
        shows(FieldFormat::Points, json!(-0.0772), "−7.72");
        shows(FieldFormat::Points, json!(-0.000_01), "0.00");
        shows(FieldFormat::PointsSize, json!(-0.0772), "7.72");
        shows(FieldFormat::Percent, json!(0.918), "91.8 %");
        shows(FieldFormat::Significant, json!(0.012_345_6), "0.01235");
        shows(FieldFormat::Signed, json!(-0.5), "−0.5000");
        shows(FieldFormat::BytesSize, json!(-2048), "2.0 KiB");
        shows(FieldFormat::Time, json!(12_340.0), "12.3 µs");
        shows(FieldFormat::TimeSize, json!(-12_340_000.0), "12.3 ms");
        shows(FieldFormat::MicrojoulesChange, json!(-4.24), "−4.2 µJ");
        shows(FieldFormat::Reduction, json!({ "baseline": 200, "variant": 50 }), "75.0 %");
        shows(FieldFormat::Length, json!([4, 5]), "2");
        assert_eq!(FieldFormat::Count.of(&json!(null)), None);
        assert_eq!(FieldFormat::TimeRange.of(&json!({ "value": 1.0, "low": 1.0 })), None);
    }

    #[test]
    fn a_range_is_of_sizes_or_of_changes() {
        let interval =
            |value: f64, low: f64, high: f64| json!({ "value": value, "low": low, "high": high });
        shows(FieldFormat::PointsRange, interval(-0.123, -0.15, -0.098), "9.80 to 15.00");
        shows(FieldFormat::PointsRange, interval(-0.005, -0.013, 0.0), "−1.30 to 0.00");
        shows(FieldFormat::TimeRange, interval(-8_300.0, -8_800.0, -7_900.0), "7.9 to 8.8 µs");
        shows(FieldFormat::TimeRange, interval(2e7, 9e6, 3e7), "9.0 to 30.0 ms");
        shows(FieldFormat::SignificantRange, interval(0.1, -0.1, 0.3), "−0.1000 to +0.3000");
    }

    #[test]
    fn labels_are_actions() {
        shows(FieldFormat::Action, json!("prune channels of res1.skip"), "pruning res1.skip");
        shows(FieldFormat::Action, json!("prune heads of attn"), "pruning heads of attn");
        shows(FieldFormat::Action, json!("quantize int8 of head"), "quantizing head to int8");
        let step = "quantize int8, per tensor, minmax";
        shows(FieldFormat::ActionFirst, json!(step), "Quantizing to int8, per tensor, minmax");
        shows(
            FieldFormat::Action,
            json!("prune channels of a, b; quantize int8 of c"),
            "pruning a, b and quantizing c to int8",
        );
        shows(FieldFormat::ActionFirst, json!("engine options"), "Engine options");
        shows(FieldFormat::MetricName, json!("class_f1"), "f1");
        shows(FieldFormat::MetricNameFirst, json!("peak_rss_bytes"), "Peak memory");
    }

    #[test]
    fn formats_of_older_files_are_read() {
        let read = |name: &str| serde_json::from_value::<FieldFormat>(json!(name)).unwrap();
        assert_eq!(read("microseconds_size"), FieldFormat::TimeSize);
        assert_eq!(read("microjoules_size"), FieldFormat::MicrojoulesSize);
    }
}
