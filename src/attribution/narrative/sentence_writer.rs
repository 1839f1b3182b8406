//! Sentences from templates: what is put in comes from fields of a record and from nowhere else.

use paring_core::schema::{FieldFormat, NarrativeField, NarrativeSentence};
use serde_json::Value;

/// A field and how it is shown.
pub(super) fn at(pointer: impl Into<String>, show: FieldFormat) -> (String, FieldFormat) {
    (pointer.into(), show)
}

/// The value and the bounds of an interval at a pointer.
pub(super) fn interval(pointer: &str, show: FieldFormat) -> [(String, FieldFormat); 3] {
    ["value", "low", "high"].map(|part| at(format!("{pointer}/{part}"), show))
}

/// A record to speak about.
#[derive(Debug)]
pub(super) struct SentenceWriter {
    record: Value,
    sentences: Vec<NarrativeSentence>,
}

impl SentenceWriter {
    /// Nothing said yet.
    pub(super) fn new(record: Value) -> SentenceWriter {
        SentenceWriter { record, sentences: Vec::new() }
    }

    /// Everything that was said.
    pub(super) fn sentences(self) -> Vec<NarrativeSentence> {
        self.sentences
    }

    /// Says a template in which every `{}` is the next field; says nothing where a field has no value,
    /// or there are not as many as places.
    pub(super) fn say(&mut self, about: &str, template: &str, fields: &[(String, FieldFormat)]) {
        let mut found = Vec::new();
        for (pointer, show) in fields {
            let value = self.record.pointer(pointer).and_then(|value| show.of(value));
            let Some(shown) = value else { return };
            found.push(NarrativeField { pointer: pointer.clone(), show: *show, shown });
        }
        let parts: Vec<&str> = template.split("{}").collect();
        if parts.len() != found.len() + 1 {
            debug_assert!(false, "`{template}` has not {} places", found.len());
            return;
        }
        let filled = found.iter().zip(&parts[1..]);
        let text = filled.fold(parts[0].to_string(), |text, (field, part)| {
            format!("{text}{}{part}", field.shown)
        });
        self.sentences.push(NarrativeSentence { about: about.into(), text, fields: found });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_figure_from_elsewhere_is_found_out() {
        let record = json!({ "lost": 14, "group": "block2.pw" });
        let mut words = SentenceWriter::new(record.clone());
        let fields =
            [("/lost".to_string(), FieldFormat::Count), ("/group".to_string(), FieldFormat::Text)];
        words.say("variant", "{} samples were lost to {}", &fields);
        words.say("variant", "{} were won", &[("/won".to_string(), FieldFormat::Count)]);
        let [said] = &words.sentences()[..] else { panic!() };
        assert_eq!(said.text, "14 samples were lost to block2.pw");
        assert!(said.holds(&record));
        assert!(!said.holds(&json!({ "lost": 13, "group": "block2.pw" })));
        let more =
            NarrativeSentence { text: format!("{}, all 9 of them", said.text), ..said.clone() };
        assert!(!more.holds(&record));
    }
}
