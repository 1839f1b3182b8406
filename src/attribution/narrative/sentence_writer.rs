//! Sentences from templates: what is put in comes from fields of a record and from nowhere else.

use paring_core::schema::{FieldFormat, NarrativeField, NarrativeSentence, NarrativeTopic};
use serde_json::Value;

/// A place in the record, and how it is shown.
pub(super) type Field = (String, FieldFormat);

/// A field and how it is shown.
pub(super) fn at(pointer: impl Into<String>, show: FieldFormat) -> Field {
    (pointer.into(), show)
}

/// The coverage of intervals.
pub(super) fn level() -> Field {
    at("/level_pct", FieldFormat::Count)
}

/// Part of a sentence with the fields for its places, to be put together with others.
#[derive(Debug, Default)]
pub(super) struct Phrase {
    pub(super) template: String,
    pub(super) fields: Vec<Field>,
}

impl Phrase {
    pub(super) fn new(
        template: impl Into<String>,
        fields: impl IntoIterator<Item = Field>,
    ) -> Phrase {
        Phrase { template: template.into(), fields: fields.into_iter().collect() }
    }

    /// The phrases one behind the other, with a text between them.
    pub(super) fn joined(phrases: Vec<Phrase>, between: &str) -> Phrase {
        let templates: Vec<String> = phrases.iter().map(|p| p.template.clone()).collect();
        Phrase {
            template: templates.join(between),
            fields: phrases.into_iter().flat_map(|p| p.fields).collect(),
        }
    }

    /// This phrase and another behind it.
    pub(super) fn then(self, other: Phrase) -> Phrase {
        Phrase::joined(vec![self, other], "")
    }
}

/// A record to speak about, paragraph by paragraph.
#[derive(Debug)]
pub(super) struct SentenceWriter {
    record: Value,
    topic: NarrativeTopic,
    sentences: Vec<NarrativeSentence>,
}

impl SentenceWriter {
    /// Nothing said yet.
    pub(super) fn new(record: Value) -> SentenceWriter {
        SentenceWriter { record, topic: NarrativeTopic::Recipe, sentences: Vec::new() }
    }

    /// Everything that was said.
    pub(super) fn sentences(self) -> Vec<NarrativeSentence> {
        self.sentences
    }

    /// Begins a paragraph.
    pub(super) fn begin(&mut self, topic: NarrativeTopic) {
        self.topic = topic;
    }

    /// Says a phrase as a sentence.
    pub(super) fn say_phrase(&mut self, about: &str, Phrase { template, fields }: Phrase) {
        self.say(about, &template, &fields);
    }

    /// Says a template in which every `{}` is the next field; says nothing where a field has no value,
    /// or there are not as many as places.
    pub(super) fn say(&mut self, about: &str, template: &str, fields: &[Field]) {
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
        let (about, topic) = (about.into(), self.topic);
        self.sentences.push(NarrativeSentence { about, topic, text, fields: found });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_sentence_without_all_its_fields_is_not_said() {
        let record = json!({ "lost": 14, "group": "block2.pw" });
        let mut words = SentenceWriter::new(record.clone());
        let lost = || Phrase::new("{} regressions", [at("/lost", FieldFormat::Count)]);
        let by = Phrase::new(" by {}.", [at("/group", FieldFormat::Text)]);
        words.say_phrase("variant", lost().then(by));
        words.say("variant", "{} were won", &[at("/won", FieldFormat::Count)]);
        let [said] = &words.sentences()[..] else { panic!() };
        assert_eq!(said.text, "14 regressions by block2.pw.");
        assert!(said.holds(&record));
        assert!(!said.holds(&json!({ "lost": 13, "group": "block2.pw" })));
    }
}
