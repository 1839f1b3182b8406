//! JSON schemas of TOML files, as editors take them: draft 7, and without null, which TOML lacks.

use super::sections::StudyFile;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The schema of a study.
pub fn study_schema() -> Value {
    toml_schema::<StudyFile>("paring study")
}

/// The schema of the TOML files that are read as a `T`.
pub(crate) fn toml_schema<T: JsonSchema>(title: &str) -> Value {
    let generator = SchemaSettings::draft07().into_generator();
    let mut schema = generator.into_root_schema_for::<T>().to_value();
    without_null(&mut schema);
    schema["title"] = json!(title);
    schema
}

/// Removes null as a type, a value and a default everywhere, and formats, which are Rust's own.
fn without_null(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(without_null),
        Value::Object(keys) => {
            if let Some(Value::Array(types)) = keys.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    keys["type"] = only.clone();
                }
            }
            if let Some(Value::Array(values)) = keys.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            if let Some(Value::Array(choices)) = keys.get_mut("anyOf") {
                choices.retain(|choice| choice["type"] != "null");
                if choices.len() == 1 {
                    let only = choices.clone();
                    keys.remove("anyOf");
                    keys.insert("allOf".into(), Value::Array(only));
                }
            }
            keys.retain(|key, value| {
                !(key == "default" && value.is_null() || key == "format" && value.is_string())
            });
            keys.values_mut().for_each(without_null);
        }
        _ => {}
    }
}
