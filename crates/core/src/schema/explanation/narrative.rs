//! Sentences about records, with the fields that their figures come from.

use serde::{Deserialize, Serialize};

/// Format of a field in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldFormat {
    /// As it is.
    Text,
    /// A list, with commas.
    List,
    /// A whole number.
    Count,
    /// A share in percent.
    Percent,
    /// A change of a share in points, with its sign.
    Points,
    /// The size of a change of a share in points, without sign.
    PointsSize,
    /// Nanoseconds as microseconds.
    Microseconds,
    /// A change in nanoseconds as microseconds, with its sign.
    MicrosecondsChange,
    /// The size of a change in nanoseconds as microseconds, without sign.
    MicrosecondsSize,
    /// A plain number with two digits behind the point.
    Number,
    /// A number with four significant digits.
    Significant,
    /// A change of a number, likewise, with its sign.
    Signed,
    /// A change in bytes as KiB, with its sign.
    BytesChange,
    /// The size of a change in bytes as KiB, without sign.
    BytesSize,
    /// The size of a change in microjoules, without sign.
    MicrojoulesSize,
    /// Number of entries of a list.
    Length,
    /// A probability.
    Probability,
}

/// A field of a record, as a sentence shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NarrativeField {
    /// Its place in the explanation, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// Format.
    pub show: FieldFormat,
    /// Its text in the sentence.
    pub shown: String,
}

/// A sentence. Every figure in it is one of its fields; no other digits occur.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NarrativeSentence {
    /// Subject: `variant`, `caveat`, or the id of a group.
    pub about: String,
    /// The sentence.
    pub text: String,
    /// The fields in it, in order.
    pub fields: Vec<NarrativeField>,
}

/// A person's words about a run, in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerNote {
    /// The words.
    pub text: String,
    /// Author.
    pub by: String,
    /// The variant, group of decisions or ledger entry that they are about; `None` for the run.
    pub on: Option<String>,
}

impl FieldFormat {
    /// Shows a value; `None` where it is not of the kind.
    pub fn of(self, value: &serde_json::Value) -> Option<String> {
        let number = || value.as_f64().filter(|v| v.is_finite());
        Some(match self {
            FieldFormat::Text => value.as_str()?.to_string(),
            FieldFormat::List => {
                let items = value.as_array()?.iter();
                let items = items.map(|i| i.as_str().map_or_else(|| i.to_string(), str::to_string));
                items.collect::<Vec<_>>().join(", ")
            }
            FieldFormat::Count => match value.as_i64() {
                Some(whole) => whole.to_string(),
                None => format!("{:.0}", number()?),
            },
            FieldFormat::Percent => format!("{:.1} %", 100.0 * number()?),
            FieldFormat::Points => signed(100.0 * number()?),
            FieldFormat::PointsSize => format!("{:.2}", 100.0 * number()?.abs()),
            FieldFormat::Microseconds => format!("{:.1} µs", number()? / 1e3),
            FieldFormat::MicrosecondsChange => format!("{:+.1} µs", number()? / 1e3),
            FieldFormat::MicrosecondsSize => format!("{:.1} µs", number()?.abs() / 1e3),
            FieldFormat::Number => format!("{:.2}", number()?),
            FieldFormat::Significant => significant(number()?),
            FieldFormat::Signed => match number()? {
                change if change > 0.0 => format!("+{}", significant(change)),
                change => significant(change),
            },
            FieldFormat::BytesChange => format!("{:+.1} KiB", number()? / 1024.0),
            FieldFormat::BytesSize => format!("{:.1} KiB", number()?.abs() / 1024.0),
            FieldFormat::MicrojoulesSize => format!("{:.1} µJ", number()?.abs()),
            FieldFormat::Length => value.as_array()?.len().to_string(),
            FieldFormat::Probability => format!("{:.4}", number()?),
        })
    }
}

impl NarrativeSentence {
    /// True if every figure in it is a field of `record`, shown as that field is: its fields are looked
    /// up again, and what is left of the sentence without them has no digit.
    pub fn holds(&self, record: &serde_json::Value) -> bool {
        let mut rest = self.text.as_str();
        let mut between = String::new();
        for NarrativeField { pointer, show, shown } in &self.fields {
            let again = record.pointer(pointer).and_then(|value| show.of(value));
            let Some(at) = rest.find(shown.as_str()).filter(|_| again.as_ref() == Some(shown))
            else {
                return false;
            };
            between += &rest[..at];
            rest = &rest[at + shown.len()..];
        }
        between += rest;
        !between.chars().any(|c| c.is_numeric())
    }
}

/// Four significant digits.
fn significant(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let places = 3 - value.abs().log10().floor() as i32;
    match places {
        0..=9 => format!("{value:.*}", places as usize),
        _ => format!("{value:.3e}"),
    }
}

/// With its sign, and none where nothing is left after rounding.
fn signed(points: f64) -> String {
    let text = format!("{points:+.2}");
    if text == "-0.00" || text == "+0.00" { "0.00".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shows_what_it_is_given_or_nothing() {
        assert_eq!(FieldFormat::Points.of(&json!(-0.0772)), Some("-7.72".into()));
        assert_eq!(FieldFormat::Points.of(&json!(-0.000_01)), Some("0.00".into()));
        assert_eq!(FieldFormat::PointsSize.of(&json!(-0.0772)), Some("7.72".into()));
        assert_eq!(FieldFormat::Percent.of(&json!(0.918)), Some("91.8 %".into()));
        assert_eq!(FieldFormat::List.of(&json!(["a:1", 3])), Some("a:1, 3".into()));
        assert_eq!(FieldFormat::Count.of(&json!(null)), None);
        assert_eq!(FieldFormat::Significant.of(&json!(0.012_345_6)), Some("0.01235".into()));
        assert_eq!(FieldFormat::Signed.of(&json!(12_345.6)), Some("+1.235e4".into()));
        assert_eq!(FieldFormat::Signed.of(&json!(-0.5)), Some("-0.5000".into()));
        assert_eq!(FieldFormat::BytesSize.of(&json!(-2048)), Some("2.0 KiB".into()));
        assert_eq!(FieldFormat::Length.of(&json!([4, 5])), Some("2".into()));
        assert_eq!(FieldFormat::Microseconds.of(&json!(-12_340.0)), Some("-12.3 µs".into()));
    }
}
