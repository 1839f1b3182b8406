//! A step as the study's TOML has it, with the place of every value; and its typed section.

use super::step_error::{StepError, quoted_list};
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::cell::Cell;
use std::fmt;
use toml::{Spanned, Value};

/// The table of a step.
#[derive(Clone, Debug)]
pub(in crate::study) struct StepTable {
    pub(super) entries: Vec<StepEntry>,
}

/// A key of a step and its value.
#[derive(Clone, Debug)]
pub(super) struct StepEntry {
    pub(super) key: String,
    pub(super) value: Value,
    /// Place of the value in the study's text, in bytes; the key stands in the same line.
    pub(super) offset: usize,
}

impl StepTable {
    /// Place of the first value in the study's text, in bytes.
    pub(super) fn offset(&self) -> Option<usize> {
        self.entries.first().map(|entry| entry.offset)
    }

    pub(super) fn get(&self, key: &str) -> Option<&StepEntry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of a key as a type, where the key is there.
    ///
    /// # Errors
    /// [`StepError`] where the value is of another type, or none of an enum's.
    pub(super) fn read<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, StepError> {
        let Some(entry) = self.get(key) else { return Ok(None) };
        T::deserialize(entry.value.clone().into_deserializer())
            .map(Some)
            .map_err(|error| entry.refused(&error))
    }

    /// The section that all keys but `kind` make.
    ///
    /// # Errors
    /// [`StepError`] of the first key that the section lacks, or whose value it refuses.
    pub(super) fn section<T: DeserializeOwned>(&self, kind: &str) -> Result<T, FieldError> {
        let at = Cell::new(None);
        let entries = self.entries.iter().filter(|entry| entry.key != kind).collect::<Vec<_>>();
        let fields = FieldReader { left: entries.iter(), at: &at, value: None };
        T::deserialize(MapAccessDeserializer::new(fields)).map_err(|error| match at.get() {
            Some(entry) => match unknown_field(&error) {
                Some(known) => {
                    FieldError::Unknown { key: entry.key.clone(), offset: entry.offset, known }
                }
                None => FieldError::Value(entry.refused(&error)),
            },
            None => FieldError::Value(StepError::new(self.offset(), error.message())),
        })
    }
}

/// An error while a section is read.
#[derive(Clone, Debug)]
pub(super) enum FieldError {
    /// The section has no such key.
    Unknown {
        /// The key.
        key: String,
        /// Its place in the study's text, in bytes.
        offset: usize,
        /// Keys that the section has.
        known: Vec<String>,
    },
    /// A value is not what belongs there.
    Value(StepError),
}

/// All keys that a section has.
pub(super) fn keys_of<T: DeserializeOwned>() -> Vec<String> {
    let nameless = StepEntry { key: String::new(), value: Value::Boolean(true), offset: 0 };
    match (StepTable { entries: vec![nameless] }).section::<T>("kind") {
        Err(FieldError::Unknown { known, .. }) => known,
        _ => Vec::new(),
    }
}

/// The keys that a section has, from serde's words for one that it lacks.
fn unknown_field(error: &toml::de::Error) -> Option<Vec<String>> {
    let (_, known) = error.message().strip_prefix("unknown field `")?.split_once("`, ")?;
    Some(in_backticks(known).into_iter().map(str::to_string).collect())
}

fn in_backticks(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

impl StepEntry {
    /// A value that a section refuses.
    fn refused(&self, error: &toml::de::Error) -> StepError {
        let (key, message) = (&self.key, error.message());
        let value = self.value.as_str().unwrap_or_default();
        let known = message.strip_prefix(&format!("unknown variant `{value}`, expected "));
        let problem = match known.map(in_backticks) {
            Some(known) => {
                format!("`{key}` is {}, not `{value}`", quoted_list(&known, "or"))
            }
            None => format!("`{key}`: {message}"),
        };
        StepError::new(Some(self.offset), problem)
    }
}

/// Entries one by one, for serde; notes which one is read.
struct FieldReader<'a> {
    left: std::slice::Iter<'a, &'a StepEntry>,
    at: &'a Cell<Option<&'a StepEntry>>,
    value: Option<&'a Value>,
}

impl<'de> MapAccess<'de> for FieldReader<'_> {
    type Error = toml::de::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Self::Error> {
        let Some(entry) = self.left.next() else { return Ok(None) };
        self.at.set(Some(entry));
        self.value = Some(&entry.value);
        seed.deserialize(entry.key.as_str().into_deserializer()).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, Self::Error> {
        let missing = || de::Error::custom("a value was read before its key");
        let value = self.value.take().ok_or_else(missing)?;
        seed.deserialize(value.clone().into_deserializer())
    }
}

impl<'de> Deserialize<'de> for StepTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StepTable, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Vec<StepEntry>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a step, which is a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<String>()? {
                    let value: Spanned<Value> = map.next_value()?;
                    let offset = value.span().start;
                    entries.push(StepEntry { key, value: value.into_inner(), offset });
                }
                Ok(entries)
            }
        }

        Ok(StepTable { entries: deserializer.deserialize_map(Entries)? })
    }
}
