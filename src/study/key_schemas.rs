//! JSON schemas of keys whose values are words that lower crates know.

use paring_core::schema::Metric;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use std::cell::Cell;

/// Schema of a key whose value is one of the words that serde reads as a `T`.
pub(in crate::study) fn known_words<T: DeserializeOwned>(_: &mut SchemaGenerator) -> Schema {
    let words = Cell::new(&[] as &[&str]);
    // Always an error: no word is read, they are only asked for.
    let _ = T::deserialize(WordReader(&words));
    json_schema!({ "enum": words.get() })
}

/// Schema of a metric's name.
pub(in crate::study) fn metric_schema(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<&str> = Metric::names().map(|(_, name)| name).collect();
    json_schema!({ "anyOf": [
        { "enum": names },
        { "type": "string", "pattern": "^top_[1-9][0-9]*$" },
    ] })
}

/// Schema of a list of metrics' names.
pub(in crate::study) fn metrics_schema(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": metric_schema(generator) })
}

/// Schema of a class's number, or `"every"`.
pub(in crate::study) fn class_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [{ "type": "integer" }, { "enum": ["every"] }] })
}

/// Takes down the words that an enum asks for.
struct WordReader<'a>(&'a Cell<&'static [&'static str]>);

impl<'de> Deserializer<'de> for WordReader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("only an enum has words"))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        words: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        self.0.set(words);
        Err(Error::custom("the words are known now"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_compress::RangeRule;
    use paring_core::schema::TaskKind;

    #[test]
    fn words_are_those_that_serde_reads() {
        let mut generator = SchemaGenerator::default();
        let mut words = |schema: fn(&mut SchemaGenerator) -> Schema| {
            schema(&mut generator).to_value()["enum"].to_string()
        };
        assert_eq!(
            words(known_words::<RangeRule>),
            r#"["minmax","percentile","entropy","mse","auto"]"#
        );
        assert_eq!(
            words(known_words::<TaskKind>),
            r#"["classification","multilabel","regression","segmentation","scores","sequence"]"#
        );
    }
}
