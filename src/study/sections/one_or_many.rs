//! A value or a list of values.

use schemars::JsonSchema;
use serde::Deserialize;

/// A value, or a list of values.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a value of another type belongs here, or a list of such values")]
pub(in crate::study) enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T: Clone> OneOrMany<T> {
    pub(in crate::study) fn values(&self) -> Vec<T> {
        match self {
            OneOrMany::One(value) => vec![value.clone()],
            OneOrMany::Many(values) => values.clone(),
        }
    }
}
