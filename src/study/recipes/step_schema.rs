//! JSON schema of a step: one section for each kind, told apart by `prune`, `quantize`, `distill` or `tune`.

use super::step::{KINDS, StepKind};
use super::step_table::StepTable;
use super::sweep::SWEPT_KEYS;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// Keys of which a prune step has exactly one.
const AMOUNTS: [&str; 6] = ["ratio", "count", "score", "macs", "latency", "pattern"];

impl JsonSchema for StepTable {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kinds: Vec<Value> = KINDS.iter().map(|kind| kind_schema(kind, generator)).collect();
        json_schema!({
            "description": "A step of a recipe: it has one of `prune`, `quantize`, `distill` and `tune`.",
            "oneOf": kinds,
        })
    }
}

/// The section of a kind, with the key that tells it from others, and lists where steps are swept over.
fn kind_schema(kind: &StepKind, generator: &mut SchemaGenerator) -> Value {
    let mut section = (kind.schema)(generator).to_value();
    let mut keys = match section["properties"].take() {
        Value::Object(keys) => keys,
        _ => Map::new(),
    };
    for (key, value) in keys.iter_mut().filter(|(key, _)| SWEPT_KEYS.contains(&key.as_str())) {
        *value = one_or_list(key, value.take());
    }
    if kind.verb == "prune" {
        let amounts = AMOUNTS.iter().filter(|amount| keys.contains_key(**amount));
        section["oneOf"] = amounts.map(|amount| json!({ "required": [amount] })).collect();
    }
    keys.insert(kind.verb.into(), json!({ "enum": kind.values() }));
    section["properties"] = Value::Object(keys);
    section["required"] = json!([kind.verb]);
    section["title"] = json!(kind.words.replace('`', ""));
    section
}

/// A value, or a list of such values, which makes one variant for each.
fn one_or_list(key: &str, value: Value) -> Value {
    let mut one = value;
    let description = match one.as_object_mut().and_then(|keys| keys.remove("description")) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    json!({
        "description": format!("{description} A list makes one variant per value; its name has `{{{key}}}`."),
        "anyOf": [one.clone(), { "type": "array", "items": one }],
    })
}
