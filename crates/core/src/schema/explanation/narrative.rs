//! Sentences about records, with the fields that their figures come from.

use crate::schema::FieldFormat;
use serde::{Deserialize, Serialize};

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

/// Paragraph of a narrative, in reading order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NarrativeTopic {
    /// Steps of the recipe and what they removed or quantized.
    Recipe,
    /// Change of quality, latency, memory and energy, with intervals.
    Conclusion,
    /// Decisions that carry the change, their interactions, and those without a significant effect.
    Causes,
    /// Classes, slices and samples that pay, and the groups behind them.
    Samples,
    /// The way to a machine, robustness, and layers.
    #[default]
    Details,
    /// Forecasts against outcomes.
    Forecasts,
    /// Number of experiments behind the figures.
    Certainty,
    /// One limit of the figures a sentence.
    Caveats,
}

/// A sentence. Every figure in it is one of its fields; no other digits occur.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NarrativeSentence {
    /// Subject: `variant`, `caveat`, or the id of a group.
    pub about: String,
    /// Its paragraph.
    #[serde(default)]
    pub topic: NarrativeTopic,
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_figure_from_elsewhere_is_found() {
        let record = json!({ "count": 3 });
        let show = FieldFormat::Count;
        let field = NarrativeField { pointer: "/count".into(), show, shown: "3".into() };
        let sentence = NarrativeSentence {
            about: "variant".into(),
            topic: NarrativeTopic::Details,
            text: "There are 3 regressions.".into(),
            fields: vec![field],
        };
        assert!(sentence.holds(&record));
        assert!(!sentence.holds(&json!({ "count": 4 })));
        let more = NarrativeSentence { text: "There are 3 of 5.".into(), ..sentence.clone() };
        assert!(!more.holds(&record));
    }
}
