//! Sentences about records, with the fields that their figures come from.

use serde::{Deserialize, Serialize};

/// How a field is shown in a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Show {
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
    /// How many entries a list has.
    Length,
    /// A probability.
    Probability,
}

/// A field of a record, as a sentence shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Where it is in the explanation, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// How it is shown.
    pub show: Show,
    /// What stands in the sentence.
    pub shown: String,
}

/// A sentence. Every figure in it is one of its fields; no other digits occur.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sentence {
    /// What it is about: `variant`, `caveat`, or the id of a group.
    pub about: String,
    /// The sentence.
    pub text: String,
    /// The fields in it, in order.
    pub fields: Vec<Field>,
}

/// A person's words about a run, in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The words.
    pub text: String,
    /// Who said them.
    pub by: String,
    /// The variant, group of decisions or ledger entry that they are about; `None` for the run.
    pub on: Option<String>,
}

impl Show {
    /// Shows a value; `None` where it is not of the kind.
    pub fn of(self, value: &serde_json::Value) -> Option<String> {
        let number = || value.as_f64().filter(|v| v.is_finite());
        Some(match self {
            Show::Text => value.as_str()?.to_string(),
            Show::List => {
                let items = value.as_array()?.iter();
                let items = items.map(|i| i.as_str().map_or_else(|| i.to_string(), str::to_string));
                items.collect::<Vec<_>>().join(", ")
            }
            Show::Count => match value.as_i64() {
                Some(whole) => whole.to_string(),
                None => format!("{:.0}", number()?),
            },
            Show::Percent => format!("{:.1} %", 100.0 * number()?),
            Show::Points => signed(100.0 * number()?),
            Show::PointsSize => format!("{:.2}", 100.0 * number()?.abs()),
            Show::Microseconds => format!("{:.1} µs", number()? / 1e3),
            Show::MicrosecondsChange => format!("{:+.1} µs", number()? / 1e3),
            Show::MicrosecondsSize => format!("{:.1} µs", number()?.abs() / 1e3),
            Show::Number => format!("{:.2}", number()?),
            Show::Significant => significant(number()?),
            Show::Signed => match number()? {
                change if change > 0.0 => format!("+{}", significant(change)),
                change => significant(change),
            },
            Show::BytesChange => format!("{:+.1} KiB", number()? / 1024.0),
            Show::BytesSize => format!("{:.1} KiB", number()?.abs() / 1024.0),
            Show::MicrojoulesSize => format!("{:.1} µJ", number()?.abs()),
            Show::Length => value.as_array()?.len().to_string(),
            Show::Probability => format!("{:.4}", number()?),
        })
    }
}

impl Sentence {
    /// Whether every figure in it is a field of `record`, shown as that field is: its fields are looked
    /// up again, and what is left of the sentence without them has no digit.
    pub fn holds(&self, record: &serde_json::Value) -> bool {
        let mut rest = self.text.as_str();
        let mut between = String::new();
        for Field { pointer, show, shown } in &self.fields {
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
        assert_eq!(Show::Points.of(&json!(-0.0772)), Some("-7.72".into()));
        assert_eq!(Show::Points.of(&json!(-0.000_01)), Some("0.00".into()));
        assert_eq!(Show::PointsSize.of(&json!(-0.0772)), Some("7.72".into()));
        assert_eq!(Show::Percent.of(&json!(0.918)), Some("91.8 %".into()));
        assert_eq!(Show::List.of(&json!(["a:1", 3])), Some("a:1, 3".into()));
        assert_eq!(Show::Count.of(&json!(null)), None);
        assert_eq!(Show::Significant.of(&json!(0.012_345_6)), Some("0.01235".into()));
        assert_eq!(Show::Signed.of(&json!(12_345.6)), Some("+1.235e4".into()));
        assert_eq!(Show::Signed.of(&json!(-0.5)), Some("-0.5000".into()));
        assert_eq!(Show::BytesSize.of(&json!(-2048)), Some("2.0 KiB".into()));
        assert_eq!(Show::Length.of(&json!([4, 5])), Some("2".into()));
        assert_eq!(Show::Microseconds.of(&json!(-12_340.0)), Some("-12.3 µs".into()));
    }
}
